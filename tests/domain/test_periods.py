"""Daily, weekly and monthly reports: which period, when due, whom to remind at what moment."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domain.periods import DEFAULT_TIMES, Moments, PeriodKind, ReportTimes, due_day, moments, period_named, period_of
from portal.domain.worktime import WorkCalendar

CHINA = WorkCalendar()
BERLIN = WorkCalendar(region="WEEKDAYS", zone=ZoneInfo("Europe/Berlin"))
DAYS = st.dates(min_value=date(1990, 1, 8), max_value=date(2090, 1, 1))
KINDS = st.sampled_from(list(PeriodKind))


def planned(kind: PeriodKind, day: date, calendar: WorkCalendar = CHINA, times: ReportTimes | None = None) -> Moments:
    plan = moments(period_of(kind, day), calendar, times or DEFAULT_TIMES[kind])
    assert plan is not None
    return plan


def local(instant: datetime, calendar: WorkCalendar = CHINA) -> str:
    return f"{instant.astimezone(calendar.zone):%m-%d %H:%M}"


def test_a_period_is_named_by_its_day_its_iso_week_or_its_month() -> None:
    day = date(2026, 11, 19)
    keys = [period_of(kind, day).key for kind in PeriodKind]
    assert keys == ["2026-11-19", "2026-W47", "2026-11"]


@pytest.mark.parametrize(
    ("day", "key"),
    [
        (date(2026, 12, 31), "2026-W53"),
        (date(2027, 1, 3), "2026-W53"),
        (date(2027, 1, 4), "2027-W01"),
        (date(2025, 12, 28), "2025-W52"),
        (date(2025, 12, 29), "2026-W01"),
    ],
)
def test_a_week_belongs_to_its_iso_year_across_new_year(day: date, key: str) -> None:
    assert period_of(PeriodKind.WEEK, day).key == key


def test_week_53_leads_to_week_1_and_back() -> None:
    last = period_of(PeriodKind.WEEK, date(2026, 12, 31))
    assert last.next.key == "2027-W01"
    assert last.next.previous == last
    assert last.previous.key == "2026-W52"


def test_the_month_before_march_ends_on_the_leap_day() -> None:
    assert period_of(PeriodKind.MONTH, date(2028, 3, 31)).previous.last == date(2028, 2, 29)
    assert period_of(PeriodKind.DAY, date(2028, 3, 1)).previous.key == "2028-02-29"


def test_the_month_after_the_31st_of_january_is_february() -> None:
    assert period_of(PeriodKind.MONTH, date(2026, 1, 31)).next.key == "2026-02"
    assert period_of(PeriodKind.MONTH, date(2026, 12, 31)).next.key == "2027-01"


@given(KINDS, DAYS)
def test_periods_of_a_kind_follow_one_another_without_gap_or_overlap(kind: PeriodKind, day: date) -> None:
    period = period_of(kind, day)
    assert day in period
    assert period.next.first - period.last == timedelta(days=1)
    assert period.next.previous == period == period.previous.next
    assert period_named(period.key) == period


@pytest.mark.parametrize("key", ["", "2026", "2026-13", "2026-W54", "2026-02-30", "tomorrow"])
def test_a_key_that_names_no_period_is_refused(key: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        period_named(key)


def test_a_daily_report_is_reminded_due_chased_closed_and_listed() -> None:
    plan = planned(PeriodKind.DAY, date(2026, 11, 19))
    assert [local(at) for at in plan.remind_at] == ["11-19 17:30"]
    assert local(plan.due_at) == "11-19 18:00"
    assert local(plan.chase_at) == "11-19 20:00"
    assert local(plan.late_until) == "11-20 00:00"
    assert local(plan.list_at) == "11-20 09:00"
    assert plan.due_at == datetime(2026, 11, 19, 10, tzinfo=UTC)


def test_friday_s_missing_list_comes_on_monday() -> None:
    assert local(planned(PeriodKind.DAY, date(2026, 11, 20)).list_at) == "11-23 09:00"


def test_the_missing_list_before_golden_week_comes_after_it() -> None:
    assert local(planned(PeriodKind.DAY, date(2026, 9, 30)).list_at) == "10-08 09:00"


def test_there_is_no_daily_duty_on_a_holiday_but_one_on_a_make_up_saturday() -> None:
    holiday = period_of(PeriodKind.DAY, date(2026, 10, 2))
    assert moments(holiday, CHINA, DEFAULT_TIMES[PeriodKind.DAY]) is None
    assert local(planned(PeriodKind.DAY, date(2026, 10, 10)).due_at) == "10-10 18:00"


def test_a_weekly_report_is_due_on_friday_and_reminded_three_and_half_an_hour_before() -> None:
    plan = planned(PeriodKind.WEEK, date(2026, 11, 17))
    assert [local(at) for at in plan.remind_at] == ["11-20 15:00", "11-20 17:30"]
    assert local(plan.due_at) == "11-20 18:00"
    assert local(plan.late_until) == "11-21 00:00"
    assert local(plan.list_at) == "11-23 09:00"


def test_a_weekly_report_follows_the_holidays_and_the_make_up_days() -> None:
    assert local(planned(PeriodKind.WEEK, date(2026, 10, 1)).due_at) == "09-30 18:00"
    assert local(planned(PeriodKind.WEEK, date(2026, 10, 8)).due_at) == "10-10 18:00"


def test_a_week_without_working_day_has_no_duty() -> None:
    festival = period_of(PeriodKind.WEEK, date(2026, 2, 18))
    assert due_day(festival, CHINA) is None
    assert moments(festival, CHINA, DEFAULT_TIMES[PeriodKind.WEEK]) is None


def test_the_week_of_new_year_2027_is_due_on_a_provisional_friday() -> None:
    assert local(planned(PeriodKind.WEEK, date(2026, 12, 31)).due_at) == "01-01 18:00"


def test_a_monthly_report_is_due_on_the_last_calendar_day() -> None:
    plan = planned(PeriodKind.MONTH, date(2026, 10, 5))  # 31 October 2026 is a Saturday
    assert [local(at) for at in plan.remind_at] == ["10-31 15:00", "10-31 17:30"]
    assert local(plan.due_at) == "10-31 18:00"
    assert local(plan.list_at) == "11-02 09:00"


def test_policy_can_make_it_the_last_working_day() -> None:
    times = ReportTimes(remind=(timedelta(hours=3),), month_end="working")
    plan = planned(PeriodKind.MONTH, date(2026, 10, 5), times=times)
    assert local(plan.due_at) == "10-30 18:00"
    assert local(plan.list_at) == "11-02 09:00"


def test_a_month_without_working_day_has_a_duty_only_where_the_calendar_day_counts() -> None:
    closed = WorkCalendar({date(2026, 8, day): False for day in range(1, 32)})
    august = period_of(PeriodKind.MONTH, date(2026, 8, 1))
    assert due_day(august, closed, "working") is None
    assert due_day(august, closed, "calendar") == date(2026, 8, 31)


@pytest.mark.parametrize(("day", "due"), [(date(2028, 2, 3), "02-29"), (date(2027, 2, 3), "02-28")])
def test_a_february_report_is_due_on_the_leap_day_when_there_is_one(day: date, due: str) -> None:
    assert local(planned(PeriodKind.MONTH, day).due_at) == f"{due} 18:00"


def test_the_other_times_are_policy() -> None:
    times = ReportTimes(
        remind=(time(16), time(19), timedelta(hours=1)), due=time(17), chase=time(18), late_until=time(22), list_at=time(8, 30)
    )
    plan = planned(PeriodKind.DAY, date(2026, 11, 19), times=times)
    assert [local(at) for at in plan.remind_at] == ["11-19 16:00"]  # never after it is due
    assert local(plan.late_until) == "11-19 22:00"
    assert local(plan.list_at) == "11-20 08:30"


@pytest.mark.parametrize("wrong", [{"due": time(21)}, {"chase": time(17)}, {"late_until": time(19)}])
def test_times_out_of_order_are_refused(wrong: dict[str, time]) -> None:
    with pytest.raises(ValueError, match="due, then chase, then late_until"):
        ReportTimes(remind=(), **wrong)  # type: ignore[arg-type]


def test_in_berlin_the_report_is_due_at_six_on_both_sides_of_the_clock_change() -> None:
    march = planned(PeriodKind.MONTH, date(2026, 3, 1), BERLIN)
    february = planned(PeriodKind.MONTH, date(2026, 2, 1), BERLIN)
    assert local(march.due_at, BERLIN) == "03-31 18:00"
    assert local(february.due_at, BERLIN) == "02-28 18:00"
    assert (march.due_at.hour, february.due_at.hour) == (16, 17)


def test_a_due_day_on_which_the_clock_changes_still_ends_at_midnight() -> None:
    worked = WorkCalendar({date(2026, 10, 25): True}, region="WEEKDAYS", zone=BERLIN.zone)
    plan = planned(PeriodKind.DAY, date(2026, 10, 25), worked)
    assert local(plan.due_at, worked) == "10-25 18:00"
    assert local(plan.late_until, worked) == "10-26 00:00"


@given(KINDS, st.dates(min_value=date(2004, 1, 12), max_value=date(2030, 1, 1)))
def test_the_moments_always_come_in_order_and_inside_the_company_s_day(kind: PeriodKind, day: date) -> None:
    for calendar in (CHINA, BERLIN):
        period = period_of(kind, day)
        plan = moments(period, calendar, DEFAULT_TIMES[kind])
        if plan is None:
            continue
        order = [*plan.remind_at, plan.due_at, plan.chase_at, plan.late_until, plan.list_at]
        assert order == sorted(order)
        assert calendar.local_day(plan.due_at) in period
        assert calendar.is_working(calendar.local_day(plan.list_at))
