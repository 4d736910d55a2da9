"""What each person's home shows: questions, read through the gate as the person who looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from portal import models
from portal.domain.calendar import company_day as local_day
from portal.domain.calendar import on_leave
from portal.domain.handover import Leaver, leavers
from portal.domain.periods import Period, PeriodKind, period_named, period_of
from portal.domain.report_draft import Draft, draft, figures
from portal.domain.report_figures import Figure, list_href
from portal.domain.reports import IN, UNSENT, plan
from portal.domain.worklists import (
    LIVE,
    Shown,
    about_to_return,
    breaches,
    broken_filter,
    first_responses_open,
    follow_ups_due,
    late_counts,
    nothing_late,
    overdue_filter,
    reports_to_send,
)
from portal.engine import store
from portal.engine.outbox import inbox
from portal.engine.text import LANGUAGES, Text
from portal.entities.reports import EXEMPT_BY_ITSELF
from portal.policies import policy
from portal.security.principal import Principal
from portal.security.seeing import seen

_MOST = 20
_SUMMARY = 80


# the rep's day ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Today:
    """A rep's day. `reports` rows: id, title, period, period_key, state, due_at, late_until, comment; `draft` is of the first.

    Lead rows: id, company, name, grade, state, next_at, next_step, first_response_due_at, contacted_at.
    """

    reports: Shown
    draft: Draft | None
    first_responses: Shown | None
    follow_ups: Shown | None
    recycling: Shown | None
    month: tuple[Figure, ...]
    news: Sequence[Any]

    @property
    def left(self) -> int:
        """How many things are to be done."""
        return sum(each.total for each in (self.reports, self.first_responses, self.follow_ups) if each is not None)


def today(user: Principal, *, now: datetime) -> Today:
    """What this person has to do, the most urgent first; as many statements however much it is."""
    reports = reports_to_send(user, now=now)
    return Today(
        reports=reports,
        draft=draft(user.user_id, period_named(reports.rows[0].period_key)) if len(reports) else None,
        first_responses=first_responses_open(user, now=now),
        follow_ups=follow_ups_due(user, now=now),
        recycling=about_to_return(user, now=now),
        month=figures(user.user_id, period_of(PeriodKind.MONTH, local_day(now))),
        news=inbox(store.session(), user.user_id, unread=True, limit=_MOST),
    )


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
    summary: Mapping[str, str]
    """In each language."""


@dataclass(frozen=True, slots=True)
class Board:
    """All reports of one period that the reader may see, with how many are in, late, missing, open, exempt, unread."""

    period: Period
    due_at: datetime | None
    rows: tuple[BoardRow, ...]
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Member:
    """A member's load: leads held against the cap, follow-ups overdue, first responses breached, away today.

    None where the reader does not see what they are counted by.
    """

    id: int
    name: str
    team_id: int | None
    held: int
    overdue: int | None
    breached: int | None
    cap: int
    away: bool

    @property
    def held_href(self) -> str:
        return list_href("/lead/", self._whose, ["state", "in", list(LIVE)])

    @property
    def overdue_href(self) -> str:
        return list_href("/lead/", *overdue_filter(self._whose))

    @property
    def breached_href(self) -> str:
        return list_href("/lead/", *broken_filter(self._whose))

    @property
    def _whose(self) -> list[Any]:
        return ["owner_id", "eq", self.id]


@dataclass(frozen=True, slots=True)
class PoolState:
    size: int
    unclaimed: int | None
    """In the pool for at least `days` (`pool.unclaimed_days`, 3)."""
    days: int


@dataclass(frozen=True, slots=True)
class TeamDay:
    """A leader's day. `breaches`: leads; `hand_over`: people who left, and what they still own."""

    board: Board
    pool: PoolState
    members: tuple[Member, ...]
    breaches: Shown | None
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
    return Text(reason) if reason in EXEMPT_BY_ITSELF else reason


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


def summary(row: Any) -> Mapping[str, str]:
    """One line of a report: its problem, else the first thing done, else the plan. What people write is as they wrote it."""
    lines = (row.figures or {}).get("lines") or []
    first = lines[0]["text"] if lines else {}
    told: dict[str, str] = {}
    for language in LANGUAGES:
        parts = (row.problems, row.extra_work, first.get(language) or first.get("zh"), row.plan)
        said = next((text for text in parts if text and text.strip()), "")
        told[language] = " ".join(said.split())[:_SUMMARY]
    return told


def pool_state(*, now: datetime) -> PoolState:
    """How many leads lie in the pools the reader sees, and how many of them nobody took for days."""
    lead = models.Lead
    days: int = policy("pool.unclaimed_days", on=local_day(now))
    ago = now - timedelta(days=days)
    wanted = select(func.count(), func.count().filter(lead.pooled_at <= ago)).where(lead.pool_id.is_not(None))
    size, unclaimed = store.session().execute(wanted).one()
    return PoolState(size, unclaimed if seen(lead.pooled_at) else None, days)


def workload(leader: Principal, *, now: datetime) -> tuple[Member, ...]:
    """Every active member of the leader's teams with what he holds, the fullest first."""
    lead, user = models.Lead, models.User
    held = (
        select(lead.owner_id, func.count().label("held"), *late_counts(now))
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
        held_now, overdue, breached = (numbers.held, numbers.overdue, numbers.breached) if numbers else (0, *nothing_late())
        found.append(Member(member.id, member.name, member.team_id, held_now, overdue, breached, cap, member.id in away))
    return tuple(sorted(found, key=lambda member: (-member.held, member.id)))
