"""`portal create-admin` and `portal accounts`: the first person, and the accounts of the demo company."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import click
from sqlalchemy import create_engine, exists, pool, select
from sqlalchemy.orm import Session

from portal.demo.accounts import ACCOUNTS, demo_password
from portal.domain import people
from portal.engine import audit, store
from portal.engine.clock import clock
from portal.engine.errors import Invalid, PortalError, Refused
from portal.engine.text import Language, pick
from portal.entities.organisation import PortalUser
from portal.security import session as gate
from portal.security.principal import system_principal
from portal.services import ensure

if TYPE_CHECKING:
    from config import Config

__all__ = ["DemoAccount", "accounts", "create_admin", "demo_accounts", "demo_password", "make_admin"]


@dataclass(frozen=True, slots=True)
class DemoAccount:
    login: str
    password: str
    role: str
    team: str


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs: [{login, password, role, team}].")
@click.pass_obj
def accounts(config: Config, as_json: bool) -> None:
    """The accounts of the demo company."""
    try:
        found = demo_accounts(config if config.env == "production" else ensure(config))
    except PortalError as refused:
        raise click.ClickException(_words(refused, config)) from refused
    if as_json:
        click.echo(json.dumps([asdict(account) for account in found], ensure_ascii=False))
        return
    if not found:
        click.echo(pick("没有演示账号。 | There are no demo accounts.", _language(config)), err=True)
    for account in found:
        click.echo(f"{account.login:<12} {account.password:<18} {account.role:<10} {account.team}".rstrip())


@click.command()
@click.option("--login", prompt=True)
@click.option("--name", prompt=True)
@click.option("--email", prompt=True)
@click.option("--password", prompt=True, hide_input=True, confirmation_prompt=True, envvar="PORTAL_ADMIN_PASSWORD")
@click.pass_obj
def create_admin(config: Config, login: str, name: str, email: str, password: str) -> None:
    """An administrator who can sign in at once."""
    try:
        make_admin(ensure(config), login=login, name=name, email=email, password=password)
    except PortalError as refused:
        raise click.ClickException(_words(refused, config)) from refused
    click.echo(pick("管理员已建立，可以登录了。 | The administrator can sign in now.", _language(config)))


def _words(refused: PortalError, config: Config) -> str:
    """The refusal, and for input every field's reason, in the company's language."""
    reasons = refused.errors if isinstance(refused, Invalid) else {}
    return " ".join(text.in_(_language(config)) for text in (reasons.values() or [refused.text]))


def _language(config: Config) -> Language:
    return "en" if config.language == "en" else "zh"


def demo_accounts(config: Config) -> list[DemoAccount]:
    """The demo accounts of this database, as `portal accounts --json` prints them; none in production."""
    if config.env == "production":
        raise Refused("生产环境没有演示账号。 | There are no demo accounts in production.", rule="production")
    with _open(config, "portal accounts", clock.now()) as session:
        able = set(session.scalars(select(PortalUser.username).where(PortalUser.active)))
    return [
        DemoAccount(known["login"], demo_password(known["login"]), known["role"], known["team"])
        for known in ACCOUNTS
        if known["login"] in able
    ]


def is_deserted(config: Config) -> bool:
    """Whether nobody can sign in yet."""
    with _open(config, "portal up", clock.now()) as session:
        return not session.scalar(select(exists().where(PortalUser.active)))


def make_admin(config: Config, *, login: str, name: str, email: str, password: str) -> int:
    """An administrator who can sign in at once; returns his id. A weak password or a taken login is refused."""
    now = clock.now()
    with _open(config, "portal create-admin", now) as session:
        principal = session.info["principal"]
        with store.bound(session), store.unit_of_work(principal, now):
            return people.create_admin(login=login, name=name, email=email, password=password, now=now).id


def _open(config: Config, reason: str, now: datetime) -> Session:
    """A session of this command's own, acting as the portal."""
    gate.install()
    audit.install(Session)
    engine = create_engine(store.with_driver(config.database_url), poolclass=pool.NullPool)
    session = Session(engine, autoflush=False)
    session.info.update(principal=system_principal(reason), now=now)
    return session
