"""What is being decided stands still: the lock on its record, and what of it is kept and compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from portal import models
from portal.engine import audit, store
from portal.engine.errors import Refused
from portal.engine.kinds.choice import StateField
from portal.engine.kinds.structured import JsonField
from portal.engine.query.among import among_given
from portal.engine.spec import Spec
from portal.entities.approvals import ApprovalState, TaskState
from portal.security.session import guard_writes

_approvals: Any = models.Approval.__table__
_tasks: Any = models.ApprovalTask.__table__
_people: Any = models.User.__table__
_PENDING = ApprovalState.PENDING.value
_NOT_TOLD = frozenset({"created_at", "created_by_id", "changed_at", "changed_by_id"})


def locked(session: Session, entity: str, ids: Sequence[int]) -> dict[int, Refused]:
    """Records that stand still because an approval is under way, each with a sentence that says where it stands."""
    if not ids:
        return {}
    names: dict[int, list[str]] = {}
    for record_id, name in session.connection().execute(_deciders(), {"of": entity, "ids": list(ids)}):
        names.setdefault(record_id, []).append(name or "—")
    return {record_id: _locked(people) for record_id, people in names.items()}


@cache
def _deciders() -> Select[Any]:
    """Which of the records `ids` of the type `of` are being decided, and who is asked."""
    holder = (
        select(_tasks.c.approval_id, _people.c.name)
        .join(_people, _people.c.id == _tasks.c.owner_id)
        .where(_tasks.c.state == TaskState.WAITING.value, _tasks.c.deleted_at.is_(None))
        .subquery()
    )
    asked = (_approvals.c.entity == bindparam("of"), among_given(_approvals.c.record_id, "ids"))
    wanted = select(_approvals.c.record_id, holder.c.name).outerjoin(holder, holder.c.approval_id == _approvals.c.id)
    return wanted.where(*asked, _approvals.c.state == _PENDING).order_by(holder.c.name)


def _locked(people: Sequence[str]) -> Refused:
    return Refused(
        "正在审批，等{zh}决定，期间不能改动；要改请先撤回。"
        " | It is being decided ({en}) and stands still meanwhile; withdraw it to change it.",
        rule="locked",
        zh="、".join(people),
        en=", ".join(people),
    )


@guard_writes
def refuse_locked(session: Session, spec: Spec, ids: list[int]) -> None:
    """No person changes a record while it is being decided, by whatever door."""
    for refusal in locked(session, spec.name, ids).values():
        raise refusal


def snapshot(spec: Spec, record: Any) -> dict[str, Any]:
    """What is decided on: every field but the state that the approval itself moves, what activities move, and what the engine keeps.

    Its parts too.
    """
    found = _kept(spec, record)
    for part in spec.parts():
        belongs = part.parent_to(spec.name)
        assert belongs is not None  # noqa: S101 - parts() has asked
        wanted = select(part.model).where(part.column(belongs.key) == record.id, part.model.deleted_at.is_(None))
        found[part.name] = [{"id": each.id, **_kept(part, each)} for each in store.session().scalars(wanted.order_by(part.model.id))]
    return found


def _kept(spec: Spec, record: Any) -> dict[str, Any]:
    """Custom fields as the record's document holds them: the same, whatever fields are defined or deleted meanwhile."""
    columns = {
        each.key: audit.plain(getattr(record, each.key))
        for each in spec.fields.values()
        if each.key not in spec.custom and not isinstance(each, (StateField, JsonField)) and each.key not in _not_kept(spec)
    }
    return {**columns, **record.extra} if spec.customisable else columns


def _not_kept(spec: Spec) -> frozenset[str]:
    return _NOT_TOLD.union(spec.model.moved_by_activity)


def is_as_kept(spec: Spec, record: Any, kept: Mapping[str, Any]) -> bool:
    """Whether a record is still what was submitted; what its activities move is no change of it."""
    return snapshot(spec, record) == {key: value for key, value in kept.items() if key not in _not_kept(spec)}
