"""Paused opportunities go on on their day; owners hear of what stands too long and of a close that has gone by."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from portal import models
from portal.domain.calendar import company_day
from portal.domain.deal_upkeep import deals_due, resume_due
from portal.engine.tables import AuditEvent, Notification
from tests.cast import NOW, Cast
from tests.domain.test_deals import deal

TODAY = company_day(NOW)
EVENING = NOW + timedelta(hours=12)


def standing(cast: Cast, **values: Any) -> int:
    made = deal(cast)
    cast.set(models.Opportunity, made, **values)
    return made


def told(cast: Cast, now: datetime) -> list[tuple[str, int]]:
    """What the reminder job of this day finds: rule and record."""
    with cast.act("system", now):
        found = deals_due(now - timedelta(days=1), now)
    return [(each.key.partition(":")[0].removeprefix("opportunity."), each.record_id or 0) for each in found]


@pytest.mark.parametrize(("days", "goes_on"), [(-1, True), (0, True), (1, False)])
def test_a_paused_one_goes_on_on_its_day_once(cast: Cast, days: int, goes_on: bool) -> None:
    made = standing(cast, state="paused", paused_until=TODAY + timedelta(days=days))
    done = []
    for _ in range(2):
        with cast.act("system", NOW):
            done.append(resume_due(now=NOW))
    assert done == ([1, 0] if goes_on else [0, 0])
    row = cast.row(models.Opportunity, made)
    assert (row.state, row.paused_until) == (("open", None) if goes_on else ("paused", TODAY + timedelta(days=1)))
    notes = cast.rows(Notification, Notification.__table__.c.record_id == made)
    assert [each.recipient_id for each in notes] == ([cast.people["rep"]] if goes_on else [])
    trail = cast.rows(AuditEvent, AuditEvent.__table__.c.entity == "opportunity", AuditEvent.__table__.c.record_id == made)
    assert (trail[-1].after.get("state") == "open") is goes_on


@pytest.mark.parametrize(("days", "says"), [(29, False), (30, False), (31, True), (32, False)])
def test_one_that_stands_longer_than_it_may_is_told_of_once(cast: Cast, days: int, says: bool) -> None:
    made = standing(cast, stage_on=TODAY - timedelta(days=days), close_on=None)
    cast.set(models.Stage, cast.row(models.Opportunity, made).stage_id, stay_days=None)
    assert told(cast, EVENING) == ([("stuck", made)] if says else [])


def test_a_stages_own_days_come_before_the_policy(cast: Cast) -> None:
    made = standing(cast, stage_on=TODAY - timedelta(days=6), close_on=None)
    cast.set(models.Stage, cast.row(models.Opportunity, made).stage_id, stay_days=5)
    assert told(cast, EVENING) == [("stuck", made)]


@pytest.mark.parametrize(("days", "says"), [(0, False), (1, True), (2, False), (7, True), (8, False)])
def test_a_close_that_has_gone_by_is_told_of(cast: Cast, days: int, says: bool) -> None:
    made = standing(cast, close_on=TODAY - timedelta(days=days))
    assert told(cast, EVENING) == ([("late", made)] if says else [])


@pytest.mark.parametrize("state", ["paused", "won", "lost"])
def test_only_open_ones_are_told_of(cast: Cast, state: str) -> None:
    standing(cast, state=state, close_on=TODAY - timedelta(days=1), stage_on=date(2020, 1, 1))
    assert told(cast, EVENING) == []
