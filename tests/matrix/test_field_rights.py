"""A role from which an admin takes every field that can be taken: none of their values is at any door, and none can be probed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from portal import models
from portal.domain import role_changes, role_desk
from portal.engine.fields import Field
from portal.engine.spec import registry, spec_named
from portal.security import levels
from tests.cast import Cast
from tests.matrix.http import Caller, found_in
from tests.matrix.rules import SCOPED
from tests.matrix.test_reads import listing_doors, reading_doors
from tests.matrix.world import World, sees

Callers = Callable[[str, str], Caller]
ACTOR = "rep"
_WORDS = ("text", "longtext", "phone", "email")
_SHORTEST = 6


def limited(cast: Cast, chosen: dict[str, dict[str, str]]) -> None:
    """The role of the actor, as an admin leaves it."""
    with cast.act("admin") as session:
        held = next(each for each in role_desk.cards(session) if each.name == ACTOR)
        wanted = replace(held.rights, fields=chosen)
        role_changes.save(session, held.id, wanted, seen=held.rights.stamp, acting_user=cast.principal("admin"))


def every(cast: Cast, level: str) -> dict[str, dict[str, str]]:
    """Each field of each record type at this level, where it is offered."""
    with cast.act("admin"):
        specs = list(registry().values())
        offered = {
            spec.name: {f.key: level for f in levels.adjustable(spec) if level in levels.offered(spec, f) and not f.see} for spec in specs
        }
    return {entity: fields for entity, fields in offered.items() if fields}


def words_in(cast: Cast, world: World, chosen: dict[str, dict[str, str]]) -> dict[tuple[str, str], set[str]]:
    """(entity, field) → what the records that the actor sees hold in it, as long as nothing else says the same."""
    taken: dict[tuple[str, str], set[str]] = {}
    kept = ""
    for record in (each for each in world.records if sees(ACTOR, each)):
        with cast.act("system") as session:
            spec = spec_named(record.entity)
            columns = (spec.column(key).label(key) for key in spec.fields)
            row = session.execute(select(*columns).where(spec.model.id == record.id))
            values = dict(row.one()._mapping)
        for key, value in values.items():
            if isinstance(value, str) and key in chosen.get(record.entity, {}) and spec.fields[key].kind in _WORDS:
                taken.setdefault((record.entity, key), set()).add(value.removeprefix("+86"))
            else:
                kept += f"{value}\n"
    return {key: {v for v in values if len(v) >= _SHORTEST and v not in kept} for key, values in taken.items()}


@pytest.fixture(scope="module", params=[levels.NONE, levels.MASKED])
def level(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def chosen(cast: Cast, level: str) -> Iterator[dict[str, dict[str, str]]]:
    found = every(cast, level)
    limited(cast, found)
    yield found
    limited(cast, {})


@pytest.fixture(scope="module")
def hidden(cast: Cast, world: World, chosen: dict[str, dict[str, str]]) -> dict[tuple[str, str], set[str]]:
    return words_in(cast, world, chosen)


def test_there_is_something_to_hide(hidden: dict[tuple[str, str], set[str]]) -> None:
    """The positive control: the planted canaries are among what is taken away."""
    found = {value for values in hidden.values() for value in values}
    assert {"note-canary-rep", "wx-canary-rep", "customer-note-rep", "clauses-canary-rep-draft", "deal-note-rep"} <= found
    assert ("lead", "x_line") in hidden and ("contact", "phone") in hidden


@pytest.mark.parametrize("how", ["cookie", "token"])
def test_no_reading_door_gives_a_field_that_was_taken(
    how: str, callers: Callers, world: World, hidden: dict[tuple[str, str], set[str]]
) -> None:
    caller, canaries = callers(ACTOR, how), sorted({value for values in hidden.values() for value in values})
    canaries += ["old-canary-rep"]
    for door in reading_doors(how, world):
        answer = caller.get(door)
        assert answer.status < 500, f"{door}: {answer.status} {answer.body[:300]}"
        leaks = found_in(answer, [each for each in canaries if each not in door])
        assert not leaks, f"{ACTOR} by {how} reads {leaks} at {door}"


def test_its_records_are_seen_all_the_same(callers: Callers, world: World, chosen: dict[str, dict[str, str]]) -> None:
    """The other positive control: the rows stay, and what a record is called by."""
    caller = callers(ACTOR, "token")
    for record in (each for entity in ("lead", "customer", "contact", "contract") for each in world.of(entity)):
        assert (caller.get(f"/api/v1/{record.entity}/{record.id}").status == 200) is sees(ACTOR, record), record
    for entity in SCOPED:
        assert {callers(ACTOR, "cookie").get(door).status for door in listing_doors(entity, "cookie")[:1]} == {200}, entity
        assert callers(ACTOR, "cookie").get(f"/{entity}/").status == 200, entity


def test_no_probe_tells_a_field_that_was_taken(callers: Callers, chosen: dict[str, dict[str, str]], cast: Cast) -> None:
    caller = callers(ACTOR, "token")
    for entity, fields in chosen.items():
        if callers(ACTOR, "token").get(f"/api/v1/{entity}/").status == 403:
            continue
        for key in fields:
            for probe in ([[key, "empty", None]], [[key, "not_empty", None]], [[key, "eq", "1"]], [[key, "contains", "a"]]):
                answer = caller.get(f"/api/v1/{entity}/?filter={json.dumps(probe)}")
                assert answer.status == 400, f"{entity} {probe}: {answer.status}"
            for order in (key, f"-{key}"):
                assert caller.get(f"/api/v1/{entity}/?order={order}").status == 400, f"{entity} by {order}"


def test_no_search_finds_by_a_field_that_was_taken(callers: Callers, hidden: dict[tuple[str, str], set[str]], level: str) -> None:
    caller = callers(ACTOR, "token")
    for (entity, _), values in hidden.items():
        for value in values:
            answer = caller.get(f"/api/v1/{entity}/?q={value}")
            if answer.status != 403:
                told: dict[str, Any] = answer.json()  # type: ignore[assignment]
                assert told["count"] == 0, f"{entity} {value}"


def test_nothing_can_be_written_where_nothing_is_seen(
    callers: Callers, world: World, chosen: dict[str, dict[str, str]], cast: Cast
) -> None:
    caller = callers(ACTOR, "token")
    with cast.act("admin"):
        lead = spec_named("lead")
        fields: list[Field] = [lead.fields[key] for key in chosen["lead"] if lead.fields[key] in lead.form]
    record = world.one("lead", ACTOR)
    before = cast.row(models.Lead, record.id)
    for each in fields:
        answer = caller.send("PUT", f"/api/v1/lead/{record.id}", {each.key: "x-written"})
        assert answer.status in (400, 422), f"{each.key}: {answer.status}"
    assert cast.row(models.Lead, record.id) == before


def test_what_describes_the_api_says_no_more(callers: Callers, chosen: dict[str, dict[str, str]], level: str, cast: Cast) -> None:
    described: Any = callers(ACTOR, "cookie").get("/api/v1/_openapi").json()
    schemas = described["components"]["schemas"]
    for entity in (name for name in SCOPED if name in schemas):
        assert not set(schemas[f"{entity}_input"]["properties"]) & set(chosen.get(entity, {})), entity
        if level == levels.NONE:
            assert not set(schemas[entity]["properties"]) & set(chosen.get(entity, {})), entity
