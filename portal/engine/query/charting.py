"""A declared chart as its reader sees it: one aggregate through the gate, each point with the filter of the list behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Date, Select, cast, func, literal, select
from sqlalchemy.orm import Session, aliased

from portal.engine.charts import Chart, Condition
from portal.engine.clock import clock
from portal.engine.fields import Field
from portal.engine.kinds.choice import ChoiceField
from portal.engine.kinds.dates import InstantField
from portal.engine.kinds.reference import ReferenceField
from portal.engine.query.listing import Listing, Rights, identity_expression
from portal.engine.spec import Spec, registry
from portal.engine.text import pick

MOST_POINTS = 20
_REST = "其余 | Others"
_BLANK = "未填 | Not given"
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Point:
    """One bar or dot; `filters` lead to the records it counts (None: they cannot be named by one condition)."""

    label: str
    value: int | Decimal
    filters: tuple[Condition, ...] | None


@dataclass(frozen=True, slots=True)
class Plot:
    """A chart with its points and their sum."""

    chart: Chart
    points: tuple[Point, ...]
    total: int | Decimal


def charts_for(spec: Spec, rights: Rights) -> tuple[Chart, ...]:
    """The declared charts all of whose fields this reader sees in full."""
    return tuple(chart for chart in spec.screen.charts if all(rights.finds(spec, spec.field(key)) for key in chart.fields))


@dataclass(frozen=True, slots=True)
class Charting:
    """One chart over one list."""

    listing: Listing
    chart: Chart

    @property
    def by(self) -> Field:
        return self.listing.spec.field(self.chart.by)

    def plot(self, session: Session) -> Plot:
        """One statement, whatever the number of rows and points."""
        return self._over_time(session) if self.chart.step else self._by_value(session)

    @property
    def _nothing(self) -> int | Decimal:
        return Decimal() if self.chart.measure else 0

    @property
    def _all_told(self) -> bool:
        return isinstance(self.by, ChoiceField) and self.by.all_told

    # over time -------------------------------------------------------------------------
    def _over_time(self, session: Session) -> Plot:
        spans = self.spans()
        column = self.listing.spec.column(self.chart.by)
        if isinstance(self.by, InstantField):
            column = func.timezone(self.listing.view.zone.key, column)
        bucket = cast(func.date_trunc(literal(self.chart.step), column), Date)
        within = (self.chart.by, "between", [spans[0][0].isoformat(), spans[-1][1].isoformat()])
        wanted = select(bucket.label("key"), self._value().label("value")).where(*self._conditions(within)).group_by(bucket)
        found = {row.key: row.value for row in session.execute(self.listing.reading(wanted))}
        points = tuple(self._span(each, found.get(each[0], self._nothing)) for each in spans)
        return Plot(self.chart, points, sum((point.value for point in points), start=self._nothing))

    def _span(self, span: tuple[date, date], value: int | Decimal) -> Point:
        return Point(self._span_label(span[0]), value, self._filters((self.chart.by, "between", [str(day) for day in span])))

    def spans(self) -> list[tuple[date, date]]:
        """First and last day of each step, the oldest first; the running one is the last."""
        first = _start(self.chart.step, (self.listing.view.now or clock.now()).astimezone(self.listing.view.zone).date())
        found: list[tuple[date, date]] = []
        for _ in range(self.chart.spans):
            following = _start(self.chart.step, first + timedelta(days=_LONGEST[self.chart.step]))
            found.append((first, following - _DAY))
            first = _start(self.chart.step, first - _DAY)
        return found[::-1]

    def _span_label(self, first: date) -> str:
        return first.strftime("%Y-%m" if self.chart.step == "month" else "%m-%d")

    # by value --------------------------------------------------------------------------
    def _by_value(self, session: Session) -> Plot:
        rows = list(session.execute(self.listing.reading(self._grouped())))
        total = rows[0].total if rows else self._nothing
        points = [Point(self._label(row), row.value, self._filters(self._is(row.key))) for row in rows]
        if self._all_told:
            points = self._in_order({row.key: point for row, point in zip(rows, points, strict=True)})
        if not self.chart.mean and (rest := total - sum(point.value for point in points)):
            points.append(Point(self._say(_REST), rest, None))
        return Plot(self.chart, tuple(points), total)

    def _grouped(self) -> Select[Any]:
        """The largest groups first, with the sum (or the mean) over all of them."""
        spec, value = self.listing.spec, self._value()
        column = spec.column(self.chart.by)
        wanted = select(column.label("key"), value.label("value"), self._over_all(value).label("total")).select_from(spec.model)
        wanted = wanted.where(*self._conditions()).group_by(column).order_by(value.desc(), column)
        if not self._all_told:  # choices are all shown, so none may hide among the others
            wanted = wanted.limit(MOST_POINTS)
        if isinstance(self.by, ReferenceField):
            target = registry()[self.by.target]
            other = aliased(target.model)
            name = identity_expression(other, target)
            return wanted.outerjoin(other, other.id == column).add_columns(name.label("name")).group_by(name)
        return wanted

    def _in_order(self, found: Mapping[Any, Point]) -> list[Point]:
        """Choices stand in their declared order, those without a record too: a gap is a figure as well."""
        known = dict(self.by.choices(self.listing.view))
        points = [found.get(value) or Point(label, self._nothing, self._filters(self._is(value))) for value, label in known.items()]
        return points + [point for value, point in found.items() if value not in known]

    def _label(self, row: Any) -> str:
        if isinstance(self.by, ReferenceField):
            return str(row.name) if row.name else self._say(_BLANK if row.key is None else "— | —")
        return self._say(_BLANK) if self.by.is_blank(row.key) else self.by.words(row.key, self.listing.view)

    def _is(self, value: Any) -> Condition:
        return (self.chart.by, "empty", None) if self.by.is_blank(value) else (self.chart.by, "eq", value)

    # both ------------------------------------------------------------------------------
    def _value(self) -> Any:
        if not self.chart.measure:
            return func.count()
        measured = self.listing.spec.column(self.chart.measure)
        return func.round(func.avg(measured), 1) if self.chart.mean else func.coalesce(func.sum(measured), 0)

    def _over_all(self, value: Any) -> Any:
        if not self.chart.mean:
            return func.sum(value).over()
        measured = self.listing.spec.column(self.chart.measure)
        return func.round(func.sum(func.sum(measured)).over() / func.sum(func.count(measured)).over(), 1)

    def _filters(self, *more: Condition) -> tuple[Condition, ...]:
        return (*self.listing.query.filters, *self.chart.filters, *more)

    def _conditions(self, *more: Condition) -> list[Any]:
        query = replace(self.listing.query, filters=self._filters(*more))
        return replace(self.listing, query=query).conditions()

    def _say(self, text: str) -> str:
        return str(pick(text, self.listing.view.language))


_LONGEST = {"day": 1, "week": 7, "month": 31}


def _start(step: str, day: date) -> date:
    """The first day of the step that holds this day."""
    day = day.date() if isinstance(day, datetime) else day
    if step == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if step == "month" else day
