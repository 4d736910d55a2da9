"""Money that comes in: booked against the oldest due, taken back when wrong, reminded of in time, counted at its rate."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from decimal import Decimal
from threading import Thread
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from portal import models
from portal.domain import collection, payment_reminders
from portal.engine.errors import Invalid, NotAllowed
from portal.engine.spec import spec_named
from portal.engine.tables import AuditEvent, Notification
from portal.engine.verbs import verb_named
from portal.security.bulk import Selection, perform_selection
from tests.cast import NOW, Cast
from tests.domain.test_approvals import do
from tests.matrix.world import contract_of

TODAY = NOW.astimezone(ZoneInfo("Asia/Shanghai")).date()


def owing(cast: Cast, *due: tuple[int, int], owner: str = "rep", **more: Any) -> tuple[int, list[int]]:
    """A contract in effect and its payments: (amount, days from today until it is due) each."""
    made = contract_of(cast, owner, state="effective", effective_at=NOW, **more)
    plan = models.PaymentPlan
    given = {"contract_id": made, "percent": 50, "days": 3, "state": "open", "version": 1}
    ids = [
        cast.add(plan, **given, name=f"第 {n} 期", amount=amount, due_on=TODAY + timedelta(days=days))
        for n, (amount, days) in enumerate(due, 1)
    ]
    return made, ids


def receive(cast: Cast, contract_id: int, amount: str, *, login: str = "cashier", on: date = TODAY, now: datetime = NOW) -> Any:
    return do(cast, login, "contract:receive", contract_id, now=now, amount=Decimal(amount), received_on=on, method="transfer")


def standing(cast: Cast, ids: list[int]) -> list[tuple[str, Decimal]]:
    rows = [cast.row(models.PaymentPlan, each) for each in ids]
    return [(row.state, row.received or Decimal(0)) for row in rows]


# booking ------------------------------------------------------------------------------------------


def test_a_receipt_pays_the_oldest_due_first(cast: Cast) -> None:
    made, ids = owing(cast, (700, 20), (300, -5))
    receive(cast, made, "400")
    assert standing(cast, ids) == [("partly", Decimal(100)), ("paid", Decimal(300))]
    receipt = cast.rows(models.Receipt)[-1]
    assert (receipt.payer, receipt.amount, receipt.created_by_id) == (
        cast.row(models.Contract, made).party,
        Decimal(400),
        cast.people["cashier"],
    )


@pytest.mark.parametrize(("amount", "refused"), [("1000", False), ("1000.01", True)])
def test_more_than_is_open_is_refused_and_says_what_is(cast: Cast, amount: str, refused: bool) -> None:
    made, ids = owing(cast, (1000, 0))
    outcome = receive(cast, made, amount)
    assert [why.in_("en") for _, why in outcome.refused] == (
        ["Only ¥1,000.00 is still open; book the rest where it belongs, or pay it back."] if refused else []
    )
    assert standing(cast, ids) == [("open", Decimal(0)) if refused else ("paid", Decimal(1000))]


@pytest.mark.parametrize(("amount", "day"), [("0", 0), ("-1", 0), ("5", 1)])
def test_nothing_and_the_future_are_refused(cast: Cast, amount: str, day: int) -> None:
    made, _ = owing(cast, (1000, 0))
    outcome = receive(cast, made, amount, on=TODAY + timedelta(days=day))
    assert [type(why) for _, why in outcome.refused] == [Invalid]


def test_what_came_in_once_is_booked_once(cast: Cast) -> None:
    """A program that names two contracts does not book the same money on both."""
    (one, first), (two, second) = owing(cast, (1000, 0)), owing(cast, (1000, 0))
    declared, who = verb_named("contract", "receive"), cast.principal("cashier")
    assert declared is not None
    form = {each.key: each.blank for each in declared.form} | {"amount": Decimal(100), "received_on": TODAY, "method": "transfer"}
    with cast.act("cashier") as session:
        chosen = Selection((one, two))
        outcome = perform_selection(session, spec_named("contract"), declared, chosen, acting_user=who, now=NOW, form=form)
    assert (outcome.done, {why.rule for _, why in outcome.refused}) == ([], {"one"})
    assert standing(cast, [*first, *second]) == [("open", Decimal(0))] * 2


def test_only_the_cashier_books(cast: Cast) -> None:
    made, _ = owing(cast, (1000, 0))
    for login in ("rep", "leader_a", "director", "finance", "admin"):
        with pytest.raises(NotAllowed):
            receive(cast, made, "5", login=login)


def test_a_mistake_is_reversed_and_stays(cast: Cast) -> None:
    made, ids = owing(cast, (1000, -3))
    receive(cast, made, "1000")
    receipt = cast.rows(models.Receipt)[-1]
    assert do(cast, "cashier", "receipt:reverse", receipt.id, reason="客户付错了").done
    assert standing(cast, ids) == [("open", Decimal(0))]
    assert cast.row(models.PaymentPlan, ids[0]).overdue == "1"
    kept = cast.row(models.Receipt, receipt.id)
    assert (kept.state, kept.reason, kept.deleted_at) == ("reversed", "客户付错了", None)
    assert not do(cast, "cashier", "receipt:reverse", receipt.id, reason="再一次").done


def test_who_booked_and_what_it_changed_is_in_the_history(cast: Cast) -> None:
    made, ids = owing(cast, (1000, 0))
    receive(cast, made, "400")
    lines = cast.rows(AuditEvent, AuditEvent.__table__.c.entity == "payment_plan", AuditEvent.__table__.c.record_id == ids[0])
    assert lines[-1].actor_id == cast.people["cashier"]
    assert lines[-1].after["state"] == "partly"


def test_a_contract_is_fulfilled_when_all_is_paid(cast: Cast) -> None:
    made, _ = owing(cast, (1000, 0))
    assert not do(cast, "rep", "contract:fulfil", made).done
    receive(cast, made, "1000")
    assert do(cast, "rep", "contract:fulfil", made).done


def test_a_fulfilled_contract_is_in_effect_again_when_its_receipt_was_a_mistake(cast: Cast) -> None:
    made, ids = owing(cast, (1000, 0))
    receive(cast, made, "1000")
    assert do(cast, "rep", "contract:fulfil", made).done
    assert do(cast, "cashier", "receipt:reverse", cast.rows(models.Receipt)[-1].id, reason="退票").done
    assert (cast.row(models.Contract, made).state, standing(cast, ids)) == ("effective", [("open", Decimal(0))])


def test_what_is_owed_is_still_booked_after_a_termination_and_what_is_void_is_neither_owed_nor_late(cast: Cast) -> None:
    made, ids = owing(cast, (600, -9), (400, -2))
    receive(cast, made, "100")
    with cast.act("system"):
        collection.mark_overdue(now=NOW)
    assert [cast.row(models.PaymentPlan, each).overdue for each in ids] == ["2", "1"]
    assert do(cast, "leader_a", "contract:terminate", made, reason="客户停产").done
    assert [cast.row(models.PaymentPlan, each).overdue for each in ids] == ["2", ""]
    assert not receive(cast, made, "501").done
    assert receive(cast, made, "500").done
    assert standing(cast, ids) == [("paid", Decimal(600)), ("void", Decimal(0))]


def test_two_cashiers_at_once_never_book_more_than_is_open(cast: Cast) -> None:
    made, ids = owing(cast, (1000, 0))
    found: list[bool] = []
    both = [Thread(target=lambda: found.append(bool(receive(cast, made, "600").done))) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert (sorted(found), standing(cast, ids)) == ([False, True], [("partly", Decimal(600))])


def test_what_is_taken_back_meanwhile_is_not_fulfilled(cast: Cast) -> None:
    """Who calls it fulfilled waits for the cashier's reversal and sees what is open then."""
    made, ids = owing(cast, (1000, 0))
    receive(cast, made, "1000")
    receipt, reverse = cast.rows(models.Receipt)[-1].id, verb_named("receipt", "reverse")
    assert reverse is not None
    who = cast.principal("cashier")
    with ThreadPoolExecutor(1) as thread:
        with cast.act("cashier") as session:
            chosen = Selection((receipt,))
            perform_selection(session, spec_named("receipt"), reverse, chosen, acting_user=who, now=NOW, form={"reason": "登记错"})
            waits = thread.submit(do, cast, "rep", "contract:fulfil", made)
            while not (waits.done() or hangs(cast)):
                pass
        assert waits.result().refused[0][1].rule == "owed"
    assert (cast.row(models.Contract, made).state, standing(cast, ids)) == ("effective", [("open", Decimal(0))])


