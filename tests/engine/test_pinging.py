"""A connection that the database has closed meanwhile is not handed out after it has rested."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import DBAPIError

from portal.engine import pinging, store


@dataclass
class Pooled:
    """An engine with one connection, the hand on its clock, and the server that can cut it."""

    engine: Engine
    server: Engine
    seconds: float = 0

    def cut_and_wait(self, seconds: float) -> None:
        with self.engine.connect() as used:
            pid = used.scalar(text("SELECT pg_backend_pid()"))
        with self.server.connect() as server:
            server.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
        self.seconds += seconds

    def answers(self) -> bool:
        with self.engine.connect() as connection:
            return connection.scalar(text("SELECT 1")) == 1


@pytest.fixture
def pooled(database: str) -> Iterator[Pooled]:
    found = Pooled(*(create_engine(store.with_driver(database), pool_size=1) for _ in range(2)))
    pinging.install(found.engine, lambda: found.seconds)
    yield found
    found.engine.dispose()
    found.server.dispose()


def test_a_connection_cut_while_it_rested_is_replaced_unseen(pooled: Pooled) -> None:
    pooled.cut_and_wait(1)
    assert pooled.answers()


def test_one_used_a_moment_ago_is_not_asked_and_its_failure_renews_the_pool(pooled: Pooled) -> None:
    pooled.cut_and_wait(0.9)
    with pytest.raises(DBAPIError):
        pooled.answers()
    assert pooled.answers()
