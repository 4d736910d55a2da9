"""Figures of a week, a month and a quarter: their spans, their changes, and the fall of five points that is marked."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from portal.domain.figure_words import change_words
from portal.domain.figures import FIGURES, Figure, Sheet, Told, sheet
from portal.domain.spans import COMPARED, TREND, SpanKind, span_named, span_of
from portal.engine.fields import View
from tests.cast import NOW, Cast
from tests.domain.test_receipts import owing, receive

TODAY = date(2026, 5, 12)
SHARE = next(figure for figure in FIGURES if figure.key == "conversion")
COUNT = next(figure for figure in FIGURES if figure.key == "leads")


# spans ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "key", "first", "last", "before", "year"),
    [
        (SpanKind.WEEK, "2026-W20", "2026-05-11", "2026-05-17", "2026-W19", "2025-W20"),
        (SpanKind.WEEK, "2027-W01", "2027-01-04", "2027-01-10", "2026-W53", "2026-W02"),
        (SpanKind.MONTH, "2026-05", "2026-05-01", "2026-05-31", "2026-04", "2025-05"),
        (SpanKind.MONTH, "2024-02", "2024-02-01", "2024-02-29", "2024-01", "2023-02"),
        (SpanKind.QUARTER, "2026-Q1", "2026-01-01", "2026-03-31", "2025-Q4", "2025-Q1"),
        (SpanKind.QUARTER, "2026-Q4", "2026-10-01", "2026-12-31", "2026-Q3", "2025-Q4"),
    ],
)
def test_a_span_its_days_the_one_before_and_the_year_before(
    kind: SpanKind, key: str, first: str, last: str, before: str, year: str
) -> None:
    span = span_named(kind, key)
    assert (span.key, span.first.isoformat(), span.last.isoformat()) == (key, first, last)
    assert (span.before.key, span.a_year_before.key, span.before.after) == (before, year, span)


@pytest.mark.parametrize(("kind", "key"), [(SpanKind.MONTH, "2026-13"), (SpanKind.WEEK, "2026-05"), (SpanKind.QUARTER, "2026-Q5")])
def test_a_key_of_no_span_is_refused(kind: SpanKind, key: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the calendar's own words
        span_named(kind, key)


def test_a_running_span_is_compared_with_as_many_days() -> None:
    now, before, year, *trend = span_of(SpanKind.MONTH, TODAY).windows(TODAY)
    assert (now, before, year) == ((date(2026, 5, 1), TODAY), (date(2026, 4, 1), date(2026, 4, 12)), (date(2025, 5, 1), date(2025, 5, 12)))
    assert len(trend) == TREND - 1 and trend[0] == (date(2026, 4, 1), date(2026, 4, 30)), "the way there is drawn in whole spans"


def test_a_span_that_is_over_is_compared_whole() -> None:
    assert span_named(SpanKind.MONTH, "2026-02").windows(TODAY)[:COMPARED] == (
        (date(2026, 2, 1), date(2026, 2, 28)),
        (date(2026, 1, 1), date(2026, 1, 31)),
        (date(2025, 2, 1), date(2025, 2, 28)),
    )


def test_a_longer_span_is_compared_with_the_whole_shorter_one() -> None:
    last = date(2026, 3, 30)
    assert span_of(SpanKind.MONTH, last).windows(last)[1] == (date(2026, 2, 1), date(2026, 2, 28))


# changes --------------------------------------------------------------------------------------------


def told(figure: Figure, now: str | None, before: str | None) -> Told:
    return Told(figure, now and Decimal(now), before and Decimal(before), None, Decimal(0), Decimal(0), 5)  # type: ignore[arg-type]


@pytest.mark.parametrize(("now", "fell"), [("46", False), ("45.01", False), ("45", True), ("44", True), ("56", False)])
def test_a_share_that_fell_five_points_is_marked_and_four_are_not(now: str, fell: bool) -> None:
    assert told(SHARE, now, "50").fell is fell


def test_a_count_falls_in_per_cent_and_is_not_marked() -> None:
    found = told(COUNT, "5", "10")
    assert found.change(found.before) == -50 and not found.fell


@pytest.mark.parametrize(
    ("now", "words"), [("90", "−10.0 %"), ("290", "+190.0 %"), ("999", "+899.0 %"), ("1000", "×10"), ("20570", "×206")]
)
def test_what_grew_tenfold_is_told_in_times(now: str, words: str) -> None:
    """Twenty thousand per cent tells nobody anything."""
    found = told(COUNT, now, "100")
    assert change_words(found, found.before, "zh") == words


@pytest.mark.parametrize(("now", "before"), [("5", "0"), ("5", None), (None, "5")])
def test_where_nothing_was_nothing_is_told(now: str | None, before: str | None) -> None:
    found = told(COUNT if before == "0" else SHARE, now, before)
    assert found.change(found.before) is None and not found.fell


# measured -------------------------------------------------------------------------------------------


def look(cast: Cast, login: str, kind: SpanKind = SpanKind.MONTH, holder: Any = "owner_id") -> Sheet:
    with cast.act(login) as session:
        return sheet(session.info["principal"], span_of(kind, TODAY), holder=holder, view=View(now=NOW), now=NOW)


def of(found: Sheet, key: str) -> Told:
    return next(each for each in found.figures if each.figure.key == key)


def test_conversion_is_of_those_created_in_the_span_whenever_they_were_converted(cast: Cast) -> None:
    cast.leads(3, owner="rep")
    cast.lead(owner="rep", state="converted")
    cast.lead(owner="rep", state="converted", now=NOW - timedelta(days=40), changed_at=NOW)
    found = of(look(cast, "leader_a"), "conversion")
    assert (found.part, found.whole, found.now) == (1, 4, 25)


def test_first_responses_in_time_of_those_whose_clock_has_run_out(cast: Cast) -> None:
    def lead(due: timedelta, answered: timedelta | None) -> None:
        at = {"first_response_at": NOW + due + answered} if answered is not None else {}
        cast.lead(owner="rep", first_response_due_at=NOW + due, **at)

    lead(timedelta(hours=-2), timedelta(0))  # at the very instant: in time
    lead(timedelta(hours=-3), timedelta(hours=-1))
    lead(timedelta(hours=-3), timedelta(seconds=1))  # late
    lead(timedelta(hours=-3), None)  # not at all
    lead(timedelta(hours=3), None)  # may still come
    found = of(look(cast, "leader_a"), "first_response")
    assert (found.part, found.whole, found.now) == (2, 4, 50)


def test_each_person_has_a_line_and_nobodys_leads_have_one(cast: Cast) -> None:
    cast.leads(2, owner="rep")
    cast.lead(owner="other")
    cast.lead()
    rows = {row.name: row.told["leads"].now for row in look(cast, "leader_a").rows}
    assert rows == {"组长甲": 0, "业务员甲": 2, "同组乙": 0, "": 1}
    teams = {row.name: row.told["leads"].now for row in look(cast, "director", holder="team_id").rows}
    assert teams == {"A 组": 2, "B 组": 1, "": 1}


def test_collected_by_the_day_told_of_what_fell_due_until_then(cast: Cast) -> None:
    """1,000 due today of which 400 came, and 500 due in three days, which came early, and do not count yet."""
    contract, _ = owing(cast, (1000, 0), (500, 3))
    receive(cast, contract, "400")
    found = look(cast, "director", holder="team_id")
    rate, amount = of(found, "collection"), of(found, "collected")
    assert (rate.part, rate.whole, rate.now, amount.now) == (400, 1000, 40, 400)


def test_who_reads_no_money_is_told_of_none(cast: Cast) -> None:
    cast.lead(owner="rep")
    assert {each.figure.key for each in look(cast, "warehouse").figures} == set()
    assert {each.figure.key for each in look(cast, "finance", holder="team_id").figures} == {"collected", "collection"}
