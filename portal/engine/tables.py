"""The platform's own tables: history, tenure, work to be done, files, sessions. Not scoped; only engine helpers
write them, in the caller's session."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.engine.entity import _Base

Instant = DateTime(timezone=True)


def _id() -> Mapped[int]:
    return mapped_column(BigInteger, Identity(), primary_key=True)


class AuditEvent(_Base):
    """One changed record: who, when, verb, old → new, reason. Append-only by trigger."""

    __tablename__ = "audit_event"
    __table_args__ = (
        Index("ix_audit_event_record", "entity", "record_id", "id"),
        Index("ix_audit_event_actor", "actor_id", "id"),
        Index("ix_audit_event_duplicate_check", "actor_id", "at", postgresql_where=text("verb = 'duplicate_check'")),
    )

    id: Mapped[int] = _id()
    at: Mapped[dt.datetime] = mapped_column(Instant, nullable=False)
    actor_id: Mapped[int | None] = mapped_column(Integer)
    actor_note: Mapped[str] = mapped_column(String(120), nullable=False, server_default="")
    entity: Mapped[str] = mapped_column(String(64), nullable=False)
    record_id: Mapped[int | None] = mapped_column(BigInteger)
    verb: Mapped[str] = mapped_column(String(64), nullable=False)
    before: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False, server_default="{}")
    after: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False, server_default="{}")
    reason: Mapped[str] = mapped_column(String(500), nullable=False, server_default="")
    address: Mapped[str] = mapped_column(String(64), nullable=False, server_default="")


class Tenure(_Base):
    """Whose a record was: written by every owner change (a trigger insists)."""

    __tablename__ = "tenure"
    __table_args__ = (
        Index("ix_tenure_record", "entity", "record_id", "id"),
        Index("ix_tenure_batch", "batch_id"),
        Index("ix_tenure_user", "owner_id", "entity", "at"),
    )

    id: Mapped[int] = _id()
    entity: Mapped[str] = mapped_column(String(64), nullable=False)
    record_id: Mapped[int] = mapped_column(BigInteger, nullable=False)
    at: Mapped[dt.datetime] = mapped_column(Instant, nullable=False)
    owner_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id"))
    pool_id: Mapped[int | None] = mapped_column(Integer)
    former_owner_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id"))
    former_pool_id: Mapped[int | None] = mapped_column(Integer)
    former_state: Mapped[str] = mapped_column(String(32), nullable=False, server_default="")
    former_owned_at: Mapped[dt.datetime | None] = mapped_column(Instant)
    former_pooled_at: Mapped[dt.datetime | None] = mapped_column(Instant)
    how: Mapped[str] = mapped_column(String(32), nullable=False)
    reason: Mapped[str] = mapped_column(String(500), nullable=False, server_default="")
    by_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id"))
    batch_id: Mapped[int | None] = mapped_column(BigInteger)
    version: Mapped[int] = mapped_column(Integer, nullable=False, server_default="0")
    """The record's version after this change: untouched since means it still has it."""
    xid: Mapped[int] = mapped_column(BigInteger, nullable=False, server_default=text("(pg_current_xact_id()::text)::bigint"))


class ClaimLedger(_Base):
    """One claim against a person's daily quota. Refusals are not written, returning does not refund."""

    __tablename__ = "claim_ledger"
    __table_args__ = (Index("ix_claim_ledger_day", "user_id", "pool_id", "day"),)

    id: Mapped[int] = _id()
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"), nullable=False)
    pool_id: Mapped[int] = mapped_column(Integer, nullable=False)
    entity: Mapped[str] = mapped_column(String(64), nullable=False)
    record_id: Mapped[int] = mapped_column(BigInteger, nullable=False)
    day: Mapped[dt.date] = mapped_column(nullable=False)
    at: Mapped[dt.datetime] = mapped_column(Instant, nullable=False)


class AssignBatch(_Base):
    """One bulk assignment: the plan that was confirmed, what it did, whether it was undone."""

    __tablename__ = "assign_batch"

    id: Mapped[int] = _id()
    entity: Mapped[str] = mapped_column(String(64), nullable=False)
    by_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"), nullable=False)
    at: Mapped[dt.datetime] = mapped_column(Instant, nullable=False)
    method: Mapped[str] = mapped_column(String(32), nullable=False)
    plan: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False, server_default="{}")
    done: Mapped[int] = mapped_column(Integer, nullable=False, server_default="0")
    refused: Mapped[int] = mapped_column(Integer, nullable=False, server_default="0")
    undone_at: Mapped[dt.datetime | None] = mapped_column(Instant)


