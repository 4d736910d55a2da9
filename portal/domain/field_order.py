"""Where custom fields stand in their form: sections as the form has them, and a field moved by one step or to a place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import models
from portal.engine import operations
from portal.engine.errors import BadRequest, NotFound
from portal.engine.fields import Field
from portal.engine.spec import Spec, registry, spec_of
from portal.security.principal import Principal

_STEP = 10


@dataclass(frozen=True, slots=True)
class Part:
    """A section of a form: its heading, the declared fields in it, and the custom ones in order."""

    title: str
    declared: tuple[Field, ...]
    fields: tuple[models.CustomField, ...]


def subjects() -> list[Spec]:
    """The record types that take custom fields."""
    return [spec for spec in registry().values() if spec.customisable]


def parts(session: Session, spec: Spec) -> list[Part]:
    """The form's sections in the order of the form."""
    found = session.scalars(select(models.CustomField).where(models.CustomField.entity == spec.name))
    rows = {f"x_{row.key}": row for row in found}
    titles = list(dict.fromkeys(each.section for each in spec.form))
    return [
        Part(
            title,
            tuple(each for each in spec.form if each.section == title and each.key not in rows),
            tuple(rows[each.key] for each in spec.form if each.section == title and each.key in rows),
        )
        for title in titles
    ]


def shift(session: Session, field_id: int, step: int, *, acting_user: Principal, now: datetime) -> models.CustomField:
    """One place up (-1) or down (1), at the edge of a section into the next one."""
    record, every = _found(session, field_id)
    section, place = _place(every, record)
    if 0 <= place + step < len(every[section].fields):
        return _put(session, record, every[section], place + step, acting_user=acting_user, now=now)
    if not 0 <= section + step < len(every):
        return record
    other = every[section + step]
    return _put(session, record, other, len(other.fields) if step < 0 else 0, acting_user=acting_user, now=now)


def move(session: Session, field_id: int, target: str, *, acting_user: Principal, now: datetime) -> models.CustomField:
    """To where another field stands (its id), or to the top of a section (`s` and its number)."""
    record, every = _found(session, field_id)
    section, _ = _place(every, record)
    if target.startswith("s"):
        number = _number(target[1:])
        if number >= len(every):
            raise BadRequest(_NOWHERE)
        return _put(session, record, every[number], 0, acting_user=acting_user, now=now)
    wanted = _number(target)
    for at, part in enumerate(every):
        for index, other in enumerate(part.fields):
            if other.id == wanted:
                # Down: behind it (within its own section taking the field out moves the others up); up: before it.
                return _put(session, record, part, index + (at > section), acting_user=acting_user, now=now)
    raise BadRequest(_NOWHERE)


_NOWHERE = "没有这个位置，请刷新后再试。 | There is no such place: reload the page and try again."


def _number(raw: str) -> int:
    if not (raw.isascii() and raw.isdigit()):
        raise BadRequest(_NOWHERE)
    return int(raw)


def _found(session: Session, field_id: int) -> tuple[models.CustomField, list[Part]]:
    record = session.scalar(select(models.CustomField).where(models.CustomField.id == field_id))
    if record is None:
        raise NotFound
    return record, parts(session, registry()[record.entity])


def _place(every: Sequence[Part], record: models.CustomField) -> tuple[int, int]:
    return next((at, part.fields.index(record)) for at, part in enumerate(every) if record in part.fields)


def _put(
    session: Session, record: models.CustomField, part: Part, index: int, *, acting_user: Principal, now: datetime
) -> models.CustomField:
    """Into this section at this place; only fields whose rank has to change are written."""
    others = [each for each in part.fields if each is not record]
    ordered = [*others[:index], record, *others[index:]]
    spec = spec_of(models.CustomField)
    for each, rank in _ranks(ordered, record).items():
        values: dict[str, Any] = {"rank": rank, "section": part.title}
        if any(getattr(each, key) != value for key, value in values.items()):
            operations.change(session, spec, each, values, version=None, acting_user=acting_user, now=now)
    return record


def _ranks(ordered: Sequence[models.CustomField], moved: models.CustomField) -> dict[models.CustomField, int]:
    """A rank between its neighbours, or a new one for each when there is no room."""
    at = list(ordered).index(moved)
    before = ordered[at - 1].rank or 0 if at else None
    behind = ordered[at + 1].rank or 0 if at + 1 < len(ordered) else None
    low = before if before is not None else max((behind or 0) - 2 * _STEP, -1)
    high = behind if behind is not None else low + 2 * _STEP
    rest = [each.rank or 0 for each in ordered if each is not moved]
    if high - low > 1 and all(one < other for one, other in pairwise(rest)):
        return {moved: (low + high) // 2}
    return {each: (number + 1) * _STEP for number, each in enumerate(ordered)}
