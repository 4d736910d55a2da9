"""A running contract is changed as a new version: what stands meanwhile, what takes its place, and where the money goes."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from portal import models
from portal.domain import collection
from portal.engine import operations
from portal.engine.errors import NotAllowed, NotFound, Refused
from portal.engine.spec import spec_named
from tests.cast import NOW, Cast
from tests.domain.test_approvals import decide, do, rule, waiting
from tests.domain.test_contracts import contract, create, edit, effective, payments, pdf, state
from tests.domain.test_prints import printed
from tests.domain.test_receipts import TODAY, receive

WHY = {"reason": "客户加购"}


def running(cast: Cast, *, price: int = 1000, paid: str = "", **more: Any) -> int:
    """In effect, of 1,000 in 30 and 70 per cent; so much of it received."""
    made = contract(cast, price=price, **more)
    effective(cast, made)
    if paid:
        assert receive(cast, made, paid).done
    return made


def change(cast: Cast, contract_id: int, login: str = "rep") -> int:
    assert do(cast, login, "contract:change", contract_id, **WHY).done
    table = models.Contract.__table__
    return int(cast.rows(models.Contract, table.c.changes_id == contract_id, table.c.deleted_at.is_(None))[-1].id)


def more(cast: Cast, change_id: int, price: int = 200) -> None:
    create(cast, "rep", "contract_line", contract_id=change_id, product="加购", quantity=Decimal(1), price=Decimal(price))


def to_seal(cast: Cast, change_id: int) -> None:
    outcome = do(cast, "rep", "contract:submit", change_id)
    assert outcome.done, outcome.refused
    decide(cast, "legal")
    decide(cast, "finance")
    pdf(cast, change_id)
    assert do(cast, "rep", "contract:mark_signed", change_id).done


def sealed(cast: Cast, change_id: int, at: int = 10) -> None:
    to_seal(cast, change_id)
    outcome = do(cast, "legal", "contract:seal", change_id, NOW + timedelta(days=at))
    assert outcome.done, outcome.refused


def plan(cast: Cast, contract_id: int) -> list[tuple[str, Decimal, Decimal]]:
    return [(each.state, each.amount, each.received or Decimal(0)) for each in payments(cast, contract_id)]


def money(cast: Cast, contract_id: int) -> tuple[Decimal, Decimal]:
    """What its receipts come to, and what its payments say was received."""
    receipt, allocation = models.Receipt.__table__, models.Allocation.__table__
    booked = cast.rows(models.Receipt, receipt.c.contract_id == contract_id, receipt.c.state == "booked")
    parts = cast.rows(models.Allocation, allocation.c.contract_id == contract_id, allocation.c.deleted_at.is_(None))
    whole = sum((each.amount for each in booked), Decimal(0))
    assert whole == sum((each.amount for each in parts), Decimal(0))
    by_payment = {each.id: each.received or Decimal(0) for each in payments(cast, contract_id)}
    for payment_id, received in by_payment.items():
        assert received == sum((each.amount for each in parts if each.payment_plan_id == payment_id), Decimal(0))
    return whole, sum(by_payment.values(), Decimal(0))


# a draft beside the running one -------------------------------------------------------------------


def test_a_change_is_a_draft_of_the_next_version_and_the_old_one_stays_in_force(cast: Cast) -> None:
    old = running(cast, paid="300")
    new = change(cast, old)
    row, was = cast.row(models.Contract, new), cast.row(models.Contract, old)
    assert (row.state, row.number, row.revision, row.changes_id, row.changes_number) == ("draft", "HT-2026-0001-V2", 2, old, "HT-2026-0001")
    assert (row.amount, row.clauses, row.party, row.owner_id, row.change_reason) == (
        was.amount,
        was.clauses,
        was.party,
        was.owner_id,
        "客户加购",
    )
    assert (was.state, was.replaced_by_id) == ("effective", None)
    assert [(each.amount, each.settled, each.state) for each in payments(cast, new)] == [(300, 300, "planned"), (700, None, "planned")]
    assert receive(cast, old, "50").done, "money still comes in for the running one"


def test_one_change_at_a_time_and_another_once_it_is_gone(cast: Cast) -> None:
    old = running(cast)
    new = change(cast, old)
    assert rule(do(cast, "rep", "contract:change", old, **WHY)) == "second_change"
    bin_it(cast, new)
    again = change(cast, old)
    assert cast.row(models.Contract, again).number == "HT-2026-0001-V3", "a number is not given twice"
    with pytest.raises(Refused, match="under way"):
        out_of_the_bin(cast, new)


def bin_it(cast: Cast, record_id: int) -> None:
    _operate(cast, "remove", record_id)


def out_of_the_bin(cast: Cast, record_id: int) -> None:
    _operate(cast, "restore", record_id)


def _operate(cast: Cast, how: str, record_id: int) -> None:
    with cast.act("rep") as session:
        wanted = select(models.Contract).where(models.Contract.id == record_id).execution_options(with_deleted=True)
        record = session.scalars(wanted).one()
        getattr(operations, how)(session, spec_named("contract"), record, acting_user=cast.principal("rep"), now=NOW)


@pytest.mark.parametrize("where", ["draft", "to_legal", "to_seal", "fulfilled", "expired", "terminated", "changed", "void"])
def test_only_a_contract_in_effect_is_changed(cast: Cast, where: str) -> None:
    old = running(cast)
    cast.set(models.Contract, old, state=where)
    assert rule(do(cast, "rep", "contract:change", old, **WHY)) == "state"


def test_its_owner_and_those_above_change_it(cast: Cast) -> None:
    for login in ("other", "mate"):
        outcome = do(cast, login, "contract:change", running(cast), **WHY)
        assert isinstance(outcome.refused[0][1], NotFound)
    for login in ("legal", "finance", "cashier", "admin"):
        with pytest.raises(NotAllowed):
            do(cast, login, "contract:change", running(cast), **WHY)
    for login in ("leader_a", "director"):
        assert cast.row(models.Contract, change(cast, running(cast), login)).owner_id == cast.people["rep"]


def test_what_was_paid_stays_and_the_rest_makes_the_new_amount(cast: Cast) -> None:
    new = change(cast, running(cast, paid="300"))
    more(cast, new)
    first, second = payments(cast, new)
    assert [(each.percent, each.amount) for each in (first, second)] == [(25, 300), (75, 900)]
    with pytest.raises(Refused, match="stays as it is"):
        edit(cast, "rep", "payment_plan", first.id, percent=Decimal(10))
    create(cast, "rep", "payment_plan", contract_id=new, name="质保金", percent=Decimal(5), days=200)
    edit(cast, "rep", "payment_plan", second.id, percent=Decimal(70))
    assert [each.amount for each in payments(cast, new)] == [300, 840, 60]


def test_shares_that_do_not_come_out_even_make_the_amount_to_the_cent(cast: Cast) -> None:
    new = change(cast, running(cast, paid="300"))
    more(cast, new, 137)
    rows = payments(cast, new)
    assert sum(each.percent for each in rows) == 100
    assert sum(each.amount for each in rows) == Decimal(1137)
    assert rows[0].amount == 300


def test_more_on_a_contract_that_is_paid_needs_a_payment_for_it(cast: Cast) -> None:
    new = change(cast, running(cast, paid="1000"))
    more(cast, new, 250)
    assert rule(do(cast, "rep", "contract:submit", new)) == "shares"
    create(cast, "rep", "payment_plan", contract_id=new, name="加购款", percent=Decimal(20), days=30)
    assert [each.amount for each in payments(cast, new)] == [300, 700, 250]
    assert do(cast, "rep", "contract:submit", new).done


# deciding -----------------------------------------------------------------------------------------


def test_it_is_compared_with_the_running_version(cast: Cast) -> None:
    old = running(cast)
    new = change(cast, old)
    assert rule(do(cast, "rep", "contract:submit", new)) == "same"
    edit(cast, "rep", "contract", new, clauses="新条款")
    more(cast, new)
    do(cast, "rep", "contract:submit", new)
    approval = cast.rows(models.Approval)[-1]
    assert (approval.snapshot["clauses"], approval.earlier["clauses"]) == ("新条款", "交付、验收、违约、知识产权。")
    assert [len(kept["contract_line"]) for kept in (approval.earlier, approval.snapshot)] == [1, 2]
    assert "number" not in approval.earlier


@pytest.mark.parametrize(("added", "passes"), [(0, False), (1, True)])
def test_a_change_to_longer_credit_passes_finance(cast: Cast, added: int, passes: bool) -> None:
    """Handbook 41: also where a published flow has no such step, and the whole credit is still short."""
    new = change(cast, running(cast, credit_days=10))
    edit(cast, "rep", "contract", new, credit_days=10 + added, clauses="新条款")
    steps = [{"label": "法务 | Legal", "mode": "any", "who": [{"by": "role", "role": "legal"}]}]
    given = {"title": "t", "entity": "contract", "verb": "submit", "number": 1, "active": True, "version": 1}
    cast.add(models.ApprovalFlow, **given, definition={"steps": steps})
    do(cast, "rep", "contract:submit", new)
    decide(cast, "legal")
    assert (state(cast, new), set(waiting(cast))) == (("to_finance", {"finance"}) if passes else ("to_sign", set()))


@pytest.mark.parametrize("how", ["reject", "send_back", "withdraw"])
def test_a_change_that_is_not_agreed_to_leaves_the_old_one_alone(cast: Cast, how: str) -> None:
    old = running(cast, paid="300")
    before = plan(cast, old)
    new = change(cast, old)
    more(cast, new)
    do(cast, "rep", "contract:submit", new)
    if how == "withdraw":
        assert do(cast, "rep", "approval:withdraw", cast.rows(models.Approval)[-1].id).done
    else:
        assert decide(cast, "legal", how, reason="不行").done
    assert (state(cast, new), state(cast, old), plan(cast, old)) == ("draft", "effective", before)
    assert money(cast, old) == (300, 300)


def test_less_than_was_received_is_not_submitted(cast: Cast) -> None:
    new = change(cast, running(cast, paid="300"))
    line = cast.rows(models.ContractLine, models.ContractLine.__table__.c.contract_id == new)[0]
    edit(cast, "rep", "contract_line", line.id, price=Decimal(299))
    assert rule(do(cast, "rep", "contract:submit", new)) in ("too_small", "shares")
    edit(cast, "rep", "contract_line", line.id, price=Decimal(301))
    assert do(cast, "rep", "contract:submit", new).done


# taking its place ---------------------------------------------------------------------------------


def test_sealed_it_takes_the_place_of_the_old_one_and_its_money_comes_along(cast: Cast) -> None:
    old = running(cast, paid="300")
    due = [each.due_on for each in payments(cast, old)]
    new = change(cast, old)
    more(cast, new)
    assert receive(cast, old, "100").done, "received while it is under way"
    sealed(cast, new)
    row, was = cast.row(models.Contract, new), cast.row(models.Contract, old)
    assert (row.state, was.state, was.replaced_by_id) == ("effective", "changed", new)
    assert plan(cast, old) == [("void", 300, 0), ("void", 700, 0)]
    assert plan(cast, new) == [("paid", 300, 300), ("partly", 900, 100)]
    assert [each.due_on for each in payments(cast, new)] == due, "what goes on unchanged keeps its day"
    assert (money(cast, old), money(cast, new)) == ((0, 0), (400, 400))
    assert receive(cast, new, "800").done
    assert rule(receive(cast, old, "1")) == "state"


def test_new_payments_and_those_with_other_days_count_from_the_seal(cast: Cast) -> None:
    old = running(cast)
    new = change(cast, old)
    first, second = payments(cast, new)
    edit(cast, "rep", "payment_plan", second.id, days=60)
    sealed(cast, new, at=10)
    assert [each.due_on for each in payments(cast, new)] == [first.due_on, TODAY + timedelta(days=70)]


def test_what_was_overdue_stays_overdue(cast: Cast) -> None:
    old = running(cast)
    new = change(cast, old)
    more(cast, new)
    sealed(cast, new, at=12)
    rows = payments(cast, new)
    assert (rows[0].due_on, rows[0].overdue) == (TODAY + timedelta(days=3), "2"), "nine days late"
    assert [each.overdue for each in payments(cast, old)] == ["", ""]


def test_a_receipt_too_large_for_its_new_payment_is_split(cast: Cast) -> None:
    old = running(cast, paid="950")
    new = change(cast, old)
    second = payments(cast, new)[1]
    assert second.settled is None, "only what was paid whole is fixed"
    edit(cast, "rep", "payment_plan", second.id, percent=Decimal(20))
    create(cast, "rep", "payment_plan", contract_id=new, name="质保金", percent=Decimal(50), days=90)
    sealed(cast, new)
    assert plan(cast, new) == [("paid", 300, 300), ("paid", 200, 200), ("partly", 500, 450)]
    assert money(cast, new) == (950, 950)


def test_the_money_of_a_payment_that_was_dropped_pays_the_oldest_due(cast: Cast) -> None:
    old = running(cast, paid="100")
    new = change(cast, old)
    first, second = payments(cast, new)
    with cast.act("rep") as session:
        record = session.scalars(select(models.PaymentPlan).where(models.PaymentPlan.id == first.id)).one()
        operations.remove(session, spec_named("payment_plan"), record, acting_user=cast.principal("rep"), now=NOW)
    edit(cast, "rep", "payment_plan", second.id, percent=Decimal(100))
    sealed(cast, new)
    assert plan(cast, new) == [("partly", 1000, 100)]
    assert money(cast, new) == (100, 100)


def test_more_came_in_meanwhile_than_the_change_is_worth(cast: Cast) -> None:
    old = running(cast)
    new = change(cast, old)
    line = cast.rows(models.ContractLine, models.ContractLine.__table__.c.contract_id == new)[0]
    edit(cast, "rep", "contract_line", line.id, price=Decimal(800))
    to_seal(cast, new)
    assert receive(cast, old, "900").done
    assert rule(do(cast, "legal", "contract:seal", new)) == "too_small"
    assert (state(cast, old), state(cast, new)) == ("effective", "to_seal")
    assert money(cast, old) == (900, 900)
    receipt = cast.rows(models.Receipt)[-1]
    assert do(cast, "cashier", "receipt:reverse", receipt.id, reason="退款").done
    assert do(cast, "legal", "contract:seal", new).done


def test_a_receipt_is_reversed_after_the_change_on_the_new_plan(cast: Cast) -> None:
    old = running(cast, paid="300")
    new = change(cast, old)
    more(cast, new)
    sealed(cast, new)
    receipt = cast.rows(models.Receipt)[-1]
    assert do(cast, "cashier", "receipt:reverse", receipt.id, reason="付错").done
    assert [(each[0], each[2]) for each in plan(cast, new)] == [("open", 0), ("open", 0)]
    assert (money(cast, old), money(cast, new)) == ((0, 0), (0, 0))


def test_a_receipt_reversed_meanwhile_leaves_the_payment_open(cast: Cast) -> None:
    old = running(cast, paid="300")
    new = change(cast, old)
    more(cast, new)
    assert do(cast, "cashier", "receipt:reverse", cast.rows(models.Receipt)[-1].id, reason="付错").done
    sealed(cast, new)
    assert [(each[0], each[2]) for each in plan(cast, new)] == [("open", 0), ("open", 0)]


def test_the_rate_and_the_reminders_count_the_money_once(cast: Cast) -> None:
    old = running(cast, paid="300")
    first, last = date(2026, 5, 1), date(2026, 12, 31)
    new = change(cast, old)
    more(cast, new)
    with cast.act("director"):
        was = collection.collected(first, last)
    assert (was.received, was.due) == (300, 1000), "a draft owes nothing"
    sealed(cast, new)
    with cast.act("director"):
        now = collection.collected(first, last)
    assert (now.received, now.due) == (300, 1200)
    with cast.act("system"):
        month = collection.payments_to_remind(NOW, NOW + timedelta(days=60))
        ends = collection.contracts_to_remind(NOW, NOW + timedelta(days=400))
    assert {each.record_id for each in month} == {payments(cast, new)[1].id}
    assert {each.record_id for each in ends} == {new}


def test_a_changed_contract_is_changed_again(cast: Cast) -> None:
    second = change(cast, running(cast, paid="300"))
    more(cast, second)
    sealed(cast, second)
    third = change(cast, second)
    more(cast, third)
    assert cast.row(models.Contract, third).number == "HT-2026-0001-V3"
    sealed(cast, third, at=20)
    assert plan(cast, third) == [("paid", 300, 300), ("open", 1100, 0)]
    assert (money(cast, second), money(cast, third)) == ((0, 0), (300, 300))


# when the running one ends first ------------------------------------------------------------------


@pytest.mark.parametrize(("verb", "ends"), [("terminate", "terminated"), ("void", "void")])
def test_the_end_of_the_running_one_calls_its_change_off(cast: Cast, verb: str, ends: str) -> None:
    old = running(cast)
    new = change(cast, old)
    more(cast, new)
    do(cast, "rep", "contract:submit", new)
    assert do(cast, "leader_a", f"contract:{verb}", old, reason="客户停业").done
    assert (state(cast, old), state(cast, new), waiting(cast)) == (ends, "void", {})
    assert cast.rows(models.Approval)[-1].state == "withdrawn"


def test_a_contract_is_not_fulfilled_while_it_is_being_changed(cast: Cast) -> None:
    old = running(cast, paid="1000")
    new = change(cast, old)
    assert rule(do(cast, "rep", "contract:fulfil", old)) == "under_change"
    bin_it(cast, new)
    assert do(cast, "rep", "contract:fulfil", old).done
    with pytest.raises(Refused, match="no longer in force"):
        out_of_the_bin(cast, new)


def test_a_change_agreed_on_after_the_last_day_still_takes_its_place(cast: Cast) -> None:
    old = running(cast)
    new = change(cast, old)
    edit(cast, "rep", "contract", new, end_on=date(2028, 5, 11))
    to_seal(cast, new)
    cast.set(models.Contract, old, state="expired")
    assert do(cast, "legal", "contract:seal", new).done
    assert (state(cast, old), state(cast, new)) == ("changed", "effective")


def test_its_paper_says_what_it_changes(cast: Cast) -> None:
    old = running(cast)
    new = change(cast, old)
    said = printed(cast, "rep", new)
    for words in ("变更说明", "第 2 版", "取代合同 HT-2026-0001；", "变更原因：客户加购"):
        assert words in said, words
    assert "变更说明" not in printed(cast, "rep", old)
    assert "takes the place of contract HT-2026-0001;" in printed(cast, "rep", new, "en")
