"""A contract from draft to effect: numbers, amounts, who decides, what stands still, what counts as the same contract."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from portal import models
from portal.engine import operations
from portal.engine.errors import Invalid, NotFound, Refused
from portal.engine.spec import registry, spec_named
from portal.engine.tables import Attachment
from portal.security.resolve import touch_access
from tests.cast import NOW, Cast
from tests.domain.test_approvals import decide, do, publish, rule, waiting

VALUES = {
    "title": "年度供货",
    "kind": "sale",
    "amount": Decimal(0),
    "credit_days": 0,
    "start_on": date(2026, 5, 12),
    "end_on": date(2027, 5, 11),
    "clauses": "交付、验收、违约、知识产权。",
}


def create(cast: Cast, login: str, entity: str, now: datetime = NOW, **values: Any) -> int:
    with cast.act(login, now) as session:
        return int(operations.create(session, spec_named(entity), values, acting_user=cast.principal(login), now=now).id)


def edit(cast: Cast, login: str, entity: str, record_id: int, **values: Any) -> None:
    spec = spec_named(entity)
    with cast.act(login) as session:
        record = session.scalar(select(spec.model).where(spec.model.id == record_id))
        operations.change(session, spec, record, values, version=None, acting_user=cast.principal(login), now=NOW)


def contract(cast: Cast, login: str = "rep", now: datetime = NOW, *, price: int = 1000, **more: Any) -> int:
    """A draft with one line."""
    customer = cast.customer(owner=login, name="测试客户")
    made = create(cast, login, "contract", now, **{**VALUES, "customer_id": customer, **more})
    create(cast, login, "contract_line", now, contract_id=made, product="设备", quantity=Decimal(1), price=Decimal(price))
    return made


def pdf(cast: Cast, contract_id: int, at: datetime = NOW, kind: str = "application/pdf") -> None:
    cast.add(
        Attachment,
        now=at,
        entity="contract",
        record_id=contract_id,
        stored_as=f"file{contract_id}{at.timestamp()}{kind[:5]}",
        name="signed.pdf",
        content_type=kind,
        size=1,
        sha256="",
        created_by_id=cast.people["rep"],
    )


def state(cast: Cast, contract_id: int) -> str:
    return str(cast.row(models.Contract, contract_id).state)


def payments(cast: Cast, contract_id: int) -> list[Any]:
    table = models.PaymentPlan.__table__
    return cast.rows(models.PaymentPlan, table.c.contract_id == contract_id, table.c.deleted_at.is_(None))


def approved(cast: Cast, contract_id: int) -> None:
    assert do(cast, "rep", "contract:submit", contract_id).done
    decide(cast, "legal")
    decide(cast, "finance")


def effective(cast: Cast, contract_id: int, now: datetime = NOW) -> None:
    approved(cast, contract_id)
    pdf(cast, contract_id)
    assert do(cast, "rep", "contract:mark_signed", contract_id).done
    assert do(cast, "legal", "contract:seal", contract_id, now).done


# numbers and amounts --------------------------------------------------------------------------------


def test_numbers_follow_the_rule_and_begin_anew_each_year(cast: Cast) -> None:
    customer = cast.customer(owner="rep")
    made = [create(cast, "rep", "contract", now, **VALUES, customer_id=customer) for now in (NOW, NOW, NOW + timedelta(days=365))]
    assert [cast.row(models.Contract, each).number for each in made] == ["HT-2026-0001", "HT-2026-0002", "HT-2027-0001"]
    cast.add(models.Policy, key="contract.number", effective_on=date(2026, 1, 1), value="S{seq:2}/{year}", reason="test", version=1)
    last = create(cast, "rep", "contract", **VALUES, customer_id=customer)
    assert cast.row(models.Contract, last).number == "S03/2026"


def test_the_new_year_begins_in_the_companys_zone(cast: Cast) -> None:
    """17:00 in London is already next year in Shanghai."""
    customer = cast.customer(owner="rep")
    made = create(cast, "rep", "contract", datetime(2026, 12, 31, 17, 0, tzinfo=UTC), **VALUES, customer_id=customer)
    assert cast.row(models.Contract, made).number == "HT-2027-0001"


def test_amounts_follow_from_the_lines_to_the_cent(cast: Cast) -> None:
    made = contract(cast, price=100, discount=Decimal(10))
    create(cast, "rep", "contract_line", contract_id=made, product="服务", quantity=Decimal(3), price=Decimal("33.33"), discount=Decimal(5))
    assert cast.row(models.Contract, made).amount == Decimal("175.49"), "(100 + 94.99) less 10 %"
    assert [each.amount for each in payments(cast, made)] == [Decimal("52.65"), Decimal("122.84")]
    first, second = payments(cast, made)
    assert (first.percent, first.days, second.percent, second.days) == (30, 3, 70, 30), "handbook 39, 53"


def test_a_contract_is_the_owners_of_its_customer_and_needs_one(cast: Cast) -> None:
    customer = cast.customer(owner="rep")
    made = create(cast, "leader_a", "contract", **VALUES, customer_id=customer)
    assert cast.row(models.Contract, made).owner_id == cast.people["rep"]
    with pytest.raises(Refused):
        create(cast, "rep", "contract", **VALUES, customer_id=cast.customer())
    with pytest.raises(NotFound):
        create(cast, "rep", "contract", **VALUES, customer_id=cast.customer(owner="other"))
    with pytest.raises(Invalid):
        create(cast, "rep", "contract", **{**VALUES, "end_on": date(2026, 5, 11)}, customer_id=customer)


def test_it_is_submitted_only_when_it_is_complete(cast: Cast) -> None:
    bare = create(cast, "rep", "contract", **{**VALUES, "clauses": ""}, customer_id=cast.customer(owner="rep"))
    assert rule(do(cast, "rep", "contract:submit", bare)) == "incomplete"
    uneven = contract(cast)
    edit(cast, "rep", "payment_plan", payments(cast, uneven)[0].id, percent=Decimal(20))
    assert rule(do(cast, "rep", "contract:submit", uneven)) == "shares"
    assert waiting(cast) == {}


# who decides ----------------------------------------------------------------------------------------


def test_legal_then_finance_then_the_customer_then_our_seal(cast: Cast) -> None:
    made = contract(cast)
    do(cast, "rep", "contract:submit", made)
    assert (state(cast, made), set(waiting(cast))) == ("to_legal", {"legal"})
    decide(cast, "legal")
    assert (state(cast, made), set(waiting(cast))) == ("to_finance", {"finance"})
    decide(cast, "finance")
    assert (state(cast, made), waiting(cast)) == ("to_sign", {})
    pdf(cast, made, NOW - timedelta(days=1))
    pdf(cast, made, kind="image/png")
    assert rule(do(cast, "rep", "contract:mark_signed", made)) == "no_file", "signed before it was approved is signed in vain"
    pdf(cast, made)
    assert do(cast, "rep", "contract:mark_signed", made).done
    assert do(cast, "legal", "contract:seal", made).done
    row = cast.row(models.Contract, made)
    assert (row.state, len(row.fingerprint)) == ("effective", 64)
    assert [(each.due_on, each.state) for each in payments(cast, made)] == [(date(2026, 5, 15), "open"), (date(2026, 6, 11), "open")]


def test_a_payment_of_nothing_is_not_waited_for(cast: Cast) -> None:
    """A share of 0 %, or one that rounds to no cent, would otherwise keep the contract open for ever."""
    made = contract(cast)
    create(cast, "rep", "payment_plan", contract_id=made, name="零", percent=Decimal(0), days=5)
    effective(cast, made)
    assert [each.state for each in payments(cast, made)] == ["open", "open", "paid"]


@pytest.mark.parametrize(("days", "passes"), [(0, False), (59, False), (60, True), (61, True), (90, True)])
def test_long_credit_always_passes_finance(cast: Cast, days: int, passes: bool) -> None:
    """Handbook 41: also where a published flow has no such step."""
    steps = [{"label": "法务 | Legal", "mode": "any", "who": [{"by": "role", "role": "legal"}]}]
    cast.add(
        models.ApprovalFlow, title="t", entity="contract", verb="submit", number=1, active=True, definition={"steps": steps}, version=1
    )
    with cast.act("system") as session:
        touch_access(session)
    made = contract(cast, credit_days=days)
    do(cast, "rep", "contract:submit", made)
    decide(cast, "legal")
    assert set(waiting(cast)) == ({"finance"} if passes else set())
    assert state(cast, made) == ("to_finance" if passes else "to_sign")


def test_finance_among_others_of_whom_one_is_enough_is_asked_all_the_same(cast: Cast) -> None:
    """Handbook 41: with long credit nobody agrees in finance's place, in this step or in one before."""
    finance, leader = {"by": "role", "role": "finance"}, {"by": "superior", "level": 1}
    steps = [{"label": "主管 | Leader", "mode": "any", "who": [leader]}, {"label": "或 | Or", "mode": "any", "who": [leader, finance]}]
    publish(cast, steps, "contract", "submit")
    made = contract(cast, credit_days=60)
    do(cast, "rep", "contract:submit", made)
    decide(cast, "leader_a")
    assert (state(cast, made), set(waiting(cast))) == ("to_finance", {"finance"})
    decide(cast, "finance")
    assert state(cast, made) == "to_sign"


