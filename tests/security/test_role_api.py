"""Roles over REST: the same rules as on their page, for who may change roles there."""

from __future__ import annotations

from typing import Any

from portal import models
from tests.security.test_field_rights import api, role_id
from tests.security.web import Site


def ask(site: Site, method: str, path: str, body: Any = None, login: str = "admin") -> Any:
    return site.browser().client.open(f"/api/v1/role/{path}", method=method, json=body, headers=api(site, login))


def one(site: Site, name: str) -> dict[str, Any]:
    told: dict[str, Any] = ask(site, "GET", str(role_id(site, name))).get_json()["result"]
    return told


def test_a_role_is_read_and_written_and_counts_at_once(site: Site) -> None:
    lead_id = site.cast.lead(owner="rep", phone="+8613812345678")
    listed = ask(site, "GET", "").get_json()["result"]
    assert [each["name"] for each in listed][:2] == ["admin", "director"]
    held = one(site, "rep")
    assert held in listed and "lead:claim" in held["verbs"] and held["scopes"]["lead"]["read"] == "own+pool"
    given = {"stamp": held["stamp"], "fields": {"lead": {"phone": "masked", "note": "edit"}}, "reason": "试点"}
    saved = ask(site, "PUT", str(held["id"]), given)
    assert saved.status_code == 200, saved.get_data(as_text=True)
    told = saved.get_json()["result"]
    assert (told["fields"], told["verbs"], told["scopes"]) == ({"lead": {"phone": "masked"}}, held["verbs"], held["scopes"])
    seen = site.browser().client.get(f"/api/v1/lead/{lead_id}", headers=api(site)).get_json()["result"]
    assert seen["phone"] == "138****5678"
    last = [each for each in site.cast.rows(models.AuditEvent) if each.entity == "role"][-1]
    assert (last.verb, last.reason) == ("role:save", "试点")
    verbs = [verb for verb in told["verbs"] if verb != "lead:claim"]
    scopes = {**told["scopes"], "lead": {"read": "own", "write": "own", "assign": "none"}}
    saved = ask(site, "PUT", str(held["id"]), {"stamp": told["stamp"], "verbs": verbs, "scopes": scopes}).get_json()["result"]
    assert "lead:claim" not in saved["verbs"] and saved["scopes"]["lead"]["read"] == "own" and saved["fields"] == told["fields"]


def test_one_is_made_like_another_and_removed(site: Site) -> None:
    made = ask(site, "POST", "", {"zh": "外包", "en": "Outside", "like": role_id(site, "rep")})
    assert made.status_code == 201
    told = made.get_json()["result"]
    assert told["verbs"] == one(site, "rep")["verbs"] and told["shipped"] is False
    assert ask(site, "POST", "", {"zh": "外包", "en": "Outside"}).status_code == 422
    assert ask(site, "DELETE", str(told["id"])).status_code == 204
    assert ask(site, "GET", str(told["id"])).status_code == 404
    assert ask(site, "DELETE", str(role_id(site, "rep"))).status_code == 409


def test_the_rules_of_the_page_hold(site: Site) -> None:
    held, admin = one(site, "rep"), one(site, "admin")
    where = str(held["id"])
    assert ask(site, "PUT", where, {"stamp": "old", "verbs": []}).status_code == 409
    assert ask(site, "PUT", str(admin["id"]), {"stamp": admin["stamp"], "verbs": []}).status_code == 409
    wide = {"stamp": admin["stamp"], "verbs": [*admin["verbs"], "lead:claim"]}
    assert ask(site, "PUT", str(admin["id"]), wide).status_code == 409
    for body in (
        [],
        {"stamp": held["stamp"], "rights": []},
        {"stamp": held["stamp"], "verbs": "lead:read"},
        {"stamp": held["stamp"], "verbs": [1]},
        {"stamp": held["stamp"], "verbs": ["lead:fly"]},
        {"stamp": held["stamp"], "scopes": {"lead": "all"}},
        {"stamp": held["stamp"], "scopes": {"lead": {"read": "moon"}}},
        {"stamp": held["stamp"], "scopes": {"lead": {"sees": "all"}}},
        {"stamp": held["stamp"], "scopes": {"lead": {"read": "all", "team_ids": ["x"]}}},
        {"stamp": held["stamp"], "fields": {"lead": {"company": "none"}}},
        {"stamp": held["stamp"], "fields": {"lead": {"phone": 1}}},
        {"stamp": held["stamp"], "fields": {"lead": "none"}},
    ):
        assert ask(site, "PUT", where, body).status_code == 400, body
    assert one(site, "rep") == held


def test_only_who_may(site: Site) -> None:
    where = str(role_id(site, "rep"))
    for login in ("rep", "director"):
        for method, path in (("GET", ""), ("GET", where), ("POST", ""), ("PUT", where), ("DELETE", where)):
            assert ask(site, method, path, {}, login).status_code == 403, (login, method, path)
    assert site.browser().client.get("/api/v1/role/").status_code == 401
    described = site.signed_in("admin").get("/api/v1/_openapi").get_json()["paths"]
    assert {"get", "post"} <= set(described["/api/v1/role/"]) and {"get", "put", "delete"} <= set(described["/api/v1/role/{role_id}"])
