"""Logging a contact: lateness at the 60th and 61st minute, the lead's next step, the first response."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import models
from portal.domain.follow_ups import minutes_late
from portal.engine import operations
from portal.engine.errors import Invalid, NotFound, PortalError, Refused
from portal.engine.spec import spec_named
from tests.cast import NOW, Cast
from tests.domain.test_claim import do

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def log(cast: Cast, login: str, lead_id: int | None, now: Any = NOW, **values: Any) -> int:
    given = {
        "lead_id": lead_id,
        "kind": "call",
        "contacted_at": now,
        "content": "聊了需求",
        "need": "",
        "next_at": None,
        "next_step": "",
        **values,
    }
    with cast.act(login, now) as session:
        made = operations.create(session, spec_named("follow_up"), given, acting_user=session.info["principal"], now=now)
        return int(made.id)


def find(session: Session, made: int) -> models.FollowUp:
    return session.scalars(select(models.FollowUp).where(models.FollowUp.id == made)).one()


@pytest.mark.parametrize(
    ("ago", "late"), [(0 * MINUTE, 0), (60 * MINUTE, 0), (60 * MINUTE + timedelta(seconds=1), 1), (61 * MINUTE, 1), (180 * MINUTE, 120)]
)
def test_an_hour_is_allowed_for_logging(cast: Cast, ago: timedelta, late: int) -> None:
    with cast.act("rep"):
        assert minutes_late(NOW - ago, NOW) == late
    made = log(cast, "rep", cast.lead(owner="rep", now=NOW - 9 * HOUR), contacted_at=NOW - ago)
    row = cast.row(models.FollowUp, made)
    assert (row.logged_late, row.logged_at, row.created_by_id) == (late, NOW, cast.people["rep"])


def test_a_contact_carries_its_lead_along(cast: Cast) -> None:
    lead = cast.lead(owner="rep", now=NOW - HOUR)
    log(cast, "rep", lead, next_at=NOW + 24 * HOUR, next_step="送方案")
    row = cast.row(models.Lead, lead)
    assert (row.state, row.contacted_at, row.first_response_at) == ("following", NOW, NOW)
    assert (row.next_at, row.next_step) == (NOW + 24 * HOUR, "送方案")


def test_an_older_contact_does_not_change_the_plan(cast: Cast) -> None:
    lead = cast.lead(owner="rep", now=NOW - 9 * HOUR)
    log(cast, "rep", lead, next_at=NOW + HOUR)
    log(cast, "rep", lead, contacted_at=NOW - 5 * HOUR, next_at=NOW + 9 * HOUR)
    row = cast.row(models.Lead, lead)
    assert (row.contacted_at, row.next_at) == (NOW, NOW + HOUR)


@pytest.mark.parametrize(("hours", "breached"), [(24, False), (25, True)])
def test_answered_in_time_is_no_breach_even_when_it_was_marked(cast: Cast, hours: int, breached: bool) -> None:
    due = NOW + 24 * HOUR
    lead = cast.lead(owner="rep", money=True, authority=True, need=True, first_response_due_at=due, breached_at=due)
    log(cast, "rep", lead, NOW + 30 * HOUR, contacted_at=NOW + hours * HOUR)
    assert (cast.row(models.Lead, lead).breached_at is not None) is breached


def test_a_pool_lead_is_claimed_first(cast: Cast) -> None:
    with pytest.raises(Refused) as refused:
        log(cast, "rep", cast.lead())
    assert refused.value.rule == "in_pool"


@pytest.mark.parametrize("login", ["mate", "other", "leader_b", "nobody"])
def test_nobody_logs_on_a_lead_he_does_not_see(cast: Cast, login: str) -> None:
    with pytest.raises(NotFound):
        log(cast, login, cast.lead(owner="rep"))


def test_the_leader_may_log_for_his_group(cast: Cast) -> None:
    assert log(cast, "leader_a", cast.lead(owner="rep"))


def test_times_must_make_sense(cast: Cast) -> None:
    lead = cast.lead(owner="rep", now=NOW - HOUR)
    with pytest.raises(Invalid) as future:
        log(cast, "rep", lead, contacted_at=NOW + MINUTE)
    assert set(future.value.errors) == {"contacted_at"}
    with pytest.raises(Invalid) as back:
        log(cast, "rep", lead, next_at=NOW)
    assert set(back.value.errors) == {"next_at"}


def test_a_correction_cannot_hide_how_late_it_was(cast: Cast) -> None:
    made = log(cast, "rep", cast.lead(owner="rep", now=NOW - 9 * HOUR))
    with cast.act("rep", NOW + HOUR) as session:
        record = find(session, made)
        operations.change(
            session,
            spec_named("follow_up"),
            record,
            {"contacted_at": NOW - 2 * HOUR},
            version=None,
            acting_user=session.info["principal"],
            now=NOW + HOUR,
        )
    assert cast.row(models.FollowUp, made).logged_late == 60
    other = cast.lead(owner="rep")
    with pytest.raises(PortalError), cast.act("rep") as session:
        operations.change(
            session,
            spec_named("follow_up"),
            find(session, made),
            {"lead_id": other},
            version=None,
            acting_user=session.info["principal"],
            now=NOW,
        )


# what a lead or customer has from its contacts ---------------------------------------------------------


MAN = {"money": True, "authority": True, "need": True}
EARLY = NOW - 48 * HOUR


def again(cast: Cast, made: int, now: Any = NOW, login: str = "leader_a", **values: Any) -> None:
    """Correct it with these values; without any, put it into the bin or take it out of there."""
    with cast.act(login, now) as session:
        wanted = select(models.FollowUp).where(models.FollowUp.id == made).execution_options(with_deleted=True)
        record, spec, who = session.scalars(wanted).one(), spec_named("follow_up"), session.info["principal"]
        if values:
            operations.change(session, spec, record, values, version=None, acting_user=who, now=now)
        elif record.deleted_at is None:
            operations.remove(session, spec, record, acting_user=who, now=now)
        else:
            operations.restore(session, spec, record, acting_user=who, now=now)


def owned(cast: Cast, **values: Any) -> int:
    return cast.lead(owner="rep", now=EARLY, first_response_due_at=EARLY + 24 * HOUR, **{**MAN, **values})


@pytest.mark.parametrize("ago", [timedelta(minutes=1), 40 * HOUR])
def test_a_contact_from_before_it_was_the_owners_answers_nothing(cast: Cast, ago: timedelta) -> None:
    lead = owned(cast)
    log(cast, "rep", lead, contacted_at=EARLY - ago)
    row = cast.row(models.Lead, lead)
    assert (row.first_response, row.first_response_at, row.state, row.contacted_at) == ("open", None, "assigned", EARLY - ago)
    log(cast, "rep", lead, contacted_at=EARLY + HOUR)
    row = cast.row(models.Lead, lead)
    assert (row.first_response, row.first_response_at, row.state) == ("kept", EARLY + HOUR, "following")


def test_a_contact_in_the_minute_in_which_it_became_his_answers(cast: Cast) -> None:
    lead = owned(cast, owned_at=EARLY + timedelta(seconds=40))
    log(cast, "rep", lead, contacted_at=EARLY)
    assert cast.row(models.Lead, lead).first_response == "kept"


@pytest.mark.parametrize("kind", ["lead", "customer"])
def test_a_corrected_slip_reaches_what_it_was_logged_on(cast: Cast, kind: str) -> None:
    made_of = {"lead": (models.Lead, cast.lead), "customer": (models.Customer, cast.customer)}
    model, make = made_of[kind]
    target = make(owner="rep", now=EARLY)
    on: dict[str, Any] = {"lead_id": target} if kind == "lead" else {"lead_id": None, "customer_id": target}
    first = log(cast, "rep", **on, contacted_at=NOW - 5 * HOUR, next_at=NOW + HOUR)
    made = log(cast, "rep", **on, next_at=NOW + 900 * HOUR, next_step="送方案")
    again(cast, made, login="rep", next_at=NOW + 9 * HOUR, next_step="打电话")
    row = cast.row(model, target)
    assert (row.contacted_at, row.next_at, row.next_step) == (NOW, NOW + 9 * HOUR, "打电话")
    again(cast, made, login="rep", contacted_at=NOW - 6 * HOUR)
    assert (cast.row(model, target).contacted_at, cast.row(model, target).next_at) == (NOW - 5 * HOUR, NOW + HOUR)
    for _ in range(2):
        again(cast, made)
        assert cast.row(model, target).next_at == NOW + HOUR
    again(cast, first)
    assert (cast.row(model, target).contacted_at, cast.row(model, target).next_step) == (NOW - 6 * HOUR, "打电话")
    again(cast, made)
    row = cast.row(model, target)
    assert (row.contacted_at, row.next_at, row.next_step) == (None, None, "")


def test_without_the_contact_that_answered_it_the_clock_of_a_lead_goes_on(cast: Cast) -> None:
    lead = owned(cast)
    answer = log(cast, "rep", lead, contacted_at=EARLY + 2 * HOUR)
    again(cast, answer)
    row = cast.row(models.Lead, lead)
    assert (row.first_response, row.state, row.first_response_due_at) == ("open", "assigned", EARLY + 24 * HOUR)
    again(cast, answer)
    row = cast.row(models.Lead, lead)
    assert (row.first_response, row.state, row.first_response_at) == ("kept", "following", EARLY + 2 * HOUR)


def test_the_next_contact_answers_a_lead_when_the_first_goes(cast: Cast) -> None:
    lead = owned(cast)
    answer = log(cast, "rep", lead, contacted_at=EARLY + 2 * HOUR)
    log(cast, "rep", lead, contacted_at=EARLY + 30 * HOUR)
    again(cast, answer)
    row = cast.row(models.Lead, lead)
    assert (row.first_response, row.first_response_at, row.breached_at) == ("late", EARLY + 30 * HOUR, EARLY + 24 * HOUR)
    again(cast, answer)
    assert cast.row(models.Lead, lead).first_response == "kept"
    assert cast.row(models.Lead, lead).breached_at is None


def test_a_correction_may_answer_a_lead_or_no_longer(cast: Cast) -> None:
    lead = owned(cast)
    made = log(cast, "rep", lead, contacted_at=EARLY + 2 * HOUR)
    for at, said in ((EARLY - HOUR, "open"), (EARLY + 25 * HOUR, "late"), (EARLY + HOUR, "kept")):
        again(cast, made, login="rep", contacted_at=at)
        assert cast.row(models.Lead, lead).first_response == said


def test_what_answered_a_lead_under_its_former_owner_may_go_without_punishing_the_next(cast: Cast) -> None:
    lead = owned(cast)
    answer = log(cast, "rep", lead, contacted_at=EARLY + 2 * HOUR)
    do(cast, "leader_a", "assign", [lead], NOW, to_id=cast.people["mate"])
    again(cast, answer, NOW + HOUR)
    row = cast.row(models.Lead, lead)
    assert (row.first_response, row.first_response_due_at) == ("open", NOW + 25 * HOUR)


def test_a_closed_lead_gets_no_next_step_from_a_correction(cast: Cast) -> None:
    lead = owned(cast)
    made = log(cast, "rep", lead)
    do(cast, "rep", "invalidate", [lead], NOW, reason="x")
    again(cast, made, login="rep", next_at=NOW + HOUR)
    row = cast.row(models.Lead, lead)
    assert (row.state, row.next_at, row.contacted_at) == ("invalid", None, NOW)
