"""What every test may ask for: a database of its own, a portal on it, the cast, a fixed clock, a broker."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis
from sqlalchemy import create_engine, pool
from sqlalchemy.orm import Session

from config import Config
from portal import domain
from portal.engine import clock as clock_module
from portal.engine import store
from portal.factory import create_app, install_engine
from tests import services
from tests.cast import Cast, assemble

_SETTINGS = "-c lock_timeout=5000 -c timezone=UTC"


@pytest.fixture(scope="session")
def migrated() -> str:
    """The template that `portal upgrade` has been run on, with nobody in it."""
    domain.load()
    install_engine()
    return services.migrated_template()


@pytest.fixture
def database(migrated: str) -> Iterator[str]:
    """The URL of an upgraded, empty database for this test alone."""
    with services.clone(migrated) as url:
        yield url


@pytest.fixture
def config(database: str, valkey: str, tmp_path: Path) -> Config:
    """A portal on that database, in Chinese, its home in the test's folder."""
    return services.config_for(tmp_path, database, valkey)


@pytest.fixture
def app(config: Config) -> Iterator[Flask]:
    """That portal."""
    portal = create_app(config)
    yield portal
    with portal.app_context():
        portal.extensions["sqlalchemy"].engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without JavaScript, not signed in."""
    return app.test_client()


@pytest.fixture
def clock() -> Iterator[Any]:
    """The portal's clock, standing at Thursday 19 November 2026, 10:00 in Shanghai, until the test moves it."""
    clock_module.clock.set(datetime(2026, 11, 19, 10, tzinfo=ZoneInfo("Asia/Shanghai")))
    yield clock_module.clock
    clock_module.clock.release()


@pytest.fixture
def valkey() -> str:
    """The URL of an empty broker that no other worker uses."""
    url = services.valkey_url(os.environ.get("PYTEST_XDIST_WORKER", "master"))
    with Redis.from_url(url) as connection:
        connection.flushdb()
    return url


@pytest.fixture(scope="session")
def template(migrated: str) -> Iterator[tuple[str, Cast]]:
    """An upgraded database with the cast in it, to be copied."""
    with services.clone(migrated) as url:
        dispose, factory = _sessions(url)
        cast = assemble(factory)
        dispose()
        yield url.split("@/")[1].split("?")[0], cast


@pytest.fixture
def cast_database(template: tuple[str, Cast]) -> Iterator[str]:
    """The URL of a database of this test's own that holds the cast."""
    with services.clone(template[0]) as url:
        yield url


@pytest.fixture
def cast(template: tuple[str, Cast], cast_database: str) -> Iterator[Cast]:
    """The cast in that database, which is also the store's."""
    dispose, factory = _sessions(cast_database)
    made = template[1]
    store.use_factory(factory)
    yield Cast(factory, dict(made.people), dict(made.teams), made.pool_id, made.customer_pool_id, made.source_id)
    dispose()


def _sessions(url: str) -> tuple[Callable[[], None], Callable[[], Session]]:
    """How to close, and how to make sessions on a database; enough connections for a crowd."""
    engine = create_engine(store.with_driver(url), pool_size=50, connect_args={"options": _SETTINGS}, poolclass=pool.QueuePool)
    return engine.dispose, lambda: Session(engine, autoflush=False)
