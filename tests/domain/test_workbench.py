"""What each home shows: the right people's work, at its boundaries, in few statements."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from portal import models
from portal.domain import company_bench, reports, workbench, worklists
from portal.domain.periods import PeriodKind, period_of
from portal.engine.outbox import notify
from tests.cast import NOW, Cast

SECOND = timedelta(seconds=1)
MIDNIGHT = datetime(2026, 5, 12, 16, 0, tzinfo=UTC)
"""24:00 in Shanghai."""


def look(cast: Cast, login: str, question: Callable[..., Any], now: datetime = NOW) -> Any:
    with cast.act(login, now) as session:
        return question(session.info["principal"], now=now)


def open_day(cast: Cast, now: datetime = NOW) -> None:
    with cast.act("system", now):
        reports.open_reports(period_of(PeriodKind.DAY, date(2026, 5, 12)), now=now)


def report(cast: Cast, login: str) -> Any:
    return cast.rows(models.WorkReport, models.WorkReport.__table__.c.owner_id == cast.people[login])[0]


def test_a_reps_day(cast: Cast) -> None:
    open_day(cast)
    mine = cast.lead(owner="rep", next_at=MIDNIGHT - SECOND, first_response_due_at=NOW + timedelta(hours=2))
    cast.lead(owner="rep", next_at=MIDNIGHT)
    cast.lead(owner="mate", next_at=NOW, first_response_due_at=NOW)
    old = cast.lead(owner="rep", owned_at=NOW - timedelta(days=25), money=True, authority=True, need=True)
    with cast.act("system") as session:
        notify(session, recipient_ids=cast.people["rep"], event_key="a", kind="x", title="一 | One", now=NOW)
        notify(session, recipient_ids=cast.people["mate"], event_key="a", kind="x", title="一 | One", now=NOW)
    cast.add(
        models.FollowUp,
        lead_id=mine,
        kind="call",
        contacted_at=NOW,
        content="谈了",
        need="",
        next_step="",
        created_by_id=cast.people["rep"],
    )
    day = look(cast, "rep", workbench.today)
    assert [row.id for row in day.follow_ups] == [mine]
    assert [row.id for row in day.first_responses] == [mine]
    assert [due.record_id for due in day.recycling] == [old]
    assert [row.title for row in day.reports] == ["日报 2026-05-12 | Daily report 2026-05-12"]
    assert day.draft is not None and len(day.draft.done) == 1
    assert {figure.key: figure.value for figure in day.month}["follow_ups"] == 1
    assert [row.title["en"] for row in day.news] == ["One"]


def test_a_report_is_to_send_until_its_closing_time_and_again_when_returned(cast: Cast) -> None:
    open_day(cast)
    assert len(look(cast, "rep", worklists.reports_to_send, MIDNIGHT - SECOND)) == 1
    assert len(look(cast, "rep", worklists.reports_to_send, MIDNIGHT)) == 0
    cast.set(models.WorkReport, report(cast, "rep").id, state="returned")
    assert len(look(cast, "rep", worklists.reports_to_send, MIDNIGHT)) == 1


def test_a_leaders_day_counts_his_people_only(cast: Cast) -> None:
    evening = datetime(2026, 5, 12, 12, 0, tzinfo=UTC)
    open_day(cast)
    cast.set(models.WorkReport, report(cast, "rep").id, state="late", problems="样品没过", submitted_at=evening)
    cast.lead(owner="rep", first_response_due_at=NOW - SECOND, next_at=NOW - SECOND)
    cast.lead(owner="other", first_response_due_at=NOW - SECOND)
    cast.lead(pooled_at=evening - timedelta(days=3))
    cast.lead(pooled_at=evening - timedelta(days=3) + SECOND)
    cast.leads(2, owner="mate")
    cast.set(models.User, cast.people["mate"], active=False)
    day = look(cast, "leader_a", workbench.team_day, evening)
    assert [(row.name, row.state, row.summary["zh"]) for row in day.board.rows] == [
        ("同组乙", "open", ""),
        ("业务员甲", "late", "样品没过"),
    ]
    assert day.board.counts == {"owed": 2, "in": 0, "late": 1, "missing": 0, "open": 1, "exempt": 0, "unread": 1}
    assert (day.pool.size, day.pool.unclaimed) == (2, 1)
    members = {member.name: member for member in day.members}
    assert set(members) == {"组长甲", "业务员甲"}
    assert (members["业务员甲"].held, members["业务员甲"].overdue, members["业务员甲"].breached, members["业务员甲"].cap) == (1, 1, 1, 200)
    assert [row.owner for row in day.breaches] == ["业务员甲"]
    assert [(each.name, each.total) for each in day.hand_over] == [("同组乙", 2)]


@pytest.mark.parametrize(
    ("at", "key"), [("2026-05-12T17:59:59", "2026-05-11"), ("2026-05-12T18:00:00", "2026-05-12"), ("2026-05-11T09:00:00", "2026-05-09")]
)
def test_the_board_shows_the_newest_due_report(cast: Cast, at: str, key: str) -> None:
    """9 May 2026 is a make-up Saturday."""
    now = datetime.fromisoformat(f"{at}+08:00").astimezone(UTC)
    with cast.act("leader_a", now):
        assert workbench.board_period(PeriodKind.DAY, now=now).key == key


def test_a_directors_day(cast: Cast) -> None:
    cast.leads(3, owner="rep", state="following")
    cast.leads(2, owner="other")
    cast.lead()
    day = look(cast, "director", company_bench.company_day)
    assert [(row.name, row.held) for row in day.teams] == [("A 组", 3), ("B 组", 2)]
    assert (day.states["following"], day.states["assigned"], day.states["pool"], day.states["new"]) == (3, 2, 1, 0)
    assert [(row.total, row.following) for row in day.channels] == [(6, 3)]


@pytest.mark.parametrize(
    ("login", "question", "most"),
    [("rep", workbench.today, 31), ("leader_a", workbench.team_day, 14), ("director", company_bench.company_day, 14)],
)
def test_few_statements_whatever_the_amount(cast: Cast, login: str, question: Callable[..., Any], most: int) -> None:
    open_day(cast)
    cast.leads(30, owner="rep", next_at=NOW, first_response_due_at=NOW)
    count = 0

    def tick(*_: Any) -> None:
        nonlocal count
        count += 1

    with cast.act(login) as session:
        event.listen(session.get_bind(), "before_cursor_execute", tick)
        question(session.info["principal"], now=NOW)
    assert count <= most, count


def test_nobody_without_a_role_sees_anything(cast: Cast) -> None:
    open_day(cast)
    cast.leads(3, owner="rep", next_at=NOW)
    cast.lead()
    day = look(cast, "nobody", workbench.team_day)
    assert (day.board.rows, day.pool.size, day.members, day.breaches.total, day.hand_over) == ((), 0, (), 0, [])
