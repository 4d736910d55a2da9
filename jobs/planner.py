"""What the active scheduler does every few seconds: write down what is due, bring what is not done, say that it lives."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

import jobs
from jobs.schedule import SCHEDULE, Periodic
from portal import models
from portal.domain.calendar import company_calendar, company_day
from portal.engine import store
from portal.engine.outbox import both
from portal.engine.work import OPEN_STATES
from portal.security.session import system

CAUGHT_UP = timedelta(days=7)
"""How far back periods are looked for again: a calendar row of today may make a past day a working day."""
_MOST_SWEPT = 500
_BEAT = ("scheduler", "heartbeat")

_runs: Any = models.JobRun.__table__
_outbox: Any = models.Outbox.__table__


def reconcile(now: datetime) -> None:
    """Keep the table of periodic jobs as rows, for the jobs page; kinds that are gone go with them."""
    with system("scheduler", now) as session, store.unit_of_work(session.info["principal"], now):
        connection = session.connection()
        for order, periodic in enumerate(SCHEDULE):
            row = {
                "kind": "schedule",
                "period": periodic.kind,
                "state": "done",
                "due_at": now,
                "queue": periodic.queue,
                "label": both(periodic.label),
                "arguments": {"when": both(periodic.when), "order": order},
            }
            statement = insert(_runs).values(row)
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["kind", "period", "subject"],
                    set_={"label": statement.excluded.label, "arguments": statement.excluded.arguments, "queue": periodic.queue},
                )
            )
        known = [periodic.kind for periodic in SCHEDULE]
        connection.execute(_runs.delete().where(_runs.c.kind == "schedule", _runs.c.period.not_in(known)))


def plan(now: datetime) -> int:
    """Insert every period that has become due, also those of a time when nobody planned; returns how many were new."""
    with system("scheduler", now) as session, store.unit_of_work(session.info["principal"], now):
        begins_at, planned_until = _beat(now)
        busy = set(
            session.connection().scalars(
                select(_runs.c.kind).where(_runs.c.state.in_(OPEN_STATES), _runs.c.asked_by_id.is_(None)).distinct()
            )
        )
        rows = [
            {"kind": periodic.kind, "period": period, "due_at": due, "queue": periodic.queue, "label": both(periodic.label)}
            for periodic in SCHEDULE
            for period, due in _due(periodic, begins_at, planned_until, now, busy)
        ]
        added = 0
        if rows:
            statement = insert(_runs).values(rows).on_conflict_do_nothing().returning(_runs.c.id)
            added = len(session.connection().execute(statement).all())
        session.connection().execute(
            update(_runs)
            .where(_runs.c.kind == _BEAT[0], _runs.c.period == _BEAT[1])
            .values(ended_at=now, arguments={"begins_at": begins_at.isoformat(), "planned_until": max(now, planned_until).isoformat()})
        )
        return added


def _due(periodic: Periodic, begins_at: datetime, planned_until: datetime, now: datetime, busy: set[str]) -> list[tuple[str, datetime]]:
    if periodic.catch_up == "each":
        return list(periodic.times(max(begins_at, min(planned_until, now) - CAUGHT_UP), now))
    if periodic.kind in busy:
        return []
    return [(period, due) for period, due in periodic.times(planned_until, now) if due > planned_until][-1:]


def _beat(now: datetime) -> tuple[datetime, datetime]:
    """When this portal began and up to when it has planned; the lock lets only one plan at a time.

    A new portal begins with the company's today: nobody owes anything for the days before.
    """
    connection = store.session().connection()
    begins_at = company_calendar().at(company_day(now), time(0))
    first = {"begins_at": begins_at.isoformat(), "planned_until": now.isoformat()}
    row = {"kind": _BEAT[0], "period": _BEAT[1], "state": "done", "due_at": now, "arguments": first}
    connection.execute(insert(_runs).values(row).on_conflict_do_nothing())
    kept: dict[str, str] = (
        connection.scalar(select(_runs.c.arguments).where(_runs.c.kind == _BEAT[0], _runs.c.period == _BEAT[1]).with_for_update()) or first
    )
    return datetime.fromisoformat(kept["begins_at"]), datetime.fromisoformat(kept["planned_until"])


def sweep(now: datetime) -> int:
    """Bring to the workers what is due and nobody holds; returns how much that is."""
    with system("sweeper", now) as session:
        free = or_(_runs.c.leased_until.is_(None), _runs.c.leased_until < now)
        wanted = select(_runs.c.id, _runs.c.queue, _runs.c.lease).where(_runs.c.state.in_(OPEN_STATES), _runs.c.due_at <= now, free)
        found = session.connection().execute(wanted.order_by(_runs.c.due_at, _runs.c.id).limit(_MOST_SWEPT)).all()
        mails = (
            session.connection().scalar(
                select(func.count())
                .select_from(_outbox)
                .where(
                    _outbox.c.sent_at.is_(None),
                    _outbox.c.dropped_at.is_(None),
                    _outbox.c.due_at <= now,
                    or_(_outbox.c.leased_until.is_(None), _outbox.c.leased_until < now),
                )
            )
            or 0
        )
    for run_id, queue, lease in found:
        jobs.enqueue(run_id, queue, lease=lease)
    if mails:
        jobs.enqueue_mail()
    return len(found) + mails