@pytest.mark.parametrize(("price", "passes"), [(99_999, False), (100_000, True), (100_001, True)])
def test_finance_decides_from_an_amount_that_is_a_policy(cast: Cast, price: int, passes: bool) -> None:
    day = date(2026, 1, 1)
    cast.add(models.Policy, key="contract.finance_from_amount", effective_on=day, value="100000", reason="test", version=1)
    do(cast, "rep", "contract:submit", contract(cast, price=price))
    decide(cast, "legal")
    assert set(waiting(cast)) == ({"finance"} if passes else set())


def test_sent_back_it_is_a_draft_and_the_difference_is_told(cast: Cast) -> None:
    made = contract(cast, price=1000)
    do(cast, "rep", "contract:submit", made)
    decide(cast, "legal", "send_back", reason="单价不对")
    assert state(cast, made) == "draft"
    (line,) = cast.rows(models.ContractLine)
    edit(cast, "rep", "contract_line", line.id, price=Decimal(1200))
    do(cast, "rep", "contract:submit", made)
    _, second = cast.rows(models.Approval)
    assert (second.earlier["contract_line"][0]["price"], second.snapshot["contract_line"][0]["price"]) == ("1000.00", "1200.00")
    assert second.snapshot["amount"] == "1200.00"


def test_withdrawn_until_the_next_decision(cast: Cast) -> None:
    made = contract(cast)
    do(cast, "rep", "contract:submit", made)
    assert do(cast, "rep", "approval:withdraw", cast.rows(models.Approval)[0].id).done
    assert (state(cast, made), waiting(cast)) == ("draft", {})


