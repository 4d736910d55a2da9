"""An admin brings somebody in over HTTP; he works, moves, leaves. The first administrator comes by command."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner

from config import Config
from portal import models
from portal.cli import portal
from portal.commands import accounts
from portal.engine.errors import Invalid, Refused
from portal.engine.tables import Outbox, SignInLimit
from portal.factory import create_app
from tests.security.web import Browser, Site

NEW = "seven slow herons"
OK, FOUND = 200, 302


def verb(admin: Browser, name: str, person: int, **form: Any) -> Any:
    """A button of the person's page, as htmx presses it."""
    return admin.post(f"/user/verb/{name}", {"ids": str(person), **form}, page="/password/change", headers={"HX-Request": "true"})


def test_from_invitation_to_leaving(site: Site) -> None:
    admin = site.signed_in("admin")
    form = {"name": "林晓雯", "email": "lin@test.example", "phone": "13800001234"}
    assert admin.post("/user/new", form, page="/user/new").status_code in (FOUND, 303)
    person = site.cast.rows(models.User, models.User.username == "lin.xiaowen")[0]
    assert person.created_by_fk == site.cast.people["admin"] and not person.active
    placed = verb(admin, "place", person.id, team_id=str(site.cast.teams["a"]), role="rep", superior_id=str(site.cast.people["leader_a"]))
    assert placed.status_code == OK, placed.get_data(as_text=True)
    assert site.browser().sign_in("lin.xiaowen").status_code == 401
    assert verb(admin, "invite", person.id).status_code == OK
    path = site.cast.rows(Outbox)[-1].body["href"]
    browser = site.browser()
    assert browser.post(path, {"password": NEW, "again": NEW}, page=path).status_code == FOUND
    assert browser.sign_in("lin.xiaowen", NEW).status_code == FOUND
    theirs, open_ = site.cast.lead(owner="mate"), site.cast.lead()
    assert browser.get(f"/lead/{theirs}").status_code == 404
    assert browser.get(f"/lead/{open_}").status_code == OK
    assert verb(admin, "deactivate", person.id).status_code == OK
    assert not browser.inside()


def test_the_dialog_of_placing_offers_roles_in_words(site: Site) -> None:
    admin = site.signed_in("admin")
    page = admin.post(
        "/user/verb/place?preview=1", {"ids": str(site.cast.people["rep"])}, page="/password/change", headers={"HX-Request": "true"}
    ).get_data(as_text=True)
    assert "业务员" in page and "出纳" in page and 'name="team_id"' in page and 'name="superior_id"' in page


@pytest.mark.parametrize("login", ["director", "rep", "legal", "nobody"])
def test_nobody_else_administers_people(site: Site, login: str) -> None:
    browser = site.signed_in(login)
    for name in ("invite", "place", "reset_password", "deactivate", "reactivate"):
        answer = verb(browser, name, site.cast.people["mate"], role="admin")
        assert answer.status_code in (403, 404)
    assert site.cast.principal("mate").roles == ("rep",)
    assert browser.post("/user/new", {"name": "x", "email": "x@test.example"}, page="/password/change").status_code in (403, 404)


def test_a_body_cannot_name_what_the_form_does_not_ask(site: Site) -> None:
    token = site.browser().token("admin").json["access_token"]
    client, bearer = site.browser().client, {"Authorization": f"Bearer {token}"}
    for extra in ({"active": True}, {"password": "x"}, {"username": "root"}, {"team_id": 1}, {"id": 1}, {"roles": ["admin"]}):
        body = {"name": "某人", "email": "some@test.example", **extra}
        assert client.post("/api/v1/user/", json=body, headers=bearer).status_code == 422
        assert client.put(f"/api/v1/user/{site.cast.people['rep']}", json=extra, headers=bearer).status_code == 422
    text = client.get(f"/api/v1/user/{site.cast.people['rep']}", headers=bearer).get_data(as_text=True)
    assert "scrypt" not in text and "reset_hash" not in text and "password" not in text


def test_the_first_administrator_signs_in(config: Config) -> None:
    given = {"login": "Boss", "name": "高远", "email": "gao@test.example"}
    with pytest.raises(Invalid):
        accounts.make_admin(config, **given, password="password1234")
    assert accounts.make_admin(config, **given, password=NEW)
    with pytest.raises(Invalid):
        accounts.make_admin(config, **{**given, "email": "other@test.example"}, password=NEW)
    browser = Browser(create_app(config).test_client())
    assert browser.sign_in("boss", NEW).status_code == FOUND
    assert browser.get("/user/").status_code == OK


def test_demo_accounts_are_listed_for_programs_and_never_in_production(site: Site) -> None:
    config = site.app.extensions["portal_config"]
    assert accounts.demo_accounts(config) == []
    site.cast.set(models.User, site.cast.people["rep"], username="rep07")
    runner = CliRunner()
    listed = runner.invoke(portal.get_command(None, "accounts"), ["--json"], obj=config)  # type: ignore[arg-type]
    found = json.loads(listed.output)
    assert [set(each) for each in found] == [{"login", "password", "role", "team"}] and found[0]["role"] == "rep"
    with pytest.raises(Refused):
        accounts.demo_accounts(replace(config, env="production"))


def test_behind_a_proxy_the_visitor_counts_not_the_proxy(site: Site) -> None:
    app = create_app(replace(site.app.extensions["portal_config"], proxies=1))
    client = app.test_client()
    for _ in range(10):
        answer = client.post(
            "/api/v1/security/login", json={"username": "rep", "password": "wrong wrong wrong"}, headers={"X-Forwarded-For": "203.0.113.7"}
        )
        assert answer.status_code == 401
    with site.cast.act("system") as session:
        assert "sign_in:address:203.0.113.7" in {limit.key for limit in session.query(SignInLimit)}
