"""What the portal says itself shows one half at every door; what a person wrote stays as it is."""

from __future__ import annotations

from datetime import date

import pytest

from portal import models
from portal.entities.reports import ON_LEAVE
from tests.cast import NOW
from tests.security.web import Site

DAY = date(2026, 5, 11)


def exempt(site: Site, why: str) -> int:
    return site.cast.add(
        models.WorkReport,
        owner_id=site.cast.people["rep"],
        team_id=site.cast.teams["a"],
        title="日报 2026-05-11",
        period="day",
        period_key="2026-05-11",
        first_on=DAY,
        last_on=DAY,
        due_at=NOW,
        state="exempt",
        exempt_reason=why,
    )


@pytest.mark.parametrize(
    ("language", "why", "shown"), [("zh", ON_LEAVE, "请假"), ("en", ON_LEAVE, "On leave"), ("zh", "出差 | 客户现场", "出差 | 客户现场")]
)
def test_every_door_shows_one_half(site: Site, language: str, why: str, shown: str) -> None:
    report = exempt(site, why)
    site.cast.set(models.User, site.cast.people["leader_a"], language=language)
    browser = site.signed_in("leader_a")
    told = browser.get(f"/api/v1/work_report/{report}").get_json()["result"]["exempt_reason"]
    assert told == shown
    columns = "columns=title,exempt_reason"
    for door in (
        f"/work_report/{report}",
        f"/work_report/?{columns}",
        f"/work_report/export.csv?{columns}",
        "/report-desk/board?key=2026-05-11",
    ):
        page = browser.get(door)
        assert page.status_code == 200, door
        text = page.get_data(as_text=True)
        assert shown in text and (why == shown or why not in text), door
