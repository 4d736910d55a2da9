"""The figures of a team or the company for a week, a month or a quarter (records D): measured by the database over the
lists themselves, each beside the span before (环比) and the same span a year before (同比), and told by who has them.

Two kinds of conversion exist and are never mixed: here it is of the leads *created* in the span (the cohort); the week's
figures of the reports count by when a lead was *converted*.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Literal

from sqlalchemy import select

from portal import models
from portal.domain.calendar import company_calendar, company_day
from portal.domain.spans import COMPARED, Span
from portal.engine import store
from portal.engine.fields import View
from portal.engine.query.measuring import Holder, Measure, Measured, Measuring, Values
from portal.entities.contracts import PaymentState
from portal.entities.deals import OpportunityState
from portal.entities.leads import FirstResponse, LeadState
from portal.entities.payments import ReceiptState
from portal.policies import policy
from portal.security.fields import Rights
from portal.security.principal import Principal

Kind = Literal["count", "money", "share"]
_HUNDRED = Decimal(100)
OWED = (PaymentState.OPEN.value, PaymentState.PARTLY.value)
_DUE = [*OWED, PaymentState.PAID.value]
_WON = ("state", "eq", OpportunityState.WON.value)
_BOOKED = ("state", "eq", ReceiptState.BOOKED.value)


@dataclass(frozen=True, slots=True)
class Figure:
    """What is told: one measure, or the share that one has of another."""

    key: str
    label: str
    kind: Kind
    part: str
    whole: str = ""
    note: str = ""

    @property
    def measures(self) -> tuple[str, ...]:
        return (self.part, self.whole) if self.whole else (self.part,)


FIGURES = (
    Figure("leads", "新线索 | New leads", "count", "leads"),
    Figure(
        "first_response",
        "首响按时率 | First response in time",
        "share",
        "responded",
        "responses",
        "24 小时到期的线索里，按时首响的 | Of the leads whose 24 hours have ended",
    ),
    Figure(
        "conversion",
        "线索转化率（同批） | Lead conversion (cohort)",
        "share",
        "converted",
        "leads",
        "本期新建的线索里，已转为客户的 | Of the leads created in the period, those that became customers",
    ),
    Figure("won", "赢单 | Deals won", "count", "won"),
    Figure("won_amount", "赢单金额 | Amount won", "money", "won_amount"),
    Figure("collected", "回款 | Collected", "money", "collected"),
    Figure(
        "collection",
        "到期回款率 | Collection rate",
        "share",
        "allocated",
        "due",
        "本期到期的应收里，期末前收到的 | Of what fell due in the period, what came in by its end",
    ),
    Figure("pool", "公海线索 | Leads in the pool", "count", "pool", note="此刻 | Right now"),
)
STAGES = (
    ("leads", "线索 | Leads", ""),
    ("customers", "客户 | Customers", ""),
    ("opened", "商机 | Opportunities", "opened_amount"),
    ("won", "赢单 | Won", "won_amount"),
    ("receipts", "回款 | Receipts", "collected"),
)
"""Of the funnel: the measure that is counted, what it is called, and the measure of its amount."""
_STEP = Figure("step", "占上一步 | Of the step before", "share", "")
LINES = ("leads", "customers", "won")
AMOUNTS = ("won_amount", "collected")


def measures(now: datetime) -> tuple[Measure, ...]:
    """What is measured, in the lists' own grammar. `now`: only clocks that have run out count for the first response."""
    minute = now.astimezone(company_calendar().zone).strftime("%Y-%m-%d %H:%M")
    ended = ("first_response_due_at", "le", minute)
    kept = ("first_response", "eq", FirstResponse.KEPT.value)
    came = (("receipt_id.state", "eq", ReceiptState.BOOKED.value), ("payment_plan_id.state", "in", _DUE))
    return (
        Measure("leads", "lead", "created_at"),
        Measure("converted", "lead", "created_at", (("state", "eq", LeadState.CONVERTED.value),), trend=False),
        Measure("responses", "lead", "first_response_due_at", (ended,), trend=False),
        Measure("responded", "lead", "first_response_due_at", (ended, kept), trend=False),
        Measure("customers", "customer", "created_at"),
        Measure("opened", "opportunity", "opened_on", trend=False),
        Measure("opened_amount", "opportunity", "opened_on", sums="amount", trend=False),
        Measure("won", "opportunity", "closed_on", (_WON,)),
        Measure("won_amount", "opportunity", "closed_on", (_WON,), sums="amount"),
        Measure("receipts", "receipt", "received_on", (_BOOKED,), trend=False),
        Measure("collected", "receipt", "received_on", (_BOOKED,), sums="amount"),
        Measure("due", "payment_plan", "due_on", (("state", "in", _DUE),), sums="amount", trend=False),
        Measure("allocated", "allocation", "payment_plan_id.due_on", came, "amount", until="receipt_id.received_on", trend=False),
        Measure("pool", "lead", filters=(("pool_id", "not_empty", None),), trend=False),
    )


