"""A running contract that is changed: a new version beside it, and how that takes its place, with every cent that was received.

The version before stays in force, and money is booked on it, until the new one is sealed. Then one transaction makes
the old one changed and its payments void, and moves its receipts to the new plan: first to the payment that goes on
with the one they had paid, what is over to the oldest due. So each amount is owed, and received, once. Who took part
in the old one takes part in the new one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import models
from portal.domain.approval_flows import engine
from portal.domain.approval_lock import snapshot
from portal.domain.approvals import end, note
from portal.domain.calendar import company_day
from portal.domain.collection import level_of
from portal.domain.contracts import lines_of, lock_numbers, payments_of, written
from portal.domain.payments import ZERO, left_of, lock_payments, settle
from portal.domain.sharing import carry
from portal.engine import audit, store
from portal.engine.entity import DOCUMENT
from portal.engine.errors import NotFound, Refused
from portal.engine.operations import operation
from portal.engine.outbox import notify
from portal.engine.spec import spec_of
from portal.engine.text import say
from portal.entities.approvals import ActionKind, ApprovalState
from portal.entities.contracts import ContractState, PaymentState
from portal.entities.payments import ReceiptState
from portal.policies import policy
from portal.security.principal import Principal
from portal.security.references import carrying
from portal.security.session import entrusted

_S = ContractState
IN_FORCE = (_S.EFFECTIVE.value, _S.EXPIRED.value)
"""A version may be agreed on late: its contract's last day may have passed meanwhile."""
_table: Any = models.Contract.__table__
_ENDED = "原合同已不在履行中，这份变更不能再走下去。 | The contract that it changes is no longer in force; this change goes no further."


# a new version ------------------------------------------------------------------------------------


def begin(running: models.Contract, reason: str, *, now: datetime) -> models.Contract:
    """A draft of the next version: the same lines, clauses and payments, and what is paid already stays as it is."""
    session = store.session()
    refuse_second(session, running.id)
    lock_numbers(session)
    family = (_table.c.year == running.year, _table.c.sequence == running.sequence)
    connection = session.connection()
    revision = (connection.scalar(select(func.max(_table.c.revision)).where(*family)) or 1) + 1
    first = connection.scalar(select(_table.c.number).where(*family).order_by(_table.c.revision).limit(1))
    spec = spec_of(models.Contract)
    kept = ("owner_id", "team_id", "party", "year", "sequence", DOCUMENT)
    made = models.Contract(
        **{key: getattr(running, key) for key in (*(each.key for each in spec.form if each.key in _table.c), *kept)},
        revision=revision,
        number=policy("contract.change_number", on=company_day(now)).format(number=first, n=revision),
        changes_id=running.id,
        changes_number=running.number,
        change_reason=reason.strip(),
        credit_added=0,
    )
    session.add(made)
    with carrying(session):
        session.flush()
    _copy_parts(session, running, made)
    return made


def _copy_parts(session: Session, running: models.Contract, made: models.Contract) -> None:
    for line in lines_of(session, running.id):
        kept = {each.key: getattr(line, each.key) for each in spec_of(models.ContractLine).form if each.key != "contract_id"}
        session.add(models.ContractLine(contract_id=made.id, amount=line.amount, **kept))
    for each in payments_of(session, running.id):
        session.add(
            models.PaymentPlan(
                contract_id=made.id,
                carried_id=each.id,
                settled=each.amount if each.state == PaymentState.PAID.value else None,
                **{key: getattr(each, key) for key in ("name", "percent", "days", "amount", "due_on")},
            )
        )
    session.flush()


def refuse_second(session: Session, contract_id: int | None) -> None:
    """One change at a time: two would each take the place of the same contract."""
    session.connection().execute(select(_table.c.id).where(_table.c.id == contract_id).with_for_update(key_share=True))
    if (other := open_change(session, contract_id)) is not None:
        raise Refused(
            "已有一份变更在途：{number}。先办完或删除它。 | Change {number} is under way already; complete or delete it first.",
            rule="second_change",
            number=other.number,
        )


def open_change(session: Session, contract_id: int | None) -> Any:
    """The version on its way, whoever may see it: id and number."""
    wanted = select(_table.c.id, _table.c.number).where(
        _table.c.changes_id == contract_id, _table.c.deleted_at.is_(None), _table.c.state != _S.VOID.value
    )
    return session.connection().execute(wanted).one_or_none()