def hangs(cast: Cast) -> bool:
    """Whether somebody waits for another's transaction."""
    with cast.session_factory() as session:
        own = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
        return bool(session.connection().scalar(own))


# overdue ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "level"), [(-1, ""), (0, ""), (1, "1"), (7, "1"), (8, "2"), (15, "2"), (16, "3"), (30, "3"), (31, "4"), (400, "4")]
)
def test_levels_end_as_handbook_55_says(cast: Cast, days: int, level: str) -> None:
    _, ids = owing(cast, (1000, -days))
    with cast.act("system"):
        assert collection.level_of(TODAY - timedelta(days=days), TODAY) == level
        collection.mark_overdue(now=NOW)
    assert cast.row(models.PaymentPlan, ids[0]).overdue == level


def test_the_nights_job_run_twice_changes_nothing_more(cast: Cast) -> None:
    owing(cast, (1000, -9))
    with cast.act("system"):
        assert collection.mark_overdue(now=NOW) >= 1
        assert collection.mark_overdue(now=NOW) == 0


def test_a_contract_ends_the_day_after_its_last(cast: Cast) -> None:
    over, _ = owing(cast, (1000, -9), end_on=TODAY - timedelta(days=1))
    last, _ = owing(cast, (1000, -9), end_on=TODAY)
    with cast.act("system"):
        collection.expire(now=NOW)
    assert [cast.row(models.Contract, each).state for each in (over, last)] == ["expired", "effective"]
    receive(cast, over, "1000")


