"""What contracts ask of a duty today: what to seal, what is due, what ends soon. All through the gate, as the reader may see it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, null, select

from portal import models
from portal.domain.calendar import company_day
from portal.domain.collection import Collected, collected
from portal.domain.periods import PeriodKind, period_of
from portal.domain.report_figures import list_href
from portal.domain.worklists import MOST, Shown, matching, shown
from portal.engine import store
from portal.entities.contracts import ContractState, PaymentState
from portal.security.principal import Principal
from portal.security.seeing import as_seen, seen

_AHEAD = timedelta(days=90)
_COLLECTED = (
    *(models.Receipt.amount, models.Receipt.received_on, models.Allocation.amount),
    *(models.PaymentPlan.amount, models.PaymentPlan.due_on, models.PaymentPlan.received),
)
OWED = (PaymentState.OPEN.value, PaymentState.PARTLY.value)


@dataclass(frozen=True, slots=True)
class DutyDay:
    """`to_seal` is None where sealing is not the reader's duty, `due` where he reads no payments or not when they are due,
    `ending` where he does not see when contracts end."""

    today: date
    to_seal: Shown | None
    due: Shown | None
    ending: Shown | None
    running: int
    collected: Collected | None
    """Of this month; None where payments are not the reader's duty."""


def duty_day(who: Principal, *, now: datetime) -> DutyDay:
    """The queues of legal, finance and the cashier."""
    today = company_day(now)
    month = period_of(PeriodKind.MONTH, today)
    money = who.may("receipt:read")
    return DutyDay(
        today,
        _to_seal() if who.may("contract:seal") else None,
        payments_due() if money and seen(models.PaymentPlan.due_on) else None,
        _ending(today),
        _running(),
        collected(month.first, month.last) if money and seen(*_COLLECTED) else None,
    )


def _to_seal() -> Shown:
    contract, user = models.Contract, models.User
    waiting = contract.state == ContractState.TO_SEAL.value
    wanted = (
        select(contract.id, contract.title, as_seen(contract.party), as_seen(contract.amount), as_seen(contract.signed_at), user.name)
        .outerjoin(user, user.id == contract.owner_id)
        .where(waiting)
        .order_by(*((contract.signed_at,) if seen(contract.signed_at) else ()), contract.id)
        .limit(MOST)
    )
    href = list_href("/contract/", ["state", "in", [ContractState.TO_SEAL.value]]) if seen(contract.state) else ""
    return shown(store.session().execute(wanted).all(), matching(contract, waiting), href)


def payments_due() -> Shown:
    """What is still to come in, the earliest due first."""
    contract, plan = models.Contract, models.PaymentPlan
    still = func.coalesce(plan.amount, 0) - func.coalesce(plan.received, 0) if seen(plan.amount, plan.received) else null()
    party, number = as_seen(contract.party), as_seen(contract.number)
    wanted = (
        select(plan.id, plan.name, plan.due_on, plan.contract_id, still.label("open"), party, number)
        .join(contract, contract.id == plan.contract_id)
        .where(plan.state.in_(OWED))
        .order_by(plan.due_on, plan.id)
        .limit(MOST)
    )
    href = list_href("/payment_plan/", ["state", "in", list(OWED)]) if seen(plan.state) else ""
    return shown(store.session().execute(wanted).all(), matching(plan, plan.state.in_(OWED)), href)


def _ending(today: date) -> Shown | None:
    contract, user = models.Contract, models.User
    if not seen(contract.end_on):
        return None
    until = today + _AHEAD
    soon = (contract.state == ContractState.EFFECTIVE.value, contract.end_on.between(today, until))
    wanted = (
        select(contract.id, contract.title, as_seen(contract.party), contract.end_on, user.name)
        .outerjoin(user, user.id == contract.owner_id)
        .where(*soon)
        .order_by(contract.end_on, contract.id)
        .limit(MOST)
    )
    asked = ["state", "in", [ContractState.EFFECTIVE.value]], ["end_on", "between", [today.isoformat(), until.isoformat()]]
    href = list_href("/contract/", *asked) if seen(contract.state) else ""
    return shown(store.session().execute(wanted).all(), matching(contract, *soon), href)


def _running() -> int:
    contract = models.Contract
    return store.session().scalar(select(func.count()).select_from(contract).where(contract.state == ContractState.EFFECTIVE.value)) or 0
