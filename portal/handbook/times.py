"""Figures that are times of the day."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import time, timedelta
from typing import ClassVar

from portal.engine.text import Language, Text, pick
from portal.handbook.kind import OFF, Kind, listed, minutes_told, typed_list, words
from portal.handbook.numbers import whole

_TIME = re.compile(r"(\d\d?):(\d\d)")
_MIDNIGHT = time(0)
_END_OF_DAY = "24:00"
_BEFORE = "-"


def clock(text: str) -> time:
    """`17:30`; raises ValueError for what is no time of the day."""
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise ValueError("hours and minutes")
    return time(int(found[1]), int(found[2]))


class Clock(Kind):
    """A time of the company's day."""

    widget: ClassVar[str] = "time"

    def read(self, text: str) -> time:
        try:
            return clock(text)
        except ValueError as error:
            raise self.wrong() from error

    def tell(self, value: time, language: Language) -> str:
        return f"{value:%H:%M}"

    @property
    def help(self) -> Text:
        return Text(
            "写钟点，00:00 到 23:59，如 17:30；按公司的时区。"
            " | Write a time of the day from 00:00 to 23:59, such as 17:30; in the company’s time zone."
        )

    def gathered(self, parts: Sequence[str]) -> str:
        return super().gathered(parts).replace("：", ":")


class Closing(Clock):
    """Until a time of the day, or until it ends: midnight is its end."""

    def read(self, text: str) -> time:
        return _MIDNIGHT if text.strip() == _END_OF_DAY else super().read(text)

    def tell(self, value: time, language: Language) -> str:
        return (
            str(pick("24:00（当天结束） | 24:00, the end of that day", language)) if value == _MIDNIGHT else super().tell(value, language)
        )

    @property
    def help(self) -> Text:
        return Text(
            "写钟点，如 21:30；00:00 就是到当天结束（24:00）。"
            " | Write a time of the day such as 21:30; 00:00 is the end of that day (24:00)."
        )

    def parts(self, text: str) -> list[str]:
        return ["00:00" if text.strip() == _END_OF_DAY else text]

    def gathered(self, parts: Sequence[str]) -> str:
        found = super().gathered(parts)
        return _END_OF_DAY if found == "00:00" else found


class Reminders(Kind):
    """`17:30` is a time of the day it is due, `-180` minutes before it is due; as many as one likes, or `off`."""

    widget: ClassVar[str] = "reminders"
    columns: ClassVar[tuple[str, str]] = ("截止那天几点 | At, on the day it is due", "截止前几分钟 | Minutes before it is due")

    def read(self, text: str) -> tuple[time | timedelta, ...]:
        if text.strip() == OFF:
            return ()
        try:
            found = tuple(_moment(part) for part in words(text))
        except ValueError as error:
            raise self.wrong() from error
        if not found:
            raise self.wrong()
        return found

    def tell(self, value: Sequence[time | timedelta], language: Language) -> str:
        if not value:
            return str(pick("不提醒 | no reminder", language))
        return listed((_told(each, language) for each in value), language)

    @property
    def help(self) -> Text:
        return Text(
            "钟点如 17:30，截止前的分钟数如 180（存为 -180），几个就用逗号分开；空着（off）就不提醒。"
            " | Times such as 17:30, minutes before such as 180 (kept as -180), several parted by commas;"
            " left empty (off) there is no reminder."
        )

    def parts(self, text: str) -> list[str]:
        found = words(text) if text.strip() != OFF else ()
        at = [part for part in found if not part.startswith(_BEFORE)]
        return [",".join(at), ",".join(part.removeprefix(_BEFORE) for part in found if part not in at)]

    def gathered(self, parts: Sequence[str]) -> str:
        at, before = ([*map(typed_list, parts), OFF, OFF])[:2]
        found = [part.replace("：", ":") for part in words(at) if part != OFF]
        found += [_BEFORE + part.removeprefix(_BEFORE) for part in words(before) if part != OFF]
        return ",".join(found) or OFF


def _moment(part: str) -> time | timedelta:
    return timedelta(minutes=whole(part.removeprefix(_BEFORE))) if part.startswith(_BEFORE) else clock(part)


def _told(each: time | timedelta, language: Language) -> str:
    if isinstance(each, time):
        return f"{each:%H:%M}"
    minutes = int(each.total_seconds()) // 60
    return str(pick("提前 {n} | {n} before", language).format(n=minutes_told(minutes, language)))
