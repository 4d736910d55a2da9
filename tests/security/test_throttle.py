"""Failed sign-ins: counted for all doors and processes together, per account and per address."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from portal.engine.clock import clock
from portal.engine.tables import AuditEvent, SignInLimit
from tests.cast import NOW
from tests.security.web import PASSWORD, Site

WRONG = "wrong wrong wrong"
FAILURES, WAIT = 10, timedelta(minutes=15)
FOUND, UNAUTHORISED, TOO_MANY, OK = 302, 401, 429, 200


def fail(site: Site, times: int, login: str = "rep", address: str = "10.0.0.9") -> list[int]:
    return [site.browser(address).token(login, WRONG).status_code for _ in range(times)]


@pytest.mark.parametrize("login", ["rep", "ghost"])
def test_after_ten_failures_even_the_right_password_waits(site: Site, login: str) -> None:
    assert fail(site, FAILURES, login) == [UNAUTHORISED] * FAILURES
    for answer in (site.browser().sign_in(login), site.browser().token(login)):
        assert answer.status_code == TOO_MANY and int(answer.headers["Retry-After"]) == WAIT.total_seconds()
    clock.set(NOW + WAIT)
    assert site.browser().token(login).status_code == (OK if login == "rep" else UNAUTHORISED)


def test_page_and_token_count_together(site: Site) -> None:
    for _ in range(FAILURES // 2):
        assert site.browser().sign_in("rep", WRONG).status_code == UNAUTHORISED
        assert site.browser().token("rep", WRONG).status_code == UNAUTHORISED
    assert site.browser().token("rep").status_code == TOO_MANY


def test_the_page_says_how_many_mistakes_are_left(site: Site) -> None:
    fail(site, FAILURES - 4)
    assert "再错 3 次要等 15 分钟" in site.browser().sign_in("rep", WRONG).get_data(as_text=True)


def test_waiting_doubles_while_it_goes_on_and_is_forgotten_after_a_day(site: Site) -> None:
    fail(site, FAILURES)
    now = NOW
    for wait in (WAIT, 2 * WAIT, 4 * WAIT, 4 * WAIT):
        clock.set(now + wait - timedelta(seconds=1))
        assert fail(site, 1) == [TOO_MANY]
        now += wait
        clock.set(now)
        assert fail(site, 1) == [UNAUTHORISED]
    clock.set(now + timedelta(days=1, seconds=1))
    assert fail(site, 2) == [UNAUTHORISED] * 2


def test_a_right_password_starts_the_count_anew(site: Site) -> None:
    fail(site, FAILURES - 1)
    assert site.browser().sign_in("rep").status_code == FOUND
    assert fail(site, FAILURES - 1) == [UNAUTHORISED] * (FAILURES - 1)


def test_one_address_cannot_try_everybody(site: Site) -> None:
    for number in range(5 * FAILURES):
        assert site.browser("10.9.9.9").token(f"person{number}", WRONG).status_code == UNAUTHORISED
    assert site.browser("10.9.9.9").token("rep").status_code == TOO_MANY
    assert site.browser("10.0.0.1").token("rep").status_code == OK


def test_successes_of_an_office_count_for_nothing(site: Site) -> None:
    for _ in range(12):
        assert site.browser("10.8.8.8").token("rep").status_code == OK
    with site.cast.act("system") as session:
        assert all(limit.failures == 0 for limit in session.query(SignInLimit))


def test_attempts_at_the_same_moment_are_all_counted(site: Site) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: fail(site, 1)[0], range(3 * FAILURES)))
    assert answers.count(UNAUTHORISED) == FAILURES
    assert set(answers) == {UNAUTHORISED, TOO_MANY}


def test_who_changes_his_password_is_limited_too(site: Site) -> None:
    browser = site.signed_in("rep")
    form = {"current": WRONG, "password": "seven slow herons", "again": "seven slow herons"}
    for _ in range(FAILURES):
        assert browser.post("/password/change", form, page="/password/change").status_code == UNAUTHORISED
    answer = browser.post("/password/change", {**form, "current": PASSWORD}, page="/password/change")
    assert answer.status_code == TOO_MANY


def test_a_block_is_an_alarm_in_the_history(site: Site) -> None:
    fail(site, FAILURES)
    lines = site.cast.rows(AuditEvent, AuditEvent.verb == "sign_in_blocked")
    assert [line.record_id for line in lines] == [site.cast.people["rep"]]
