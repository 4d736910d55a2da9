"""The company's days: the published calendar with the company's own rows, its local time, and who is on leave."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from portal import models
from portal.domain.worktime import WorkCalendar
from portal.engine import store
from portal.entities.organisation import LeaveState

_ONE_DAY = timedelta(days=1)
_KEPT = "work_calendar"


@dataclass(slots=True)
class _Company:
    zone: ZoneInfo
    region: str


_company = _Company(ZoneInfo("Asia/Shanghai"), "CN")


def use_company(zone: str, region: str = "CN") -> None:
    """Set the company's time zone and holiday region, once at start. Raises for names that do not exist."""
    WorkCalendar(region=region)
    _company.zone, _company.region = ZoneInfo(zone), region


def company_zone() -> ZoneInfo:
    return _company.zone


def company_day(now: datetime) -> date:
    """The company's date at this instant."""
    return now.astimezone(_company.zone).date()


def company_calendar() -> WorkCalendar:
    """The calendar in force, read once a session by one statement."""
    session = store.session()
    found: WorkCalendar | None = session.info.get(_KEPT)
    if found is None:
        row = models.WorkCalendar
        own = select(row.day, row.working).where(row.deleted_at.is_(None), row.region == _company.region)
        overrides: dict[date, bool] = {day: working for day, working in session.execute(own) if day is not None}
        found = WorkCalendar(overrides, _company.region, _company.zone)
        session.info[_KEPT] = found
    return found


def span(first: date, last: date) -> tuple[datetime, datetime]:
    """The instants between which the company's clock shows these days; the second is no longer part of them."""
    calendar = company_calendar()
    return calendar.at(first, time(0)), calendar.at(last + _ONE_DAY, time(0))


def granted(leave: Any) -> tuple[Any, ...]:
    """Only an approved leave frees from anything; `leave` is the model or its table's columns."""
    return leave.state == LeaveState.APPROVED.value, leave.deleted_at.is_(None)


def on_leave(day: date, user_ids: Iterable[int] | None = None) -> set[int]:
    """Who is away on this day, among the leave the reader may see."""
    leave = models.Leave
    wanted = select(leave.owner_id).where(leave.first_on <= day, leave.last_on >= day, *granted(leave))
    if user_ids is not None:
        wanted = wanted.where(leave.owner_id.in_(list(user_ids)))
    return {found for found in store.session().scalars(wanted) if found is not None}


def away_throughout(days: list[date], user_ids: Iterable[int]) -> set[int]:
    """Who is on leave on every one of these days (several leaves may add up); nobody when there are no days."""
    if not days:
        return set()
    leave = models.Leave
    wanted = select(leave.owner_id, leave.first_on, leave.last_on).where(
        leave.owner_id.in_(list(user_ids)), leave.first_on <= days[-1], leave.last_on >= days[0], *granted(leave)
    )
    left: dict[int, set[date]] = {}
    found: list[Any] = list(store.session().execute(wanted))
    for owner_id, first_on, last_on in found:
        away = left.setdefault(owner_id, set(days))
        away -= {day for day in days if first_on <= day <= last_on}
    return {owner_id for owner_id, rest in left.items() if not rest}


def provisional_years(now: datetime) -> tuple[int, ...]:
    """This year and the next where their public holidays are not published yet: they count Monday to Friday."""
    year = company_day(now).year
    calendar = company_calendar()
    return tuple(each for each in (year, year + 1) if calendar.is_provisional(each))
