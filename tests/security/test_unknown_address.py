"""Somebody imported without an e-mail address: shown as having none, invited only once he has one."""

from __future__ import annotations

import json
from typing import Any

from portal import models
from portal.engine.kinds.texts import unknown_address
from portal.engine.tables import Outbox
from tests.security.web import Browser, Site


def without_address(site: Site) -> int:
    person = site.cast.people["mate"]
    site.cast.set(models.User, person, email=unknown_address("mate"), active=False, password=None)
    return person


def invite(browser: Browser, person: int) -> Any:
    return browser.post("/user/verb/invite", {"ids": str(person)}, page="/me/", headers={"HX-Request": "true"})


def test_no_door_shows_the_placeholder(site: Site) -> None:
    person, browser = without_address(site), site.signed_in("admin")
    for door in ("/user/?limit=200", f"/user/{person}", f"/user/{person}/edit", "/user/export.csv", f"/api/v1/user/{person}"):
        assert "invalid" not in (text := browser.get(door).get_data(as_text=True)).replace("aria-invalid", ""), f"{door}: {text}"
    assert "未填" in browser.get(f"/user/{person}").get_data(as_text=True)
    assert browser.get(f"/api/v1/user/{person}").get_json()["result"]["email"] == ""
    found = browser.get("/api/v1/user/", query_string={"filter": json.dumps([["email", "empty", ""]])}).get_json()
    assert [each["id"] for each in found["result"]] == [person]


def test_the_invitation_asks_for_an_address_first(site: Site) -> None:
    person, browser = without_address(site), site.signed_in("admin")
    answer = invite(browser, person)
    assert answer.status_code == 409 and "填上邮箱" in json.loads(answer.headers["HX-Trigger"])["portal:toast"]["text"]
    assert not site.cast.row(models.User, person).active and site.cast.rows(Outbox) == []
    answer = browser.post(
        f"/user/{person}/edit", {"name": "同组乙", "email": "mate@test.example", "phone": "", "_version": "1"}, page="/me/"
    )
    assert answer.status_code == 303
    assert invite(browser, person).status_code == 200
    assert site.cast.row(models.User, person).active and len(site.cast.rows(Outbox)) == 1
