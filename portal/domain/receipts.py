"""Receipts: the cashier books what came in against the payment plan, the oldest due first, and takes a mistake back (handbook 50, 51)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import models
from portal.domain.calendar import company_day
from portal.domain.contract_verbs import each_in
from portal.domain.contract_versions import open_change
from portal.domain.contracts import payments_of
from portal.domain.payments import ZERO, left_of, lock_payments, settle
from portal.domain.pooling import ids_of
from portal.engine import store
from portal.engine.errors import Invalid, Refused
from portal.engine.kinds.choice import ChoiceField
from portal.engine.kinds.dates import DateField
from portal.engine.kinds.numbers import MoneyField
from portal.engine.kinds.texts import LongTextField, TextField
from portal.engine.text import Text, say
from portal.engine.verbs import Outcome, Preview, one_by_one, verb
from portal.entities.contracts import ContractState, PaymentState
from portal.entities.payments import ReceiptMethod, ReceiptState
from portal.security.principal import Principal
from portal.security.session import entrusted

COLLECTED = (ContractState.EFFECTIVE, ContractState.EXPIRED)
"""What may be fulfilled: also after its last day."""
TAKES = (*COLLECTED, ContractState.TERMINATED)
"""A contract that money still comes in for: what is owed outlives its last day, and its end before time."""
OWED = (PaymentState.OPEN.value, PaymentState.PARTLY.value)
_TOO_MUCH = "只剩 ¥{left} 未收；多出的请另行登记或退回。 | Only ¥{left} is still open; book the rest where it belongs, or pay it back."


def allocate(payments: Sequence[models.PaymentPlan], amount: Decimal) -> list[tuple[models.PaymentPlan, Decimal]]:
    """What the amount pays, the oldest due first. Refused when it is more than is open."""
    owed = [each for each in payments if each.state in OWED and left_of(each) > 0]
    owed.sort(key=lambda each: (each.due_on or date.max, each.id))
    open_amount = sum((left_of(each) for each in owed), ZERO)
    if amount > open_amount:
        raise Refused(_TOO_MUCH, rule="too_much", left=f"{open_amount:,.2f}")
    found, left = [], amount
    for each in owed:
        if left <= 0:
            break
        part = min(left, left_of(each))
        found.append((each, part))
        left -= part
    return found


def preview(contracts: Sequence[Any], *, acting_user: Principal, now: datetime, amount: Decimal | None = None, **_: Any) -> Preview:
    """Which payments it would pay. Changes nothing."""
    session = store.session()
    payments = [each for each in payments_of(session, ids_of(contracts)[0]) if each.state in OWED]
    try:
        parts = dict(allocate(payments, amount or ZERO))
    except Refused as refusal:
        return Preview(refused=((refusal.text, 1),))
    return Preview(
        headers=("款项 | Payment", "到期 | Due", "未收 | Open", "本次 | Now", "剩余 | Left"),
        rows=tuple(
            (
                each.name,
                each.due_on.isoformat() if each.due_on else "—",
                f"¥{left_of(each):,.2f}",
                f"¥{parts.get(each, ZERO):,.2f}",
                f"¥{left_of(each) - parts.get(each, ZERO):,.2f}",
            )
            for each in payments
        ),
    )


@verb(
    "contract:receive",
    "登记回款 | Book a receipt",
    icon="receipt",
    takes=("all",),
    primary=True,
    columns=(),
    states=TAKES,
    preview=preview,
    form=(
        ("amount", MoneyField("金额 | Amount", required=True, taken_from="receipt.amount")),
        ("received_on", DateField("收款日期 | Received on", required=True, in_days=0)),
        ("method", ChoiceField("方式 | Method", ReceiptMethod, required=True, default="transfer")),
        ("payer", TextField("付款方 | Payer", help="不填就是签约方。 | Empty: the party of the contract.")),
        ("reference", TextField("流水号 | Bank reference", 80)),
        ("note", LongTextField("备注 | Note")),
    ),
    help="自动抵最早到期的一期，下面能看到抵到哪里。 | It pays the oldest due first; below you see which.",
)
def receive(
    contracts: Sequence[models.Contract], *, acting_user: Principal, now: datetime, amount: Decimal, received_on: date, **form: Any
) -> Outcome:
    """Book what came in for one contract; its payments follow in the same transaction.

    Refused: nothing or less, a day to come, more than is open.
    """

    def book(contract: models.Contract) -> None:
        session = store.session()
        _check(amount, received_on, company_day(now))
        lock_payments(session, contract.id)
        if contract.state not in {state.value for state in TAKES}:
            raise Refused("合同刚变更，请在新版本上登记。 | It has just been changed; book it on its new version.", rule="state")
        parts = allocate(payments_of(session, contract.id), amount)
        with entrusted(session, replace(acting_user, is_system=True, note="contract:receive")):
            booked = _booked(session, contract, amount, received_on, form)
            for payment, part in parts:
                session.add(models.Allocation(contract_id=contract.id, receipt_id=booked.id, payment_plan_id=payment.id, amount=part))
                settle(payment, (payment.received or ZERO) + part, company_day(now))
            session.flush()

    if len(contracts) > 1:
        refusal = Refused("一笔回款只登记到一份合同。 | One receipt is booked on one contract.", rule="one")
        return Outcome(refused=[(each.id, refusal) for each in contracts])
    return each_in(contracts, TAKES, book, message=say("已入账 ¥{amount} | ¥{amount} booked", amount=f"{amount:,.2f}"))


def _check(amount: Decimal, received_on: date, today: date) -> None:
    errors = {}
    if amount <= 0:
        errors["amount"] = Text("金额要大于 0。 | An amount is above 0.")
    if received_on > today:
        errors["received_on"] = Text("收款日期不能在将来。 | It cannot have been received in the future.")
    if errors:
        raise Invalid(errors)


def _booked(session: Session, contract: models.Contract, amount: Decimal, received_on: date, form: Any) -> models.Receipt:
    payer = (form.get("payer") or "").strip() or contract.party
    kept = {key: form.get(key) or "" for key in ("method", "reference", "note")}
    made = models.Receipt(contract_id=contract.id, payer=payer, amount=amount, received_on=received_on, **kept)
    session.add(made)
    session.flush()
    return made


@verb(
    "receipt:reverse",
    "冲销 | Reverse",
    icon="receipt-refund",
    takes=("all",),
    columns=("state", "reason"),
    states=(ReceiptState.BOOKED,),
    form=(("reason", TextField("原因 | Reason", 500, required=True)),),
    help="登记错了用：回款计划恢复未收，记录保留；已履行完毕的合同恢复生效。"
    " | For a mistake: the payments are open again, the record stays; a fulfilled contract is in effect again.",
    reason_in=("receipt.reason",),
)
def reverse(receipts: Sequence[models.Receipt], *, acting_user: Principal, now: datetime, reason: str) -> Outcome:
    """As if it had not come in; the receipt stays and says why."""
    session = store.session()

    def one(receipt: models.Receipt) -> None:
        _hold(session, receipt)
        if receipt.state != ReceiptState.BOOKED.value:
            raise Refused("这笔已经冲销了。 | This one has been reversed already.", rule="state")
        receipt.state, receipt.reason = ReceiptState.REVERSED.value, reason.strip()
        session.flush()
        with entrusted(session, replace(acting_user, is_system=True, note="receipt:reverse")):
            _give_back(session, receipt, now)

    in_order = sorted(receipts, key=lambda each: each.contract_id or 0)  # two who reverse many lock in one order
    outcome = one_by_one(in_order, one)
    outcome.message = say("已冲销，回款计划恢复未收。 | Reversed; the payments are open again.") if outcome.done else None
    return outcome


def _hold(session: Session, receipt: models.Receipt) -> None:
    """Nobody else touches what it pays; a change that is sealed meanwhile takes it to another contract's payments."""
    held = None
    while held != receipt.contract_id:
        held = receipt.contract_id or 0
        lock_payments(session, held)


