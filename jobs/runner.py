"""Does one run: takes its lease, acts as the system or as the person who asked, records how it ended."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

from flask import Flask
from sqlalchemy import and_, case, or_, select, update

from portal import models
from portal.engine import store
from portal.engine.clock import clock
from portal.engine.errors import PortalError
from portal.engine.outbox import notify
from portal.engine.text import Text
from portal.engine.work import LEASE, OPEN_STATES, Handler, LeaseLost, RunHandle, handler_of
from portal.security.principal import NOBODY, Principal, system_principal
from portal.security.resolve import access_version, resolve
from portal.security.session import system

log = logging.getLogger("portal.jobs")

MOST_ATTEMPTS = 5
SOFT_LIMIT = {"fast": timedelta(minutes=4), "mail": timedelta(minutes=4), "bulk": timedelta(hours=3)}
"""A run that takes longer loses its lease: nothing it still does has an effect."""
_BODIES = ("class_review", "collect", "custom_fields", "deals", "imports", "pool", "reminders", "reports", "tidy", "verbs")
_BACKOFF = timedelta(seconds=20)

_runs: Any = models.JobRun.__table__
_apps: dict[str, Flask] = {}


def use_app(app: Flask) -> None:
    """The application whose database the runs of this process belong to."""
    _apps["app"] = app


def the_app() -> Flask:
    """The process's application, made from the environment when nobody gave one."""
    if "app" not in _apps:
        from config import Config  # noqa: PLC0415 - only a worker that was started bare reads the environment
        from portal.factory import create_app  # noqa: PLC0415

        _apps["app"] = create_app(Config.from_env(os.environ))
    return _apps["app"]


def load_bodies() -> None:
    """Import every job body, so that its kinds are known."""
    for name in _BODIES:
        import_module(f"jobs.{name}")


def run(run_id: int) -> None:
    """What RQ calls, with an id only."""
    with the_app().app_context():
        run_now(run_id)


def run_now(run_id: int, *, now: Callable[[], datetime] = clock.now) -> str:
    """Do a run if it is due and free; returns its state afterwards ("" when somebody else holds it)."""
    load_bodies()
    leased = _take(run_id, now())
    if leased is None:
        return ""
    handle = RunHandle(
        id=run_id,
        kind=leased.kind,
        arguments=leased.arguments,
        principal=NOBODY,
        asked_by_id=leased.asked_by_id,
        lease=leased.lease,
        clock=now,
        period=leased.period,
        due_at=leased.due_at,
        attempts=leased.attempts,
        memo=dict(leased.result.get("memo", {})),
        done=leased.done,
        total=leased.total,
    )
    with _lease_kept(handle, SOFT_LIMIT[leased.queue]):
        return _attempt(handle, now)


def _attempt(handle: RunHandle, now: Callable[[], datetime]) -> str:
    try:
        handle.principal = _principal(handle, now())
        _function(handle.kind)(handle)
        if not handle.finished:
            handle.finish({})
    except LeaseLost as error:
        log.warning("%s", error)
        return ""
    except PortalError as error:
        return _failed(handle, error.text, repr(error), now())
    except Exception as error:  # whatever a job raises is recorded, and tried again
        log.exception("run %s (%s) failed", handle.id, handle.kind)
        if handle.attempts < MOST_ATTEMPTS:
            return _again(handle, repr(error), now())
        return _failed(
            handle,
            Text("任务没有完成，管理员可以看到原因。 | The job was not completed; an administrator can see why."),
            repr(error),
            now(),
        )
    if handle.done or handle.asked_by_id is not None:
        log.info("%s %s: %s done", handle.kind, handle.period if handle.asked_by_id is None else handle.id, handle.done)
    return "done"


def _function(kind: str) -> Handler:
    found = handler_of(kind)
    if found is None:
        raise PortalError("没有任务 {kind}。 | There is no job {kind}.", kind=kind)
    return found


