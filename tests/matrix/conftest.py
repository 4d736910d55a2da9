"""The served portal with the planted world, once per module: the matrix reads, and what it may not write stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from portal import models
from portal.engine import store
from portal.engine.clock import clock
from tests import services
from tests.cast import Cast
from tests.conftest import _sessions
from tests.matrix.http import Caller, served
from tests.matrix.world import World, plant
from tests.security.web import make_site


@pytest.fixture(scope="module")
def planted(template: tuple[str, Cast], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Flask, Cast, World]]:
    """A database of its own for the module, with the portal in front of it."""
    with services.clone(template[0]) as url:
        dispose, factory = _sessions(url)
        store.use_factory(factory)
        made = template[1]
        cast = Cast(factory, dict(made.people), dict(made.teams), made.pool_id, made.customer_pool_id, made.source_id)
        cast.set(models.Pool, cast.customer_pool_id, holding_cap=100_000)  # every contract tried has a customer of its own
        world = plant(cast)
        home: Path = tmp_path_factory.mktemp("portal")
        site = make_site(cast, services.config_for(home, url, services.valkey_url("matrix")))
        yield site.app, cast, world
        clock.release()
        with site.app.app_context():
            site.app.extensions["sqlalchemy"].engine.dispose()
        dispose()


@pytest.fixture(scope="module")
def world(planted: tuple[Flask, Cast, World]) -> World:
    return planted[2]


@pytest.fixture(scope="module")
def cast(planted: tuple[Flask, Cast, World]) -> Cast:
    """Who acts in the served portal."""
    return planted[1]


@pytest.fixture(scope="module")
def callers(planted: tuple[Flask, Cast, World]) -> Iterator[Callable[[str, str], Caller]]:
    """`callers("rep", "cookie")`: signed in once for the module, and for every test as on that first page.

    A session tells on its next page what the last write did: what one test saved must not be said in another's answer.
    """
    kept: dict[tuple[str, str], Caller] = {}
    with served(planted[0]) as port:

        def caller(login: str, how: str) -> Caller:
            if (login, how) not in kept:
                made = Caller(port)
                if login:
                    made.sign_in(login) if how == "cookie" else made.take_token(login)
                kept[login, how] = made
            first = kept[login, how]
            return replace(first, cookies=dict(first.cookies))

        yield caller
