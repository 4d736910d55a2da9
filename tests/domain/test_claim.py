"""Claiming: quota, cap, cool-down, freeze, each at its edge, and two hundred people at one lead."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import IntegrityError

from portal import models
from portal.domain import claim_rules
from portal.domain.leads import LEADS
from portal.engine.verbs import Outcome, verb_named
from portal.security.perform import perform
from portal.security.principal import system_principal
from tests.cast import NOW, Cast

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def do(cast: Cast, login: str, name: str, ids: list[int], now: Any = NOW, **form: Any) -> Outcome:
    with cast.act(login, now) as session:
        verb = verb_named("lead", name)
        assert verb is not None
        return perform(session, verb, ids, acting_user=session.info["principal"], now=now, **form)


def rules(outcome: Outcome) -> list[str]:
    return [error.rule for _, error in outcome.refused]


def test_claiming_makes_it_ones_own_and_is_written_down(cast: Cast) -> None:
    lead = cast.lead()
    assert do(cast, "rep", "claim", [lead]).done == [lead]
    row = cast.row(models.Lead, lead)
    assert (row.owner_id, row.pool_id, row.state, row.team_id) == (cast.people["rep"], None, "assigned", cast.teams["a"])
    assert (row.owned_at, row.pooled_at, row.version) == (NOW, None, 2)
    [tenure] = cast.rows(models.Tenure)
    assert (tenure.how, tenure.former_pool_id, tenure.owner_id, tenure.version) == ("claim", cast.pool_id, cast.people["rep"], 2)
    [event] = cast.rows(models.AuditEvent, models.AuditEvent.__table__.c.entity == "lead")
    assert (event.verb, event.actor_id, event.after["owner_id"]) == ("claim", cast.people["rep"], cast.people["rep"])
    assert event.before["pool_id"] == cast.pool_id
    assert len(cast.rows(models.ClaimLedger)) == 1


def test_what_is_not_in_the_pool_is_refused_without_a_name(cast: Cast) -> None:
    taken = cast.lead(owner="other")
    outcome = do(cast, "rep", "claim", [taken, 99999])
    assert rules(outcome) == ["already_claimed", "already_claimed"]
    assert len({error.in_("en") for _, error in outcome.refused}) == 1


def test_the_twenty_first_claim_of_a_day_is_refused_until_midnight(cast: Cast) -> None:
    leads = cast.leads(22)
    assert len(do(cast, "rep", "claim", leads[:20]).done) == 20
    refused = do(cast, "rep", "claim", leads[20:21])
    assert rules(refused) == ["daily_quota"]
    assert "2026-05-13 00:00" in refused.refused[0][1].in_("en")
    assert len(cast.rows(models.ClaimLedger)) == 20
    midnight = NOW.replace(hour=16, minute=0)  # 24:00 in Shanghai
    assert rules(do(cast, "rep", "claim", leads[20:21], midnight - SECOND)) == ["daily_quota"]
    assert do(cast, "rep", "claim", leads[20:21], midnight).done == leads[20:21]


def test_returning_does_not_refund(cast: Cast) -> None:
    cast.set(models.Pool, cast.pool_id, daily_quota=1)
    first, second = cast.leads(2)
    do(cast, "rep", "claim", [first])
    do(cast, "rep", "release", [first], reason="不合适")
    assert rules(do(cast, "rep", "claim", [second])) == ["daily_quota"]


@pytest.mark.parametrize(("held", "state", "rule"), [(199, "following", []), (200, "following", ["holding_cap"]), (200, "converted", [])])
def test_the_cap_counts_open_leads(cast: Cast, held: int, state: str, rule: list[str]) -> None:
    cast.leads(held, owner="rep", state=state)
    assert rules(do(cast, "rep", "claim", [cast.lead()])) == rule


@pytest.mark.parametrize("login", ["rep"])
def test_a_former_owner_waits_seven_days_to_the_instant(cast: Cast, login: str) -> None:
    lead = cast.lead(owner=login)
    do(cast, login, "release", [lead], reason="没有需求")
    early = do(cast, login, "claim", [lead], NOW + 7 * DAY - SECOND)
    assert rules(early) == ["cool_down"]
    assert "2026-05-19 10:00" in early.refused[0][1].in_("zh")
    assert do(cast, "mate", "claim", [lead], NOW).done == [lead]
    do(cast, "mate", "release", [lead], NOW, reason="也没有")
    assert do(cast, login, "claim", [lead], NOW + 7 * DAY).done == [lead]


def test_new_records_are_frozen_to_the_instant(cast: Cast) -> None:
    cast.set(models.Pool, cast.pool_id, freeze_days=2)
    lead = cast.lead()
    assert rules(do(cast, "rep", "claim", [lead], NOW + 2 * DAY - SECOND)) == ["frozen"]
    assert do(cast, "rep", "claim", [lead], NOW + 2 * DAY).done == [lead]


def test_a_release_says_why_and_goes_home(cast: Cast) -> None:
    other_pool = cast.add(
        models.Pool,
        name="展会公海",
        daily_quota=20,
        holding_cap=200,
        cool_down_days=7,
        freeze_days=0,
        recycle_qualified_days=30,
        recycle_potential_days=45,
        recycle_weak_days=60,
        recycling=True,
    )
    lead, made = cast.lead(pool_id=other_pool), cast.lead(owner="rep")
    do(cast, "rep", "claim", [lead])
    assert sorted(do(cast, "rep", "release", [lead, made], reason="不合适").done) == [lead, made]
    assert cast.row(models.Lead, lead).pool_id == other_pool
    assert cast.row(models.Lead, made).pool_id == cast.pool_id
    assert cast.row(models.Lead, made).state == "pool"
    assert cast.rows(models.Tenure)[-1].reason == "不合适"


def test_nobody_releases_what_is_not_in_his_reach(cast: Cast) -> None:
    lead = cast.lead(owner="other")
    assert rules(do(cast, "rep", "release", [lead], reason="x")) == ["not_found"]
    assert rules(do(cast, "leader_a", "release", [lead], reason="x")) == ["not_found"]
    assert do(cast, "leader_b", "release", [lead], reason="x").done == [lead]


def test_invalid_and_revived(cast: Cast) -> None:
    lead = cast.lead(owner="rep", next_at=NOW)
    assert do(cast, "rep", "invalidate", [lead], reason="空号").done == [lead]
    row = cast.row(models.Lead, lead)
    assert (row.state, row.next_at, row.owner_id) == ("invalid", None, cast.people["rep"])
    assert rules(do(cast, "rep", "release", [lead], reason="x")) == ["closed"]
    assert do(cast, "admin", "revive", [lead], reason="号码更正").done == [lead]
    assert cast.row(models.Lead, lead).state == "pool"


def test_the_database_refuses_an_owner_without_tenure(cast: Cast) -> None:
    lead = cast.lead()
    with pytest.raises(IntegrityError, match="without tenure"):
        cast.set(models.Lead, lead, owner_id=cast.people["rep"], pool_id=None)


def test_two_hundred_claim_one_lead_and_one_has_it(cast: Cast) -> None:
    lead, start = cast.lead(), Barrier(40)
    people = _crowd(cast, 200)

    def claim_as(user_id: int) -> bool:
        cast_user = f"crowd{user_id}"
        if people.index(user_id) < 40:
            start.wait()
        return bool(do(cast, cast_user, "claim", [lead]).done)

    with ThreadPoolExecutor(40) as threads:
        won = list(threads.map(claim_as, people))
    assert won.count(True) == 1
    assert len(cast.rows(models.Tenure)) == len(cast.rows(models.ClaimLedger)) == 1


def test_one_person_at_eight_screens_keeps_his_quota(cast: Cast) -> None:
    cast.set(models.Pool, cast.pool_id, daily_quota=5)
    leads = cast.leads(16)
    with ThreadPoolExecutor(8) as threads:
        done = list(threads.map(lambda each: do(cast, "rep", "claim", [each]).done, leads))
    assert sum(map(len, done)) == len(cast.rows(models.ClaimLedger)) == 5


def _crowd(cast: Cast, count: int) -> list[int]:
    """More reps in team A, as many as wanted."""
    people = models.User.__table__
    with cast.session_factory() as session:
        session.info["principal"] = system_principal("test")
        rows = [
            {
                "username": f"crowd-{n}",
                "name": f"众{n}",
                "first_name": "x",
                "last_name": "x",
                "email": f"c{n}@test.example",
                "password": "-",
                "active": True,
                "team_id": cast.teams["a"],
            }
            for n in range(count)
        ]
        ids = list(session.connection().execute(insert(people).returning(people.c.id), rows).scalars())
        session.connection().execute(
            text(
                "INSERT INTO ab_user_role (user_id, role_id) SELECT u.id, r.id FROM ab_user u, ab_role r "
                "WHERE u.username LIKE 'crowd-%' AND r.name = 'rep'"
            )
        )
        session.commit()
    cast.people.update({f"crowd{i}": i for i in ids})
    return ids


def test_the_rules_are_named_in_both_languages() -> None:
    assert claim_rules.already_claimed(LEADS).in_("zh") != claim_rules.already_claimed(LEADS).in_("en")
