"""The quarter's class review: figures against thresholds, proposals once a quarter, what superiors decide, and back again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from portal import models
from portal.domain import class_review, merging
from portal.domain.class_review import Thresholds
from portal.engine import operations
from portal.engine.spec import spec_named
from portal.engine.verbs import Outcome, verb_named
from portal.security.perform import perform
from tests.cast import NOW, Cast

QUARTER = datetime.fromisoformat("2026-04-01T06:00:00+08:00")
BEFORE = QUARTER - timedelta(days=400)
HALF = Thresholds(amount=(100, 1000), deals=(1, 3), potential=(100, 1000), points=(2, 4), quarters=4)


def customer(cast: Cast, *, owner: str = "rep", customer_class: str = "", **values: Any) -> int:
    return cast.customer(owner=owner or None, now=BEFORE, customer_class=customer_class, **values)


def deal(cast: Cast, customer_id: int, amount: int, state: str = "won", on: str = "2026-03-31", **values: Any) -> None:
    way = cast.rows(models.Pipeline)[0].id
    closed = {"closed_on": date.fromisoformat(on)} if state == "won" else {}
    stage = cast.rows(models.Stage)[0].id
    given = {"name": "一笔", "customer_id": customer_id, "amount": amount, "state": state, "pipeline_id": way, "stage_id": stage}
    cast.add(models.Opportunity, owner_id=cast.people["rep"], team_id=cast.teams["a"], version=1, **given, **closed, **values)


def propose(cast: Cast, now: datetime = QUARTER) -> int:
    with cast.act("system", now) as _:
        return class_review.propose(now)


def do(cast: Cast, login: str, verb: str, ids: Sequence[int], now: datetime = QUARTER, **form: Any) -> Outcome:
    declared = verb_named("class_review", verb)
    assert declared is not None
    with cast.act(login, now) as session:
        rows = list(session.scalars(select(models.ClassReview).where(models.ClassReview.id.in_(ids)).order_by(models.ClassReview.id)))
        return perform(session, declared, rows, acting_user=session.info["principal"], now=now, **form)


def reviews(cast: Cast) -> list[Any]:
    return sorted(cast.rows(models.ClassReview), key=lambda row: row.id)


@pytest.mark.parametrize(
    ("amount", "deals", "potential", "expected"),
    [
        (99, 0, 0, ("c", 0)),
        (100, 1, 0, ("b", 2)),
        (99, 1, 99, ("c", 1)),
        (99, 1, 100, ("b", 2)),
        (999, 2, 1000, ("a", 4)),
        (1000, 1, 999, ("a", 4)),
        (1000, 1, 99, ("b", 3)),
        (1000, 3, 0, ("a", 4)),
        (999, 3, 99, ("b", 3)),
        (1000, 3, 1000, ("a", 6)),
    ],
)
def test_points_and_class_at_every_edge(cast: Cast, amount: int, deals: int, potential: int, expected: tuple[str, int]) -> None:
    """Handbook 17: what was bought, how often, and what may come."""
    ours = customer(cast)
    for number in range(deals):
        deal(cast, ours, amount if number == 0 else 0)
    if not deals and amount:
        deal(cast, ours, amount, on="2025-03-31")  # a day before the year that counts
    deal(cast, ours, potential * 2, "open", probability=50)
    with cast.act("system", QUARTER) as session:
        (row,) = session.connection().execute(class_review.judged(class_review.quarter_of(QUARTER), HALF)).all()
    assert (row.proposed, row.points) == expected


def test_the_thresholds_are_policies_and_their_defaults_hold_at_the_edge(cast: Cast) -> None:
    just, below = customer(cast), customer(cast)
    for ours, amount in ((just, 80_000), (below, 79_999)):
        deal(cast, ours, amount)
    propose(cast)
    assert {row.customer_id: row.proposed for row in reviews(cast)} == {just: "b", below: "c"}
    cast.add(models.Policy, key="class.points", effective_on=date(2026, 7, 1), value="1,2", reason="更松", version=1)
    later = datetime.fromisoformat("2026-07-01T06:00:00+08:00")
    propose(cast, later)
    assert {row.customer_id: row.proposed for row in reviews(cast) if row.quarter == "2026-Q3"} == {just: "a", below: "b"}


def test_only_worked_customers_of_before_the_quarter_are_judged_and_only_differences_proposed(cast: Cast) -> None:
    changed, same = customer(cast, customer_class="a"), customer(cast, customer_class="c")
    customer(cast, owner="", customer_class="a")
    customer(cast, customer_class="a", state="lost")
    customer(cast, customer_class="a", deleted_at=NOW)
    cast.customer(owner="rep", now=QUARTER, customer_class="a")
    assert propose(cast) == 1
    (row,) = reviews(cast)
    assert (row.customer_id, row.direction, row.trend, row.quarter, row.due_on) == (changed, "down", "same", "2026-Q2", date(2026, 4, 11))
    assert cast.row(models.Customer, same).customer_class == "c"


def test_a_quarter_proposes_once_however_often_the_job_runs(cast: Cast) -> None:
    customer(cast, customer_class="a")
    assert [propose(cast), propose(cast), propose(cast, QUARTER + timedelta(days=30))] == [1, 0, 0]
    assert propose(cast, QUARTER + timedelta(days=91)) == 1
    told = cast.rows(models.AuditEvent, models.AuditEvent.entity == "class_review")
    assert [(line.verb, line.actor_id) for line in told] == [("propose", None)] * 2


def test_the_evidence_says_what_was_bought_and_how_that_compares(cast: Cast) -> None:
    ours = customer(cast)
    for amount, on in ((300, "2026-03-31"), (200, "2025-04-01"), (900, "2025-03-31"), (5000, "2024-03-31"), (70, "2026-04-01")):
        deal(cast, ours, amount, on=on)
    deal(cast, ours, 1000, "open", probability=30)
    deal(cast, ours, 1000, "paused", probability=30)
    propose(cast)
    (row,) = reviews(cast)
    assert (row.amount, row.deals, row.earlier, row.potential, row.trend) == (Decimal(500), 2, Decimal(900), Decimal(300), "less")


def test_a_leader_accepts_in_bulk_and_takes_it_back(cast: Cast) -> None:
    first, second = customer(cast, customer_class="a"), customer(cast, owner="mate", customer_class="b")
    propose(cast)
    ids = [row.id for row in reviews(cast)]
    outcome = do(cast, "leader_a", "accept", ids)
    assert outcome.done == ids
    assert [cast.row(models.Customer, each).customer_class for each in (first, second)] == ["c", "c"]
    assert {(row.state, row.decided_class, row.decided_by_id) for row in reviews(cast)} == {("accepted", "c", cast.people["leader_a"])}
    told = cast.rows(models.AuditEvent, models.AuditEvent.entity == "customer", models.AuditEvent.record_id == first)
    assert (told[-1].verb, told[-1].before, told[-1].after) == ("reclassify", {"customer_class": "a"}, {"customer_class": "c"})
    assert "2026-Q2" in told[-1].reason
    cast.set(models.Customer, second, customer_class="b")
    with cast.act("leader_a", QUARTER) as session:
        spec, acting = spec_named("class_review"), session.info["principal"]
        back = operations.undo(session, spec, outcome.batch_id or 0, acting_user=acting, now=QUARTER)
    assert (back.done, [each for each, _ in back.refused]) == (ids[:1], ids[1:])
    assert cast.row(models.Customer, first).customer_class == "a"
    assert [row.state for row in reviews(cast)] == ["proposed", "accepted"]


def test_deciding_otherwise_needs_a_reason_and_may_keep_the_class(cast: Cast) -> None:
    keep, other = customer(cast, customer_class="a"), customer(cast, customer_class="a")
    propose(cast)
    ids = {row.customer_id: row.id for row in reviews(cast)}
    assert do(cast, "leader_a", "override", [ids[keep]], to="a", reason="明年有大单").done == [ids[keep]]
    assert do(cast, "leader_a", "override", [ids[other]], to="b", reason="还有潜力").done == [ids[other]]
    assert [(row.state, row.decided_class) for row in reviews(cast)] == [("kept", "a"), ("overridden", "b")]
    assert [cast.row(models.Customer, each).customer_class for each in (keep, other)] == ["a", "b"]


def test_what_changed_meanwhile_is_refused_by_name(cast: Cast) -> None:
    pooled, by_hand, decided = (customer(cast, customer_class="a") for _ in range(3))
    propose(cast)
    ids = {row.customer_id: row.id for row in reviews(cast)}
    do(cast, "leader_a", "accept", [ids[decided]])
    cast.set(models.Customer, by_hand, customer_class="b")
    release = verb_named("customer", "release")
    assert release is not None
    with cast.act("rep", QUARTER) as session:
        perform(session, release, [pooled], acting_user=session.info["principal"], now=QUARTER, reason="换行业")
    refused = do(cast, "director", "accept", list(ids.values())).refused
    rules = {each: error.rule for each, error in refused}
    assert rules == {ids[pooled]: "in_pool", ids[by_hand]: "reclassified", ids[decided]: "decided"}


@pytest.mark.parametrize("login", ["leader_b", "other", "mate"])
def test_nobody_sees_or_decides_the_review_of_a_customer_he_does_not_see(cast: Cast, login: str) -> None:
    customer(cast, customer_class="a")
    propose(cast)
    with cast.act(login, QUARTER) as session:
        assert session.scalars(select(models.ClassReview.id)).all() == []


def test_merged_customers_keep_both_reviews(cast: Cast) -> None:
    stays, goes = customer(cast, customer_class="a"), customer(cast, customer_class="a")
    propose(cast)
    declared = verb_named("customer", merging.METHOD)
    assert declared is not None
    with cast.act("rep", QUARTER) as session:
        rows = list(session.scalars(select(models.Customer).where(models.Customer.id == stays)))
        perform(session, declared, rows, acting_user=session.info["principal"], now=QUARTER, merged_id=goes)
    assert [row.customer_id for row in reviews(cast)] == [stays, stays]
    assert propose(cast) == 0


def test_superiors_are_told_when_it_opens_three_days_before_and_on_the_day(cast: Cast) -> None:
    """Records C: proposals to the manager, due in ten days."""
    cast.set(models.User, cast.people["rep"], superior_id=cast.people["leader_a"])
    customer(cast, customer_class="a")
    propose(cast)
    days = [f"2026-04-{day:02}" for day in range(1, 13)]
    told = {}
    for day in days:
        now = datetime.fromisoformat(f"{day}T09:00:00+08:00")
        with cast.act("system", now):
            told[day] = class_review.reviews_due(now - timedelta(minutes=1), now)
    assert [day for day in days if told[day]] == ["2026-04-01", "2026-04-08", "2026-04-11"]
    (event,) = told["2026-04-08"]
    assert (event.recipient_id, event.count) == (cast.people["leader_a"], 1)


def test_other_thresholds_are_tried_without_writing(cast: Cast) -> None:
    deal(cast, customer(cast, customer_class="c"), 500)
    with cast.act("admin", QUARTER):
        found = class_review.tried(class_review.quarter_of(QUARTER), HALF)
    assert found == {("c", "b"): 1}
    assert reviews(cast) == []
