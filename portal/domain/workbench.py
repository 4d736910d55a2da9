"""What each person's home shows: questions, read through the gate as the person who looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, literal, select

from portal import models
from portal.domain.calendar import company_day as local_day
from portal.domain.calendar import on_leave, span
from portal.domain.handover import Leaver, leavers
from portal.domain.periods import Period, PeriodKind, period_named, period_of
from portal.domain.pool import Due, returning
from portal.domain.pooling import poolings
from portal.domain.report_draft import Draft, Figure, draft, figures
from portal.domain.reports import IN, UNSENT, plan
from portal.engine import store
from portal.engine.outbox import inbox
from portal.engine.text import Text
from portal.entities.leads import LeadState
from portal.entities.reports import HOLIDAY, ON_LEAVE, ReportState
from portal.policies import policy
from portal.security.principal import Principal
from portal.security.seeing import as_seen

LIVE = (LeadState.NEW.value, LeadState.ASSIGNED.value, LeadState.FOLLOWING.value)
_MOST = 20


# the rep's day ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Today:
    """A rep's day. `reports` rows: id, title, period, period_key, state, due_at, late_until, comment; `draft` is of the first.

    Lead rows: id, company, name, grade, state, next_at, next_step, first_response_due_at, contacted_at.
    """

    reports: Sequence[Any]
    draft: Draft | None
    first_responses: Sequence[Any]
    follow_ups: Sequence[Any]
    recycling: Sequence[Due]
    month: tuple[Figure, ...]
    news: Sequence[Any]


def today(user: Principal, *, now: datetime) -> Today:
    """What this person has to do, the most urgent first; at most twelve statements."""
    reports = reports_to_send(user, now=now)
    return Today(
        reports=reports,
        draft=draft(user.user_id, period_named(reports[0].period_key)) if reports else None,
        first_responses=first_responses_open(user, now=now),
        follow_ups=follow_ups_due(user, now=now),
        recycling=about_to_return(user, now=now),
        month=figures(user.user_id, period_of(PeriodKind.MONTH, local_day(now))),
        news=inbox(store.session(), user.user_id, unread=True, limit=_MOST),
    )


def reports_to_send(user: Principal, *, now: datetime) -> list[Any]:
    """One's own reports that wait: unsent before their closing time, and returned ones."""
    report = models.WorkReport
    waiting = report.state.in_(UNSENT) & (report.late_until > now) | (report.state == ReportState.RETURNED.value)
    wanted = select(
        report.id, report.title, report.period, report.period_key, report.state, report.due_at, report.late_until, report.comment
    )
    return list(
        store.session().execute(wanted.where(report.owner_id == user.user_id, waiting).order_by(report.due_at, report.id).limit(_MOST))
    )


def _leads() -> Select[Any]:
    lead: Any = models.Lead
    return select(
        lead.id,
        lead.company,
        as_seen(lead.name),
        as_seen(lead.grade),
        lead.state,
        lead.next_at,
        as_seen(lead.next_step),
        lead.first_response_due_at,
        lead.contacted_at,
        lead.owner_id,
    )


def first_responses_open(user: Principal, *, now: datetime) -> list[Any]:
    """One's leads whose 24-hour clock runs or has run out without a contact, the shortest time first."""
    lead = models.Lead
    wanted = _leads().where(
        lead.owner_id == user.user_id, lead.first_response_at.is_(None), lead.first_response_due_at.is_not(None), lead.state.in_(LIVE)
    )
    return list(store.session().execute(wanted.order_by(lead.first_response_due_at, lead.id).limit(_MOST)))


