"""What people are told because a time has come: once, at its instant, and one digest after a silence."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from portal import models
from portal.domain import reminders, reports
from portal.domain.periods import PeriodKind, period_of
from tests.cast import NOW, Cast

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)


def told(cast: Cast, login: str) -> list[Any]:
    return cast.rows(models.Notification, models.Notification.__table__.c.recipient_id == cast.people[login])


def mails(cast: Cast, login: str) -> list[Any]:
    return cast.rows(models.Outbox, models.Outbox.__table__.c.recipient_id == cast.people[login])


def remind(cast: Cast, now: datetime) -> int:
    with cast.act("system", now):
        return reminders.remind_due(now=now)


def began(cast: Cast, now: datetime = NOW) -> None:
    """People have been told everything up to this instant."""
    remind(cast, now)


def shanghai(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+08:00").astimezone(UTC)


def test_a_follow_up_is_told_fifteen_minutes_before_and_at_its_time(cast: Cast) -> None:
    began(cast)
    lead = cast.lead(owner="rep", next_at=NOW + 30 * MINUTE, next_step="报价")
    assert remind(cast, NOW + 15 * MINUTE - SECOND) == 0
    assert remind(cast, NOW + 15 * MINUTE) == 1
    assert remind(cast, NOW + 30 * MINUTE - SECOND) == 0
    assert remind(cast, NOW + 30 * MINUTE) == 1
    assert remind(cast, NOW + 31 * MINUTE) == 0
    assert [row.event_key.split(":")[0] for row in told(cast, "rep")] == ["follow_up.soon", "follow_up.due"]
    assert told(cast, "rep")[0].href == f"/lead/{lead}"
    assert told(cast, "rep")[0].title == {"zh": "10:30 跟进：测试公司 报价", "en": "10:30 follow up: 测试公司 报价"}
    assert mails(cast, "rep") == []


def test_a_new_time_is_told_again_and_a_lead_in_the_bin_is_not(cast: Cast) -> None:
    began(cast)
    lead = cast.lead(owner="rep", next_at=NOW + MINUTE)
    gone = cast.lead(owner="mate", next_at=NOW + MINUTE)
    cast.set(models.Lead, gone, deleted_at=NOW)
    assert remind(cast, NOW + 2 * MINUTE) == 1
    cast.set(models.Lead, lead, next_at=NOW + 3 * MINUTE)
    assert remind(cast, NOW + 4 * MINUTE) == 1
    assert told(cast, "mate") == []


@pytest.mark.parametrize(("hours", "words", "led"), [(12, "12 小时", []), (20, "4 小时", ["业务员甲的 测试公司 首次响应还剩 4 小时"])])
def test_first_response_reminders_and_the_last_of_them_goes_to_the_leader_too(cast: Cast, hours: int, words: str, led: list[str]) -> None:
    began(cast, NOW + timedelta(hours=hours) - MINUTE)
    cast.lead(owner="rep", first_response_due_at=NOW + timedelta(hours=24))
    assert remind(cast, NOW + timedelta(hours=hours) - SECOND) == 0
    assert remind(cast, NOW + timedelta(hours=hours)) == 1 + len(led)
    assert words in told(cast, "rep")[0].title["zh"]
    assert len(mails(cast, "rep")) == 1
    assert [row.title["zh"] for row in told(cast, "leader_a")] == led


def test_the_breach_goes_to_the_rep_and_his_leader_and_flags_the_lead(cast: Cast) -> None:
    due = NOW + timedelta(hours=24)
    began(cast, due - MINUTE)
    lead = cast.lead(owner="rep", first_response_due_at=due)
    answered = cast.lead(owner="rep", first_response_due_at=due, first_response_at=NOW)
    assert remind(cast, due) == 2
    assert cast.row(models.Lead, lead).breached_at is None
    remind(cast, due + SECOND)
    assert cast.row(models.Lead, lead).breached_at == due
    assert cast.row(models.Lead, answered).breached_at is None
    assert len(told(cast, "rep")) == len(told(cast, "leader_a")) == 1
    assert told(cast, "leader_b") == []


def open_day(cast: Cast, day: date, now: datetime) -> None:
    with cast.act("system", now):
        reports.open_reports(period_of(PeriodKind.DAY, day), now=now)


def settle(cast: Cast, now: datetime) -> None:
    with cast.act("system", now):
        reports.settle(now=now)


def test_a_daily_report_is_reminded_chased_and_listed(cast: Cast) -> None:
    began(cast)
    open_day(cast, date(2026, 5, 12), NOW)
    cast.set(models.WorkReport, report(cast, "mate").id, state="submitted", submitted_at=NOW)
    cast.set(models.WorkReport, report(cast, "other").id, state="exempt")
    for at, count in (
        ("2026-05-12T17:29:59", 0),
        ("2026-05-12T17:30:00", 1),
        ("2026-05-12T18:00:00", 0),
        ("2026-05-12T19:59:59", 0),
        ("2026-05-12T20:00:00", 1),
        ("2026-05-12T21:00:00", 0),
    ):
        # Every minute, as the scheduler does; here only around the instants.
        began(cast, shanghai(at) - MINUTE - SECOND)
        assert remind(cast, shanghai(at)) == count, at
    settle(cast, shanghai("2026-05-13T00:00:00"))
    began(cast, shanghai("2026-05-13T08:59:00"))
    assert remind(cast, shanghai("2026-05-13T08:59:59")) == 0
    assert remind(cast, shanghai("2026-05-13T09:00:00")) == 1
    (row,) = told(cast, "leader_a")
    assert (row.title["zh"], row.body["zh"], row.href) == (
        "日报 2026-05-12 缺报 1 人",
        "业务员甲",
        "/report-desk/board?period=day&key=2026-05-12",
    )
    assert told(cast, "leader_b") == []


def report(cast: Cast, login: str) -> Any:
    return cast.rows(models.WorkReport, models.WorkReport.__table__.c.owner_id == cast.people[login])[0]


def test_fridays_list_comes_on_monday(cast: Cast) -> None:
    friday = date(2026, 5, 15)
    open_day(cast, friday, shanghai("2026-05-15T09:00"))
    settle(cast, shanghai("2026-05-16T00:00"))
    began(cast, shanghai("2026-05-16T08:30"))
    assert remind(cast, shanghai("2026-05-16T09:10")) == 0
    began(cast, shanghai("2026-05-18T08:59"))
    assert remind(cast, shanghai("2026-05-18T09:00")) == 4, "Friday's list and last week's figures for each leader"


def test_a_weekly_report_is_reminded_three_hours_and_half_an_hour_before(cast: Cast) -> None:
    with cast.act("system", NOW):
        reports.open_reports(period_of(PeriodKind.WEEK, date(2026, 5, 15)), now=NOW)
    for at in ("2026-05-15T15:00", "2026-05-15T17:30"):
        began(cast, shanghai(at) - MINUTE)
        assert remind(cast, shanghai(at)) == 3, at


def test_three_days_of_silence_end_in_one_digest_a_person(cast: Cast) -> None:
    began(cast)
    back = NOW + timedelta(days=3)
    cast.leads(40, owner="rep", next_at=NOW + timedelta(days=1))
    cast.leads(3, owner="rep", first_response_due_at=NOW + timedelta(days=2))
    for day in (12, 13, 14):
        open_day(cast, date(2026, 5, day), back)
    assert remind(cast, back) > 0
    assert remind(cast, back + SECOND) == 0
    for login in ("rep", "leader_a", "mate"):
        assert [row.kind for row in told(cast, login)] == ["digest"], login
    assert told(cast, "rep")[0].title["zh"] == "05-12 10:00 以来：跟进到期 40，错过的跟进 40，首次响应 3，待补交报告 3"
    assert len(mails(cast, "rep")) == 1
    assert cast.rows(models.Lead, models.Lead.__table__.c.breached_at.is_not(None)).__len__() == 3


def test_up_to_an_hour_of_silence_is_told_one_by_one(cast: Cast) -> None:
    began(cast)
    cast.leads(2, owner="rep", next_at=NOW + 20 * MINUTE)
    remind(cast, NOW + timedelta(hours=1))
    assert [row.kind for row in told(cast, "rep")] == ["follow_up", "follow_up"]


def test_a_switched_off_notice_is_not_told(cast: Cast) -> None:
    cast.add(models.Policy, key="notify.follow_up", effective_on=date(2026, 1, 1), value="off", reason="test")
    began(cast)
    cast.lead(owner="rep", next_at=NOW + MINUTE)
    assert remind(cast, NOW + 2 * MINUTE) == 0


def test_a_run_that_is_rolled_back_tells_nothing_and_loses_nothing(cast: Cast) -> None:
    began(cast)
    cast.lead(owner="rep", next_at=NOW + MINUTE)
    cut = cast.act("system", NOW + 2 * MINUTE)
    cut.__enter__()
    reminders.remind_due(now=NOW + 2 * MINUTE)
    cut.__exit__(RuntimeError, RuntimeError("cut"), None)
    assert told(cast, "rep") == []
    assert remind(cast, NOW + 3 * MINUTE) == 1
