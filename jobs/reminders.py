"""Tells people what came due."""

from __future__ import annotations

from jobs.runner import due_runs
from portal.domain import reminders, reports
from portal.engine.work import RunHandle, work

_OPENING = ("report.open.day", "report.open.week", "report.open.month")


@work("remind")
def remind(run: RunHandle) -> None:
    """Reports of a time of silence are opened first, so that the digest counts them; the next minute tells."""
    if due_runs(run.now, kinds=_OPENING):
        return
    with run.unit_of_work():
        reports.close(now=run.now)
        run.progress(reminders.remind_due(now=run.now))
