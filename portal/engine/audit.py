"""History: every change of an entity leaves one row, old → new, in the change's own transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import event, insert, inspect, select
from sqlalchemy.orm import Session, UOWTransaction

from portal.engine.entity import DOCUMENT, Customisable, Declared, entity_name
from portal.engine.tables import AuditEvent

_SILENT = frozenset(
    {
        "version",
        "changed_at",
        "changed_by_id",
        "created_at",
        "created_by_id",
        "password",
        "reset_hash",
        "reset_until",
        "last_login",
        "login_count",
        "fail_login_count",
        "created_on",
        "changed_on",
        "created_by_fk",
        "changed_by_fk",
    }
)
"""Columns whose change is no news, or that must not be copied anywhere."""
_PENDING = "audit_pending"
_events: Any = AuditEvent.__table__


def plain(value: Any) -> Any:
    """A value as JSON keeps it."""
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def write(
    session: Session,
    *,
    verb: str,
    entity: str,
    record_id: int | None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    reason: str = "",
) -> None:
    """Add one line by hand: what no changed row tells (exports, reveals, failed authorisations)."""
    session.execute(
        insert(AuditEvent).values(
            **attribution(session), verb=verb, entity=entity, record_id=record_id, before=before or {}, after=after or {}, reason=reason
        )
    )


def write_each(session: Session, *, verb: str, entity: str, after: Mapping[int, dict[str, Any]]) -> None:
    """A line for each of many records, in one statement."""
    if after:
        same = {**attribution(session), "verb": verb, "entity": entity, "before": {}, "reason": ""}
        rows = [{**same, "record_id": record_id, "after": told} for record_id, told in after.items()]
        session.connection().execute(insert(_events), rows)


def attribution(session: Session) -> dict[str, Any]:
    """Who and when, as every audit row of this transaction says."""
    principal = session.info.get("principal")
    return {
        "at": session.info["now"],
        "actor_id": getattr(principal, "user_id", None) or None,
        "actor_note": getattr(principal, "note", ""),
        "address": session.info.get("address", ""),
    }


def install(session_class: type[Session] | Any) -> None:
    """Listen for flushes: note changes before, write rows after (ids of new rows are known then)."""
    for name, listener in (("before_flush", _note), ("after_flush", _write_noted)):
        if not event.contains(session_class, name, listener):
            event.listen(session_class, name, listener)


def _note(session: Session, _context: UOWTransaction, _instances: Any) -> None:
    now, principal = session.info.get("now"), session.info.get("principal")
    actor = getattr(principal, "user_id", None) or None
    pending = session.info.setdefault(_PENDING, [])
    for record in [*session.new, *session.dirty]:
        if not isinstance(record, Declared) or (record in session.dirty and not session.is_modified(record)):
            continue
        if now is not None and hasattr(type(record), "changed_at"):
            if record in session.new:
                record.created_at, record.created_by_id = now, actor  # type: ignore[attr-defined]
            record.changed_at, record.changed_by_id = now, actor  # type: ignore[attr-defined]
        before, after = _difference(record, new=record in session.new)
        if before or after or record in session.new or session.info.get("verb_name"):
            pending.append((record, before, after))
    pending.extend((record, _values(record), {}) for record in session.deleted if isinstance(record, Declared))


def _write_noted(session: Session, _context: UOWTransaction) -> None:
    pending = session.info.pop(_PENDING, [])
    if not pending:
        return
    who = attribution(session)
    verb = session.info.get("verb_name", "")
    reason = session.info.get("reason", "")
    rows = [
        {
            **who,
            "verb": verb or ("create" if not before else "delete" if not after else "edit"),
            "entity": entity_name(type(record)),
            "record_id": inspect(record).identity[0] if inspect(record).identity else record.id,
            "before": before,
            "after": after or _values(record) if not before else after,
            "reason": reason,
        }
        for record, before, after in pending
        if before or after or inspect(record).persistent
    ]
    if rows:
        session.connection().execute(insert(_events), rows)


def _difference(record: Any, *, new: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    if new:
        return {}, _values(record)
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for attribute in inspect(record).attrs:
        history = attribute.history
        if attribute.key in _SILENT or not history.has_changes() or attribute.key not in record.__mapper__.column_attrs:
            continue
        left: Any = history.deleted[0] if history.deleted else None
        right: Any = history.added[0] if history.added else None
        if attribute.key == DOCUMENT and isinstance(record, Customisable):
            _compare_documents(left or {}, right or {}, before, after)
            continue
        before[attribute.key], after[attribute.key] = plain(left), plain(right)
    return before, after


def _compare_documents(old: dict[str, Any], new: dict[str, Any], before: dict[str, Any], after: dict[str, Any]) -> None:
    """Each custom field is a field of its own in the history."""
    for key in {*old, *new}:
        if old.get(key) != new.get(key):
            before[key], after[key] = old.get(key), new.get(key)


def _values(record: Any) -> dict[str, Any]:
    state = inspect(record).dict
    document = state.get(DOCUMENT) or {} if isinstance(record, Customisable) else {}
    silent = _SILENT | {DOCUMENT} if isinstance(record, Customisable) else _SILENT
    columns = {
        a.key: plain(state[a.key])
        for a in record.__mapper__.column_attrs
        if a.key in state and a.key not in silent and state[a.key] not in (None, "")
    }
    return {**columns, **document}


def of_record(session: Session, entity: str, record_id: int, *, limit: int = 100) -> list[AuditEvent]:
    """The newest history of a record the caller already holds through the gate."""
    statement = (
        select(AuditEvent).where(AuditEvent.entity == entity, AuditEvent.record_id == record_id).order_by(AuditEvent.id.desc()).limit(limit)
    )
    return list(session.scalars(statement))
