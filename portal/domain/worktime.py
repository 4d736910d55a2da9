"""Working days and the company's local time. Pure: no database, no clock, no configuration read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import chinese_calendar

from portal.engine.kinds.dates import YEARS

_ONE_DAY = timedelta(days=1)
_DAYS_IN_WEEK = 7
_SATURDAY = 5


def _chinese(day: date) -> bool | None:
    """The State Council's calendar with its make-up working days; None for an unpublished year."""
    try:
        return bool(chinese_calendar.is_workday(day))
    except NotImplementedError:
        return None


def _weekdays(day: date) -> bool | None:
    """Monday to Friday, no public holidays."""
    return day.weekday() < _SATURDAY


# A region is one function: is this day worked there? None says "not published yet".
REGIONS: dict[str, Callable[[date], bool | None]] = {"CN": _chinese, "WEEKDAYS": _weekdays}


@dataclass(frozen=True)
class WorkCalendar:
    """Which days are worked and what the local time is.

    `overrides` are the company's own rows and win over the region's calendar: True = worked.
    Raises ValueError for a region that has no calendar.
    """

    overrides: Mapping[date, bool] = field(default_factory=dict)
    region: str = "CN"
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Asia/Shanghai"))

    def __post_init__(self) -> None:
        if self.region not in REGIONS:
            known = ", ".join(sorted(REGIONS))
            raise ValueError(f"no working-day calendar for region {self.region!r}; known: {known}")

    def is_working(self, day: date) -> bool:
        """Whether this day is worked; Monday to Friday where the year is not published yet."""
        override = self.overrides.get(day)
        if override is not None:
            return override
        published = REGIONS[self.region](day)
        return day.weekday() < _SATURDAY if published is None else published

    def is_provisional(self, year: int) -> bool:
        """Whether the region's holidays of this year are not published yet."""
        return REGIONS[self.region](date(year, 1, 1)) is None

    def next_working(self, day: date) -> date:
        """The first working day after this one."""
        return self.add_working_days(day, 1)

    def add_working_days(self, day: date, count: int) -> date:
        """The count-th working day after (negative: before) this day; count 0 is the day itself."""
        step = _ONE_DAY if count > 0 else -_ONE_DAY
        left = abs(count)
        while left:
            day += step
            left -= self.is_working(day)
        return day

    def working_days(self, first: date, last: date) -> list[date]:
        """The working days from first to last, both included, in order."""
        days = (first + timedelta(days=n) for n in range((last - first).days + 1))
        return [day for day in days if self.is_working(day)]

    def last_working_of_week(self, day: date) -> date | None:
        """The last working day of the week (Monday to Sunday) of this day; None if all are free."""
        monday = day - timedelta(days=day.weekday())
        return self._last(monday, monday + timedelta(days=_DAYS_IN_WEEK - 1))

    def last_working_of_month(self, day: date) -> date | None:
        """The last working day of this day's month; None if all are free."""
        return self._last(day.replace(day=1), last_of_month(day))

    def local_day(self, instant: datetime) -> date:
        """The company's date at this instant. Raises ValueError for an instant without a zone."""
        if instant.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        return instant.astimezone(self.zone).date()

    def at(self, day: date, clock: time) -> datetime:
        """The instant (UTC) when the company's clock shows this on this day.

        A time the clock skips (spring) is moved on by as much as the clock; of a time it shows
        twice (autumn) the first is meant. So every local time has exactly one instant.
        """
        local = datetime.combine(day, clock.replace(tzinfo=None, fold=0), tzinfo=self.zone)
        return local.astimezone(UTC)

    def _last(self, first: date, last: date) -> date | None:
        worked = self.working_days(first, last)
        return worked[-1] if worked else None


def day_named(text: str) -> date:
    """`2026-11-19` or `2026-W47-4`. Raises ValueError where it names no day, or one that no period can be told around."""
    day = date.fromisoformat(text)
    if day.year not in YEARS:
        raise ValueError(text)
    return day


def last_of_month(day: date) -> date:
    """The last calendar day of this day's month."""
    following = day.replace(day=28) + timedelta(days=4)
    return following - timedelta(days=following.day)
