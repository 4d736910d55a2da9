"""Leave: asked for, decided by superiors, and what follows from it for duties and decisions (handbook 75)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from portal import models
from portal.domain.approvers import named_already
from portal.domain.calendar import company_calendar, company_day
from portal.engine import store
from portal.engine.errors import Invalid, Refused
from portal.engine.kinds.texts import LongTextField
from portal.engine.operations import operation
from portal.engine.text import Text, say
from portal.engine.verbs import ApprovalRule, Outcome, one_by_one, verb
from portal.entities.organisation import LeaveState
from portal.policies import policy
from portal.security.principal import Principal
from portal.security.session import entrusted

_OPEN = (LeaveState.DRAFT.value, LeaveState.REJECTED.value)
_NO_WORK = "这几天都不是工作日，不用请假。 | None of these is a working day; no leave is needed."
_leaves: Any = models.Leave.__table__
STEPS: tuple[Mapping[str, Any], ...] = (
    {"label": "上级 | Superior", "mode": "any", "who": [{"by": "superior", "level": 1}]},
    {
        "label": "总监 | Director",
        "mode": "any",
        "who": [{"by": "role", "role": "director"}],
        "when": [["days", "ge", "policy:leave.director_from_days"]],
    },
)
"""One working day the leader, three and more also the director; two days as the policy says."""


@operation("leave", "create")
def create(values: Mapping[str, Any], *, acting_user: Principal, now: datetime) -> models.Leave:
    """A draft of one's own; its working days are counted by the company's calendar."""
    session = store.session()
    made = models.Leave(**values, owner_id=acting_user.user_id or None, team_id=acting_user.team_id)
    _check(made, now)
    session.add(made)
    session.flush()
    return made


@operation("leave", "change")
def change(leave: models.Leave, values: Mapping[str, Any], *, acting_user: Principal, now: datetime) -> models.Leave:
    """A draft or a rejected one; what was granted stays as it was granted."""
    _refuse_decided(leave)
    for key, value in values.items():
        setattr(leave, key, value)
    _check(leave, now)
    store.session().flush()
    return leave


@operation("leave", "remove")
def remove(leave: models.Leave, *, acting_user: Principal, now: datetime) -> models.Leave:
    """Into the bin; a granted one is cancelled instead, so that its history stays."""
    if leave.state == LeaveState.APPROVED.value:
        raise Refused("已批准的请假请用“取消”。 | Cancel a leave that was approved instead.", rule="granted")
    leave.deleted_at = now
    store.session().info["verb_name"] = "delete"
    store.session().flush()
    return leave


def _refuse_decided(leave: models.Leave) -> None:
    if leave.state not in (*_OPEN, LeaveState.PENDING.value):
        raise Refused(
            "批准后不能改动；日期有变请先取消，再重新申请。"
            " | It cannot be changed once decided; if the days change, cancel it and ask anew.",
            rule="granted",
        )


def _check(leave: models.Leave, now: datetime) -> None:
    errors = {}
    if leave.first_on is not None and leave.last_on is not None:
        wrong = _span_fault(leave.first_on, leave.last_on, company_day(now))
        if wrong is None:
            leave.days = len(company_calendar().working_days(leave.first_on, leave.last_on))
            wrong = ("last_on", Text(_NO_WORK)) if leave.days == 0 else _taken_already(leave)
        if wrong is not None:
            errors[wrong[0]] = wrong[1]
    if leave.deputy_id is not None and leave.deputy_id == leave.owner_id:
        errors["deputy_id"] = Text("代理人不能是自己。 | One cannot be one's own deputy.")
    if not errors and (twice := _named_twice(leave)):
        errors["deputy_id"] = twice
    if errors:
        raise Invalid(errors)


def _span_fault(first: date, last: date, today: date) -> tuple[str, Text] | None:
    """The field that is wrong, and why."""
    most = policy("leave.most_days", on=today)
    if last < first:
        return "last_on", Text("结束日期不能早于开始日期。 | The last day cannot be before the first.")
    if (last - first).days >= most:
        return "last_on", Text("一次请假最长 {most} 天。 | A leave lasts at most {most} days.", most=most)
    return None


def _taken_already(leave: models.Leave) -> tuple[str, Text] | None:
    """Another leave of the same person on these days, granted or being decided."""
    same = (_leaves.c.owner_id == leave.owner_id, _leaves.c.deleted_at.is_(None), _leaves.c.id != (leave.id or 0))
    held = _leaves.c.state.in_((LeaveState.APPROVED.value, LeaveState.PENDING.value))
    days = (_leaves.c.first_on <= leave.last_on, _leaves.c.last_on >= leave.first_on)
    wanted = select(_leaves.c.first_on, _leaves.c.last_on).where(*same, held, *days).order_by(_leaves.c.first_on).limit(1)
    found = store.session().connection().execute(wanted).one_or_none()
    if found is None:
        return None
    first, last = (day.isoformat() for day in found)
    return "first_on", Text(
        "这几天已经请过假了：{first} 至 {last}。 | There is a leave on these days already: {first} to {last}.", first=first, last=last
    )


def _refuse_unready(leave: models.Leave) -> None:
    """Asked when it is submitted: another one may have come in between."""
    if (taken := _taken_already(leave)) is not None:
        raise Refused(taken[1].template, rule="taken", **taken[1].facts)


def _named_twice(record: models.Leave | models.Delegation, but: int | None = None) -> Text | None:
    """One person has one deputy a day: whom he has named for some of these days already is said by name."""
    if record.deputy_id is None or record.first_on is None or record.last_on is None:
        return None
    found = named_already(record.owner_id, record.deputy_id, (record.first_on, record.last_on), but=but)
    if found is None:
        return None
    return Text(
        "{first} 至 {last} 已由 {who} 代理，请先改那一条。 | {who} stands in from {first} to {last} already; change that first.",
        {"who": found.name, "first": found.first_on.isoformat(), "last": found.last_on.isoformat()},
    )


@verb(
    "leave:submit",
    "提交审批 | Submit",
    icon="send",
    takes=("own",),
    primary=True,
    columns=("state",),
    states=_OPEN,
    approval=ApprovalRule(STEPS, waiting="pending", rejected="rejected", returned="draft", ready=_refuse_unready),
    help="提交后等上级决定，期间不能改动。 | Your superior decides; it stands still meanwhile.",
)
def submit(leaves: Sequence[models.Leave], *, acting_user: Principal, now: datetime) -> Outcome:
    """Granted: from now on it frees from reports and from being given leads, and its deputy decides meanwhile."""
    outcome = Outcome()
    for leave in leaves:
        leave.state = LeaveState.APPROVED.value
        if leave.deputy_id is not None:
            store.session().add(
                models.Delegation(
                    owner_id=leave.owner_id,
                    team_id=leave.team_id,
                    deputy_id=leave.deputy_id,
                    first_on=leave.first_on,
                    last_on=leave.last_on,
                    leave_id=leave.id,
                )
            )
        outcome.done.append(leave.id)
    store.session().flush()
    return outcome


@verb(
    "leave:cancel",
    "取消 | Cancel",
    icon="circle-x",
    takes=("own", "reach"),
    columns=("state",),
    states=("approved",),
    form=(("reason", LongTextField("原因 | Reason", required=True)),),
)
def cancel(leaves: Sequence[models.Leave], *, acting_user: Principal, now: datetime, reason: str) -> Outcome:
    """Not taken after all, or back early: duties come back, and nobody decides in his place any more."""

    def one(leave: models.Leave) -> None:
        if leave.state != LeaveState.APPROVED.value:
            raise Refused("只有已批准的请假才能取消。 | Only a leave that was approved can be cancelled.", rule="state")
        leave.state = LeaveState.CANCELLED.value
        _end_deputy(leave, acting_user, now)

    outcome = one_by_one(leaves, one)
    outcome.message = say("已取消，报告和分配照常。 | Cancelled; reports and leads come as usual.") if outcome.done else None
    return outcome


def _end_deputy(leave: models.Leave, acting_user: Principal, now: datetime) -> None:
    """Whoever cancels it: a superior does not see whom his people have named, and the deputy goes with the leave all the same."""
    session = store.session()
    with entrusted(session, replace(acting_user, is_system=True, note="leave:cancel")):
        for named in session.scalars(select(models.Delegation).where(models.Delegation.leave_id == leave.id)):
            named.deleted_at = now


@operation("delegation", "create")
def name_deputy(values: Mapping[str, Any], *, acting_user: Principal, now: datetime) -> models.Delegation:
    """Who decides in one's own place."""
    made = models.Delegation(**values, owner_id=acting_user.user_id or None, team_id=acting_user.team_id)
    _check_days(made)
    store.session().add(made)
    store.session().flush()
    return made


@operation("delegation", "change")
def change_deputy(record: models.Delegation, values: Mapping[str, Any], *, acting_user: Principal, now: datetime) -> models.Delegation:
    """Other days, or another person."""
    for key, value in values.items():
        setattr(record, key, value)
    _check_days(record)
    store.session().flush()
    return record


def _check_days(record: models.Delegation) -> None:
    errors = {}
    if record.first_on is not None and record.last_on is not None and record.last_on < record.first_on:
        errors["last_on"] = Text("结束日期不能早于开始日期。 | The last day cannot be before the first.")
    if record.deputy_id == record.owner_id:
        errors["deputy_id"] = Text("代理人不能是自己。 | One cannot be one's own deputy.")
    if not errors and (twice := _named_twice(record, record.id)):
        errors["deputy_id"] = twice
    if errors:
        raise Invalid(errors)
