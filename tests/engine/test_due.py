"""Something due says how late it is, or how little time is left, in the company's days."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from portal.engine.fields import View
from portal.engine.kinds.dates import InstantField, urgency

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = dt.datetime(2026, 11, 19, 9, 0, tzinfo=SHANGHAI)


def reader(language: str) -> View:
    return View(language, SHANGHAI, NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("due", "zh", "en", "tone"),
    [
        (NOW - dt.timedelta(days=3), "逾期 3 天", "3 d overdue", "bad"),
        (NOW.replace(hour=0) - dt.timedelta(seconds=1), "逾期 1 天", "1 d overdue", "bad"),
        (NOW.replace(hour=0), "逾期 9 小时", "9 h overdue", "bad"),
        (NOW - dt.timedelta(minutes=59), "逾期 59 分钟", "59 min overdue", "bad"),
        (NOW, "剩 0 分钟", "0 min left", "warn"),
        (NOW + dt.timedelta(minutes=90), "剩 1 小时", "1 h left", "warn"),
        (NOW + dt.timedelta(hours=12), "剩 12 小时", "12 h left", "warn"),
        (NOW + dt.timedelta(hours=12, seconds=1), "今天 21:00", "today 21:00", ""),
        (NOW + dt.timedelta(days=2), "11月21日", "21 Nov", ""),
    ],
)
def test_what_is_due_says_how_urgent_it_is(due: dt.datetime, zh: str, en: str, tone: str) -> None:
    assert urgency(due, reader("zh")) == (zh, tone)
    assert urgency(due, reader("en")) == (en, tone)


def test_only_a_field_that_is_due_turns_late() -> None:
    gone = NOW - dt.timedelta(days=2)
    late, past = (InstantField("时间 | Time", due=due).show(gone, reader("zh")) for due in (True, False))
    assert (late.text, late.tone, late.title) == ("逾期 2 天", "bad", "2026-11-17 09:00")
    assert (past.text, past.tone) == ("11月17日", "")
