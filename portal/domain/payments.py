"""Payments of a plan: what is still open, and what follows for a payment from what was received."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import models
from portal.domain.collection import level_of
from portal.entities.contracts import PaymentState

ZERO, CENT, HUNDRED = Decimal(0), Decimal("0.01"), Decimal(100)


def left_of(payment: models.PaymentPlan) -> Decimal:
    """What is still to come in of a payment."""
    return (payment.amount or ZERO) - (payment.received or ZERO)


def settle(payment: models.PaymentPlan, received: Decimal, today: date) -> None:
    """Its state and how overdue it is follow from what was received."""
    payment.received = received
    done = received >= (payment.amount or ZERO)
    payment.state = (PaymentState.PAID if done else PaymentState.PARTLY if received > 0 else PaymentState.OPEN).value
    payment.overdue = "" if done else level_of(payment.due_on, today)


def lock_payments(session: Session, contract_id: int) -> None:
    """Two who book, reverse or change at once follow each other, each seeing what is open then."""
    plan: Any = models.PaymentPlan.__table__
    session.flush()
    session.connection().execute(select(plan.c.id).where(plan.c.contract_id == contract_id).order_by(plan.c.id).with_for_update())
    session.expire_all()


# a plan's amounts ---------------------------------------------------------------------------------


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def share_out(payments: Sequence[models.PaymentPlan], whole: Decimal) -> None:
    """Each payment's amount from its share; what was paid before a change is fixed, and the last of the others takes the cents."""
    _refit(payments, whole)
    complete = sum((each.percent or ZERO for each in payments), ZERO) == HUNDRED
    fixed, loose = [each for each in payments if each.settled], [each for each in payments if not each.settled]
    for each in fixed:
        each.amount = each.settled
    left = whole - sum((each.amount or ZERO for each in fixed), ZERO)
    for each in loose:
        is_last = complete and each is loose[-1]
        each.amount = left if is_last else cents(whole * (each.percent or ZERO) / HUNDRED)
        left -= each.amount


def _refit(payments: Sequence[models.PaymentPlan], whole: Decimal) -> None:
    """Where the whole is another than before, what is paid is another share of it; the others fill the rest as they did."""
    fixed, loose = [each for each in payments if each.settled], [each for each in payments if not each.settled]
    shares = [cents((each.settled or ZERO) * HUNDRED / whole) if whole else HUNDRED for each in fixed]
    had, has = (sum(found, ZERO) for found in ([each.percent or ZERO for each in fixed], shares))
    if had == has or has > HUNDRED:
        return
    for each, share in zip(fixed, shares, strict=True):
        each.percent = share
    if had >= HUNDRED:
        return
    complete = had + sum((each.percent or ZERO for each in loose), ZERO) == HUNDRED
    for each in loose:
        each.percent = cents((each.percent or ZERO) * (HUNDRED - has) / (HUNDRED - had))
    if complete and loose:
        loose[-1].percent = HUNDRED - has - sum((each.percent or ZERO for each in loose[:-1]), ZERO)
