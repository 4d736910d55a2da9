"""What people see of approvals: what waits for me, what I asked for, what I decided; where a record stands and who is next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from portal import models
from portal.domain.approvals import OPEN
from portal.domain.approvers import People
from portal.engine import store
from portal.engine.errors import PortalError
from portal.engine.spec import spec_named
from portal.entities.approvals import ActionKind, ApprovalState, TaskState
from portal.security.principal import Principal

_approvals: Any = models.Approval.__table__
_tasks: Any = models.ApprovalTask.__table__
_actions: Any = models.ApprovalAction.__table__
_people: Any = models.User.__table__
_MOST = 50


@dataclass(frozen=True, slots=True)
class Stop:
    """One step of the way: what it is called, where it stands (done, now, next, skip, bad), who, and what he said."""

    label: str
    state: str
    people: tuple[str, ...] = ()
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """An approval as everybody who sees its record may see it; `task_id` is the reader's own turn."""

    id: int
    title: str
    state: ApprovalState
    asked_by: str
    asked_at: datetime
    stops: tuple[Stop, ...]
    snapshot: Mapping[str, Any]
    earlier: Mapping[str, Any]
    entity: str
    record_id: int
    verb: str
    form: Mapping[str, Any]
    """What was filled in when it was asked for."""
    task_id: int | None = None
    is_mine: bool = False
    """The reader asked for it."""
    may_withdraw: bool = False
    withdraw_href: str = "/approval/verb/withdraw"


def standing(entity: str, record_id: int, *, reader: Principal, now: datetime) -> Standing | None:
    """The newest approval of a record that came through the gate; None where there never was one."""
    wanted = select(_approvals).where(_approvals.c.entity == entity, _approvals.c.record_id == record_id, _approvals.c.deleted_at.is_(None))
    found = store.session().connection().execute(wanted.order_by(_approvals.c.id.desc()).limit(1)).one_or_none()
    return None if found is None else _standing(found, reader, now)


def standing_of(approval_id: int, *, reader: Principal, now: datetime) -> Standing | None:
    """The approval of a task that came through the gate."""
    found = store.session().connection().execute(select(_approvals).where(_approvals.c.id == approval_id)).one_or_none()
    return None if found is None else _standing(found, reader, now)


def _standing(row: Any, reader: Principal, now: datetime) -> Standing:
    connection, people = store.session().connection(), People(now)
    tasks = connection.execute(select(_tasks).where(_tasks.c.approval_id == row.id).order_by(_tasks.c.id)).all()
    mine = next((t.id for t in tasks if t.owner_id == reader.user_id and t.state == TaskState.WAITING.value), None)
    decided = any(t.state == TaskState.APPROVED.value for t in tasks)
    pending = row.state == ApprovalState.PENDING.value
    return Standing(
        id=row.id,
        title=row.title,
        state=ApprovalState(row.state),
        asked_by=people.name.get(row.owner_id, "—"),
        asked_at=row.created_at,
        stops=tuple(_stops(row, tasks, people)),
        snapshot=row.snapshot,
        earlier=row.earlier,
        entity=row.entity,
        record_id=row.record_id,
        verb=row.verb,
        form=row.form or {},
        task_id=mine if pending else None,
        is_mine=row.owner_id == reader.user_id,
        may_withdraw=pending and not decided and row.owner_id == reader.user_id,
    )


def _stops(row: Any, tasks: Sequence[Any], people: People) -> list[Stop]:
    found = []
    for index, step in enumerate(row.plan.get("steps", ())):
        here = [task for task in tasks if task.step == index and task.state != TaskState.CLOSED.value]
        found.append(_stop(row, index, step, here, people))
    return found


def _stop(row: Any, index: int, step: Mapping[str, Any], here: Sequence[Any], people: People) -> Stop:
    label = str(step.get("label", ""))
    said = "；".join(task.comment for task in here if task.comment)
    if not step["applies"]:
        return Stop(label, "skip")
    if any(task.state in OPEN for task in here):
        waiting = tuple(_called(task, people) for task in here if task.state in OPEN)
        return Stop(label, "now", waiting, said)
    if any(task.state in (TaskState.REJECTED.value, TaskState.RETURNED.value) for task in here):
        return Stop(label, "bad", tuple(_called(task, people) for task in here[-1:]), said)
    if here:
        return Stop(label, "done", tuple(_called(t, people) for t in here if t.state == TaskState.APPROVED.value), said)
    if row.state == ApprovalState.PENDING.value and index > (row.step or 0):
        return Stop(label, "next", _expected(row, step, people))
    return Stop(label, "done" if row.state == ApprovalState.APPROVED.value or index < (row.step or 0) else "skip")


def _expected(row: Any, step: Mapping[str, Any], people: People) -> tuple[str, ...]:
    try:
        named = people.named(step.get("who", ()), row.owner_id or 0)
    except PortalError:
        return ()
    return tuple(people.name[people.standing_in(each, row.owner_id or 0).user_id] for each in named)


def _called(task: Any, people: People) -> str:
    name = people.name.get(task.owner_id, "—")
    return f"{name}（{people.name.get(task.for_id, '—')}）" if task.for_id else name


