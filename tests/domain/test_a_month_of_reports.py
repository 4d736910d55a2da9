"""May 2026 as a story: Labour Day, a Saturday that is worked, daily, weekly and monthly reports, somebody on leave.

The portal's own schedule runs under a moved clock; people write when people write. 1–5 May are holidays, Saturday 9 May
is worked for them; the month's last day is a Sunday.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from jobs import planner, runner
from portal import models
from portal.domain import report_templates
from portal.engine.query.search import search_criterion
from portal.engine.questions import Question
from portal.engine.spec import spec_of
from portal.security.fields import Rights
from portal.security.principal import system_principal
from tests.cast import Cast
from tests.domain.test_approvals import ask, decide
from tests.domain.test_reminders import shanghai, told
from tests.domain.test_reports import do, report_of

FIRST, LAST = date(2026, 5, 1), date(2026, 5, 31)
REPS = ("rep", "mate", "other")
LEADERS = ("leader_a", "leader_b")
AWAY = (date(2026, 5, 18), date(2026, 5, 20))
LATE_ON, FORGOTTEN_ON = date(2026, 5, 13), date(2026, 5, 14)
MINUTE = timedelta(minutes=1)
RESULTS = Question("q1", "text", "本周业绩 | Results of the week", required=True)
OUTLOOK = Question("q2", "number", "下周预计（万元） | Expected next week", required=True)
WORKED = [date(2026, 5, n) for n in (6, 7, 8, 9, 11, 12, 13, 14, 15, 18, 19, 20, 21, 22, 25, 26, 27, 28, 29)]


@pytest.fixture
def month(cast: Cast) -> Cast:
    """The whole of May, lived once."""
    for kind in ("week", "month"):
        cast.add(models.Policy, key=f"report.{kind}.roles", effective_on=FIRST, value="rep,leader", reason="组长也写")
    template = asks(cast, [RESULTS], shanghai("2026-04-30T10:00"))
    day = FIRST
    while day <= LAST:
        if day == date(2026, 5, 12):
            leave = ask(cast, "mate", AWAY, shanghai("2026-05-12T10:00"))
            decide(cast, "leader_a", now=shanghai("2026-05-12T11:00"))
            decide(cast, "director", now=shanghai("2026-05-12T12:00"))
            assert cast.row(models.Leave, leave).state == "approved"
        if day == date(2026, 5, 20):
            template = asks(cast, [RESULTS, OUTLOOK], shanghai("2026-05-20T10:00"), former=template)
        live(cast, day)
        day += timedelta(days=1)
    for at in ("2026-06-01T00:00", "2026-06-01T08:59", "2026-06-01T09:00"):
        tick(shanghai(at))
    return cast


def asks(cast: Cast, questions: Sequence[Question], now: datetime, former: int | None = None) -> int:
    about = {"name": "销售周报", "period": "week", "for_role": "", "for_team_id": None}
    with cast.act("admin", now) as session:
        return report_templates.publish(former, about, questions, acting_user=session.info["principal"], now=now)


def tick(now: datetime) -> None:
    """What the scheduler and its workers do at this minute."""
    planner.plan(now)
    for _ in range(2):
        for run_id in runner.due_runs(now):
            runner.run_now(run_id, now=lambda: now)


def live(cast: Cast, day: date) -> None:
    """One day: the portal at its hours (and the minute before, so that nothing looks like a silence), people in the evening."""
    at = shanghai(f"{day}T00:00")
    written = day in (*WORKED, LAST)
    hours = ("00:00", "08:59", "09:00", "17:29", "17:30") if written else ("00:00", "08:59", "09:00")
    for hour in hours:
        tick(shanghai(f"{day}T{hour}"))
    if written:
        for offset, people in ((17 * 60 + 40, REPS), (17 * 60 + 50, LEADERS)):
            for login in people:
                write(cast, login, day, at + offset * MINUTE)
        for hour in ("17:59", "19:59", "20:00"):
            tick(shanghai(f"{day}T{hour}"))
        if day == LATE_ON:
            send(cast, due_today(cast, "rep", day)[0], "rep", at + 21 * 60 * MINUTE)


def write(cast: Cast, login: str, day: date, now: datetime) -> None:
    for row in due_today(cast, login, day):
        if not (login == "rep" and row.period == "day" and day in (LATE_ON, FORGOTTEN_ON)):
            send(cast, row, login, now)


def due_today(cast: Cast, login: str, day: date) -> list[Any]:
    """His reports that are out, the day's before the week's before the month's."""
    table = models.WorkReport.__table__
    rows = cast.rows(models.WorkReport, table.c.owner_id == cast.people[login], table.c.state == "open", table.c.last_on >= day)
    return sorted(rows, key=lambda row: ("day", "week", "month").index(row.period))


def send(cast: Cast, row: Any, login: str, now: datetime) -> None:
    words = f"{row.first_on:%m-%d} 缺样机" if login == "rep" else "没有"
    with cast.act(login, now):
        questions = report_templates.asked(row.template_id)
    answers = {each.key: {"q1": f"{login} 的 {row.period_key} 签了两单", "q2": "12"}[each.key] for each in questions}
    assert do(cast, login, "submit", row.id, now, problems=words, answers=answers).done == [row.id]


def states(cast: Cast, login: str, period: str) -> Counter[str]:
    return Counter(row.state for row in reports_of(cast, login, period))


def reports_of(cast: Cast, login: str, period: str) -> list[Any]:
    """His reports of this kind in May."""
    table = models.WorkReport.__table__
    of_may = (table.c.owner_id == cast.people[login], table.c.period == period, table.c.first_on <= LAST)
    return cast.rows(models.WorkReport, *of_may)


def notices(cast: Cast, login: str, kind: str) -> list[Any]:
    return [row for row in told(cast, login) if row.kind == kind]


