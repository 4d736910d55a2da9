"""What is missed, forgotten, overdone, left lying or left behind is told: at its figure, once, to who can do something."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from portal import models
from tests.cast import NOW, Cast
from tests.domain.test_reminders import MINUTE, SECOND, began, mails, remind, shanghai, told
from tests.domain.test_report_figures import follow_up

DAY = timedelta(days=1)
SIX = shanghai("2026-05-12T18:00")
NINE = shanghai("2026-05-13T09:00")
MONDAY = shanghai("2026-05-18T09:00")


def titles(cast: Cast, login: str, kind: str, language: str = "zh") -> list[str]:
    return [row.title[language] for row in told(cast, login) if row.kind == kind]


def at(cast: Cast, now: datetime) -> None:
    """The scheduler's minute around an instant: told of everything before it, then up to it, and once more."""
    began(cast, now - MINUTE)
    remind(cast, now)
    remind(cast, now + SECOND)


def test_at_six_a_rep_hears_once_what_he_missed_and_what_is_due_just_then_is_not_missed(cast: Cast) -> None:
    cast.lead(owner="rep", next_at=SIX - SECOND)
    cast.customer(owner="rep", next_at=SIX - DAY)
    cast.lead(owner="rep", next_at=SIX)
    cast.lead(owner="mate", next_at=SIX + MINUTE)
    began(cast, SIX - 2 * MINUTE)
    remind(cast, SIX - SECOND)
    assert titles(cast, "rep", "missed") == []
    at(cast, SIX)
    assert titles(cast, "rep", "missed") == ["2 条约好的跟进错过了：线索 1，客户 1"]
    assert titles(cast, "rep", "missed", "en") == ["2 agreed follow-ups were missed: 1 leads, 1 customers"]
    assert titles(cast, "mate", "missed") == []
    assert len([mail for mail in mails(cast, "rep") if "missed" in mail.event_key]) == 1


def test_on_a_day_off_nobody_is_told_what_he_missed(cast: Cast) -> None:
    cast.lead(owner="rep", next_at=NOW)
    at(cast, shanghai("2026-05-16T18:00"))
    assert titles(cast, "rep", "missed") == []


def test_the_hour_of_the_missed_is_a_policy(cast: Cast) -> None:
    cast.add(models.Policy, key="follow_up.missed_at", effective_on=date(2026, 1, 1), value="17:00", reason="test")
    cast.lead(owner="rep", next_at=NOW)
    at(cast, SIX - timedelta(hours=1))
    assert len(titles(cast, "rep", "missed")) == 1


def test_on_monday_the_leader_hears_who_missed_how_many(cast: Cast) -> None:
    for login, count in (("rep", 2), ("mate", 1), ("other", 4)):
        cast.leads(count, owner=login, next_at=MONDAY - DAY)
    at(cast, MONDAY)
    (row,) = [row for row in told(cast, "leader_a") if row.kind == "missed"]
    assert (row.title["zh"], row.body["zh"]) == ("团队有 3 条跟进错过了", "业务员甲 2 条，同组乙 1 条")
    assert titles(cast, "leader_b", "missed", "en") == ["4 follow-ups of the team were missed"]


@pytest.mark.parametrize(("age", "told_of"), [(7 * DAY, True), (7 * DAY - SECOND, False)])
def test_potential_leads_are_told_after_seven_days_without_contact(cast: Cast, age: timedelta, told_of: bool) -> None:
    potential = {"money": True, "need": True}
    cast.lead(owner="rep", owned_at=NINE - 30 * DAY, contacted_at=NINE - age, **potential)
    cast.lead(owner="mate", owned_at=NINE - 30 * DAY, contacted_at=NINE - age, money=True)
    at(cast, NINE)
    assert titles(cast, "rep", "potential") == (["1 条潜在线索 7 天没有联系"] if told_of else [])
    assert titles(cast, "mate", "potential") == []


@pytest.mark.parametrize(("contacts", "warned"), [(1, False), (2, True)])
def test_more_than_one_contact_a_day_warns_its_author_once(cast: Cast, contacts: int, warned: bool) -> None:
    began(cast, NOW - MINUTE)
    lead = cast.lead(owner="rep", company="华锐")
    follow_up(cast, lead_id=lead, at=NOW - DAY)
    for n in range(contacts):
        follow_up(cast, lead_id=lead, at=NOW + n * SECOND)
    remind(cast, NOW + MINUTE)
    assert titles(cast, "rep", "over_contact") == (["华锐 05-12 联系了 2 次，注意别打扰客户"] if warned else [])
    follow_up(cast, lead_id=lead, at=NOW + 2 * MINUTE)
    remind(cast, NOW + 3 * MINUTE)
    assert len(titles(cast, "rep", "over_contact")) == 1


@pytest.mark.parametrize(("age", "n"), [(3 * DAY, 2), (3 * DAY - SECOND, 1)])
def test_leaders_hear_what_nobody_took_for_three_days(cast: Cast, age: timedelta, n: int) -> None:
    cast.lead(pooled_at=NINE - 9 * DAY)
    cast.lead(pooled_at=NINE - age)
    at(cast, NINE)
    for login in ("leader_a", "leader_b"):
        assert titles(cast, login, "pool_unclaimed") == [f"公海有 {n} 条线索超过 3 天没人领"]
    assert titles(cast, "rep", "pool_unclaimed") == []


@pytest.mark.parametrize(("days", "told_of"), [(5, False), (6, True)])
def test_a_leave_of_more_than_five_days_is_told_to_the_leader_with_what_needs_somebody(cast: Cast, days: int, told_of: bool) -> None:
    began(cast, NOW - MINUTE)
    cast.leads(3, owner="rep")
    span: dict[str, Any] = {"first_on": date(2026, 5, 20), "last_on": date(2026, 5, 27), "days": days}
    cast.add(models.Leave, kind="annual", state="approved", owner_id=cast.people["rep"], **span)
    remind(cast, NOW)
    remind(cast, NOW + MINUTE)
    words = "业务员甲 2026-05-20 至 2026-05-27 请假 6 天，有 3 条记录要有人照看"
    assert titles(cast, "leader_a", "hand_over") == ([words] if told_of else [])


def test_a_leave_that_is_not_granted_is_told_nobody(cast: Cast) -> None:
    began(cast, NOW - MINUTE)
    cast.leads(3, owner="rep")
    span = {"first_on": date(2026, 5, 20), "last_on": date(2026, 5, 27), "days": 6}
    cast.add(models.Leave, kind="annual", state="pending", owner_id=cast.people["rep"], **span)
    remind(cast, NOW)
    assert titles(cast, "leader_a", "hand_over") == []


def test_after_a_silence_all_of_it_is_in_the_digest(cast: Cast) -> None:
    began(cast, SIX - 2 * DAY)
    cast.leads(2, owner="rep", next_at=SIX - 3 * DAY, money=True, need=True, owned_at=NOW - 20 * DAY)
    cast.lead(pooled_at=NOW - 9 * DAY)
    remind(cast, SIX + MINUTE)
    assert [row.kind for row in told(cast, "rep")] == ["digest"]
    assert "潜在线索待联系 2，错过的跟进 2" in told(cast, "rep")[0].title["zh"]
    assert "公海无人领取 1" in told(cast, "leader_a")[0].title["zh"]


def test_a_switched_off_digest_is_not_told(cast: Cast) -> None:
    cast.add(models.Policy, key="notify.missed", effective_on=date(2026, 1, 1), value="off", reason="test")
    cast.lead(owner="rep", next_at=NOW)
    at(cast, SIX)
    assert titles(cast, "rep", "missed") == []
