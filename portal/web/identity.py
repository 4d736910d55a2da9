"""Who sends this request: a session cookie or a token, read by one statement, into `g.principal` and the store."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

from flask import Flask, g, request, session as cookie
from flask_jwt_extended import get_jwt, verify_jwt_in_request
from flask_jwt_extended.exceptions import JWTExtendedException
from flask_login import UserMixin
from flask_sqlalchemy import SQLAlchemy
from jwt import PyJWTError
from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from portal.engine import store
from portal.engine.clock import clock
from portal.engine.spec import registry
from portal.engine.tables import AccessVersion, LoginSession, Notification
from portal.policies import policy
from portal.security.principal import NOBODY
from portal.security.resolve import resolve

COOKIE_KEY = "sid"
TOKEN_CLAIM = "sid"
_SEEN_EVERY = timedelta(minutes=1)


class SignedIn(UserMixin):  # type: ignore[misc]
    """What Flask-Login and FAB see of the person: an id and that he is signed in."""

    def __init__(self, user_id: int, name: str) -> None:
        self.id = user_id
        self.name = name
        self.is_active_person = True


def install(app: Flask, db: SQLAlchemy) -> None:
    """Bind the request's session to the store and find out who asks, before every request."""

    @app.before_request
    def identify() -> None:
        if request.endpoint == "static":
            return
        now = clock.now()
        current: Session = db.session()
        current.info.clear()
        current.info.update(principal=NOBODY, now=now, address=request.remote_addr or "")
        g.store_token = store._current.set(current)  # noqa: SLF001
        g.principal, g.bell, g.signed_in, g.language, g.theme = NOBODY, 0, None, "", ""
        if key := _session_key():
            _sign_in_from(current, key, now)

    @app.teardown_request
    def unbind(_error: BaseException | None) -> None:
        if token := g.pop("store_token", None):
            store._current.reset(token)  # noqa: SLF001


def _session_key() -> str | None:
    """A request with an `Authorization` header is that token's and ignores the cookie."""
    if request.headers.get("Authorization"):
        try:
            verify_jwt_in_request()
        except (JWTExtendedException, PyJWTError):
            return None
        return str(get_jwt().get(TOKEN_CLAIM, ""))
    return cookie.get(COOKIE_KEY)


def _sign_in_from(current: Session, key: str, now: datetime) -> None:
    people = registry()["user"].table
    unread = (
        select(func.count()).where(Notification.recipient_id == people.c.id, Notification.read_at.is_(None)).scalar_subquery()
    )
    found = current.connection().execute(
        select(
            people.c.id, people.c.name, people.c.active, people.c.language, people.c.theme,
            LoginSession.created_at, LoginSession.seen_at,
            select(AccessVersion.version).scalar_subquery().label("version"), unread.label("unread"),
        )
        .join(LoginSession, LoginSession.user_id == people.c.id)
        .where(LoginSession.key_hash == hashed(key), LoginSession.ended_at.is_(None))
    ).one_or_none()
    if found is None or not found.active or _too_old(found, now):
        cookie.pop(COOKIE_KEY, None)
        return
    g.principal = resolve(current, found.id, found.version)
    g.bell, g.language, g.theme = found.unread, found.language, found.theme
    g.signed_in = SignedIn(found.id, found.name)
    current.info["principal"] = g.principal
    if now - found.seen_at > _SEEN_EVERY:
        g.session_seen = hashed(key)
        current.connection().execute(update(LoginSession).where(LoginSession.key_hash == g.session_seen).values(seen_at=now))
        current.commit()
        current.info["principal"] = g.principal


def _too_old(found: Any, now: datetime) -> bool:
    day = now.date()
    idle, age = policy("session.idle_minutes", on=day), policy("session.absolute_hours", on=day)
    return bool(now - found.seen_at > timedelta(minutes=idle) or now - found.created_at > timedelta(hours=age))


def hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def open_session(current: Session, user_id: int, kind: str, now: datetime) -> str:
    """A new login session row; returns the secret key that only the browser or token holds."""
    key = secrets.token_urlsafe(32)
    current.connection().execute(insert(LoginSession).values(
        key_hash=hashed(key), user_id=user_id, kind=kind, created_at=now, seen_at=now,
        address=request.remote_addr or "", agent=(request.user_agent.string or "")[:200],
    ))
    return key


def end_sessions(current: Session, user_id: int, now: datetime, *, but: str = "") -> None:
    """Sign a person out everywhere: password change, deactivation."""
    current.connection().execute(
        update(LoginSession).where(LoginSession.user_id == user_id, LoginSession.ended_at.is_(None), LoginSession.key_hash != but)
        .values(ended_at=now)
    )
