"""Notices: an inbox row and a mail to send, written in the transaction of the change that causes them.

`event_key` is the natural key: whoever tells the same event again adds nothing, so a job that is killed and
run twice neither loses nor doubles a notice. Delivery of mail follows the commit (jobs/deliver).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.engine.tables import Notification, Outbox
from portal.engine.text import Text

_ROWS_A_STATEMENT = 1000

_notices: Any = Notification.__table__
_outbox: Any = Outbox.__table__


@dataclass(frozen=True, slots=True)
class Notice:
    """One event for one person. `href` is where a click leads; `mail=False` keeps it to the bell."""

    recipient_id: int
    event_key: str
    kind: str
    title: Text | str
    body: Text | str = ""
    entity: str = ""
    record_id: int | None = None
    href: str = ""
    mail: bool = True


def both(text: Text | str) -> dict[str, str]:
    """A text as it is stored: both languages; nothing for an empty one."""
    if not text:
        return {}
    return (text if isinstance(text, Text) else Text(text)).stored()


def notify(
    session: Session,
    *,
    recipient_ids: int | Iterable[int],
    event_key: str,
    kind: str,
    title: Text | str,
    body: Text | str = "",
    entity: str = "",
    record_id: int | None = None,
    href: str = "",
    now: datetime,
    mail: bool = True,
) -> int:
    """Tell one event to some people; returns how many had not been told before."""
    people = [recipient_ids] if isinstance(recipient_ids, int) else sorted(set(recipient_ids))
    notices = [Notice(each, event_key, kind, title, body, entity, record_id, href, mail) for each in people]
    return notify_many(session, notices, now=now)


def notify_many(session: Session, notices: Sequence[Notice], *, now: datetime) -> int:
    """Insert or nothing, a thousand a statement; returns how many were new in their inbox.

    Rows go in by recipient and key, so that two processes that tell the same events never wait in a circle.
    """
    ordered = sorted(notices, key=lambda n: (n.recipient_id, n.event_key))
    added = 0
    for start in range(0, len(ordered), _ROWS_A_STATEMENT):
        chunk = ordered[start : start + _ROWS_A_STATEMENT]
        rows = [_inbox_row(notice, now) for notice in chunk]
        statement = insert(_notices).values(rows).on_conflict_do_nothing().returning(_notices.c.id)
        added += len(session.connection().execute(statement).all())
        mails = [_mail_row(notice, now) for notice in chunk if notice.mail]
        if mails:
            session.connection().execute(insert(_outbox).values(mails).on_conflict_do_nothing())
    return added


def _inbox_row(notice: Notice, now: datetime) -> dict[str, Any]:
    return {
        "recipient_id": notice.recipient_id,
        "event_key": notice.event_key,
        "kind": notice.kind,
        "entity": notice.entity,
        "record_id": notice.record_id,
        "title": both(notice.title),
        "body": both(notice.body),
        "href": notice.href,
        "created_at": now,
    }


def _mail_row(notice: Notice, now: datetime) -> dict[str, Any]:
    return {
        "recipient_id": notice.recipient_id,
        "event_key": notice.event_key,
        "channel": "mail",
        "subject": both(notice.title),
        "body": {"text": both(notice.body), "href": notice.href},
        "entity": notice.entity,
        "record_id": notice.record_id,
        "created_at": now,
        "due_at": now,
    }


def inbox(
    session: Session,
    recipient_id: int,
    *,
    unread: bool = False,
    since: datetime | None = None,
    before_id: int | None = None,
    limit: int = 50,
) -> list[Any]:
    """A person's own notices, newest first, as rows of the table; `before_id` goes on from the last one shown."""
    wanted = select(_notices).where(_notices.c.recipient_id == recipient_id)
    if unread:
        wanted = wanted.where(_notices.c.read_at.is_(None))
    if since is not None:
        wanted = wanted.where(_notices.c.created_at >= since)
    if before_id is not None:
        wanted = wanted.where(_notices.c.id < before_id)
    return list(session.connection().execute(wanted.order_by(_notices.c.id.desc()).limit(limit)))


def unread_count(session: Session, recipient_id: int) -> int:
    """How many notices the person has not opened."""
    wanted = select(func.count()).where(_notices.c.recipient_id == recipient_id, _notices.c.read_at.is_(None))
    return session.connection().scalar(wanted) or 0


def mark_read(session: Session, recipient_id: int, *, ids: Sequence[int] | None = None, now: datetime) -> int:
    """Mark the person's own notices as read, all of them where no ids are given; returns how many were not before."""
    change = update(_notices).where(_notices.c.recipient_id == recipient_id, _notices.c.read_at.is_(None))
    if ids is not None:
        change = change.where(_notices.c.id.in_(ids))
    return session.connection().execute(change.values(read_at=now)).rowcount
