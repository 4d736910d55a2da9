"""Each night payments past their day get their level, and contracts past theirs end."""

from __future__ import annotations

from portal.domain import collection
from portal.engine.work import RunHandle, work


@work("collect")
def collect(run: RunHandle) -> None:
    """Both are as they should be however often it runs."""
    with run.unit_of_work():
        ended = collection.expire(now=run.now)
        run.progress(collection.mark_overdue(now=run.now) + ended)
