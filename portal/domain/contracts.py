"""Contracts: their number, their amounts, what may be changed when, and what must hold before one is submitted."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from hashlib import sha256
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import models
from portal.domain.approval_lock import snapshot
from portal.domain.calendar import company_day
from portal.domain.payments import CENT, HUNDRED, share_out
from portal.engine import store
from portal.engine.custom import PREFIX
from portal.engine.errors import Invalid, NotFound, Refused
from portal.engine.kinds.numbers import MoneyField
from portal.engine.operations import operation
from portal.engine.spec import Spec, spec_of
from portal.engine.text import Text
from portal.entities.contracts import ContractState
from portal.policies import policy
from portal.security.principal import Principal
from portal.security.seeing import seen

_NUMBERS = 711_905
"""The lock under which contracts get their numbers, one after the other."""
_TOO_LARGE = MoneyField("").edge
_BESIDE = ("opportunity_id",)
"""Where a contract comes from is no part of what was agreed."""
_table: Any = models.Contract.__table__
_NOT_A_DRAFT = Text(
    "只有草稿能改；审批中的请先撤回，已批准的用“退回修改”。"
    " | Only a draft can be changed; withdraw what is being decided, and take back to draft what was approved."
)


# the contract -------------------------------------------------------------------------------------


@operation("contract", "create")
def create(values: Mapping[str, Any], *, acting_user: Principal, now: datetime) -> models.Contract:
    """A draft of the customer's owner, numbered, with the usual payment terms."""
    session = store.session()
    customer = session.scalar(select(models.Customer).where(models.Customer.id == values["customer_id"]))
    if customer is None:
        raise NotFound
    if customer.owner_id is None:
        raise Refused("这个客户在公海，请先领取再签合同。 | This customer lies in a pool; claim it first.", rule="in_pool")
    _check(values)
    deal = _deal_of(session, values.get("opportunity_id"), customer.id)
    year = company_day(now).year
    sequence = _next_number(session, year)
    number = policy("contract.number", on=company_day(now)).format(year=year, seq=sequence)
    whose = {"owner_id": customer.owner_id, "team_id": customer.team_id}
    counted = {"number": number, "year": year, "sequence": sequence, "revision": 1}
    made = models.Contract(**values, **whose, **counted, party=customer.name)
    session.add(made)
    session.flush()
    terms = policy("contract.payment_terms", on=company_day(now))
    for place, (share, days) in enumerate(terms, 1):
        name = term_name(place, len(terms))
        session.add(models.PaymentPlan(contract_id=made.id, name=name, percent=Decimal(share), days=days))
    if deal is not None:
        _first_line(session, made, deal)
    session.flush()
    reckon(session, made)
    return made


def _deal_of(session: Session, opportunity_id: int | None, customer_id: int | None) -> models.Opportunity | None:
    """The deal that a contract comes of: one that the actor sees, and of the contract's customer."""
    if opportunity_id is None:
        return None
    found = session.scalar(select(models.Opportunity).where(models.Opportunity.id == opportunity_id))
    if found is None:
        raise NotFound
    if found.customer_id != customer_id:
        raise Invalid({"opportunity_id": Text("这个商机不是这个客户的。 | This deal is not one of this customer.")})
    return found


def _first_line(session: Session, made: models.Contract, deal: models.Opportunity) -> None:
    """What the deal was about, for as much as the contract says, as far as the actor sees it."""
    if deal.product_id is None or not seen(models.Opportunity.product_id):
        return
    product = session.scalars(select(models.Product).where(models.Product.id == deal.product_id)).one()
    price = made.amount if made.amount is not None else product.price or Decimal(0)
    session.add(models.ContractLine(contract_id=made.id, product=product.name, quantity=Decimal(1), price=price))


def lock_numbers(session: Session) -> None:
    """Until this transaction ends nobody else gives a number."""
    session.connection().execute(select(func.pg_advisory_xact_lock(_NUMBERS)))


def _next_number(session: Session, year: int) -> int:
    lock_numbers(session)
    return (session.connection().scalar(select(func.max(_table.c.sequence)).where(_table.c.year == year)) or 0) + 1


def term_name(place: int, count: int) -> str:
    """As the handbook calls them: an advance, and the rest; in the contract's language."""
    if place == count:
        return Text("尾款 | Balance" if count > 1 else "全款 | Whole").in_("zh")
    return Text("预付款 | Advance" if place == 1 else "第 {n} 期 | Part {n}", n=place).in_("zh")


