"""A lead comes in: whose it is, its clock, its duplicates and what they tell."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from portal import models
from portal.domain import duplicates
from portal.domain.worklists import breaches
from portal.engine import operations
from portal.engine.errors import Refused
from portal.engine.spec import spec_named
from tests.cast import NOW, Cast
from tests.domain.test_claim import do

HOUR = timedelta(hours=1)
MAN = {"money": True, "authority": True, "need": True}


def create(cast: Cast, login: str, *, confirmed: bool = False, now: Any = NOW, **values: Any) -> int:
    with cast.act(login, now) as session:
        session.info["confirmed"] = confirmed
        given = {"company": "华为技术有限公司", "source_id": cast.source_id, "phone": "", **values}
        return int(operations.create(session, spec_named("lead"), given, acting_user=session.info["principal"], now=now).id)


def change(cast: Cast, login: str, lead_id: int, now: Any = NOW, **values: Any) -> None:
    with cast.act(login, now) as session:
        lead = session.scalars(select(models.Lead).where(models.Lead.id == lead_id)).one()
        operations.change(session, spec_named("lead"), lead, values, version=None, acting_user=session.info["principal"], now=now)


@pytest.mark.parametrize("login", ["rep", "leader_a", "director"])
def test_who_works_leads_owns_what_he_enters(cast: Cast, login: str) -> None:
    row = cast.row(models.Lead, create(cast, login))
    assert (row.owner_id, row.team_id, row.state, row.owned_at) == (cast.people[login], cast.team_of(login), "assigned", NOW)
    assert row.company_key == "华为技术"
    [tenure] = cast.rows(models.Tenure)
    assert (tenure.how, tenure.owner_id, tenure.by_id) == ("create", cast.people[login], cast.people[login])


def test_an_admin_enters_into_the_pool(cast: Cast) -> None:
    row = cast.row(models.Lead, create(cast, "admin"))
    assert (row.owner_id, row.pool_id, row.state) == (None, cast.pool_id, "pool")


def test_a_qualified_lead_is_due_after_24_hours_and_at_the_same_time_when_it_is_qualified_again(cast: Cast) -> None:
    lead = create(cast, "rep", **MAN)
    assert cast.row(models.Lead, lead).first_response_due_at == NOW + 24 * HOUR
    change(cast, "rep", lead, need=False)
    assert cast.row(models.Lead, lead).first_response_due_at is None
    change(cast, "rep", lead, NOW + 30 * HOUR, need=True)
    row = cast.row(models.Lead, lead)
    assert (row.first_response_due_at, row.first_response) == (NOW + 24 * HOUR, "open")


def test_what_has_run_out_stays_a_breach_whatever_becomes_of_the_grade(cast: Cast) -> None:
    lead, later = create(cast, "rep", **MAN), NOW + 30 * HOUR
    for given in ({"need": False}, {"note": "x"}, {"need": True}):
        change(cast, "rep", lead, later, **given)
        assert cast.row(models.Lead, lead).first_response_due_at == NOW + 24 * HOUR
        with cast.act("leader_a", later):
            assert [row.id for row in breaches(now=later)] == [lead]


def test_a_new_owner_has_a_clock_of_his_own(cast: Cast) -> None:
    lead = create(cast, "rep", **MAN)
    change(cast, "rep", lead, need=False)
    do(cast, "leader_a", "assign", [lead], NOW + 30 * HOUR, to_id=cast.people["mate"])
    change(cast, "mate", lead, NOW + 31 * HOUR, need=True)
    assert cast.row(models.Lead, lead).first_response_due_at == NOW + 55 * HOUR


def test_an_invalid_lead_has_no_clock_however_it_is_corrected(cast: Cast) -> None:
    lead = create(cast, "rep", **MAN)
    do(cast, "rep", "invalidate", [lead], NOW + HOUR, reason="x")
    change(cast, "rep", lead, NOW + 2 * HOUR, note="x")
    assert cast.row(models.Lead, lead).first_response_due_at is None


def test_the_clock_starts_at_assignment_and_again_with_a_new_owner(cast: Cast) -> None:
    lead = cast.lead(**MAN)
    do(cast, "rep", "claim", [lead], NOW + HOUR)
    assert cast.row(models.Lead, lead).first_response_due_at == NOW + 25 * HOUR
    do(cast, "leader_a", "assign", [lead], NOW + 2 * HOUR, to_id=cast.people["mate"])
    assert cast.row(models.Lead, lead).first_response_due_at == NOW + 26 * HOUR
    do(cast, "mate", "release", [lead], NOW + 3 * HOUR, reason="x")
    assert cast.row(models.Lead, lead).first_response_due_at is None
    assert cast.row(models.Lead, cast.lead(owner="rep")).first_response_due_at is None


def test_the_breach_list_begins_after_the_24th_hour(cast: Cast) -> None:
    lead = create(cast, "rep", **MAN)
    due = NOW + 24 * HOUR
    for login, seen in {"leader_a": [lead], "leader_b": [], "mate": [], "nobody": []}.items():
        with cast.act(login, due):
            assert not breaches(now=due)
            assert [row.id for row in breaches(now=due + timedelta(seconds=1))] == seen


def test_a_duplicate_tells_only_that_it_is_there_whose_and_since_when(cast: Cast) -> None:
    cast.lead(owner="other", company="华为技术股份有限公司", company_key="华为技术", phone="+8613812345678", name="任先生")
    with pytest.raises(Refused) as refused:
        create(cast, "rep", phone="13812345678", company="别的公司")
    assert refused.value.rule == "duplicate"
    for said in (refused.value.in_("zh"), refused.value.in_("en")):
        assert "外组丙" in said
        assert "B 组" in said
        assert "2026-05-12" in said
        assert not any(hidden in said for hidden in ("华为", "任先生", "138"))
    with pytest.raises(Refused):
        create(cast, "rep")
    assert create(cast, "rep", confirmed=True)


def test_a_change_is_compared_with_the_others_only(cast: Cast) -> None:
    cast.lead(owner="other", company_key="中兴通讯")
    lead = create(cast, "rep")
    change(cast, "rep", lead, company="华为技术有限公司", note="x")
    with pytest.raises(Refused):
        change(cast, "rep", lead, company="中兴通讯有限公司")
    assert cast.row(models.Lead, lead).company_key == "华为技术"


def test_a_duplicate_in_the_pool_has_no_owner(cast: Cast) -> None:
    cast.lead(company_key="华为技术")
    with cast.act("rep") as session:
        [found] = duplicates.find(session, company="华为技术有限公司")
    assert (found.owner, found.team, found.by) == ("", "", "company")
    assert "public pool" in found.text.in_("en")


def test_the_bin_holds_no_duplicates(cast: Cast) -> None:
    cast.lead(company_key="华为技术", deleted_at=NOW)
    assert create(cast, "rep")


def test_an_answered_lead_keeps_its_due_time_with_its_next_owner_for_the_rate(cast: Cast) -> None:
    due = NOW + 3 * HOUR
    lead = cast.lead(owner="rep", first_response_due_at=due, first_response_at=NOW + HOUR, **MAN)
    do(cast, "leader_a", "assign", [lead], NOW + 2 * HOUR, to_id=cast.people["mate"])
    assert cast.row(models.Lead, lead).first_response_due_at == due
