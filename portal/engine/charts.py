"""What a declaration says about its charts: a figure for each choice, each record referred to, or each period."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

PeriodStep = Literal["day", "week", "month"]
"""Of a chart over time; empty for all others."""
Condition = tuple[str, str, Any]


@dataclass(frozen=True, slots=True)
class Chart:
    """Records of a list, counted or summed by one of its fields, within the reader's scope."""

    key: str
    label: str
    by: str
    """The field whose values are told apart: a choice, a reference, or a day or instant with a `step`."""
    step: PeriodStep | Literal[""] = ""
    spans: int = 12
    """How many steps back a chart over time goes, the running one included."""
    measure: str = ""
    """The number field that is summed; empty: records are counted."""
    mean: bool = False
    """The mean of the measure instead of its sum; not over time."""
    filters: tuple[Condition, ...] = ()
    """Conditions in the list's own grammar, so that the list behind a point is the same rows."""

    @property
    def fields(self) -> tuple[str, ...]:
        """Every field it reads."""
        return tuple(key for key in (self.by, self.measure, *(key for key, _, _ in self.filters)) if key)