def _give_back(session: Session, receipt: models.Receipt, now: datetime) -> None:
    allocation = models.Allocation
    parts = session.scalars(select(allocation).where(allocation.receipt_id == receipt.id, allocation.deleted_at.is_(None))).all()
    payments = {each.id: each for each in payments_of(session, receipt.contract_id or 0)}
    for part in parts:
        payment = payments[part.payment_plan_id or 0]
        settle(payment, (payment.received or ZERO) - (part.amount or ZERO), company_day(now))
        part.deleted_at = now
    contract = session.scalars(select(models.Contract).where(models.Contract.id == receipt.contract_id)).one()
    if contract.state == ContractState.FULFILLED.value:
        contract.state = ContractState.EFFECTIVE.value
    session.flush()


@verb(
    "contract:fulfil",
    "履行完毕 | Fulfilled",
    icon="circle-check",
    takes=("own", "reach"),
    columns=("state",),
    states=COLLECTED,
    help="货款两清后结束合同。 | All is delivered and paid.",
)
def fulfil(contracts: Sequence[models.Contract], *, acting_user: Principal, now: datetime) -> Outcome:
    """Done on both sides; refused while something is still to come in.

    Who takes a receipt back or begins a change at the same time comes before or after, never between look and deed.
    """
    session, plan = store.session(), models.PaymentPlan

    def done(contract: models.Contract) -> None:
        lock_payments(session, contract.id)
        session.refresh(contract, with_for_update={"key_share": True})
        if contract.state not in {state.value for state in COLLECTED}:
            raise Refused("现在的状态不能这样做。 | Not in its present state.", rule="state")
        if (change := open_change(session, contract.id)) is not None:
            raise Refused(
                "变更 {number} 还在途，先办完或删除它。 | Change {number} is under way; complete or delete it first.",
                rule="under_change",
                number=change.number,
            )
        owed = session.scalar(select(func.count()).select_from(plan).where(plan.contract_id == contract.id, plan.state.in_(OWED)))
        if owed:
            raise Refused("还有 {n} 期没有收齐。 | {n} payments are still open.", rule="owed", n=owed)
        contract.state = ContractState.FULFILLED.value

    return each_in(contracts, COLLECTED, done, message=say("已履行完毕。 | Fulfilled."))
