"""The embedded services of a test run: one server for all workers, a database for whoever asks.

The servers live in a home of their own beside the code and stay up between runs: a run that is killed leaves nothing
that the next one stumbles over. Nothing is flushed to the disk: what is tested here is not the disk.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg import sql

from config import Config
from portal.commands.upgrade import upgrade
from portal.services import ensure

ROOT = Path(__file__).resolve().parents[1]
HOME = Path(os.environ.get("PORTAL_TEST_HOME") or ROOT / "build" / "test-services")
_WORKER_DATABASES = 60
"""Valkey has 64; the workers of a run take one each."""
_TEMPLATES_KEPT = 4


def config_for(home: Path, database_url: str, redis_url: str) -> Config:
    """A portal of the tests: Chinese, without the demo company, with secrets of its own."""
    return Config(
        home=home,
        database_url=database_url,
        redis_url=redis_url,
        secret_key="s" * 16 + uuid4().hex,
        jwt_secret_key="j" * 16 + uuid4().hex,
        language="zh",
        demo=False,
        base_url="http://portal.test",
    )


def url_of(database: str) -> str:
    """Another database of the test server."""
    return base_url().replace("@/portal?", f"@/{database}?")


def base_url() -> str:
    """The empty database of the test server, which nobody uses."""
    return ensure(Config(home=HOME), durable=False).database_url


def valkey_url(worker: str) -> str:
    """A Valkey database for this worker alone (`gw0`, or `master` without workers)."""
    number = 1 + (int(worker[2:]) if worker.startswith("gw") else _WORKER_DATABASES) % (_WORKER_DATABASES + 1)
    return ensure(Config(home=HOME), durable=False).redis_url.replace("db=0", f"db={number}")


def migrated_template() -> str:
    """The name of a database with everything `portal upgrade` makes, migrated once for as long as the code is the same."""
    name = f"template_{_code_mark()}"
    HOME.mkdir(parents=True, exist_ok=True)
    base_url()
    with (HOME / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _exists(name):
            _tidy()
            draft = f"draft_{uuid4().hex[:12]}"
            create(draft)
            upgrade(Config(home=Path(tempfile.gettempdir()), database_url=url_of(draft)))
            _run(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(draft), sql.Identifier(name)))
    return name


def create(name: str, template: str = "template0") -> None:
    """A database, as a copy of another. Copying needs that nobody is connected to the other."""
    _run(sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(sql.Identifier(name), sql.Identifier(template)))


def drop(name: str) -> None:
    """Away with it, whoever is still connected. Autovacuum may be: it cannot be told to go, but it soon is."""
    for _ in range(20):
        try:
            _drop(name)
        except psycopg.errors.InsufficientPrivilege:
            time.sleep(0.25)
        else:
            return
    _drop(name)


def _drop(name: str) -> None:
    _run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def clone(template: str) -> Iterator[str]:
    """The URL of a copy that is dropped afterwards."""
    name = f"t_{os.getpid()}_{uuid4().hex[:8]}"
    create(name, template)
    try:
        yield url_of(name)
    finally:
        drop(name)


def _code_mark() -> str:
    """What decides the shape of an upgraded database: the migrations, and the declarations that give the permissions."""
    mark = sha256()
    for folder in ("migrations", "portal"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            mark.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes())
    return mark.hexdigest()[:12]


def _exists(name: str) -> bool:
    with psycopg.connect(base_url()) as connection:
        return connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone() is not None


def _tidy() -> None:
    """Drop the copies of runs that were killed, and all but the newest templates: another run may hold one of those."""
    with psycopg.connect(base_url()) as connection:
        names = [name for (name,) in connection.execute("SELECT datname FROM pg_database ORDER BY oid DESC").fetchall()]
    templates = [name for name in names if name.startswith("template_")]
    for name in templates[_TEMPLATES_KEPT:]:
        drop(name)
    for name in names:
        if name.startswith("t_") and not Path("/proc", name.split("_")[1]).exists():
            drop(name)


def _run(statement: sql.Composed) -> None:
    with psycopg.connect(base_url(), autocommit=True) as connection:
        connection.execute(statement)
