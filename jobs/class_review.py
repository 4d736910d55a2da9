"""On the first day of a quarter customers whose purchases speak for another class are proposed to their superiors."""

from __future__ import annotations

from portal.domain import class_review
from portal.engine.work import RunHandle, work


@work("class.review")
def review(run: RunHandle) -> None:
    """One statement, once a customer and quarter, however often it runs."""
    with run.unit_of_work():
        run.progress(class_review.propose(run.now))
