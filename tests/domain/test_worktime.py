"""Working days and local time, as the company lives them."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.worktime import WorkCalendar, last_of_month

CHINA = WorkCalendar()
BERLIN = WorkCalendar(region="WEEKDAYS", zone=ZoneInfo("Europe/Berlin"))
PLAIN_DAYS = st.dates(min_value=date(2004, 1, 5), max_value=date(2030, 12, 1))


def test_golden_week_2026_is_free_from_the_first_to_the_seventh_of_october() -> None:
    free = [day for day in range(1, 9) if not CHINA.is_working(date(2026, 10, day))]
    assert free == [1, 2, 3, 4, 5, 6, 7]


def test_a_make_up_saturday_is_worked_and_so_is_a_make_up_sunday() -> None:
    assert CHINA.is_working(date(2026, 10, 10))
    assert date(2026, 10, 10).strftime("%a") == "Sat"
    assert CHINA.is_working(date(2026, 9, 20))
    assert date(2026, 9, 20).strftime("%a") == "Sun"


def test_an_ordinary_saturday_is_free() -> None:
    assert not CHINA.is_working(date(2026, 11, 21))


def test_the_company_s_own_row_wins_over_the_public_calendar() -> None:
    own = WorkCalendar({date(2026, 10, 1): True, date(2026, 11, 19): False})
    assert own.is_working(date(2026, 10, 1))
    assert not own.is_working(date(2026, 11, 19))


def test_the_first_day_after_golden_week_follows_the_last_one_before_it() -> None:
    assert CHINA.next_working(date(2026, 9, 30)) == date(2026, 10, 8)


def test_an_unpublished_year_is_provisional_and_counts_monday_to_friday() -> None:
    assert not CHINA.is_provisional(2026)
    assert CHINA.is_provisional(2027)
    assert CHINA.is_working(date(2027, 10, 1))  # a Friday; its holidays are not published yet
    assert not CHINA.is_working(date(2027, 10, 2))


def test_the_year_turns_from_published_to_provisional_without_a_gap() -> None:
    assert CHINA.working_days(date(2026, 12, 31), date(2027, 1, 4)) == [date(2026, 12, 31), date(2027, 1, 1), date(2027, 1, 4)]


def test_a_region_without_public_calendar_is_never_provisional() -> None:
    assert not BERLIN.is_provisional(2027)


def test_an_unknown_region_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="known: CN, WEEKDAYS"):
        WorkCalendar(region="XX")


def test_the_week_ends_on_its_last_worked_day() -> None:
    assert CHINA.last_working_of_week(date(2026, 11, 16)) == date(2026, 11, 20)
    assert CHINA.last_working_of_week(date(2026, 10, 8)) == date(2026, 10, 10)  # make-up Saturday
    assert CHINA.last_working_of_week(date(2026, 9, 14)) == date(2026, 9, 20)  # make-up Sunday
    assert CHINA.last_working_of_week(date(2026, 9, 28)) == date(2026, 9, 30)  # Golden Week


def test_spring_festival_week_2026_has_no_working_day() -> None:
    assert CHINA.last_working_of_week(date(2026, 2, 18)) is None


@pytest.mark.parametrize(("month", "last"), [(1, 30), (2, 28), (5, 29), (10, 30), (11, 30), (12, 31)])
def test_the_month_ends_on_its_last_worked_day(month: int, last: int) -> None:
    assert CHINA.last_working_of_month(date(2026, month, 3)) == date(2026, month, last)


def test_a_leap_day_is_the_last_of_its_february() -> None:
    assert last_of_month(date(2028, 2, 1)) == date(2028, 2, 29)
    assert last_of_month(date(2027, 2, 28)) == date(2027, 2, 28)
    assert CHINA.last_working_of_month(date(2024, 2, 1)) == date(2024, 2, 29)


def test_a_month_that_the_company_closes_has_no_working_day() -> None:
    closed = {date(2026, 8, day): False for day in range(1, 32)}
    assert WorkCalendar(closed).last_working_of_month(date(2026, 8, 9)) is None


def test_nought_working_days_later_is_the_day_itself_even_on_a_holiday() -> None:
    assert CHINA.add_working_days(date(2026, 10, 3), 0) == date(2026, 10, 3)
    assert CHINA.add_working_days(date(2026, 10, 3), 1) == date(2026, 10, 8)
    assert CHINA.add_working_days(date(2026, 10, 3), -1) == date(2026, 9, 30)


@given(PLAIN_DAYS, st.integers(min_value=1, max_value=40))
def test_adding_working_days_passes_exactly_that_many(day: date, count: int) -> None:
    later = CHINA.add_working_days(day, count)
    assert len(CHINA.working_days(day + timedelta(days=1), later)) == count
    assert CHINA.is_working(later)


def test_working_days_of_a_span_that_ends_before_it_begins_are_none() -> None:
    assert CHINA.working_days(date(2026, 11, 20), date(2026, 11, 19)) == []


def test_midnight_in_utc_is_eight_in_the_morning_in_shanghai() -> None:
    assert CHINA.local_day(datetime(2026, 11, 19, 0, 0, tzinfo=UTC)) == date(2026, 11, 19)
    assert CHINA.local_day(datetime(2026, 11, 19, 15, 59, 59, tzinfo=UTC)) == date(2026, 11, 19)
    assert CHINA.local_day(datetime(2026, 11, 19, 16, 0, tzinfo=UTC)) == date(2026, 11, 20)


def test_an_instant_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        CHINA.local_day(datetime(2026, 11, 19, 12, 0))  # noqa: DTZ001


def test_six_in_the_evening_in_shanghai_is_ten_in_the_morning_utc() -> None:
    assert CHINA.at(date(2026, 11, 19), time(18)) == datetime(2026, 11, 19, 10, tzinfo=UTC)


def test_six_in_the_evening_in_berlin_moves_with_the_clock() -> None:
    assert BERLIN.at(date(2026, 3, 28), time(18)) == datetime(2026, 3, 28, 17, tzinfo=UTC)
    assert BERLIN.at(date(2026, 3, 29), time(18)) == datetime(2026, 3, 29, 16, tzinfo=UTC)
    assert BERLIN.at(date(2026, 10, 25), time(18)) == datetime(2026, 10, 25, 17, tzinfo=UTC)


def test_a_time_that_the_clock_skips_in_spring_is_moved_on_with_it() -> None:
    skipped = BERLIN.at(date(2026, 3, 29), time(2, 30))
    assert skipped.astimezone(BERLIN.zone).time() == time(3, 30)


def test_of_a_time_that_comes_twice_in_autumn_the_first_is_meant() -> None:
    assert BERLIN.at(date(2026, 10, 25), time(2, 30)) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    again = BERLIN.at(date(2026, 10, 25), time(2, 30, fold=1))
    assert again == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_the_day_of_the_change_has_23_or_25_hours() -> None:
    def hours(day: date) -> float:
        length = BERLIN.at(day + timedelta(days=1), time(0)) - BERLIN.at(day, time(0))
        return length / timedelta(hours=1)

    assert hours(date(2026, 3, 29)) == 23
    assert hours(date(2026, 10, 25)) == 25


@given(PLAIN_DAYS, st.times(min_value=time(4)))
def test_an_instant_leads_back_to_its_day(day: date, clock: time) -> None:
    for calendar in (CHINA, BERLIN):
        assert calendar.local_day(calendar.at(day, clock)) == day