# reminders ----------------------------------------------------------------------------------------


def told(cast: Cast, login: str, now: datetime) -> list[str]:
    """Titles of what this person is told on the morning of `now`."""
    before = len(cast.rows(Notification))
    with cast.act("system", now):
        events = payment_reminders.money_due(now - timedelta(minutes=1), now)
    assert len(cast.rows(Notification)) == before
    return [each.title.in_("en") for each in events if each.recipient_id == cast.people[login]]


def morning(days: int) -> datetime:
    """Nine o'clock in the company, so many days from today."""
    return datetime.combine(TODAY + timedelta(days=days), datetime.min.time(), ZoneInfo("Asia/Shanghai")) + timedelta(hours=9)


@pytest.mark.parametrize(("days", "rep", "finance"), [(8, 0, 0), (7, 1, 1), (6, 0, 0), (5, 1, 0), (4, 0, 0), (1, 0, 0), (0, 1, 1)])
def test_seven_five_and_no_days_before_it_is_due(cast: Cast, days: int, rep: int, finance: int) -> None:
    owing(cast, (1000, 40))
    at = morning(40 - days)
    assert (len(told(cast, "rep", at)), len(told(cast, "finance", at))) == (rep, finance)
    assert not told(cast, "mate", at)


def test_what_is_paid_is_not_reminded_of(cast: Cast) -> None:
    made, _ = owing(cast, (1000, 41))
    receive(cast, made, "1000")
    assert not told(cast, "finance", morning(41))


@pytest.mark.parametrize(("days", "count"), [(91, 0), (90, 1), (89, 0), (31, 0), (30, 1), (29, 0), (8, 0), (7, 1), (6, 0), (0, 0)])
def test_ninety_thirty_and_seven_days_before_a_contract_ends(cast: Cast, days: int, count: int) -> None:
    contract_of(cast, "other", state="effective", end_on=TODAY + timedelta(days=200))
    assert len(told(cast, "other", morning(200 - days))) == count


# the rate -----------------------------------------------------------------------------------------


def test_the_rate_is_what_came_in_by_the_end_of_what_was_due(cast: Cast) -> None:
    first, last = date(2031, 3, 1), date(2031, 3, 31)
    away = (first - TODAY).days
    made, _ = owing(cast, (1000, away), (500, away + 30), (800, away + 31), owner="mate")
    later = NOW + timedelta(days=away + 40)
    receive(cast, made, "600", on=first, now=later)
    receive(cast, made, "500", on=last + timedelta(days=1), now=later)
    with cast.act("mate", later):
        found = collection.collected(first, last)
    assert (found.received, found.due, found.rate) == (Decimal(600), Decimal(1500), Decimal("0.4"))
    with cast.act("other", later):
        assert collection.collected(first, last) == collection.Collected(Decimal(0), Decimal(0))
        assert collection.collected(first, last).rate is None
