"""Leave on its way: one waits for a leader, one for the director, one was sent back."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import domain
from portal.demo.company import Company, Person
from portal.demo.rows import Stage
from portal.domain.approval_flows import flow_for
from portal.domain.approval_verbs import approve, send_back
from portal.domain.approvals import submit
from portal.domain.leaves import create
from portal.engine import audit
from portal.engine.verbs import verb_named
from portal.models import Approval, ApprovalTask
from portal.security.principal import Principal
from portal.security.resolve import access_version, resolve
from portal.security.session import entrusted


def ask(stage: Stage, company: Company) -> None:
    """By the portal's own verbs, so that every step, notice and line of history is there."""
    domain.load()
    audit.install(Session)
    reps, leaders = company.of_role("rep"), company.of_role("leader")
    _leave(stage, reps[2], "annual", 6, 1, "孩子家长会")
    _leave(stage, reps[3], "personal", 9, 1, "办户口")
    waiting = _leave(stage, reps[0], "annual", 13, 5, "回家看父母")
    approve([_task(stage, waiting)], acting_user=_principal(stage, _leader_of(reps[0], leaders)), now=stage.now, comment="工作已交接")
    returned = _leave(stage, reps[5], "sick", 5, 3, "体检")
    send_back([_task(stage, returned)], acting_user=_principal(stage, _leader_of(reps[5], leaders)), now=stage.now, reason="请附上预约日期")


def _leader_of(rep: Person, leaders: list[Person]) -> Person:
    return next(leader for leader in leaders if leader.id == rep.leader_id)


def _principal(stage: Stage, person: Person) -> Principal:
    return resolve(stage.session, person.id, access_version(stage.session), stage.now)


def _leave(stage: Stage, rep: Person, kind: str, after: int, days: int, reason: str) -> Approval:
    who, verb = _principal(stage, rep), verb_named("leave", "submit")
    assert verb is not None  # noqa: S101 - declared in portal/domain/leaves.py
    first = stage.calendar.next_working(stage.today + timedelta(days=after))
    values = {"kind": kind, "first_on": first, "last_on": first + timedelta(days=days - 1), "reason": reason}
    flow = flow_for(verb)
    assert flow is not None  # noqa: S101 - the declaration has one
    with entrusted(stage.session, who):
        return submit(verb, flow, create(values, acting_user=who, now=stage.now), acting_user=who, now=stage.now, form={})


def _task(stage: Stage, approval: Approval) -> ApprovalTask:
    wanted = select(ApprovalTask).where(ApprovalTask.approval_id == approval.id, ApprovalTask.state == "waiting")
    return stage.session.scalars(wanted).one()
