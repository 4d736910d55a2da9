"""The demo company's contracts, by the portal's own verbs: drafts, some before legal and finance, one returned, running ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

from sqlalchemy import exists, select

from portal.demo.company import Company, Person
from portal.demo.rows import Stage, write
from portal.domain import collection, contract_verbs, contract_versions, contracts, payments, receipts
from portal.domain.approval_flows import flow_for
from portal.domain.approval_verbs import approve, send_back
from portal.domain.approvals import submit
from portal.domain.calendar import company_day
from portal.engine.tables import Attachment
from portal.engine.verbs import verb_named
from portal.models import ApprovalTask, Contract, Customer, PaymentPlan
from portal.security.perform import acting_as
from portal.security.principal import Principal
from portal.security.resolve import access_version, resolve
from portal.security.session import entrusted

_CLAUSES = """一、标的：按合同明细所列产品与数量供货，质量符合国家标准和双方确认的样品。
二、价款与支付：预付 30%，货到验收后 30 天内付清 70%。
三、交付：卖方负责运至买方指定地点，买方收货后 5 个工作日内验收。
四、违约：逾期付款或逾期交货，每日按未履行部分的万分之五支付违约金。
五、知识产权：产品及资料的知识产权归卖方，买方不得复制或转让。
六、争议：协商不成的，由卖方所在地人民法院管辖。"""
_TITLES = ("年度供货合同", "设备采购合同", "技术服务合同", "框架合作协议", "备件供应合同", "续签供货合同")
_KINDS = ("sale", "sale", "service", "framework", "sale", "renewal")
_GOODS = (("标准型控制器", 1680), ("现场安装服务", 3200), ("年度维保", 12_000), ("备件包", 860))
_ENDS = (("draft", 3), ("legal", 3), ("returned", 1), ("finance", 2), ("sign", 2), ("seal", 1), ("effective", 8))


@dataclass(slots=True)
class _Maker:
    stage: Stage
    company: Company
    number: int = 0

    def of(self, person: Person) -> Principal:
        return resolve(self.stage.session, person.id, access_version(self.stage.session), self.stage.now)

    def duty(self, role: str) -> Principal:
        return self.of(self.company.of_role(role)[0])


def write_contracts(stage: Stage, company: Company) -> None:
    """Customers of the reps, in turn; what ran its way does so with the instant it happened."""
    maker = _Maker(stage, company)
    reps = {person.id: person for person in company.of_role("rep")}
    wanted = select(Customer).where(Customer.owner_id.in_(reps)).order_by(Customer.id)
    customers = iter(stage.session.scalars(wanted).all())
    for end, count in _ENDS:
        for _ in range(count):
            customer = next(customers)
            _one(maker, reps[customer.owner_id or 0], customer, end)
    _changes(maker)
    stage.session.flush()
    collection.mark_overdue(now=stage.now)


def _one(maker: _Maker, rep: Person, customer: Customer, end: str) -> None:
    stage, who, number = maker.stage, maker.of(rep), maker.number
    maker.number += 1
    at = stage.now - (timedelta(days=3 + 4 * (number % 9)) if end == "effective" else timedelta(hours=1 + number))
    with _then(stage, at), entrusted(stage.session, who):
        made = _draft(stage, who, customer, number, at)
        if end != "draft":
            _submitted(made, who, at)
    if end in ("draft", "legal"):
        return
    checked, agreed = (min(at + timedelta(hours=hours), stage.now) for hours in (2 + number % 5, 5 + number % 11))
    if end == "returned":
        send_back([_task(stage, made)], acting_user=maker.duty("legal"), now=checked, reason="违约条款请按模板第四条写")
        return
    approve([_task(stage, made)], acting_user=maker.duty("legal"), now=checked, comment="条款无异议")
    if end == "finance":
        return
    approve([_task(stage, made)], acting_user=maker.duty("finance"), now=agreed, comment="账期可以接受")
    if end != "sign":
        _signed(maker, made, who, agreed, sealed=end == "effective")
    if end == "effective":
        _paid(maker, made, number, agreed)


@contextmanager
def _then(stage: Stage, at: datetime) -> Iterator[None]:
    """What is written meanwhile was written at that instant."""
    stage.session.info["now"] = at
    try:
        yield
        stage.session.flush()
    finally:
        stage.session.info["now"] = stage.now


def _changes(maker: _Maker) -> None:
    """Two running contracts are being changed: one is before legal, the other has taken the place of what it changes."""
    session, now = maker.stage.session, maker.stage.now
    owes = exists().where(PaymentPlan.contract_id == Contract.id, PaymentPlan.state == "open")
    running = session.scalars(select(Contract).where(Contract.state == "effective", owes).order_by(Contract.id.desc()).limit(2)).all()
    for contract, reason, is_done in zip(running, ("客户加购备件", "客户增加安装点位"), (True, False), strict=True):
        who = maker.of(next(each for each in maker.company.of_role("rep") if each.id == contract.owner_id))
        with entrusted(session, who):
            made = contract_versions.begin(contract, reason, now=now)
            product, price = _GOODS[-1 if is_done else 1]
            line: dict[str, Any] = {"contract_id": made.id, "product": product, "quantity": Decimal(5), "price": Decimal(price)}
            contracts.add_line({**line, "discount": None, "description": reason}, acting_user=who, now=now)
            _submitted(made, who, now - timedelta(hours=3))
        if is_done:
            approve([_task(maker.stage, made)], acting_user=maker.duty("legal"), now=now, comment="")
            approve([_task(maker.stage, made)], acting_user=maker.duty("finance"), now=now, comment="")
            _signed(maker, made, who, now, sealed=True)


def _submitted(contract: Contract, who: Principal, at: datetime) -> None:
    verb = verb_named("contract", "submit")
    flow = flow_for(verb) if verb else None
    assert verb is not None and flow is not None  # noqa: S101, PT018 - declared in portal/domain/contract_verbs.py
    submit(verb, flow, contract, acting_user=who, now=at, form={})


def _paid(maker: _Maker, contract: Contract, number: int, at: datetime) -> None:
    """Some customers have paid the advance, some all, some only a part, and one nothing yet."""
    cashier, session = maker.duty("cashier"), maker.stage.session
    first = contracts.payments_of(session, contract.id)[0]
    whole, advance = contract.amount or Decimal(0), first.amount or Decimal(0)
    amount = payments.cents((Decimal(0), advance, advance / 2, whole)[number % 4])
    verb = verb_named("contract", "receive")
    assert verb is not None  # noqa: S101 - declared in portal/domain/receipts.py
    if amount:
        when = min(at + timedelta(days=2), maker.stage.now)
        given = {"amount": amount, "received_on": company_day(when), "reference": f"TT{20_260_000 + number}"}
        with entrusted(session, cashier), acting_as(session, verb):
            receipts.receive([contract], acting_user=cashier, now=when, **given, method="transfer")


def _draft(stage: Stage, who: Principal, customer: Customer, number: int, at: datetime) -> Contract:
    kind = number % len(_TITLES)
    first = at.date()
    values = {
        "customer_id": customer.id,
        "title": f"{customer.region}{_TITLES[kind]}",
        "kind": _KINDS[kind],
        "amount": Decimal(0),
        "discount": Decimal(10) if number % 4 == 0 else None,
        "credit_days": (0, 30, 60, 90)[number % 4],
        "start_on": first,
        "end_on": first + timedelta(days=(365, 180, 75)[number % 3]),
        "delivery": "卖方送货上门",
        "clauses": _CLAUSES,
    }
    made: Contract = contracts.create(values, acting_user=who, now=at)
    for step in range(1 + number % 3):
        product, price = _GOODS[(number + step) % len(_GOODS)]
        line: dict[str, Any] = {"contract_id": made.id, "product": product, "quantity": Decimal(2 + number % 7), "price": Decimal(price)}
        contracts.add_line({**line, "discount": None, "description": ""}, acting_user=who, now=at)
    return made


def _paper(words: str) -> bytes:
    """The smallest PDF that says something."""
    text = f"BT /F1 18 Tf 72 760 Td ({words}) Tj ET"
    parts = (
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        f"<</Length {len(text)}>>stream\n{text}\nendstream",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )
    body, places = "%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        places.append(len(body))
        body += f"{number} 0 obj{part}endobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"xref\n0 6\n0000000000 65535 f \n{table}trailer<</Size 6/Root 1 0 R>>\nstartxref\n{len(body)}\n%%EOF\n"
    return (body + end).encode("ascii")


def _task(stage: Stage, contract: Contract) -> ApprovalTask:
    task = ApprovalTask
    wanted = select(task).where(task.entity == "contract", task.record_id == contract.id, task.state == "waiting")
    return stage.session.scalars(wanted).one()


def _signed(maker: _Maker, contract: Contract, rep: Principal, at: datetime, *, sealed: bool) -> None:
    """The customer's copy, noted among the files, then the seal."""
    stage = maker.stage
    content = _paper(f"Signed copy of {contract.number}")
    stored, digest = f"demo-contract-{contract.id}", sha256(content).hexdigest()
    stage.files.mkdir(parents=True, exist_ok=True, mode=0o700)
    (stage.files / stored).write_bytes(content)
    name = {"name": f"{contract.number}.pdf", "stored_as": stored, "content_type": contract_verbs.PDF, "size": len(content)}
    about = {"entity": "contract", "record_id": contract.id, "field": "", "sha256": digest}
    write(stage, Attachment.__table__, [{**name, **about, "created_at": at, "created_by_id": rep.user_id}])
    for verb_name, who, function in (("mark_signed", rep, contract_verbs.mark_signed), ("seal", maker.duty("legal"), contract_verbs.seal)):
        verb = verb_named("contract", verb_name)
        assert verb is not None  # noqa: S101 - declared in portal/domain/contract_verbs.py
        if verb_name == "mark_signed" or sealed:
            with entrusted(stage.session, replace(who)), acting_as(stage.session, verb):
                function([contract], acting_user=who, now=at)
