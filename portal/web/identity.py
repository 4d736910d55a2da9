"""Who sends this request: a session cookie or a token, read by one statement, into `g.principal` and the store."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import Any

from flask import Flask, g, request
from flask import session as cookie
from flask_jwt_extended import get_jwt, verify_jwt_in_request
from flask_jwt_extended.exceptions import JWTExtendedException
from flask_sqlalchemy import SQLAlchemy
from jwt import PyJWTError
from sqlalchemy import Select, bindparam, func, select, update
from sqlalchemy.orm import Session

from portal import policies
from portal.domain.calendar import company_day
from portal.engine import custom, store
from portal.engine.clock import clock
from portal.engine.errors import Refused
from portal.engine.spec import registry
from portal.engine.tables import AccessVersion, LoginSession, Notification
from portal.policies import policy
from portal.security import account, view_as
from portal.security.account import PAGE, TOKEN
from portal.security.manager import SignedIn
from portal.security.principal import NOBODY
from portal.security.resolve import resolve

COOKIE_KEY = "sid"
TOKEN_CLAIM = "sid"  # noqa: S105 - the name of a claim
_OF_ONESELF = ("/roles/view-as/end", "/logout/")
"""What somebody who looks as another does as himself."""
_SEEN_EVERY = timedelta(minutes=1)


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
        g.forced_id, g.session_key, g.looking = None, "", None
        if key := _session_key():
            _sign_in_from(current, *key, now)

    @app.teardown_request
    def unbind(_error: BaseException | None) -> None:
        if token := g.pop("store_token", None):
            store._current.reset(token)  # noqa: SLF001


def _session_key() -> tuple[str, str] | None:
    """The key and the kind of session it must be of. A request with an `Authorization` header is that token's
    and ignores the cookie."""
    if request.headers.get("Authorization"):
        try:
            verify_jwt_in_request()
        except (JWTExtendedException, PyJWTError):
            return None
        return str(get_jwt().get(TOKEN_CLAIM, "")), TOKEN
    key = cookie.get(COOKIE_KEY)
    return (str(key), PAGE) if key else None


def _sign_in_from(current: Session, key: str, kind: str, now: datetime) -> None:
    found = current.connection().execute(_who(), {"key_hash": hashed(key), "kind": kind}).one_or_none()
    if found is not None:
        current.info.update({"policy_stamp": found.policies, custom.VERSION: found.version})
    if found is None or not found.active or _too_old(found, now):
        cookie.pop(COOKIE_KEY, None)
        return
    g.session_key, g.language, g.theme = key, found.language, found.theme
    if found.must_change_password:
        g.forced_id = found.id
        return
    g.principal = current.info["principal"] = resolve(current, found.id, found.version, now)
    g.bell, g.signed_in = found.unread, SignedIn(found.id, found.name)
    if found.view_as_id is not None and now < found.view_as_until and g.principal.may(view_as.PERMISSION):
        _look_as(current, found, now)
    elif now - found.seen_at > _SEEN_EVERY:
        with store.unit_of_work(g.principal, now):
            current.connection().execute(update(LoginSession).where(LoginSession.key_hash == hashed(key)).values(seen_at=now))


def _look_as(current: Session, found: Any, now: datetime) -> None:
    """The person looked at, unable to write: refused at the door, in the unit of work, and by the database itself."""
    seen = resolve(current, found.view_as_id, found.version, now)
    g.looking = view_as.Looking(g.principal.name, seen.name, found.view_as_until)
    if request.path in _OF_ONESELF:
        return
    if request.method not in {"GET", "HEAD"}:
        raise Refused(view_as.READ_ONLY, rule="read_only")
    g.principal, g.bell, g.signed_in = seen, 0, SignedIn(seen.user_id, seen.name)
    current.info.update({"principal": seen, store.READ_ONLY: view_as.READ_ONLY})
    current.connection().exec_driver_sql("SET TRANSACTION READ ONLY")


@cache
def _who() -> Select[Any]:
    """The one statement a request costs for identity: person, session (of this `key_hash` and `kind`), versions, unread notices."""
    people = registry()["user"].table
    unread = select(func.count()).where(Notification.recipient_id == people.c.id, Notification.read_at.is_(None)).scalar_subquery()
    return (
        select(
            people.c.id,
            people.c.name,
            people.c.active,
            people.c.language,
            people.c.theme,
            people.c.must_change_password,
            LoginSession.created_at,
            LoginSession.seen_at,
            LoginSession.view_as_id,
            LoginSession.view_as_until,
            select(AccessVersion.version).scalar_subquery().label("version"),
            policies.stamp().label("policies"),
            unread.label("unread"),
        )
        .join(LoginSession, LoginSession.user_id == people.c.id)
        .where(LoginSession.key_hash == bindparam("key_hash"), LoginSession.kind == bindparam("kind"), LoginSession.ended_at.is_(None))
    )


def _too_old(found: Any, now: datetime) -> bool:
    day = company_day(now)
    idle, age = policy("session.idle_minutes", on=day), policy("session.absolute_hours", on=day)
    return bool(now - found.seen_at > timedelta(minutes=idle) or now - found.created_at > timedelta(hours=age))


def still_open(current: Session, key: str, now: datetime) -> bool:
    """Whether a token's session lives: what a refresh asks."""
    found = current.connection().execute(_who(), {"key_hash": hashed(key), "kind": TOKEN}).one_or_none()
    return found is not None and bool(found.active) and not found.must_change_password and not _too_old(found, now)


def hashed(key: str) -> str:
    return account.digest(key)


def open_session(current: Session, user_id: int, kind: str, now: datetime) -> str:
    """A new login session row; returns the secret key that only the browser or token holds."""
    return account.open_session(
        current, user_id=user_id, kind=kind, address=request.remote_addr or "", agent=request.user_agent.string or "", now=now
    )


def end_sessions(current: Session, user_id: int, now: datetime, *, but: str = "") -> None:
    """Sign a person out everywhere but in the session with the key `but`: password change, deactivation."""
    account.end_sessions(current, [user_id], now, but=but)


def sign_in_cookie(key: str) -> None:
    """The browser gets a new cookie session that holds nothing of the one before: no fixation, a fresh CSRF token."""
    cookie.clear()
    cookie[COOKIE_KEY] = key
