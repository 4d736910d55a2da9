"""The duplicate check looks past the reader's scope: each look is kept in the history, and only so many an hour."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from portal import models
from portal.engine.clock import clock
from portal.engine.tables import AuditEvent
from tests.cast import NOW, Cast
from tests.security.web import Site

HOUR = timedelta(hours=1)


def allow(cast: Cast, most: int) -> None:
    cast.add(models.Policy, key="duplicate.checks_per_hour", value=str(most), effective_on=NOW.date())


def enter(site: Site, login: str, company: str, *, confirm: bool = False, **more: Any) -> Any:
    browser = site.browser()
    token = browser.token(login).get_json()["access_token"]
    return browser.client.post(
        f"/api/v1/lead/{'?confirm=1' if confirm else ''}",
        json={"company": company, "source_id": site.cast.source_id, **more},
        headers={"Authorization": f"Bearer {token}"},
    )


def looks(cast: Cast) -> list[Any]:
    return cast.rows(AuditEvent, AuditEvent.verb == "duplicate_check")


def test_a_look_is_kept_though_the_save_is_refused(site: Site) -> None:
    site.cast.lead(company="远山制造", company_key="远山制造", owner="other")
    assert enter(site, "rep", "远山制造", phone="13812345678").status_code == 409
    assert [(look.actor_id, look.entity, look.record_id, look.after) for look in looks(site.cast)] == [
        (site.cast.people["rep"], "lead", None, {"company": "远山制造", "phone": "+8613812345678"})
    ]
    assert len(site.cast.rows(models.Lead)) == 1


def test_beyond_the_hours_number_nothing_more_is_told_until_the_oldest_is_an_hour_old(site: Site) -> None:
    allow(site.cast, 2)
    site.cast.lead(company="远山制造", company_key="远山制造", owner="other")
    assert enter(site, "rep", "第一家").status_code == 201
    clock.advance(HOUR / 2)
    assert enter(site, "rep", "第二家").status_code == 201
    answer = enter(site, "rep", "远山制造")
    assert (answer.status_code, answer.get_json()["error"]) == (429, "too_many_look_ups")
    assert "外组丙" not in answer.get_data(as_text=True) and "30 分钟" in answer.get_json()["message"]
    assert enter(site, "mate", "远山制造").status_code == 409
    clock.advance(HOUR / 2)
    assert enter(site, "rep", "远山制造").status_code == 409


def test_a_confirmed_save_looks_at_nothing_and_is_not_limited(site: Site) -> None:
    allow(site.cast, 0)
    assert enter(site, "rep", "第一家").status_code == 429
    assert enter(site, "rep", "第一家", confirm=True).status_code == 201
    assert looks(site.cast) == []


def test_the_page_says_it_and_loses_nothing_typed(site: Site) -> None:
    allow(site.cast, 0)
    browser = site.signed_in("rep")
    answer = browser.post("/lead/new", {"company": "第一家", "source_id": str(site.cast.source_id)}, page="/me/")
    assert answer.status_code == 429
    page = answer.get_data(as_text=True)
    assert "每小时最多查重 0 次" in page and 'value="第一家"' in page
