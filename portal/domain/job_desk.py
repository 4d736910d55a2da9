"""What an admin sees of the work that happens by itself, and the one thing he does about it: try again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import distinct_on

from portal import models
from portal.engine import store
from portal.engine.work import OPEN_STATES

SILENT_AFTER = timedelta(minutes=2)
"""Without a heartbeat for this long the home page warns (jobs.md)."""

_runs: Any = models.JobRun.__table__
_outbox: Any = models.Outbox.__table__


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """A periodic job, when it runs and how its last run went."""

    kind: str
    label: dict[str, str]
    when: dict[str, str]
    last_at: datetime | None
    state: str


@dataclass(frozen=True, slots=True)
class Overview:
    """The health of the jobs at one instant."""

    schedule: tuple[ScheduleRow, ...]
    queues: dict[str, int]
    """Runs that are due and not done, by queue."""
    oldest_due_at: datetime | None
    failures: tuple[Any, ...]
    mails_waiting: int
    heartbeat_at: datetime | None
    silent: bool


def heartbeat(*, now: datetime) -> tuple[datetime | None, bool]:
    """When the scheduler last lived, and whether that is too long ago."""
    wanted = select(_runs.c.ended_at).where(_runs.c.kind == "scheduler", _runs.c.period == "heartbeat")
    found = store.session().connection().scalar(wanted)
    return found, found is None or now - found > SILENT_AFTER


def overview(*, now: datetime) -> Overview:
    """Schedule, queues, failures, oldest due work, heartbeat, in five statements."""
    connection = store.session().connection()
    due = (_runs.c.state.in_(OPEN_STATES), _runs.c.due_at <= now)
    waiting = connection.execute(select(_runs.c.queue, func.count(), func.min(_runs.c.due_at)).where(*due).group_by(_runs.c.queue)).all()
    failures = connection.execute(select(_runs).where(_runs.c.state == "failed").order_by(_runs.c.id.desc()).limit(50)).all()
    mails = connection.scalar(select(func.count()).select_from(_outbox).where(_outbox.c.sent_at.is_(None), _outbox.c.dropped_at.is_(None)))
    beat, silent = heartbeat(now=now)
    return Overview(
        _schedule(),
        {queue: count for queue, count, _ in waiting},
        min((row[2] for row in waiting), default=None),
        tuple(failures),
        mails or 0,
        beat,
        silent,
    )


def _schedule() -> tuple[ScheduleRow, ...]:
    newest = (
        select(_runs.c.kind, _runs.c.state, func.coalesce(_runs.c.ended_at, _runs.c.started_at, _runs.c.due_at).label("at"))
        .where(_runs.c.asked_by_id.is_(None))
        .ext(distinct_on(_runs.c.kind))
        .order_by(_runs.c.kind, _runs.c.due_at.desc())
    ).subquery()
    rows = (
        store.session()
        .connection()
        .execute(
            select(_runs.c.period, _runs.c.label, _runs.c.arguments, newest.c.at, newest.c.state)
            .outerjoin(newest, newest.c.kind == _runs.c.period)
            .where(_runs.c.kind == "schedule")
        )
    )
    ordered = sorted(rows, key=lambda row: row.arguments.get("order", 0))
    return tuple(ScheduleRow(row.period, row.label, row.arguments["when"], row.at, row.state or "") for row in ordered)


def retry(run_id: int, *, now: datetime) -> bool:
    """Let a failed run begin anew; False when it has not failed. Its effects have natural keys, so none is doubled."""
    again = (
        update(_runs)
        .where(_runs.c.id == run_id, _runs.c.state == "failed")
        .values(state="waiting", due_at=now, attempts=0, error="", ended_at=None, cancelled=False)
    )
    return bool(store.session().connection().execute(again).rowcount)
