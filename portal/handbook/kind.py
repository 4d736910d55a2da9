"""The kind of a figure: one object owns how it is read, told and asked for, as a field does for a column."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from portal.engine.fields import BadValue
from portal.engine.text import Language, Text, pick

OFF = "off"
"""How a figure says that there is none of it."""
_COMMAS = str.maketrans("，、；;", ",,,,")


class Kind(ABC):
    """`read` is the only judge of what is written, whatever door it came by: it gives the value or raises `BadValue`."""

    widget: ClassVar[str] = "text"
    """The control of its editor (templates/parts/policy_widgets.html)."""

    @abstractmethod
    def read(self, text: str) -> Any:
        """The value of what is stored."""

    @abstractmethod
    def tell(self, value: Any, language: Language) -> str:
        """The value in words."""

    @property
    @abstractmethod
    def help(self) -> Text:
        """How it is written, and what may be."""

    @property
    def unit_words(self) -> str:
        """What it counts, where it is a plain number of something."""
        return ""

    @property
    def options(self) -> tuple[tuple[str, str], ...]:
        """(value, label) of what is ticked or chosen."""
        return ()

    def parts(self, text: str) -> list[str]:
        """What its controls hold for what is stored; they hold anything, sensible or not."""
        return [text]

    def gathered(self, parts: Sequence[str]) -> str:
        """What its controls say together, as it is stored."""
        return parts[0].strip() if parts else ""

    def wrong(self) -> BadValue:
        """It cannot be read; the text says what may be written instead."""
        return BadValue(self.help.template, **self.help.facts)


@dataclass(frozen=True, slots=True)
class Unit:
    """What is counted; `one` is the English singular."""

    name: str
    one: str

    def of(self, number: int, language: Language) -> str:
        """So many of it."""
        return f"{number:,} {self.one if language == 'en' and number == 1 else pick(self.name, language)}"


MINUTES, HOURS, DAYS, QUARTERS = (
    Unit("分钟 | minutes", "minute"),
    Unit("小时 | hours", "hour"),
    Unit("天 | days", "day"),
    Unit("个季度 | quarters", "quarter"),
)
YUAN, POINTS, TIMES, RECORDS = (
    Unit("元 | yuan", "yuan"),
    Unit("分 | points", "point"),
    Unit("次 | times", "time"),
    Unit("条 | records", "record"),
)
DEALS, PERCENT_POINTS = Unit("次 | deals", "deal"), Unit("个百分点 | percentage points", "percentage point")


def words(text: str) -> tuple[str, ...]:
    """The parts of a list."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def typed_list(text: str) -> str:
    """A list as people type it, with commas of either script, as it is stored; nothing at all is none."""
    return ",".join(words(text.translate(_COMMAS))) or OFF


def listed(told: Iterable[str], language: Language) -> str:
    """Several things in one line."""
    return ("、" if language == "zh" else ", ").join(told)


def minutes_told(minutes: int, language: Language) -> str:
    """180 → 3 小时, 90 → 1 小时 30 分钟."""
    hours, rest = divmod(minutes, 60)
    told = [HOURS.of(hours, language)] * bool(hours) + [MINUTES.of(rest, language)] * bool(rest or not hours)
    return " ".join(told)
