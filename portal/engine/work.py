"""Work that outlives a request: a `job_run` row that says what to do, and the function that does it.

A worker holds a lease with a number. Everything it writes about the run names that number, in the transaction
of the effect itself, so a worker that thaws after its lease ran out has no second effect.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from portal.engine import store
from portal.engine.errors import WrongDeclaration
from portal.engine.outbox import both, notify
from portal.engine.tables import JobRun
from portal.engine.text import SEPARATOR, Text

OPEN_STATES = ("waiting", "running")
LEASE = timedelta(minutes=2)

_runs: Any = JobRun.__table__


class LeaseLost(Exception):
    """Another worker has the run now: this one must stop without an effect."""


@dataclass(slots=True)
class RunHandle:
    """A run as its function sees it. `clock` is asked anew at every use; `principal` acts in its units of work.

    `memo` is kept with every unit of work and is there again when the run is taken up after a crash.
    """

    id: int
    kind: str
    arguments: Mapping[str, Any]
    principal: Any
    asked_by_id: int | None
    lease: int
    clock: Callable[[], datetime]
    period: str = ""
    due_at: datetime | None = None
    attempts: int = 1
    memo: dict[str, Any] = field(default_factory=dict)
    done: int = 0
    total: int = 0
    finished: bool = False
    _session: Session | None = None

    @property
    def now(self) -> datetime:
        return self.clock()

    @contextmanager
    def unit_of_work(self) -> Iterator[Session]:
        """One transaction as the asking person, committed only while the lease is still ours."""
        now = self.now
        with store.fresh(self.principal, now), store.unit_of_work(self.principal, now) as session:
            self._session = session
            try:
                yield session
                session.flush()
                self._keep(session)
            finally:
                self._session = None

    def progress(self, done: int, total: int | None = None) -> None:
        """Say how far it is: with the open unit of work when there is one, else at once."""
        self.done, self.total = done, self.total if total is None else total
        if self._session is None:
            with self._own() as session:
                self._keep(session)

    def cancelled(self) -> bool:
        """Whether the person asked to stop; ask between two units of work."""
        with self._own() as session:
            return bool(session.connection().scalar(select(_runs.c.cancelled).where(_runs.c.id == self.id)))

    def finish(self, result: Mapping[str, Any] | None = None) -> None:
        """The run is done, with what the person is to see: text {zh, en}, href, refused_href, undo {verb, batch_id}.

        Who asked finds the text in his bell as well, should he have left the page.
        """
        if self._session is not None:
            self._end(self._session, result or {})
            return
        with self._own() as session:
            self._end(session, result or {})

    @contextmanager
    def _own(self) -> Iterator[Session]:
        now = self.now
        with store.fresh(self.principal, now), store.unit_of_work(self.principal, now) as session:
            yield session

    def _keep(self, session: Session) -> None:
        if self.finished:
            return
        self._write(session, done=self.done, total=self.total, leased_until=self.now + LEASE, result={"memo": self.memo})

    def _end(self, session: Session, result: Mapping[str, Any]) -> None:
        self._write(
            session,
            state="done",
            ended_at=self.now,
            leased_until=None,
            done=self.done,
            total=max(self.total, self.done),
            result=dict(result),
            error="",
        )
        self.finished = True
        said = result.get("text")
        if self.asked_by_id is not None and said:
            notify(
                session,
                recipient_ids=self.asked_by_id,
                event_key=f"run:{self.id}",
                kind="run",
                now=self.now,
                mail=False,
                title=Text(f"{said['zh']}{SEPARATOR}{said['en']}"),
                href=str(result.get("href", "")),
            )

    def _write(self, session: Session, **values: Any) -> None:
        ours = update(_runs).where(_runs.c.id == self.id, _runs.c.lease == self.lease, _runs.c.state == "running")
        if not session.connection().execute(ours.values(**values)).rowcount:
            raise LeaseLost(f"run {self.id} is no longer ours (lease {self.lease})")


Handler = Callable[[RunHandle], None]
_handlers: dict[str, Handler] = {}


def work(kind: str) -> Callable[[Handler], Handler]:
    """Register the function that does the runs of this kind."""

    def register(function: Handler) -> Handler:
        if kind in _handlers and _handlers[kind] is not function:
            raise WrongDeclaration(f"work {kind!r} is declared twice")
        _handlers[kind] = function
        return function

    return register


def handler_of(kind: str) -> Handler | None:
    return _handlers.get(kind)


def ask(
    session: Session,
    *,
    kind: str,
    label: Text | str,
    arguments: Mapping[str, Any],
    queue: str = "bulk",
    total: int = 0,
    asked_by_id: int | None,
    now: datetime,
) -> int:
    """Write down work that a person asked for; the door calls `jobs.enqueue(id)` after its commit."""
    statement = insert(_runs).values(
        kind=kind,
        period=uuid4().hex,
        queue=queue,
        due_at=now,
        asked_by_id=asked_by_id,
        label=both(label),
        arguments=dict(arguments),
        total=total,
    )
    return int(session.connection().scalar(statement.returning(_runs.c.id)) or 0)


def note(
    session: Session,
    *,
    kind: str,
    label: Text | str,
    arguments: Mapping[str, Any],
    result: Mapping[str, Any],
    done: int,
    total: int,
    asked_by_id: int | None,
    now: datetime,
) -> int:
    """Write down work that was done at once and leaves something to read. No notice: who asked is looking at the answer."""
    values = {"state": "done", "due_at": now, "started_at": now, "ended_at": now, "attempts": 1, "done": done, "total": total}
    statement = insert(_runs).values(
        kind=kind,
        period=uuid4().hex,
        queue="bulk",
        asked_by_id=asked_by_id,
        label=both(label),
        arguments=dict(arguments),
        result=dict(result),
        **values,
    )
    return int(session.connection().scalar(statement.returning(_runs.c.id)) or 0)


def cancel(session: Session, run_id: int, *, asked_by_id: int, now: datetime) -> bool:
    """Stop one's own work: at once when nobody began it, else at its next look. False when there is none to stop."""
    mine = (_runs.c.id == run_id, _runs.c.asked_by_id == asked_by_id)
    waiting = update(_runs).where(*mine, _runs.c.state == "waiting").values(cancelled=True, state="cancelled", ended_at=now)
    running = update(_runs).where(*mine, _runs.c.state == "running").values(cancelled=True)
    connection = session.connection()
    return bool(connection.execute(waiting).rowcount or connection.execute(running).rowcount)


def runs_of(session: Session, asked_by_id: int, *, since: datetime | None = None, limit: int = 20) -> list[Any]:
    """A person's own work, newest first: what is open, and what ended since."""
    wanted = select(_runs).where(_runs.c.asked_by_id == asked_by_id)
    if since is not None:
        wanted = wanted.where(_runs.c.state.in_(OPEN_STATES) | (_runs.c.ended_at >= since))
    return list(session.connection().execute(wanted.order_by(_runs.c.id.desc()).limit(limit)))


def run_of(session: Session, run_id: int, asked_by_id: int) -> Any | None:
    """One's own run by id; None for another's."""
    wanted = select(_runs).where(_runs.c.id == run_id, _runs.c.asked_by_id == asked_by_id)
    return session.connection().execute(wanted).one_or_none()
