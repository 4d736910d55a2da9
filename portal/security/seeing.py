"""Field rights for screens and messages that are no list of records."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import cast, func, null, select
from sqlalchemy.orm import Session

from portal.engine import store
from portal.engine.spec import spec_named, spec_of
from portal.engine.tables import RoleScope
from portal.security import levels
from portal.security.fields import Rights
from portal.security.resolve import access_version, resolve
from portal.security.session import principal_of


def seen(*columns: Any) -> bool:
    """Whether the reader sees all of these mapped columns in full."""
    rights = Rights(principal_of(store.session()))
    specs = [(spec_of(column.class_), column.key) for column in columns]
    return all(rights.finds(spec, spec.fields[key]) for spec, key in specs)


def told_of(*columns: Any) -> bool:
    """Whether he may know what is counted by these: he may view the records, and sees the fields in full."""
    who = principal_of(store.session())
    return seen(*columns) and all(who.may(f"{spec_of(column.class_).name}:read") for column in columns)


def as_seen(column: Any) -> Any:
    """A mapped column as the reader may know it: nothing where he does not see it in full."""
    return column if seen(column) else cast(null(), column.type).label(column.key)


def limited(session: Session) -> frozenset[tuple[str, str]]:
    """Record type and key of every field that some role sees in part, or not at all."""
    level = func.jsonb_each_text(RoleScope.fields).table_valued("key", "value", joins_implicitly=True)
    found = select(RoleScope.entity, level.c.key).where(level.c.value.in_((levels.NONE, levels.MASKED))).distinct()
    return frozenset((entity, key) for entity, key in session.connection().execute(found))


def told(session: Session, entity: str, key: str, people: Collection[int], now: datetime) -> frozenset[int]:
    """Who of these people may be written a field's value: a statement, and more only where some role is limited in it."""
    limited = select(func.count()).select_from(RoleScope).where(RoleScope.entity == entity, RoleScope.fields.has_key(key))
    if not session.connection().scalar(limited):
        return frozenset(people)
    spec, version = spec_named(entity), access_version(session)
    return frozenset(each for each in people if Rights(resolve(session, each, version, now)).finds(spec, spec.fields[key]))