# what stands still ----------------------------------------------------------------------------------


def test_its_parts_stand_still_with_it(cast: Cast) -> None:
    made = contract(cast)
    do(cast, "rep", "contract:submit", made)
    (line,), (first, _) = cast.rows(models.ContractLine), payments(cast, made)
    for entity, record_id, values in (("contract_line", line.id, {"price": Decimal(1)}), ("payment_plan", first.id, {"days": 9})):
        with pytest.raises(Refused):
            edit(cast, "rep", entity, record_id, **values)
    with pytest.raises(Refused):
        create(cast, "rep", "contract_line", contract_id=made, product="x", quantity=Decimal(1), price=Decimal(1))
    with cast.act("rep") as session:
        session.add(models.ContractLine(contract_id=made, product="x"))
        with pytest.raises(Refused) as refused:
            session.flush()
        session.rollback()
    assert refused.value.rule == "locked", "by whatever door"


def test_a_line_changed_behind_its_back_needs_a_new_decision(cast: Cast) -> None:
    made = contract(cast)
    do(cast, "rep", "contract:submit", made)
    (line,) = cast.rows(models.ContractLine)
    cast.set(models.ContractLine, line.id, price=Decimal(1))
    assert rule(decide(cast, "legal")) == "edited"


def test_what_is_signed_and_sealed_is_what_was_approved(cast: Cast) -> None:
    made = contract(cast)
    approved(cast, made)
    pdf(cast, made)
    cast.set(models.Contract, made, clauses="另一份")
    assert rule(do(cast, "rep", "contract:mark_signed", made)) == "edited"
    cast.set(models.Contract, made, clauses=VALUES["clauses"])
    assert do(cast, "rep", "contract:mark_signed", made).done
    cast.set(models.PaymentPlan, payments(cast, made)[0].id, days=300)
    assert rule(do(cast, "legal", "contract:seal", made)) == "edited"


