"""A role that loses the right to view a record type, whatever else it keeps: no row of it is at any door, none is written under."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import select

from portal import models
from portal.domain import role_changes, role_desk
from portal.engine import store
from tests.cast import NOW, Cast
from tests.matrix.http import Caller, found_in
from tests.matrix.test_reads import reading_doors
from tests.matrix.world import ROLE, World, sees

Callers = Callable[[str, str], Caller]
TAKEN = [
    ("rep", "lead", "cookie"),
    ("rep", "lead", "token"),
    ("leader_a", "lead", "cookie"),
    ("leader_a", "customer", "cookie"),
    ("director", "follow_up", "cookie"),
    ("leader_a", "contact", "cookie"),
    ("leader_a", "opportunity", "cookie"),
    ("leader_a", "work_report", "cookie"),
    ("finance", "contract", "cookie"),
    ("finance", "payment_plan", "cookie"),
    ("other", "participant", "cookie"),
]


@contextmanager
def unreadable(cast: Cast, role: str, entity: str) -> Iterator[None]:
    """The role without the right to view, with every other verb and its reach as they were."""
    before = _save(cast, role, lambda verbs: verbs - {f"{entity}:read"})
    try:
        yield
    finally:
        _save(cast, role, lambda _: before)


def _save(cast: Cast, role: str, verbs: Callable[[frozenset[str]], frozenset[str]]) -> frozenset[str]:
    with cast.act("system") as session:
        held = next(each for each in role_desk.cards(session) if each.name == role)
        wanted = replace(held.rights, verbs=verbs(held.rights.verbs))
        role_changes.save(session, held.id, wanted, seen=held.rights.stamp, acting_user=cast.principal("admin"))
    return held.rights.verbs


@pytest.mark.parametrize(("actor", "entity", "how"), TAKEN)
def test_no_door_gives_a_row_of_a_record_type_that_may_not_be_viewed(
    actor: str, entity: str, how: str, callers: Callers, world: World, cast: Cast
) -> None:
    caller, canaries = callers(actor, how), sorted({c for record in world.of(entity) for c in record.canaries})
    shown = [door for door in reading_doors(how, world) if sees_some(actor, entity, world)]
    assert shown and any(found_in(caller.get(door), canaries) for door in (f"/{entity}/?limit=200", f"/api/v1/{entity}/?limit=200"))
    with unreadable(cast, ROLE[actor], entity):
        for door in shown:
            answer = caller.get(door)
            assert answer.status < 500, f"{door}: {answer.status} {answer.body[:300]}"
            leaks = found_in(answer, [each for each in canaries if each not in door])
            assert not leaks, f"{actor} by {how} without {entity}:read reads {leaks} at {door}"


def sees_some(actor: str, entity: str, world: World) -> bool:
    return any(sees(actor, record) for record in world.of(entity))


def test_nothing_is_written_under_a_record_that_may_not_be_viewed(callers: Callers, world: World, cast: Cast) -> None:
    caller, lead = callers("rep", "token"), world.one("lead", "rep")
    logged = {"lead_id": lead.id, "kind": "call", "content": "planted", "contacted_at": "2026-05-12T09:00:00+08:00"}
    with unreadable(cast, "rep", "lead"):
        assert caller.send("POST", "/api/v1/follow_up/", logged).status in (404, 422)
        assert caller.send("POST", "/api/v1/lead/release", {"ids": [lead.id], "reason": "x"}).status in (403, 404)
        assert caller.send("PUT", f"/api/v1/lead/{lead.id}", {"note": "planted", "version": 1}).status in (403, 404)
        assert caller.get(f"/api/v1/follow_up/?filter={json.dumps([['lead_id', 'eq', lead.id]])}").json()["count"] == 0  # type: ignore[index]
    assert caller.send("POST", "/api/v1/follow_up/", logged).status == 201


def test_what_belongs_to_a_record_is_closed_by_its_own_right_and_whole_for_what_is_done_to_the_record(world: World, cast: Cast) -> None:
    mine = select(models.FollowUp.id).where(models.FollowUp.lead_id == world.one("lead", "rep").id)
    with unreadable(cast, "rep", "follow_up"):
        with store.fresh(cast.principal("rep"), NOW) as session:
            assert not list(session.scalars(mine))
        with cast.act("rep") as session:
            assert list(session.scalars(mine)), "a conversion takes along what its author may not look at"
    with store.fresh(cast.principal("rep"), NOW) as session:
        assert list(session.scalars(mine))
