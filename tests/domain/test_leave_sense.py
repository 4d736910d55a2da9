"""Leave that makes sense: working days, not for ever, not twice on one day; for every employee, whatever his duty."""

from __future__ import annotations

from datetime import date

import pytest

from portal import models
from portal.engine.errors import Invalid
from tests.cast import Cast
from tests.domain.test_approvals import ask, decide, do, edit, rule, state, waiting
from tests.domain.test_customers import make

MONDAY, TUESDAY, SATURDAY = date(2026, 5, 18), date(2026, 5, 19), date(2026, 5, 16)


def draft(cast: Cast, first: date, last: date, login: str = "rep") -> int:
    return int(make(cast, login, "leave", kind="annual", first_on=first, last_on=last, reason=""))


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        (SATURDAY, date(2026, 5, 17), "None of these is a working day"),
        (MONDAY, date(2999, 1, 1), "A leave lasts at most 366 days"),
        (TUESDAY, MONDAY, "The last day cannot be before the first"),
    ],
)
def test_what_is_no_leave_is_refused_in_words(cast: Cast, first: date, last: date, said: str) -> None:
    with pytest.raises(Invalid) as wrong:
        draft(cast, first, last)
    assert said in wrong.value.errors["last_on"].in_("en")


def test_how_long_is_a_policy(cast: Cast) -> None:
    cast.add(models.Policy, key="leave.most_days", effective_on=date(2026, 1, 1), value="2", reason="test")
    assert draft(cast, MONDAY, TUESDAY)
    with pytest.raises(Invalid):
        draft(cast, MONDAY, date(2026, 5, 20))


def test_nobody_is_away_twice_on_one_day(cast: Cast) -> None:
    early = draft(cast, TUESDAY, TUESDAY)
    ask(cast, "rep", (MONDAY, TUESDAY))
    with pytest.raises(Invalid) as wrong:
        draft(cast, TUESDAY, date(2026, 5, 20))
    assert wrong.value.errors["first_on"].in_("en") == "There is a leave on these days already: 2026-05-18 to 2026-05-19."
    decide(cast, "leader_a")
    assert rule(do(cast, "rep", "leave:submit", early)) == "taken"
    edit(cast, "rep", early, first_on=date(2026, 5, 21), last_on=date(2026, 5, 21))
    assert do(cast, "rep", "leave:submit", early).done
    assert draft(cast, MONDAY, TUESDAY, "mate"), "somebody else's days are his own"


@pytest.mark.parametrize("login", ["warehouse", "service"])
def test_whoever_works_here_asks_for_leave_and_names_a_deputy(cast: Cast, login: str) -> None:
    leave = ask(cast, login, (MONDAY, MONDAY), deputy_id=cast.people["finance"])
    assert set(waiting(cast)) == {"admin"}, "without a superior an administrator decides"
    decide(cast, "admin")
    assert state(cast, leave) == "approved"
    assert make(cast, login, "delegation", deputy_id=cast.people["legal"], first_on=TUESDAY, last_on=TUESDAY)