@operation("contract", "change")
def change(contract: models.Contract, values: Mapping[str, Any], *, acting_user: Principal, now: datetime) -> models.Contract:
    """Correct a draft; another customer brings his name along."""
    refuse_decided(contract)
    session = store.session()
    _check({**{key: getattr(contract, key) for key in ("start_on", "end_on", "discount")}, **values})
    if values.get("customer_id") not in (None, contract.customer_id):
        raise Invalid({"customer_id": Text("合同不能换客户，请另建一份。 | A contract keeps its customer; make another one.")})
    if values.get("opportunity_id") not in (None, contract.opportunity_id):
        _deal_of(session, values["opportunity_id"], contract.customer_id)
    for key, value in values.items():
        setattr(contract, key, value)
    if contract.changes_id is not None:
        before = session.connection().scalar(select(_table.c.credit_days).where(_table.c.id == contract.changes_id))
        contract.credit_added = (contract.credit_days or 0) - (before or 0)
    session.flush()
    reckon(session, contract)
    return contract


@operation("contract", "remove")
def remove(contract: models.Contract, *, acting_user: Principal, now: datetime) -> models.Contract:
    """Into the bin: a draft only; its number is not given again."""
    refuse_decided(contract)
    contract.deleted_at = now
    store.session().info["verb_name"] = "delete"
    store.session().flush()
    return contract


def refuse_decided(contract: models.Contract) -> None:
    """What legal and finance have before them, or have agreed to, stays as it is."""
    if contract.state != ContractState.DRAFT.value:
        raise Refused(_NOT_A_DRAFT.template, rule="not_draft")


def _check(values: Mapping[str, Any]) -> None:
    errors = {}
    start, end = values.get("start_on"), values.get("end_on")
    if start is not None and end is not None and end < start:
        errors["end_on"] = Text("结束日期不能早于开始日期。 | The end cannot be before the start.")
    if not _is_share(values.get("discount")):
        errors["discount"] = Text("折扣在 0 到 100 之间。 | A discount lies between 0 and 100.")
    if (amount := values.get("amount")) is not None and amount < 0:
        errors["amount"] = Text("金额不能小于 0。 | An amount cannot be below 0.")
    if errors:
        raise Invalid(errors)


def _is_share(value: Decimal | None) -> bool:
    return value is None or 0 <= value <= HUNDRED


# its parts ----------------------------------------------------------------------------------------


def _draft_of(session: Session, contract_id: int | None) -> models.Contract:
    """The contract, locked while its parts change, as a draft."""
    wanted = select(models.Contract).where(models.Contract.id == contract_id).with_for_update(key_share=True)
    found = session.scalar(wanted.execution_options(populate_existing=True))
    if found is None:
        raise NotFound
    refuse_decided(found)
    return found


@operation("contract_line", "create")
def add_line(values: Mapping[str, Any], *, acting_user: Principal, now: datetime) -> models.ContractLine:
    """One more line; the contract's amount follows."""
    return _add(models.ContractLine, values)  # type: ignore[no-any-return]


@operation("payment_plan", "create")
def add_payment(values: Mapping[str, Any], *, acting_user: Principal, now: datetime) -> models.PaymentPlan:
    """One more payment."""
    return _add(models.PaymentPlan, values)  # type: ignore[no-any-return]


def _add(model: Any, values: Mapping[str, Any]) -> Any:
    session = store.session()
    contract = _draft_of(session, values["contract_id"])
    _check_part(values)
    made = model(**values)
    session.add(made)
    session.flush()
    reckon(session, contract)
    return made


@operation("contract_line", "change")
@operation("payment_plan", "change")
def change_part(part: Any, values: Mapping[str, Any], *, acting_user: Principal, now: datetime) -> Any:
    """Other figures; the amounts follow."""
    session = store.session()
    contract = _draft_of(session, part.contract_id)
    _refuse_settled(part)
    _check_part(values)
    if values.get("days", getattr(part, "days", None)) != getattr(part, "days", None):
        part.due_on = None
    for key, value in values.items():
        setattr(part, key, value)
    session.flush()
    reckon(session, contract)
    return part


@operation("contract_line", "remove")
@operation("payment_plan", "remove")
def remove_part(part: Any, *, acting_user: Principal, now: datetime) -> Any:
    """Into the bin, and out of the sums."""
    return _place(part, now)


@operation("contract_line", "restore")
@operation("payment_plan", "restore")
def restore_part(part: Any, *, acting_user: Principal, now: datetime) -> Any:
    """Out of the bin, and into the sums again."""
    return _place(part, None)


