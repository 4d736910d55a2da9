"""Collecting what contracts owe: how overdue a payment is, what to remind of, and the rate at which it comes in (handbook 53–56)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import and_, case, func, insert, literal, select, update

from portal import models
from portal.domain.approvers import People
from portal.domain.calendar import company_calendar, company_day
from portal.engine import audit, store
from portal.engine.tables import AuditEvent
from portal.entities.contracts import ContractState, OverdueLevel, PaymentState
from portal.entities.payments import ReceiptState
from portal.policies import policy

ZERO = Decimal(0)
_OWED = (PaymentState.OPEN.value, PaymentState.PARTLY.value)
_plan: Any = models.PaymentPlan.__table__
_contract: Any = models.Contract.__table__


# how overdue --------------------------------------------------------------------------------------


def level_of(due_on: date | None, today: date) -> str:
    """The level of handbook 55: 1–7, 8–15, 16–30, more than 30 days past the due day; empty: not overdue."""
    days = (today - due_on).days if due_on else 0
    ends = policy("payment.overdue_days", on=today)
    levels = [level.value for level in OverdueLevel]
    return "" if days <= 0 else levels[min(sum(days > end for end in ends), len(levels) - 1)]


def mark_overdue(*, now: datetime) -> int:
    """Each night every open payment gets its level, all in one statement; returns how many changed. Running it twice changes nothing."""
    today = company_day(now)
    levels = [level.value for level in OverdueLevel]
    past = literal(today) - _plan.c.due_on
    ends = policy("payment.overdue_days", on=today)
    wanted = case((past <= 0, ""), *((past <= end, level) for end, level in zip(ends, levels, strict=False)), else_=levels[-1])
    owed = and_(_plan.c.state.in_(_OWED), _plan.c.deleted_at.is_(None), _plan.c.due_on.is_not(None))
    return _changed(select(_plan.c.id, _plan.c.overdue.label("was"), wanted.label("becomes")).where(owed, _plan.c.overdue != wanted), now)


def _changed(wanted: Any, now: datetime) -> int:
    connection = store.session().connection()
    rows = connection.execute(wanted.with_for_update()).all()
    for level in {row.becomes for row in rows}:
        ids = [row.id for row in rows if row.becomes == level]
        change = update(_plan).where(_plan.c.id.in_(ids)).values(overdue=level, version=_plan.c.version + 1, changed_at=now)
        connection.execute(change)
    told = {**audit.attribution(store.session()), "verb": "overdue", "entity": "payment_plan", "reason": ""}
    lines = [{**told, "record_id": row.id, "before": {"overdue": row.was}, "after": {"overdue": row.becomes}} for row in rows]
    if lines:
        connection.execute(insert(AuditEvent), lines)
    return len(rows)


def expire(*, now: datetime) -> int:
    """Contracts in effect whose last day has passed; what they owe is still collected."""
    contract, today = models.Contract, company_day(now)
    wanted = (
        select(contract).where(contract.state == ContractState.EFFECTIVE.value, contract.end_on < today).order_by(contract.id).limit(500)
    )
    ended = store.session().scalars(wanted).all()
    for each in ended:
        each.state = ContractState.EXPIRED.value
    store.session().flush()
    return len(ended)


# what to remind of --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Due:
    """A day that comes: of a payment or of a contract's end; `days` before it (0: the day itself)."""

    rule: str
    record_id: int
    recipient_id: int
    days: int
    on: date
    what: str
    party: str
    amount: Decimal


def mornings(since: datetime, now: datetime, at: str = "payment.remind_at") -> list[date]:
    """The days whose reminder hour (policy) lies after `since` and not after `now`."""
    hour, calendar = policy(at, on=company_day(now)), company_calendar()
    day, found = company_day(since), []
    while day <= company_day(now):
        if since < calendar.at(day, hour) <= now:
            found.append(day)
        day += timedelta(days=1)
    return found


def payments_to_remind(since: datetime, now: datetime) -> list[Due]:
    """−7 days to the owner and finance, −5 to the owner with the words for the customer, 0 to the owner and finance (handbook 54)."""
    found, finance = [], None
    for today in mornings(since, now):
        inside, customer = policy("payment.remind_days", on=today), policy("payment.customer_days", on=today)
        days = {today + timedelta(days=each): each for each in (*inside, customer)}
        for row in store.session().connection().execute(_owed_on(list(days))):
            before = days[row.due_on]
            if before == customer:
                found.append(_due("customer", row, before, row.owner_id))
            if before in inside:
                finance = People(now).with_role("finance") if finance is None else finance
                found += [_due("payment", row, before, each) for each in dict.fromkeys((row.owner_id, *finance))]
    return found


def _owed_on(days: list[date]) -> Any:
    still = (_plan.c.amount - func.coalesce(_plan.c.received, 0)).label("amount")
    return (
        select(_plan.c.id, _plan.c.due_on, _plan.c.name, _contract.c.owner_id, _contract.c.party, _contract.c.number, still)
        .join(_contract, _contract.c.id == _plan.c.contract_id)
        .where(_plan.c.state.in_(_OWED), _plan.c.deleted_at.is_(None), _plan.c.due_on.in_(days), _contract.c.owner_id.is_not(None))
        .order_by(_plan.c.due_on, _plan.c.id)
    )


def _due(rule: str, row: Any, before: int, recipient_id: int) -> Due:
    return Due(rule, row.id, recipient_id, before, row.due_on, f"{row.number} {row.name}", row.party, row.amount)


def contracts_to_remind(since: datetime, now: datetime) -> list[Due]:
    """90, 30 and 7 days before a contract in effect ends (policy): its owner sees to the renewal."""
    found = []
    for today in mornings(since, now):
        days = {today + timedelta(days=each): each for each in policy("contract.end_days", on=today)}
        wanted = (
            select(_contract.c.id, _contract.c.end_on, _contract.c.owner_id, _contract.c.title, _contract.c.party, _contract.c.amount)
            .where(_contract.c.state == ContractState.EFFECTIVE.value, _contract.c.end_on.in_(list(days)))
            .where(_contract.c.owner_id.is_not(None), _contract.c.deleted_at.is_(None))
            .order_by(_contract.c.end_on, _contract.c.id)
        )
        found += [
            Due("end", row.id, row.owner_id, days[row.end_on], row.end_on, row.title, row.party, row.amount or ZERO)
            for row in store.session().connection().execute(wanted)
        ]
    return found


# the rate -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Collected:
    """回款率 | Collection rate (records D): what came in by the period's end for payments due in it, of what was due."""

    received: Decimal
    due: Decimal

    @property
    def rate(self) -> Decimal | None:
        """None where nothing was due."""
        return self.received / self.due if self.due else None


def collected(first: date, last: date) -> Collected:
    """Of the payments due from `first` to `last`, both included, as far as the reader sees them; void ones were never due."""
    session, plan = store.session(), models.PaymentPlan
    in_period = (plan.due_on.between(first, last), plan.state.in_((*_OWED, PaymentState.PAID.value)))
    due = session.scalar(select(func.coalesce(func.sum(plan.amount), 0)).where(*in_period)) or ZERO
    allocation, receipt = models.Allocation, models.Receipt
    came = (
        select(func.coalesce(func.sum(allocation.amount), 0))
        .join(plan, plan.id == allocation.payment_plan_id)
        .join(receipt, receipt.id == allocation.receipt_id)
        .where(*in_period, receipt.received_on <= last, receipt.state == ReceiptState.BOOKED.value)
    )
    return Collected(Decimal(session.scalar(came) or 0), Decimal(due))
