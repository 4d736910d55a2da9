"""The demo company behind a real server and in front of a real browser, once per module."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import sync_playwright

import portal.demo
from portal.engine.clock import clock
from portal.factory import create_app
from tests import services
from tests.matrix.http import served
from tests.pages.browser import Visitor, launch, sign_in


@pytest.fixture(scope="module")
def base(migrated: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a portal with the demo company in it."""
    clock.release()
    with services.clone(migrated) as url:
        config = services.config_for(tmp_path_factory.mktemp("pages"), url, services.valkey_url("pages"))
        app = create_app(config)
        portal.demo.load(config)
        with served(app) as port:
            yield f"http://127.0.0.1:{port}"
        with app.app_context():
            app.extensions["sqlalchemy"].engine.dispose()


@pytest.fixture(scope="module")
def visitors(base: str) -> Iterator[Callable[[str], Visitor]]:
    """`visitors("rep07")`: signed in once."""
    kept: dict[str, Visitor] = {}
    with sync_playwright() as playwright:
        browser = launch(playwright)

        def visitor(login: str) -> Visitor:
            if login not in kept:
                kept[login] = sign_in(browser, base, login)
            return kept[login]

        yield visitor
        browser.close()
