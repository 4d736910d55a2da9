"""Figures that are whole numbers: one, a list, several in order, parts of a hundred."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from portal.engine.fields import BadValue
from portal.engine.text import Language, Text, pick
from portal.handbook.kind import DAYS, OFF, Kind, Unit, listed, minutes_told, typed_list, words

MOST, MOST_YUAN = 1_000_000, 10**12
"""Beyond these a figure is a slip of the pen that days and columns cannot hold."""
_HUNDRED = 100

BEFORE, AFTER, FROM = "提前 {n} | {n} before", "过 {n} | after {n}", "{n}起 | {n} and more"
ON_THE_DAY = "当天 | on the day"


def whole(text: str, least: int = 0, most: int = MOST) -> int:
    """A whole number in its bounds; raises ValueError for anything else."""
    value = int(text)
    if not least <= value <= most:
        raise ValueError("out of its bounds")
    return value


@dataclass(frozen=True, slots=True)
class Whole(Kind):
    """So many of something; `said` puts it in a phrase."""

    widget: ClassVar[str] = "number"
    unit: Unit
    least: int = 0
    most: int = MOST
    said: str = "{n}"

    def read(self, text: str) -> int:
        try:
            return whole(text, self.least, self.most)
        except ValueError as error:
            raise self.wrong() from error

    def tell(self, value: int, language: Language) -> str:
        return str(pick(self.said, language).format(n=self.counted(value, language)))

    def counted(self, value: int, language: Language) -> str:
        """The number and what it counts."""
        return self.unit.of(value, language)

    @property
    def help(self) -> Text:
        bounds = {"least": f"{self.least:,}", "most": f"{self.most:,}"}
        return Text("写一个 {least} 到 {most} 的整数。 | Write a whole number from {least} to {most}.", bounds)

    @property
    def unit_words(self) -> str:
        return self.unit.name


class Minutes(Whole):
    """Told in hours too where they are many."""

    def counted(self, value: int, language: Language) -> str:
        told = self.unit.of(value, language)
        if value <= 60:  # noqa: PLR2004 - an hour
            return told
        return str(pick("{told}（{hours}） | {told} ({hours})", language).format(told=told, hours=minutes_told(value, language)))


@dataclass(frozen=True, slots=True)
class Wholes(Kind):
    """`7,3,1`: as many as one likes, or `off`. `each` tells one of them, `zero` the one that is 0."""

    widget: ClassVar[str] = "list"
    unit: Unit
    each: str
    zero: str = ""

    def read(self, text: str) -> tuple[int, ...]:
        try:
            found = tuple(whole(part) for part in words(text)) if text.strip() != OFF else ()
        except ValueError as error:
            raise self.wrong() from error
        if not found and text.strip() != OFF:
            raise self.wrong()
        return found

    def tell(self, value: tuple[int, ...], language: Language) -> str:
        if not value:
            return str(pick("不提醒 | no reminder", language))
        return listed((self._told(number, language) for number in value), language)

    def _told(self, number: int, language: Language) -> str:
        if self.zero and number == 0:
            return str(pick(self.zero, language))
        return str(pick(self.each, language).format(n=self.unit.of(number, language)))

    @property
    def help(self) -> Text:
        return Text(
            "写整数，几个就用逗号分开，如 7,3,1；空着（off）就不提醒。"
            " | Write whole numbers, several parted by commas, such as 7,3,1; left empty (off) there is no reminder."
        )

    @property
    def unit_words(self) -> str:
        return self.unit.name

    def parts(self, text: str) -> list[str]:
        return [text if text.strip() != OFF else ""]

    def gathered(self, parts: Sequence[str]) -> str:
        return typed_list(",".join(parts))


@dataclass(frozen=True, slots=True)
class Edges(Kind):
    """`80000,300000`: from which figure on each label holds, each edge larger than the one before."""

    widget: ClassVar[str] = "numbers"
    unit: Unit
    labels: tuple[str, ...]
    most: int = MOST

    def read(self, text: str) -> tuple[int, ...]:
        try:
            found = tuple(whole(part, most=self.most) for part in text.split(","))
        except ValueError as error:
            raise self.wrong() from error
        if len(found) != len(self.labels) or sorted(set(found)) != list(found):
            raise self.wrong()
        return found

    def tell(self, value: tuple[int, ...], language: Language) -> str:
        return listed((self._told(label, edge, language) for label, edge in zip(self.labels, value, strict=True)), language)

    def _told(self, label: str, edge: int, language: Language) -> str:
        said = pick("{edge}起{label} | {label} from {edge}", language)
        return str(said.format(edge=self.unit.of(edge, language), label=pick(label, language)))

    @property
    def help(self) -> Text:
        return Text(
            "写 {n} 个整数，后一个比前一个大，最多 {most}。 | Write {n} whole numbers, each larger than the one before, {most} at most.",
            n=len(self.labels),
            most=f"{self.most:,}",
        )

    @property
    def unit_words(self) -> str:
        return self.unit.name

    def parts(self, text: str) -> list[str]:
        return [part.strip() for part in text.split(",")]

    def gathered(self, parts: Sequence[str]) -> str:
        return ",".join(part.strip() for part in parts) if any(part.strip() for part in parts) else ""


class Ends(Edges):
    """`7,15,30`: on which figure each level ends; one more level has no end."""

    def tell(self, value: tuple[int, ...], language: Language) -> str:
        unit, firsts = pick(self.unit.name, language), (1, *(end + 1 for end in value))
        told = [f"{first}–{end} {unit}" for first, end in zip(firsts, value, strict=False)]
        last = pick("超过 {n} | more than {n}", language).format(n=self.unit.of(value[-1], language))
        return listed((*told, last), language)


@dataclass(frozen=True, slots=True)
class Terms(Kind):
    """`30:3,70:30`: 30 per cent within 3 days, 70 within 30; together 100."""

    widget: ClassVar[str] = "terms"
    columns: ClassVar[tuple[str, str]] = ("比例 % | Share %", "几天内 | Within days")

    def read(self, text: str) -> tuple[tuple[int, int], ...]:
        try:
            pairs = (part.partition(":") for part in words(text))
            found = tuple((whole(share, least=1), whole(days)) for share, _, days in pairs)
        except ValueError as error:
            raise self.wrong() from error
        if not found:
            raise self.wrong()
        if (total := sum(share for share, _ in found)) != _HUNDRED:
            raise BadValue("各期比例加起来要是 100，现在是 {n}。 | The shares must come to 100; these come to {n}.", n=total)
        return found

    def tell(self, value: Iterable[tuple[int, int]], language: Language) -> str:
        said = pick("{share}% 在 {days}内 | {share}% within {days}", language)
        return listed((said.format(share=share, days=DAYS.of(days, language)) for share, days in value), language)

    @property
    def help(self) -> Text:
        return Text(
            "每期写占百分之几、几天内付，都是整数，各期加起来是 100，如 30:3,70:30。"
            " | Write for each part its share in per cent and within how many days, whole numbers that come to 100, such as 30:3,70:30."
        )

    def parts(self, text: str) -> list[str]:
        return [half for part in words(text) for half in (part.partition(":")[0], part.partition(":")[2])]

    def gathered(self, parts: Sequence[str]) -> str:
        pairs = zip(parts[0::2], parts[1::2], strict=False)
        return ",".join(f"{share.strip()}:{days.strip()}" for share, days in pairs if share.strip() or days.strip())
