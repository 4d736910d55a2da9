"""Who comes second at a pool lead hears that it is taken, not by whom; a lead that never was answers alike."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.security.web import Site

SAID = "可能刚被领走"


def claim(site: Site, login: str, lead: int) -> Any:
    browser = site.browser()
    token = browser.token(login).get_json()["access_token"]
    return browser.client.post("/api/v1/lead/claim", json={"ids": [lead]}, headers={"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize("second", ["mate", "other", "leader_a", "director"])
def test_the_second_claim_by_rest(site: Site, second: str) -> None:
    lead = site.cast.lead()
    assert claim(site, "rep", lead).get_json()["done"] == [lead]
    answer = claim(site, second, lead)
    [refused] = answer.get_json()["refused"]
    assert (answer.status_code, refused["rule"]) == (409, "already_claimed")
    assert SAID in refused["message"] and "业务员甲" not in answer.get_data(as_text=True)


def test_a_hidden_lead_and_none_answer_alike(site: Site) -> None:
    hidden = site.cast.lead(owner="other")
    said = [claim(site, "rep", lead).get_json()["refused"][0] for lead in (hidden, hidden + 999)]
    assert [each | {"id": 0} for each in said] == [said[0] | {"id": 0}] * 2


def test_the_page_says_it_in_the_preview_and_after(site: Site) -> None:
    lead, browser = site.cast.lead(), site.signed_in("mate")
    claim(site, "rep", lead)
    preview = browser.post("/lead/verb/claim?preview=1", {"ids": str(lead)}, page="/me/").get_data(as_text=True)
    assert SAID in preview and "业务员甲" not in preview
    answer = browser.post("/lead/verb/claim", {"ids": str(lead)}, page="/me/", headers={"HX-Request": "true"})
    assert answer.status_code == 409 and SAID in json.loads(answer.headers["HX-Trigger"])["portal:toast"]["text"]
