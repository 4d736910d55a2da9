"""What the director's home shows: the company at one glance, read through the gate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select

from portal import models
from portal.domain.calendar import company_day as local_day
from portal.domain.handover import Leaver, leavers
from portal.domain.periods import PeriodKind
from portal.domain.workbench import PoolState, board_counts, board_period, pool_state
from portal.domain.worklists import LIVE, late_counts, nothing_late
from portal.engine import store
from portal.engine.outbox import inbox
from portal.entities.leads import LeadState
from portal.security.principal import Principal
from portal.security.seeing import seen

_MOST = 20


@dataclass(frozen=True, slots=True)
class TeamRow:
    """A team's numbers: people, leads held, overdue follow-ups, breaches, reports owed, in, late, missing.

    None where the reader does not see what they are counted by.
    """

    id: int
    name: str
    people: int
    held: int
    overdue: int | None
    breached: int | None
    reports: dict[str, int]


@dataclass(frozen=True, slots=True)
class CompanyDay:
    """A director's day. `states`: leads by state; `channels`: (id, name, total, following, converted, invalid)."""

    day: date
    teams: tuple[TeamRow, ...]
    states: dict[str, int]
    channels: Sequence[Any] | None
    pool: PoolState
    hand_over: Sequence[Leaver]
    news: Sequence[Any]


def company_day(director: Principal, *, now: datetime) -> CompanyDay:
    """The company at one glance; ten statements whatever its size."""
    return CompanyDay(
        day=local_day(now),
        teams=teams(now=now),
        states=funnel(),
        channels=channels(),
        pool=pool_state(now=now),
        hand_over=leavers(),
        news=inbox(store.session(), director.user_id, unread=True, limit=_MOST),
    )


def teams(*, now: datetime) -> tuple[TeamRow, ...]:
    """One row a team with the last daily reports beside its leads."""
    lead, team, user, report = models.Lead, models.Team, models.User, models.WorkReport
    session = store.session()
    numbers = {
        row.team_id: row
        for row in session.execute(
            select(lead.team_id, func.count().label("held"), *late_counts(now))
            .where(lead.owner_id.is_not(None), lead.state.in_(LIVE))
            .group_by(lead.team_id)
        )
    }
    people: dict[int | None, int] = dict(
        session.execute(select(user.team_id, func.count()).where(user.active.is_(True)).group_by(user.team_id)).all()
    )
    period = board_period(PeriodKind.DAY, now=now)
    sent: dict[int | None, list[Any]] = {}
    for row in session.execute(
        select(report.team_id, report.state, report.submitted_at, report.due_at).where(
            report.period == period.kind.value, report.period_key == period.key
        )
    ):
        sent.setdefault(row.team_id, []).append(row)
    found = []
    for team_id, name in session.execute(select(team.id, team.name).where(team.deleted_at.is_(None)).order_by(team.id)):
        load = numbers.get(team_id)
        held, overdue, breached = (load.held, load.overdue, load.breached) if load else (0, *nothing_late())
        found.append(TeamRow(team_id, name, people.get(team_id, 0), held, overdue, breached, board_counts(sent.get(team_id, []))))
    return tuple(found)


def funnel() -> dict[str, int]:
    """How many leads stand in each state, in the order of the states."""
    lead = models.Lead
    counted = dict(store.session().execute(select(lead.state, func.count()).group_by(lead.state)).all())
    return {state.value: counted.get(state.value, 0) for state in LeadState}


def channels() -> list[Any] | None:
    """Per source channel: leads in all, being followed, converted, invalid; the largest first. None where it is not seen."""
    lead, source = models.Lead, models.SourceChannel
    if not seen(lead.source_id):
        return None
    wanted = (
        select(
            source.id,
            source.name,
            func.count().label("total"),
            func.count().filter(lead.state == LeadState.FOLLOWING.value).label("following"),
            func.count().filter(lead.state == LeadState.CONVERTED.value).label("converted"),
            func.count().filter(lead.state == LeadState.INVALID.value).label("invalid"),
        )
        .join(lead, lead.source_id == source.id)
        .group_by(source.id, source.name)
    )
    return list(store.session().execute(wanted.order_by(func.count().desc(), source.id)))
