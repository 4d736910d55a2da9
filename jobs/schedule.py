"""THE table of periodic jobs: what, when, and whether missed times are caught up one by one or only the latest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Literal

from portal.domain import reports
from portal.domain.calendar import company_calendar, company_day
from portal.domain.periods import PeriodKind, period_of
from portal.domain.spans import SpanKind, span_of
from portal.policies import policy

Times = Callable[[datetime, datetime], Iterator[tuple[str, datetime]]]
"""Times from an instant to another, both included: (name of the period, due instant), the earliest first."""


_SHORTEST, _FARTHEST = timedelta(minutes=1), timedelta(days=200)


@dataclass(frozen=True, slots=True)
class Periodic:
    """`each`: every missed period is made up for. `latest`: only the newest, for it sees all that is due."""

    kind: str
    label: str
    when: str
    times: Times
    catch_up: Literal["each", "latest"] = "latest"
    queue: str = "fast"


def every(minutes: int) -> Times:
    """The newest tick of a clock that goes through the hour evenly; the older ones are not listed."""
    step = timedelta(minutes=minutes)

    def newest(since: datetime, until: datetime) -> Iterator[tuple[str, datetime]]:
        beginning = datetime(2000, 1, 1, tzinfo=UTC)
        tick = beginning + (until - beginning) // step * step
        if tick >= since:
            yield tick.isoformat(timespec="minutes"), tick

    return newest


def daily(at: time) -> Times:
    """Once a day at this time of the company's clock."""

    def days(since: datetime, until: datetime) -> Iterator[tuple[str, datetime]]:
        day = company_day(since)
        while day <= company_day(until):
            due = company_calendar().at(day, at)
            if since <= due <= until:
                yield day.isoformat(), due
            day += timedelta(days=1)

    return days


def daily_by_policy(key: str) -> Times:
    """Once a day at the hour that a policy says."""

    def days(since: datetime, until: datetime) -> Iterator[tuple[str, datetime]]:
        day = company_day(since)
        while day <= company_day(until):
            due = company_calendar().at(day, policy(key, on=day))
            if since <= due <= until:
                yield day.isoformat(), due
            day += timedelta(days=1)

    return days


def quarterly(at: time) -> Times:
    """On the first day of each quarter at this time of the company's clock."""

    def quarters(since: datetime, until: datetime) -> Iterator[tuple[str, datetime]]:
        quarter = span_of(SpanKind.QUARTER, company_day(since))
        while quarter.first <= company_day(until):
            due = company_calendar().at(quarter.first, at)
            if since <= due <= until:
                yield quarter.key, due
            quarter = quarter.after

    return quarters


def report_opens(kind: PeriodKind) -> Times:
    """The first minute of each day on which a report of this kind is due (policies, calendar)."""

    def opens(since: datetime, until: datetime) -> Iterator[tuple[str, datetime]]:
        period = period_of(kind, company_day(since))
        while period.first <= company_day(until):
            when = reports.plan(period)
            if when is not None and since <= (due := reports.opens_at(when)) <= until:
                yield period.key, due
            period = period.next

    return opens


def next_run(periodic: Periodic, now: datetime) -> datetime | None:
    """When it runs next, by the times that the scheduler plans by; None where that is not within half a year.

    Looked for twice as far each time: `every` tells only the newest tick of a span, and a span with none before its
    middle has one at most after it.
    """
    ahead = _SHORTEST
    while ahead <= _FARTHEST:
        found = next((due for _, due in periodic.times(now, now + ahead) if due > now), None)
        if found is not None:
            return found
        ahead *= 2
    return None


SCHEDULE: tuple[Periodic, ...] = (
    Periodic("report.open.day", "日报开启 | Open daily reports", "工作日 00:00 | working days 00:00", report_opens(PeriodKind.DAY), "each"),
    Periodic(
        "report.open.week",
        "周报开启 | Open weekly reports",
        "每周最后一个工作日 00:00 | last working day of the week 00:00",
        report_opens(PeriodKind.WEEK),
        "each",
    ),
    Periodic(
        "report.open.month",
        "月报开启 | Open monthly reports",
        "月末 00:00 | last day of the month 00:00",
        report_opens(PeriodKind.MONTH),
        "each",
    ),
    Periodic("report.settle", "报告截止与重算 | Close and recompute reports", "每 5 分钟 | every 5 minutes", every(5)),
    Periodic("remind", "到期提醒 | Reminders", "每分钟 | every minute", every(1)),
    Periodic(
        "pool.warn",
        "回收预警 | Recycle warnings",
        "每天，时间见制度参数 | daily, at the time of its policy",
        daily_by_policy("recycle.warn_at"),
    ),
    Periodic(
        "pool.recycle",
        "回收到公海 | Recycle into the pool",
        "每天，时间见制度参数 | daily, at the time of its policy",
        daily_by_policy("recycle.at"),
        queue="bulk",
    ),
    Periodic(
        "collect", "逾期分级与合同到期 | Overdue payments, ended contracts", "每天 00:10 | daily 00:10", daily(time(0, 10)), queue="bulk"
    ),
    Periodic("deals", "暂停的商机到期恢复 | Paused opportunities go on", "每天 00:20 | daily 00:20", daily(time(0, 20)), queue="bulk"),
    Periodic(
        "tidy",
        "收起到期的参与、清理旧的任务记录 | Put away ended participations and old runs",
        "每天 03:30 | daily 03:30",
        daily(time(3, 30)),
        queue="bulk",
    ),
    Periodic(
        "class.review",
        "季度分类评估 | Quarterly class review",
        "每季度首日 06:00 | first day of a quarter 06:00",
        quarterly(time(6)),
        queue="bulk",
    ),
)

BY_KIND: Mapping[str, Periodic] = {periodic.kind: periodic for periodic in SCHEDULE}
