"""Report duties: who owes which report, when it closes, and what a new calendar or leave changes about it.

Day, week and month run through the same lines; only their policy rows differ (handbook 58, 59, 60).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import insert as plain_insert
from sqlalchemy import select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from portal import models
from portal.domain.calendar import away_throughout, company_calendar, company_day
from portal.domain.periods import Moments, Period, PeriodKind, ReportTimes, moments, period_named, period_of
from portal.domain.report_templates import Duty, templates_for
from portal.engine import audit, store
from portal.entities.reports import EXEMPT_BY_ITSELF, HOLIDAY, NOT_OWED, ON_LEAVE, ReportState
from portal.policies import policy
from portal.security.duties import roles_for

TITLES = {
    PeriodKind.DAY: "日报 {key} | Daily report {key}",
    PeriodKind.WEEK: "周报 {key} | Weekly report {key}",
    PeriodKind.MONTH: "月报 {key} | Monthly report {key}",
}
UNSENT = (ReportState.OPEN.value, ReportState.DRAFT.value)
IN = (ReportState.SUBMITTED.value, ReportState.LATE.value, ReportState.READ.value, ReportState.COMMENTED.value, ReportState.RETURNED.value)
_RECOMPUTED = timedelta(days=31)

_reports: Any = models.WorkReport.__table__
_events: Any = models.AuditEvent.__table__
_roles, _user_roles = (models.User.metadata.tables[name] for name in ("ab_role", "ab_user_role"))


def times(kind: PeriodKind, *, on: date) -> ReportTimes | None:
    """The policy values of this kind of report in force on a day; None where it is switched off.

    Each is a policy by itself: what was put later than the one after it takes that one along, so that one change alone
    stops nobody.
    """
    if not policy(f"report.{kind}.on", on=on):
        return None
    due, chase, late_until = (policy(f"report.{kind}.{what}", on=on) for what in ("due", "chase", "late_until"))
    chase = max(due, chase)
    return ReportTimes(
        remind=policy(f"report.{kind}.remind", on=on),
        due=due,
        chase=chase,
        late_until=late_until if late_until == time(0) else max(chase, late_until),
        list_at=policy(f"report.{kind}.list_at", on=on),
        month_end=policy("report.month_end", on=on),
    )


def plan(period: Period) -> Moments | None:
    """The moments of a period's report; None where nobody owes one (holiday, switched off)."""
    found = times(period.kind, on=period.last)
    return None if found is None else moments(period, company_calendar(), found)


def opens_at(when: Moments) -> datetime:
    """A report is open from the first minute of the day it is due, so that who leaves early can send it."""
    calendar = company_calendar()
    return calendar.at(calendar.local_day(when.due_at), time(0))


def duties(kind: PeriodKind, *, on: date) -> list[Duty]:
    """Active people with a role that owes this kind of report (policy `report.<kind>.roles`)."""
    user = models.User
    roles = roles_for(store.session(), policy(f"report.{kind}.roles", on=on))
    owing = select(_user_roles.c.user_id).join(_roles, _roles.c.id == _user_roles.c.role_id).where(_roles.c.name.in_(roles))
    wanted = select(user.id, user.team_id).where(user.active.is_(True), user.id.in_(owing)).order_by(user.id)
    return [Duty(user_id, team_id) for user_id, team_id in store.session().execute(wanted)]


def open_reports(period: Period, *, now: datetime) -> int:
    """Open this period's report for everybody who owes it, once; returns how many were new.

    Who is on leave on all its working days has an exempt one. Opened after its closing time (the portal was down),
    it may be sent late until the end of the next working day.
    """
    when = plan(period)
    have = _opened_for(period)
    people = [duty for duty in duties(period.kind, on=period.last) if duty.user_id not in have]
    if when is None or not people:
        return 0
    calendar = company_calendar()
    away = away_throughout(calendar.working_days(period.first, period.last), [duty.user_id for duty in people])
    common = {
        "title": TITLES[period.kind].format(key=period.key),
        "period": period.kind.value,
        "period_key": period.key,
        "first_on": period.first,
        "last_on": period.last,
        "due_at": when.due_at,
        "late_until": _late_until(when, now),
        "created_at": now,
        "changed_at": now,
    }
    template_of = templates_for(period.kind, people)
    rows = [
        {
            **common,
            "template_id": template_of.get(duty.user_id),
            "owner_id": duty.user_id,
            "team_id": duty.team_id,
            "state": ReportState.EXEMPT.value if duty.user_id in away else ReportState.OPEN.value,
            "exempt_reason": ON_LEAVE if duty.user_id in away else "",
        }
        for duty in people
    ]
    statement = insert(_reports).values(rows).on_conflict_do_nothing(index_elements=["owner_id", "period", "period_key"])
    found = store.session().connection().execute(statement.returning(_reports.c.id, _reports.c.state)).all()
    _write_history([(row.id, {}, {"state": row.state, "period_key": period.key}) for row in found], verb="open")
    return len(found)


def _opened_for(period: Period) -> set[int]:
    """Whose report of this period is there, in the bin or not."""
    had = select(_reports.c.owner_id).where(_reports.c.period == period.kind.value, _reports.c.period_key == period.key)
    return set(store.session().connection().scalars(had))


def settle(*, now: datetime) -> int:
    """Bring every unsent report to what clock, calendar and leave say now; returns how many changed.

    A calendar that arrives, a leave or a policy that changes comes first: what is no duty any more is exempt before
    it could be counted as missing.
    """
    return _recompute(now) + _open_today(now) + close(now=now)


