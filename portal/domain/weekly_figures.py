"""A team's week beside the week before: counts with their change, rates with their fall in points (records C).

Figures are counted by the database from the records themselves, so a report can not tell anything else.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from fractions import Fraction
from typing import Any

from sqlalchemy import func, select

from portal import models
from portal.domain.calendar import company_calendar, company_day, span
from portal.domain.periods import Period, PeriodKind, period_of
from portal.domain.reports import IN
from portal.engine import store
from portal.policies import policy
from portal.security.seeing import told_of

COUNTS: Mapping[str, str] = {
    "follow_ups": "跟进 | Follow-ups",
    "worked": "联系的线索和客户 | Leads and customers contacted",
    "created": "新建线索 | Leads created",
    "converted": "转为客户（按转化时间） | Converted (when converted)",
}
RATES: Mapping[str, tuple[str, str, str]] = {
    "conversion": ("转化率（按转化时间） | Conversion (when converted)", "converted", "worked"),
    "on_time": ("按时提交率 | Reports in time", "in_time", "owed"),
    "logged": ("一小时录入率 | Logged within the hour", "logged_in_time", "follow_ups"),
}
"""Key → what it is called, part, whole (records: discipline)."""
_PERCENT = 100


@dataclass(frozen=True, slots=True)
class Change:
    """A count of this week and the last; `percent` is (now − then) ÷ then, None where there was nothing then."""

    label: str
    now: int
    then: int

    @property
    def percent(self) -> int | None:
        return None if not self.then else round(Fraction(self.now - self.then, self.then) * _PERCENT)


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of this week and the last, in per cent; None where nothing was there to share."""

    label: str
    now: Fraction | None
    then: Fraction | None
    marked_from: int

    @property
    def fall(self) -> Fraction:
        """Points lost since the week before; negative where it rose, 0 where one of the two is not there."""
        return self.then - self.now if self.now is not None and self.then is not None else Fraction(0)

    @property
    def fell(self) -> bool:
        """Whether the fall is one to look at (`report.fall_points`, 5; the figure itself counts)."""
        return self.fall >= self.marked_from

    @staticmethod
    def words(share: Fraction | None) -> str:
        return "—" if share is None else f"{float(share):.1f} %"


@dataclass(frozen=True, slots=True)
class Week:
    """One week of some teams beside the one before."""

    period: Period
    changes: tuple[Change, ...]
    rates: tuple[Rate, ...]

    @property
    def fallen(self) -> tuple[Rate, ...]:
        return tuple(rate for rate in self.rates if rate.fell)


def week_of(period: Period, team_ids: Collection[int]) -> Week:
    """The week of these teams as far as the reader sees it; six statements."""
    now, then = _counted(period, team_ids), _counted(period.previous, team_ids)
    marked = policy("report.fall_points", on=period.last)
    changes = tuple(Change(label, now[key], then[key]) for key, label in COUNTS.items() if _told(key))
    shares = [rate for rate in RATES.values() if _told(*rate[1:])]
    rates = tuple(Rate(label, _share(now, part, whole), _share(then, part, whole), marked) for label, part, whole in shares)
    return Week(period, changes, rates)


def _told(*keys: str) -> bool:
    """Whether the reader may know these numbers: he sees what they are counted by."""
    made = models.FollowUp
    by = {
        "follow_ups": made.contacted_at,
        "worked": made.contacted_at,
        "logged_in_time": made.contacted_at,
        "created": models.Lead.owner_id,
        "converted": models.Lead.converted_at,
        "owed": models.WorkReport.owner_id,
        "in_time": models.WorkReport.owner_id,
    }
    return told_of(*(by[key] for key in keys))


def _share(counts: Mapping[str, int], part: str, whole: str) -> Fraction | None:
    return Fraction(counts[part] * _PERCENT, counts[whole]) if counts[whole] else None


def _counted(period: Period, team_ids: Collection[int]) -> dict[str, int]:
    return {**_reports(period, team_ids), **_contacts(period, team_ids), **_leads(period, team_ids)}


def _reports(period: Period, team_ids: Collection[int]) -> dict[str, int]:
    """Daily reports of the week: owed (without the exempt), and in at or before their due instant."""
    report = models.WorkReport
    in_time = report.state.in_(IN) & (report.submitted_at <= report.due_at)
    wanted = select(func.count().filter(report.state != "exempt"), func.count().filter(in_time)).where(
        report.period == PeriodKind.DAY.value,
        report.first_on.between(period.first, period.last),
        report.team_id.in_(team_ids),
        report.deleted_at.is_(None),
    )
    owed, done = store.session().execute(wanted).one()
    return {"owed": owed, "in_time": done}


def _contacts(period: Period, team_ids: Collection[int]) -> dict[str, int]:
    since, until = span(period.first, period.last)
    made, user = models.FollowUp, models.User
    wanted = (
        select(
            func.count(),
            func.count().filter(made.logged_late == 0),
            func.count(made.lead_id.distinct()) + func.count(made.customer_id.distinct()),
        )
        .select_from(made)
        .join(user, user.id == made.created_by_id)
        .where(user.team_id.in_(team_ids), made.contacted_at >= since, made.contacted_at < until, made.deleted_at.is_(None))
    )
    follow_ups, logged, worked = store.session().execute(wanted).one()
    return {"follow_ups": follow_ups, "logged_in_time": logged, "worked": worked}


def _leads(period: Period, team_ids: Collection[int]) -> dict[str, int]:
    """Created by when they were made, converted by when they were converted."""
    since, until = span(period.first, period.last)
    lead = models.Lead
    made = (lead.created_at >= since) & (lead.created_at < until)
    turned = (lead.converted_at >= since) & (lead.converted_at < until)
    wanted = select(func.count().filter(made), func.count().filter(turned)).where(
        lead.team_id.in_(team_ids), made | turned, lead.deleted_at.is_(None)
    )
    created, converted = store.session().execute(wanted).one()
    return {"created": created, "converted": converted}


# the leader's Monday ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Due:
    """A leader is to be told of last week's figures."""

    leader_id: int
    week: Week


def due(since: datetime, now: datetime) -> list[Due]:
    """Leaders whose weekly figures came due in (since, now]: Monday 9:00 (policy), for the week that has ended."""
    monday = period_of(PeriodKind.WEEK, company_day(now)).first
    at = company_calendar().at(monday, _at(now))
    if not since < at <= now:
        return []
    period = period_of(PeriodKind.WEEK, monday).previous
    return [Due(leader_id, week_of(period, ids)) for leader_id, ids in _led().items()]


def _at(now: datetime) -> time:
    found: time = policy("report.weekly_figures_at", on=company_day(now))
    return found


def _led() -> dict[int, set[int]]:
    """Active leaders and their teams with all below."""
    team, user = models.Team, models.User
    rows: list[Any] = list(store.session().execute(select(team.id, team.parent_id, team.leader_id).where(team.deleted_at.is_(None))))
    leaders = {row.leader_id for row in rows if row.leader_id}
    active = set(store.session().scalars(select(user.id).where(user.id.in_(leaders), user.active.is_(True))))
    found: dict[int, set[int]] = {leader_id: set() for leader_id in sorted(active)}
    parent = {row.id: row.parent_id for row in rows}
    leader = {row.id: row.leader_id for row in rows}
    for each in parent:
        above, passed = each, set()
        while above is not None and above not in passed:
            if leader.get(above) in found:
                found[leader[above]].add(each)
            passed.add(above)
            above = parent.get(above)
    return found
