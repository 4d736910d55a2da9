"""The figures of a home as its templates read them: in words, each with the list behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from portal.domain import figure_words
from portal.domain.calendar import company_day
from portal.domain.figure_words import amount, change_words, exact, value_words
from portal.domain.figures import AMOUNTS, FIGURES, LINES, STAGES, Figure, Row, Sheet, Told, sheet
from portal.domain.packs import quarters
from portal.domain.spans import COMPARED, TREND, Span, SpanKind, span_named, span_of
from portal.engine.charts import Condition
from portal.engine.errors import BadRequest
from portal.engine.query.measuring import Holder, Window
from portal.engine.text import pick
from portal.security.principal import Principal
from portal.web.arguments import url
from portal.web.language import language, view

KINDS: Mapping[SpanKind, tuple[str, str, str]] = {
    SpanKind.WEEK: ("本周 | This week", "上周 | The week before", "周 | Week"),
    SpanKind.MONTH: ("本月 | This month", "上月 | The month before", "月 | Month"),
    SpanKind.QUARTER: ("本季 | This quarter", "上季 | The quarter before", "季 | Quarter"),
}
_NO_PERIOD = "没有这个周期：{key}。 | There is no period {key}."
_POOL = "公海 | In the pool"
_NO_TEAM = "公海、未分团队 | In the pool, without a team"


@dataclass(frozen=True, slots=True)
class Link:
    """A number with the list behind it. `exact` is what the list comes to; `of` the number field it sums, empty: its count."""

    text: str
    title: str
    href: str
    exact: str
    of: str


@dataclass(frozen=True, slots=True)
class Change:
    """环比 or 同比: `tone` is up, down, flat or none; `then` says what it was."""

    text: str
    tone: str
    then: str


@dataclass(frozen=True, slots=True)
class Card:
    key: str
    label: str
    value: str
    note: str
    links: tuple[Link, ...]
    before: Change
    year: Change
    fell: bool


@dataclass(frozen=True, slots=True)
class Stage:
    label: str
    link: Link
    amount: Link | None
    share: str
    change: Change
    fell: bool


@dataclass(frozen=True, slots=True)
class Cell:
    label: str
    value: str
    link: Link
    fell: bool


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Head:
    label: str
    href: str
    sorted: str


@dataclass(frozen=True, slots=True)
class Trend:
    title: str
    names: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Link, ...]], ...]
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FiguresPage:
    label: str
    span: str
    days: str
    against: str
    switch: tuple[tuple[str, str, bool], ...]
    pack: str
    """The meeting pack of a quarter; empty for other spans."""
    older: str
    newer: str
    cards: tuple[Card, ...]
    stages: tuple[Stage, ...]
    funnel: dict[str, Any]
    trends: tuple[Trend, ...]
    heads: tuple[Head, ...]
    lines: tuple[Line, ...]
    who: str


def asked(given: Mapping[str, str], *, usual: SpanKind | None, now: datetime) -> Span | None:
    """The span that the address names; None for the day itself. What it does not know it refuses."""
    name = given.get("period", usual or "day")
    if name == "day":
        return None
    try:
        kind, key = SpanKind(name), given.get("of")
        return span_named(kind, key) if key else span_of(kind, company_day(now))
    except ValueError as error:
        raise BadRequest(_NO_PERIOD, key=" ".join((name, given.get("of", ""))).strip()) from error


def page(who: Principal, span: Span, given: Mapping[str, str], *, holder: Holder, now: datetime) -> FiguresPage:
    """The figures of this span as this reader sees them."""
    packs = quarters(now) if who.may("work_report:comment") else ()
    return Teller(sheet(who, span, holder=holder, view=view(), now=now), given, packs).page()


@dataclass(frozen=True, slots=True)
class Teller:
    """Puts a sheet in the reader's words."""

    sheet: Sheet
    given: Mapping[str, str]
    packs: tuple[Span, ...] = ()

    @property
    def windows(self) -> tuple[Window, ...]:
        return self.sheet.span.windows(self.sheet.today)

    def page(self) -> FiguresPage:
        span, today = self.sheet.span, self.sheet.today
        now, before, year = self.windows[:COMPARED]
        running = span_of(span.kind, today)
        kept = {"period": span.kind.value}
        later = {} if span.after.first >= running.first else {"of": span.after.key}
        return FiguresPage(
            label=say(KINDS[span.kind][0]) if span == running else span.key,
            span=span.key,
            days=_days(now),
            against=say("环比 {before} · 同比 {year} | Before {before} · a year ago {year}").format(before=_days(before), year=_days(year)),
            switch=self.switch(),
            pack=f"/meeting-pack/{span.key}.pdf" if span in self.packs else "",
            older=url("/", {**kept, "of": span.before.key}),
            newer="" if span == running else url("/", {**kept, **later}),
            cards=self.cards(),
            stages=self.stages(),
            funnel=self.funnel(),
            trends=tuple(found for found in (self.trend(LINES), self.trend(AMOUNTS)) if found.names),
            heads=self.heads(),
            lines=self.lines(),
            who=say("成员 | Member" if self.sheet.holder == "owner_id" else "团队 | Team"),
        )

    def switch(self) -> tuple[tuple[str, str, bool], ...]:
        return switch(self.sheet.span.kind)

    # the row of figures -------------------------------------------------------------------
    def cards(self) -> tuple[Card, ...]:
        return tuple(self.card(told) for told in self.sheet.figures)

    def card(self, told: Told) -> Card:
        figure = told.figure
        return Card(
            figure.key,
            say(figure.label),
            value_words(figure, told.now, language()),
            say(figure.note) if figure.note else "",
            tuple(self.link(key, value) for key, value in zip(figure.measures, (told.part, told.whole), strict=False)),
            change(told, told.before),
            change(told, told.year),
            told.fell,
        )

    def link(self, key: str, value: Decimal, *, window: Window | None = None, more: tuple[Condition, ...] = ()) -> Link:
        """A measure's value with the list behind it."""
        measure = self.sheet.measures[key]
        filters = (*measure.behind(window or self.windows[0]), *more)
        words, title = (amount(value, language()), exact(value)) if measure.sums else (f"{value:,.0f}", f"{value:,.0f}")
        href = url(f"/{measure.entity}/", {}, filter=[list(each) for each in filters])
        return Link(words, title, href, str(value), measure.sums)

    # the funnel -----------------------------------------------------------------------------
    def stages(self) -> tuple[Stage, ...]:
        """Each stage with its share of the stage before, and what that share was in the span before."""
        measured, found = self.sheet.measured, []
        for step in self.sheet.steps():
            worth = self.link(step.sums, measured.total(step.sums)[0]) if step.sums else None
            share = value_words(step.told.figure, step.told.now, language())
            link = self.link(step.key, step.told.part)
            found.append(Stage(say(step.label), link, worth, share, change(step.told, step.told.before), step.told.fell))
        return tuple(found)

    def funnel(self) -> dict[str, Any]:
        measured, stages = self.sheet.measured, self.stages()
        before = [measured.total(key)[1] for key, _, _ in STAGES if key in measured]
        names = (say("本期 | This period"), say("上期 | Period before"))
        return {
            "over_time": False,
            "labels": [stage.label for stage in stages],
            "series": [
                _series(names[0], [stage.link for stage in stages]),
                {"name": names[1], "values": [float(v) for v in before], "words": [f"{v:,.0f}" for v in before], "hrefs": []},
            ],
        }

    # the way there --------------------------------------------------------------------------
    def trend(self, keys: tuple[str, ...]) -> Trend:
        """Twelve spans, the oldest first; the told one is the last."""
        measured = self.sheet.measured
        shown = [key for key in keys if key in measured]
        order = [*range(COMPARED + TREND - 2, COMPARED - 1, -1), 0]
        span, labels = self.sheet.span, []
        for _ in order:
            labels.append(span.key)
            span = span.before
        labels.reverse()
        links = {key: [self.link(key, measured.total(key)[n], window=self.windows[n]) for n in order] for key in shown}
        rows = tuple((label, tuple(links[key][n] for key in shown)) for n, label in enumerate(labels))
        words = say("金额走势 | Amounts" if keys is AMOUNTS else "数量走势 | Counts")
        kind = say(KINDS[self.sheet.span.kind][2])
        return Trend(
            say("近 12 个周期{words}（{kind}） | {words} over 12 periods ({kind})").format(words=words, kind=kind),
            tuple(say(_NAMES[key]) for key in shown),
            rows[::-1],
            {"over_time": True, "labels": labels, "series": [_series(say(_NAMES[key]), links[key]) for key in shown]},
        )

    # the board ------------------------------------------------------------------------------
    def _columns(self) -> tuple[Figure, ...]:
        return tuple(told.figure for told in self.sheet.figures if told.figure.key != "pool")

    def heads(self) -> tuple[Head, ...]:
        by, down = self._order
        kept = {key: value for key, value in self.given.items() if key in ("period", "of")}
        named = [("name", say("成员 | Member" if self.sheet.holder == "owner_id" else "团队 | Team"))]
        named += [(figure.key, say(figure.label)) for figure in self._columns()]
        return tuple(
            Head(
                label,
                url("/", {**kept, "period": self.sheet.span.kind.value}, sort=key if key == by and down else f"-{key}") + "#board",
                ("descending" if down else "ascending") if key == by else "",
            )
            for key, label in named
        )

    @property
    def _order(self) -> tuple[str, bool]:
        raw = self.given.get("sort", "-won_amount")
        key = raw.lstrip("-")
        if key not in ("name", *(figure.key for figure in FIGURES)):
            raise BadRequest("不能按“{label}”排序。 | This list cannot be sorted by “{label}”.", label=key)
        return key, raw.startswith("-")

    def lines(self) -> tuple[Line, ...]:
        by, down = self._order

        def place(row: Row) -> Any:
            return row.name if by == "name" else row.told[by].now if by in row.told and row.told[by].now is not None else Decimal(-1)

        people = sorted((row for row in self.sheet.rows if row.id is not None), key=place, reverse=down)
        nobody = [row for row in self.sheet.rows if row.id is None]
        return tuple(Line(row.name or self._nobody(), tuple(self.cells(row))) for row in (*people, *nobody))

    def _nobody(self) -> str:
        return say(_POOL if self.sheet.holder == "owner_id" else _NO_TEAM)

    def cells(self, row: Row) -> list[Cell]:
        found = []
        for figure in self._columns():
            told, measure = row.told[figure.key], self.sheet.measures[figure.whole or figure.part]
            whose = measure.of(self.sheet.holder)
            more: tuple[Condition, ...] = ((whose, "empty", None),) if row.id is None else ((whose, "eq", row.id),)
            link = self.link(measure.key, told.whole if figure.whole else told.part, more=more)
            found.append(Cell(say(figure.label), value_words(figure, told.now, language()), link, told.fell))
        return found