# the desk -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the desk."""

    id: int
    title: str
    who: str
    at: datetime
    state: TaskState | ApprovalState
    href: str
    detail: str = ""
    asked: tuple[str, str, Mapping[str, Any]] | None = None
    """Record type, verb and what was filled in; told by the page, as far as its reader may know it."""


def waiting_for(who: Principal) -> list[Line]:
    """My open tasks, longest waiting first. What waits for me shows me its approval (`scopes.lent`)."""
    task, user, approval = models.ApprovalTask, models.User, models.Approval
    wanted = (
        select(
            task.id, task.title, task.waiting_since, task.created_at, task.state, user.name, approval.entity, approval.verb, approval.form
        )
        .join(approval, approval.id == task.approval_id)
        .outerjoin(user, user.id == task.asked_by_id)
        .where(task.owner_id == who.user_id, task.state == TaskState.WAITING.value)
        .order_by(task.waiting_since, task.id)
        .limit(_MOST)
    )
    return [
        Line(
            r.id,
            r.title,
            r.name or "—",
            r.waiting_since or r.created_at,
            TaskState(r.state),
            f"/approvals/{r.id}",
            asked=(r.entity, r.verb, r.form or {}),
        )
        for r in store.session().execute(wanted)
    ]


def asked_by(who: Principal) -> list[Line]:
    """What I asked for, newest first, and whom it waits for."""
    approval = models.Approval
    wanted = select(approval).where(approval.owner_id == who.user_id).order_by(approval.id.desc()).limit(_MOST)
    found = list(store.session().scalars(wanted))
    holders = _holders([each.id for each in found])
    return [Line(a.id, a.title, holders.get(a.id, ""), a.created_at, ApprovalState(a.state), f"/{a.entity}/{a.record_id}") for a in found]


def _holders(ids: Sequence[int]) -> dict[int, str]:
    wanted = (
        select(_tasks.c.approval_id, func.string_agg(_people.c.name, "、"))
        .join(_people, _people.c.id == _tasks.c.owner_id)
        .where(_tasks.c.approval_id.in_(ids), _tasks.c.state == TaskState.WAITING.value)
        .group_by(_tasks.c.approval_id)
    )
    found: dict[int, str] = dict(store.session().connection().execute(wanted).all())
    return found


def decided_by(who: Principal) -> list[Line]:
    """What I decided, newest first."""
    task, user = models.ApprovalTask, models.User
    ended = (TaskState.APPROVED.value, TaskState.REJECTED.value, TaskState.RETURNED.value, TaskState.TRANSFERRED.value)
    wanted = (
        select(task.id, task.title, task.entity, task.record_id, task.decided_at, task.created_at, task.state, task.comment, user.name)
        .outerjoin(user, user.id == task.asked_by_id)
        .where(task.owner_id == who.user_id, task.state.in_(ended))
        .order_by(task.id.desc())
        .limit(_MOST)
    )
    rows = store.session().execute(wanted).all()
    open_to_him = _still_read([(r.entity, r.record_id) for r in rows], who)
    told = [(r.title, r.name or "—") if (r.entity, r.record_id) in open_to_him else (kind_of(r.entity), "") for r in rows]
    return [
        Line(r.id, title, name, r.decided_at or r.created_at, TaskState(r.state), f"/approvals/{r.id}", r.comment)
        for r, (title, name) in zip(rows, told, strict=True)
    ]


def still_told(found: Standing, who: Principal) -> bool:
    """Whether all of an approval is for him who once held a task of it: it is his turn, or he reads its record anyway."""
    return found.task_id is not None or bool(_still_read([(found.entity, found.record_id)], who))


def kind_of(entity: str) -> str:
    """What is said of a decision whose record its reader no longer sees: of which type it was."""
    return spec_named(entity).label


def _still_read(wanted: Sequence[tuple[str, int]], who: Principal) -> set[tuple[str, int]]:
    """Of these records those that he may view and that come through the gate: a statement a record type."""
    found: set[tuple[str, int]] = set()
    for entity in {entity for entity, _ in wanted if who.may(f"{entity}:read")}:
        model = spec_named(entity).model
        ids = [record_id for each, record_id in wanted if each == entity]
        found |= {(entity, record_id) for record_id in store.session().scalars(select(model.id).where(model.id.in_(ids)))}
    return found


def how_many_wait(who: Principal) -> int:
    """For the menu and the home."""
    task = models.ApprovalTask
    wanted = select(func.count()).select_from(task).where(task.owner_id == who.user_id, task.state == TaskState.WAITING.value)
    return store.session().scalar(wanted) or 0


@dataclass(frozen=True, slots=True)
class Said:
    """One line of what happened."""

    who: str
    kind: ActionKind
    at: datetime
    comment: str
    to: str = ""


def history(approval_id: int, *, now: datetime) -> list[Said]:
    """Everything that was done with an approval that came through the gate, in order."""
    names = People(now).name
    rows = store.session().connection().execute(select(_actions).where(_actions.c.approval_id == approval_id).order_by(_actions.c.id))
    return [
        Said(names.get(r.created_by_id, "—"), ActionKind(r.kind), r.created_at, r.comment, names.get(r.to_id, "") if r.to_id else "")
        for r in rows
    ]