def test_a_month_of_reports(month: Cast) -> None:
    every_worked_day_and_no_holiday_has_its_report(month)
    who_was_on_leave_owed_nothing_and_heard_nothing(month)
    the_leader_heard_of_who_was_missing_and_of_nobody_else(month)
    weeks_and_the_month_were_gathered(month)
    the_week_that_fell_was_marked_on_monday(month)
    old_reports_kept_their_questions(month)
    and_all_of_it_is_found_by_who_may_see_it(month)


def every_worked_day_and_no_holiday_has_its_report(cast: Cast) -> None:
    assert [row.first_on for row in reports_of(cast, "rep", "day")] == WORKED
    assert states(cast, "rep", "day") == {"submitted": 17, "late": 1, "missing": 1}
    assert states(cast, "other", "day") == {"submitted": 19}
    assert [(row.period_key, f"{row.due_at + timedelta(hours=8):%m-%d %H:%M}") for row in reports_of(cast, "rep", "week")] == [
        ("2026-W19", "05-09 18:00"),
        ("2026-W20", "05-15 18:00"),
        ("2026-W21", "05-22 18:00"),
        ("2026-W22", "05-29 18:00"),
    ]
    for login in (*REPS, *LEADERS):
        assert states(cast, login, "week") == {"submitted": 4} and states(cast, login, "month") == {"submitted": 1}, login
        assert states(cast, login, "day") == {} or login in REPS


def who_was_on_leave_owed_nothing_and_heard_nothing(cast: Cast) -> None:
    assert states(cast, "mate", "day") == {"submitted": 16, "exempt": 3}
    on_leave = shanghai("2026-05-18T00:00"), shanghai("2026-05-21T00:00")
    assert not [row for row in notices(cast, "mate", "report") if on_leave[0] <= row.created_at < on_leave[1]]
    assert report_of(cast, "mate", "2026-05-19").exempt_reason.startswith("请假")


def the_leader_heard_of_who_was_missing_and_of_nobody_else(cast: Cast) -> None:
    lists = notices(cast, "leader_a", "report_list")
    assert [(row.title["zh"], row.created_at) for row in lists] == [(f"日报 {FORGOTTEN_ON} 缺报 1 人", shanghai("2026-05-15T09:00"))]
    assert "业务员甲" in lists[0].body["zh"] and "同组乙" not in lists[0].body["zh"]
    assert notices(cast, "leader_b", "report_list") == []
    reminded = {row.created_at for row in notices(cast, "rep", "report")}
    assert shanghai(f"{LATE_ON}T20:00") in reminded and shanghai(f"{FORGOTTEN_ON}T20:00") in reminded, "chased at 20:00"
    assert shanghai("2026-05-05T17:30") not in reminded and shanghai("2026-05-09T17:30") in reminded, "the worked Saturday counts"


def weeks_and_the_month_were_gathered(cast: Cast) -> None:
    own = report_of(cast, "rep", "2026-W20").figures["own"]
    assert [quote["text"]["zh"] for quote in own["quotes"]] == [f"05-{n}：05-{n} 缺样机" for n in (11, 12, 13, 15)]
    assert own["absent"][0]["zh"] == "没有交的：05-14"
    month_of_rep = report_of(cast, "rep", "2026-05").figures["own"]["quotes"]
    assert [quote["href"] for quote in month_of_rep] == [
        f"/report-desk/{report_of(cast, 'rep', f'2026-W{n}').id}" for n in (19, 20, 21, 22)
    ]
    team = report_of(cast, "leader_a", "2026-W21").figures["team"]
    assert [quote["text"]["zh"][:11] for quote in team["quotes"]] == ["业务员甲 05-18：", "同组乙 05-18：m"]
    assert "rep 的 2026-W21 签了两单" in team["quotes"][0]["text"]["zh"] and team["absent"] == []
    assert "leader_a" not in str(team)


def the_week_that_fell_was_marked_on_monday(cast: Cast) -> None:
    found = {row.title["zh"]: row.created_at for row in notices(cast, "leader_a", "weekly_figures")}
    assert found["2026-W20 团队周数字，按时提交率 降 20.0 点"] == shanghai("2026-05-18T09:00")
    assert found["2026-W21 团队周数字"] == shanghai("2026-05-25T09:00")
    assert found["2026-W22 团队周数字"] == shanghai("2026-06-01T09:00")
    assert all("降" not in row.title["zh"] for row in notices(cast, "leader_b", "weekly_figures"))


def old_reports_kept_their_questions(cast: Cast) -> None:
    keys = {key: [item["key"] for item in report_of(cast, "rep", key).answers["items"]] for key in ("2026-W19", "2026-W20", "2026-W21")}
    assert keys == {"2026-W19": ["q1"], "2026-W20": ["q1"], "2026-W21": ["q1", "q2"]}


def and_all_of_it_is_found_by_who_may_see_it(cast: Cast) -> None:
    for login, seen in (("rep", {"rep"}), ("leader_a", {"rep", "mate", "leader_a"}), ("director", {*REPS, *LEADERS}), ("other", {"other"})):
        assert owners(cast, login, "签了") == seen, login
    assert owners(cast, "mate", "样机") == set() and owners(cast, "leader_a", "样机") == {"rep"}
    assert owners(cast, "director", "rep 的 2026-W20 签了两单") == {"rep"}


def owners(cast: Cast, login: str, words: str) -> set[str]:
    """Whose reports this person finds by these words."""
    report, names = models.WorkReport, {person: found for found, person in cast.people.items()}
    met = search_criterion(spec_of(report), words, Rights(system_principal("test")))
    with cast.act(login) as session:
        return {names[owner] for owner in session.scalars(select(report.owner_id).where(met).distinct()) if owner}
