"""What a changed record refers to that it did not refer to before: the gate asks whether its writer sees all of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import inspect
from sqlalchemy.orm import Session

from portal.engine.entity import DOCUMENT
from portal.engine.kinds.reference import ReferenceField
from portal.engine.spec import Spec, registry, spec_of

_CARRIED = "carried"


def newly_made(session: Session, record: Any, changed: set[str]) -> Iterator[tuple[str, bool, int]]:
    """Record type, whether it takes who may change that record, and id of each. `changed`: the columns that this transaction
    has changed."""
    spec = spec_of(type(record))
    for key, each in spec.fields.items():
        if not isinstance(each, ReferenceField) or key in spec.custom or key not in changed:
            continue
        if registry()[each.target].scope != "open" and (value := getattr(record, key)) is not None:
            yield each.target, each.by_writers, value  # what everybody sees has its foreign key
    if spec.custom and DOCUMENT in changed and not session.info.get(_CARRIED):
        yield from _told(spec, record)


def _told(spec: Spec, record: Any) -> Iterator[tuple[str, bool, int]]:
    """By its document, where no foreign key answers for anything."""
    history = inspect(record).attrs[DOCUMENT].history
    before, now = ((values or [None])[0] or {} for values in (history.deleted, history.added))
    for key, each in spec.custom.items():
        if isinstance(each, ReferenceField) and (value := now.get(key)) is not None and value != before.get(key):
            yield each.target, each.by_writers, value


@contextmanager
def carrying(session: Session) -> Iterator[None]:
    """What one record's document says goes to another as it stands, references that the actor does not see as well."""
    before = session.info.get(_CARRIED)
    session.info[_CARRIED] = True
    try:
        yield
        session.flush()
    finally:
        session.info[_CARRIED] = before
