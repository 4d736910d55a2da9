"""Report duties of all three kinds: opened once, on time, late, missing, exempt, and recomputed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from portal import models
from portal.domain import reports
from portal.domain.periods import PeriodKind, period_named, period_of
from portal.engine.errors import Refused
from portal.engine.operations import change
from portal.engine.spec import spec_of
from portal.engine.verbs import Outcome, verb_named
from portal.security.perform import perform
from tests.cast import NOW, Cast

DAY = period_of(PeriodKind.DAY, date(2026, 5, 12))
DUE = datetime(2026, 5, 12, 10, 0, tzinfo=UTC)
"""18:00 in Shanghai."""
CLOSED = datetime(2026, 5, 12, 16, 0, tzinfo=UTC)
"""24:00 in Shanghai."""
SECOND = timedelta(seconds=1)
REPS = {"rep", "mate", "other"}


def opened(cast: Cast, period: Any = DAY, now: datetime = NOW) -> int:
    with cast.act("system", now):
        return reports.open_reports(period, now=now)


def report_of(cast: Cast, login: str, key: str = "2026-05-12") -> Any:
    table = models.WorkReport.__table__
    return cast.rows(models.WorkReport, table.c.owner_id == cast.people[login], table.c.period_key == key)[0]


def held(session: Any, report_id: int) -> Any:
    return session.scalars(select(models.WorkReport).where(models.WorkReport.id == report_id)).one()


def do(cast: Cast, login: str, verb: str, report_id: int, now: datetime = NOW, **form: Any) -> Outcome:
    with cast.act(login, now) as session:
        record = held(session, report_id)
        found = verb_named("work_report", verb)
        assert found is not None
        return perform(session, found, [record], acting_user=session.info["principal"], now=now, **form)


def settle(cast: Cast, now: datetime) -> int:
    with cast.act("system", now):
        return reports.settle(now=now)


def notices(cast: Cast, login: str) -> list[Any]:
    return cast.rows(models.Notification, models.Notification.__table__.c.recipient_id == cast.people[login])


@pytest.mark.parametrize(
    ("kind", "day", "key", "due"),
    [
        (PeriodKind.DAY, date(2026, 5, 12), "2026-05-12", "2026-05-12T10:00"),
        (PeriodKind.WEEK, date(2026, 5, 13), "2026-W20", "2026-05-15T10:00"),
        (PeriodKind.MONTH, date(2026, 5, 13), "2026-05", "2026-05-31T10:00"),
    ],
)
def test_every_kind_is_opened_once_for_every_rep(cast: Cast, kind: PeriodKind, day: date, key: str, due: str) -> None:
    assert opened(cast, period_of(kind, day)) == len(REPS)
    assert opened(cast, period_of(kind, day)) == 0
    rows = cast.rows(models.WorkReport)
    assert {row.owner_id for row in rows} == {cast.people[login] for login in REPS}
    assert {(row.period, row.period_key, row.state) for row in rows} == {(kind.value, key, "open")}
    assert {row.due_at.isoformat(timespec="minutes")[:16] for row in rows} == {due}
    assert report_of(cast, "rep", key).team_id == cast.teams["a"]


def test_no_duty_on_a_holiday(cast: Cast) -> None:
    assert opened(cast, period_of(PeriodKind.DAY, date(2026, 5, 16))) == 0


def test_a_make_up_day_counts(cast: Cast) -> None:
    cast.add(models.WorkCalendar, day=date(2026, 5, 16), working=True, region="CN")
    assert opened(cast, period_of(PeriodKind.DAY, date(2026, 5, 16))) == len(REPS)


def test_a_kind_that_is_switched_off_opens_nothing(cast: Cast) -> None:
    cast.add(models.Policy, key="report.day.on", effective_on=date(2026, 1, 1), value="off", reason="test")
    assert opened(cast) == 0


def test_leaders_owe_reports_where_the_policy_says_so(cast: Cast) -> None:
    cast.add(models.Policy, key="report.day.roles", effective_on=date(2026, 1, 1), value="rep,leader", reason="test")
    assert opened(cast) == len(REPS) + 2


def test_leave_on_all_working_days_exempts_and_part_of_a_week_does_not(cast: Cast) -> None:
    cast.add(
        models.Leave, kind="annual", state="approved", first_on=date(2026, 5, 11), last_on=date(2026, 5, 12), owner_id=cast.people["rep"]
    )
    opened(cast)
    opened(cast, period_named("2026-W20"))
    assert (report_of(cast, "rep").state, report_of(cast, "rep").exempt_reason) == ("exempt", reports.ON_LEAVE)
    assert report_of(cast, "mate").state == "open"
    assert report_of(cast, "rep", "2026-W20").state == "open"


@pytest.mark.parametrize(("at", "state"), [(DUE, "submitted"), (DUE + SECOND, "late"), (CLOSED - SECOND, "late")])
def test_the_due_instant_is_in_time(cast: Cast, at: datetime, state: str) -> None:
    opened(cast)
    outcome = do(cast, "rep", "submit", report_of(cast, "rep").id, at, problems="没有", plan="拜访")
    assert outcome.done and not outcome.refused
    row = report_of(cast, "rep")
    assert (row.state, row.submitted_at, row.problems, row.plan) == (state, at, "没有", "拜访")


def test_after_24_it_is_too_late_and_missing(cast: Cast) -> None:
    opened(cast)
    outcome = do(cast, "rep", "submit", report_of(cast, "rep").id, CLOSED)
    assert [refused.rule for _, refused in outcome.refused] == ["closed"]
    assert settle(cast, CLOSED - SECOND) == 0
    assert settle(cast, CLOSED) == 2 * len(REPS), "yesterday's are closed, and today's opened"
    assert settle(cast, CLOSED) == 0
    assert report_of(cast, "rep").state == "missing"
    assert [r.rule for _, r in do(cast, "rep", "submit", report_of(cast, "rep").id, CLOSED).refused] == ["closed"]


def test_opened_after_a_silence_it_can_be_sent_late_the_same_day(cast: Cast) -> None:
    opened(cast, now=CLOSED + timedelta(days=2))
    row = report_of(cast, "rep")
    assert row.late_until == datetime(2026, 5, 15, 16, 0, tzinfo=UTC)
    do(cast, "rep", "submit", row.id, CLOSED + timedelta(days=2))
    assert report_of(cast, "rep").state == "late"


def test_figures_are_frozen_and_lead_to_their_records(cast: Cast) -> None:
    opened(cast)
    lead = cast.lead(owner="rep", company="华为 | 南京", next_at=NOW + timedelta(days=1), next_step="报价")
    for minutes, kind in ((0, "call"), (10, "visit"), (-24 * 60, "call")):
        cast.add(
            models.FollowUp,
            lead_id=lead,
            kind=kind,
            contacted_at=NOW + timedelta(minutes=minutes),
            content="谈了价格",
            need="",
            next_step="",
            logged_late=0,
            created_by_id=cast.people["rep"],
        )
    do(cast, "rep", "submit", report_of(cast, "rep").id)
    kept = report_of(cast, "rep").figures
    assert (kept["follow_ups"], kept["leads_contacted"], kept["call"], kept["visit"]) == (2, 1, 1, 1)
    assert kept["hrefs"]["follow_ups"].startswith("/follow_up/?filter=")
    assert kept["lines"][0]["href"] == f"/lead/{lead}"
    assert kept["lines"][0]["text"] == {"zh": "华为 ｜ 南京：谈了价格", "en": "华为 ｜ 南京: 谈了价格"}
    cast.add(
        models.FollowUp, lead_id=lead, kind="call", contacted_at=NOW, content="x", need="", next_step="", created_by_id=cast.people["rep"]
    )
    assert report_of(cast, "rep").figures == kept


def test_a_draft_is_kept_and_a_submitted_report_is_closed_to_its_author(cast: Cast) -> None:
    opened(cast)
    found = report_of(cast, "rep").id
    for problems in ("一", "二"):
        with cast.act("rep") as session:
            record = held(session, found)
            change(
                session,
                spec_of(models.WorkReport),
                record,
                {"problems": problems},
                version=None,
                acting_user=session.info["principal"],
                now=NOW,
            )
    assert (report_of(cast, "rep").state, report_of(cast, "rep").problems) == ("draft", "二")
    do(cast, "rep", "submit", found)
    with pytest.raises(Refused), cast.act("rep") as session:
        change(
            session,
            spec_of(models.WorkReport),
            held(session, found),
            {"problems": "三"},
            version=None,
            acting_user=session.info["principal"],
            now=NOW,
        )


def test_a_leader_may_not_write_a_reps_report(cast: Cast) -> None:
    opened(cast)
    found = report_of(cast, "rep").id
    with pytest.raises(Refused), cast.act("leader_a") as session:
        change(
            session,
            spec_of(models.WorkReport),
            held(session, found),
            {"problems": "三"},
            version=None,
            acting_user=session.info["principal"],
            now=NOW,
        )


def test_read_comment_send_back_and_again(cast: Cast) -> None:
    opened(cast)
    found = report_of(cast, "rep").id
    do(cast, "rep", "submit", found)
    assert do(cast, "leader_a", "mark_read", found).done
    assert report_of(cast, "rep").read_by_id == cast.people["leader_a"]
    assert do(cast, "leader_a", "comment", found, comment="很好").done
    assert report_of(cast, "rep").state == "commented"
    assert do(cast, "leader_a", "send_back", found, reason="补充价格").done
    assert (report_of(cast, "rep").state, report_of(cast, "rep").comment) == ("returned", "补充价格")
    assert [row.kind for row in notices(cast, "rep")] == ["report.comment", "report.returned"]
    # Sent again after everything closed: it stays as punctual as it first was.
    assert do(cast, "rep", "submit", found, CLOSED + timedelta(days=1), extra_work="价格").done
    assert (report_of(cast, "rep").state, report_of(cast, "rep").submitted_at) == ("submitted", NOW)
    assert [row.kind for row in notices(cast, "leader_a")] == ["report.again"]


def test_nobody_judges_his_own_report(cast: Cast) -> None:
    cast.add(models.Policy, key="report.day.roles", effective_on=date(2026, 1, 1), value="rep,leader", reason="test")
    opened(cast)
    found = report_of(cast, "leader_a").id
    do(cast, "leader_a", "submit", found)
    assert [refused.rule for _, refused in do(cast, "leader_a", "mark_read", found).refused] == ["own"]


def test_a_click_reminds_once_in_sixty_minutes_and_says_when_it_did(cast: Cast) -> None:
    opened(cast)
    found, first = report_of(cast, "rep").id, NOW + timedelta(minutes=50)
    assert do(cast, "leader_a", "remind", found, first).done
    for minutes in (0, 11, 59):  # the clock's next hour begins after ten of them
        outcome = do(cast, "leader_a", "remind", found, first + timedelta(minutes=minutes))
        ((_, refused),) = outcome.refused
        assert not outcome.done and refused.rule == "reminded" and "10:50" in refused.in_("zh") and "10:50" in refused.in_("en")
    assert len(notices(cast, "rep")) == 1
    assert do(cast, "leader_a", "remind", found, first + timedelta(minutes=60)).done
    assert [row.href for row in notices(cast, "rep")] == [f"/report-desk/{found}"] * 2


def test_exempt_with_reason_also_when_missing(cast: Cast) -> None:
    opened(cast)
    settle(cast, CLOSED)
    found = report_of(cast, "rep").id
    assert do(cast, "leader_a", "exempt", found, CLOSED, reason="外出培训").done
    assert (report_of(cast, "rep").state, report_of(cast, "rep").exempt_reason) == ("exempt", "外出培训")


def test_a_calendar_that_arrives_exempts_what_was_open(cast: Cast) -> None:
    opened(cast)
    cast.add(models.WorkCalendar, day=date(2026, 5, 12), working=False, region="CN")
    assert settle(cast, NOW) == len(REPS)
    assert {row.exempt_reason for row in cast.rows(models.WorkReport)} == {reports.HOLIDAY}
    assert settle(cast, NOW) == 0


def test_a_leave_that_comes_and_goes(cast: Cast) -> None:
    opened(cast)
    leave = cast.add(
        models.Leave, kind="sick", state="approved", first_on=date(2026, 5, 12), last_on=date(2026, 5, 12), owner_id=cast.people["rep"]
    )
    settle(cast, NOW)
    assert report_of(cast, "rep").state == "exempt"
    cast.set(models.Leave, leave, state="cancelled")
    settle(cast, NOW)
    assert (report_of(cast, "rep").state, report_of(cast, "rep").exempt_reason) == ("open", "")


@pytest.mark.parametrize("state", ["draft", "pending", "rejected", "cancelled"])
def test_only_an_approved_leave_exempts(cast: Cast, state: str) -> None:
    cast.add(models.Leave, kind="sick", state=state, first_on=date(2026, 5, 12), last_on=date(2026, 5, 12), owner_id=cast.people["rep"])
    opened(cast)
    assert report_of(cast, "rep").state == "open"


def test_a_due_time_that_moves_takes_open_reports_along(cast: Cast) -> None:
    opened(cast)
    cast.add(models.Policy, key="report.day.due", effective_on=date(2026, 1, 1), value="19:00", reason="test")
    settle(cast, NOW)
    assert report_of(cast, "rep").due_at == DUE + timedelta(hours=1)


def test_opening_and_closing_leave_history(cast: Cast) -> None:
    opened(cast)
    settle(cast, CLOSED)
    table = models.AuditEvent.__table__
    found = cast.rows(models.AuditEvent, table.c.entity == "work_report", table.c.record_id == report_of(cast, "rep").id)
    assert [row.verb for row in found] == ["open", "close"]
    assert found[1].before == {"state": "open"} and found[1].after == {"state": "missing"}
