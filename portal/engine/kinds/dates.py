"""Day and instant."""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar, TypeVar, Unpack

from sqlalchemy import ColumnElement, Date, DateTime, func
from sqlalchemy.orm import Mapped
from sqlalchemy.types import TypeEngine

from portal.engine.cell import Cell
from portal.engine.clock import clock
from portal.engine.fields import SEARCHED, USES, BadValue, Field, Options, View, pair

Day = TypeVar("Day", bound=dt.date)
_RELATIVE = ("today", "yesterday", "this_week", "this_month", "overdue", "last_days", "next_days")
_RELATIVE_WORDS = {
    "today": ("今天", "today"),
    "yesterday": ("昨天", "yesterday"),
    "this_week": ("本周", "this week"),
    "this_month": ("本月", "this month"),
    "overdue": ("已过期", "overdue"),
    "last_days": ("近 {n} 天", "last {n} days"),
    "next_days": ("未来 {n} 天", "next {n} days"),
}
_COMPARED = {"ge": "不早于 | on or after", "gt": "晚于 | after", "le": "不晚于 | on or before", "lt": "早于 | before", "eq": "就是 | is"}
_MOST_DAYS = 3660
_GIVE_A_DATE = "请给出日期。 | Give a date."
YEARS = range(1000, 3000)
"""Outside them a day more, or another time zone, may be a moment that no calendar has."""


class DateField(Field):
    kind = "date"
    widget = "date"
    operators = ("eq", "gt", "ge", "lt", "le", "between", *_RELATIVE)
    timely = frozenset(_RELATIVE)
    icon = "calendar"
    about = "一天，如开标日 | A day, such as a tender's"
    uses = frozenset(USES) - {SEARCHED}
    conditions: ClassVar[tuple[str, ...]] = ("ge", "gt", "le", "lt", "eq", "empty", "not_empty")
    json_type: ClassVar[dict[str, Any]] = {"type": "string", "format": "date"}

    def __init__(self, label: str, *, in_days: int | None = None, **options: Unpack[Options]) -> None:
        super().__init__(label, **options)
        self.in_days = in_days
        """A new record's form offers the day so many days from today; None: it offers none."""

    def sql_type(self) -> TypeEngine[Any]:
        return Date()

    def offered(self, view: View) -> Any:
        return self.default if self.in_days is None else _today(view) + dt.timedelta(days=self.in_days)

    def read(self, raw: Any) -> Any:
        if isinstance(raw, dt.date):
            return _in_reach(raw)
        word = str(raw).strip().replace("/", "-").replace(".", "-")
        try:
            year, month, day = (int(part) for part in word.split("-"))
            typed = dt.date(year, month, day)
        except (ValueError, OverflowError) as error:
            raise BadValue("请写成 2026-11-19 这样的日期。 | Write a date such as 2026-11-19.") from error
        return _in_reach(typed)

    def words(self, value: Any, view: View) -> str:
        return "" if value is None else str(value.isoformat())

    def show(self, value: Any, view: View) -> Cell:
        return Cell("date", self.words(value, view), phone_slot=self.slot)

    def to_json(self, value: Any) -> Any:
        return None if value is None else value.isoformat()

    def within(self, document: Any) -> ColumnElement[Any]:
        """By a function of ours: PostgreSQL's own cast depends on settings, which no index may."""
        return func.portal_day(self._in_document(document), type_=self.sql_type())

    def to_document(self, value: Any) -> Any:
        return self.to_json(value)

    def from_document(self, kept: Any) -> Any:
        return None if kept is None else dt.date.fromisoformat(kept)

    def compare(self, column: Any, operator: str, raw: Any, view: View) -> ColumnElement[bool]:
        if operator not in _RELATIVE:
            return super().compare(column, operator, raw, view)
        first, last = _relative_days(operator, raw, _today(view))
        bounds = [] if first is None else [column >= first]
        return _all([*bounds, *([] if last is None else [column <= last])])

    def says(self, operator: str) -> str:
        return _COMPARED.get(operator) or super().says(operator)

    def filter_words(self, operator: str, raw: Any, view: View) -> str:
        if operator in _RELATIVE:
            return _RELATIVE_WORDS[operator][view.language == "en"].format(n=raw)
        return super().filter_words(operator, raw, view)