def refuse_unready(change: models.Contract) -> None:
    """Before legal and finance read it: there is something to change, in force, and what was paid fits in."""
    if change.changes_id is None:
        return
    session = store.session()
    running = _running(session, change)
    if _written(change) == _written(running):
        raise Refused("和原合同没有区别，先改再送审。 | Nothing differs from the running contract; change it first.", rule="same")
    refuse_too_small(session, change, running.id)


def _written(contract: models.Contract) -> dict[str, Any]:
    """What people write of a contract and its parts, whichever version it is."""
    spec = spec_of(models.Contract)
    kept = snapshot(spec, contract)
    told = written(spec, kept)
    for part in spec.parts():
        told[part.name] = [{each.key: row[each.key] for each in part.form if each not in part.parents} for row in kept[part.name]]
    return told


def _running(session: Session, change: models.Contract) -> models.Contract:
    found = session.scalar(select(models.Contract).where(models.Contract.id == change.changes_id))
    if found is None or found.state not in IN_FORCE:
        raise Refused(_ENDED, rule="ended")
    return found


def refuse_too_small(session: Session, change: models.Contract, running_id: int) -> None:
    """What was received for the old version has to find its place in the new one, and its payments make its amount."""
    received = sum((each.received or ZERO for each in payments_of(session, running_id)), ZERO)
    fixed = sum((each.settled or ZERO for each in payments_of(session, change.id)), ZERO)
    if max(received, fixed) > (change.amount or ZERO):
        raise Refused(
            "变更后的金额小于已收的 ¥{received}，请先退款或改金额。"
            " | ¥{received} was received, more than the changed amount; pay back or change the amount first.",
            rule="too_small",
            received=f"{max(received, fixed):,.2f}",
        )
    planned = sum((each.amount or ZERO for each in payments_of(session, change.id)), ZERO)
    if planned != change.amount:
        raise Refused(
            "回款计划合计 ¥{planned}，合同是 ¥{amount}，请补上差额的款项。"
            " | The payments come to ¥{planned}, the contract to ¥{amount}; add a payment for the rest.",
            rule="planned",
            planned=f"{planned:,.2f}",
            amount=f"{change.amount or ZERO:,.2f}",
        )


def against(change: models.Contract) -> Mapping[str, Any] | None:
    """The running version as the new one is compared with it: what people write, not what the portal keeps of its way."""
    if change.changes_id is None:
        return None
    session = store.session()
    running = session.scalar(select(models.Contract).where(models.Contract.id == change.changes_id))
    if running is None:
        return None
    told, spec = _written(running), spec_of(models.Contract)
    new = {row.get("carried_id"): row for row in snapshot(spec, change)["payment_plan"]}
    for line, row in zip(lines_of(session, running.id), told["contract_line"], strict=True):
        row["amount"] = audit.plain(line.amount)
    for each, row in zip(payments_of(session, running.id), told["payment_plan"], strict=True):
        row["amount"] = audit.plain(each.amount)
        row |= {key: new[each.id][key] for key in ("id", "settled", "due_on") if each.id in new}
    return told


# taking its place ---------------------------------------------------------------------------------


def take_over(change: models.Contract, *, acting_user: Principal, now: datetime) -> None:
    """The new version is in effect instead of the one that it changes; its payments are open from here on.

    What goes on unchanged keeps its due day; a new payment, or one with other days, counts from today.
    """
    session, today = store.session(), company_day(now)
    with entrusted(session, replace(acting_user, is_system=True, note="contract:seal")):
        if change.changes_id is not None:
            _replace(session, change, today)
            carry(session, "contract", change.changes_id, change.id, owner_id=change.owner_id, now=now)
        for each in payments_of(session, change.id):
            each.due_on = each.due_on or today + timedelta(days=each.days or 0)
            if each.received or not each.amount:  # nothing to come in: paid
                settle(each, each.received or ZERO, today)
            else:
                each.state, each.overdue = PaymentState.OPEN.value, level_of(each.due_on, today)


