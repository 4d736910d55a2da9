"""The quarter's meeting pack: the figures of one reader's scope on paper (features 80, records D), falls marked.

It holds what the homes show of the same quarter, measured by the same lists, and nothing that its reader may not see.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from portal.domain.calendar import company_day
from portal.domain.figure_words import NONE, change_words, exact, value_words
from portal.domain.figures import OWED, Row, Sheet, Told, holder_of, sheet
from portal.domain.spans import Span, SpanKind, span_named, span_of
from portal.engine import store
from portal.engine.fields import View
from portal.engine.kinds.choice import ChoiceField
from portal.engine.paper import Column, Paper
from portal.engine.query.listing import Listing, ListQuery
from portal.engine.query.measuring import Measure, Measured, Measuring, Window
from portal.engine.spec import Spec, spec_named
from portal.engine.text import pick
from portal.entities.contracts import OverdueLevel
from portal.entities.customers import CustomerClass
from portal.entities.deals import OpportunityState
from portal.security.fields import Rights
from portal.security.principal import Principal

QUARTERS = 8
"""How many quarters back a pack can be had, the running one included."""
_TOP = 10
_COLUMNS = ("name", "customer_id", "amount", "stage_id", "owner_id", "close_on", "closed_on")
_TITLE = "{key} 季度会议资料 | Meeting pack {key}"
_COUNT = "第 {page} 页，共 {pages} 页 | Page {page} of {pages}"
_ABOUT = (
    "范围：{who} 能看到的记录。本期 {now}；环比 {before}；同比 {year}。数字由系统从记录统计，率下降 {points} 点及以上标“降”。"
    " | Scope: the records that {who} may see. This period {now}; before {before}; a year ago {year}."
    " Counted by the system from the records; a rate that fell {points} points or more is marked “fell”."
)
_CAME = (
    "本期到期 {due}，期末前收到 {came}，到期回款率 {rate}{mark}。"
    " | Due in the period {due}, of which {came} came in by its end: {rate}{mark}."
)
_FELL = "降 | fell"


def quarters(now: datetime) -> tuple[Span, ...]:
    """Those a pack can be had of, the running one first."""
    found = [span_of(SpanKind.QUARTER, company_day(now))]
    while len(found) < QUARTERS:
        found.append(found[-1].before)
    return tuple(found)


def quarter_named(key: str, now: datetime) -> Span:
    """Raises ValueError for what is none of them."""
    found = span_named(SpanKind.QUARTER, key)
    if found not in quarters(now):
        raise ValueError(key)
    return found


@dataclass(frozen=True, slots=True)
class Standing:
    """What is so today: customers of each class, what is overdue by level."""

    measured: Measured

    def of(self, key: str) -> Decimal | None:
        return self.measured.total(key)[0] if key in self.measured else None


def standing(who: Principal, view: View, today: date) -> Standing:
    classes = [Measure(f"class_{each.value}", "customer", filters=(("customer_class", "eq", each.value),)) for each in CustomerClass]
    unclassed = Measure("class_", "customer", filters=(("customer_class", "empty", None),))
    late: list[Measure] = []
    for level in OverdueLevel:
        filters = (("state", "in", list(OWED)), ("overdue", "eq", level.value))
        late += [
            Measure(f"{key}_{level.value}", "payment_plan", filters=filters, sums=sums)
            for key, sums in (("late", ""), ("owed", "amount"), ("came", "received"))
        ]
    measuring = Measuring(Rights(who), view, (Window(today, today),), 1, holder_of(who))
    return Standing(measuring.measured(store.session(), (*classes, unclassed, *late)))


@dataclass(frozen=True, slots=True)
class Pack:
    """One quarter for one reader, in his language."""

    who: Principal
    span: Span
    view: View
    now: datetime

    def pdf(self) -> bytes:
        """Six statements; about a second, most of it for the type."""
        found = sheet(self.who, self.span, holder=holder_of(self.who), view=self.view, now=self.now)
        stands = standing(self.who, self.view, found.today)
        printed = self._t("打印于 {day} | Printed {day}").format(day=found.today)
        title = self._t(_TITLE).format(key=self.span.key)
        paper = Paper(title, now=self.now, head=self.who.name, foot=printed, count=self._t(_COUNT))
        self._about(paper, found)
        self._figures(paper, found)
        self._funnel(paper, found)
        self._board(paper, found)
        self._classes(paper, stands)
        self._deals(paper)
        self._money(paper, found, stands)
        return paper.pdf()

    def _t(self, text: str) -> str:
        return str(pick(text, self.view.language))

    # parts ---------------------------------------------------------------------------------
    def _about(self, paper: Paper, found: Sheet) -> None:
        now, before, year = (f"{window.first} – {window.last}" for window in self.span.windows(found.today)[:3])
        paper.paragraph(self._t(_ABOUT).format(who=self.who.name, now=now, before=before, year=year, points=found.marked_from))
        for told in found.fallen:
            words = [
                self._t(told.figure.label),
                self._value(told, told.before),
                self._value(told, told.now),
                self._change(told, told.before),
            ]
            paper.paragraph(self._t("下降：{0}，{1} → {2}（{3}） | Fell: {0}, {1} → {2} ({3})").format(*words))

    def _figures(self, paper: Paper, found: Sheet) -> None:
        paper.heading(self._t("数字 | Figures"))
        heads = ("指标 | Figure", "本期 | Now", "上期 | Before", "环比 | Change", "去年同期 | A year ago", "同比 | Change on the year")
        rows = [
            [
                self._t(told.figure.label),
                self._value(told, told.now) + self._share(told),
                self._value(told, told.before),
                self._change(told, told.before) + self._mark(told),
                self._value(told, told.year),
                self._change(told, told.year),
            ]
            for told in found.figures
        ]
        paper.table(self._columns(heads, (1.7, 1.7, 1.2, 1.2, 1.2, 1.2)), rows)

    def _funnel(self, paper: Paper, found: Sheet) -> None:
        paper.heading(self._t("漏斗（本期发生的数量，不是同一批） | Funnel (what happened in the period, not one cohort)"))
        heads = ("阶段 | Stage", "数量 | Count", "金额 | Amount", "占上一步 | Of the step before", "变化 | Change")
        rows = [
            [
                self._t(step.label),
                f"{step.told.part:,.0f}",
                exact(found.measured.total(step.sums)[0]) if step.sums else "",
                self._value(step.told, step.told.now),
                self._change(step.told, step.told.before) + self._mark(step.told),
            ]
            for step in found.steps()
        ]
        paper.table(self._columns(heads, (1.2, 1, 1.4, 1.2, 1.2)), rows)

    def _board(self, paper: Paper, found: Sheet) -> None:
        people = found.holder == "owner_id"
        paper.heading(self._t("成员 | Members" if people else "团队 | Teams"))
        shown = [told.figure for told in found.figures if told.figure.key != "pool"]
        heads = ("成员 | Member" if people else "团队 | Team", *(figure.label for figure in shown))
        wide = {"count": 0.8, "share": 1.1, "money": 1.5}
        nobody = self._t("公海 | Pool" if people else "公海、未分团队 | Pool, no team")
        rows = [
            [
                row.name or nobody,
                *(self._value(row.told[figure.key], row.told[figure.key].now) + self._mark(row.told[figure.key]) for figure in shown),
            ]
            for row in found.rows
        ]
        paper.table(self._columns(heads, (1.4, *(wide[figure.kind] for figure in shown))), rows)

    def _classes(self, paper: Paper, stands: Standing) -> None:
        named = [(member.label, stands.of(f"class_{member.value}")) for member in CustomerClass]
        named.append(("未分类 | Not classed", stands.of("class_")))
        known = [(label, count) for label, count in named if count is not None]
        if not known:
            return
        total = sum((count for _, count in known), Decimal(0))
        paper.heading(self._t("客户分类（今天） | Customers by class (today)"))
        rows = [[self._t(label), f"{count:,.0f}", f"{count * 100 / total:.1f} %" if total else NONE] for label, count in known]
        rows.append([self._t("合计 | Total"), f"{total:,.0f}", ""])
        paper.table(self._columns(("分类 | Class", "客户 | Customers", "占比 | Share"), (2, 1, 1)), rows)

    def _deals(self, paper: Paper) -> None:
        spec, rights = spec_named("opportunity"), Rights(self.who)
        keys = [key for key in _COLUMNS if rights.finds(spec, spec.field(key))]
        if not rights.reads(spec) or "amount" not in keys or "closed_on" not in keys:
            return
        days = [self.span.first.isoformat(), self.span.last.isoformat()]
        open_ones = ("state", "in", [OpportunityState.OPEN.value, OpportunityState.PAUSED.value])
        won = (("state", "eq", OpportunityState.WON.value), ("closed_on", "between", days))
        for heading, filters, unused in (
            ("本期最大的赢单 | Largest deals won", won, "close_on"),
            ("最大的在谈商机（今天） | Largest open deals (today)", (open_ones,), "closed_on"),
        ):
            query = ListQuery(filters=(*filters, ("amount", "not_empty", None)), order="-amount", limit=_TOP, columns=tuple(keys))
            rows = Listing(spec, rights, self.view, query).page(store.session()).rows
            paper.heading(self._t(heading))
            if rows:
                self._deal_table(paper, spec, rights, [key for key in keys if key != unused], rows)
            else:
                paper.paragraph(self._t("没有。 | None."))

    def _deal_table(self, paper: Paper, spec: Spec, rights: Rights, keys: Sequence[str], rows: Sequence[Any]) -> None:
        fields = [spec.field(key) for key in keys]
        columns = [
            Column(self._t(field.label), 2.0 if field.key in ("name", "customer_id") else 1.1, field.kind == "money") for field in fields
        ]
        paper.table(columns, [[rights.cell(spec, field, row, self.view).text for field in fields] for row in rows])

    def _money(self, paper: Paper, found: Sheet, stands: Standing) -> None:
        rate = next((told for told in found.figures if told.figure.key == "collection"), None)
        if rate is None:
            return
        paper.heading(self._t("回款与逾期 | Collection and overdue"))
        facts = {"due": exact(rate.whole), "came": exact(rate.part), "rate": self._value(rate, rate.now), "mark": self._mark(rate)}
        paper.paragraph(self._t(_CAME).format(**facts))
        level = spec_named("payment_plan").field("overdue")
        rows, whole = [], Decimal(0)
        for each in OverdueLevel:
            count, owed, came = (stands.of(f"{key}_{each.value}") for key in ("late", "owed", "came"))
            if count is None or owed is None or came is None or not isinstance(level, ChoiceField):
                return
            rows.append([level.words(each.value, self.view), f"{count:,.0f}", exact(owed - came)])
            whole += owed - came
        rows.append([self._t("合计 | Total"), "", exact(whole)])
        paper.table(self._columns(("逾期（今天） | Overdue (today)", "笔数 | Payments", "未收 | Open amount"), (2, 1, 1.4)), rows)

    # words ---------------------------------------------------------------------------------
    def _columns(self, heads: Sequence[str], shares: Sequence[float]) -> list[Column]:
        """The first column names, the others are figures."""
        return [Column(self._t(head), share, n > 0) for n, (head, share) in enumerate(zip(heads, shares, strict=True))]

    def _value(self, told: Told, value: Decimal | None) -> str:
        return value_words(told.figure, value, self.view.language, exactly=True)

    def _share(self, told: Told) -> str:
        """A share says of what."""
        if not told.figure.whole:
            return ""
        money = told.figure.key == "collection"
        part, whole = (exact(each) if money else f"{each:,.0f}" for each in (told.part, told.whole))
        return f" ({part} / {whole})"

    def _change(self, told: Told, then: Decimal | None) -> str:
        return change_words(told, then, self.view.language)

    def _mark(self, told: Told) -> str:
        return f" {self._t(_FELL)}" if told.fell else ""


def _place(row: Row) -> tuple[bool, Decimal, str]:
    """Who won most stands first, what nobody has last."""
    won = row.told.get("won_amount")
    return row.id is None, -(won.now or Decimal(0)) if won else Decimal(0), row.name
