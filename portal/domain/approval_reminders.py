"""Decisions that are waited for too long: reminders, and the superior's turn when nobody decides (records.md, C)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from portal import models
from portal.domain.approval_verbs import pass_on
from portal.domain.approvals import note
from portal.domain.approvers import Approver, People
from portal.domain.calendar import company_day
from portal.engine import store
from portal.entities.approvals import ActionKind, ApprovalState, TaskState
from portal.policies import policy

Task = models.ApprovalTask


def waiting_too_long(since: datetime, now: datetime) -> list[tuple[Any, int]]:
    """(task, hours) of every task that has been waiting for one of the policy's hours since the last look; the last one counts."""
    hours = sorted(each for each in policy("approval.remind_hours", on=company_day(now)) if each > 0)
    found = []
    for task in _waiting():
        begun = task.waiting_since
        passed = [each for each in hours if begun is not None and since < begun + timedelta(hours=each) <= now]
        if passed:
            found.append((task, passed[-1]))
    return found


def move_on(*, now: datetime) -> int:
    """Who is away today hands to his deputy and has it back afterwards; who has not decided in time, to his superior or an admin.

    Returns how many moved.
    """
    people, hours = People(now), policy("approval.escalate_hours", on=company_day(now))
    limit = timedelta(hours=hours) if hours > 0 else None
    return sum(_move(task, people, limit, now) for task in _waiting())


def _move(task: Any, people: People, limit: timedelta | None, now: datetime) -> bool:
    session = store.session()
    approval = session.scalars(select(models.Approval).where(models.Approval.id == task.approval_id).with_for_update()).one()
    if task.owner_id is None or approval.state != ApprovalState.PENDING.value:
        return False
    asker = approval.owner_id or 0
    deciding = {each.owner_id for each in _waiting() if each.approval_id == approval.id}
    over = not people.still_stands_in(Approver(task.owner_id, task.for_id))
    turn = people.standing_in(task.for_id or task.owner_id, asker)
    named = turn.user_id in people.active and turn.user_id not in deciding
    if named and (over or people.is_away(task.owner_id)):
        note(approval, ActionKind.DEPUTY if turn.for_id else ActionKind.TRANSFER, to_id=turn.user_id)
        pass_on(task, approval, turn, TaskState.TRANSFERRED, "", now=now)
        return True
    if not over and (limit is None or task.waiting_since is None or task.waiting_since + limit > now):
        return False
    above = [each for each in people.above(task.for_id or task.owner_id) or people.admins(asker) if each != asker and each not in deciding]
    if not above:
        return False
    note(approval, ActionKind.ESCALATE, to_id=above[0])
    pass_on(task, approval, Approver(above[0]), TaskState.ESCALATED, "", now=now)
    return True


def _waiting() -> list[Any]:
    wanted = select(Task).where(Task.state == TaskState.WAITING.value, Task.deleted_at.is_(None)).order_by(Task.id)
    return list(store.session().scalars(wanted))
