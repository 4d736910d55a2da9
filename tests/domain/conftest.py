"""A database per test, cloned from one that was migrated once and holds the cast."""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import create_engine, pool
from sqlalchemy.orm import Session

from portal import domain
from portal.commands.upgrade import upgrade
from portal.engine import store
from portal.factory import install_engine
from tests.cast import Cast, assemble

SERVER = os.environ.get("TEST_SERVER", "")
_LOCKS = "-c lock_timeout=5000 -c timezone=UTC"


def _url(database: str) -> str:
    return f"postgresql://postgres:@/{database}?host={SERVER}"


def _run(statement: str) -> None:
    with psycopg.connect(_url("postgres"), autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[arg-type]


def _factory(database: str, size: int = 50) -> Any:
    engine = create_engine(store.with_driver(_url(database)), pool_size=size, connect_args={"options": _LOCKS}, poolclass=pool.QueuePool)
    return engine, lambda: Session(engine, autoflush=False)


@pytest.fixture(scope="session")
def template() -> Iterator[tuple[str, Cast]]:
    """The migrated database with the cast in it."""
    name = f"t_{uuid4().hex[:12]}"
    _run(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'")
    domain.load()
    install_engine()
    upgrade(SimpleNamespace(database_url=_url(name)))  # type: ignore[arg-type]
    engine, factory = _factory(name)
    cast = assemble(factory)
    engine.dispose()
    yield name, cast
    _run(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def cast(template: tuple[str, Cast]) -> Iterator[Cast]:
    """The cast in a database of its own."""
    origin, made = template
    name = f"t_{uuid4().hex[:12]}"
    _run(f"CREATE DATABASE {name} TEMPLATE {origin}")
    engine, factory = _factory(name)
    store.use_factory(factory)
    yield Cast(factory, dict(made.people), dict(made.teams), made.pool_id, made.source_id)
    engine.dispose()
    _run(f"DROP DATABASE {name} WITH (FORCE)")