class InstantField(DateField):
    """A moment, UTC in the database, shown and typed in the company's time zone."""

    kind = "instant"
    widget = "instant"
    icon = "clock"
    about = "日期和钟点 | A day and the time of day"
    conditions = ("ge", "gt", "le", "lt", "empty", "not_empty")
    json_type: ClassVar[dict[str, Any]] = {"type": "string", "format": "date-time"}

    def __init__(self, label: str, *, due: bool = False, **options: Unpack[Options]) -> None:
        super().__init__(label, **options)
        self.due = due
        """Whether something is to be done by then: once it has gone by, the cell says how late it is."""

    def sql_type(self) -> TypeEngine[Any]:
        return DateTime(timezone=True)

    def read(self, raw: Any) -> Any:
        if isinstance(raw, dt.datetime):
            return _in_reach(raw)
        word = str(raw).strip().replace("/", "-").replace("Z", "+00:00")
        try:
            moment = dt.datetime.fromisoformat(word)
        except ValueError as error:
            raise BadValue("请写成 2026-11-19 14:30 这样的时间。 | Write a time such as 2026-11-19 14:30.") from error
        return _in_reach(moment)

    def local(self, value: Any, view: View) -> dt.datetime:
        """A typed instant without a zone is meant in the company's."""
        moment: dt.datetime = value
        return moment.replace(tzinfo=view.zone) if moment.tzinfo is None else moment

    def within(self, document: Any) -> ColumnElement[Any]:
        return func.portal_instant(self._in_document(document), type_=self.sql_type())

    def to_document(self, value: Any) -> Any:
        return None if value is None else value.astimezone(dt.UTC).isoformat()

    def from_document(self, kept: Any) -> Any:
        return None if kept is None else dt.datetime.fromisoformat(kept)

    def words(self, value: Any, view: View) -> str:
        return "" if value is None else value.astimezone(view.zone).strftime("%Y-%m-%d %H:%M")

    def to_input(self, value: Any, view: View) -> str:
        return "" if value is None else value.astimezone(view.zone).strftime("%Y-%m-%dT%H:%M")

    def show(self, value: Any, view: View) -> Cell:
        there = value.astimezone(view.zone)
        late = lateness(value, view) if self.due else ""
        tone = "bad" if late else ""
        return Cell("instant", late or _relative(there, view), tone, title=there.isoformat(" ", "minutes")[:16], phone_slot=self.slot)

    def exported(self, column: ColumnElement[Any], view: View) -> ColumnElement[Any]:
        return func.to_char(func.timezone(view.zone.key, column), "YYYY-MM-DD HH24:MI")

    def compare(self, column: Any, operator: str, raw: Any, view: View) -> ColumnElement[bool]:
        if operator == "overdue":
            return column < (view.now or clock.now())  # type: ignore[no-any-return]
        if operator == "between":
            first, last = (DateField.read(self, str(v)[:10]) if v else None for v in pair(raw))
        elif operator in _RELATIVE:
            first, last = _relative_days(operator, raw, _today(view))
        elif operator == "eq":
            first = last = DateField.read(self, str(raw)[:10])
        else:
            value = self.parse(raw)
            if value is None:
                raise BadValue(_GIVE_A_DATE)
            return Field.compare(self, column, operator, self.local(value, view), view)
        bounds = [] if first is None else [column >= _midnight(first, view)]
        return _all([*bounds, *([] if last is None else [column < _midnight(last + dt.timedelta(days=1), view)])])

    def filter_words(self, operator: str, raw: Any, view: View) -> str:
        if operator == "eq":
            return str(raw)[:10]
        return super().filter_words(operator, raw, view)


_SOON = dt.timedelta(hours=12)
_NEAR = {-1: ("昨天", "yesterday"), 0: ("今天", "today"), 1: ("明天", "tomorrow")}


