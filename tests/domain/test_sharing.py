"""Participants: whom a superior lets into a record that is not his, how far, until when, and that it ends."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import models
from portal.domain import sharing
from portal.engine import operations
from portal.engine.errors import Invalid, NotFound, PortalError, Refused
from portal.engine.spec import spec_named
from portal.engine.verbs import Outcome, verb_named
from portal.security.fields import Rights
from portal.security.perform import perform
from portal.security.policy import explain
from portal.security.session import OutOfScope
from tests.cast import NOW, Cast
from tests.domain.test_customers import make

DAY = timedelta(days=1)
FRIDAY = date(2026, 5, 15)


def do(cast: Cast, login: str, permission: str, ids: list[int], now: datetime = NOW, **form: Any) -> Outcome:
    entity, _, name = permission.partition(":")
    declared = verb_named(entity, name)
    assert declared is not None
    with cast.act(login, now) as session:
        model = spec_named(entity).model
        given: Any = ids if declared.by_id else list(session.scalars(select(model).where(model.id.in_(ids))))
        return perform(session, declared, given, acting_user=session.info["principal"], now=now, **form)


def let_in(
    cast: Cast, entity: str, ids: list[int], *, by: str = "leader_a", who: str = "mate", level: str = "read", **form: Any
) -> Outcome:
    given = {"until": FRIDAY, "note": "", **form}
    return do(cast, by, f"{entity}:share", ids, to_id=cast.people[who], level=level, **given)


def sees(cast: Cast, login: str, model: Any, now: datetime = NOW) -> list[int]:
    with cast.act(login, now) as session:
        return sorted(session.scalars(select(model.id)))


def one(session: Session, entity: str, record_id: int) -> Any:
    model = spec_named(entity).model
    return session.scalars(select(model).where(model.id == record_id).execution_options(with_deleted=True)).one()


def remove(cast: Cast, login: str, entity: str, record_id: int) -> None:
    with cast.act(login) as session:
        operations.remove(session, spec_named(entity), one(session, entity, record_id), acting_user=session.info["principal"], now=NOW)


def edit(cast: Cast, login: str, entity: str, record_id: int, now: datetime = NOW, **values: Any) -> None:
    with cast.act(login, now) as session:
        record, acting = one(session, entity, record_id), session.info["principal"]
        operations.change(session, spec_named(entity), record, values, version=None, acting_user=acting, now=now)


def test_a_participant_sees_the_record_and_what_belongs_to_it_until_the_end_of_the_day(cast: Cast) -> None:
    ours = cast.customer(owner="rep")
    contact = cast.add(models.Contact, customer_id=ours, name="王总", version=1)
    assert sees(cast, "mate", models.Customer) == []
    assert let_in(cast, "customer", [ours]).done == [ours]
    assert (sees(cast, "mate", models.Customer), sees(cast, "mate", models.Contact)) == ([ours], [contact])
    assert sees(cast, "other", models.Customer) == []
    last, over = datetime.fromisoformat("2026-05-15T23:59:59+08:00"), datetime.fromisoformat("2026-05-16T00:00:00+08:00")
    assert sees(cast, "mate", models.Customer, last) == [ours]
    assert (sees(cast, "mate", models.Customer, over), sees(cast, "mate", models.Contact, over)) == ([], [])


def test_who_may_read_does_not_change_and_who_may_change_neither_removes_nor_gives_away(cast: Cast) -> None:
    ours = cast.customer(owner="rep")
    let_in(cast, "customer", [ours])
    with pytest.raises(NotFound):
        edit(cast, "mate", "customer", ours, note="读者写")
    let_in(cast, "customer", [ours], level="write")
    edit(cast, "mate", "customer", ours, note="参与人写")
    assert cast.row(models.Customer, ours).note == "参与人写"
    assert do(cast, "mate", "customer:stage", [ours], to="won", reason="签了").done == [ours]
    assert do(cast, "mate", "customer:release", [ours], reason="不要了").done == []
    with pytest.raises(NotFound):
        remove(cast, "mate", "customer", ours)
    assert cast.row(models.Customer, ours).deleted_at is None


def test_a_writing_participant_logs_follow_ups_and_lets_nobody_in(cast: Cast) -> None:
    ours = cast.lead(owner="rep", state="following")
    let_in(cast, "lead", [ours], level="write")
    said = {"lead_id": ours, "kind": "call", "contacted_at": NOW, "content": "一起打的电话"}
    with cast.act("mate") as session:
        operations.create(session, spec_named("follow_up"), dict(said), acting_user=session.info["principal"], now=NOW)
    assert [row.created_by_id for row in cast.rows(models.FollowUp)] == [cast.people["mate"]]
    part = cast.rows(models.Participant)[0]
    with pytest.raises(PortalError):
        edit(cast, "mate", "participant", part.id, until=date(2026, 12, 31))


@pytest.mark.parametrize(("by", "who"), [("leader_a", "other"), ("leader_a", "legal"), ("leader_a", "nobody"), ("director", "warehouse")])
def test_whom_one_may_not_assign_to_one_may_not_let_in(cast: Cast, by: str, who: str) -> None:
    ours = cast.customer(owner="rep")
    with pytest.raises(Refused) as refused:
        let_in(cast, "customer", [ours], by=by, who=who)
    assert refused.value.rule == "out_of_reach"
    assert sees(cast, who, models.Customer) == []


def test_a_rep_lets_nobody_in(cast: Cast) -> None:
    with pytest.raises(PortalError):
        let_in(cast, "customer", [cast.customer(owner="rep")], by="rep")


def test_another_teams_record_is_not_shared_and_a_pool_has_no_participants(cast: Cast) -> None:
    theirs, pooled, his = cast.customer(owner="other"), cast.customer(), cast.customer(owner="mate")
    outcome = let_in(cast, "customer", [theirs, pooled, his], by="director")
    assert (outcome.done, sorted(error.rule for _, error in outcome.refused)) == ([theirs], ["in_pool", "owner"])
    assert theirs not in sees(cast, "leader_a", models.Customer)


@pytest.mark.parametrize(("until", "allowed"), [(-1, False), (0, True), (366, True), (367, False)])
def test_it_ends_on_a_day_from_today_within_a_year(cast: Cast, until: int, allowed: bool) -> None:
    ours = cast.customer(owner="rep")
    day = date(2026, 5, 12) + until * DAY
    if allowed:
        assert let_in(cast, "customer", [ours], until=day).done == [ours]
    else:
        with pytest.raises(Invalid):
            let_in(cast, "customer", [ours], until=day)


def test_nobody_takes_part_in_more_records_than_the_policy_says(cast: Cast) -> None:
    cast.add(models.Policy, key="share.most_records", effective_on=date(2026, 1, 1), value="2", reason="测试", version=1)
    customers = [cast.customer(owner="rep") for _ in range(3)]
    outcome = let_in(cast, "customer", customers)
    assert (outcome.done, [error.rule for _, error in outcome.refused]) == (customers[:2], ["share_most"])
    assert let_in(cast, "customer", customers[:1], level="write").done == customers[:1]


def test_what_goes_to_the_pool_is_nobodys_and_the_next_owner_keeps_it_to_himself(cast: Cast) -> None:
    ours = cast.customer(owner="rep")
    let_in(cast, "customer", [ours], by="director", who="other", level="write")
    assert do(cast, "rep", "customer:release", [ours], reason="换行业").done == [ours]
    assert do(cast, "leader_a", "customer:assign", [ours], to_id=cast.people["mate"]).done == [ours]
    assert sees(cast, "other", models.Customer) == []
    told = cast.rows(models.AuditEvent, models.AuditEvent.entity == "participant", models.AuditEvent.verb == "pooled")
    assert len(told) == 1


def test_a_click_is_taken_back_but_for_what_was_changed_since(cast: Cast) -> None:
    customers = [cast.customer(owner="rep") for _ in range(2)]
    batch = let_in(cast, "customer", customers).batch_id
    edit(cast, "leader_a", "participant", cast.rows(models.Participant)[0].id, note="留着")
    with cast.act("leader_a") as session:
        outcome = operations.undo(session, spec_named("customer"), batch or 0, acting_user=session.info["principal"], now=NOW)
    assert (outcome.done, [each for each, _ in outcome.refused]) == (customers[1:], customers[:1])
    assert sees(cast, "mate", models.Customer) == customers[:1]


def test_taken_out_changed_and_restored_counts_from_the_next_request(cast: Cast) -> None:
    ours = cast.customer(owner="rep")
    let_in(cast, "customer", [ours])
    part = cast.rows(models.Participant)[0].id
    remove(cast, "leader_a", "participant", part)
    assert sees(cast, "mate", models.Customer) == []
    with cast.act("leader_a") as session:
        record, acting = one(session, "participant", part), session.info["principal"]
        operations.restore(session, spec_named("participant"), record, acting_user=acting, now=NOW)
    assert sees(cast, "mate", models.Customer) == [ours]
    edit(cast, "leader_a", "participant", part, until=date(2026, 5, 12))
    assert sees(cast, "mate", models.Customer, NOW + DAY) == []


def test_nobody_is_put_back_where_he_would_not_be_let_in(cast: Cast) -> None:
    pooled, his = cast.customer(owner="rep"), cast.customer(owner="rep")
    let_in(cast, "customer", [pooled, his])
    parts = {each.customer_id: each.id for each in cast.rows(models.Participant)}
    for part in parts.values():
        remove(cast, "leader_a", "participant", part)
    do(cast, "leader_a", "customer:release", [pooled], reason="没有需求")
    do(cast, "leader_a", "customer:assign", [his], to_id=cast.people["mate"])
    for part in parts.values():
        with cast.act("admin") as session:
            record, acting = one(session, "participant", part), session.info["principal"]
            with pytest.raises(Refused):
                operations.restore(session, spec_named("participant"), record, acting_user=acting, now=NOW)


def test_what_is_over_is_put_away_once(cast: Cast) -> None:
    let_in(cast, "customer", [cast.customer(owner="rep")])
    for now, ended in ((NOW, 0), (NOW + 4 * DAY, 1), (NOW + 4 * DAY, 0)):
        with cast.act("system", now) as session:
            assert sharing.expire(session, now) == ended


def test_participants_go_along_when_a_lead_becomes_a_customer_and_come_back(cast: Cast) -> None:
    ours = cast.lead(owner="rep", state="following", name="王总")
    let_in(cast, "lead", [ours])
    outcome = do(cast, "rep", "lead:convert", [ours])
    made = cast.rows(models.Customer)[0].id
    assert (sees(cast, "mate", models.Lead), sees(cast, "mate", models.Customer)) == ([], [made])
    with cast.act("rep") as session:
        operations.undo(session, spec_named("lead"), outcome.batch_id or 0, acting_user=session.info["principal"], now=NOW)
    assert (sees(cast, "mate", models.Lead), sees(cast, "mate", models.Customer)) == ([ours], [])


def test_a_conversion_lets_nobody_further_into_the_customer_it_joins(cast: Cast) -> None:
    """Who takes part in the customer keeps what he has there, for as long as it was meant."""
    lead, customer = cast.lead(owner="rep", state="following"), cast.customer(owner="rep")
    let_in(cast, "customer", [customer])
    let_in(cast, "lead", [lead], level="write", until=FRIDAY + 9 * DAY)
    do(cast, "rep", "lead:convert", [lead], customer_id=customer)
    rows = cast.rows(models.Participant, models.Participant.customer_id == customer)
    assert [(each.level, each.until) for each in rows] == [("read", FRIDAY)]


@pytest.mark.parametrize("level", ["read", "write"])
def test_a_deal_of_a_customer_is_begun_by_who_may_change_him(cast: Cast, level: str) -> None:
    """It counts for him: for his class, for what he is owed."""
    theirs, own = cast.customer(owner="rep"), cast.customer(owner="mate")
    let_in(cast, "customer", [theirs], level=level)
    deal = make(cast, "mate", "opportunity", customer_id=own, name="十台")
    if level == "write":
        make(cast, "mate", "opportunity", customer_id=theirs, name="二十台")
        edit(cast, "mate", "opportunity", deal, customer_id=theirs)
        return
    with pytest.raises(OutOfScope):
        make(cast, "mate", "opportunity", customer_id=theirs, name="二十台")
    with pytest.raises(OutOfScope):
        edit(cast, "mate", "opportunity", deal, customer_id=theirs)


@pytest.mark.parametrize("level", ["read", "write"])
def test_a_lead_is_converted_only_into_a_customer_that_one_may_change(cast: Cast, level: str) -> None:
    """Also one without a name or a follow-up, of which nothing but a file would move there."""
    theirs, lead = cast.customer(owner="mate"), cast.lead(owner="rep", state="following", name="")
    let_in(cast, "customer", [theirs], who="rep", level=level)
    file = {
        "entity": "lead",
        "record_id": lead,
        "stored_as": "f",
        "name": "a.pdf",
        "content_type": "application/pdf",
        "size": 1,
        "sha256": "",
        "created_by_id": cast.people["rep"],
    }
    kept = cast.add(models.Attachment, **file)
    if level == "write":
        assert do(cast, "rep", "lead:convert", [lead], customer_id=theirs).done
    else:
        with pytest.raises(NotFound):
            do(cast, "rep", "lead:convert", [lead], customer_id=theirs)
    assert cast.row(models.Attachment, kept).entity == ("customer" if level == "write" else "lead")


@pytest.mark.parametrize("how", ["taken out", "until today"])
def test_who_came_along_twice_is_out_at_once(cast: Cast, how: str) -> None:
    """Two customers that became one had let in the same colleague."""
    stays, goes = cast.customer(owner="rep"), cast.customer(owner="rep")
    let_in(cast, "customer", [stays, goes])
    do(cast, "rep", "customer:merge", [stays], merged_id=goes)
    first = cast.rows(models.Participant, models.Participant.customer_id == stays)[0].id
    if how == "taken out":
        remove(cast, "leader_a", "participant", first)
    else:
        edit(cast, "leader_a", "participant", first, until=date(2026, 5, 12))
    assert sees(cast, "mate", models.Customer, NOW if how == "taken out" else NOW + DAY) == []


def test_a_list_shows_each_shared_record_once_and_under_its_own_tab(cast: Cast) -> None:
    mine, ours = cast.customer(owner="mate"), cast.customer(owner="rep")
    let_in(cast, "customer", [ours])
    spec = spec_named("customer")
    rights = Rights(cast.principal("mate"))
    assert "shared" in rights.tabs(spec)
    assert "shared" not in Rights(cast.principal("rep")).tabs(spec)
    with cast.act("mate") as session:
        found = [session.scalars(select(models.Customer.id).where(branch)).all() for branch in rights.branches(spec)]
        assert sorted(key for ids in found for key in ids) == [mine, ours]
        assert list(session.scalars(select(models.Customer.id).where(rights.branch(spec, "shared")))) == [ours]


def test_the_page_says_why_and_the_participant_is_told_once(cast: Cast) -> None:
    ours = cast.customer(owner="rep")
    let_in(cast, "customer", [ours])
    row = {"id": ours, "owner_id": cast.people["rep"], "team_id": cast.teams["a"], "pool_id": None}
    assert "有人请你参与" in explain(cast.principal("mate"), spec_named("customer"), row)[0].in_("zh")
    (notice,) = cast.rows(models.Notification, models.Notification.recipient_id == cast.people["mate"])
    assert notice.href == f"/customer/{ours}"
