"""Customers: their pool and rules beside the leads', follow-ups of either, stages, and a lead that becomes a customer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from portal import models
from portal.domain import pool
from portal.engine import operations
from portal.engine.errors import Changed, Invalid, PortalError, Refused
from portal.engine.kinds.filled import FilledField
from portal.engine.spec import spec_named
from portal.engine.verbs import Outcome, verb_named
from portal.security.perform import perform
from tests.cast import NOW, Cast
from tests.matrix.world import contract_of

DAY = timedelta(days=1)


def do(cast: Cast, login: str, permission: str, ids: list[int], now: Any = NOW, **form: Any) -> Outcome:
    entity, _, name = permission.partition(":")
    declared = verb_named(entity, name)
    assert declared is not None
    with cast.act(login, now) as session:
        model = spec_named(entity).model
        given: Any = ids if declared.by_id else list(session.scalars(select(model).where(model.id.in_(ids))))
        return perform(session, declared, given, acting_user=session.info["principal"], now=now, **form)


def make(cast: Cast, login: str, entity: str, now: Any = NOW, **values: Any) -> Any:
    with cast.act(login, now) as session:
        return operations.create(session, spec_named(entity), values, acting_user=session.info["principal"], now=now).id


def test_the_customer_pool_has_its_own_quota_and_cap(cast: Cast) -> None:
    cast.set(models.Pool, cast.customer_pool_id, daily_quota=1)
    leads, customers = cast.leads(2), [cast.customer() for _ in range(2)]
    assert do(cast, "rep", "lead:claim", leads).done == leads
    outcome = do(cast, "rep", "customer:claim", customers)
    assert (outcome.done, outcome.refused[0][1].rule) == (customers[:1], "daily_quota")
    row = cast.row(models.Customer, customers[0])
    assert (row.owner_id, row.pool_id, row.state) == (cast.people["rep"], None, "potential")
    tenures = cast.rows(models.Tenure, models.Tenure.entity == "customer")
    assert [(t.how, t.former_pool_id, t.owner_id) for t in tenures] == [("claim", cast.customer_pool_id, cast.people["rep"])]


def test_customers_who_bought_do_not_count_against_the_cap(cast: Cast) -> None:
    cast.set(models.Pool, cast.customer_pool_id, holding_cap=1)
    cast.customer(owner="rep", state="active")
    first, second = cast.customer(), cast.customer()
    assert do(cast, "rep", "customer:claim", [first]).done == [first]
    assert do(cast, "rep", "customer:claim", [second]).refused[0][1].rule == "holding_cap"


def test_released_and_assigned_customers_stay_among_customer_pools(cast: Cast) -> None:
    ours = cast.customer(owner="rep")
    assert do(cast, "rep", "customer:release", [ours], reason="换行业").done == [ours]
    assert cast.row(models.Customer, ours).pool_id == cast.customer_pool_id
    assert do(cast, "leader_a", "customer:assign", [ours], to_id=cast.people["mate"]).done == [ours]
    assert cast.row(models.Customer, ours).owner_id == cast.people["mate"]


def test_an_assignment_of_customers_is_undone(cast: Cast) -> None:
    ours = cast.customer(owner="rep")
    batch = do(cast, "leader_a", "customer:assign", [ours], to_id=cast.people["mate"]).batch_id
    with cast.act("leader_a") as session:
        operations.undo(session, spec_named("customer"), batch or 0, acting_user=session.info["principal"], now=NOW)
    assert cast.row(models.Customer, ours).owner_id == cast.people["rep"]


def test_neglected_customers_return_by_their_class(cast: Cast) -> None:
    began = NOW - 31 * DAY
    first = cast.customer(owner="rep", now=began, customer_class="a")
    second = cast.customer(owner="rep", now=began, customer_class="b")
    with cast.act("system") as _:
        assert pool.recycle(NOW) == 1
    assert cast.row(models.Customer, first).pool_id == cast.customer_pool_id
    assert cast.row(models.Customer, second).owner_id == cast.people["rep"]


def test_a_follow_up_belongs_to_a_lead_or_a_customer_and_to_one_only(cast: Cast) -> None:
    lead, customer = cast.lead(owner="rep"), cast.customer(owner="rep")
    said = {"kind": "call", "contacted_at": NOW, "content": "聊了用量", "next_at": NOW + DAY, "next_step": "送样"}
    made = make(cast, "rep", "follow_up", customer_id=customer, **said)
    assert cast.row(models.FollowUp, made).customer_id == customer
    row = cast.row(models.Customer, customer)
    assert (row.contacted_at, row.next_at, row.next_step) == (NOW, NOW + DAY, "送样")
    for given in ({}, {"lead_id": lead, "customer_id": customer}):
        with pytest.raises(Invalid):
            make(cast, "rep", "follow_up", **said, **given)
    with pytest.raises(PortalError):
        make(cast, "rep", "follow_up", customer_id=cast.customer(owner="other"), **said)
    with pytest.raises(Refused, match="Claim"):
        make(cast, "rep", "follow_up", customer_id=cast.customer(), **said)


def test_a_customer_is_compared_by_name_phone_and_credit_code(cast: Cast) -> None:
    make(cast, "other", "customer", name="启明仪器有限公司", phone="+8613800001111", credit_code="91310000MA1FL0AB12")
    for same in (
        {"name": "启明仪器有限公司"},
        {"name": "别家", "credit_code": "91310000MA1FL0AB12"},
        {"name": "另一家", "phone": "+8613800001111"},
    ):
        with pytest.raises(Refused) as refusal:
            make(cast, "rep", "customer", **same)
        assert refusal.value.rule == "duplicate"
        assert "外组丙" in refusal.value.in_("zh")


def test_a_stage_goes_along_its_edges(cast: Cast) -> None:
    ours = cast.customer(owner="rep")
    assert do(cast, "rep", "customer:stage", [ours], to="active", reason="x").refused[0][1].rule == "no_step"
    assert do(cast, "rep", "customer:stage", [ours], to="won", reason="签了首单").done == [ours]
    assert cast.row(models.Customer, ours).state == "won"


def test_a_pool_keeps_its_kind_while_something_lies_in_it(cast: Cast) -> None:
    cast.customer()
    with cast.act("admin") as session:
        found, who = session.get(models.Pool, cast.customer_pool_id), session.info["principal"]
        with pytest.raises(Refused, match="records in this pool"):
            operations.change(session, spec_named("pool"), found, {"kind": "lead"}, version=None, acting_user=who, now=NOW)


# conversion ---------------------------------------------------------------------------------------


def worked(cast: Cast, **values: Any) -> int:
    """A lead of the rep that was contacted once, with a file."""
    lead = cast.lead(owner="rep", company="同泰装备有限公司", company_key="同泰装备", name="王立新", phone="+8613800002222", **values)
    make(cast, "rep", "follow_up", lead_id=lead, kind="call", contacted_at=NOW, content="约了演示", next_at=NOW + DAY, next_step="演示")
    return lead


def converted(cast: Cast, lead: int, **form: Any) -> tuple[Outcome, Any]:
    outcome = do(cast, "rep", "lead:convert", [lead], **form)
    return outcome, cast.row(models.Lead, lead)


def test_a_lead_becomes_customer_and_contact_and_everything_moves_along(cast: Cast) -> None:
    outcome, lead = converted(cast, worked(cast), buying_role="decides")
    customer = cast.row(models.Customer, lead.customer_id)
    assert (lead.state, lead.next_at) == ("converted", None)
    assert (customer.name, customer.owner_id, customer.state) == ("同泰装备有限公司", cast.people["rep"], "potential")
    assert (customer.next_at, customer.next_step, customer.contacted_at) == (NOW + DAY, "演示", NOW)
    contact = cast.rows(models.Contact, models.Contact.customer_id == customer.id)[0]
    assert (contact.name, contact.buying_role, contact.phone) == ("王立新", "decides", "+8613800002222")
    assert [f.customer_id for f in cast.rows(models.FollowUp)] == [customer.id]
    assert outcome.href == f"/customer/{customer.id}"
    events = cast.rows(models.AuditEvent, models.AuditEvent.verb == "convert")
    assert {event.entity for event in events} == {"lead", "customer", "contact", "follow_up"}


def test_only_a_followed_lead_is_converted(cast: Cast) -> None:
    assert do(cast, "rep", "lead:convert", [cast.lead(owner="rep")]).refused[0][1].rule == "not_followed"


def test_a_known_customer_is_named_and_may_be_joined_or_set_apart(cast: Cast) -> None:
    theirs = make(cast, "other", "customer", name="同泰装备有限公司")
    lead = worked(cast)
    with pytest.raises(Refused) as refusal:
        converted(cast, lead)
    assert refusal.value.rule == "duplicate"
    with pytest.raises(PortalError):
        converted(cast, lead, customer_id=theirs)
    with pytest.raises(Refused, match="claim it first"):
        converted(cast, lead, customer_id=cast.customer())
    ours = cast.customer(owner="rep", name="同泰集团")
    _, row = converted(cast, lead, customer_id=ours)
    assert row.customer_id == ours
    assert [f.customer_id for f in cast.rows(models.FollowUp)] == [ours]


@pytest.mark.parametrize("joined", [False, True])
def test_a_conversion_is_undone_while_untouched(cast: Cast, joined: bool) -> None:
    before = cast.row(models.Lead, worked(cast))
    form = {"customer_id": cast.customer(owner="rep", name="同泰集团")} if joined else {}
    outcome, lead = converted(cast, before.id, **form)
    with cast.act("rep") as session:
        operations.undo(session, spec_named("lead"), outcome.batch_id or 0, acting_user=session.info["principal"], now=NOW)
    after = cast.row(models.Lead, lead.id)
    assert (after.state, after.customer_id, after.next_at, after.next_step) == ("following", None, before.next_at, before.next_step)
    assert [(f.lead_id, f.customer_id) for f in cast.rows(models.FollowUp)] == [(lead.id, None)]
    customer = cast.row(models.Customer, lead.customer_id)
    assert (customer.deleted_at is None, customer.contacted_at) == (joined, None if joined else NOW)
    assert cast.rows(models.Contact)[0].deleted_at is not None


def test_what_was_added_since_stays(cast: Cast) -> None:
    outcome, lead = converted(cast, worked(cast))
    make(cast, "rep", "contact", customer_id=lead.customer_id, name="新来的人")
    with cast.act("rep") as session, pytest.raises(Changed):
        operations.undo(session, spec_named("lead"), outcome.batch_id or 0, acting_user=session.info["principal"], now=NOW)
    assert cast.row(models.Lead, lead.id).state == "converted"


def test_a_conversion_is_not_undone_under_what_another_began(cast: Cast) -> None:
    """A contract, and a deal of somebody else that the one who converted does not see: neither loses its customer."""
    for begin in (
        lambda key: contract_of(cast, "rep", customer_id=key),
        lambda key: cast.add(models.Opportunity, name="商机", customer_id=key, owner_id=cast.people["other"], state="open", version=1),
    ):
        outcome = do(cast, "rep", "lead:convert", [cast.lead(owner="rep", state="following", company=f"公司{begin}")])
        customer = cast.rows(models.Customer)[-1].id
        begin(customer)
        with cast.act("rep") as session, pytest.raises(Changed):
            operations.undo(session, spec_named("lead"), outcome.batch_id or 0, acting_user=session.info["principal"], now=NOW)
        assert cast.row(models.Customer, customer).deleted_at is None


# the manager's word -------------------------------------------------------------------------------


def test_a_class_is_given_by_hand_with_its_grounds(cast: Cast) -> None:
    first, second = cast.customer(owner="rep", customer_class="c"), cast.customer(owner="rep", customer_class="a")
    outcome = do(cast, "leader_a", "customer:reclassify", [first, second], to="a", reason="季度采购 30 万")
    assert (outcome.done, outcome.refused[0][1].rule) == ([first], "same_class")
    event = cast.rows(models.AuditEvent, models.AuditEvent.verb == "reclassify")[-1]
    assert (event.before, event.after, event.reason) == ({"customer_class": "c"}, {"customer_class": "a"}, "季度采购 30 万")


def test_the_preview_says_what_a_class_changes(cast: Cast) -> None:
    ours = [cast.customer(owner="rep", customer_class=each) for each in ("c", "c", "a")]
    declared = verb_named("customer", "reclassify")
    assert declared is not None
    assert declared.preview is not None
    with cast.act("leader_a") as session:
        shown = declared.preview(ours, acting_user=session.info["principal"], now=NOW, to="a")
    assert [(row[0], row[2]) for row in shown.rows] == [("C 类 | Class C", "2")]
    assert shown.facts[0][1].in_("en") == "30 days"


def test_a_superior_verifies_and_nobody_his_own(cast: Cast) -> None:
    ours, own = cast.customer(owner="rep"), cast.customer(owner="leader_a")
    outcome = do(cast, "leader_a", "customer:verify", [ours, own])
    assert (outcome.done, outcome.refused[0][1].rule) == ([ours], "own")
    row = cast.row(models.Customer, ours)
    assert (row.verified_by_id, row.verified_at) == (cast.people["leader_a"], NOW)


def correct(cast: Cast, customer_id: int, **values: Any) -> None:
    with cast.act("rep") as session:
        record, who = session.scalar(select(models.Customer).where(models.Customer.id == customer_id)), session.info["principal"]
        operations.change(session, spec_named("customer"), record, values, version=None, acting_user=who, now=NOW)


def test_what_is_changed_after_the_check_is_to_be_checked_anew(cast: Cast) -> None:
    ours = cast.customer(owner="rep", region="上海")
    do(cast, "leader_a", "customer:verify", [ours])
    correct(cast, ours, region="上海", note="春节前别打电话")
    assert cast.row(models.Customer, ours).verified_at == NOW
    correct(cast, ours, region="北京")
    row = cast.row(models.Customer, ours)
    assert (row.verified_at, row.verified_by_id) == (None, None)
    told = cast.rows(models.AuditEvent, models.AuditEvent.record_id == ours, models.AuditEvent.verb == "edit")[-1]
    assert (told.before["region"], told.before["verified_by_id"]) == ("上海", cast.people["leader_a"])


def take_back(cast: Cast, login: str, batch_id: int | None) -> Outcome:
    with cast.act(login) as session:
        who = session.info["principal"]
        found: Outcome = operations.undo(session, spec_named("customer"), batch_id or 0, acting_user=who, now=NOW)
        return found


def test_a_class_given_by_hand_in_bulk_is_undone_where_nothing_happened_since(cast: Cast) -> None:
    ours = [cast.customer(owner="rep", customer_class=each) for each in ("c", "b", "c")]
    batch = do(cast, "leader_a", "customer:reclassify", ours, to="a", reason="看走眼了").batch_id
    correct(cast, ours[2], region="北京")
    outcome = take_back(cast, "leader_a", batch)
    assert (outcome.done, [each for each, _ in outcome.refused]) == (ours[:2], ours[2:])
    assert [cast.row(models.Customer, each).customer_class for each in ours] == ["c", "b", "a"]


def test_a_check_and_a_stage_are_undone(cast: Cast) -> None:
    ours = cast.customer(owner="rep")
    assert take_back(cast, "leader_a", do(cast, "leader_a", "customer:verify", [ours]).batch_id).done == [ours]
    assert cast.row(models.Customer, ours).verified_at is None
    assert take_back(cast, "rep", do(cast, "rep", "customer:stage", [ours], to="won", reason="签了").batch_id).done == [ours]
    assert cast.row(models.Customer, ours).state == "potential"


def test_completeness_counts_what_is_filled_in_and_names_what_is_missing(cast: Cast) -> None:
    """Handbook 21: a superior checks that what was entered is complete."""
    spec = spec_named("customer")
    field = spec.field("completeness")
    assert isinstance(field, FilledField)
    whole = {"phone": "+8613800000001", "source_id": cast.source_id, "industry": "机械", "region": "上海", "address": "某路 1 号"}
    ours = cast.customer(owner="rep", **whole)
    row = cast.row(models.Customer, ours)
    assert row.completeness == 62
    assert [each.key for each in field.missing(spec, row._mapping)] == ["credit_code", "legal_rep", "size"]
    cast.set(models.Customer, ours, credit_code="9131", legal_rep="王", size="small")
    assert cast.row(models.Customer, ours).completeness == 100
    assert cast.row(models.Customer, cast.customer(owner="rep")).completeness == 0