def _place(part: Any, deleted_at: datetime | None) -> Any:
    session = store.session()
    contract = _draft_of(session, part.contract_id)
    _refuse_settled(part)
    part.deleted_at = deleted_at
    session.info["verb_name"] = "delete" if deleted_at else "restore"
    session.flush()
    session.info.pop("verb_name")
    reckon(session, contract)
    return part


def _refuse_settled(part: Any) -> None:
    """What was received whole before a contract was changed stays as it is."""
    if getattr(part, "settled", None):
        raise Refused("这一期变更前已收讫，不能改。 | This payment was received before the change and stays as it is.", rule="settled")


def _check_part(values: Mapping[str, Any]) -> None:
    shares = [key for key in ("discount", "percent") if not _is_share(values.get(key))]
    errors = {key: Text("在 0 到 100 之间。 | Between 0 and 100.") for key in shares}
    below = [key for key in ("quantity", "price") if (values.get(key) or 0) < 0]
    errors |= {key: Text("不能小于 0。 | Not below 0.") for key in below}
    if errors:
        raise Invalid(errors)


# amounts ------------------------------------------------------------------------------------------


def lines_of(session: Session, contract_id: int) -> Sequence[models.ContractLine]:
    line = models.ContractLine
    return session.scalars(select(line).where(line.contract_id == contract_id, line.deleted_at.is_(None)).order_by(line.id)).all()


def payments_of(session: Session, contract_id: int) -> Sequence[models.PaymentPlan]:
    plan = models.PaymentPlan
    return session.scalars(select(plan).where(plan.contract_id == contract_id, plan.deleted_at.is_(None)).order_by(plan.id)).all()


def less(amount: Decimal, discount: Decimal | None) -> Decimal:
    """An amount after a discount in per cent, to the cent. Refused where it is more than an amount can be."""
    if amount >= _TOO_LARGE:
        raise Refused("金额太大，请检查数量和单价。 | The amount is too large: check quantity and price.", rule="too_large")
    return (amount * (HUNDRED - (discount or 0)) / HUNDRED).quantize(CENT, ROUND_HALF_UP)


def reckon(session: Session, contract: models.Contract) -> None:
    """Work out every derived amount: lines, the contract from its lines, payments from the contract; the last one takes the cents."""
    lines = lines_of(session, contract.id)
    for line in lines:
        line.amount = less((line.quantity or Decimal(0)) * (line.price or Decimal(0)), line.discount)
    if lines:
        contract.amount = less(sum((line.amount or Decimal(0) for line in lines), Decimal(0)), contract.discount)
    share_out(payments_of(session, contract.id), contract.amount or Decimal(0))
    session.flush()


# before it is submitted ---------------------------------------------------------------------------


def refuse_incomplete(session: Session, contract: models.Contract) -> None:
    """A contract says what is sold, for how much, and when it is paid (handbook 39, 44)."""
    missing = []
    if not lines_of(session, contract.id):
        missing.append(Text("合同明细 | contract lines"))
    if not contract.amount:
        missing.append(Text("金额 | an amount"))
    if not contract.clauses:
        missing.append(Text("条款 | clauses"))
    if missing:
        raise Refused(
            "还缺：{zh}。 | Still missing: {en}.",
            rule="incomplete",
            zh="、".join(each.in_("zh") for each in missing),
            en=", ".join(each.in_("en") for each in missing),
        )
    share = sum((each.percent or Decimal(0) for each in payments_of(session, contract.id)), Decimal(0))
    if share != HUNDRED:
        raise Refused(
            "回款计划合计 {share}%，应为 100%。 | The payments come to {share} %; it must be 100 %.",
            rule="shares",
            share=f"{share.normalize():f}",
        )


def written(spec: Spec, kept: Mapping[str, Any]) -> dict[str, Any]:
    """Of a snapshot what people wrote, fields that were added at run time included."""
    declared = {each.key for each in spec.form if each.key not in spec.custom and each.key not in _BESIDE}
    return {key: value for key, value in kept.items() if key in declared or key.startswith(PREFIX)}


def fingerprint_of(contract: models.Contract) -> str:
    """SHA-256 of what people wrote: the contract's own fields, its lines and payments."""
    spec = spec_of(models.Contract)
    kept = snapshot(spec, contract)
    told = written(spec, kept)
    for part in spec.parts():
        told[part.name] = [{each.key: row[each.key] for each in part.form} for row in kept[part.name]]
    return sha256(json.dumps(told, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
