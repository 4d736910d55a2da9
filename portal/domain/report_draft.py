"""What a report says before anybody writes: counted and quoted from the period's own records, each with its source.

Everything is read through the gate, so a draft can show nothing that its reader could not open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import reduce
from typing import Any

from sqlalchemy import literal, select

from portal.domain.calendar import company_calendar, span
from portal.domain.periods import Period, PeriodKind
from portal.domain.pooling import poolings
from portal.domain.report_extras import Extras, beside, extras, said
from portal.domain.report_figures import AMOUNTS, LABELS, Figure, Work, figures_of_work, read, work_of, yuan
from portal.domain.report_rollup import NOTHING_GATHERED, Gathered, from_own, from_team
from portal.engine import store
from portal.engine.text import Text, say, shortened
from portal.entities.activity import ContactKind
from portal.security.principal import Principal
from portal.security.seeing import as_seen, seen

MOST_LINES = 40
_MOST_RESULTS = 10
_QUOTE = 120


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence of the draft and its source."""

    text: Text
    href: str
    at: datetime | None = None
    note: Text | None = None
    """How one was in contact, and what an administrator had noted of the record."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A report as the system would write it: figures, what was done, what is planned next."""

    figures: tuple[Figure, ...]
    done: tuple[Line, ...]
    plan: tuple[Line, ...]
    own: Gathered = NOTHING_GATHERED
    """What one's own shorter reports said."""
    team: Gathered = NOTHING_GATHERED
    """What the reports of the people one leads said and counted."""

    @property
    def plan_text(self) -> str:
        """The plan as lines that a person goes on writing."""
        return "\n".join(line.text.in_("zh") for line in self.plan)


def draft(user_id: int, period: Period) -> Draft:
    """The draft for one person and period, in a dozen statements; three more for who leads others over a longer time."""
    work = work_of(user_id, period)
    return Draft(
        figures=figures_of_work(work),
        done=tuple(_lines(work)),
        plan=tuple(_planned(user_id, period)),
        own=from_own(user_id, period),
        team=from_team(user_id, period, tuple(LABELS)) if _judges() else NOTHING_GATHERED,
    )


def _judges() -> bool:
    principal = store.session().info.get("principal")
    return isinstance(principal, Principal) and principal.may("work_report:comment")


def figures(user_id: int, period: Period) -> tuple[Figure, ...]:
    """Only the figures of a person and period (the month so far on the home page)."""
    return figures_of_work(work_of(user_id, period))


def frozen(made: Draft, now: datetime) -> dict[str, Any]:
    """The draft's figures and sentences as they are kept with a submitted report."""
    return {
        **{figure.key: figure.kept for figure in made.figures},
        "hrefs": {figure.key: figure.href for figure in made.figures if figure.href},
        "lines": [{"text": line.text.stored(), "href": line.href, "note": line.note.stored() if line.note else ""} for line in made.done],
        **{key: _kept(part) for key, part in (("own", made.own), ("team", made.team)) if part.quotes or part.absent or part.figures},
        "frozen_at": now.isoformat(),
    }


def _kept(part: Gathered) -> dict[str, Any]:
    return {
        "quotes": [{"text": quote.text.stored(), "href": quote.href} for quote in part.quotes],
        "figures": {key: str(value) if key in AMOUNTS else value for key, value in (part.figures or {}).items() if value},
        "absent": [text.stored() for text in part.absent],
    }


def gathered_of(kept: Mapping[str, Any], part: str) -> dict[str, Any]:
    """The part of a submitted report that was gathered from others (`own`, `team`); empty where there was none."""
    found: dict[str, Any] = kept.get(part) or {}
    return found


def gathered(part: Gathered) -> dict[str, Any]:
    """The same part of a draft, in the same shape."""
    return _kept(part)


def figures_of(kept: Mapping[str, Any]) -> tuple[Figure, ...]:
    """The figures of a submitted report, in the order of `LABELS`."""
    hrefs = kept.get("hrefs", {})
    return tuple(Figure(key, label, read(key, kept[key]), hrefs.get(key, "")) for key, label in LABELS.items() if key in kept)


# parts ------------------------------------------------------------------------------------------


