"""Redis only says it sooner: without it nothing fails and nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from redis import Redis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

import jobs
from jobs import planner, runner
from portal import models
from portal.engine import work
from portal.engine.clock import clock
from tests.cast import NOW, Cast

RUNS: Any = models.JobRun.__table__


@pytest.fixture
def broker(cast: Cast, valkey: str, tmp_path: Path) -> Iterator[str]:
    """An empty broker, a clock that stands, and an application without doors."""
    clock.set(NOW)
    kept = dict(runner._apps)
    runner.use_app(Flask("jobs"))
    jobs.use_broker(valkey)
    yield valkey
    clock.release()
    jobs.use_broker("")
    runner._apps.clear()
    runner._apps.update(kept)


def ask(cast: Cast) -> int:
    with cast.act("system") as session:
        return work.ask(session, kind="report.settle", label="试 | Try", arguments={}, queue="fast", asked_by_id=None, now=NOW)


def work_off(url: str) -> None:
    connection = jobs.connect(url, within=None)
    queues = [Queue(name, connection=connection, serializer=JSONSerializer) for name in jobs.QUEUES]
    SimpleWorker(queues, connection=connection, serializer=JSONSerializer).work(burst=True, logging_level="ERROR")


def state(cast: Cast, run_id: int) -> str:
    return str(cast.row(models.JobRun, run_id).state)


def test_a_pushed_run_is_done_by_a_worker(cast: Cast, broker: str) -> None:
    run_id = ask(cast)
    assert jobs.enqueue(run_id, "fast")
    work_off(broker)
    assert state(cast, run_id) == "done"


def test_the_same_run_waits_in_the_queue_once(cast: Cast, broker: str) -> None:
    run_id = ask(cast)
    for _ in range(5):
        planner.sweep(NOW)
        assert jobs.enqueue(run_id, "fast")
    connection = jobs.connect(broker)
    assert Queue("fast", connection=connection, serializer=JSONSerializer).count == 1


def test_losing_everything_in_redis_only_delays(cast: Cast, broker: str) -> None:
    run_id = ask(cast)
    jobs.enqueue(run_id, "fast")
    with Redis.from_url(broker) as connection:
        connection.flushall()
    work_off(broker)
    assert state(cast, run_id) == "waiting"
    planner.sweep(NOW + timedelta(seconds=30))
    work_off(broker)
    assert state(cast, run_id) == "done"


def test_without_redis_the_request_goes_on_and_the_sweeper_brings_it_later(cast: Cast, broker: str) -> None:
    jobs.use_broker("unix:///nowhere/valkey.sock")
    run_id = ask(cast)
    assert not jobs.enqueue(run_id, "fast")
    assert planner.sweep(NOW) >= 1
    jobs.use_broker(broker)
    planner.sweep(NOW)
    work_off(broker)
    assert state(cast, run_id) == "done"


def test_the_sweeper_takes_back_a_lease_that_ran_out(cast: Cast, broker: str) -> None:
    run_id = ask(cast)
    cast.set(models.JobRun, run_id, state="running", lease=1, leased_until=NOW + timedelta(minutes=2))
    assert planner.sweep(NOW) == 0
    later = NOW + timedelta(minutes=3)
    clock.set(later)
    assert planner.sweep(later) == 1
    work_off(broker)
    assert (state(cast, run_id), cast.row(models.JobRun, run_id).lease) == ("done", 2)
