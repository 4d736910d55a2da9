"""Accounts: who is meant by what was typed, open sessions, password links. No rule of sign-in itself lives here."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, or_, select, update
from sqlalchemy.orm import Session

from portal.engine.spec import registry
from portal.engine.tables import LoginSession
from portal.security import passwords

LINK_LIVES = timedelta(hours=1)
INVITATION_LIVES = timedelta(hours=72)
PAGE, TOKEN = "page", "token"
_LONGEST_LOGIN = 320


@dataclass(frozen=True, slots=True)
class Account:
    """What signing in needs to know of a person."""

    id: int
    login: str
    name: str
    email: str
    active: bool
    password: str | None
    must_change: bool

    @property
    def about(self) -> tuple[str, ...]:
        """What the password must not be made of."""
        return self.name, self.login, self.email


def _people() -> Any:
    return registry()["user"].table


def _wanted() -> Any:
    people = _people()
    return select(
        people.c.id, people.c.username, people.c.name, people.c.email, people.c.active, people.c.password, people.c.must_change_password
    )


def _account(row: Any) -> Account | None:
    return None if row is None else Account(row[0], row[1], row[2], row[3], bool(row[4]), row[5], row[6])


def typed(login: str) -> str:
    """What was typed, in the form that logins and addresses are compared in."""
    return login.strip().casefold()[:_LONGEST_LOGIN]


def find(session: Session, login: str) -> Account | None:
    """By login, else by e-mail address."""
    people, wanted = _people(), typed(login)
    statement = (
        _wanted()
        .where(or_(people.c.username == wanted, func.lower(people.c.email) == wanted))
        .order_by((people.c.username == wanted).desc())
        .limit(1)
    )
    return _account(session.connection().execute(statement).first())


def by_id(session: Session, user_id: int) -> Account | None:
    return _account(session.connection().execute(_wanted().where(_people().c.id == user_id)).first())


# sessions ---------------------------------------------------------------------------------------


def digest(secret: str) -> str:
    """How a secret that only its holder knows is kept: 256 random bits need no salt."""
    return hashlib.sha256(secret.encode()).hexdigest()


def open_session(session: Session, *, user_id: int, kind: str, address: str, agent: str, now: datetime) -> str:
    """A new login session; returns the key that only the browser or token holds."""
    key = secrets.token_urlsafe(32)
    session.connection().execute(
        insert(LoginSession).values(
            key_hash=digest(key), user_id=user_id, kind=kind, created_at=now, seen_at=now, address=address[:64], agent=agent[:200]
        )
    )
    return key


def end_session(session: Session, key: str, now: datetime) -> None:
    """Sign out here."""
    session.connection().execute(
        update(LoginSession).where(LoginSession.key_hash == digest(key), LoginSession.ended_at.is_(None)).values(ended_at=now)
    )


def end_sessions(session: Session, user_ids: Iterable[int], now: datetime, *, but: str = "") -> None:
    """Sign people out everywhere, but in the session with this key."""
    session.connection().execute(
        update(LoginSession)
        .where(
            LoginSession.user_id.in_(list(user_ids)), LoginSession.ended_at.is_(None), LoginSession.key_hash != (digest(but) if but else "")
        )
        .values(ended_at=now)
    )


# password links ---------------------------------------------------------------------------------


def new_link(session: Session, user_id: int, now: datetime, *, lives: timedelta = LINK_LIVES) -> str:
    """A token that sets the password once; an older one stops working."""
    token = secrets.token_urlsafe(32)
    session.connection().execute(
        update(_people()).where(_people().c.id == user_id).values(reset_hash=digest(token), reset_until=now + lives)
    )
    return token


def of_link(session: Session, token: str, now: datetime) -> Account | None:
    """Whose link this is; nobody's when it was used, replaced, or is too old."""
    people = _people()
    statement = _wanted().where(people.c.reset_hash == digest(token), people.c.reset_until > now, people.c.active)
    return _account(session.connection().execute(statement).first())


def use_link(session: Session, token: str, now: datetime) -> bool:
    """Take the link out of the world; False when somebody else was first."""
    people = _people()
    return (
        session.connection()
        .execute(
            update(people)
            .where(people.c.reset_hash == digest(token), people.c.reset_until > now, people.c.active)
            .values(reset_hash=None, reset_until=None)
        )
        .rowcount
        == 1
    )


def drop_link(session: Session, user_id: int) -> None:
    """A link that was sent stops working."""
    session.connection().execute(update(_people()).where(_people().c.id == user_id).values(reset_hash=None, reset_until=None))


def set_password(session: Session, user_id: int, password: str, now: datetime, *, but: str = "") -> None:
    """A new password, checked before: it ends every other session and any open link."""
    session.connection().execute(
        update(_people())
        .where(_people().c.id == user_id)
        .values(password=passwords.hashed(password), password_changed_at=now, must_change_password=False, reset_hash=None, reset_until=None)
    )
    end_sessions(session, [user_id], now, but=but)