def _open_today(now: datetime) -> int:
    """Who came, came back or was given the role on a due day owes the report too, while it is not due yet."""
    found = 0
    for kind in PeriodKind:
        period = period_of(kind, company_day(now))
        when = plan(period)
        if when is not None and opens_at(when) <= now < when.due_at:
            found += open_reports(period, now=now)
    return found


def excuse(person_id: int, *, now: datetime) -> int:
    """Who is deactivated owes nothing any more: what he has not sent is exempt at once."""
    report = models.WorkReport.__table__
    unsent = select(report.c.id, report.c.state).where(
        report.c.owner_id == person_id, report.c.state.in_(UNSENT), report.c.deleted_at.is_(None)
    )
    rows = [(row.id, row.state) for row in store.session().connection().execute(unsent)]
    return _move(rows, ReportState.EXEMPT, now, verb="exempt", exempt_reason=NOT_OWED)


def close(*, now: datetime) -> int:
    """Not sent when the late time ended (24:00 by default): missing from that instant on."""
    report = models.WorkReport
    ended = select(report.id, report.state).where(
        report.state.in_(UNSENT), report.due_at <= now, report.late_until <= now, report.deleted_at.is_(None)
    )
    return _move([(row.id, row.state) for row in store.session().execute(ended)], ReportState.MISSING, now, verb="close")


def _recompute(now: datetime) -> int:
    changed = 0
    report = models.WorkReport
    looked_at = (*UNSENT, ReportState.MISSING.value, ReportState.EXEMPT.value)
    wanted = select(report.id, report.owner_id, report.period_key, report.state, report.due_at, report.late_until, report.exempt_reason)
    wanted = wanted.where(report.state.in_(looked_at), report.due_at >= now - _RECOMPUTED, report.deleted_at.is_(None))
    by_period: dict[str, list[Any]] = {}
    for row in store.session().execute(wanted.order_by(report.id)):
        by_period.setdefault(row.period_key, []).append(row)
    for key, rows in by_period.items():
        changed += _recompute_period(period_named(key), rows, now)
    return changed


def _recompute_period(period: Period, rows: Sequence[Any], now: datetime) -> int:
    when = plan(period)
    if when is None:
        free = [(row.id, row.state) for row in rows if row.state != ReportState.EXEMPT.value]
        return _move(free, ReportState.EXEMPT, now, verb="exempt", exempt_reason=HOLIDAY)
    days = company_calendar().working_days(period.first, period.last)
    away = away_throughout(days, [row.owner_id for row in rows])
    owing = {duty.user_id for duty in duties(period.kind, on=period.last)}
    gone = [(row.id, row.state) for row in rows if row.owner_id in away and row.state != ReportState.EXEMPT.value]
    left = [(row.id, row.state) for row in rows if row.owner_id not in owing | away and row.state in UNSENT]
    back = [(row.id, row.state) for row in rows if row.owner_id in owing - away and _was_automatic(row) and row.late_until > now]
    moved = [row.id for row in rows if row.owner_id in owing and row.state in UNSENT and row.due_at != when.due_at]
    if moved:
        change = update(_reports).where(_reports.c.id.in_(moved), _reports.c.state.in_(UNSENT))
        store.session().connection().execute(change.values(due_at=when.due_at, late_until=_late_until(when, now)))
    return (
        len(moved)
        + _move(gone, ReportState.EXEMPT, now, verb="exempt", exempt_reason=ON_LEAVE)
        + _move(left, ReportState.EXEMPT, now, verb="exempt", exempt_reason=NOT_OWED)
        + _move(back, ReportState.OPEN, now, verb="open", exempt_reason="")
    )


def _was_automatic(row: Any) -> bool:
    """Exempt by calendar, leave or because nobody owed it, not by a leader's decision: such an exemption ends with its cause."""
    return row.state == ReportState.EXEMPT.value and row.exempt_reason in EXEMPT_BY_ITSELF


def _late_until(when: Moments, now: datetime) -> datetime:
    if now < when.late_until:
        return when.late_until
    calendar = company_calendar()
    today = calendar.local_day(now)
    last = today if calendar.is_working(today) else calendar.next_working(today)
    return calendar.at(last + timedelta(days=1), time(0))


def _move(rows: Sequence[tuple[int, str]], to: ReportState, now: datetime, *, verb: str, **values: Any) -> int:
    """Set-based; a report that its author or leader has moved meanwhile stays as it is. Each leaves its line of history."""
    if not rows:
        return 0
    before = dict(rows)
    change = update(_reports).where(tuple_(_reports.c.id, _reports.c.state).in_(sorted(rows)))
    moved = change.values(state=to.value, version=_reports.c.version + 1, changed_at=now, changed_by_id=None, **values)
    done = store.session().connection().scalars(moved.returning(_reports.c.id)).all()
    _write_history([(found, {"state": before[found]}, {"state": to.value, **values}) for found in done], verb=verb)
    return len(done)


def _write_history(lines: Iterable[tuple[int, dict[str, Any], dict[str, Any]]], *, verb: str) -> None:
    session = store.session()
    who = audit.attribution(session)
    rows = [
        {**who, "verb": verb, "entity": "work_report", "record_id": found, "before": before, "after": after, "reason": ""}
        for found, before, after in lines
    ]
    if rows:
        session.connection().execute(plain_insert(_events), rows)
