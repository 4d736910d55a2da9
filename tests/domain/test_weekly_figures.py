"""A team's week beside the last: counts, rates, falls of five points, and the leader's Monday notice."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest

from portal import models
from portal.domain.periods import period_named
from portal.domain.weekly_figures import Rate, Week, week_of
from tests.cast import NOW, Cast
from tests.domain.test_reminders import began, mails, remind, shanghai, told
from tests.domain.test_report_rollup import sent

WEEK = period_named("2026-W20")
LAST = WEEK.previous
MONDAY = shanghai("2026-05-18T09:00")


def week(cast: Cast, login: str = "leader_a") -> Week:
    with cast.act(login):
        return week_of(WEEK, [cast.teams["a"]])


def contacts(cast: Cast, login: str, count: int, *, weeks_ago: int = 0, late: int = 0) -> None:
    for n in range(count):
        values: dict[str, Any] = {"kind": "call", "content": "谈了", "need": "", "next_step": "", "logged_late": 5 if n < late else 0}
        at = NOW - timedelta(weeks=weeks_ago, minutes=n)
        lead = cast.lead(owner=login, now=NOW - timedelta(days=60))
        cast.add(models.FollowUp, lead_id=lead, contacted_at=at, created_by_id=cast.people[login], **values)


def rate(found: Week, name: str) -> Rate:
    return next(each for each in found.rates if each.label.startswith(name))


@pytest.mark.parametrize(("points", "fell"), [(4, False), (5, True), (6, True), (Fraction("4.99"), False), (-6, False)])
def test_a_fall_of_five_points_is_marked_and_four_is_not(points: Fraction | int, fell: bool) -> None:
    assert Rate("率 | Rate", Fraction(50) - points, Fraction(50), 5).fell is fell


def test_a_rate_without_a_before_or_a_now_falls_nowhere() -> None:
    assert not Rate("率 | Rate", None, Fraction(50), 5).fell
    assert not Rate("率 | Rate", Fraction(0), None, 5).fell


def test_counts_stand_beside_last_weeks_and_others_teams_do_not_count(cast: Cast) -> None:
    contacts(cast, "rep", 3)
    contacts(cast, "mate", 2, weeks_ago=1)
    contacts(cast, "other", 7)
    found = {each.label: (each.now, each.then, each.percent) for each in week(cast).changes}
    assert found["跟进 | Follow-ups"] == (3, 2, 50)
    assert found["新建线索 | Leads created"] == (0, 0, None)
    assert {each.label: each.now for each in week(cast, "leader_b").changes}["跟进 | Follow-ups"] == 0, "who sees none counts none"


def test_reports_in_time_leave_out_the_exempt_and_count_the_due_instant(cast: Cast) -> None:
    sent(cast, "rep", "2026-05-11", submitted_at=NOW, due_at=NOW)
    sent(cast, "rep", "2026-05-12", submitted_at=NOW + timedelta(seconds=1), due_at=NOW, state="late")
    sent(cast, "mate", "2026-05-11", state="missing", submitted_at=None)
    sent(cast, "mate", "2026-05-12", state="exempt", submitted_at=None)
    assert rate(week(cast), "按时提交率").now == Fraction(100, 3)
    assert Rate.words(rate(week(cast), "按时提交率").now) == "33.3 %"


@pytest.mark.parametrize(("late", "told_of_a_fall"), [(4, False), (5, True), (6, True)])
def test_on_monday_at_nine_a_leader_hears_of_last_week_and_of_what_fell(cast: Cast, late: int, told_of_a_fall: bool) -> None:
    contacts(cast, "rep", 100, late=late)
    contacts(cast, "mate", 10, weeks_ago=1)
    began(cast, MONDAY - timedelta(minutes=2))
    remind(cast, MONDAY - timedelta(minutes=1))
    assert [row for row in told(cast, "leader_a") if row.kind == "weekly_figures"] == []
    remind(cast, MONDAY)
    remind(cast, MONDAY + timedelta(minutes=1))
    (notice,) = [row for row in told(cast, "leader_a") if row.kind == "weekly_figures"]
    assert ("一小时录入率 降 " in notice.title["zh"]) is told_of_a_fall and notice.title["zh"].startswith("2026-W20 团队周数字")
    assert "跟进 100（上周 10）" in notice.body["zh"] and "Follow-ups 100 (last week 10)" in notice.body["en"]
    assert notice.href == "/report-desk/board?period=week&key=2026-W20"
    assert any("2026-W20" in str(mail.subject) for mail in mails(cast, "leader_a"))
    assert not [row for row in told(cast, "rep") if row.kind == "weekly_figures"]


def test_the_hour_and_the_mark_are_policies(cast: Cast) -> None:
    for key, value in (("report.weekly_figures_at", "10:30"), ("report.fall_points", "3")):
        cast.add(models.Policy, key=key, effective_on=date(2026, 1, 1), value=value, reason="test")
    contacts(cast, "rep", 100, late=3)
    contacts(cast, "mate", 10, weeks_ago=1)
    began(cast, MONDAY)
    remind(cast, MONDAY + timedelta(minutes=89))
    assert not [row for row in told(cast, "leader_a") if row.kind == "weekly_figures"]
    remind(cast, MONDAY + timedelta(minutes=90))
    (notice,) = [row for row in told(cast, "leader_a") if row.kind == "weekly_figures"]
    assert "down 3.0 points" in notice.title["en"]
