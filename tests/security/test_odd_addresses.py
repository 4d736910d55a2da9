"""Addresses that nobody was given: a day at the end of the calendar, a condition that cannot be read. Never a fault of ours."""

from __future__ import annotations

from datetime import date

import pytest

from portal import models
from tests.security.web import Site

DAYS = ("9999-12-31", "0001-01-01", "9999-12", "9999-W52", "0001-W01", "3000-01-01")
CONDITIONS = (
    '[["created_at","ge","-99999 days"]]',
    '[["amount","eq","1e400"]]',
    '[["amount","in",["x"]]]',
    '[["amount","between",["1"]]]',
    '[["amount","ge","NaN"]]',
    '[["customer_id.phone","eq","1"]]',
)


@pytest.mark.parametrize("day", DAYS)
def test_a_period_that_has_no_neighbours_is_none(site: Site, day: str) -> None:
    director = site.signed_in("director")
    assert director.get(f"/report-desk/board?key={day}").status_code == 400


@pytest.mark.parametrize("quarter", ["9999-Q4", "0001-Q1", "9999-12"])
def test_a_pack_of_such_a_quarter_is_none(site: Site, quarter: str) -> None:
    assert site.signed_in("director").get(f"/meeting-pack/{quarter}.pdf").status_code in (400, 404)


@pytest.mark.parametrize("entity", ["receipt", "class_review", "approval"])
def test_charts_refuse_what_their_list_refuses(site: Site, entity: str) -> None:
    director = site.signed_in("director")
    answers = {
        raw: [director.get(f"/{entity}/{page}", query_string={"filter": raw}).status_code for page in ("", "charts")] for raw in CONDITIONS
    }
    assert {raw: codes for raw, codes in answers.items() if codes[0] != codes[1] or codes[0] >= 500} == {}


@pytest.mark.parametrize(("key", "value"), [("due", "21:30"), ("chase", "12:00"), ("late_until", "19:00")])
def test_one_time_of_the_reports_changed_alone_stops_nobody(site: Site, key: str, value: str) -> None:
    """Each is a policy by itself; what comes after it comes with it."""
    site.cast.add(models.Policy, key=f"report.day.{key}", effective_on=date(2026, 1, 1), value=value, reason="-", version=1)
    assert site.signed_in("rep").get("/").status_code == 200
    assert site.signed_in("leader_a").get("/report-desk/board").status_code == 200
