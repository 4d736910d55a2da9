"""Sends mail from the outbox, after the commit that wrote it.

A mail keeps its Message-ID however often it is tried, so a cut acknowledgement can repeat at most that one mail, and a
mail program shows it once. A lease with a number lets several workers send at once.
"""

from __future__ import annotations

import hashlib
import logging
import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Any
from urllib.parse import unquote, urlsplit

from sqlalchemy import or_, select, update

from jobs.runner import the_app
from portal import models
from portal.engine import store
from portal.engine.clock import clock
from portal.engine.mailbox import Mailbox
from portal.engine.text import pick
from portal.security.session import system

log = logging.getLogger("portal.jobs")

LEASE = timedelta(minutes=2)
MOST_ATTEMPTS = 10
_BATCH = 20
_LONGEST_WAIT = timedelta(hours=1)
_TIME_OUT = 20.0

_outbox: Any = models.Outbox.__table__
_people: Any = models.User.__table__

_EMPTIED: dict[str, Any] = {"body": {}}
"""What was mailed is not kept: a password link in it would be as good as the password to who reads the database."""

Send = Callable[[EmailMessage, str], None]


def deliver() -> None:
    """What RQ calls: everything that is due, batch by batch."""
    app = the_app()
    with app.app_context():
        send_due(app.extensions["portal_config"])


def send_due(config: Any, *, now: Callable[[], datetime] = clock.now) -> int:
    """Send what is due; returns how many mails went out. One that fails waits longer each time, at most an hour."""
    sent = 0
    with _transport(config) as send:
        while rows := _lease(now()):
            for row in rows:
                sent += _one(row, config, send, now())
    return sent


def _lease(now: datetime) -> list[Any]:
    free = or_(_outbox.c.leased_until.is_(None), _outbox.c.leased_until < now)
    due = (
        select(_outbox.c.id)
        .where(_outbox.c.sent_at.is_(None), _outbox.c.dropped_at.is_(None), _outbox.c.due_at <= now, free)
        .order_by(_outbox.c.due_at, _outbox.c.id)
        .limit(_BATCH)
        .with_for_update(skip_locked=True)
    )
    with _own(now) as connection:
        taken = (
            connection.execute(
                update(_outbox)
                .where(_outbox.c.id.in_(due))
                .values(lease=_outbox.c.lease + 1, leased_until=now + LEASE, attempts=_outbox.c.attempts + 1)
                .returning(_outbox.c.id)
            )
            .scalars()
            .all()
        )
        wanted = select(_outbox, _people.c.email, _people.c.name, _people.c.active, _people.c.language)
        return list(
            connection.execute(
                wanted.join(_people, _people.c.id == _outbox.c.recipient_id).where(_outbox.c.id.in_(taken)).order_by(_outbox.c.id)
            )
        )


def _one(row: Any, config: Any, send: Send, now: datetime) -> int:
    if not row.active or not row.email:
        return _note(row, now, dropped_at=now, error="nobody to send to", **_EMPTIED)
    message = compose(row, config)
    try:
        send(message, hashlib.sha256(str(message["Message-ID"]).encode()).hexdigest()[:32])
    except (OSError, smtplib.SMTPException) as error:
        log.warning("mail %s was not sent: %s", row.id, error)
        return _note(row, now, **_after_failure(row, error, now))
    _note(row, now, sent_at=now, error="", **_EMPTIED)
    return 1


def _after_failure(row: Any, error: Exception, now: datetime) -> dict[str, Any]:
    said = str(error)[:500]
    if row.attempts >= MOST_ATTEMPTS or isinstance(error, smtplib.SMTPRecipientsRefused):
        return {"dropped_at": now, "error": said, **_EMPTIED}
    return {"due_at": now + min(timedelta(seconds=30) * 2**row.attempts, _LONGEST_WAIT), "error": said}


def _note(row: Any, now: datetime, **values: Any) -> int:
    """Only while the lease is ours: who thawed after it says nothing."""
    ours = update(_outbox).where(_outbox.c.id == row.id, _outbox.c.lease == row.lease)
    with _own(now) as connection:
        connection.execute(ours.values(leased_until=None, **values))
    return 0


def compose(row: Any, config: Any) -> EmailMessage:
    """The mail of an outbox row, in the reader's language."""
    language = row.language or config.language
    message = EmailMessage()
    # A line break in a title must not begin another header.
    message["Subject"] = " ".join(str(pick(row.subject, language)).split())
    message["From"] = config.mail_from
    message["To"] = row.email
    message["Date"] = format_datetime(row.created_at)
    message["Message-ID"] = message_id(row.recipient_id, row.event_key, row.channel, config.mail_from)
    message["Auto-Submitted"] = "auto-generated"
    said = pick(row.body.get("text") or {}, language) or ""
    href = row.body.get("href") or ""
    link = f"{config.base_url.rstrip('/')}{href}" if href.startswith("/") else ""
    message.set_content("\n\n".join(part for part in (str(message["Subject"]), said if isinstance(said, str) else "", link) if part) + "\n")
    return message


def message_id(recipient_id: int, event_key: str, channel: str, mail_from: str) -> str:
    """The same for the same notice, whoever sends it and whenever."""
    digest = hashlib.sha256(f"{recipient_id}:{event_key}:{channel}".encode()).hexdigest()[:32]
    return f"<{digest}@{parseaddr(mail_from)[1].rpartition('@')[2] or 'localhost'}>"


@contextmanager
def _transport(config: Any) -> Iterator[Send]:
    """SMTP by `SMTP_URL` (smtp, smtps, smtp+starttls); without one the local page catches the mail."""
    if not config.smtp_url:
        yield Mailbox(config.home / "mail").keep
        return
    kept: list[smtplib.SMTP] = []

    def send(message: EmailMessage, _name: str) -> None:
        try:
            if not kept:
                kept.append(_smtp(config.smtp_url))
            kept[0].send_message(message)
        except (OSError, smtplib.SMTPException):
            kept.clear()
            raise

    yield send
    for server in kept:
        server.close()


def _smtp(url: str) -> smtplib.SMTP:
    parts = urlsplit(url)
    host, context = parts.hostname or "localhost", ssl.create_default_context()
    if parts.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, parts.port or 465, timeout=_TIME_OUT, context=context)
    else:
        server = smtplib.SMTP(host, parts.port or 25, timeout=_TIME_OUT)
        if parts.scheme == "smtp+starttls":
            server.starttls(context=context)
    if parts.username:
        server.login(unquote(parts.username), unquote(parts.password or ""))
    return server


@contextmanager
def _own(now: datetime) -> Iterator[Any]:
    with system("mail", now) as session, store.unit_of_work(session.info["principal"], now):
        yield session.connection()
