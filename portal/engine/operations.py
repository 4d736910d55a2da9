"""Create, change, remove, restore, for any entity. A domain function for the same verb replaces one of these."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.engine import custom
from portal.engine.errors import Changed, Invalid, Refused, Unseen
from portal.engine.fields import REQUIRED, BadValue, Field, View
from portal.engine.kinds.dates import InstantField
from portal.engine.spec import Spec, registry
from portal.engine.text import Text

Operation = Callable[..., Any]
ONE_PARENT = Text("请选择它属于哪条记录，只选一条。 | Choose the one record it belongs to.")
MOVED = Text("不能改到另一条记录。 | It cannot be moved to another record.")
NO_SUCH = Text("没有这条记录，请从列表中选择。 | There is no such record. Choose from the list.")
_TAKEN = Text("已有记录是这个值。 | Another record has this value.")
_TAKEN_BY = "“{field}”：已有记录是这个值。 | “{field}”: another record has this value."
_replaced: dict[tuple[str, str], Operation] = {}


def operation(entity: str, name: str) -> Callable[[Operation], Operation]:
    """Register a domain function in place of `create`, `change`, `remove` or `restore` of an entity."""

    def register(function: Operation) -> Operation:
        _replaced[entity, name] = function
        return function

    return register


def is_replaced(entity: str, name: str) -> bool:
    """Whether a domain function stands for this operation."""
    return (entity, name) in _replaced


def parse(spec: Spec, raw: Mapping[str, Any], *, fields: tuple[Field, ...], view: View, whole: bool) -> dict[str, Any]:
    """Typed values from a JSON body. Unknown keys and bad values are named, all at once.

    `whole`: missing required fields are errors (create); otherwise only given keys are read (change).
    """
    known = {f.key: f for f in fields}
    errors: dict[str, Text] = {key: Text("这里不能填写。 | This cannot be set here.") for key in raw if key not in known}
    values: dict[str, Any] = {}
    for key, each in known.items():
        if key not in raw and not whole:
            continue
        try:
            value = each.given(raw[key]) if key in raw else each.parse(each.default)
            values[key] = each.local(value, view) if isinstance(each, InstantField) and value else value
        except BadValue as error:
            errors[key] = error.text
            continue
        if each.required and each.is_blank(values[key]):
            errors[key] = REQUIRED
    if errors:
        raise Invalid(errors)
    return values


def create(session: Session, spec: Spec, values: dict[str, Any], *, acting_user: Any, now: datetime) -> Any:
    """A new record, flushed. What can lie in no pool is its maker's."""
    _refuse_strays(spec, values)
    values = custom.gathered(spec, values)
    with clash_named(spec):
        if replaced := _replaced.get((spec.name, "create")):
            return replaced(values, acting_user=acting_user, now=now)
        record = spec.model(**values)
        if spec.scope == "owner" and not spec.pooled:
            record.owner_id, record.team_id = acting_user.user_id or None, acting_user.team_id
        session.add(record)
        session.flush()
        return record


def _refuse_strays(spec: Spec, values: Mapping[str, Any]) -> None:
    """A child of several possible parents belongs to exactly one of them."""
    given = [p.key for p in spec.parents if values.get(p.key)]
    if spec.parents and len(given) != 1:
        raise Invalid({(given or [spec.parents[0].key])[-1]: ONE_PARENT})


def seen(spec: Spec, version: int | None) -> int | None:
    """The version that a door was sent with a save. Raises `Unseen` where records have versions and it was sent none."""
    if not spec.versioned:
        return None
    if version is None:
        raise Unseen
    return version


def change(
    session: Session, spec: Spec, record: Any, values: dict[str, Any], *, version: int | None, acting_user: Any, now: datetime
) -> Any:
    """Set values on a record; `version` is the one the person saw, a newer one raises `Changed`.

    Doors give what they were sent, by `seen`; None is for the portal itself, which holds the record it has just read.
    """
    if version is not None and record.version != version:
        raise Changed
    if moved := {p.key: MOVED for p in spec.parents if p.key in values and values[p.key] != getattr(record, p.key)}:
        raise Invalid(moved)
    if spec.custom:
        values = custom.gathered(spec, values, record.extra)
    with clash_named(spec):
        if replaced := _replaced.get((spec.name, "change")):
            return replaced(record, values, acting_user=acting_user, now=now)
        for key, value in values.items():
            setattr(record, key, value)
        session.flush()
        return record


@contextmanager
def clash_named(spec: Spec | None = None) -> Iterator[None]:
    """A value that a unique custom field has already is told beside that field; without a spec, of whichever record type.

    So is a reference to a record that is not there.
    """
    known = tuple(registry().values()) if spec is None else (spec,)
    try:
        yield
    except IntegrityError as error:
        index = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
        for each in known:
            for key, clashing in each.custom.items():
                if index == custom.index_name(each.name, key, "unique"):
                    raise Invalid({key: _TAKEN if spec is not None else Text(_TAKEN_BY, field=clashing.label)}) from error
        if spec is not None and (key := _missing(spec, index)):
            raise Invalid({key: NO_SUCH}) from error
        raise


def _missing(spec: Spec, index: Any) -> str:
    """The reference whose constraint this is, named by the database where the declaration names none."""
    table = spec.table
    names: dict[Any, str] = {
        each.name or f"{table.name}_{each.column_keys[0]}_fkey": each.column_keys[0] for each in table.foreign_key_constraints
    }
    return names.get(index, "")


def remove(session: Session, spec: Spec, record: Any, *, acting_user: Any, now: datetime) -> Any:
    """Into the bin; `restore` takes it out again."""
    if record.deleted_at is not None:
        raise Refused("这条记录已经删除。 | This record is deleted already.", rule="deleted")
    if replaced := _replaced.get((spec.name, "remove")):
        return replaced(record, acting_user=acting_user, now=now)
    record.deleted_at = now
    session.info["verb_name"] = "delete"
    session.flush()
    return record


def undo(session: Session, spec: Spec, batch_id: int, *, acting_user: Any, now: datetime) -> Any:
    """Take back a batch of a bulk verb; the entity's domain registers how."""
    replaced = _replaced.get((spec.name, "undo"))
    if replaced is None:
        raise Refused("这个操作不能撤销。 | This cannot be undone.", rule="no_undo")
    with clash_named():
        return replaced(batch_id, acting_user=acting_user, now=now)


def restore(session: Session, spec: Spec, record: Any, *, acting_user: Any, now: datetime) -> Any:
    """Out of the bin."""
    if record.deleted_at is None:
        raise Refused("这条记录没有删除。 | This record is not deleted.", rule="not_deleted")
    if spec.mergeable and record.merged_into_id is not None:
        raise Refused("这条记录已并入另一条，请撤销合并。 | It was merged into another record; undo the merge.", rule="merged")
    with clash_named():
        if replaced := _replaced.get((spec.name, "restore")):
            return replaced(record, acting_user=acting_user, now=now)
        record.deleted_at = None
        session.info["verb_name"] = "restore"
        session.flush()
        return record
