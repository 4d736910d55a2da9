"""The quarterly review of customer classes: what they bought, how often, and what is in talks, judged against thresholds (handbook 17)."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import quote

from sqlalchemy import ColumnElement, Date, DateTime, Select, String, Subquery, and_, case, func, insert, literal, select
from sqlalchemy.dialects.postgresql import insert as insert_once

from portal import models
from portal.domain.calendar import company_day, company_zone
from portal.domain.collection import mornings
from portal.domain.reminder_events import Event
from portal.domain.spans import Span, SpanKind, span_of
from portal.engine import audit, store
from portal.engine.text import say
from portal.entities.customers import CustomerClass, CustomerState
from portal.entities.deals import OpportunityState
from portal.entities.reviews import ReviewState
from portal.policies import policy

_HUNDRED = 100
_WORKED = (CustomerState.POTENTIAL, CustomerState.WON, CustomerState.ACTIVE, CustomerState.DORMANT)
_customer: Any = models.Customer.__table__
_deal: Any = models.Opportunity.__table__
_review: Any = models.ClassReview.__table__
READ = (
    *(models.Customer.customer_class, models.Customer.state, models.Customer.owner_id),
    *(models.Opportunity.amount, models.Opportunity.probability, models.Opportunity.closed_on, models.Opportunity.state),
    *(models.ClassReview.amount, models.ClassReview.deals, models.ClassReview.potential, models.ClassReview.points),
)
"""What a class is proposed from."""
_EVIDENCE = ("amount", "earlier", "deals", "potential", "points")


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which figure on one point is given and from which two; from how many points on a customer is B, and A."""

    amount: tuple[int, int]
    deals: tuple[int, int]
    potential: tuple[int, int]
    points: tuple[int, int]
    quarters: int

    @classmethod
    def in_force(cls, day: date) -> Thresholds:
        """As the policies say on a day."""
        return cls(**{key: policy(f"class.{key}", on=day) for key in ("amount", "deals", "potential", "points", "quarters")})


def quarter_of(now: datetime) -> Span:
    """The company's running quarter."""
    return span_of(SpanKind.QUARTER, company_day(now))


# what is proposed ---------------------------------------------------------------------------------


def judged(quarter: Span, thresholds: Thresholds) -> Select[Any]:
    """Every customer that is worked and was there before the quarter: what he has bought before it, and the class of it.

    Bought is what was won in so many quarters before this one, `earlier` in as many before those; in talks is what is
    open now, by how likely its stage makes it.
    """
    sums = _sums(quarter, thresholds.quarters)
    figures = {key: func.coalesce(sums.c[key], 0) for key in ("amount", "earlier", "deals", "potential")}
    points: Any = sum(_points(figures[key], getattr(thresholds, key)) for key in ("amount", "deals", "potential"))
    b, a = thresholds.points
    proposed = case((points >= a, CustomerClass.A.value), (points >= b, CustomerClass.B.value), else_=CustomerClass.C.value)
    return (
        select(
            _customer.c.id.label("customer_id"),
            _customer.c.customer_class.label("current_class"),
            proposed.label("proposed"),
            points.label("points"),
            *(value.label(key) for key, value in figures.items()),
        )
        .outerjoin(sums, sums.c.customer_id == _customer.c.id)
        .where(
            _customer.c.owner_id.is_not(None),
            _customer.c.deleted_at.is_(None),
            _customer.c.state.in_([state.value for state in _WORKED]),
            _customer.c.created_at < datetime.combine(quarter.first, time(), company_zone()),
        )
    )


def _sums(quarter: Span, quarters: int) -> Subquery:
    """What each customer has bought, how often, and what is in talks with him."""
    ends = quarter.first
    begins, before = (_back(quarter, quarters * times) for times in (1, 2))
    won = (_deal.c.state == OpportunityState.WON.value) & _deal.c.deleted_at.is_(None)
    amount = func.coalesce(_deal.c.amount, 0)
    return (
        select(
            _deal.c.customer_id,
            _sum(amount, won & _between(begins, ends)).label("amount"),
            _sum(amount, won & _between(before, begins)).label("earlier"),
            func.count().filter(won & _between(begins, ends)).label("deals"),
            _sum(
                func.round(amount * func.coalesce(_deal.c.probability, 0) / _HUNDRED, 2),
                (_deal.c.state == OpportunityState.OPEN.value) & _deal.c.deleted_at.is_(None),
            ).label("potential"),
        )
        .where(_deal.c.customer_id.is_not(None))
        .group_by(_deal.c.customer_id)
        .subquery("sums")
    )