@dataclass(frozen=True, slots=True)
class Told:
    """A figure of somebody in one span: now, in the span before, a year before. A share is None where there was no whole."""

    figure: Figure
    now: Decimal | None
    before: Decimal | None
    year: Decimal | None
    part: Decimal
    whole: Decimal
    marked_from: int

    def change(self, then: Decimal | None) -> Decimal | None:
        """Of a share the points it rose; else the per cent, None where there was nothing then (records D)."""
        if self.now is None or then is None:
            return None
        if self.figure.kind == "share":
            return self.now - then
        return (self.now - then) * _HUNDRED / then if then else None

    @property
    def fell(self) -> bool:
        """A share that lost points enough to look at (`report.fall_points`, 5; the figure itself counts)."""
        change = self.change(self.before) if self.figure.kind == "share" else None
        return change is not None and -change >= self.marked_from


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the funnel: `told` is its share of the step before; `sums` the measure of its amount, empty: none."""

    key: str
    label: str
    sums: str
    told: Told


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the board. `id` is None for what nobody has."""

    id: int | None
    name: str
    told: Mapping[str, Told]


@dataclass(frozen=True, slots=True)
class Sheet:
    """All figures of one span for one reader."""

    span: Span
    today: date
    holder: Holder
    measures: Mapping[str, Measure]
    measured: Measured
    figures: tuple[Told, ...]
    rows: tuple[Row, ...]
    marked_from: int

    @property
    def fallen(self) -> tuple[Told, ...]:
        return tuple(told for told in self.figures if told.fell)

    def steps(self) -> tuple[Step, ...]:
        """The funnel: what happened in the span, each step with its share of the one before; a receipt is no share of a deal."""
        measured, last, found = self.measured, None, []
        for key, label, sums in STAGES:
            if key in measured:
                count = measured.total(key)
                now, before = _of(count, last)[:2] if last is not None and key != "receipts" else (None, None)
                told = Told(_STEP, now, before, None, count[0], Decimal(0), self.marked_from)
                found.append(Step(key, label, sums if sums in measured else "", told))
                last = count
        return tuple(found)


def sheet(who: Principal, span: Span, *, holder: Holder, view: View, now: datetime) -> Sheet:
    """What this reader is told of the span: two statements, whatever there is."""
    today = company_day(now)
    wanted = {measure.key: measure for measure in measures(now)}
    measuring = Measuring(Rights(who), view, span.windows(today), COMPARED, holder)
    measured = measuring.measured(store.session(), wanted.values())
    shown = [figure for figure in FIGURES if all(key in measured for key in figure.measures)]
    marked = policy("report.fall_points", on=today)
    rows = tuple(
        Row(each, name, {figure.key: _told(figure, partial(measured.of, holder=each), marked) for figure in shown})
        for each, name in _holders(who, holder, measured)
    )
    figures = tuple(_told(figure, measured.total, marked) for figure in shown)
    return Sheet(span, today, holder, wanted, measured, figures, rows, marked)


def holder_of(who: Principal) -> Holder:
    """Who reads all is told of each team, who leads some teams of each person."""
    return "team_id" if "all" in who.to("opportunity").read else "owner_id"


def _told(figure: Figure, values: Callable[[str], Values], marked: int) -> Told:
    part = values(figure.part)
    if figure.key == "pool":  # nobody wrote down how many lay there before
        return Told(figure, part[0], None, None, part[0], Decimal(0), marked)
    if not figure.whole:
        return Told(figure, part[0], part[1], part[2], part[0], Decimal(0), marked)
    whole = values(figure.whole)
    return Told(figure, *_of(part, whole), part[0], whole[0], marked)


def _of(part: Values, whole: Values) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
    now, before, year = (p * _HUNDRED / w if w else None for p, w in zip(part[:COMPARED], whole[:COMPARED], strict=True))
    return now, before, year


def _holders(who: Principal, holder: Holder, measured: Measured) -> list[tuple[int | None, str]]:
    """Who has a line: the leader's people or every team, and whoever else has something in these spans."""
    found = measured.holders
    if holder == "owner_id":
        user = models.User
        mine = user.active.is_(True) & user.team_id.in_(who.team_ids)
        wanted = select(user.id, user.name).where(mine | user.id.in_(found - {None}))
    else:
        team = models.Team
        wanted = select(team.id, team.name).where(team.deleted_at.is_(None) | team.id.in_(found - {None}))
    rows: list[tuple[int | None, str]] = [(key, name) for key, name in store.session().execute(wanted.order_by("id"))]
    return [*rows, *([(None, "")] if None in found else [])]
