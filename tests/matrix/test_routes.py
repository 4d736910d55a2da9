"""Every route of the portal is walked by the matrix, or stands here with its reason. A new door nobody walks fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule

from portal.engine.spec import registry
from portal.web.protection import is_shut
from tests.matrix import test_audit_log as log_rules
from tests.matrix import test_policy_desk as policy_rules
from tests.matrix import test_report_rules as report_rules
from tests.matrix import test_write_rules as rules
from tests.matrix.attempts import attempts
from tests.matrix.rules import SCOPED
from tests.matrix.test_reads import reading_doors
from tests.matrix.test_writes import other_doors
from tests.matrix.world import Planted, World

Door = tuple[str, str]
"""Method and rule, as the route is declared."""
SPECIAL: dict[Door, Callable[..., Any]] = {
    ("POST", "/inbox/<int:notice_id>"): rules.test_notices_runs_and_reports_of_others_are_not_there,
    ("POST", "/inbox/read"): rules.test_notices_runs_and_reports_of_others_are_not_there,
    ("GET", "/jobs/<int:run_id>.json"): rules.test_notices_runs_and_reports_of_others_are_not_there,
    ("GET", "/jobs/<int:run_id>"): rules.test_notices_runs_and_reports_of_others_are_not_there,
    ("GET", "/jobs/<int:run_id>/refused.csv"): rules.test_notices_runs_and_reports_of_others_are_not_there,
    ("POST", "/jobs/<int:run_id>/cancel"): rules.test_notices_runs_and_reports_of_others_are_not_there,
    ("POST", "/jobs/<int:run_id>/retry"): rules.test_notices_runs_and_reports_of_others_are_not_there,
    ("POST", "/report-desk/<int:report_id>"): rules.test_notices_runs_and_reports_of_others_are_not_there,
    ("POST", "/preferences"): rules.test_a_cookie_alone_writes_nothing,
    ("POST", "/logout/"): rules.test_a_cookie_alone_writes_nothing,
    ("GET", "/flows/"): rules.test_pages_of_the_house_are_the_admins,
    ("GET", "/flows/<entity>/<name>"): rules.test_pages_of_the_house_are_the_admins,
    ("POST", "/flows/<entity>/<name>"): rules.test_pages_of_the_house_are_the_admins,
    **dict.fromkeys(
        (
            ("GET", "/report-templates/"),
            ("GET", "/report-templates/new"),
            ("POST", "/report-templates/new"),
            ("GET", "/report-templates/<int:template_id>"),
            ("POST", "/report-templates/<int:template_id>"),
        ),
        report_rules.test_report_templates_are_the_admins,
    ),
    **dict.fromkeys(
        (
            ("GET", "/roles/"),
            ("GET", "/roles/new"),
            ("POST", "/roles/new"),
            ("GET", "/roles/<int:role_id>"),
            ("POST", "/roles/<int:role_id>"),
            ("POST", "/roles/<int:role_id>/effect"),
            ("POST", "/roles/<int:role_id>/rename"),
            ("POST", "/roles/<int:role_id>/delete"),
            ("GET", "/roles/<int:role_id>/fields"),
            ("POST", "/roles/<int:role_id>/fields"),
            ("POST", "/roles/<int:role_id>/fields/effect"),
            ("GET", "/api/v1/role/"),
            ("POST", "/api/v1/role/"),
            ("GET", "/api/v1/role/<int:role_id>"),
            ("PUT", "/api/v1/role/<int:role_id>"),
            ("DELETE", "/api/v1/role/<int:role_id>"),
            ("GET", "/roles/compare"),
            ("GET", "/roles/why"),
            ("GET", "/roles/view-as"),
            ("POST", "/roles/view-as"),
            ("POST", "/roles/view-as/end"),
        ),
        rules.test_roles_are_the_admins,
    ),
    **dict.fromkeys(
        (("GET", "/policies/"), ("GET", "/policies/<key>"), ("POST", "/policies/<key>"), ("POST", "/policies/<key>/take-back")),
        policy_rules.test_policies_are_the_admins,
    ),
    **dict.fromkeys((("GET", "/audit-log/"), ("GET", "/audit-log/export.csv")), log_rules.test_the_log_is_for_who_holds_its_right),
    ("GET", "/fields/"): rules.test_pages_of_the_house_are_the_admins,
    ("POST", "/fields/"): rules.test_pages_of_the_house_are_the_admins,
    ("GET", "/fields/new"): rules.test_pages_of_the_house_are_the_admins,
    ("POST", "/fields/new"): rules.test_pages_of_the_house_are_the_admins,
    ("GET", "/fields/<int:field_id>"): rules.test_pages_of_the_house_are_the_admins,
    ("POST", "/fields/<int:field_id>"): rules.test_pages_of_the_house_are_the_admins,
    ("GET", "/print-templates/"): rules.test_pages_of_the_house_are_the_admins,
    ("GET", "/print-templates/<entity>"): rules.test_pages_of_the_house_are_the_admins,
    ("POST", "/print-templates/<entity>"): rules.test_pages_of_the_house_are_the_admins,
    ("GET", "/mailbox/"): rules.test_pages_of_the_house_are_the_admins,
    ("GET", "/api/<version>/_openapi"): rules.test_pages_of_the_house_are_the_admins,
}
"""Doors that no declaration makes, and the test that walks them."""
ELSEWHERE: dict[Door, str] = {
    ("GET", "/login/"): "opens to everybody; its rules are in tests/security/test_login.py",
    ("POST", "/login/"): "opens to everybody; its rules are in tests/security/test_login.py",
    ("POST", "/api/v1/security/login"): "the same rules for programs, in tests/security/test_login.py",
    ("POST", "/api/v1/security/refresh"): "a token's own session, in tests/security/test_sessions.py",
    ("GET", "/password/forgot"): "shows a form to everybody",
    ("POST", "/password/forgot"): "answers alike for known and unknown, in tests/security/test_login.py",
    ("GET", "/password/reset/<token>"): "its token is the right, in tests/security/test_login.py",
    ("POST", "/password/reset/<token>"): "its token is the right, in tests/security/test_login.py",
    ("GET", "/password/change"): "one's own password, in tests/security/test_sessions.py",
    ("POST", "/password/change"): "one's own password, in tests/security/test_sessions.py",
    ("GET", "/healthz"): "says only that it lives",
    ("GET", "/readyz"): "says only that the database answers",
    ("GET", "/metrics"): "to loopback or by token, in tests/security/test_headers.py",
    ("GET", "/static/<path:filename>"): "files of the program, the same for everybody",
}


def routes(app: Flask) -> Iterator[Door]:
    """What answers: every rule and method that is not shut."""
    for rule in app.url_map.iter_rules():
        if not is_shut(app, rule.endpoint):
            yield from ((method, rule.rule) for method in (rule.methods or set()) - {"HEAD", "OPTIONS"})


def walked(app: Flask, world: World) -> set[Door]:
    """The rules behind the addresses that the matrix asks for."""
    asked = [("GET", path) for how in ("cookie", "token") for path in reading_doors(how, world)]
    for entity in registry():
        asked += [(method, path) for _, method, path in other_doors(entity)]
        asked += [(attempt.method, attempt.path.format(i=1)) for attempt in attempts(entity)]
    adapter = app.url_map.bind("portal.test")
    found = set()
    for method, path in asked:
        rule, _ = adapter.match(path.split("?")[0], method, return_rule=True)
        found.add((method, rule.rule))
    return found | set(SPECIAL)


def unwalked(app: Flask, world: World) -> list[str]:
    """A sentence for every door that nobody walks."""
    known = walked(app, world) | set(ELSEWHERE)
    return [
        f"{method} {rule} is a door that the matrix does not walk: add it to the doors in tests/matrix, or to ELSEWHERE with its reason"
        for method, rule in sorted(set(routes(app)) - known)
    ]


@pytest.fixture
def world() -> World:
    """No rows are needed to know the addresses."""
    return World([Planted(entity, 1, "", ()) for entity in SCOPED])


def test_every_route_is_walked_by_the_matrix(app: Flask, world: World) -> None:
    assert not unwalked(app, world)


def test_a_new_route_that_nobody_walks_fails_with_a_sentence(app: Flask, world: World) -> None:
    app.url_map.add(Rule("/lead/<int:record_id>/print", endpoint="LeadView.show", methods=["GET"]))
    (sentence,) = unwalked(app, world)
    assert sentence.startswith("GET /lead/<int:record_id>/print is a door that the matrix does not walk: add it")


def test_what_is_named_here_exists(app: Flask) -> None:
    assert not (set(SPECIAL) | set(ELSEWHERE)) - set(routes(app))
    assert not set(SPECIAL) & set(ELSEWHERE)


def test_doors_that_came_with_the_framework_are_shut(app: Flask) -> None:
    shut = [rule for rule in app.url_map.iter_rules() if is_shut(app, rule.endpoint)]
    assert shut
    for rule in shut:
        path = rule.rule.replace("<path:filename>", "css/bootstrap.min.css").replace("<string:locale>", "en")
        assert app.test_client().get(path).status_code == 404, rule


def test_an_address_that_is_no_route_is_found_by_nobody(app: Flask) -> None:
    adapter = app.url_map.bind("portal.test")
    for path in ("/users/list/", "/roles/list/", "/lead/download/1", "/action/x/1", "/api/v1/menu/", "/register/form"):
        with pytest.raises(HTTPException):
            adapter.match(path, "GET")
