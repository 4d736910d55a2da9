"""The embedded services: found again, back after a kill with all that was stored, open to nobody else."""

import contextlib
import os
import shutil
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from redis import Redis

from config import Config
from portal import services
from portal.service_place import Place, processes_in


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Config]:
    """A home of this test's own, whose services are stopped and whose data is removed afterwards."""
    config = Config(home=tmp_path / "home")
    yield config
    services.stop(config)
    place = services.place_of(config.home)
    shutil.rmtree(place.store, ignore_errors=True)
    shutil.rmtree(place.sockets, ignore_errors=True)


def pids(place: Place) -> set[int]:
    return {*processes_in(place.store / "postgres", "postgres"), *processes_in(place.store / "valkey", "valkey-server")}


def test_services_survive_being_killed_and_are_found_again(own: Config) -> None:
    ready = services.ensure(own)
    place = services.place_of(own.home)
    with psycopg.connect(ready.database_url) as connection:
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('华为')")
    with Redis.from_url(ready.redis_url) as redis:
        redis.config_set("appendfsync", "always")
        redis.set("kept", "1")

    running = pids(place)
    assert services.ensure(own) == ready
    assert pids(place) >= {min(running)}, "they were started again instead of being found"

    for pid in running:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    (place.store / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n")  # another program has the pid by now

    services.ensure(own)
    with psycopg.connect(ready.database_url) as connection:
        assert connection.execute("SELECT word FROM kept").fetchone() == ("华为",)
        assert connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() == (False,)
    with Redis.from_url(ready.redis_url) as redis:
        assert redis.get("kept") == b"1"

    for folder in (place.sockets, place.store / "postgres", place.store / "valkey"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for pid in pids(place):
        assert Path(f"/proc/{pid}").stat().st_uid != 0

    services.stop(own)
    assert not pids(place)


def test_given_addresses_start_nothing(own: Config) -> None:
    given = Config(home=own.home, database_url="postgresql://elsewhere/portal", redis_url="redis://elsewhere")
    assert services.ensure(given) is given
    assert not pids(services.place_of(own.home))