class Attachment(_Base):
    """A file of a record, kept under a generated name outside the web root; reached only through its record."""

    __tablename__ = "attachment"
    __table_args__ = (Index("ix_attachment_record", "entity", "record_id"),)

    id: Mapped[int] = _id()
    entity: Mapped[str] = mapped_column(String(64), nullable=False)
    record_id: Mapped[int] = mapped_column(BigInteger, nullable=False)
    field: Mapped[str] = mapped_column(String(64), nullable=False, server_default="")
    stored_as: Mapped[str] = mapped_column(String(64), nullable=False, unique=True)
    name: Mapped[str] = mapped_column(String(255), nullable=False)
    content_type: Mapped[str] = mapped_column(String(100), nullable=False)
    size: Mapped[int] = mapped_column(BigInteger, nullable=False)
    sha256: Mapped[str] = mapped_column(String(64), nullable=False)
    created_at: Mapped[dt.datetime] = mapped_column(Instant, nullable=False)
    created_by_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"), nullable=False)
    deleted_at: Mapped[dt.datetime | None] = mapped_column(Instant)


class Notification(_Base):
    """A notice in one person's inbox, once per event (`event_key`); read through `of_recipient` only."""

    __tablename__ = "notification"
    __table_args__ = (
        UniqueConstraint("recipient_id", "event_key"),
        Index("ix_notification_unread", "recipient_id", "id", postgresql_where=text("read_at IS NULL")),
        Index("ix_notification_recipient", "recipient_id", "id"),
    )

    id: Mapped[int] = _id()
    recipient_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"), nullable=False)
    event_key: Mapped[str] = mapped_column(String(200), nullable=False)
    kind: Mapped[str] = mapped_column(String(64), nullable=False)
    entity: Mapped[str] = mapped_column(String(64), nullable=False, server_default="")
    record_id: Mapped[int | None] = mapped_column(BigInteger)
    title: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False)
    body: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False, server_default="{}")
    href: Mapped[str] = mapped_column(String(300), nullable=False, server_default="")
    created_at: Mapped[dt.datetime] = mapped_column(Instant, nullable=False)
    read_at: Mapped[dt.datetime | None] = mapped_column(Instant)


class Outbox(_Base):
    """An effect on the world outside (an e-mail), written with the change that causes it, delivered after commit."""

    __tablename__ = "outbox"
    __table_args__ = (
        UniqueConstraint("recipient_id", "event_key", "channel"),
        Index("ix_outbox_due", "due_at", postgresql_where=text("sent_at IS NULL AND dropped_at IS NULL")),
    )

    id: Mapped[int] = _id()
    recipient_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id"), nullable=False)
    event_key: Mapped[str] = mapped_column(String(200), nullable=False)
    channel: Mapped[str] = mapped_column(String(16), nullable=False, server_default="mail")
    subject: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False)
    body: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False)
    entity: Mapped[str] = mapped_column(String(64), nullable=False, server_default="")
    record_id: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[dt.datetime] = mapped_column(Instant, nullable=False)
    due_at: Mapped[dt.datetime] = mapped_column(Instant, nullable=False)
    sent_at: Mapped[dt.datetime | None] = mapped_column(Instant)
    dropped_at: Mapped[dt.datetime | None] = mapped_column(Instant)
    attempts: Mapped[int] = mapped_column(Integer, nullable=False, server_default="0")
    lease: Mapped[int] = mapped_column(Integer, nullable=False, server_default="0")
    leased_until: Mapped[dt.datetime | None] = mapped_column(Instant)
    error: Mapped[str] = mapped_column(String(500), nullable=False, server_default="")


class JobRun(_Base):
    """Work to be done once: `(kind, period, subject)` is unique, whoever notices that it is due.

    Periodic work and the long work a person asked for (bulk verbs, imports, exports) are both rows here;
    a lease with a number fences off a worker that thaws after its time.
    """

    __tablename__ = "job_run"
    __table_args__ = (
        UniqueConstraint("kind", "period", "subject"),
        Index("ix_job_run_due", "due_at", postgresql_where=text("state IN ('waiting', 'running')")),
        Index("ix_job_run_asked", "asked_by_id", "id"),
    )

    id: Mapped[int] = _id()
    kind: Mapped[str] = mapped_column(String(64), nullable=False)
    period: Mapped[str] = mapped_column(String(64), nullable=False)
    subject: Mapped[str] = mapped_column(String(120), nullable=False, server_default="")
    queue: Mapped[str] = mapped_column(String(16), nullable=False, server_default="fast")
    state: Mapped[str] = mapped_column(String(16), nullable=False, server_default="waiting")
    due_at: Mapped[dt.datetime] = mapped_column(Instant, nullable=False)
    started_at: Mapped[dt.datetime | None] = mapped_column(Instant)
    ended_at: Mapped[dt.datetime | None] = mapped_column(Instant)
    attempts: Mapped[int] = mapped_column(Integer, nullable=False, server_default="0")
    lease: Mapped[int] = mapped_column(Integer, nullable=False, server_default="0")
    leased_until: Mapped[dt.datetime | None] = mapped_column(Instant)
    asked_by_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id"))
    label: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False, server_default="{}")
    arguments: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False, server_default="{}")
    result: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False, server_default="{}")
    done: Mapped[int] = mapped_column(Integer, nullable=False, server_default="0")
    total: Mapped[int] = mapped_column(Integer, nullable=False, server_default="0")
    cancelled: Mapped[bool] = mapped_column(nullable=False, server_default="false")
    error: Mapped[str] = mapped_column(String(2000), nullable=False, server_default="")


