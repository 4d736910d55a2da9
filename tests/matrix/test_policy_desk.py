"""Who sets the company's figures: the desk is shut to everybody else, by whatever door, and to nobody it is shown in the menu."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from portal.models import Policy
from tests.cast import Cast
from tests.matrix.http import Caller
from tests.matrix.ledger import untouched
from tests.matrix.world import EVERYBODY

Callers = Callable[[str, str], Caller]
FORM = {"value": "48", "effective_on": "2026-05-20", "reason": "试一试"}
KEY = "/policies/lead.first_response_hours"


@pytest.mark.parametrize("how", ["cookie", "token"])
def test_policies_are_the_admins(how: str, callers: Callers, cast: Cast) -> None:
    for actor in EVERYBODY:
        caller = callers(actor, how)
        assert {caller.get(path).status for path in ("/policies/", KEY)} == {200 if actor == "admin" else 403}, actor
        if actor != "admin":
            with untouched(cast, actor):
                assert {caller.post(path, FORM).status for path in (KEY, f"{KEY}/take-back")} == {403}, actor
    assert callers("", "cookie").get("/policies/").status == 302


def test_only_who_may_open_it_finds_it_in_the_menu(callers: Callers) -> None:
    for actor in EVERYBODY:
        assert ('href="/policies/"' in callers(actor, "cookie").get("/").body) is (actor == "admin"), actor


def test_what_nobody_knows_is_refused(callers: Callers, cast: Cast) -> None:
    admin = callers("admin", "cookie")
    assert admin.get("/policies/no.such").status == 404
    assert admin.get("/policies/?colour=1").status == 400 and admin.get("/policies/?show=some").status == 400
    with untouched(cast, "unknown rows"):
        assert admin.post(f"{KEY}/take-back", {"id": "999999"}).status == 404
        assert admin.post("/policies/no.such", FORM).status == 404
    assert not cast.rows(Policy, Policy.key == "lead.first_response_hours")
