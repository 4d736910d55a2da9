"""Roles changed at run time: who may change what, what a change would do, and that it counts at once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask_appbuilder.security.sqla.models import Role
from sqlalchemy import select

from portal import models
from portal.commands import upgrade
from portal.domain import people, role_changes, role_desk, role_effect
from portal.domain.role_desk import RoleCard, RoleRights, Scope
from portal.engine.errors import Changed, Invalid, Refused
from portal.engine.spec import spec_named
from portal.security import scopes
from tests.cast import Cast


def card(cast: Cast, name: str) -> RoleCard:
    with cast.act("system") as session:
        return next(each for each in role_desk.cards(session) if each.name == name)


def save(cast: Cast, name: str, rights: RoleRights, by: str = "admin") -> None:
    held = card(cast, name)
    with cast.act(by) as session:
        role_changes.save(session, held.id, rights, seen=held.rights.stamp, acting_user=cast.principal(by), reason="试点")


def with_lead(rights: RoleRights, scope: Scope) -> RoleRights:
    return replace(rights, scopes={**rights.scopes, "lead": scope})


def hold(cast: Cast, login: str, role: str) -> None:
    with cast.act("admin") as session:
        person = session.get_one(models.User, cast.people[login])
        assert people.place([person], acting_user=cast.principal("admin"), now=session.info["now"], role=role).done


def made(cast: Cast, like: str = "leader") -> RoleCard:
    with cast.act("admin") as session:
        found = next(each for each in role_desk.cards(session) if each.name == like)
        return role_changes.create(session, "华东主管", "East leader", like=found.id)


def sees(cast: Cast, login: str) -> set[int]:
    with cast.act(login) as session:
        return set(session.scalars(select(models.Lead.id)))


def test_a_role_that_sees_one_region_sees_it_with_the_teams_below_and_its_own(cast: Cast) -> None:
    below = cast.add(models.Team, name="B 组一队", parent_id=cast.teams["b"])
    theirs, ours, pooled = cast.lead(owner="other"), cast.lead(owner="mate"), cast.lead()
    deep = cast.lead(owner="other")
    cast.set(models.Lead, deep, team_id=below)
    role = made(cast)
    hold(cast, "rep", role.name)
    own = cast.lead(owner="rep")
    save(cast, role.name, with_lead(role.rights, Scope("chosen+pool", "chosen", "chosen", (cast.teams["b"],))))
    assert sees(cast, "rep") == {theirs, deep, own, pooled}
    assert ours not in sees(cast, "rep")


@pytest.mark.parametrize("scope", ["none", "own", "own+pool", "team", "subtree", "chosen", "chosen+pool", "all"])
def test_every_reach_is_one_criterion_and_one_predicate(cast: Cast, scope: str) -> None:
    for owner in ("rep", "mate", "other", "leader_a", None):
        cast.lead(owner=owner)
    role = made(cast)
    hold(cast, "rep", role.name)
    save(cast, role.name, with_lead(role.rights, Scope(scope, "none", "none", (cast.teams["b"],))))
    who, spec = cast.principal("rep"), spec_named("lead")
    rows = [dict(row._mapping) for row in cast.rows(models.Lead)]
    assert sees(cast, "rep") == {row["id"] for row in rows if scopes.covers(spec, who.to("lead").read, who, row)}


def test_a_change_counts_at_the_next_request_and_is_in_the_history(cast: Cast) -> None:
    cast.lead(owner="other")
    role = card(cast, "rep")
    assert not sees(cast, "rep")
    save(cast, "rep", with_lead(role.rights, Scope("all", "own", "own")))
    assert len(sees(cast, "rep")) == 1
    (event,) = [row for row in cast.rows(models.AuditEvent) if row.entity == "role"]
    assert (event.verb, event.record_id, event.actor_id, event.reason) == ("role:save", role.id, cast.people["admin"], "试点")
    assert event.before["scopes"]["lead"]["read"] == "own+pool"
    assert event.after["scopes"]["lead"]["read"] == "all"


def test_nobody_widens_a_role_he_holds(cast: Cast) -> None:
    admin = card(cast, "admin").rights
    with pytest.raises(Refused) as refused:
        save(cast, "admin", replace(admin, verbs=admin.verbs | {"lead:claim"}))
    assert refused.value.rule == "own_role"
    save(cast, "admin", replace(admin, verbs=admin.verbs - {"lead:delete"}))
    assert not cast.principal("admin").may("lead:delete")


def test_nobody_gives_himself_another_role(cast: Cast) -> None:
    hold(cast, "finance", "admin")
    with cast.act("admin") as session:
        me = session.get_one(models.User, cast.people["admin"])
        outcome = people.place([me], acting_user=cast.principal("admin"), now=session.info["now"], role="director")
    assert [error.rule for _, error in outcome.refused] == ["own_role"]


def test_the_administrators_role_keeps_what_runs_the_house(cast: Cast) -> None:
    admin = card(cast, "admin").rights
    with pytest.raises(Refused) as refused:
        save(cast, "admin", replace(admin, verbs=admin.verbs - {"role_desk:edit"}))
    assert refused.value.rule == "admin_locked"


@pytest.mark.parametrize("scope", [Scope("own", "all"), Scope("chosen", "own"), Scope("chosen", "subtree", team_ids=(1,))])
def test_writing_reaches_no_further_than_reading_and_chosen_teams_are_chosen(cast: Cast, scope: Scope) -> None:
    with pytest.raises(Invalid):
        save(cast, "rep", with_lead(card(cast, "rep").rights, scope))


def test_who_saves_over_anothers_change_is_told(cast: Cast) -> None:
    held = card(cast, "rep")
    save(cast, "rep", with_lead(held.rights, Scope("all", "own", "own")))
    with pytest.raises(Changed), cast.act("admin") as session:
        role_changes.save(session, held.id, held.rights, seen=held.rights.stamp, acting_user=cast.principal("admin"))


def test_a_role_goes_when_nobody_holds_it_and_a_shipped_one_stays(cast: Cast) -> None:
    role = made(cast)
    hold(cast, "rep", role.name)
    for wanted, rule in ((role.id, "role_held"), (card(cast, "legal").id, "role_shipped")):
        with pytest.raises(Refused) as refused, cast.act("admin") as session:
            role_changes.remove(session, wanted)
        assert refused.value.rule == rule
    hold(cast, "rep", "rep")
    with cast.act("admin") as session:
        role_changes.rename(session, role.id, "华南主管", "South leader")
        role_changes.remove(session, role.id)
        assert session.get(Role, role.id) is None
    with pytest.raises(Invalid), cast.act("admin") as session:
        role_changes.create(session, "总监", "Boss")


def test_the_effect_is_told_before_saving_and_is_what_then_happens(cast: Cast) -> None:
    cast.leads(3, owner="other")
    cast.leads(2, owner="mate")
    cast.lead(owner="rep")
    cast.lead()
    held = card(cast, "rep")
    wanted = with_lead(held.rights, Scope("team+pool", "own", "own"))
    with cast.act("admin") as session:
        told = role_effect.effect(session, held, wanted)
    (lead,) = told.entities
    assert (lead.gaining, lead.gained, lead.losing, lead.lost) == (2, 3, 0, 0)
    before = {login: len(sees(cast, login)) for login in ("rep", "mate", "other")}
    save(cast, "rep", wanted)
    after = {login: len(sees(cast, login)) for login in before}
    assert after["other"] == before["other"]
    assert {(person.before, person.after) for person in lead.people} == {(before[each], after[each]) for each in ("rep", "mate")}


def test_an_upgrade_gives_nothing_back_that_an_admin_took(cast: Cast) -> None:
    held = card(cast, "rep")
    save(cast, "rep", replace(held.rights, verbs=held.rights.verbs - {"lead:export"}))
    with cast.act("system") as session:
        upgrade.sync_roles(session)
    assert not cast.principal("rep").may("lead:export")
