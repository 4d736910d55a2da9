"""What an admin sees of the work that happens by itself, and the one thing he does about it: try again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import distinct_on

from portal import models
from portal.engine import audit, store
from portal.engine.kinds import Choices
from portal.engine.work import OPEN_STATES

SILENT_AFTER = timedelta(minutes=2)
"""Without a heartbeat for this long the home page warns (jobs.md)."""
LATE_AFTER = timedelta(minutes=5)
"""Work that nobody has taken for this long after it was due wants a look."""
MAIL_LATE_AFTER = timedelta(minutes=15)
_MOST = 50

_runs: Any = models.JobRun.__table__
_outbox: Any = models.Outbox.__table__
_people: Any = models.User.__table__


class RunState(Choices):
    WAITING = "waiting", "排队 | Waiting", "new"
    RUNNING = "running", "进行中 | Running", "go"
    DONE = "done", "完成 | Done", "ok"
    FAILED = "failed", "失败 | Failed", "bad"
    CANCELLED = "cancelled", "已取消 | Cancelled"


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """A periodic job, when it runs and how its last run went."""

    kind: str
    label: dict[str, str]
    when: dict[str, str]
    last_at: datetime | None
    state: str


@dataclass(frozen=True, slots=True)
class Health:
    """The jobs in a few numbers. `late`: runs due for a while that nobody has taken; `mail_since`: the oldest mail not sent."""

    failures: int
    late: int
    oldest_due_at: datetime | None
    mails_waiting: int
    mail_since: datetime | None
    heartbeat_at: datetime | None
    silent: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """The jobs at one instant. Run rows are those of the table, with `who` asked for them."""

    health: Health
    schedule: tuple[ScheduleRow, ...]
    queues: dict[str, int]
    """Runs that are due and that nobody does, by queue."""
    oldest: Any | None
    """The run that has been due the longest."""
    failures: Sequence[Any]
    asked: Sequence[Any]
    """Long work that people asked for and that is not done."""

    @property
    def silent(self) -> bool:
        return self.health.silent


def heartbeat(*, now: datetime) -> tuple[datetime | None, bool]:
    """When the scheduler last lived, and whether that is too long ago."""
    found = store.session().connection().scalar(_beat())
    return found, _is_silent(found, now)


def _undone(now: datetime) -> tuple[Any, ...]:
    """Due, and nobody does it: not taken yet, or its worker's lease ran out."""
    dropped = and_(_runs.c.state == "running", _runs.c.leased_until < now)
    return or_(_runs.c.state == "waiting", dropped), _runs.c.due_at <= now


def _beat() -> Any:
    return select(_runs.c.ended_at).where(_runs.c.kind == "scheduler", _runs.c.period == "heartbeat")


def _is_silent(beat: datetime | None, now: datetime) -> bool:
    return beat is None or now - beat > SILENT_AFTER


def health(*, now: datetime) -> Health:
    """What a home says of the jobs, in one statement."""
    unsent = (_outbox.c.sent_at.is_(None), _outbox.c.dropped_at.is_(None))
    parts = {
        "failures": select(func.count()).select_from(_runs).where(_runs.c.state == "failed"),
        "late": select(func.count()).select_from(_runs).where(*_undone(now), _runs.c.due_at <= now - LATE_AFTER),
        "oldest": select(func.min(_runs.c.due_at)).where(*_undone(now)),
        "mails": select(func.count()).select_from(_outbox).where(*unsent),
        "mail_since": select(func.min(_outbox.c.due_at)).where(*unsent),
        "beat": _beat(),
    }
    row = store.session().connection().execute(select(*(part.scalar_subquery().label(key) for key, part in parts.items()))).one()
    return Health(row.failures, row.late, row.oldest, row.mails, row.mail_since, row.beat, _is_silent(row.beat, now))


def overview(*, now: datetime) -> Overview:
    """Everything the jobs page shows, in six statements."""
    connection = store.session().connection()
    waiting = connection.execute(select(_runs.c.queue, func.count()).where(*_undone(now)).group_by(_runs.c.queue)).all()
    return Overview(
        health(now=now),
        _schedule(),
        dict(waiting),
        connection.execute(_with_who().where(*_undone(now)).order_by(_runs.c.due_at, _runs.c.id).limit(1)).one_or_none(),
        connection.execute(_with_who().where(_runs.c.state == "failed").order_by(_runs.c.id.desc()).limit(_MOST)).all(),
        connection.execute(
            _with_who().where(_runs.c.state.in_(OPEN_STATES), _runs.c.asked_by_id.is_not(None)).order_by(_runs.c.id).limit(_MOST)
        ).all(),
    )


def _with_who() -> Any:
    return select(_runs, _people.c.name.label("who")).outerjoin(_people, _people.c.id == _runs.c.asked_by_id)


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


def retry(run_id: int, *, now: datetime) -> Any | None:
    """Let a failed run begin anew, and its row; None when it has not failed. Its effects have natural keys, so none is doubled."""
    again = (
        update(_runs)
        .where(_runs.c.id == run_id, _runs.c.state == "failed")
        .values(state="waiting", due_at=now, attempts=0, error="", ended_at=None, cancelled=False)
        .returning(_runs)
    )
    session = store.session()
    found = session.connection().execute(again).one_or_none()
    if found is not None:
        audit.write(session, verb="retry", entity="job", record_id=run_id)
    return found
