"""A portal in this process on the cast's database, and people who sign in to it over HTTP."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, update
from werkzeug.security import generate_password_hash
from werkzeug.test import TestResponse

from config import Config
from portal import models
from portal.engine.clock import clock
from portal.factory import create_app
from tests.cast import NOW, Cast

PASSWORD = "a quiet green lamp"
CHEAP_HASH = generate_password_hash(PASSWORD, method="scrypt:256:8:1")
"""Cheap on purpose: the tests sign in hundreds of times."""
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


@dataclass
class Browser:
    """A browser without JavaScript. `post` sends the CSRF token of the sign-in page's session."""

    client: FlaskClient
    address: str = "10.0.0.1"

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(path, **self._here(options))

    def post(self, path: str, data: dict[str, Any] | None = None, *, page: str = "/login/", **options: Any) -> TestResponse:
        return self.client.post(path, data={**(data or {}), "csrf_token": self.csrf(page)}, **self._here(options))

    def csrf(self, page: str = "/login/") -> str:
        text = self.client.get(page, **self._here({})).get_data(as_text=True)
        found = _TOKEN.search(text) or re.search(r'name="csrf-token" content="([^"]+)"', text)
        if found is None:
            found = re.search(r'name="csrf-token" content="([^"]+)"', self.client.get("/").get_data(as_text=True))
        assert found is not None, text[:400]
        return found.group(1)

    def sign_in(self, login: str, password: str = PASSWORD, **more: Any) -> TestResponse:
        return self.post("/login/", {"username": login, "password": password, **more})

    def token(self, login: str, password: str = PASSWORD, **more: Any) -> TestResponse:
        return self.client.post("/api/v1/security/login", json={"username": login, "password": password, **more}, **self._here({}))

    def inside(self) -> bool:
        """Whether the portal knows who this is."""
        return self.get("/api/v1/_openapi").status_code == 200

    def _here(self, options: dict[str, Any]) -> dict[str, Any]:
        return {"environ_overrides": {"REMOTE_ADDR": self.address}, "buffered": True, **options}


@dataclass
class Site:
    """The portal and the cast in its database."""

    app: Flask
    cast: Cast

    def browser(self, address: str = "10.0.0.1") -> Browser:
        return Browser(self.app.test_client(), address)

    def signed_in(self, login: str, address: str = "10.0.0.1") -> Browser:
        browser = self.browser(address)
        answer = browser.sign_in(login)
        assert answer.status_code == 302, answer.get_data(as_text=True)[:300]
        return browser


def make_site(cast: Cast, config: Config) -> Site:
    """Everybody of the cast signs in with `PASSWORD`, at `NOW`."""
    with cast.session_factory() as session:
        session.connection().execute(update(models.User.__table__).values(password=CHEAP_HASH, password_changed_at=NOW))
        session.commit()
    clock.set(NOW)
    app = create_app(config)
    with app.app_context():
        _open_engines.append(app.extensions["sqlalchemy"].engine)
    return Site(app, cast)


_open_engines: list[Engine] = []


def let_go() -> None:
    """Close the connections of every portal a test has made."""
    while _open_engines:
        _open_engines.pop().dispose()


class Program:
    """A program that signed in as a rep."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.headers = {"Authorization": f"Bearer {site.browser().token('rep').get_json()['access_token']}"}

    def get(self, path: str, **arguments: str) -> TestResponse:
        return self.site.browser().client.get(path, query_string=arguments, headers=self.headers)

    def send(self, path: str, body: Any, **headers: str) -> TestResponse:
        data = body if isinstance(body, str) else json.dumps(body)
        headers = {**self.headers, "Content-Type": "application/json", **headers}
        return self.site.browser().client.post(path, data=data, headers=headers)
