"""The spans that figures are told for: a week, a month or a quarter, beside the one before and the same a year before.

A span that still runs is compared with as many days of the others: seven days of November with seven days of October.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from portal.domain.worktime import day_named, last_of_month
from portal.engine.query.measuring import Window

_DAY = timedelta(days=1)
_YEAR_OF_WEEKS = timedelta(weeks=52)
_QUARTER = 3
TREND = 12
"""How many spans a trend draws, the told one included."""


class SpanKind(StrEnum):
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"


@dataclass(frozen=True, slots=True)
class Span:
    """One whole week (Monday to Sunday), calendar month or quarter."""

    kind: SpanKind
    first: date
    last: date

    @property
    def key(self) -> str:
        """2026-W47, 2026-11 or 2026-Q4."""
        if self.kind is SpanKind.WEEK:
            year, week, _ = self.first.isocalendar()
            return f"{year:04}-W{week:02}"
        if self.kind is SpanKind.MONTH:
            return f"{self.first:%Y-%m}"
        return f"{self.first.year:04}-Q{(self.first.month - 1) // _QUARTER + 1}"

    @property
    def before(self) -> Span:
        return span_of(self.kind, self.first - _DAY)

    @property
    def after(self) -> Span:
        return span_of(self.kind, self.last + _DAY)

    @property
    def a_year_before(self) -> Span:
        """The same month or quarter of the year before; of a week the one 52 weeks back, which has the same working days."""
        if self.kind is SpanKind.WEEK:
            return span_of(self.kind, self.first - _YEAR_OF_WEEKS)
        return span_of(self.kind, self.first.replace(year=self.first.year - 1))

    def until(self, today: date) -> Window:
        """Its days that have come."""
        return Window(self.first, min(self.last, today))

    def windows(self, today: date) -> tuple[Window, ...]:
        """What is told, the same of the span before and of the year before, and then the whole spans of the trend, newest first."""
        now = self.until(today)
        found = [now, *(_as_far(other, self, now) for other in (self.before, self.a_year_before))]
        span = self
        for _ in range(TREND - 1):
            span = span.before
            found.append(Window(span.first, span.last))
        return tuple(found)


COMPARED = 3
"""Windows that are compared: this span, the one before, the one a year before."""


def _as_far(other: Span, told: Span, now: Window) -> Window:
    """As many days of the other span as of the told one; all of them once it is over."""
    if now.last == told.last:
        return Window(other.first, other.last)
    return Window(other.first, min(other.last, other.first + (now.last - now.first)))


def span_of(kind: SpanKind, day: date) -> Span:
    """The span of this kind that holds the day."""
    if kind is SpanKind.WEEK:
        monday = day - timedelta(days=day.weekday())
        return Span(kind, monday, monday + 6 * _DAY)
    if kind is SpanKind.MONTH:
        return Span(kind, day.replace(day=1), last_of_month(day))
    first = day.replace(month=(day.month - 1) // _QUARTER * _QUARTER + 1, day=1)
    return Span(kind, first, last_of_month(first.replace(month=first.month + _QUARTER - 1)))


def span_named(kind: SpanKind, key: str) -> Span:
    """The span with this key. Raises ValueError for a key that names none of this kind."""
    year, _, rest = key.partition("-")
    if kind is SpanKind.QUARTER and rest[:1] == "Q":
        found = span_of(kind, day_named(f"{year}-{(int(rest[1:]) - 1) * _QUARTER + 1:02}-01"))
    elif kind is SpanKind.WEEK:
        found = span_of(kind, day_named(f"{key}-1"))
    else:
        found = span_of(kind, day_named(f"{key}-01"))
    if found.key != key:
        raise ValueError(key)
    return found
