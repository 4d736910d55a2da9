"""What a longer report is gathered from: the week from its days, the month from its weeks, a superior's from his people's.

Everything is read through the gate; each sentence keeps its day and the report it came from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select

from portal import models
from portal.domain.periods import Period, PeriodKind
from portal.domain.report_figures import AMOUNTS
from portal.domain.reports import IN
from portal.engine import store
from portal.engine.questions import CHOICE, NUMBER, in_words
from portal.engine.text import SEPARATOR, Text, pick, say, shortened
from portal.entities.reports import EXEMPT_BY_ITSELF

_MADE_OF = {PeriodKind.WEEK: PeriodKind.DAY, PeriodKind.MONTH: PeriodKind.WEEK}
_WORDS_FOR_NOTHING = ("没有 | none", "无 | nothing", "今天没有 | nothing today")
_NOTHING = frozenset(half for words in _WORDS_FOR_NOTHING for half in words.split(SEPARATOR))
_MOST_WORDS = 400
_WAITING = ("open", "draft")


@dataclass(frozen=True, slots=True)
class Quote:
    """What one report said, with its day and the way to it."""

    text: Text
    href: str


@dataclass(frozen=True, slots=True)
class Gathered:
    """Texts, figures summed over the reports that are in, and who or which day is not among them."""

    quotes: tuple[Quote, ...] = ()
    figures: Mapping[str, Any] | None = None
    absent: tuple[Text, ...] = ()


NOTHING_GATHERED = Gathered()


def from_own(user_id: int, period: Period) -> Gathered:
    """A week's days, a month's weeks that end in it; a day is made of nothing."""
    if period.kind not in _MADE_OF:
        return NOTHING_GATHERED
    report = models.WorkReport
    wanted = _texts().where(
        report.owner_id == user_id,
        report.period == _MADE_OF[period.kind].value,
        report.last_on >= period.first,
        report.last_on <= period.last,
    )
    rows = list(store.session().execute(wanted.order_by(report.first_on, report.id)))
    quotes = [_quote(row, "{day}：{said} | {day}: {said}", day=_day(row.first_on)) for row in rows if row.state in IN and _said(row)]
    missed = [_day(row.first_on) for row in rows if row.state not in (*IN, "exempt")]
    absent = say("没有交的：{days} | Not sent: {days}", days=_listed(missed))
    return Gathered(tuple(quotes), None, (absent,) if missed else ())


def from_team(user_id: int, period: Period, keys: Sequence[str]) -> Gathered:
    """The same period's reports of the people this person leads, their figures summed by the database."""
    report, user = models.WorkReport, models.User
    theirs = (user.superior_id == user_id, report.owner_id != user_id, report.period == period.kind.value, report.period_key == period.key)
    wanted = _texts().add_columns(user.name, report.exempt_reason).join(user, user.id == report.owner_id).where(*theirs)
    rows = list(store.session().execute(wanted.order_by(user.id)))
    if not rows:
        return NOTHING_GATHERED
    kept = {key: report.figures[key].as_numeric(18, 2) if key in AMOUNTS else report.figures[key].as_integer() for key in keys}
    summed = select(*(func.coalesce(func.sum(value), 0) for value in kept.values()))
    totals = store.session().execute(summed.join(user, user.id == report.owner_id).where(*theirs, report.state.in_(IN))).one()
    words = "{name} {day}：{said} | {name} {day}: {said}"
    quotes = [_quote(row, words, name=row.name, day=_day(row.first_on)) for row in rows if row.state in IN and _said(row)]
    return Gathered(tuple(quotes), dict(zip(keys, totals, strict=True)), _absent(rows))


def _texts() -> Any:
    report = models.WorkReport
    return select(report.id, report.first_on, report.state, report.problems, report.extra_work, report.answers)


def _quote(row: Any, words: str, **facts: str) -> Quote:
    return Quote(say(words, **facts, said=_said(row)), f"/report-desk/{row.id}")


def _said(row: Any) -> str:
    """What was written by hand, in one line; that there was nothing is nothing to pass on."""
    answers = [_answer(item) for item in (row.answers or {}).get("items", ()) if item["kind"] != CHOICE]
    parts = [" ".join(each.split()).rstrip("。；;.") for each in (row.problems, row.extra_work, *answers)]
    line = "；".join(each for each in parts if each and each.lower() not in _NOTHING).replace(" | ", " ｜ ")
    return shortened(line, _MOST_WORDS)


def _answer(item: Mapping[str, Any]) -> str:
    """A number says little without its question."""
    said = in_words(item, "zh")
    return f"{pick(item['label'], 'zh')} {said}" if item["kind"] == NUMBER else said


def _absent(rows: Sequence[Any]) -> tuple[Text, ...]:
    found = []
    for words, states in (("还没交：{names} | Not in yet: {names}", _WAITING), ("缺报：{names} | Missing: {names}", ("missing",))):
        if names := [row.name for row in rows if row.state in states]:
            found.append(say(words, names=_listed(names)))
    excused = [row for row in rows if row.state == "exempt"]
    if excused:
        found.append(
            Text(
                "豁免：{zh} | Exempt: {en}",
                zh=_listed([f"{row.name}（{_why(row.exempt_reason).in_('zh')}）" for row in excused]),
                en=_listed([f"{row.name} ({_why(row.exempt_reason).in_('en')})" for row in excused]),
            )
        )
    return tuple(found)


def _why(reason: str) -> Text:
    return Text(reason) if reason in EXEMPT_BY_ITSELF else say("{reason} | {reason}", reason=reason.replace(" | ", " ｜ "))


def _listed(names: Sequence[str]) -> str:
    return "、".join(names)


def _day(day: date) -> str:
    return f"{day:%m-%d}"
