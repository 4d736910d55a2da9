"""What moves when two records become one: every reference to the merged one that the registry knows, and its files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, insert, literal, select, update
from sqlalchemy.orm import Session

from portal import models
from portal.engine import custom
from portal.engine.audit import attribution
from portal.engine.errors import Refused
from portal.engine.kinds.reference import ReferenceField
from portal.engine.query.among import among
from portal.engine.spec import Spec, spec_named
from portal.security.resolve import touch_access
from portal.security.session import confirm_free, guarded, set_based

Moved = list[list[Any]]
"""For each reference: record type, key, and the rows that moved as [id, version]."""
MOST_SHOWN = 10
"""Of what was merged into a record, the newest."""
_events: Any = models.AuditEvent.__table__


def move_all(session: Session, spec: Spec, was: int, to: int, now: datetime) -> Moved:
    """Everything that referred to `was` refers to `to`, what lies in the bin and what its mover may not see as well.

    Refused where one of the records stands still because it is being decided.
    """
    found: Moved = []
    for child, each in spec.referrers():
        rows = _point(session, child, each, [custom.stored(child, each.key) == was], to=(was, to), now=now)
        try:
            confirm_free(session, child, [key for key, _ in rows])
        except Refused as error:
            raise Refused(
                "它有{what}正在审批，批完才能合并。 | One of its records ({what}) is being decided; merge when that is done.",
                rule="locked",
                what=child.label,
            ) from error
        if rows:
            found.append([child.name, each.key, rows])
    _renew(session)
    return found


def _renew(session: Session) -> None:
    """Loaded rows are read anew, and so is who sees what: participants moved as well."""
    session.expire_all()
    touch_access(session)


def move_back(session: Session, moved: Moved, now_at: int, back_to: int, now: datetime) -> list[tuple[Spec, int]]:
    """What was not touched since refers to `back_to` again; returns how many of which record type stay."""
    stayed = []
    for name, key, rows in moved:
        child = spec_named(name)
        each = child.fields.get(key)
        if not isinstance(each, ReferenceField):  # a field of its own was deleted since
            stayed.append((child, len(rows)))
            continue
        column, pairs, at = child.table.c, dict(map(tuple, rows)), custom.stored(child, key) == now_at
        kept = select(column.id, _version(child)).where(among(column.id, list(pairs)), at)
        still = [row.id for row in session.connection().execute(kept) if row.version == pairs[row.id]]
        confirm_free(session, child, still)
        _point(session, child, each, [among(column.id, still), at], to=(now_at, back_to), now=now)
        if len(still) < len(rows):
            stayed.append((child, len(rows) - len(still)))
    _renew(session)
    return stayed


def count_visible(session: Session, spec: Spec, record_id: int, may_read: Any) -> list[tuple[Spec, int]]:
    """How many records of which type its reader sees referring to this one."""
    found = []
    for child, each in spec.referrers():
        if child is spec or not may_read(f"{child.name}:read"):
            continue
        wanted = select(func.count()).select_from(child.model).where(child.column(each.key) == record_id)
        if number := session.scalar(wanted):
            found.append((child, number))
    return found


def move_files(session: Session, entity: str, which: ColumnElement[bool], *, was: int, to: int) -> list[int]:
    """Files go from one record to the other."""
    file = models.Attachment
    moved = update(file).where(file.entity == entity, file.record_id == was, which).values(record_id=to).returning(file.id)
    return list(session.execute(moved.execution_options(synchronize_session=False)).scalars())


def count_files(session: Session, entity: str, record_id: int) -> int:
    """Files of a record that its reader sees."""
    file = models.Attachment
    wanted = select(func.count()).select_from(file).where(file.entity == entity, file.record_id == record_id, file.deleted_at.is_(None))
    return session.scalar(guarded(wanted)) or 0


def _version(child: Spec) -> ColumnElement[Any]:
    found: ColumnElement[Any] = child.table.c.version if "version" in child.table.c else literal(0)
    return found.label("version")


def _point(
    session: Session, child: Spec, each: ReferenceField, where: Sequence[ColumnElement[bool]], *, to: tuple[int, int], now: datetime
) -> list[list[int]]:
    """UPDATE … RETURNING feeds the history: one statement for a reference, however many rows it has."""
    table, who = child.table, attribution(session)
    values = custom.setting(child, each.key, to[1])
    if child.archived:
        values |= {"version": table.c.version + 1, "changed_at": now, "changed_by_id": who["actor_id"]}
    moved = update(table).where(*where).values(values).returning(table.c.id, _version(child)).cte("moved")
    told = {
        **who,
        "entity": child.name,
        "verb": session.info.get("verb_name", ""),
        "before": {each.key: to[0]},
        "after": {each.key: to[1]},
        "reason": "",
    }
    rows = select(*(literal(value, _events.c[key].type).label(key) for key, value in told.items()), moved.c.id.label("record_id"))
    history = insert(_events).from_select([*told, "record_id"], rows, include_defaults=False).cte("histories")
    found = set_based(session, select(moved.c.id, moved.c.version).add_cte(history))
    return sorted([row.id, row.version] for row in found)
