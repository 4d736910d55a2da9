"""Headers, CSRF, shut doors, redirects, preferences."""

from __future__ import annotations

from dataclasses import replace

import pytest

from portal import models
from portal.engine.clock import clock
from portal.web.protection import HEADERS, POLICY, is_shut, local_path
from tests.security.web import PASSWORD, Site, make_site

OK, NO_CONTENT, SEE_OTHER, BAD, MISSING = 200, 204, 303, 400, 404


@pytest.mark.parametrize("path", ["/login/", "/password/forgot", "/", "/no/such/page", "/api/v1/lead/", "/static/css/base.css"])
def test_every_answer_carries_the_strict_policy(site: Site, path: str) -> None:
    for browser in (site.browser(), site.signed_in("rep")):
        answer = browser.get(path)
        assert answer.headers["Content-Security-Policy"] == POLICY
        for name, value in HEADERS.items():
            assert answer.headers.getlist(name) == [value]
        if not path.startswith("/static"):
            assert "no-store" in answer.headers["Cache-Control"]
    assert "unsafe" not in POLICY and "*" not in POLICY


def test_production_cookies_are_for_this_host_and_tls_only(site: Site) -> None:
    live = make_site(site.cast, replace(site.app.extensions["portal_config"], env="production"))
    answer = live.browser().get("/login/", base_url="https://portal.test")
    cookies = answer.headers.getlist("Set-Cookie")
    assert cookies and all(value.startswith("__Host-") for value in cookies)
    for value in cookies:
        assert "Secure" in value and "HttpOnly" in value and "SameSite=Lax" in value and "Path=/" in value and "Domain" not in value
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")


def test_the_cookie_stays_small(site: Site) -> None:
    browser = site.signed_in("rep")
    for number in range(30):
        browser.get(f"/lead/?q={number}{'x' * 200}")
    cookie = browser.client.get_cookie("portal")
    assert cookie is not None and len(cookie.value) < 600 and cookie.http_only


@pytest.mark.parametrize("path", ["/login/", "/logout/", "/password/forgot", "/password/change", "/preferences"])
def test_a_post_without_the_token_is_refused(site: Site, path: str) -> None:
    browser = site.signed_in("rep")
    form = {"username": "rep", "password": PASSWORD, "theme": "dark"}
    assert browser.client.post(path, data=form).status_code == BAD
    assert browser.client.post(path, data={**form, "csrf_token": "made.up.token"}).status_code == BAD
    assert browser.inside()


@pytest.mark.parametrize(
    "path",
    [
        "/back",
        "/lang/zh",
        "/api/v1/menu/",
        "/swagger/v1",
        "/static/appbuilder/js/ab.js",
        "/users/list/",
        "/roles/list/",
        "/resetpassword/form",
        "/registeruser/form",
        "/userinfoeditview/form",
        "/api/v1/security/users/",
        "/permissions/list/",
    ],
)
def test_the_librarys_own_doors_are_shut(site: Site, path: str) -> None:
    for browser in (site.browser(), site.signed_in("admin")):
        assert browser.get(path).status_code == MISSING


def test_no_door_of_the_library_is_open_but_the_api_document(site: Site) -> None:
    shut = [rule for rule in site.app.url_map.iter_rules() if is_shut(site.app, rule.endpoint)]
    open_ = {
        rule.endpoint
        for rule in site.app.url_map.iter_rules()
        if rule not in shut
        and rule.endpoint != "static"
        and type(getattr(site.app.view_functions[rule.endpoint], "__self__", None)).__module__.startswith("flask_appbuilder")
    }
    assert open_ == {"OpenApi.get"}


def test_the_api_document_is_for_who_is_signed_in(site: Site) -> None:
    assert site.browser().get("/api/v1/_openapi").status_code in (401, 403)
    document = site.signed_in("legal").get("/api/v1/_openapi").json
    assert "/api/v1/security/login" in document["paths"] and "/api/v1/lead/" in document["paths"]


@pytest.mark.parametrize(
    ("target", "path"),
    [(None, "/"), ("/lead/1", "/lead/1"), ("http://x/", "/"), ("//x", "/"), ("/\\x", "/"), ("\\/x", "/"), ("/a\r\nSet-Cookie: x", "/")],
)
def test_redirects_stay_here(target: str | None, path: str) -> None:
    assert local_path(target) == path


def test_preferences_live_with_the_person_and_before_sign_in_with_the_browser(site: Site) -> None:
    stranger = site.browser()
    assert stranger.post("/preferences", {"language": "en"}).status_code == NO_CONTENT
    assert "Sign in" in stranger.get("/login/").get_data(as_text=True)
    browser = site.signed_in("rep")
    wanted = {"theme": "dark", "language": "en", "density": "comfortable", "back": "/lead/"}
    answer = browser.post("/preferences", wanted, page="/password/change")
    assert (answer.status_code, answer.location) == (SEE_OTHER, "/lead/")
    row = site.cast.row(models.User, site.cast.people["rep"])
    assert (row.theme, row.language) == ("dark", "en")
    assert "Change password" in browser.get("/password/change").get_data(as_text=True)
    for wrong in ({"theme": "<script>"}, {"language": "fr"}, {}, {"active": "0"}):
        assert browser.post("/preferences", wrong, page="/password/change").status_code == BAD
    assert browser.post("/preferences", {"theme": "dark", "back": "//evil.example"}, page="/password/change").location == "/"


def test_a_body_too_large_is_refused(site: Site) -> None:
    browser = site.signed_in("rep")
    answer = browser.client.post("/preferences", data={"theme": "x" * 10}, headers={"Content-Length": str(65 * 1024 * 1024)})
    assert answer.status_code in (BAD, 413)
    clock.release()


def test_figures_for_machines_are_for_this_machine_alone(site: Site) -> None:
    near, handed_on = {"REMOTE_ADDR": "127.0.0.1"}, {"X-Forwarded-For": "192.0.2.7"}
    for browser in (site.browser(), site.signed_in("director")):
        assert "portal_requests_total" in browser.client.get("/metrics", environ_overrides=near).get_data(as_text=True)
        assert browser.client.get("/metrics", environ_overrides=near, headers=handed_on).status_code == MISSING
        assert browser.get("/metrics").status_code == MISSING


def test_with_a_token_figures_are_for_whoever_has_it(site: Site) -> None:
    guarded = make_site(site.cast, replace(site.app.extensions["portal_config"], metrics_token="a-token-of-its-own"))
    browser, far = guarded.browser(), {"REMOTE_ADDR": "192.0.2.7"}
    assert browser.client.get("/metrics").status_code == MISSING
    for wrong in ("", "another", "\xe4"):
        assert browser.client.get("/metrics", headers={"X-Metrics-Token": wrong}).status_code == MISSING
    right = browser.client.get("/metrics", headers={"X-Metrics-Token": "a-token-of-its-own"}, environ_overrides=far)
    assert right.status_code == OK
