"""Each night paused opportunities whose day has come go on."""

from __future__ import annotations

from portal.domain import deal_upkeep
from portal.engine.work import RunHandle, work


@work("deals")
def deals(run: RunHandle) -> None:
    """In short units of work: one that is killed goes on where it stopped."""
    while True:
        with run.unit_of_work():
            done = deal_upkeep.resume_due(now=run.now)
            run.progress(done)
        if not done:
            return