def _back(quarter: Span, many: int) -> date:
    for _ in range(many):
        quarter = quarter.before
    return quarter.first


def _between(first: date, end: date) -> ColumnElement[bool]:
    return and_(_deal.c.closed_on >= first, _deal.c.closed_on < end)


def _sum(value: ColumnElement[Any], where: ColumnElement[bool]) -> ColumnElement[Any]:
    return func.coalesce(func.sum(value).filter(where), 0)


def _points(figure: ColumnElement[Any], edges: tuple[int, int]) -> ColumnElement[int]:
    one, two = edges
    return case((figure >= two, 2), (figure >= one, 1), else_=0)


def propose(now: datetime) -> int:
    """Write a proposal for every customer whose class and figures differ; returns how many are new.

    One statement: killed it has done nothing, run again it adds nothing that is there for the quarter.
    """
    session, quarter, today = store.session(), quarter_of(now), company_day(now)
    found = judged(quarter, Thresholds.in_force(today)).subquery("judged")
    keys = ("customer_id", "current_class", "proposed", *_EVIDENCE)
    given: dict[str, Any] = {
        **{key: found.c[key] for key in keys},
        "origin_id": found.c.customer_id,
        "quarter": literal(quarter.key, String),
        "state": literal(ReviewState.PROPOSED.value, String),
        "due_on": literal(today + timedelta(days=policy("class.due_days", on=today)), Date),
        **dict.fromkeys(("created_at", "changed_at"), literal(now, DateTime(timezone=True))),
    }
    rows = (
        select(*(value.label(key) for key, value in given.items()))
        .where(found.c.proposed != found.c.current_class)
        .order_by(found.c.customer_id)
    )
    made = insert_once(_review).from_select(list(given), rows).on_conflict_do_nothing().returning(_review.c.id).cte("made")
    events = models.AuditEvent.__table__
    told = {**audit.attribution(session), "verb": "propose", "entity": "class_review"}
    lines = select(*(literal(value, events.c[key].type).label(key) for key, value in told.items()), made.c.id)
    written = insert(events).from_select([*told, "record_id"], lines, include_defaults=False).returning(events.c.record_id)  # type: ignore[arg-type]
    return len(session.connection().execute(written).all())


def tried(quarter: Span, thresholds: Thresholds) -> Counter[tuple[str, str]]:
    """How many customers would go from which class to which under other thresholds; writes nothing."""
    found = judged(quarter, thresholds).subquery("judged")
    counted = select(found.c.current_class, found.c.proposed, func.count()).group_by(found.c.current_class, found.c.proposed)
    return Counter({(was, to): number for was, to, number in store.session().connection().execute(counted)})


# what people are told -----------------------------------------------------------------------------


def reviews_due(since: datetime, now: datetime) -> list[Event]:
    """When proposals are there, three days before they are due and on the day: the superior of the owner (records C)."""
    people: Any = models.User.__table__
    found = []
    for today in mornings(since, now):
        days = {today + timedelta(days=each): each for each in policy("class.remind_days", on=today)}
        wanted = (
            select(people.c.superior_id, _review.c.quarter, _review.c.due_on, func.count().label("many"))
            .join(_customer, _customer.c.id == _review.c.customer_id)
            .join(people, people.c.id == _customer.c.owner_id)
            .where(_review.c.state == ReviewState.PROPOSED.value, _review.c.due_on.in_(list(days)), people.c.superior_id.is_not(None))
            .group_by(people.c.superior_id, _review.c.quarter, _review.c.due_on)
            .order_by(people.c.superior_id)
        )
        found += [_told(row, days[row.due_on]) for row in store.session().connection().execute(wanted)]
    return found


def _told(row: Any, days: int) -> Event:
    return Event(
        row.superior_id,
        "class_review",
        f"class_review:{row.quarter}:{days}",
        say(
            "{quarter} 分类评估：{n} 个客户等你决定，{on} 前 | Class review {quarter}: {n} customers to decide by {on}",
            quarter=row.quarter,
            n=row.many,
            on=row.due_on.isoformat(),
        ),
        "class_review",
        None,
        waiting(row.quarter),
        count=row.many,
    )


def waiting(quarter: str) -> str:
    """The list of what is to be decided for a quarter."""
    conditions = [["quarter", "eq", quarter], ["state", "eq", ReviewState.PROPOSED.value]]
    return f"/class_review/?filter={quote(json.dumps(conditions))}"