def _replace(session: Session, change: models.Contract, today: date) -> None:
    lock_payments(session, change.changes_id or 0)
    running = session.scalars(
        select(models.Contract)
        .where(models.Contract.id == change.changes_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one()
    if running.state not in IN_FORCE:
        raise Refused(_ENDED, rule="ended")
    refuse_too_small(session, change, running.id)
    before = payments_of(session, running.id)
    _move_money(session, running, change)
    for each in before:
        each.state, each.received, each.overdue = PaymentState.VOID.value, ZERO if each.received else each.received, ""
    running.state, running.replaced_by_id = _S.CHANGED.value, change.id
    session.flush()


def _move_money(session: Session, running: models.Contract, change: models.Contract) -> None:
    """Receipts that count go to the new version, whole; a part too large for its payment is split."""
    receipt, allocation = models.Receipt, models.Allocation
    counting = (receipt.contract_id == running.id, receipt.state == ReceiptState.BOOKED.value, receipt.deleted_at.is_(None))
    for each in session.scalars(select(receipt).where(*counting)).all():
        each.contract_id = change.id
    parts = session.scalars(
        select(allocation).where(allocation.contract_id == running.id, allocation.deleted_at.is_(None)).order_by(allocation.id)
    ).all()
    payments = payments_of(session, change.id)
    goes_on = {each.carried_id: each for each in payments if each.carried_id}
    over: list[tuple[models.Allocation, Decimal]] = []
    for part in parts:
        first, amount = goes_on.get(part.payment_plan_id or 0), part.amount or ZERO
        fits = min(amount, left_of(first)) if first is not None else ZERO
        part.contract_id = change.id
        if first is not None and fits > 0:
            part.payment_plan_id, part.amount = first.id, fits
            first.received = (first.received or ZERO) + fits
        if amount > fits:
            over.append((part, amount - fits))
    _spread(session, over, sorted(payments, key=lambda each: (each.due_on or date.max, each.id)))


def _spread(session: Session, over: Sequence[tuple[models.Allocation, Decimal]], payments: Sequence[models.PaymentPlan]) -> None:
    """What no payment goes on with pays the oldest due. A part that lies nowhere yet takes the first of these places itself."""
    mine = {each.id for each in payments}
    for part, amount in over:
        left = amount
        for each in payments:
            fits = min(left, left_of(each))
            if fits <= 0:
                continue
            if part.payment_plan_id not in mine:
                part.payment_plan_id, part.amount = each.id, fits
            else:
                given = {"contract_id": part.contract_id, "receipt_id": part.receipt_id}
                session.add(models.Allocation(**given, payment_plan_id=each.id, amount=fits))
            each.received = (each.received or ZERO) + fits
            left -= fits


# when the running one ends first ------------------------------------------------------------------


def call_off(running: models.Contract, *, acting_user: Principal, now: datetime) -> None:
    """A contract that is ended takes the change on its way along: it is void, and nobody has to decide on it any more."""
    session = store.session()
    other = open_change(session, running.id)
    if other is None:
        return
    with entrusted(session, engine(acting_user)):
        approval = models.Approval
        about = (approval.entity == "contract", approval.record_id == other.id, approval.state == ApprovalState.PENDING.value)
        for each in session.scalars(select(approval).where(*about).with_for_update()).all():
            note(each, ActionKind.WITHDRAW, say(_ENDED).in_("zh"))
            end(each, ApprovalState.WITHDRAWN, now=now)
        change = session.scalars(select(models.Contract).where(models.Contract.id == other.id)).one()
        change.state = _S.VOID.value
        session.flush()
    _tell(change, running, now)


def _tell(change: models.Contract, running: models.Contract, now: datetime) -> None:
    if change.owner_id:
        notify(
            store.session(),
            recipient_ids=change.owner_id,
            event_key=f"contract.called_off:{change.id}",
            kind="contract",
            title=say("变更作废，原合同已结束：{what} | Change void, the contract has ended: {what}", what=running.title),
            entity="contract",
            record_id=change.id,
            href=f"/contract/{change.id}",
            now=now,
        )


@operation("contract", "restore")
def restore(contract: models.Contract, *, acting_user: Principal, now: datetime) -> models.Contract:
    """Out of the bin again; a change only while its contract is in force and no other one is under way."""
    session = store.session()
    if contract.changes_id is not None:
        _refuse_late(session, contract)
    contract.deleted_at = None
    session.info["verb_name"] = "restore"
    session.flush()
    return contract


def _refuse_late(session: Session, change: models.Contract) -> None:
    running = session.connection().scalar(select(_table.c.state).where(_table.c.id == change.changes_id))
    if running is None:
        raise NotFound
    if running not in IN_FORCE:
        raise Refused(_ENDED, rule="ended")
    refuse_second(session, change.changes_id)
