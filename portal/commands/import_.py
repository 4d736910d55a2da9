"""`portal import FILE --mapping …`: the import screen's work from the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
from sqlalchemy import Engine, create_engine, pool, select, update
from sqlalchemy.orm import Session

from config import Config
from portal import domain, models
from portal.domain import imports
from portal.engine import store, work
from portal.engine.clock import clock
from portal.engine.errors import BadRequest, PortalError
from portal.engine.fields import View
from portal.engine.importing import Mapped, read_mapping
from portal.engine.intake import Shape, sniff
from portal.engine.text import say
from portal.factory import install_engine
from portal.security.principal import Principal, system_principal
from portal.security.resolve import access_version, resolve
from portal.services import ensure

_LEASE = timedelta(hours=4)


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--mapping", required=True, help="The name of a stored mapping, a JSON file, or JSON.")
@click.option("--dry-run", is_flag=True, help="Say what would happen and change nothing.")
@click.option("--as", "login", default="", help="Import as this person; as the portal itself when left out.")
@click.option("--encoding", default=None, help="Instead of guessing.")
@click.option("--delimiter", default=None, help="Instead of guessing.")
@click.option("--refused", type=click.Path(dir_okay=False, path_type=Path), default=None, help="Where to write rows that became nothing.")
@click.option("--keep", default="", help="Store the mapping under this name.")
@click.pass_obj
def import_(
    config: Config,
    file: Path,
    mapping: str,
    dry_run: bool,
    login: str,
    encoding: str | None,
    delimiter: str | None,
    refused: Path | None,
    keep: str,
) -> None:
    """Import a CSV file."""
    try:
        ready = ensure(config)
        shape = sniff(file, encoding=encoding, delimiter=delimiter)
        click.echo(f"{file.name}: {shape.encoding}, {shape.delimiter!r}, {shape.row_count} rows, {', '.join(shape.header)}")
        click.echo(run(ready, file, shape, mapping, dry_run=dry_run, login=login, refused=refused, keep=keep))
    except PortalError as error:
        raise click.ClickException(error.in_(config.language)) from error  # type: ignore[arg-type]


def run(
    config: Config,
    file: Path,
    shape: Shape,
    mapping: str,
    *,
    dry_run: bool = False,
    login: str = "",
    refused: Path | None = None,
    keep: str = "",
) -> str:
    """Import into a database that is up; returns the result in words. Raises `PortalError`."""
    engine = create_engine(store.with_driver(config.database_url), poolclass=pool.NullPool)
    store.use_factory(lambda: Session(engine, autoflush=False))
    domain.load()
    install_engine()
    principal = _principal(engine, login)
    mapped = _mapping(mapping, principal)
    imports.require(mapped, principal)
    with _unit(principal) as session:
        imports.require_known(session, mapped, principal)
    if keep:
        with _unit(principal) as session:
            imports.keep(session, keep, mapped, acting_user=principal, now=clock.now())
    handle = _begun(principal, file, shape, mapped, dry_run=dry_run)
    told = refused or Path.cwd() / f"{file.stem}-refused.csv"
    view = View(config.language, ZoneInfo(config.time_zone), clock.now())  # type: ignore[arg-type]
    done = imports.run(handle, file, shape, mapped, acting_user=principal, refused=told, view=view, dry_run=dry_run)
    result = imports.result_of(done, dry_run=dry_run, entity=mapped.main.entity)
    handle.finish(result)
    words = str(result["text"][config.language])
    if not done.told:
        told.unlink(missing_ok=True)
        return words
    return words + say("\n没有成为记录的行：{path} | \nRows that became nothing: {path}", path=told).in_(view.language)


@contextmanager
def _unit(principal: Principal) -> Iterator[Session]:
    """A session of its own with one transaction."""
    now = clock.now()
    with store.fresh(principal, now), store.unit_of_work(principal, now) as session:
        yield session


def _principal(engine: Engine, login: str) -> Principal:
    if not login:
        return system_principal("portal import")
    with Session(engine) as session:
        people = models.User.__table__
        user_id = session.connection().scalar(select(people.c.id).where(people.c.username == login, people.c.active))
        if user_id is None:
            raise BadRequest("没有能登录的账号 {login}。 | There is no active account {login}.", login=login)
        return resolve(session, user_id, access_version(session), clock.now())


def _mapping(given: str, principal: Principal) -> Mapped:
    text = given.strip()
    if text.endswith(".json") and Path(text).exists():
        text = Path(text).read_text(encoding="utf-8")
    if text.startswith("{"):
        try:
            return read_mapping(json.loads(text))
        except json.JSONDecodeError as error:
            raise BadRequest("导入方案不是合法的 JSON：{why} | The mapping is no valid JSON: {why}", why=error) from error
    with _unit(principal) as session:
        return read_mapping(imports.mapping_named(session, given, principal).mapping)


def _begun(principal: Principal, file: Path, shape: Shape, mapped: Mapped, *, dry_run: bool) -> work.RunHandle:
    """The run's row, already running here, so that the import is traced like one from the screen."""
    asked_by = principal.user_id or None
    arguments = {"file": file.name, "mapping": mapped.plain(), "dry_run": dry_run}
    with _unit(principal) as session:
        now = clock.now()
        run_id = work.ask(
            session,
            kind="import",
            label=say("导入 {name} | Import {name}", name=file.name),
            arguments=arguments,
            total=shape.row_count,
            asked_by_id=asked_by,
            now=now,
        )
        runs: Any = models.JobRun.__table__
        session.connection().execute(
            update(runs).where(runs.c.id == run_id).values(state="running", lease=1, attempts=1, started_at=now, leased_until=now + _LEASE)
        )
    return work.RunHandle(
        id=run_id,
        kind="import",
        arguments=arguments,
        principal=principal,
        asked_by_id=asked_by,
        lease=1,
        clock=clock.now,
        total=shape.row_count,
    )
