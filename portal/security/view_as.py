"""Looking through somebody's eyes: a page session that reads as another person, writes nothing, and ends by itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from portal.engine import audit
from portal.engine.errors import Refused
from portal.engine.tables import LoginSession
from portal.security import account
from portal.security.principal import Principal

LASTS = timedelta(minutes=15)
PERMISSION = "role_desk:view_as"
READ_ONLY = "你正在以别人的身份查看，什么都不能改。 | You are looking as somebody else: nothing can be changed."
_NOT_SELF = "选另一位能登录的同事。 | Choose somebody else who can sign in."


@dataclass(frozen=True, slots=True)
class Looking:
    """Who looks as whom, and until when."""

    by: str
    name: str
    until: datetime


def start(session: Session, key: str, person_id: int, *, acting_user: Principal, now: datetime, reason: str) -> None:
    """From the next request on this page session sees what that person sees."""
    person = account.by_id(session, person_id)
    if person is None or not person.active or person_id == acting_user.user_id:
        raise Refused(_NOT_SELF, rule="view_as_whom")
    _set(session, key, person_id, now + LASTS)
    audit.write(session, verb=PERMISSION, entity="user", record_id=person_id, reason=reason)


def end(session: Session, key: str, person_id: int | None = None) -> None:
    """Back to one's own eyes."""
    _set(session, key, None, None)
    audit.write(session, verb="role_desk:view_as_end", entity="user", record_id=person_id)


def _set(session: Session, key: str, person_id: int | None, until: datetime | None) -> None:
    mine = LoginSession.key_hash == account.digest(key)
    session.connection().execute(update(LoginSession).where(mine).values(view_as_id=person_id, view_as_until=until))
