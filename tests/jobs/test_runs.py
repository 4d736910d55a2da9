"""Runs: planned once, leased with a number, tried again, taken up after a death at any statement."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextvars import Context
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import create_engine, event, select
from sqlalchemy.orm import Session

from jobs import planner, runner
from jobs.schedule import BY_KIND, SCHEDULE, Periodic, next_run
from portal import models
from portal.domain import job_desk
from portal.engine import store, work
from portal.engine.errors import Refused
from portal.engine.work import LEASE, LeaseLost, RunHandle
from portal.security.session import system
from tests.cast import NOW, Cast

MINUTE = timedelta(minutes=1)
RUNS: Any = models.JobRun.__table__


@pytest.fixture
def kind() -> Iterator[Callable[[Callable[[RunHandle], None]], str]]:
    """Registers a function as work for one test."""
    made: list[str] = []

    def register(function: Callable[[RunHandle], None]) -> str:
        name = f"test.{len(made)}"
        made.append(name)
        work.work(name)(function)
        return name

    yield register
    for name in made:
        work._handlers.pop(name)


def ask(cast: Cast, kind: str, login: str = "rep", **arguments: Any) -> int:
    with cast.act(login) as session:
        return work.ask(session, kind=kind, label="试一试 | A try", arguments=arguments, asked_by_id=cast.people[login], now=NOW)


def run_of(cast: Cast, run_id: int) -> Any:
    return cast.row(models.JobRun, run_id)


def run_all(now: datetime) -> list[str]:
    return [runner.run_now(run_id, now=lambda: now) for run_id in runner.due_runs(now)]


def of_kind(cast: Cast, kind: str) -> list[Any]:
    return cast.rows(models.JobRun, RUNS.c.kind == kind)


# asked for --------------------------------------------------------------------------------------


def test_asked_work_acts_as_the_person_and_ends_with_its_result(cast: Cast, kind: Any) -> None:
    seen: list[Any] = []

    def body(run: RunHandle) -> None:
        with run.unit_of_work() as session:
            seen.extend(session.scalars(select(models.Lead.owner_id)))
            run.progress(2, 4)
        run.progress(4)
        run.finish({"text": {"zh": "完成", "en": "Done"}, "href": "/lead/"})

    cast.lead(owner="rep")
    cast.lead(owner="other")
    run_id = ask(cast, kind(body))
    assert runner.run_now(run_id, now=lambda: NOW) == "done"
    row = run_of(cast, run_id)
    assert (row.state, row.done, row.total, row.result["href"]) == ("done", 4, 4, "/lead/")
    assert seen == [cast.people["rep"]]
    (notice,) = cast.rows(models.Notification)
    assert (notice.recipient_id, notice.title["en"], notice.href) == (cast.people["rep"], "Done", "/lead/")
    assert runner.run_now(run_id, now=lambda: NOW) == ""


def test_a_refusal_is_told_and_not_tried_again(cast: Cast, kind: Any) -> None:
    def body(_run: RunHandle) -> None:
        raise Refused("公海满了。 | The pool is full.", rule="full")

    run_id = ask(cast, kind(body))
    assert runner.run_now(run_id, now=lambda: NOW) == "failed"
    assert run_of(cast, run_id).result["text"] == {"zh": "公海满了。", "en": "The pool is full."}
    (notice,) = cast.rows(models.Notification)
    assert notice.title["en"] == "The pool is full."


def test_a_fault_is_tried_again_later_and_at_last_fails(cast: Cast, kind: Any) -> None:
    def body(_run: RunHandle) -> None:
        raise RuntimeError("boom")

    run_id = ask(cast, kind(body))
    now = NOW
    for _ in range(runner.MOST_ATTEMPTS - 1):
        at = partial(lambda instant: instant, now)
        assert runner.run_now(run_id, now=at) == "waiting"
        assert runner.run_now(run_id, now=at) == "", "not before its time"
        now = run_of(cast, run_id).due_at
    assert runner.run_now(run_id, now=lambda: now) == "failed"
    assert "boom" in run_of(cast, run_id).error
    with cast.act("system"):
        assert job_desk.retry(run_id, now=now)
    assert run_of(cast, run_id).state == "waiting"


def test_cancelled_before_and_while_it_runs(cast: Cast, kind: Any) -> None:
    seen: list[bool] = []

    def body(run: RunHandle) -> None:
        with cast.act("rep") as session:
            work.cancel(session, run.id, asked_by_id=cast.people["rep"], now=NOW)
        seen.append(run.cancelled())

    name = kind(body)
    first, second = ask(cast, name), ask(cast, name)
    with cast.act("mate") as session:
        assert not work.cancel(session, first, asked_by_id=cast.people["mate"], now=NOW)
    with cast.act("rep") as session:
        assert work.cancel(session, first, asked_by_id=cast.people["rep"], now=NOW)
    assert runner.run_now(first, now=lambda: NOW) == ""
    assert run_of(cast, first).state == "cancelled"
    runner.run_now(second, now=lambda: NOW)
    assert seen == [True]


def test_work_of_a_person_who_left_is_not_done(cast: Cast, kind: Any) -> None:
    def body(_run: RunHandle) -> None:
        raise AssertionError

    run_id = ask(cast, kind(body))
    cast.set(models.User, cast.people["rep"], active=False)
    assert runner.run_now(run_id, now=lambda: NOW) == "failed"


def test_a_worker_that_thaws_has_no_second_effect(cast: Cast, kind: Any) -> None:
    """The first worker freezes inside its unit of work, its lease runs out, the second does the run, the first wakes."""
    later = NOW + LEASE + MINUTE
    turns: list[str] = []

    def body(run: RunHandle) -> None:
        turns.append("in")
        with run.unit_of_work() as session:
            session.connection().execute(
                models.Notification.__table__.insert().values(
                    recipient_id=cast.people["rep"], event_key=f"turn:{len(turns)}", kind="x", title={}, created_at=NOW
                )
            )
            if len(turns) == 1:
                second = Context().run(runner.run_now, run.id, now=lambda: later)
                assert second == "done"

    run_id = ask(cast, kind(body))
    assert runner.run_now(run_id, now=lambda: NOW) == ""
    assert turns == ["in", "in"]
    assert [row.event_key for row in cast.rows(models.Notification)] == ["turn:2"]
    assert (run_of(cast, run_id).state, run_of(cast, run_id).lease) == ("done", 2)


def test_a_lost_lease_is_an_error_for_every_write(cast: Cast, kind: Any) -> None:
    run_id = ask(cast, kind(lambda _run: None))
    handle = RunHandle(run_id, "x", {}, cast.principal("rep"), cast.people["rep"], lease=7, clock=lambda: NOW)
    for write in (lambda: handle.progress(1), handle.finish):
        with pytest.raises(LeaseLost):
            write()


def test_a_memo_is_there_again_after_a_death(cast: Cast, kind: Any) -> None:
    seen: list[dict[str, Any]] = []

    def body(run: RunHandle) -> None:
        seen.append(dict(run.memo))
        if len(seen) == 1:
            run.memo["after"] = 500
            run.progress(500, 1000)
            raise RuntimeError("cut")

    run_id = ask(cast, kind(body))
    runner.run_now(run_id, now=lambda: NOW)
    runner.run_now(run_id, now=lambda: run_of(cast, run_id).due_at)
    assert seen == [{}, {"after": 500}]


# periodic ---------------------------------------------------------------------------------------


def test_a_new_portal_begins_with_today(cast: Cast) -> None:
    planner.plan(NOW)
    assert [row.period for row in of_kind(cast, "report.open.day")] == ["2026-05-12"]
    assert of_kind(cast, "pool.recycle") == []
    run_all(NOW)
    assert len(cast.rows(models.WorkReport)) == 3


def test_planning_twice_or_by_two_adds_nothing(cast: Cast) -> None:
    planner.plan(NOW)
    before = len(cast.rows(models.JobRun))
    assert planner.plan(NOW) == 0
    assert len(cast.rows(models.JobRun)) == before


def test_ticks_do_not_pile_up_while_no_worker_works(cast: Cast) -> None:
    planner.plan(NOW)
    for minutes in range(1, 6):
        planner.plan(NOW + minutes * MINUTE)
    assert len(of_kind(cast, "remind")) == 1


def test_every_missed_period_is_opened_once_after_a_silence(cast: Cast) -> None:
    for minutes in range(2):
        planner.plan(NOW + minutes * MINUTE)
        run_all(NOW + minutes * MINUTE)
    back = NOW + timedelta(days=3)
    for _ in range(3):
        planner.plan(back)
        run_all(back)
        back += MINUTE
    assert [row.period for row in of_kind(cast, "report.open.day")] == ["2026-05-12", "2026-05-13", "2026-05-14", "2026-05-15"]
    assert [row.period for row in of_kind(cast, "report.open.week")] == ["2026-W20"]
    keys = sorted(row.period_key for row in cast.rows(models.WorkReport, models.WorkReport.__table__.c.owner_id == cast.people["rep"]))
    assert keys == ["2026-05-12", "2026-05-13", "2026-05-14", "2026-05-15", "2026-W20"]
    told = cast.rows(models.Notification, models.Notification.__table__.c.recipient_id == cast.people["rep"])
    assert [row.kind for row in told] == ["digest"]


def test_a_make_up_day_that_arrives_late_is_still_opened(cast: Cast) -> None:
    saturday = datetime(2026, 5, 16, 2, 0, tzinfo=UTC)
    planner.plan(NOW)
    planner.plan(saturday)
    cast.add(models.WorkCalendar, day=saturday.date(), working=True, region="CN")
    planner.plan(saturday + MINUTE)
    assert "2026-05-16" in [row.period for row in of_kind(cast, "report.open.day")]


@pytest.mark.parametrize("periodic", SCHEDULE, ids=lambda each: each.kind)
def test_the_next_run_that_is_told_is_the_one_that_is_planned(cast: Cast, periodic: Periodic) -> None:
    """Nothing is planned a second before it, and it is planned when its time has come; what is switched off has none."""
    with system("test", NOW):
        following = next_run(periodic, NOW)
    assert following is not None and following > NOW
    planner.plan(NOW)
    run_all(NOW)
    before = len(of_kind(cast, periodic.kind))
    planner.plan(following - timedelta(seconds=1))
    assert periodic.catch_up == "each" or len(of_kind(cast, periodic.kind)) == before
    planner.plan(following)
    assert [row.due_at for row in of_kind(cast, periodic.kind)][-1] == following


def test_what_is_switched_off_has_no_next_run(cast: Cast) -> None:
    cast.add(models.Policy, key="report.day.on", value="off", reason="x", effective_on=NOW.date())
    with system("test", NOW):
        assert next_run(BY_KIND["report.open.day"], NOW) is None


def test_the_desk_shows_schedule_heartbeat_and_what_is_late(cast: Cast) -> None:
    planner.reconcile(NOW)
    planner.reconcile(NOW)
    planner.plan(NOW)
    run_all(NOW)
    with system("test", NOW):
        seen = job_desk.overview(now=NOW + timedelta(minutes=2))
        assert not seen.silent
        assert job_desk.overview(now=NOW + timedelta(minutes=2, seconds=1)).silent
    assert [row.kind for row in seen.schedule][:2] == ["report.open.day", "report.open.week"]
    assert seen.schedule[0].state == "done"
    assert seen.queues == {}


# killed -----------------------------------------------------------------------------------------


def _die_at(url: Any, statement: int, now: datetime) -> int:
    """Plan and run everything in a process of its own that kills itself before its n-th statement or commit."""
    child = os.fork()
    if child == 0:
        try:
            engine = create_engine(url)
            count = 0

            def tick(*_: Any) -> None:
                nonlocal count
                count += 1
                if count == statement:
                    os.kill(os.getpid(), signal.SIGKILL)

            event.listen(engine, "before_cursor_execute", tick)
            event.listen(engine, "commit", tick)
            store.use_factory(lambda: Session(engine, autoflush=False))
            planner.plan(now)
            run_all(now)
        finally:
            os._exit(0)
    return os.waitpid(child, 0)[1]


def test_killed_before_any_statement_nothing_is_lost_or_doubled(cast: Cast) -> None:
    """At every statement in turn: kill, then another worker takes over. Each lead is told once at each of its times."""
    with cast.session_factory() as session:
        url = session.get_bind().url
    runner.load_bodies()
    now = NOW
    for _ in range(2):
        planner.plan(now)
        run_all(now)
        now += MINUTE
    statement, killed = 1, True
    while killed:
        now += 5 * MINUTE
        lead = cast.lead(owner="rep", next_at=now)
        killed = os.WIFSIGNALED(_die_at(url, statement, now))
        now += LEASE + MINUTE
        for _ in range(2):
            planner.plan(now)
            run_all(now)
            now += MINUTE
        told = cast.rows(models.Notification, models.Notification.__table__.c.record_id == lead)
        assert [row.event_key.split(":")[0] for row in told] == ["follow_up.due"], f"killed before statement {statement}"
        statement += 1
    assert statement > 20
    assert [row.period_key for row in cast.rows(models.WorkReport)] == ["2026-05-12"] * 3
    assert not cast.rows(models.JobRun, RUNS.c.state == "failed")


def test_old_runs_are_tidied_away_but_imports_stay_for_the_records_they_made(cast: Cast) -> None:
    long_ago = NOW - timedelta(days=400)
    with cast.act("system") as session:
        for kind in ("import", "recycle"):
            work.ask(session, kind=kind, label="旧 | Old", arguments={}, asked_by_id=None, now=long_ago)
        session.connection().execute(RUNS.update().values(state="done", ended_at=long_ago))
        tidying = work.ask(session, kind="tidy", label="清理 | Tidy", arguments={}, asked_by_id=None, now=NOW)
    assert runner.run_now(tidying, now=lambda: NOW) == "done"
    assert {row.kind for row in cast.rows(models.JobRun)} == {"import", "tidy"}