def follow_ups_due(user: Principal, *, now: datetime) -> list[Any]:
    """What to contact until the end of the company's day, overdue ones first: entity, id, title, next_at, next_step."""
    _, midnight = span(local_day(now), local_day(now))
    found: list[Any] = []
    for pooling in poolings.values():
        model = pooling.model
        entity, step = literal(pooling.name).label("entity"), as_seen(model.next_step)
        wanted = select(entity, model.id, pooling.title.label("title"), model.next_at, step)
        due = (model.owner_id == user.user_id, model.next_at < midnight, model.state.in_(pooling.open_states))
        found += store.session().execute(wanted.where(*due).order_by(model.next_at, model.id).limit(_MOST)).all()
    return sorted(found, key=lambda row: row.next_at)[:_MOST]


def about_to_return(user: Principal, *, now: datetime) -> list[Due]:
    """One's records that go back to the pool within the longest warning time (7 days), the soonest first."""
    ahead = max(policy("recycle.warn_days", on=local_day(now)), default=0)
    until = now + timedelta(days=ahead)
    found = [due for pooling in poolings.values() for due in returning(pooling, now, until, owner_id=user.user_id, most=_MOST)]
    return sorted(found, key=lambda due: due.due_at)[:_MOST]


# the leader's day -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One person's report on the board; `summary` is the line that says most."""

    id: int
    user_id: int
    name: str
    state: str
    submitted_at: datetime | None
    exempt_reason: Text | str
    summary: str


@dataclass(frozen=True, slots=True)
class Board:
    """All reports of one period that the reader may see, with how many are in, late, missing, open, exempt, unread."""

    period: Period
    due_at: datetime | None
    rows: tuple[BoardRow, ...]
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Member:
    """A member's load: leads held against the cap, follow-ups overdue, first responses breached, away today."""

    id: int
    name: str
    team_id: int | None
    held: int
    overdue: int
    breached: int
    cap: int
    away: bool


@dataclass(frozen=True, slots=True)
class PoolState:
    size: int
    unclaimed: int
    """In the pool for at least `pool.unclaimed_days` (3)."""


@dataclass(frozen=True, slots=True)
class TeamDay:
    """A leader's day. `breaches`: leads; `hand_over`: people who left, and what they still own."""

    board: Board
    pool: PoolState
    members: tuple[Member, ...]
    breaches: Sequence[Any]
    hand_over: Sequence[Leaver]
    news: Sequence[Any]


def team_day(leader: Principal, *, now: datetime) -> TeamDay:
    """The team at one glance; at most ten statements whatever its size."""
    return TeamDay(
        board=board(board_period(PeriodKind.DAY, now=now)),
        pool=pool_state(now=now),
        members=workload(leader, now=now),
        breaches=breaches(now=now),
        hand_over=leavers(),
        news=inbox(store.session(), leader.user_id, unread=True, limit=_MOST),
    )


def board_period(kind: PeriodKind, *, now: datetime) -> Period:
    """The newest period of this kind whose report is due: today's from its due time on, before that the last one."""
    period = period_of(kind, local_day(now))
    for _ in range(40):
        when = plan(period)
        if when is not None and when.due_at <= now:
            return period
        period = period.previous
    return period_of(kind, local_day(now))


def board(period: Period) -> Board:
    """Who is in, late, missing, exempt for this period, among those the reader may see; problems first."""
    report, user = models.WorkReport, models.User
    wanted = (
        select(
            report.id,
            report.owner_id,
            user.name,
            report.state,
            report.submitted_at,
            report.due_at,
            report.exempt_reason,
            report.problems,
            report.plan,
            report.extra_work,
            report.figures,
        )
        .join(user, user.id == report.owner_id)
        .where(report.period == period.kind.value, report.period_key == period.key)
    )
    found = sorted(store.session().execute(wanted), key=lambda row: (_URGENCY.get(row.state, 9), row.owner_id))
    rows = tuple(
        BoardRow(row.id, row.owner_id, row.name, row.state, row.submitted_at, _why_exempt(row.exempt_reason), summary(row)) for row in found
    )
    return Board(period, found[0].due_at if found else None, rows, board_counts(found))