def _take(run_id: int, now: datetime) -> Any | None:
    """Lease the run: the number that this raises fences off whoever held it before."""
    free = or_(_runs.c.state == "waiting", and_(_runs.c.state == "running", _runs.c.leased_until < now))
    with _own(now) as connection:
        connection.execute(
            update(_runs)
            .where(_runs.c.id == run_id, free, or_(_runs.c.attempts >= MOST_ATTEMPTS, _runs.c.cancelled))
            .values(
                state=_ended_as(), ended_at=now, leased_until=None, lease=_runs.c.lease + 1, error="cancelled, or its worker died too often"
            )
        )
        return connection.execute(
            update(_runs)
            .where(_runs.c.id == run_id, free, _runs.c.due_at <= now)
            .values(state="running", lease=_runs.c.lease + 1, leased_until=now + LEASE, attempts=_runs.c.attempts + 1, started_at=now)
            .returning(_runs)
        ).one_or_none()


def _ended_as() -> Any:
    return case((_runs.c.cancelled, "cancelled"), else_="failed")


def _principal(handle: RunHandle, now: datetime) -> Principal:
    """The person who asked, with the rights of this moment; the system for periodic work."""
    if handle.asked_by_id is None:
        return system_principal(handle.kind)
    with system("job", now) as session:
        found = resolve(session, handle.asked_by_id, access_version(session), now)
    if not found.user_id:
        raise PortalError("提出任务的人已停用。 | Who asked for this job is no longer active.")
    return found


def _again(handle: RunHandle, error: str, now: datetime) -> str:
    due = now + _BACKOFF * 2 ** (handle.attempts - 1)
    return _record(handle, now, state="waiting", due_at=due, leased_until=None, error=error[:2000])


def _failed(handle: RunHandle, text: Text, error: str, now: datetime) -> str:
    return _record(
        handle, now, state="failed", ended_at=now, leased_until=None, error=error[:2000], result={"text": text.stored()}, told=text
    )


def _record(handle: RunHandle, now: datetime, *, told: Text | None = None, **values: Any) -> str:
    ours = update(_runs).where(_runs.c.id == handle.id, _runs.c.lease == handle.lease, _runs.c.state == "running")
    with system("job", now) as session, store.unit_of_work(session.info["principal"], now):
        if not session.connection().execute(ours.values(**values)).rowcount:
            return ""
        if told is not None and handle.asked_by_id is not None:
            notify(
                session,
                recipient_ids=handle.asked_by_id,
                event_key=f"run:{handle.id}",
                kind="run",
                title=told,
                entity="",
                record_id=None,
                href="",
                now=now,
                mail=False,
            )
    return str(values["state"])


@contextmanager
def _own(now: datetime) -> Iterator[Any]:
    with system("job", now) as session, store.unit_of_work(session.info["principal"], now):
        yield session.connection()


@contextmanager
def _lease_kept(handle: RunHandle, soft_limit: timedelta) -> Iterator[None]:
    """Renew the lease while the work goes on, up to the soft limit; a frozen process renews nothing."""
    stop = threading.Event()
    ends = handle.clock() + soft_limit

    def renew() -> None:
        while not stop.wait((LEASE / 4).total_seconds()):
            now = handle.clock()
            if now > ends:
                return
            with _own(now) as connection:
                ours = update(_runs).where(_runs.c.id == handle.id, _runs.c.lease == handle.lease, _runs.c.state == "running")
                connection.execute(ours.values(leased_until=now + LEASE))

    thread = threading.Thread(target=renew, name=f"lease-{handle.id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()


def due_runs(now: datetime, *, kinds: tuple[str, ...] = ()) -> list[int]:
    """Ids of runs that are due and not done, held by a worker or not, the oldest first."""
    wanted = select(_runs.c.id).where(_runs.c.state.in_(OPEN_STATES), _runs.c.due_at <= now)
    if kinds:
        wanted = wanted.where(_runs.c.kind.in_(kinds))
    with system("job", now) as session:
        return list(session.connection().scalars(wanted.order_by(_runs.c.due_at, _runs.c.id)))
