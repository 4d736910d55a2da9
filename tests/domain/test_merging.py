"""Two customers become one and apart again: fields, what refers to them, who may, what is out of sight."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import inspect, select

from portal import models
from portal.domain import merging
from portal.engine import operations
from portal.engine.errors import Changed, PortalError, Refused
from portal.engine.spec import registry, spec_named, spec_of
from portal.engine.verbs import Outcome, verb_named
from portal.security.bulk import Selection, perform_selection
from portal.security.fields import Rights
from tests.cast import NOW, Cast

LATER = NOW + timedelta(hours=1)


def merge(cast: Cast, login: str, survivor: int, merged: int, now: Any = NOW, **form: Any) -> Outcome:
    verb = verb_named("customer", "merge")
    assert verb is not None
    given = {"fields": "", "version": None, "merged_version": None, **form, "merged_id": merged}
    with cast.act(login, now) as session:
        who = session.info["principal"]
        return perform_selection(session, spec_named("customer"), verb, Selection((survivor,)), acting_user=who, now=now, form=given)


def merged(cast: Cast, login: str, survivor: int, gone: int, **form: Any) -> int:
    outcome = merge(cast, login, survivor, gone, **form)
    assert outcome.done == [survivor], outcome.refused
    assert outcome.batch_id is not None
    return outcome.batch_id


def undo(cast: Cast, login: str, batch_id: int, now: Any = LATER) -> Outcome:
    with cast.act(login, now) as session:
        found: Outcome = operations.undo(session, spec_named("customer"), batch_id, acting_user=session.info["principal"], now=now)
        return found


def change(cast: Cast, login: str, model: Any, record_id: int, **values: Any) -> None:
    with cast.act(login, LATER) as session:
        record = session.scalars(select(model).where(model.id == record_id)).one()
        session.info["confirmed"] = True
        who = session.info["principal"]
        operations.change(session, spec_of(model), record, values, version=None, acting_user=who, now=LATER)


@pytest.fixture
def pair(cast: Cast) -> tuple[int, int]:
    """Two customers of the rep; the second was changed later and knows what the first does not."""
    first = cast.customer(owner="rep", name="南山机械厂", region="深圳", address="", customer_class="b", state="potential")
    second = cast.customer(owner="rep", name="南山机械", region="广州", address="科技路 1 号", customer_class="a", state="won")
    cast.set(models.Customer, first, changed_at=NOW - timedelta(days=3))
    cast.set(models.Customer, second, changed_at=NOW - timedelta(days=1), contacted_at=NOW, next_at=LATER, next_step="寄样品")
    return first, second


def test_gaps_are_filled_the_newer_value_wins_and_the_name_stays(cast: Cast, pair: tuple[int, int]) -> None:
    merged(cast, "rep", *pair)
    row = cast.row(models.Customer, pair[0])
    assert (row.name, row.address, row.region) == ("南山机械厂", "科技路 1 号", "广州")
    assert (row.customer_class, row.state) == ("a", "won")
    assert (row.contacted_at, row.next_at, row.next_step) == (NOW, LATER, "寄样品")
    gone = cast.row(models.Customer, pair[1])
    assert (gone.state, gone.merged_into_id, gone.deleted_at) == ("merged", pair[0], NOW)


def test_chosen_fields_and_none_of_them(cast: Cast, pair: tuple[int, int]) -> None:
    merged(cast, "rep", *pair, fields="name, region")
    row = cast.row(models.Customer, pair[0])
    assert (row.name, row.address, row.region) == ("南山机械", "", "广州")
    other = cast.customer(owner="rep", address="别处", customer_class="")
    merged(cast, "rep", pair[0], other, fields=merging.NONE)
    assert cast.row(models.Customer, pair[0]).address == ""


def test_a_field_that_cannot_be_chosen_is_refused_by_name(cast: Cast, pair: tuple[int, int]) -> None:
    with pytest.raises(Refused, match="owner_id"):
        merge(cast, "rep", *pair, fields="owner_id")
    assert cast.row(models.Customer, pair[1]).merged_into_id is None


def test_everything_that_refers_to_it_moves_also_what_its_merger_does_not_see(cast: Cast, pair: tuple[int, int]) -> None:
    first, second = pair
    contact = cast.add(models.Contact, customer_id=second, name="王工", version=1)
    binned = cast.add(models.Contact, customer_id=second, name="旧人", version=1, deleted_at=NOW)
    deal = cast.opportunity(owner="other", customer_id=second) if hasattr(cast, "opportunity") else None
    lead = cast.lead(owner="other", state="converted", customer_id=second)
    file = cast.add(
        models.Attachment,
        entity="customer",
        record_id=second,
        stored_as="x1",
        name="合同.pdf",
        content_type="application/pdf",
        size=1,
        sha256="0",
        created_at=NOW,
        created_by_id=cast.people["rep"],
    )
    batch = merged(cast, "rep", first, second)
    assert {cast.row(models.Contact, each).customer_id for each in (contact, binned)} == {first}
    assert cast.row(models.Lead, lead).customer_id == first
    assert cast.row(models.Attachment, file).record_id == first
    assert deal is None or cast.row(models.Opportunity, deal).customer_id == first
    told = cast.rows(models.AuditEvent, models.AuditEvent.entity == "contact", models.AuditEvent.record_id == contact)
    assert (told[-1].verb, told[-1].before, told[-1].after) == ("merge", {"customer_id": second}, {"customer_id": first})
    assert undo(cast, "rep", batch).refused == []
    assert {cast.row(models.Contact, each).customer_id for each in (contact, binned)} == {second}
    assert cast.row(models.Attachment, file).record_id == second
    assert cast.row(models.Lead, lead).customer_id == second


def test_every_foreign_key_to_something_mergeable_is_a_declared_reference() -> None:
    """Or rows would stay behind with a record that nobody sees."""
    for spec in registry().values():
        if not spec.mergeable:
            continue
        declared = {(child.table.name, each.key) for child, each in spec.referrers()}
        tables = inspect(spec.model).local_table.metadata.tables.values()
        found = {(t.name, c.name) for t in tables for c in t.c for key in c.foreign_keys if key.column.table is spec.table}
        assert found <= declared


def test_undo_restores_both_while_untouched(cast: Cast, pair: tuple[int, int]) -> None:
    before = [cast.row(models.Customer, each) for each in pair]
    batch = merged(cast, "rep", *pair)
    assert undo(cast, "rep", batch).done == [pair[1]]
    for was in before:
        now = cast.row(models.Customer, was.id)
        for key in ("name", "region", "address", "customer_class", "state", "contacted_at", "next_at", "next_step", "deleted_at"):
            assert getattr(now, key) == getattr(was, key), key
        assert now.merged_into_id is None
    with pytest.raises(Refused, match="undone already"):
        undo(cast, "rep", batch)


def test_what_was_changed_since_stays_and_is_named(cast: Cast, pair: tuple[int, int]) -> None:
    first, second = pair
    kept = cast.add(models.Contact, customer_id=second, name="王工", version=1)
    touched = cast.add(models.Contact, customer_id=second, name="李工", version=1)
    batch = merged(cast, "rep", first, second)
    change(cast, "rep", models.Contact, touched, title="经理")
    change(cast, "rep", models.Customer, first, region="东莞")
    outcome = undo(cast, "rep", batch)
    assert cast.row(models.Contact, kept).customer_id == second
    assert cast.row(models.Contact, touched).customer_id == first
    row = cast.row(models.Customer, first)
    assert (row.region, row.address) == ("东莞", "")
    assert outcome.message is not None
    assert "联系人 1" in outcome.message.in_("zh")
    assert "Region" in outcome.message.in_("en")


def test_a_chain_points_to_the_last_and_is_undone_from_its_end(cast: Cast, pair: tuple[int, int]) -> None:
    third = cast.customer(owner="rep")
    one = merged(cast, "rep", pair[0], pair[1])
    two = merged(cast, "rep", third, pair[0])
    assert {cast.row(models.Customer, each).merged_into_id for each in pair} == {third}
    with pytest.raises(Refused, match="bring it back first"):
        undo(cast, "rep", one)
    undo(cast, "rep", two)
    assert cast.row(models.Customer, pair[1]).merged_into_id == pair[0]
    undo(cast, "rep", one)
    assert cast.row(models.Customer, pair[1]).merged_into_id is None


@pytest.mark.parametrize(
    ("login", "owner", "allowed"),
    [
        ("rep", "mate", False),
        ("rep", None, False),
        ("leader_a", "mate", True),
        ("leader_a", "other", False),
        ("leader_a", None, False),
        ("director", "other", True),
        ("director", None, True),
    ],
)
def test_who_may_merge_another_into_the_reps(cast: Cast, login: str, owner: str | None, allowed: bool) -> None:
    ours, theirs = cast.customer(owner="rep"), cast.customer(owner=owner)
    outcome = merge(cast, login, ours, theirs)
    assert (outcome.done == [ours]) is allowed
    if not allowed:
        assert outcome.refused[0][1].rule == "not_found"
    assert (cast.row(models.Customer, theirs).merged_into_id == ours) is allowed


def test_a_hidden_one_and_a_missing_one_answer_alike(cast: Cast) -> None:
    ours, hidden = cast.customer(owner="rep"), cast.customer(owner="other")
    answers = [merge(cast, "rep", ours, each).refused[0][1].in_("en") for each in (hidden, 999_999)]
    assert answers[0] == answers[1]


def refusal(outcome: Outcome) -> PortalError:
    return outcome.refused[0][1]


def test_what_is_refused(cast: Cast, pair: tuple[int, int]) -> None:
    pooled = cast.customer()
    assert refusal(merge(cast, "rep", pair[0], pair[0])).rule == "merge_itself"
    assert refusal(merge(cast, "director", pooled, pair[0])).rule == "merge_pool"
    assert isinstance(refusal(merge(cast, "rep", *pair, merged_version=99)), Changed)
    assert isinstance(refusal(merge(cast, "rep", *pair, version=99)), Changed)


def test_the_merged_one_is_out_of_sight_and_out_of_the_cap(cast: Cast, pair: tuple[int, int]) -> None:
    merged(cast, "rep", *pair)
    with cast.act("rep") as session:
        assert pair[1] not in set(session.scalars(select(models.Customer.id)))
    with cast.act("rep", LATER) as session:
        wanted = select(models.Customer).where(models.Customer.id == pair[1]).execution_options(with_deleted=True)
        record = session.scalars(wanted).one()
        with pytest.raises(Refused, match="undo the merge"):
            operations.restore(session, spec_named("customer"), record, acting_user=session.info["principal"], now=LATER)
    cast.set(models.Pool, cast.customer_pool_id, holding_cap=1)
    cast.set(models.Customer, pair[0], state="active")
    pooled = cast.customer()
    verb = verb_named("customer", "claim")
    assert verb is not None
    with cast.act("rep") as session:
        who = session.info["principal"]
        outcome = perform_selection(session, spec_named("customer"), verb, Selection((pooled,)), acting_user=who, now=NOW, form={})
    assert outcome.done == [pooled]


def test_lookalikes_are_those_one_sees_and_a_masked_number_gives_nothing_away(cast: Cast) -> None:
    number = "+8613912340000"
    ours = cast.customer(owner="rep", name="甲厂", company_key="甲厂", phone=number)
    same = cast.customer(owner="rep", name="乙厂", company_key="乙厂", phone=number)
    pooled = cast.customer(name="丙厂", company_key="丙厂", phone=number)
    named = cast.customer(name="甲厂", company_key="甲厂", phone="")
    cast.customer(owner="other", name="甲厂", company_key="甲厂", phone=number)
    with cast.act("rep") as session:
        record = session.scalars(select(models.Customer).where(models.Customer.id == ours)).one()
        found = [each.id for each in merging.lookalikes(session, merging.mergings["customer"], record, Rights(session.info["principal"]))]
    assert found == [same, named]
    assert pooled not in found


def test_while_one_of_its_records_is_being_decided_it_stays(cast: Cast, pair: tuple[int, int]) -> None:
    contract = cast.add(models.Contract, customer_id=pair[1], title="在批合同", owner_id=cast.people["rep"], state="legal", version=1)
    cast.add(
        models.Approval,
        entity="contract",
        verb="submit",
        record_id=contract,
        state="pending",
        title="在批合同",
        owner_id=cast.people["rep"],
        version=1,
    )
    with pytest.raises(Refused, match="being decided"):
        merge(cast, "rep", *pair)
    assert cast.row(models.Contract, contract).customer_id == pair[1]
