"""Who decides in another's place: for as long as he is named, and not an hour longer."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select

from portal import models
from portal.domain import reminders
from portal.engine import operations
from portal.engine.errors import Invalid
from portal.engine.spec import spec_named
from tests.cast import NOW, Cast
from tests.domain.test_approvals import ask, decide, do, publish, rule, state, told, waiting

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


def publish_leave(cast: Cast, *roles: str) -> None:
    steps = [{"label": f"{role} | {role}", "mode": "any", "who": [{"by": "role", "role": role}]} for role in roles]
    publish(cast, steps, "leave", "submit")


def test_who_decided_in_anothers_place_is_still_asked_for_his_own_step(cast: Cast) -> None:
    away_today(cast, "legal", "finance")
    publish_leave(cast, "legal", "finance")
    leave = ask(cast, "rep")
    decide(cast, "finance")
    assert (state(cast, leave), set(waiting(cast))) == ("pending", {"finance"}), "for legal he has agreed, for finance not yet"
    (task,) = cast.rows(models.ApprovalTask, models.ApprovalTask.__table__.c.state == "waiting")
    assert (task.step, task.for_id) == (1, None)
    decide(cast, "finance")
    assert state(cast, leave) == "approved"


def test_who_was_handed_a_decision_is_still_asked_for_his_own_step(cast: Cast) -> None:
    publish_leave(cast, "legal", "finance")
    leave = ask(cast, "rep")
    decide(cast, "legal", "transfer", to_id=cast.people["finance"], reason="我出差")
    decide(cast, "finance")
    assert (state(cast, leave), set(waiting(cast))) == ("pending", {"finance"})


def test_who_agreed_for_himself_is_not_asked_again(cast: Cast) -> None:
    publish_leave(cast, "legal", "finance", "legal")
    leave = ask(cast, "rep")
    decide(cast, "legal")
    decide(cast, "finance")
    assert (state(cast, leave), waiting(cast)) == ("approved", {})


def test_a_deputy_who_is_away_himself_is_followed_to_his_own(cast: Cast) -> None:
    away_today(cast)
    away_today(cast, "leader_b", "director")
    leave = ask(cast, "rep")
    (task,) = cast.rows(models.ApprovalTask)
    assert (task.owner_id, task.for_id) == (cast.people["director"], cast.people["leader_a"])
    remind(cast, NOW + timedelta(minutes=5))
    assert set(waiting(cast)) == {"director"}
    decide(cast, "director")
    assert state(cast, leave) == "approved"


def test_a_deputy_who_goes_away_meanwhile_hands_on_too(cast: Cast) -> None:
    remind(cast, NOW)
    away_today(cast)
    leave = ask(cast, "rep")
    away_today(cast, "leader_b", "director")
    remind(cast, NOW + timedelta(minutes=5))
    assert set(waiting(cast)) == {"director"}
    decide(cast, "director")
    assert state(cast, leave) == "approved"


def test_two_who_name_each_other_hand_on_only_once(cast: Cast) -> None:
    remind(cast, NOW)
    away_today(cast)
    away_today(cast, "leader_b", "leader_a")
    leave = ask(cast, "rep")
    for minutes in (5, 10, 15):
        remind(cast, NOW + timedelta(minutes=minutes))
        assert set(waiting(cast)) == {"leader_b"}
    decide(cast, "leader_b")
    assert state(cast, leave) == "approved"


def delegate(cast: Cast, login: str, deputy: str, first: date, last: date) -> int:
    with cast.act(login) as session:
        values = {"deputy_id": cast.people[deputy], "first_on": first, "last_on": last, "note": ""}
        return int(operations.create(session, spec_named("delegation"), values, acting_user=cast.principal(login), now=NOW).id)


def prolong(cast: Cast, login: str, delegation: int, last: date) -> None:
    spec, who = spec_named("delegation"), cast.principal(login)
    with cast.act(login) as session:
        record = session.scalars(select(models.Delegation).where(models.Delegation.id == delegation)).one()
        operations.change(session, spec, record, {"last_on": last}, version=None, acting_user=who, now=NOW)


def test_one_person_has_one_deputy_a_day_and_is_told_whom(cast: Cast) -> None:
    made = delegate(cast, "leader_a", "leader_b", date(2026, 5, 12), date(2026, 5, 14))
    with pytest.raises(Invalid) as refused:
        delegate(cast, "leader_a", "director", date(2026, 5, 14), date(2026, 5, 20))
    assert "组长乙" in refused.value.errors["deputy_id"].in_("zh") and "2026-05-12" in refused.value.errors["deputy_id"].in_("en")
    delegate(cast, "leader_a", "director", date(2026, 5, 15), date(2026, 5, 20))
    with pytest.raises(Invalid):
        prolong(cast, "leader_a", made, date(2026, 5, 15))
    prolong(cast, "leader_a", made, date(2026, 5, 13))
    with pytest.raises(Invalid) as refused:
        ask(cast, "leader_a", (date(2026, 5, 13), date(2026, 5, 13)), deputy_id=cast.people["director"])
    assert "deputy_id" in refused.value.errors
    delegate(cast, "leader_b", "director", date(2026, 5, 12), date(2026, 5, 14))


def test_where_two_are_named_all_the_same_the_narrower_is_asked_and_the_first_still_decides(cast: Cast) -> None:
    away_today(cast)
    leave = ask(cast, "rep")
    narrower = {"first_on": date(2026, 5, 12), "last_on": date(2026, 5, 12)}
    cast.set(models.Delegation, cast.rows(models.Delegation)[0].id, last_on=date(2026, 5, 20))
    cast.add(models.Delegation, owner_id=cast.people["leader_a"], deputy_id=cast.people["director"], version=1, **narrower)
    other = ask(cast, "mate")
    assert {cast.row(models.ApprovalTask, task).owner_id for task in waiting(cast).values()} == {
        cast.people["leader_b"],
        cast.people["director"],
    }
    assert decide(cast, "leader_b").done
    decide(cast, "director")
    assert (state(cast, leave), state(cast, other)) == ("approved", "approved")


def test_no_hours_at_all_remind_and_escalate_nobody(cast: Cast) -> None:
    for key in ("approval.remind_hours", "approval.escalate_hours"):
        cast.add(models.Policy, key=key, effective_on=date(2026, 1, 1), value="0", reason="test")
    remind(cast, NOW)
    ask(cast, "rep")
    for minutes in (1, 2, 60 * 90):
        remind(cast, NOW + timedelta(minutes=minutes))
    assert set(waiting(cast)) == {"leader_a"}
    assert not [key for key in told(cast, "leader_a") if key.startswith("approval.wait")]
