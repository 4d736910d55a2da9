"""The week is gathered from the days, the month from the weeks, a leader's report from his people's."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from portal import models
from portal.domain.periods import PeriodKind, period_named, period_of
from portal.domain.report_draft import Draft, draft
from portal.engine.questions import Question, answered
from portal.entities.reports import ON_LEAVE
from tests.cast import NOW, Cast
from tests.domain.test_reports import do, opened, report_of

WEEK = period_named("2026-W20")
MONTH = period_named("2026-05")
WHY = Question("q1", "text", "原因 | Why")


def sent(cast: Cast, login: str, key: str, *, state: str = "submitted", **values: Any) -> int:
    """A report as it lies in the database."""
    period = period_named(key)
    given: dict[str, Any] = {"problems": "", "plan": "", "extra_work": "", "comment": "", "due_at": NOW, "submitted_at": NOW, "version": 1}
    whose = {"owner_id": cast.people[login], "team_id": cast.team_of(login), "state": state, "title": key}
    days = {"first_on": period.first, "last_on": period.last, "period": period.kind.value, "period_key": key}
    return cast.add(models.WorkReport, **{**given, **whose, **days, **values})


def drafted(cast: Cast, login: str, period: Any) -> Draft:
    with cast.act(login):
        return draft(cast.people[login], period)


def test_the_week_quotes_its_days_with_day_and_source_and_names_the_days_not_sent(cast: Cast) -> None:
    monday = sent(cast, "rep", "2026-05-11", problems="缺样机", answers=answered([WHY], {"q1": "排产满了"}))
    sent(cast, "rep", "2026-05-12", problems="没有", extra_work="展会准备")
    sent(cast, "rep", "2026-05-13", state="missing", submitted_at=None)
    sent(cast, "rep", "2026-05-14", state="exempt", submitted_at=None)
    sent(cast, "rep", "2026-05-08", problems="上周的事")
    sent(cast, "mate", "2026-05-11", problems="别人的事")
    found = drafted(cast, "rep", WEEK).own
    assert (found.quotes[0].text.in_("zh"), found.quotes[0].href) == ("05-11：缺样机；排产满了", f"/report-desk/{monday}")
    assert [quote.text.in_("en") for quote in found.quotes] == ["05-11: 缺样机；排产满了", "05-12: 展会准备"]
    assert [text.in_("zh") for text in found.absent] == ["没有交的：05-13"]


def test_the_month_quotes_the_weeks_that_end_in_it(cast: Cast) -> None:
    for key in ("2026-W18", "2026-W19", "2026-W22", "2026-W23"):
        sent(cast, "rep", key, problems=f"周 {key}")
    assert [quote.text.in_("zh")[-8:] for quote in drafted(cast, "rep", MONTH).own.quotes] == ["2026-W18", "2026-W19", "2026-W22"]
    assert period_named("2026-W18").last == date(2026, 5, 3) and period_named("2026-W22").last == date(2026, 5, 31)
    assert drafted(cast, "rep", period_of(PeriodKind.DAY, date(2026, 5, 12))).own.quotes == ()


def test_a_leader_gets_his_people_summed_quoted_and_the_absent_named(cast: Cast) -> None:
    made = sent(cast, "rep", WEEK.key, problems="价格压力", figures={"follow_ups": 12, "claimed": 2})
    sent(cast, "mate", WEEK.key, state="late", problems="没有", figures={"follow_ups": 5})
    sent(cast, "other", WEEK.key, problems="外组的事", figures={"follow_ups": 100})
    team = drafted(cast, "leader_a", WEEK).team
    assert team.figures is not None
    assert (team.figures["follow_ups"], team.figures["claimed"], team.figures["created"]) == (17, 2, 0)
    assert [(quote.text.in_("zh"), quote.href) for quote in team.quotes] == [("业务员甲 05-11：价格压力", f"/report-desk/{made}")]
    assert team.absent == ()


def test_who_is_missing_waiting_or_excused_is_said(cast: Cast) -> None:
    sent(cast, "rep", WEEK.key, state="open", submitted_at=None, figures={"follow_ups": 9})
    sent(cast, "mate", WEEK.key, state="exempt", submitted_at=None, exempt_reason=ON_LEAVE)
    team = drafted(cast, "leader_a", WEEK).team
    assert [text.in_("zh") for text in team.absent] == ["还没交：业务员甲", "豁免：同组乙（请假）"]
    assert [text.in_("en") for text in team.absent] == ["Not in yet: 业务员甲", "Exempt: 同组乙 (On leave)"]
    assert team.figures is not None and team.figures["follow_ups"] == 0, "what is not in is not counted"


def test_a_rep_gathers_nobody_elses_and_a_leader_only_his_own(cast: Cast) -> None:
    sent(cast, "mate", WEEK.key, problems="同事的事", figures={"follow_ups": 3})
    assert drafted(cast, "rep", WEEK).team.quotes == () and drafted(cast, "rep", WEEK).team.figures is None
    assert drafted(cast, "leader_b", WEEK).team.quotes == ()


def test_what_was_gathered_is_frozen_with_the_report(cast: Cast) -> None:
    cast.add(models.Policy, key="report.week.roles", effective_on=date(2026, 1, 1), value="rep,leader", reason="test")
    opened(cast, WEEK, NOW)
    rep = report_of(cast, "rep", WEEK.key).id
    at = datetime(2026, 5, 15, 8, 0, tzinfo=UTC)
    do(cast, "rep", "submit", rep, at, problems="价格压力")
    do(cast, "leader_a", "submit", report_of(cast, "leader_a", WEEK.key).id, at + timedelta(hours=1), problems="要样机")
    kept = report_of(cast, "leader_a", WEEK.key).figures["team"]
    assert kept["quotes"] == [{"text": {"zh": "业务员甲 05-11：价格压力", "en": "业务员甲 05-11: 价格压力"}, "href": f"/report-desk/{rep}"}]
    assert kept["absent"] == [{"zh": "还没交：同组乙", "en": "Not in yet: 同组乙"}]
    assert "team" not in report_of(cast, "rep", WEEK.key).figures


@pytest.mark.parametrize("login", ["leader_a", "director"])
def test_the_next_level_gathers_the_level_below(cast: Cast, login: str) -> None:
    below = {"leader_a": "rep", "director": "leader_a"}[login]
    sent(cast, below, WEEK.key, problems="逐级上报")
    assert ["逐级上报" in quote.text.in_("zh") for quote in drafted(cast, login, WEEK).team.quotes] == [True]
