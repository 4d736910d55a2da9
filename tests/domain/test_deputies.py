"""Who decides in another's place: for as long as he is named, and not an hour longer."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from portal import models
from portal.domain import reminders
from tests.cast import NOW, Cast
from tests.domain.test_approvals import ask, decide, do, rule, state, waiting

TOMORROW = NOW + timedelta(days=1)


def away_today(cast: Cast, login: str = "leader_a", deputy: str = "leader_b") -> None:
    days = {"first_on": date(2026, 5, 12), "last_on": date(2026, 5, 12)}
    cast.add(models.Delegation, owner_id=cast.people[login], deputy_id=cast.people[deputy], version=1, **days)


def remind(cast: Cast, now: datetime) -> None:
    with cast.act("system", now):
        reminders.remind_due(now=now)


@pytest.mark.parametrize(("verb", "form"), [("approve", {}), ("reject", {"reason": "不"}), ("send_back", {"reason": "不"})])
def test_after_his_last_day_a_deputy_decides_no_more(cast: Cast, verb: str, form: dict[str, str]) -> None:
    away_today(cast)
    leave = ask(cast, "rep")
    assert rule(decide(cast, "leader_b", verb, TOMORROW, **form)) == "deputy_over"
    assert (state(cast, leave), set(waiting(cast))) == ("pending", {"leader_b"})


def test_what_a_deputy_left_goes_back_to_whom_he_stood_in_for(cast: Cast) -> None:
    remind(cast, NOW)
    away_today(cast)
    leave = ask(cast, "rep")
    remind(cast, TOMORROW)
    assert set(waiting(cast)) == {"leader_a"}
    assert decide(cast, "leader_a", now=TOMORROW).done
    assert state(cast, leave) == "approved"


def test_what_a_deputy_left_for_one_who_is_gone_goes_to_the_superior(cast: Cast) -> None:
    remind(cast, NOW)
    away_today(cast)
    ask(cast, "rep")
    cast.set(models.User, cast.people["leader_a"], active=False)
    remind(cast, TOMORROW)
    assert set(waiting(cast)) == {"director"}


def test_a_leave_that_a_superior_cancels_takes_its_deputy_along(cast: Cast) -> None:
    leave = ask(cast, "leader_a", (date(2026, 5, 12), date(2026, 5, 13)), deputy_id=cast.people["leader_b"])
    decide(cast, "director")
    ask(cast, "rep")
    assert set(waiting(cast)) == {"leader_b"}
    assert do(cast, "director", "leave:cancel", leave, reason="要他在").done
    assert [named.deleted_at for named in cast.rows(models.Delegation)] == [NOW]
    assert rule(decide(cast, "leader_b")) == "deputy_over"