def relative(value: dt.datetime, view: View) -> str:
    """今天 17:30, 昨天, 3 天前, 11月21日: short, with the exact instant as its tooltip."""
    return _relative(value.astimezone(view.zone), view)


def lateness(due: dt.datetime, view: View) -> str:
    """逾期 3 天, 逾期 2 小时, 逾期 5 分钟: how long ago something was due; empty while it is not. Days are the company's."""
    now, zh = view.now or clock.now(), view.language == "zh"
    if due >= now:
        return ""
    days = (now.astimezone(view.zone).date() - due.astimezone(view.zone).date()).days
    if days:
        return f"逾期 {days} 天" if zh else f"{days} d overdue"
    length = _length(now - due, view)
    return f"逾期 {length}" if zh else f"{length} overdue"


def urgency(due: dt.datetime, view: View) -> tuple[str, str]:
    """How something due is told where it waits, and in which tone: how late it is, how little time is left, or its day."""
    if late := lateness(due, view):
        return late, "bad"
    left = due - (view.now or clock.now())
    if left > _SOON:
        return relative(due, view), ""
    return f"剩 {_length(left, view)}" if view.language == "zh" else f"{_length(left, view)} left", "warn"


def _length(span: dt.timedelta, view: View) -> str:
    minutes, zh = int(span.total_seconds() // 60), view.language == "zh"
    if hours := minutes // 60:
        return f"{hours} 小时" if zh else f"{hours} h"
    return f"{minutes} 分钟" if zh else f"{minutes} min"


def relative_day(day: dt.date, view: View) -> str:
    """今天, 昨天, 11月21日: a day as short as an instant is told."""
    today, zh = _today(view), view.language == "zh"
    days = (day - today).days
    if days in _NEAR:
        return _NEAR[days][0 if zh else 1]
    if day.year == today.year:
        return f"{day.month}月{day.day}日" if zh else day.strftime("%-d %b")
    return day.isoformat()


def _relative(there: dt.datetime, view: View) -> str:
    day = relative_day(there.date(), view)
    return f"{day} {there:%H:%M}" if abs((there.date() - _today(view)).days) <= 1 else day


def _in_reach(value: Day) -> Day:
    if value.year not in YEARS:
        raise BadValue("年份应在 {first} 到 {last} 之间。 | The year must be between {first} and {last}.", first=YEARS[0], last=YEARS[-1])
    return value


def _today(view: View) -> dt.date:
    return (view.now or clock.now()).astimezone(view.zone).date()


def _midnight(day: dt.date, view: View) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), tzinfo=view.zone)


def _relative_days(operator: str, raw: Any, today: dt.date) -> tuple[dt.date | None, dt.date | None]:
    day = dt.timedelta(days=1)
    monday = today - today.weekday() * day
    match operator:
        case "today":
            return today, today
        case "yesterday":
            return today - day, today - day
        case "this_week":
            return monday, monday + 6 * day
        case "this_month":
            return today.replace(day=1), (today.replace(day=1) + 32 * day).replace(day=1) - day
        case "overdue":
            return None, today - day
    try:
        count = int(str(raw))
    except ValueError as error:
        raise BadValue("请输入天数。 | Enter a number of days.") from error
    if not 0 <= count <= _MOST_DAYS:
        raise BadValue("天数太大。 | Too many days.")
    return (today - count * day, today) if operator == "last_days" else (today, today + count * day)


def _all(bounds: list[ColumnElement[bool]]) -> ColumnElement[bool]:
    if not bounds:
        raise BadValue(_GIVE_A_DATE)
    return bounds[0] if len(bounds) == 1 else bounds[0] & bounds[1]


def date(label: str, *, in_days: int | None = None, **options: Unpack[Options]) -> Mapped[dt.date | None]:
    """A calendar day; the form of a new record offers the one `in_days` from today."""
    return DateField(label, in_days=in_days, **options).column()


def instant(label: str, *, due: bool = False, **options: Unpack[Options]) -> Mapped[dt.datetime | None]:
    """A moment in time; `due`: something is to be done by then."""
    return InstantField(label, due=due, **options).column()
