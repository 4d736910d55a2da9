"""A masked value is shown to who holds the right and gives a reason; the history keeps the look, not the value."""

from __future__ import annotations

from typing import Any

import pytest

from portal import models
from portal.engine.tables import AuditEvent
from tests.cast import Cast
from tests.security.web import Browser, Site

PHONE, SHOWN = "+8613812345678", "13812345678"


def pooled(cast: Cast) -> int:
    return cast.lead(company="远山制造", phone=PHONE, wechat="yuanshan-88")


def looks(cast: Cast) -> list[Any]:
    return cast.rows(AuditEvent, AuditEvent.verb == "reveal")


def by_api(site: Site, login: str, lead: int, **given: Any) -> Any:
    browser = site.browser()
    token = browser.token(login).get_json()["access_token"]
    return browser.client.post(f"/api/v1/lead/{lead}/reveal", json=given, headers={"Authorization": f"Bearer {token}"})


def by_page(browser: Browser, lead: int, **given: str) -> Any:
    return browser.post(f"/lead/{lead}/reveal", given, page="/me/")


def test_the_page_shows_the_value_once_and_the_history_who_why_and_which_field(site: Site) -> None:
    lead, browser = pooled(site.cast), site.signed_in("director")
    before = browser.get(f"/lead/{lead}").get_data(as_text=True)
    assert SHOWN not in before and f'action="/lead/{lead}/reveal"' in before
    shown = by_page(browser, lead, field="phone", reason="客户来电核对").get_data(as_text=True)
    assert SHOWN in shown and "yuanshan-88" not in shown
    after = browser.get(f"/lead/{lead}").get_data(as_text=True)
    assert SHOWN not in after and "客户来电核对" in after and "查看了隐藏的内容" in after and "电话" in after
    [look] = looks(site.cast)
    assert (look.actor_id, look.record_id, look.after, look.reason) == (
        site.cast.people["director"],
        lead,
        {"field": "phone"},
        "客户来电核对",
    )


def test_by_rest_too(site: Site) -> None:
    lead = pooled(site.cast)
    answer = by_api(site, "admin", lead, field="wechat", reason="合并前核对")
    assert (answer.status_code, answer.get_json()) == (200, {"id": lead, "field": "wechat", "value": "yuanshan-88"})
    assert [look.after for look in looks(site.cast)] == [{"field": "wechat"}]


@pytest.mark.parametrize("login", ["rep", "leader_a", "finance"])
def test_before_the_claim_others_see_it_masked(site: Site, login: str) -> None:
    lead, browser = pooled(site.cast), site.signed_in(login)
    assert by_page(browser, lead, field="phone", reason="想先打电话").status_code == 403
    assert by_api(site, login, lead, field="phone", reason="想先打电话").status_code == 403
    assert "/reveal" not in browser.get(f"/lead/{lead}").get_data(as_text=True)
    assert looks(site.cast) == []


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"field": "phone"}, 422),
        ({"field": "phone", "reason": "   "}, 422),
        ({"field": "company", "reason": "看看"}, 400),
        ({"field": "no_such", "reason": "看看"}, 400),
        ({}, 400),
    ],
)
def test_without_a_reason_or_for_a_field_that_is_not_hidden_nothing_is_told(site: Site, given: dict[str, str], status: int) -> None:
    answer = by_api(site, "director", pooled(site.cast), **given)
    assert answer.status_code == status and SHOWN not in answer.get_data(as_text=True)
    assert looks(site.cast) == []


def test_a_record_that_is_not_there_and_one_that_is_not_in_a_pool(site: Site) -> None:
    owned = site.cast.lead(owner="rep", phone=PHONE)
    assert by_api(site, "director", owned, field="phone", reason="看看").status_code == 400
    assert by_api(site, "director", owned + 999, field="phone", reason="看看").status_code == 404
    site.cast.set(models.Lead, owned, deleted_at=models.Lead.created_at)
    assert by_api(site, "director", owned, field="phone", reason="看看").status_code == 404