def _lines(work: Work) -> list[Line]:
    """What came of it first, then whom one talked to; contacts on records that one no longer sees are a number."""
    unseen = say("另有 {n} 次跟进在你不再持有的记录上 | {n} more on records you no longer hold", n=len(work.unseen))
    noted = extras()
    return [*_results(work, noted), *_contacts(work.period, work.follow_ups, noted), *([Line(unseen, "")] if work.unseen else [])]


def _results(work: Work, noted: Extras) -> list[Line]:
    """Deals won, contracts that took effect, money that came in."""
    kinds = (
        (work.deals, "赢单：{name}{amount} | Won: {name}{amount}", "opportunity"),
        (work.contracts, "合同生效：{name}{amount} | In effect: {name}{amount}", "contract"),
        (work.receipts, "回款：{name}{amount} | Received: {name}{amount}", "receipt"),
    )
    return [
        Line(
            say(words, name=one_line(row.name or ""), amount="" if row.amount is None else f" {yuan(row.amount)}"),
            f"/{entity}/{row.id}",
            note=said(noted[entity], row.extra) if noted.get(entity) else None,
        )
        for rows, words, entity in kinds
        for row in rows[:_MOST_RESULTS]
    ]


def _contacts(period: Period, follow_ups: Sequence[Any], noted: Extras) -> list[Line]:
    """A day quotes each contact; a longer period has a line per customer, the most contacted first."""
    if period.kind is PeriodKind.DAY:
        return [_quote(row, noted) for row in follow_ups[:MOST_LINES]]
    by_target: dict[str, list[Any]] = {}
    for row in follow_ups:
        by_target.setdefault(_href(row), []).append(row)
    ranked = sorted(by_target.values(), key=lambda rows: (-len(rows), rows[-1].contacted_at))
    return [
        Line(
            say(
                "{company}：跟进 {n} 次，最近：{last} | {company}: {n} contacts, the last: {last}",
                company=one_line(rows[-1].company),
                n=len(rows),
                last=one_line(rows[-1].content or "—"),
            ),
            _href(rows[-1]),
            rows[-1].contacted_at,
            _noted(rows[-1], noted),
        )
        for rows in ranked[:MOST_LINES]
    ]


def _href(row: Any) -> str:
    """The page of the lead or customer that was contacted."""
    return f"/customer/{row.customer_id}" if row.customer_id else f"/lead/{row.lead_id}"


def _noted(row: Any, noted: Extras) -> Text | None:
    return said(noted.get("customer" if row.customer_id else "lead", ()), row.extra)


def _quote(row: Any, noted: Extras) -> Line:
    words = say("{company}：{content} | {company}: {content}", company=one_line(row.company), content=one_line(row.content or "—"))
    parts = [each for each in (Text(ContactKind(row.kind).label) if row.kind else None, _noted(row, noted)) if each]
    return Line(words, _href(row), row.contacted_at, reduce(beside, parts) if parts else None)


def one_line(content: str) -> str:
    """One line of it; a bar between spaces would read as the border of two languages."""
    return shortened(" ".join(content.split()).replace(" | ", " ｜ "), _QUOTE)


def _planned(user_id: int, period: Period) -> list[Line]:
    """What is promised for the next period (for a day: the next working day), the earliest first."""
    first, last = _next_days(period)
    since, until = span(first, last)
    found: list[Any] = []
    for pooling in (each for each in poolings.values() if seen(each.model.next_at)):
        model = pooling.model
        entity, step = literal(pooling.name).label("entity"), as_seen(model.next_step)
        wanted = select(entity, model.id, pooling.title.label("company"), model.next_at, step)
        promised = (model.owner_id == user_id, model.next_at >= since, model.next_at < until)
        found += store.session().execute(wanted.where(*promised).order_by(model.next_at, model.id).limit(MOST_LINES)).all()
    found.sort(key=lambda row: row.next_at)
    zone = company_calendar().zone
    return [
        Line(
            say(
                "{at} {company} {step} | {at} {company} {step}",
                at=row.next_at.astimezone(zone).strftime("%m-%d %H:%M"),
                company=one_line(row.company),
                step=one_line(row.next_step or ""),
            ),
            f"/{row.entity}/{row.id}",
            row.next_at,
        )
        for row in found[:MOST_LINES]
    ]


def _next_days(period: Period) -> tuple[date, date]:
    if period.kind is PeriodKind.DAY:
        return period.last + timedelta(days=1), company_calendar().next_working(period.last)
    return period.next.first, period.next.last
