"""What a report says before anybody writes: counted and quoted from the period's own records, each with its source.

Everything is read through the gate, so a draft can show nothing that its reader could not open.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import func, literal, select

from portal import models
from portal.domain.calendar import company_calendar, span
from portal.domain.periods import Period, PeriodKind
from portal.domain.pooling import poolings
from portal.domain.report_rollup import NOTHING_GATHERED, Gathered, from_own, from_team
from portal.engine import store
from portal.engine.text import Text, say
from portal.entities.activity import ContactKind
from portal.security.principal import Principal
from portal.security.seeing import as_seen

MOST_LINES = 40
_QUOTE = 120

LABELS: Mapping[str, str] = {
    "follow_ups": "跟进 | Follow-ups",
    "leads_contacted": "联系的线索 | Leads contacted",
    **{member.value: member.label for member in ContactKind},
    "logged_late": "超时记录 | Logged late",
    "claimed": "领取 | Claimed",
    "received": "分配给我 | Assigned to me",
    "released": "退回公海 | Released",
    "created": "新建线索 | Leads created",
    "first_responses": "首次响应 | First responses",
}
"""Key of a figure → what it is called. All count events of the period in company time."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its name and where a click leads; no href where the reader could not open a list."""

    key: str
    label: str
    value: int
    href: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence of the draft and its source."""

    text: Text
    href: str
    at: datetime | None = None
    note: str = ""


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
    """The draft for one person and period, in six statements; three more for who leads others over a longer time."""
    follow_ups = _follow_ups(user_id, period)
    return Draft(
        figures=tuple(_counted(user_id, period, follow_ups)),
        done=tuple(_lines(period, follow_ups)),
        plan=tuple(_planned(user_id, period)),
        own=from_own(user_id, period),
        team=from_team(user_id, period, tuple(LABELS)) if _judges() else NOTHING_GATHERED,
    )


def _judges() -> bool:
    principal = store.session().info.get("principal")
    return isinstance(principal, Principal) and principal.may("work_report:comment")


def figures(user_id: int, period: Period) -> tuple[Figure, ...]:
    """Only the figures of a person and period (the month so far on the home page), in four statements."""
    return tuple(_counted(user_id, period, _follow_ups(user_id, period)))


def frozen(made: Draft, now: datetime) -> dict[str, Any]:
    """The draft's figures and sentences as they are kept with a submitted report."""
    return {
        **{figure.key: figure.value for figure in made.figures},
        "hrefs": {figure.key: figure.href for figure in made.figures if figure.href},
        "lines": [{"text": line.text.stored(), "href": line.href, "note": line.note} for line in made.done],
        **{key: _kept(part) for key, part in (("own", made.own), ("team", made.team)) if part.quotes or part.absent or part.figures},
        "frozen_at": now.isoformat(),
    }


