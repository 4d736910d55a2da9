"""The approval engine on leave: who decides, in which order, what it locks, what follows; and any verb by a flow."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from portal import models
from portal.domain import flow_desk, reminders
from portal.engine import operations
from portal.engine.errors import NotFound, PortalError, Refused
from portal.engine.spec import spec_named
from portal.engine.verbs import Outcome, verb_named
from portal.security.bulk import Selection, perform_selection
from portal.security.resolve import touch_access
from tests.cast import NOW, Cast

ONE_DAY = (date(2026, 5, 18), date(2026, 5, 18))
THREE_DAYS = (date(2026, 5, 18), date(2026, 5, 20))


def ask(cast: Cast, login: str, days: tuple[date, date] = ONE_DAY, now: datetime = NOW, **more: Any) -> int:
    """A leave of this person, written and submitted."""
    values = {"kind": "annual", "first_on": days[0], "last_on": days[1], "reason": "", **more}
    with cast.act(login, now) as session:
        made = operations.create(session, spec_named("leave"), values, acting_user=cast.principal(login), now=now)
        leave_id = int(made.id)
    assert do(cast, login, "leave:submit", leave_id, now).done == [leave_id]
    return leave_id


def do(cast: Cast, login: str, name: str, record_id: int, now: datetime = NOW, **form: Any) -> Outcome:
    entity, _, verb = name.partition(":")
    declared = verb_named(entity, verb)
    assert declared is not None
    given = {each.key: form.get(each.key, each.blank) for each in declared.form}
    with cast.act(login, now) as session:
        return perform_selection(
            session, spec_named(entity), declared, Selection((record_id,)), acting_user=cast.principal(login), now=now, form=given
        )


def edit(cast: Cast, login: str, leave_id: int, **values: Any) -> None:
    who = cast.principal(login)
    with cast.act(login) as session:
        record = session.scalar(select(models.Leave).where(models.Leave.id == leave_id))
        operations.change(session, spec_named("leave"), record, values, version=None, acting_user=who, now=NOW)


def state(cast: Cast, leave_id: int) -> str:
    return str(cast.row(models.Leave, leave_id).state)


def waiting(cast: Cast) -> dict[str, int]:
    """Who is waited for, and by which task."""
    names = {person: login for login, person in cast.people.items()}
    table = models.ApprovalTask.__table__
    return {names[row.owner_id]: row.id for row in cast.rows(models.ApprovalTask, table.c.state == "waiting")}


def decide(cast: Cast, login: str, verb: str = "approve", now: datetime = NOW, **form: Any) -> Outcome:
    return do(cast, login, f"approval_task:{verb}", waiting(cast)[login], now, **form)


def rule(outcome: Outcome) -> str:
    return outcome.refused[0][1].rule


def test_one_day_is_the_leaders_to_decide(cast: Cast) -> None:
    leave = ask(cast, "rep")
    assert (state(cast, leave), set(waiting(cast))) == ("pending", {"leader_a"})
    assert decide(cast, "leader_a").done
    row = cast.row(models.Leave, leave)
    assert (row.state, row.days, waiting(cast)) == ("approved", 1, {})


def test_three_days_go_to_the_director_too(cast: Cast) -> None:
    leave = ask(cast, "rep", THREE_DAYS)
    decide(cast, "leader_a")
    assert (state(cast, leave), set(waiting(cast))) == ("pending", {"director"})
    decide(cast, "director", comment="好好休息")
    assert state(cast, leave) == "approved"


def test_an_approval_tells_the_hours_it_took_once_it_has_ended(cast: Cast) -> None:
    ask(cast, "rep", THREE_DAYS)
    decide(cast, "leader_a", now=NOW + timedelta(hours=2))
    assert [row.hours for row in cast.rows(models.Approval)] == [None]
    decide(cast, "director", now=NOW + timedelta(hours=5, minutes=31))
    assert [row.hours for row in cast.rows(models.Approval)] == [Decimal("5.5")]


@pytest.mark.parametrize(("policy", "director"), [("", False), ("2", True)])
def test_two_days_are_as_the_policy_says(cast: Cast, policy: str, director: bool) -> None:
    if policy:
        cast.add(models.Policy, key="leave.director_from_days", effective_on=date(2026, 1, 1), value=policy, reason="test")
    ask(cast, "rep", (date(2026, 5, 18), date(2026, 5, 19)))
    decide(cast, "leader_a")
    assert set(waiting(cast)) == ({"director"} if director else set())


def test_days_are_counted_by_the_calendar(cast: Cast) -> None:
    """Friday to Monday: two working days and a weekend."""
    leave = ask(cast, "rep", (date(2026, 5, 15), date(2026, 5, 18)))
    assert cast.row(models.Leave, leave).days == 2


def test_nobody_decides_his_own(cast: Cast) -> None:
    ask(cast, "leader_a", THREE_DAYS)
    assert set(waiting(cast)) == {"director"}
    decide(cast, "director")
    assert waiting(cast) == {}, "who agreed in the first step is not asked again in the second"
    own = ask(cast, "director", THREE_DAYS)
    assert set(waiting(cast)) == {"admin"}, "he has no superior: an administrator decides"
    decide(cast, "admin")
    assert state(cast, own) == "approved"


def test_where_nobody_is_found_an_administrator_decides(cast: Cast) -> None:
    cast.set(models.User, cast.people["rep"], superior_id=None)
    ask(cast, "rep")
    assert set(waiting(cast)) == {"admin"}


def test_while_it_is_decided_the_record_stands_still(cast: Cast) -> None:
    leave = ask(cast, "rep")
    with pytest.raises(Refused) as refused:
        edit(cast, "rep", leave, reason="anders")
    assert refused.value.rule == "locked"
    assert "组长甲" in refused.value.in_("zh")
    assert rule(do(cast, "rep", "leave:submit", leave)) == "locked"
    with pytest.raises(Refused), cast.act("admin") as session:
        operations.remove(
            session,
            spec_named("leave"),
            session.scalar(select(models.Leave).where(models.Leave.id == leave)),
            acting_user=cast.principal("admin"),
            now=NOW,
        )


def test_sent_back_it_is_changed_and_submitted_anew_with_its_difference(cast: Cast) -> None:
    leave = ask(cast, "rep", reason="家里有事")
    decide(cast, "leader_a", "send_back", reason="写清楚")
    assert state(cast, leave) == "draft"
    edit(cast, "rep", leave, reason="搬家")
    do(cast, "rep", "leave:submit", leave)
    first, second = cast.rows(models.Approval)
    assert (first.state, second.earlier["reason"], second.snapshot["reason"]) == ("returned", "家里有事", "搬家")


def test_sent_back_to_a_step_it_is_decided_there_again(cast: Cast) -> None:
    leave = ask(cast, "rep", THREE_DAYS)
    decide(cast, "leader_a")
    assert rule(decide(cast, "director", "send_back", reason="再看", to_step=2)) == "no_step"
    decide(cast, "director", "send_back", reason="再看", to_step=1)
    assert set(waiting(cast)) == {"leader_a"}
    decide(cast, "leader_a")
    decide(cast, "director")
    assert state(cast, leave) == "approved"


def test_it_can_be_withdrawn_until_somebody_has_decided(cast: Cast) -> None:
    leave = ask(cast, "rep", THREE_DAYS)
    (asked,) = cast.rows(models.Approval)
    assert do(cast, "rep", "approval:withdraw", asked.id).done
    assert (state(cast, leave), waiting(cast)) == ("draft", {})
    do(cast, "rep", "leave:submit", leave)
    decide(cast, "leader_a")
    assert rule(do(cast, "rep", "approval:withdraw", cast.rows(models.Approval)[1].id)) == "decided"


def test_rejected_is_the_end_and_a_task_is_decided_once(cast: Cast) -> None:
    leave = ask(cast, "rep")
    task = waiting(cast)["leader_a"]
    decide(cast, "leader_a", "reject", reason="人手不够")
    assert state(cast, leave) == "rejected"
    assert rule(do(cast, "leader_a", "approval_task:approve", task)) == "decided"
    heard = cast.rows(models.Notification, models.Notification.__table__.c.recipient_id == cast.people["rep"])
    assert heard[-1].body["zh"] == "人手不够"


def test_an_edited_version_needs_a_new_decision(cast: Cast) -> None:
    leave = ask(cast, "rep")
    cast.set(models.Leave, leave, last_on=date(2026, 5, 29))
    assert rule(decide(cast, "leader_a")) == "edited"
    assert state(cast, leave) == "pending"


def test_a_task_is_nobody_elses(cast: Cast) -> None:
    ask(cast, "rep")
    task = waiting(cast)["leader_a"]
    for login in ("rep", "leader_b", "director"):
        outcome = do(cast, login, "approval_task:approve", task)
        assert (outcome.done, outcome.refused[0][1].status) == ([], 404)


def test_transferred_and_signed_by_one_more(cast: Cast) -> None:
    leave = ask(cast, "rep")
    assert rule(decide(cast, "leader_a", "transfer", to_id=cast.people["rep"], reason="你来")) == "own"
    decide(cast, "leader_a", "transfer", to_id=cast.people["leader_b"], reason="我出差")
    decide(cast, "leader_b", "add_signer", to_id=cast.people["finance"], when="before", reason="看看")
    assert set(waiting(cast)) == {"finance"}
    decide(cast, "finance")
    assert set(waiting(cast)) == {"leader_b"}
    decide(cast, "leader_b", "add_signer", to_id=cast.people["director"], when="after", reason="")
    decide(cast, "leader_b")
    assert (set(waiting(cast)), state(cast, leave)) == ({"director"}, "pending")
    decide(cast, "director")
    assert state(cast, leave) == "approved"


def test_a_task_shows_its_record_to_its_holder_for_as_long_as_it_waits(cast: Cast) -> None:
    leave = ask(cast, "rep")
    assert reads(cast, "leader_b", leave) is False
    decide(cast, "leader_a", "transfer", to_id=cast.people["leader_b"], reason="我出差")
    assert reads(cast, "leader_b", leave) is True
    assert reads(cast, "other", leave) is False
    with pytest.raises(NotFound):
        edit(cast, "leader_b", leave, reason="x")
    decide(cast, "leader_b")
    assert reads(cast, "leader_b", leave) is False


def reads(cast: Cast, login: str, leave_id: int) -> bool:
    with cast.act(login) as session:
        return session.scalar(select(models.Leave.id).where(models.Leave.id == leave_id)) is not None


def test_the_deputy_decides_by_dates_and_by_an_approved_leave(cast: Cast) -> None:
    away = ask(cast, "leader_a", (date(2026, 5, 12), date(2026, 5, 13)), deputy_id=cast.people["leader_b"])
    decide(cast, "director")
    assert state(cast, away) == "approved"
    (named,) = cast.rows(models.Delegation)
    assert (named.owner_id, named.deputy_id, named.leave_id) == (cast.people["leader_a"], cast.people["leader_b"], away)
    ask(cast, "rep")
    (task,) = cast.rows(models.ApprovalTask, models.ApprovalTask.__table__.c.state == "waiting")
    assert (task.owner_id, task.for_id) == (cast.people["leader_b"], cast.people["leader_a"])
    do(cast, "leader_a", "leave:cancel", away, reason="提前回来")
    assert cast.rows(models.Delegation)[0].deleted_at is not None


def test_who_asks_is_not_his_superiors_deputy(cast: Cast) -> None:
    days = {"first_on": date(2026, 5, 12), "last_on": date(2026, 5, 12)}
    cast.add(models.Delegation, owner_id=cast.people["leader_a"], deputy_id=cast.people["rep"], version=1, **days)
    ask(cast, "rep")
    assert set(waiting(cast)) == {"leader_a"}


# any verb -------------------------------------------------------------------------------------------


def publish(cast: Cast, steps: list[dict[str, Any]], entity: str = "lead", verb: str = "invalidate") -> None:
    cast.add(models.ApprovalFlow, title="t", entity=entity, verb=verb, number=1, active=True, definition={"steps": steps}, version=1)
    with cast.act("system") as session:
        touch_access(session)


PEOPLE = [{"by": "role", "role": "finance"}, {"by": "role", "role": "legal"}]


def test_any_verb_is_asked_for_once_a_flow_says_so(cast: Cast) -> None:
    publish(cast, [{"label": "法务 | Legal", "mode": "any", "who": [{"by": "role", "role": "legal"}]}])
    lead = cast.lead(owner="rep")
    assert do(cast, "rep", "lead:invalidate", lead, reason="空号").done == [lead]
    assert (cast.row(models.Lead, lead).state, set(waiting(cast))) == ("assigned", {"legal"})
    decide(cast, "legal")
    row = cast.row(models.Lead, lead)
    assert row.state == "invalid"
    line = cast.rows(models.AuditEvent, models.AuditEvent.__table__.c.entity == "lead")[-1]
    assert line.actor_id == cast.people["rep"], "done as who asked"
    assert line.actor_note.endswith("法务"), "and who agreed is on record"


def test_all_must_agree_or_any_or_one_after_the_other(cast: Cast) -> None:
    for mode, first in (("all", {"finance", "legal"}), ("any", {"finance", "legal"}), ("sequence", {"finance"})):
        flow = models.ApprovalFlow.__table__
        for old in cast.rows(models.ApprovalFlow, flow.c.active.is_(True)):
            cast.set(models.ApprovalFlow, old.id, active=False, number=100 + old.id)
        publish(cast, [{"label": "x | x", "mode": mode, "who": PEOPLE}])
        lead = cast.lead(owner="rep")
        do(cast, "rep", "lead:invalidate", lead, reason="空号")
        assert set(waiting(cast)) == first
        decide(cast, "finance")
        if mode == "any":
            assert waiting(cast) == {}
        else:
            assert set(waiting(cast)) == {"legal"}
            decide(cast, "legal")
        assert cast.row(models.Lead, lead).state == "invalid"


def test_who_lost_the_right_meanwhile_gets_nothing_done(cast: Cast) -> None:
    publish(cast, [{"label": "法务 | Legal", "mode": "any", "who": [{"by": "role", "role": "legal"}]}])
    lead = cast.lead(owner="rep")
    do(cast, "rep", "lead:invalidate", lead, reason="空号")
    cast.set(models.User, cast.people["rep"], active=False)
    assert rule(decide(cast, "legal")) == "asker_gone"
    assert (cast.row(models.Lead, lead).state, set(waiting(cast))) == ("assigned", {"legal"})


def test_what_is_being_decided_is_not_taken_back_under_the_decision(cast: Cast) -> None:
    """Undo is a door like any other: the lead stays with who asked, the others go back."""
    publish(cast, [{"label": "法务 | Legal", "mode": "any", "who": [{"by": "role", "role": "legal"}]}])
    asked, other = cast.leads(2)
    given = {"to_id": cast.people["rep"], "reason": ""}
    batch = do(cast, "leader_a", "lead:assign", asked, **given), do(cast, "leader_a", "lead:assign", other, **given)
    do(cast, "rep", "lead:invalidate", asked, reason="空号")
    with cast.act("leader_a") as session:
        undone = [
            operations.undo(session, spec_named("lead"), each.batch_id or 0, acting_user=session.info["principal"], now=NOW)
            for each in batch
        ]
    assert [each.done for each in undone] == [[], [other]]
    assert rule(undone[0]) == "locked"
    assert cast.row(models.Lead, asked).owner_id == cast.people["rep"]


# waiting too long -----------------------------------------------------------------------------------


def remind(cast: Cast, now: datetime) -> None:
    with cast.act("system", now):
        reminders.remind_due(now=now)


def told(cast: Cast, login: str) -> list[str]:
    table = models.Notification.__table__
    return [row.event_key for row in cast.rows(models.Notification, table.c.recipient_id == cast.people[login])]


def test_reminded_after_four_and_twenty_four_hours_then_the_superior_decides(cast: Cast) -> None:
    remind(cast, NOW)
    ask(cast, "rep")
    for hours in (3.5, 4, 4.5, 23.5, 24, 47.5):
        remind(cast, NOW + timedelta(hours=hours))
    kinds = [key.split(":")[0] for key in told(cast, "leader_a")]
    assert (kinds.count("approval.wait.4"), kinds.count("approval.wait.24")) == (1, 1)
    assert set(waiting(cast)) == {"leader_a"}
    remind(cast, NOW + timedelta(hours=48))
    assert set(waiting(cast)) == {"director"}
    remind(cast, NOW + timedelta(hours=48, minutes=1))
    assert set(waiting(cast)) == {"director"}, "his own 48 hours begin anew"


def test_who_goes_away_meanwhile_hands_to_his_deputy(cast: Cast) -> None:
    remind(cast, NOW)
    leave = ask(cast, "rep")
    days = {"first_on": date(2026, 5, 12), "last_on": date(2026, 5, 12)}
    cast.add(models.Delegation, owner_id=cast.people["leader_a"], deputy_id=cast.people["leader_b"], version=1, **days)
    remind(cast, NOW + timedelta(minutes=5))
    assert set(waiting(cast)) == {"leader_b"}
    decide(cast, "leader_b")
    assert state(cast, leave) == "approved"


# the flow an administrator edits --------------------------------------------------------------------


def test_a_new_version_counts_from_now_on_and_what_is_under_way_ends_as_it_began(cast: Cast) -> None:
    old = ask(cast, "rep")
    steps = [{"label": "财务 | Finance", "mode": "any", "who": [{"by": "role", "role": "finance"}]}]
    with cast.act("admin"):
        assert flow_desk.publish("leave", "submit", steps, acting_user=cast.principal("admin"), now=NOW) == 1
    ask(cast, "other")
    assert set(waiting(cast)) == {"leader_a", "finance"}
    decide(cast, "leader_a")
    assert state(cast, old) == "approved"


@pytest.mark.parametrize(
    ("step", "rule"),
    [
        ({"label": "x | x", "mode": "any", "who": []}, "nobody"),
        ({"label": "x", "mode": "any", "who": [{"by": "superior", "level": 1}]}, "step"),
        ({"label": "x | x", "mode": "most", "who": [{"by": "superior", "level": 1}]}, "step"),
        ({"label": "x | x", "mode": "any", "who": [{"by": "superior", "level": 1}], "when": [["nope", "ge", "3"]]}, "bad_request"),
    ],
)
def test_a_flow_that_could_not_run_is_refused(cast: Cast, step: dict[str, Any], rule: str) -> None:
    with pytest.raises(PortalError) as refused, cast.act("admin"):
        flow_desk.publish("leave", "submit", [step], acting_user=cast.principal("admin"), now=NOW)
    assert refused.value.rule == rule