_NAMES = {**{key: label for key, label, _ in STAGES}, "won_amount": "赢单金额 | Amount won", "collected": "回款 | Collected"}


def switch(kind: SpanKind | None) -> tuple[tuple[str, str, bool], ...]:
    """Today, and the three spans: what it is called, where it is, whether it is this one."""
    spans = [(say(words[0]), url("/", {"period": each.value}), each is kind) for each, words in KINDS.items()]
    return ((say("今天 | Today"), url("/", {"period": "day"}), kind is None), *spans)


def say(text: str) -> str:
    return str(pick(text, language()))


def change(told: Told, then: Decimal | None) -> Change:
    found = told.change(then)
    if found is None:
        return Change(figure_words.NONE, "none", "")
    tone = "flat" if not round(found, 1) else "up" if found > 0 else "down"
    return Change(change_words(told, then, language()), tone, value_words(told.figure, then, language()))


def _series(name: str, links: list[Link]) -> dict[str, Any]:
    return {
        "name": name,
        "values": [float(each.exact) for each in links],
        "words": [each.text for each in links],
        "hrefs": [each.href for each in links],
    }


def _days(window: Window) -> str:
    first, last = window
    if first == last:
        return str(first)
    if first.year == last.year:
        return f"{first:%Y-%m-%d} – {last:%m-%d}"
    return f"{first} – {last}"