def test_taken_back_to_draft_it_is_decided_anew(cast: Cast) -> None:
    made = contract(cast)
    approved(cast, made)
    with pytest.raises(Refused):
        edit(cast, "rep", "contract", made, title="改")
    assert do(cast, "rep", "contract:reopen", made, reason="客户要改交期").done
    edit(cast, "rep", "contract", made, title="改")
    pdf(cast, made)
    assert rule(do(cast, "rep", "contract:mark_signed", made)) == "state"
    assert do(cast, "rep", "contract:submit", made).done
    assert set(waiting(cast)) == {"legal"}


def test_ended_and_void_only_while_nothing_was_received(cast: Cast) -> None:
    made, paid = contract(cast), contract(cast)
    for each in (made, paid):
        effective(cast, each)
    cast.set(models.PaymentPlan, payments(cast, paid)[0].id, received=Decimal(10), state="partly")
    assert rule(do(cast, "leader_a", "contract:void", paid, reason="重复")) == "receipts"
    assert do(cast, "leader_a", "contract:terminate", paid, reason="客户停产").done
    assert do(cast, "leader_a", "contract:void", made, reason="重复").done
    assert (state(cast, paid), state(cast, made)) == ("terminated", "void")
    assert [each.state for each in payments(cast, paid)] == ["partly", "void"]
    assert do(cast, "leader_b", "contract:terminate", paid, reason="x").refused[0][1].status == 404


# who sees what --------------------------------------------------------------------------------------

_SEEN = {
    "legal": {"to_legal", "to_finance", "to_sign", "to_seal", "effective", "fulfilled", "expired", "changed", "terminated", "void"},
    "finance": {"to_finance", "effective", "fulfilled", "expired", "changed", "terminated"},
    "cashier": {"effective", "fulfilled", "expired", "changed", "terminated"},
    "warehouse": set(),
    "service": set(),
}


@pytest.mark.parametrize("login", _SEEN)
def test_each_duty_sees_the_states_it_needs(cast: Cast, login: str) -> None:
    for each in models.Contract.__table__.c.state.info["field"].members:
        cast.set(models.Contract, contract(cast), state=each)
    with cast.act(login) as session:
        assert set(session.scalars(select(models.Contract.state))) == _SEEN[login]
        owners = select(models.Contract.state).join(models.PaymentPlan, models.PaymentPlan.contract_id == models.Contract.id)
        assert set(session.scalars(owners)) == _SEEN[login]


def test_a_waiting_task_lends_the_contract_with_its_lines_and_nothing_else(cast: Cast) -> None:
    made, hidden = contract(cast), contract(cast, "other")
    do(cast, "rep", "contract:submit", made)
    decide(cast, "legal", "transfer", to_id=cast.people["leader_b"], reason="请代看")
    assert reads(cast, "leader_b", made) == (True, True, True)
    assert reads(cast, "finance", made) == (False, False, False)
    decide(cast, "leader_b")
    assert reads(cast, "leader_b", made) == (False, False, False)
    assert reads(cast, "leader_b", hidden) == (True, True, True), "his own team's"


def reads(cast: Cast, login: str, contract_id: int) -> tuple[bool, ...]:
    """The contract, a line of it, a payment of it."""
    with cast.act(login) as session:
        found = [session.scalar(select(models.Contract.id).where(models.Contract.id == contract_id))]
        for part in registry()["contract"].parts():
            found.append(session.scalar(select(part.model.id).where(part.model.contract_id == contract_id).limit(1)))
    return tuple(each is not None for each in found)


def test_titles_of_approvals_are_in_both_languages(cast: Cast) -> None:
    do(cast, "rep", "contract:submit", contract(cast, title="供货 | 甲"))
    (asked,) = cast.rows(models.Approval)
    assert asked.title == "业务员甲 · 合同 · 供货 ｜ 甲 | 业务员甲 · Contract · 供货 ｜ 甲"
