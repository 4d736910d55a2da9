"""Puts away what is over: participations that have ended, and traces of periodic work that nobody asks for any more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import delete

from portal import models
from portal.domain import sharing
from portal.engine.work import RunHandle, work

KEPT = timedelta(days=14)
"""Longer than the time for which missed periods are looked for (jobs/planner), so none is ever done again."""

_runs: Any = models.JobRun.__table__
_KEPT_FOR_GOOD = ("scheduler", "reminders", "schedule", "import")
"""The planner's own memory, and imports: every record they made names its import."""


@work("tidy")
def tidy(run: RunHandle) -> None:
    with run.unit_of_work() as session:
        sharing.expire(session, run.now)
        old = (_runs.c.state == "done", _runs.c.ended_at < run.now - KEPT, _runs.c.asked_by_id.is_(None))
        run.progress(session.connection().execute(delete(_runs).where(*old, _runs.c.kind.not_in(_KEPT_FOR_GOOD))).rowcount)
