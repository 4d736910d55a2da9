"""Handing opportunities and contracts over: to whom one may, all at once, with its tenure, and back again."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from portal import models
from portal.domain import handover
from portal.engine import operations
from portal.engine.errors import Invalid, PortalError, Refused
from portal.engine.spec import spec_named
from portal.engine.verbs import Outcome, verb_named
from portal.security.perform import perform
from tests.cast import NOW, Cast
from tests.matrix.world import contract_of

NAMES = ("opportunity", "contract")


def made(cast: Cast, name: str, owner: str = "rep") -> int:
    if name == "contract":
        return contract_of(cast, owner, state="effective")
    stage = cast.rows(models.Stage)[0]
    whose = {"owner_id": cast.people[owner], "team_id": cast.team_of(owner)}
    return cast.add(models.Opportunity, **whose, name="一笔", pipeline_id=stage.pipeline_id, stage_id=stage.id, state="open", version=1)


def hand_over(cast: Cast, name: str, ids: list[int], to: str = "mate", by: str = "leader_a", reason: str = "离职交接") -> Outcome:
    declared = verb_named(name, "hand_over")
    assert declared is not None
    with cast.act(by) as session:
        return perform(session, declared, ids, acting_user=session.info["principal"], now=NOW, to_id=cast.people[to], reason=reason)


def sees(cast: Cast, login: str, name: str) -> list[int]:
    with cast.act(login) as session:
        return sorted(session.scalars(select(spec_named(name).model.id)))


@pytest.mark.parametrize("name", NAMES)
def test_a_leader_hands_over_and_takes_it_back(cast: Cast, name: str) -> None:
    ours = [made(cast, name) for _ in range(2)]
    outcome = hand_over(cast, name, ours)
    assert outcome.done == ours
    assert (sees(cast, "mate", name), sees(cast, "rep", name)) == (ours, [])
    tenures = cast.rows(models.Tenure, models.Tenure.entity == name)
    assert [(t.record_id, t.former_owner_id, t.owner_id, t.how) for t in tenures] == [
        (each, cast.people["rep"], cast.people["mate"], "hand_over") for each in ours
    ]
    assert [line.reason for line in cast.rows(models.AuditEvent, models.AuditEvent.verb == "hand_over")] == ["离职交接"] * 2
    assert len(cast.rows(models.Notification, models.Notification.recipient_id == cast.people["mate"])) == 1
    cast.set(spec_named(name).model, ours[1], version=9)
    with cast.act("leader_a") as session:
        acting = session.info["principal"]
        back = operations.undo(session, spec_named(name), outcome.batch_id or 0, acting_user=acting, now=NOW)
    assert (back.done, [each for each, _ in back.refused]) == (ours[:1], ours[1:])
    assert sees(cast, "rep", name) == ours[:1]


@pytest.mark.parametrize("to", ["other", "legal", "nobody"])
def test_nobody_gives_to_whom_he_may_not_assign(cast: Cast, to: str) -> None:
    with pytest.raises(Refused) as refused:
        hand_over(cast, "opportunity", [made(cast, "opportunity")], to=to)
    assert refused.value.rule == "out_of_reach"


def test_another_teams_records_are_not_there_and_ones_own_stay(cast: Cast) -> None:
    theirs, his = made(cast, "opportunity", "other"), made(cast, "opportunity", "mate")
    outcome = hand_over(cast, "opportunity", [theirs, his])
    assert (outcome.done, outcome.batch_id, [error.rule for _, error in outcome.refused]) == ([], None, ["not_found", "same_owner"])


def test_a_rep_hands_nothing_over_and_a_reason_is_needed(cast: Cast) -> None:
    ours = made(cast, "opportunity")
    with pytest.raises(PortalError):
        hand_over(cast, "opportunity", [ours], by="rep")
    with pytest.raises(Invalid):
        hand_over(cast, "opportunity", [ours], reason=" ")


@pytest.mark.parametrize("name", NAMES)
def test_the_database_refuses_an_owner_without_a_tenure(cast: Cast, name: str) -> None:
    """Law 5."""
    ours = made(cast, name)
    with pytest.raises(IntegrityError, match="without tenure"):
        cast.set(spec_named(name).model, ours, owner_id=cast.people["mate"])


def test_the_leader_hears_of_all_that_somebody_leaves_behind(cast: Cast) -> None:
    cast.set(models.Team, cast.teams["a"], leader_id=cast.people["leader_a"])
    for name in NAMES:
        made(cast, name)
    deactivate: Any = verb_named("user", "deactivate")
    with cast.act("admin") as session:
        rows = list(session.scalars(select(models.User).where(models.User.id == cast.people["rep"])))
        perform(session, deactivate, rows, acting_user=session.info["principal"], now=NOW)
    (told,) = cast.rows(models.Notification, models.Notification.kind == "hand_over")
    assert told.title["en"].endswith("to hand over: Customers: 1, Opportunities: 1, Contracts: 1")
    assert told.href == handover.HAND_OVER


def test_what_is_over_needs_nobody(cast: Cast) -> None:
    made(cast, "opportunity")
    cast.set(models.Opportunity, made(cast, "opportunity"), state="won")
    cast.set(models.Contract, made(cast, "contract"), state="void")
    cast.lead(owner="rep", state="invalid")
    cast.set(models.User, cast.people["rep"], active=False)
    with cast.act("leader_a"):
        (leaver,) = handover.leavers()
    assert [(each.spec.name, each.count) for each in leaver.left if each.spec.name != "customer"] == [("opportunity", 1)]
