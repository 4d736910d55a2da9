"""Report periods: day, week and month are one thing that differs in its policy values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

from portal.domain.worktime import WorkCalendar, day_named, last_of_month

MonthEnd = Literal["calendar", "working"]

_ONE_DAY = timedelta(days=1)
_MIDNIGHT = time(0)


class PeriodKind(StrEnum):
    """How long a period is."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, order=True)
class Period:
    """One day, one week (Monday to Sunday) or one calendar month of the company's dates."""

    kind: PeriodKind
    first: date
    last: date

    @property
    def key(self) -> str:
        """Its unique name: 2026-11-19, 2026-W47 (the ISO week and its year) or 2026-11."""
        if self.kind is PeriodKind.WEEK:
            year, week, _ = self.first.isocalendar()
            return f"{year:04}-W{week:02}"
        return self.first.isoformat() if self.kind is PeriodKind.DAY else f"{self.first:%Y-%m}"

    @property
    def previous(self) -> Period:
        """The period of the same kind that ends the day before this one."""
        return period_of(self.kind, self.first - _ONE_DAY)

    @property
    def next(self) -> Period:
        """The period of the same kind that begins the day after this one."""
        return period_of(self.kind, self.last + _ONE_DAY)

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


@dataclass(frozen=True)
class ReportTimes:
    """The policy values of one kind of report, in company time on the day the report is due.

    A reminder is a time of that day or a span before the due time. `late_until` 00:00 means 24:00,
    the end of the due day. `list_at` is on the next working day. `month_end` says whether a monthly
    report is due on the last calendar or the last working day. Raises ValueError where due, chase
    and late_until are not in this order: such a policy would chase before anything is due.
    """

    remind: tuple[time | timedelta, ...]
    due: time = time(18)
    chase: time = time(20)
    late_until: time = _MIDNIGHT
    list_at: time = time(9)
    month_end: MonthEnd = "calendar"

    def __post_init__(self) -> None:
        in_time = self.late_until == _MIDNIGHT or self.chase <= self.late_until
        if not (self.due <= self.chase and in_time):
            raise ValueError("report times must run: due, then chase, then late_until")


_BEFORE = (timedelta(hours=3), timedelta(minutes=30))

# Handbook 58 (daily report before leaving, 18:00), 59 (weekly on Friday), 60 (monthly on the last
# day); the surrounding times are records.md C, "Daily report" and "Weekly / monthly".
DEFAULT_TIMES: Mapping[PeriodKind, ReportTimes] = MappingProxyType(
    {
        PeriodKind.DAY: ReportTimes(remind=(time(17, 30),)),
        PeriodKind.WEEK: ReportTimes(remind=_BEFORE),
        PeriodKind.MONTH: ReportTimes(remind=_BEFORE),
    }
)


@dataclass(frozen=True)
class Moments:
    """The instants (UTC) of one period's report, in the order they happen."""

    remind_at: tuple[datetime, ...]
    due_at: datetime
    chase_at: datetime
    late_until: datetime
    list_at: datetime


def period_of(kind: PeriodKind, day: date) -> Period:
    """The period of this kind that contains this day."""
    if kind is PeriodKind.DAY:
        return Period(kind, day, day)
    if kind is PeriodKind.WEEK:
        monday = day - timedelta(days=day.weekday())
        return Period(kind, monday, monday + timedelta(days=6))
    return Period(kind, day.replace(day=1), last_of_month(day))


def period_named(key: str) -> Period:
    """The period with this key. Raises ValueError for a key that names none."""
    if "W" in key:
        return period_of(PeriodKind.WEEK, day_named(f"{key}-1"))
    if key.count("-") == 1:
        return period_of(PeriodKind.MONTH, day_named(f"{key}-01"))
    return period_of(PeriodKind.DAY, day_named(key))


def due_day(period: Period, calendar: WorkCalendar, month_end: MonthEnd = "calendar") -> date | None:
    """The day the report of this period is due; None where there is no duty.

    A day counts when it is worked, a week when one of its days is. `month_end` is for months only.
    """
    if period.kind is PeriodKind.DAY:
        return period.first if calendar.is_working(period.first) else None
    if period.kind is PeriodKind.WEEK:
        return calendar.last_working_of_week(period.first)
    return period.last if month_end == "calendar" else calendar.last_working_of_month(period.first)


def moments(period: Period, calendar: WorkCalendar, policy: ReportTimes) -> Moments | None:
    """When to remind, to expect, to chase, to close and to list; None where there is no duty.

    A reminder that would not come before the due time is left out.
    """
    day = due_day(period, calendar, policy.month_end)
    if day is None:
        return None
    due_at = calendar.at(day, policy.due)
    reminders = {calendar.at(day, when) if isinstance(when, time) else due_at - when for when in policy.remind}
    ends_on = day + _ONE_DAY if policy.late_until == _MIDNIGHT else day
    return Moments(
        remind_at=tuple(sorted(moment for moment in reminders if moment < due_at)),
        due_at=due_at,
        chase_at=calendar.at(day, policy.chase),
        late_until=calendar.at(ends_on, policy.late_until),
        list_at=calendar.at(calendar.next_working(day), policy.list_at),
    )
