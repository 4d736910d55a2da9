"""Puts away what is over: participations that have ended, traces of periodic work that nobody asks for any more, and the
rows of long work."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import String, delete, update
from sqlalchemy.dialects.postgresql import array

from portal import models
from portal.domain import sharing
from portal.engine.work import RunHandle, work
from portal.security.refusals import REFUSED

KEPT = timedelta(days=14)
"""Longer than the time for which missed periods are looked for (jobs/planner), so none is ever done again."""

_runs: Any = models.JobRun.__table__
_KEPT_FOR_GOOD = ("scheduler", "reminders", "schedule", "import")
"""The planner's own memory, and imports: every record they made names its import."""
ROWS_KEPT = timedelta(days=30)
"""For how long the rows of a bulk verb and those it refused are known."""
_BULK = ("bulk", "undo", "verb")


@work("tidy")
def tidy(run: RunHandle) -> None:
    with run.unit_of_work() as session:
        sharing.expire(session, run.now)
        old = (_runs.c.state == "done", _runs.c.ended_at < run.now - KEPT, _runs.c.asked_by_id.is_(None))
        over = (_runs.c.kind.in_(_BULK), _runs.c.ended_at < run.now - ROWS_KEPT)
        for column, keys in ((_runs.c.arguments, ["ids", "batches"]), (_runs.c.result, [REFUSED])):
            rows = array(keys, type_=String)
            session.connection().execute(update(_runs).where(*over, column.has_any(rows)).values({column: column.op("-")(rows)}))
        run.progress(session.connection().execute(delete(_runs).where(*old, _runs.c.kind.not_in(_KEPT_FOR_GOOD))).rowcount)