def _kept(part: Gathered) -> dict[str, Any]:
    return {
        "quotes": [{"text": quote.text.stored(), "href": quote.href} for quote in part.quotes],
        "figures": {key: value for key, value in (part.figures or {}).items() if value},
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
    return tuple(Figure(key, label, kept[key], hrefs.get(key, "")) for key, label in LABELS.items() if key in kept)


def list_href(path: str, *conditions: Sequence[Any]) -> str:
    """A list with these filters, in the grammar of pages and API."""
    return f"{path}?{urlencode({'filter': json.dumps(conditions, ensure_ascii=False, separators=(',', ':'))})}"


# parts ------------------------------------------------------------------------------------------


def _follow_ups(user_id: int, period: Period) -> list[Any]:
    since, until = span(period.first, period.last)
    follow_up, lead, customer = models.FollowUp, models.Lead, models.Customer
    wanted = (
        select(
            follow_up.id,
            follow_up.lead_id,
            follow_up.customer_id,
            follow_up.kind,
            follow_up.contacted_at,
            follow_up.content,
            follow_up.logged_late,
            func.coalesce(lead.company, customer.name).label("company"),
        )
        .outerjoin(lead, lead.id == follow_up.lead_id)
        .outerjoin(customer, customer.id == follow_up.customer_id)
        .where(follow_up.created_by_id == user_id, follow_up.contacted_at >= since, follow_up.contacted_at < until)
        .order_by(follow_up.contacted_at, follow_up.id)
    )
    return list(store.session().execute(wanted))


def _counted(user_id: int, period: Period, follow_ups: Sequence[Any]) -> list[Figure]:
    days = [period.first.isoformat(), period.last.isoformat()]
    mine = (["created_by_id", "eq", user_id], ["contacted_at", "between", days])
    found = [
        _figure("follow_ups", len(follow_ups), list_href("/follow_up/", *mine)),
        _figure("leads_contacted", len({_href(row) for row in follow_ups})),
    ]
    found += [
        _figure(kind.value, count, list_href("/follow_up/", *mine, ["kind", "eq", kind.value]))
        for kind in ContactKind
        if (count := sum(row.kind == kind.value for row in follow_ups))
    ]
    found.append(_figure("logged_late", sum(row.logged_late > 0 for row in follow_ups)))
    found += _moved(user_id, period)
    created = list_href("/lead/", ["created_by_id", "eq", user_id], ["created_at", "between", days])
    found += [_figure("created", _created(user_id, period), created), _figure("first_responses", _responded(user_id, period))]
    return found


def _figure(key: str, value: int, href: str = "") -> Figure:
    return Figure(key, LABELS[key], value, href)


def _moved(user_id: int, period: Period) -> list[Figure]:
    """Leads claimed, received and released, from their tenures: every owner change wrote one."""
    since, until = span(period.first, period.last)
    tenure = models.Tenure
    came, went = tenure.owner_id == user_id, tenure.former_owner_id == user_id
    wanted = select(
        func.count().filter(came, tenure.how == "claim"),
        func.count().filter(came, tenure.how != "claim", tenure.former_owner_id.is_distinct_from(user_id)),
        func.count().filter(went, tenure.pool_id.is_not(None)),
    ).where(came | went, tenure.entity == "lead", tenure.at >= since, tenure.at < until)
    claimed, received, released = store.session().execute(wanted).one()
    return [_figure("claimed", claimed), _figure("received", received), _figure("released", released)]


def _created(user_id: int, period: Period) -> int:
    since, until = span(period.first, period.last)
    lead = models.Lead
    wanted = select(func.count()).select_from(lead).where(lead.created_by_id == user_id, lead.created_at >= since, lead.created_at < until)
    return store.session().scalar(wanted) or 0


def _responded(user_id: int, period: Period) -> int:
    since, until = span(period.first, period.last)
    lead = models.Lead
    wanted = (
        select(func.count())
        .select_from(lead)
        .where(lead.owner_id == user_id, lead.first_response_at >= since, lead.first_response_at < until)
    )
    return store.session().scalar(wanted) or 0


def _lines(period: Period, follow_ups: Sequence[Any]) -> list[Line]:
    """A day quotes each contact; a longer period has a line per customer, the most contacted first."""
    if period.kind is PeriodKind.DAY:
        return [_quote(row) for row in follow_ups[:MOST_LINES]]
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
                last=one_line(rows[-1].content),
            ),
            _href(rows[-1]),
            rows[-1].contacted_at,
        )
        for rows in ranked[:MOST_LINES]
    ]


def _href(row: Any) -> str:
    """The page of the lead or customer that was contacted."""
    return f"/customer/{row.customer_id}" if row.customer_id else f"/lead/{row.lead_id}"


def _quote(row: Any) -> Line:
    said = say("{company}：{content} | {company}: {content}", company=one_line(row.company), content=one_line(row.content))
    return Line(said, _href(row), row.contacted_at, ContactKind(row.kind).label)


def one_line(content: str) -> str:
    """One line of it; a bar between spaces would read as the border of two languages."""
    line = " ".join(content.split()).replace(" | ", " ｜ ")
    return line if len(line) <= _QUOTE else line[: _QUOTE - 1] + "…"


def _planned(user_id: int, period: Period) -> list[Line]:
    """What is promised for the next period (for a day: the next working day), the earliest first."""
    first, last = _next_days(period)
    since, until = span(first, last)
    found: list[Any] = []
    for pooling in poolings.values():
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