class LoginSession(_Base):
    """A signed-in browser or token: ends by sign-out, idling, age, password change, deactivation."""

    __tablename__ = "login_session"
    __table_args__ = (Index("ix_login_session_user", "user_id"),)

    key_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"), nullable=False)
    kind: Mapped[str] = mapped_column(String(8), nullable=False, server_default="page")
    created_at: Mapped[dt.datetime] = mapped_column(Instant, nullable=False)
    seen_at: Mapped[dt.datetime] = mapped_column(Instant, nullable=False)
    ended_at: Mapped[dt.datetime | None] = mapped_column(Instant)
    view_as_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id"))
    """Through whose eyes this session looks, without being able to write, until `view_as_until`."""
    view_as_until: Mapped[dt.datetime | None] = mapped_column(Instant)
    address: Mapped[str] = mapped_column(String(64), nullable=False, server_default="")
    agent: Mapped[str] = mapped_column(String(200), nullable=False, server_default="")


class SignInLimit(_Base):
    """Failed sign-ins of one account or address, counted for all processes together."""

    __tablename__ = "sign_in_limit"
    __table_args__ = (Index("ix_sign_in_limit_last_at", "last_at"),)

    key: Mapped[str] = mapped_column(String(80), primary_key=True)
    failures: Mapped[int] = mapped_column(Integer, nullable=False)
    last_at: Mapped[dt.datetime] = mapped_column(Instant, nullable=False)
    blocked_until: Mapped[dt.datetime | None] = mapped_column(Instant)


class IdempotencyKey(_Base):
    """The stored answer of a verb called with an `Idempotency-Key`."""

    __tablename__ = "idempotency_key"

    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(100), primary_key=True)
    request_hash: Mapped[str] = mapped_column(String(64), nullable=False)
    status: Mapped[int] = mapped_column(Integer, nullable=False)
    answer: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False)
    at: Mapped[dt.datetime] = mapped_column(Instant, nullable=False)


class ImportMapping(_Base):
    """How a kind of file becomes records, kept so that an import can be repeated. `entity` is what it is about."""

    __tablename__ = "import_mapping"
    __table_args__ = (UniqueConstraint("name"),)

    id: Mapped[int] = _id()
    entity: Mapped[str] = mapped_column(String(64), nullable=False)
    name: Mapped[str] = mapped_column(String(80), nullable=False)
    mapping: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False)
    changed_at: Mapped[dt.datetime] = mapped_column(Instant, nullable=False)
    changed_by_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id"))


class RoleScope(_Base):
    """What a role reads and writes of an entity: scope branches, and whom it may assign to."""

    __tablename__ = "role_scope"

    role_id: Mapped[int] = mapped_column(ForeignKey("ab_role.id", ondelete="CASCADE"), primary_key=True)
    entity: Mapped[str] = mapped_column(String(64), primary_key=True)
    read: Mapped[str] = mapped_column(String(64), nullable=False)
    write: Mapped[str] = mapped_column(String(64), nullable=False)
    assign: Mapped[str] = mapped_column(String(16), nullable=False, server_default="none")
    team_ids: Mapped[list[int]] = mapped_column(ARRAY(Integer), nullable=False, default=list, server_default="{}")
    """The teams of the branch `chosen`; those below them count as well."""
    fields: Mapped[dict[str, str]] = mapped_column(JSONB, nullable=False, default=dict, server_default="{}")
    """Field → how far the role goes with it, where that is less than its declaration says."""


class RoleDuty(_Base):
    """What a role made at run time stands for: whose reports its people owe, whose decisions and notices are theirs."""

    __tablename__ = "role_duty"

    role_id: Mapped[int] = mapped_column(ForeignKey("ab_role.id", ondelete="CASCADE"), primary_key=True)
    acts_as: Mapped[str] = mapped_column(String(64), nullable=False)


class AccessVersion(_Base):
    """One row that moves whenever roles, scopes or teams change: cached principals of older versions end."""

    __tablename__ = "access_version"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger, nullable=False, server_default="1")
