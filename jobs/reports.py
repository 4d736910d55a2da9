"""Opens, closes and recomputes reports."""

from __future__ import annotations

from portal.domain import reports
from portal.domain.periods import period_named
from portal.engine.work import RunHandle, work


@work("report.open.day")
@work("report.open.week")
@work("report.open.month")
def open_reports(run: RunHandle) -> None:
    with run.unit_of_work():
        run.progress(reports.open_reports(period_named(run.period), now=run.now))


@work("report.settle")
def settle(run: RunHandle) -> None:
    with run.unit_of_work():
        run.progress(reports.settle(now=run.now))
