"""Who gets in: page and token by the same rules, links by mail, nothing told to who only guesses."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from portal import models
from portal.engine.clock import clock
from portal.engine.tables import AuditEvent, Outbox
from portal.security import account, passwords
from tests.cast import NOW
from tests.security.web import PASSWORD, Site, make_site

NEW = "seven slow herons"
OK, FOUND, UNAUTHORISED, FORBIDDEN, GONE, INVALID = 200, 302, 401, 403, 410, 422


def audited(site: Site, verb: str) -> list[Any]:
    return site.cast.rows(AuditEvent, AuditEvent.verb == verb)


def link(site: Site) -> str:
    """The path in the newest mail."""
    return str(site.cast.rows(Outbox)[-1].body["href"])


def test_signs_in_by_login_or_address_and_out_again(site: Site) -> None:
    for typed in ("rep", " REP ", "rep@test.example"):
        browser = site.browser()
        assert not browser.inside()
        answer = browser.sign_in(typed)
        assert (answer.status_code, answer.location) == (FOUND, "/")
        assert browser.inside()
        assert browser.post("/logout/", page="/password/change").status_code == FOUND
        assert not browser.inside()
    lines = audited(site, "sign_in")
    assert [line.actor_id for line in lines] == [site.cast.people["rep"]] * 3
    assert lines[0].address == "10.0.0.1"
    assert len(audited(site, "sign_out")) == 3


def test_the_cookie_of_a_signed_out_session_is_worth_nothing(site: Site) -> None:
    browser = site.signed_in("rep")
    stolen = browser.client.get_cookie("portal")
    assert stolen is not None
    browser.post("/logout/", page="/password/change")
    thief = site.browser()
    thief.client.set_cookie("portal", stolen.value)
    assert not thief.inside()


def test_signing_in_gives_a_new_session(site: Site) -> None:
    browser = site.browser()
    token = browser.csrf()
    before = browser.client.get_cookie("portal")
    answer = browser.client.post("/login/", data={"username": "rep", "password": PASSWORD, "csrf_token": token})
    assert answer.status_code == FOUND
    after = browser.client.get_cookie("portal")
    assert before is not None and after is not None and before.value != after.value
    assert browser.client.post("/preferences", data={"theme": "dark", "csrf_token": token}).status_code == 400


@pytest.mark.parametrize(
    ("target", "goes_to"),
    [
        ("/lead/?q=1", "/lead/?q=1"),
        ("https://evil.example/", "/"),
        ("//evil.example", "/"),
        ("///evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/\t/evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
        ("lead/", "/"),
    ],
)
def test_goes_on_to_local_paths_only(site: Site, target: str, goes_to: str) -> None:
    assert site.browser().sign_in("rep", next=target).location == goes_to


def test_wrong_and_unknown_answer_alike(site: Site) -> None:
    known, unknown = site.browser("10.0.0.2"), site.browser("10.0.0.3")
    for _ in range(3):
        first, second = known.sign_in("rep", "wrong wrong wrong"), unknown.sign_in("ghost", "wrong wrong wrong")
        assert first.status_code == second.status_code == UNAUTHORISED
        texts = [_plain(answer.get_data(as_text=True)) for answer in (first, second)]
        assert texts[0].replace('value="rep"', "") == texts[1].replace('value="ghost"', "")
    first, second = known.token("rep", "wrong wrong wrong"), unknown.token("ghost", "wrong wrong wrong")
    assert (first.status_code, first.json) == (second.status_code, second.json) == (UNAUTHORISED, first.json)
    lines = audited(site, "sign_in_failed")
    assert [line.record_id for line in lines].count(site.cast.people["rep"]) == 4
    assert "ghost" not in str([dict(line._mapping) for line in lines])


def test_an_unknown_account_costs_the_same_hash(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    site.cast.set(models.User, site.cast.people["rep"], password=passwords.hashed(PASSWORD))
    worked: list[str | None] = []
    real = passwords.check_password_hash
    monkeypatch.setattr(passwords, "check_password_hash", lambda kept, given: worked.append(kept) or real(kept, given))
    site.browser().sign_in("rep", "wrong wrong wrong")
    site.browser().sign_in("ghost", "wrong wrong wrong")
    site.cast.set(models.User, site.cast.people["mate"], password=None)
    site.browser().sign_in("mate", "wrong wrong wrong")
    assert [str(kept).split("$")[0] for kept in worked] == [str(worked[0]).split("$")[0]] * 3


def test_an_inactive_person_is_told_so_only_with_the_right_password(site: Site) -> None:
    site.cast.set(models.User, site.cast.people["rep"], active=False)
    assert site.browser().sign_in("rep", "wrong wrong wrong").status_code == UNAUTHORISED
    assert site.browser().sign_in("rep").status_code == FORBIDDEN
    answer = site.browser().token("rep")
    assert (answer.status_code, answer.json["error"]) == (FORBIDDEN, "inactive")


def test_a_forced_change_comes_before_everything(site: Site) -> None:
    site.cast.set(models.User, site.cast.people["rep"], must_change_password=True)
    answer = site.browser().token("rep")
    assert (answer.status_code, answer.json["error"]) == (FORBIDDEN, "password_change")
    browser = site.browser()
    assert browser.sign_in("rep").location == "/password/change"
    assert not browser.inside() and browser.get("/lead/").status_code == FOUND
    assert browser.get("/login/").location == "/password/change"
    form = {"current": PASSWORD, "password": NEW, "again": NEW}
    assert browser.post("/password/change", form, page="/password/change").status_code == FOUND
    assert browser.inside() and site.browser().token("rep", NEW).status_code == OK


def test_a_changed_password_ends_every_other_session_and_token(site: Site) -> None:
    here, there = site.signed_in("rep"), site.signed_in("rep")
    token = site.browser().token("rep").json["access_token"]
    form = {"current": PASSWORD, "password": NEW, "again": NEW}
    assert here.post("/password/change", form, page="/password/change").status_code == FOUND
    assert here.inside() and not there.inside()
    assert _with(site, token) != OK
    assert site.browser().sign_in("rep").status_code == UNAUTHORISED
    assert site.browser().sign_in("rep", NEW).status_code == FOUND
    assert len(audited(site, "password_set")) == 1


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"current": "wrong wrong wrong", "password": NEW, "again": NEW}, UNAUTHORISED),
        ({"current": PASSWORD, "password": NEW, "again": NEW + "!"}, INVALID),
        ({"current": PASSWORD, "password": "short", "again": "short"}, INVALID),
        ({"current": PASSWORD, "password": "password1234", "again": "password1234"}, INVALID),
        ({"current": PASSWORD, "password": PASSWORD, "again": PASSWORD}, INVALID),
        ({"current": PASSWORD}, INVALID),
    ],
)
def test_a_bad_change_changes_nothing(site: Site, form: dict[str, str], status: int) -> None:
    browser = site.signed_in("rep")
    assert browser.post("/password/change", form, page="/password/change").status_code == status
    assert site.browser().sign_in("rep").status_code == FOUND


def test_a_forgotten_password_answers_alike_and_mails_a_link_that_works_once(site: Site) -> None:
    known = site.browser().post("/password/forgot", {"username": "rep@test.example"})
    unknown = site.browser().post("/password/forgot", {"username": "ghost@test.example"})
    assert known.status_code == unknown.status_code == OK
    assert _plain(known.get_data(as_text=True)) == _plain(unknown.get_data(as_text=True))
    assert len(site.cast.rows(Outbox)) == 1
    path = link(site)
    signed_in = site.signed_in("rep")
    form = {"password": NEW, "again": NEW}
    assert site.browser().get(path).status_code == OK
    assert site.browser().post(path, {"password": "short", "again": "short"}, page=path).status_code == INVALID
    assert site.browser().post(path, form, page=path).location == "/login/"
    assert site.browser().post(path, {"password": "another " + NEW, "again": "another " + NEW}).status_code == GONE
    assert site.browser().get(path).status_code == GONE
    assert not signed_in.inside()
    assert site.browser().sign_in("rep", NEW).status_code == FOUND


def test_a_link_used_twice_at_the_same_moment_sets_one_password(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.browser().post("/password/forgot", {"username": "rep"})
    path = link(site)
    with site.cast.act("system") as session:
        found = account.of_link(session, path.rsplit("/", 1)[1], NOW)
    monkeypatch.setattr(account, "of_link", lambda *_: found)
    assert site.browser().post(path, {"password": NEW, "again": NEW}).status_code == FOUND
    late = "another " + NEW
    assert site.browser().post(path, {"password": late, "again": late}).status_code == GONE
    assert site.browser().sign_in("rep", NEW).status_code == FOUND


def test_a_link_dies_after_an_hour_and_with_the_account(site: Site) -> None:
    for user, after in (("rep", timedelta(hours=1)), ("mate", timedelta())):
        site.browser().post("/password/forgot", {"username": user})
        path = link(site)
        clock.set(NOW + after)
        if user == "mate":
            site.cast.set(models.User, site.cast.people[user], active=False)
        assert site.browser().get(path).status_code == GONE
        clock.set(NOW)


def test_links_are_not_sent_without_end(site: Site) -> None:
    for _ in range(14):
        assert site.browser().post("/password/forgot", {"username": "rep"}).status_code == OK
    assert len(site.cast.rows(Outbox)) <= 10


def test_demo_passwords_do_not_work_in_production(site: Site) -> None:
    config = site.app.extensions["portal_config"]
    live = make_site(site.cast, replace(config, env="production"))
    live.cast.set(models.User, live.cast.people["rep"], password=passwords.hashed(passwords.DEMO_PASSWORD))
    answer = live.browser().token("rep", passwords.DEMO_PASSWORD)
    assert (answer.status_code, answer.json["error"]) == (FORBIDDEN, "demo_password")
    assert site.browser().token("rep", passwords.DEMO_PASSWORD).status_code == OK


def test_a_token_is_asked_for_in_the_librarys_words(site: Site) -> None:
    client = site.browser()
    both = client.token("rep", provider="db", refresh=True).json
    assert set(both) == {"access_token", "refresh_token"}
    assert set(client.token("rep").json) == {"access_token"}
    assert _with(site, both["access_token"]) == OK
    assert _with(site, both["refresh_token"]) != OK
    for wrong in ({"provider": "ldap"}, {"user_id": 1}, {"password": ""}):
        assert client.token("rep", **{"password": PASSWORD, **wrong}).status_code == 400
    assert client.client.post("/api/v1/security/login", data={"username": "rep"}).status_code == 400


def _plain(page: str) -> str:
    """A page without what differs by session."""
    return re.sub(r'(csrf[-_]token"[^>]*(?:content|value)=")[^"]+', r"\1", page)


def _with(site: Site, token: str) -> int:
    return site.browser().get("/api/v1/_openapi", headers={"Authorization": f"Bearer {token}"}).status_code
