"""Sessions on the server: they idle out, grow old, end with rights and accounts; tokens end with them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from portal import models
from portal.engine.clock import clock
from portal.engine.tables import AuditEvent, LoginSession
from portal.security import account
from tests.cast import NOW
from tests.security.statements import counted
from tests.security.test_people import do
from tests.security.web import Browser, Site

IDLE, LONGEST = timedelta(minutes=480), timedelta(hours=72)
OK, NO_CONTENT, UNAUTHORISED, MUTE = 200, 204, 401, 405


class Bearer:
    """A program with a token."""

    def __init__(self, site: Site, login: str) -> None:
        self.site = site
        self.tokens = site.browser().token(login, refresh=True).json

    def inside(self) -> bool:
        return self.get("/api/v1/_openapi").status_code == OK

    def get(self, path: str) -> Any:
        return self.site.browser().get(path, headers={"Authorization": f"Bearer {self.tokens['access_token']}"})

    def refresh(self) -> Any:
        return self.site.browser().client.post(
            "/api/v1/security/refresh", headers={"Authorization": f"Bearer {self.tokens['refresh_token']}"}
        )


def entered(site: Site, door: str, login: str = "rep") -> Browser | Bearer:
    return site.signed_in(login) if door == "page" else Bearer(site, login)


@pytest.mark.parametrize("door", ["page", "token"])
def test_a_session_idles_out(site: Site, door: str) -> None:
    who = entered(site, door)
    clock.set(NOW + IDLE)
    assert who.inside()
    clock.set(NOW + 2 * IDLE)
    assert who.inside()
    clock.set(NOW + 3 * IDLE + timedelta(seconds=1))
    assert not who.inside()


def test_a_session_ends_of_age_however_busy(site: Site) -> None:
    who = site.signed_in("rep")
    for hour in range(0, 73, 6):
        clock.set(NOW + timedelta(hours=hour))
        assert who.inside()
    clock.set(NOW + LONGEST + timedelta(seconds=1))
    assert not who.inside()


def test_limits_are_policies_and_count_at_the_next_request(site: Site) -> None:
    who = site.signed_in("rep")
    clock.set(NOW + timedelta(minutes=31))
    assert who.inside()
    later = NOW + timedelta(minutes=32)
    site.cast.add(models.Policy, now=later, key="session.idle_minutes", effective_on=NOW.date(), value="30", reason="test")
    clock.set(NOW + timedelta(minutes=63))
    assert not who.inside()


@pytest.mark.parametrize("door", ["page", "token"])
def test_deactivation_ends_open_sessions(site: Site, door: str) -> None:
    who = entered(site, door)
    assert who.inside()
    do(site.cast, "deactivate", "rep")
    assert not who.inside()


@pytest.mark.parametrize("door", ["page", "token"])
def test_an_account_switched_off_behind_the_portal_is_out_too(site: Site, door: str) -> None:
    who = entered(site, door)
    site.cast.set(models.User, site.cast.people["rep"], active=False)
    assert not who.inside()


@pytest.mark.parametrize("door", ["page", "token"])
def test_a_reset_by_the_admin_ends_open_sessions(site: Site, door: str) -> None:
    who = entered(site, door)
    do(site.cast, "reset_password", "rep")
    assert not who.inside()


@pytest.mark.parametrize("door", ["page", "token"])
def test_team_and_role_count_at_the_next_request(site: Site, door: str) -> None:
    team, own = site.cast.lead(owner="rep"), site.cast.lead(owner="leader_a")
    who = entered(site, door, "leader_a")
    assert _sees(who, team) and _sees(who, own)
    do(site.cast, "place", "leader_a", role="rep")
    assert not _sees(who, team) and _sees(who, own)
    do(site.cast, "place", "leader_a", role="finance")
    assert not _sees(who, own)


@pytest.mark.parametrize("door", ["page", "token"])
def test_after_a_move_the_old_team_is_gone_and_the_records_stay(site: Site, door: str) -> None:
    mine, left_behind = site.cast.lead(owner="leader_a"), site.cast.lead(owner="rep")
    who, other = entered(site, door, "leader_a"), entered(site, door, "leader_b")
    assert not _sees(other, mine)
    do(site.cast, "place", "leader_a", team_id=site.cast.teams["b"])
    assert _sees(who, mine) and not _sees(who, left_behind) and _sees(other, mine)


def test_a_token_lives_as_long_as_its_session(site: Site) -> None:
    program = Bearer(site, "rep")
    assert program.refresh().status_code == OK
    with site.cast.act("system") as session:
        account.end_sessions(session, [site.cast.people["rep"]], NOW)
    assert not program.inside()
    assert program.refresh().status_code == UNAUTHORISED


def test_a_refreshed_token_opens_the_door(site: Site) -> None:
    program = Bearer(site, "rep")
    program.tokens["access_token"] = program.refresh().json["access_token"]
    assert program.inside()
    program.tokens["refresh_token"] = program.tokens["access_token"]
    assert program.refresh().status_code == UNAUTHORISED


def test_a_request_with_a_token_ignores_the_cookie(site: Site) -> None:
    browser = site.signed_in("rep")
    for value in ("Bearer nonsense", "Basic cmVwOng=", "nonsense"):
        assert browser.get("/api/v1/_openapi", headers={"Authorization": value}).status_code in (UNAUTHORISED, 403, 422)
    assert browser.inside()


def test_a_pages_key_is_no_tokens_key(site: Site) -> None:
    program = Bearer(site, "rep")
    with site.cast.act("system") as session:
        session.execute(update(LoginSession).values(kind="page"))
    assert not program.inside() and program.refresh().status_code == UNAUTHORISED


def test_keys_are_kept_as_digests(site: Site) -> None:
    site.signed_in("rep")
    with site.cast.act("system") as session:
        kept = session.scalars(select(LoginSession)).one()
        assert len(kept.key_hash) == 64 and (kept.kind, kept.user_id, kept.address) == ("page", site.cast.people["rep"], "10.0.0.1")


def test_identity_costs_one_statement(site: Site) -> None:
    browser = site.signed_in("rep")
    browser.inside()
    with counted() as sent:
        assert browser.inside()
    assert len([text for text in sent if text.startswith(("SELECT", "UPDATE", "INSERT"))]) == 1


def test_seen_is_noted_once_a_minute(site: Site) -> None:
    browser = site.signed_in("rep")
    for seconds in (59, 61, 62):
        clock.set(NOW + timedelta(seconds=seconds))
        with counted() as sent:
            browser.inside()
        assert any(text.startswith("UPDATE login_session") for text in sent) == (seconds == 61)


@pytest.mark.parametrize("path", ["/logout/", "/preferences", "/api/v1/security/login", "/api/v1/security/refresh"])
def test_a_link_changes_nothing(site: Site, path: str) -> None:
    browser = site.signed_in("rep")
    assert browser.get(path).status_code == MUTE
    assert browser.inside()


def test_sign_in_leaves_lines_in_the_history(site: Site) -> None:
    site.signed_in("rep")
    site.browser().sign_in("rep", "wrong wrong wrong")
    lines = site.cast.rows(AuditEvent, AuditEvent.entity == "user", AuditEvent.record_id == site.cast.people["rep"])
    assert [line.verb for line in lines] == ["sign_in", "sign_in_failed"]
    assert all(line.address == "10.0.0.1" for line in lines)


def _sees(who: Browser | Bearer, lead: int) -> bool:
    path = f"/lead/{lead}" if isinstance(who, Browser) else f"/api/v1/lead/{lead}"
    return bool(who.get(path).status_code == OK)
