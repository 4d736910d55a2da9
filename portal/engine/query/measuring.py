"""Figures over lists: each measure counts or sums the records of a filtered list, for several windows of days and by who has them.

A measure speaks the lists' own grammar, so that the list behind a figure holds the same rows; all the measures of a page
are one statement through the gate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, Numeric, Select, and_, cast, func, literal, select, union_all
from sqlalchemy.orm import Session

from portal.engine.charts import Condition
from portal.engine.fields import View
from portal.engine.query.listing import THROUGH, Listing, ListQuery, Rights, named_by
from portal.engine.spec import Spec, registry

ZERO = Decimal(0)
Holder = Literal["owner_id", "team_id"]


class Window(NamedTuple):
    """Both days are part of it."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Measure:
    """Records of a list that one of its days puts into a window, counted or summed."""

    key: str
    entity: str
    on: str = ""
    """The day or instant that puts a record into a window; empty: whatever is there now, in the first window only."""
    filters: tuple[Condition, ...] = ()
    sums: str = ""
    """The number field that is summed; empty: records are counted."""
    until: str = ""
    """A day that must not lie behind the window's last."""
    trend: bool = True
    """Whether it is measured for every window, or for the compared ones only."""

    @property
    def named(self) -> tuple[str, ...]:
        """Every field it reads."""
        return tuple(key for key in (self.on, self.sums, self.until, *(key for key, _, _ in self.filters)) if key)

    def behind(self, window: Window | None) -> tuple[Condition, ...]:
        """The filters of the list behind its value."""
        if not self.on or window is None:
            return self.filters
        first, last = window.first.isoformat(), window.last.isoformat()
        until: tuple[Condition, ...] = ((self.until, "le", last),) if self.until else ()
        return (*self.filters, (self.on, "between", [first, last]), *until)

    def of(self, holder: str) -> str:
        """The key by which a list of these records is filtered for whoever has them."""
        parents = registry()[self.entity].parents
        return f"{parents[0].key}{THROUGH}{holder}" if parents else holder


Values = tuple[Decimal, ...]
"""One for each window."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What was found, by measure and holder; a holder is None for what nobody has."""

    found: Mapping[str, Mapping[int | None, Values]]
    windows: int

    def __contains__(self, key: str) -> bool:
        return key in self.found

    def total(self, key: str) -> Values:
        rows = self.found[key].values()
        return tuple(sum((row[n] for row in rows), ZERO) for n in range(self.windows))

    def of(self, key: str, holder: int | None) -> Values:
        return self.found[key].get(holder, (ZERO,) * self.windows)

    @property
    def holders(self) -> set[int | None]:
        return {holder for rows in self.found.values() for holder, row in rows.items() if any(row)}


@dataclass(frozen=True, slots=True)
class Measuring:
    """Measures over windows, by holder, as one reader sees them: what he may not see is not measured."""

    rights: Rights
    view: View
    windows: Sequence[Window]
    compared: int
    """How many of the windows, the first ones, are compared; the others draw the way there."""
    holder: Holder

    def measured(self, session: Session, measures: Iterable[Measure]) -> Measured:
        """One statement, whatever the number of measures, windows and records."""
        seen = [measure for measure in measures if self.sees(measure)]
        found: dict[str, dict[int | None, Values]] = {measure.key: {} for measure in seen}
        if seen:
            every = union_all(*(self._branch(measure) for measure in seen)).subquery()
            for row in session.execute(select(every)):
                found[row.measure][row.holder] = tuple(Decimal(value) for value in row[2:])
        return Measured(found, len(self.windows))

    def sees(self, measure: Measure) -> bool:
        """Whether the reader has the list and sees each field that it names."""
        spec = registry()[measure.entity]
        return self._reads(spec) and all(self._names(spec, key) for key in measure.named)

    def _names(self, spec: Spec, key: str) -> bool:
        here = spec
        for each in named_by(spec, key):
            if not (self._reads(here) and self.rights.finds(here, each)):
                return False
            here = registry().get(getattr(each, "target", ""), here)
        return True

    def _reads(self, spec: Spec) -> bool:
        return self.rights.reads(spec)

    def _branch(self, measure: Measure) -> Select[Any]:
        spec = registry()[measure.entity]
        model, holder = spec.model, spec.parents[0] if spec.parents else None
        whose = getattr(registry()[holder.target].model if holder else model, self.holder)
        within = [self._within(spec, measure, window) for window in self.windows[: None if measure.trend else self.compared]]
        if not measure.on:
            within = within[:1]
        value = self._value(spec, measure)
        columns = [value(condition) for condition in within] + [literal(0)] * (len(self.windows) - len(within))
        wanted = select(
            literal(measure.key).label("measure"),
            whose.label("holder"),
            *(cast(column, Numeric).label(f"w{n}") for n, column in enumerate(columns)),
        ).select_from(model)
        if holder is not None:
            parent = registry()[holder.target].model
            wanted = wanted.join(parent, parent.id == getattr(model, holder.key))
        return wanted.where(*self._conditions(spec, measure.filters), *self._reached(spec, measure)).group_by(whose)

    def _value(self, spec: Spec, measure: Measure) -> Callable[[ColumnElement[bool]], ColumnElement[Any]]:
        if not measure.sums:
            return lambda condition: func.count().filter(condition)
        column = spec.column(measure.sums)
        return lambda condition: func.coalesce(func.sum(column).filter(condition), 0)

    def _within(self, spec: Spec, measure: Measure, window: Window) -> ColumnElement[bool]:
        return and_(*self._conditions(spec, measure.behind(window)[len(measure.filters) :] or measure.filters))

    def _reached(self, spec: Spec, measure: Measure) -> list[ColumnElement[bool]]:
        """All the windows as one span of days, so that an index serves them."""
        if not measure.on or THROUGH in measure.on:
            return []
        running = max(window.last for window in self.windows)
        oldest = min(window.first for window in self.windows)
        return self._conditions(spec, ((measure.on, "between", [oldest.isoformat(), running.isoformat()]),))

    def _conditions(self, spec: Spec, filters: tuple[Condition, ...]) -> list[ColumnElement[bool]]:
        return Listing(spec, self.rights, self.view, ListQuery(filters=filters)).conditions()
