"""Back to the pool: each figure at its edge, warnings once a day, and what is left alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from portal import models
from portal.domain import pool
from tests.cast import NOW, Cast
from tests.domain.test_claim import do, rules

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
GRADES = {
    "qualified": {"money": True, "authority": True, "need": True},
    "potential": {"money": True, "need": True},
    "weak": {"money": True},
    "invalid": {},
}


def night(cast: Cast, now: Any) -> int:
    with cast.act("system", now):
        return pool.recycle(now)


def warn(cast: Cast, now: Any) -> int:
    with cast.act("system", now):
        return pool.warn(now)


@pytest.mark.parametrize(("grade", "days"), [("qualified", 30), ("potential", 45), ("weak", 60), ("invalid", 60)])
def test_the_days_of_each_grade_to_the_instant(cast: Cast, grade: str, days: int) -> None:
    lead = cast.lead(owner="rep", now=NOW - 10 * DAY, contacted_at=NOW, state="following", **GRADES[grade])
    assert night(cast, NOW + days * DAY - SECOND) == 0
    assert night(cast, NOW + days * DAY) == 1
    row = cast.row(models.Lead, lead)
    assert (row.owner_id, row.pool_id, row.state, row.pooled_at) == (None, cast.pool_id, "pool", NOW + days * DAY)
    [tenure] = cast.rows(models.Tenure)
    assert (tenure.how, tenure.former_owner_id, tenure.by_id) == ("recycle", cast.people["rep"], None)
    assert f"{days} 天没有跟进" in tenure.reason
    assert night(cast, NOW + days * DAY) == 0


def test_the_clock_runs_from_when_it_is_owned_or_contacted_whichever_is_later(cast: Cast) -> None:
    cast.lead(owner="rep", now=NOW, contacted_at=NOW - 29 * DAY, **GRADES["qualified"])
    assert night(cast, NOW + 29 * DAY) == 0
    assert night(cast, NOW + 30 * DAY) == 1


def test_ninety_days_without_a_deal_even_when_it_is_followed(cast: Cast) -> None:
    cast.lead(owner="rep", now=NOW, contacted_at=NOW + 89 * DAY, state="following", **GRADES["qualified"])
    assert night(cast, NOW + 90 * DAY - SECOND) == 0
    assert night(cast, NOW + 90 * DAY) == 1
    assert "没有成交" in cast.rows(models.Tenure)[0].reason


@pytest.mark.parametrize("state", ["converted", "invalid"])
def test_what_is_closed_stays(cast: Cast, state: str) -> None:
    cast.lead(owner="rep", state=state)
    assert night(cast, NOW + 400 * DAY) == 0


def test_a_pool_that_does_not_recycle(cast: Cast) -> None:
    cast.lead(owner="rep")
    cast.set(models.Pool, cast.pool_id, recycling=False)
    assert night(cast, NOW + 400 * DAY) == 0


def test_without_any_pool_nothing_happens(cast: Cast) -> None:
    cast.set(models.Pool, cast.pool_id, deleted_at=NOW, recycling=False)
    assert (night(cast, NOW), warn(cast, NOW)) == (0, 0)


def test_the_owner_is_told_and_the_leader_gets_one_digest(cast: Cast) -> None:
    cast.leads(3, owner="rep")
    cast.lead(owner="mate")
    assert night(cast, NOW + 60 * DAY) == 4
    told = cast.rows(models.Notification)
    by = {login: sum(row.recipient_id == cast.people[login] for row in told) for login in ("rep", "mate", "leader_a", "leader_b")}
    assert by == {"rep": 3, "mate": 1, "leader_a": 1, "leader_b": 0}
    digest = next(row for row in told if row.recipient_id == cast.people["leader_a"])
    assert "业务员甲 3 条" in digest.body["zh"]


@pytest.mark.parametrize(("before", "told"), [(8, 0), (7, 1), (3, 1), (1, 1)])
def test_warnings_seven_three_and_one_day_before(cast: Cast, before: int, told: int) -> None:
    cast.lead(owner="rep", **GRADES["qualified"])
    due = NOW + 30 * DAY
    assert warn(cast, due - before * DAY) == told
    assert warn(cast, due - before * DAY) == 0


def test_three_warnings_in_all_and_none_after_a_contact(cast: Cast) -> None:
    lead = cast.lead(owner="rep", **GRADES["qualified"])
    assert sum(warn(cast, NOW + day * DAY) for day in range(31)) == 3
    cast.set(models.Lead, lead, contacted_at=NOW + 29 * DAY)
    assert warn(cast, NOW + 30 * DAY) == 0
    assert warn(cast, NOW + 52 * DAY) == 1


def test_a_former_owner_cools_down_after_recycling_too(cast: Cast) -> None:
    lead = cast.lead(owner="rep")
    night(cast, NOW + 60 * DAY)
    assert rules(do(cast, "rep", "claim", [lead], NOW + 67 * DAY - SECOND)) == ["cool_down"]
    assert do(cast, "rep", "claim", [lead], NOW + 67 * DAY).done == [lead]