def _why_exempt(reason: str) -> Text | str:
    """The portal's own reason in both languages, a superior's as he wrote it."""
    return Text(reason) if reason in (ON_LEAVE, HOLIDAY) else reason


_URGENCY = {
    state: n for n, state in enumerate(("missing", "open", "draft", "returned", "late", "submitted", "read", "commented", "exempt"))
}


def board_counts(rows: Sequence[Any]) -> dict[str, int]:
    """`late` counts what came after its due instant, whether read by now or not."""
    sent = [row for row in rows if row.state in IN]
    late = [row for row in sent if row.submitted_at and row.due_at and row.submitted_at > row.due_at]
    return {
        "owed": len(rows) - sum(row.state == "exempt" for row in rows),
        "in": len(sent) - len(late),
        "late": len(late),
        "missing": sum(row.state == "missing" for row in rows),
        "open": sum(row.state in UNSENT for row in rows),
        "exempt": sum(row.state == "exempt" for row in rows),
        "unread": sum(row.state in ("submitted", "late") for row in rows),
    }


def summary(row: Any) -> str:
    """One line of a report: its problem, else the first thing done, else the plan."""
    lines = (row.figures or {}).get("lines") or []
    first = lines[0]["text"]["zh"] if lines else ""
    said = next((text for text in (row.problems, row.extra_work, first, row.plan) if text and text.strip()), "")
    return " ".join(said.split())[:80]


def pool_state(*, now: datetime) -> PoolState:
    """How many leads lie in the pools the reader sees, and how many of them nobody took for days."""
    lead = models.Lead
    ago = now - timedelta(days=policy("pool.unclaimed_days", on=local_day(now)))
    wanted = select(func.count(), func.count().filter(lead.pooled_at <= ago)).where(lead.pool_id.is_not(None))
    size, unclaimed = store.session().execute(wanted).one()
    return PoolState(size, unclaimed)


def workload(leader: Principal, *, now: datetime) -> tuple[Member, ...]:
    """Every active member of the leader's teams with what he holds, the fullest first."""
    lead, user = models.Lead, models.User
    held = (
        select(
            lead.owner_id,
            func.count().label("held"),
            func.count().filter(lead.next_at < now).label("overdue"),
            func.count().filter(first_response_broken(now)).label("breached"),
        )
        .where(lead.owner_id.is_not(None), lead.state.in_(LIVE))
        .group_by(lead.owner_id)
    )
    load = {row.owner_id: row for row in store.session().execute(held)}
    people = select(user.id, user.name, user.team_id).where(user.active.is_(True), user.team_id.in_(leader.team_ids))
    members = list(store.session().execute(people.order_by(user.id)))
    away = on_leave(local_day(now), [member.id for member in members])
    cap = store.session().scalar(select(func.min(models.Pool.holding_cap)).where(models.Pool.deleted_at.is_(None))) or 0
    found = []
    for member in members:
        numbers = load.get(member.id)
        held_now, overdue, breached = (numbers.held, numbers.overdue, numbers.breached) if numbers else (0, 0, 0)
        found.append(Member(member.id, member.name, member.team_id, held_now, overdue, breached, cap, member.id in away))
    return tuple(sorted(found, key=lambda member: (-member.held, member.id)))


def first_response_broken(now: datetime) -> Any:
    lead = models.Lead
    return lead.first_response_at.is_(None) & (lead.first_response_due_at < now) & lead.owner_id.is_not(None)


def breaches(*, now: datetime, limit: int = _MOST) -> list[Any]:
    """Leads of the reader's people that nobody contacted in time, the longest first; with the owner's name."""
    lead, user = models.Lead, models.User
    wanted = _leads().add_columns(user.name.label("owner")).join(user, user.id == lead.owner_id)
    wanted = wanted.where(first_response_broken(now), lead.state.in_(LIVE)).order_by(lead.first_response_due_at, lead.id)
    return list(store.session().execute(wanted.limit(limit)))
