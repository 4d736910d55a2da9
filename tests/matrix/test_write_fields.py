"""What nobody fills in, whatever he sends: owner, state, masked values, unknown names, records he cannot see."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from portal import models
from portal.engine.spec import registry
from tests.cast import Cast
from tests.matrix.attempts import PARENT, seen, values_for
from tests.matrix.fresh import fresh, owner_for
from tests.matrix.http import Answer, Caller
from tests.matrix.ledger import untouched
from tests.matrix.rules import MAY, holds
from tests.matrix.world import World

Callers = Callable[[str, str], Caller]
STRANGE = ("password", "role", "score", "roles", "is_admin", "nope", "owner.password", "__class__")
WRITTEN_BY_THE_PORTAL = {
    # what an edit itself moves, or what follows from the fields that were filled in
    *("version", "changed_at", "changed_by_id", "changed_on", "changed_by_fk", "first_name", "last_name"),
    *("full_text", "company_key", "logged_late", "first_response_due_at", "grade", "days", "amount", "name_key"),
    *("completeness", "ends_at", "hours"),
}
FREE = 987654
EDITED = sorted(entity for entity in MAY if MAY[entity]["edit"])
"""Record types that somebody may change by a form."""


def not_fillable(entity: str) -> list[str]:
    """Columns that no form offers, and names that are no column."""
    spec = registry()[entity]
    return [key for key in spec.table.c.keys() if key not in {f.key for f in spec.form}] + list(STRANGE)  # noqa: SIM118 - its columns


def sent(entity: str, cast: Cast) -> dict[str, Any]:
    """Something for each of them that would do harm."""
    whose = {"owner_id": cast.people["other"], "team_id": cast.teams["b"], "pool_id": None, "created_by_id": cast.people["other"]}
    return {**dict.fromkeys(not_fillable(entity), 1), **{key: value for key, value in whose.items() if key in not_fillable(entity)}}


def plain(answer: Answer) -> tuple[int, str]:
    """An answer without what differs each time: CSRF tokens, and the ids that were asked for."""
    return answer.status, re.sub(r'(csrf[-_]token"[^>]*?(?:content|value)=")[^"]+|\d{4}-\d\d-\d\dT[\d:.+]+|\b\d+\b', r"\1", answer.body)


@pytest.mark.parametrize("how", ["cookie", "token"])
@pytest.mark.parametrize("entity", EDITED)
def test_rest_names_every_field_that_cannot_be_filled_in(entity: str, how: str, callers: Callers, cast: Cast) -> None:
    actor = "rep" if holds("rep", entity, "edit") else "admin"
    caller, record = callers(actor, how), fresh(cast, entity, "edit", owner_for(actor, entity, "edit"))
    tries = [("PUT", f"/api/v1/{entity}/{record.id}", [key for key in not_fillable(entity) if key != "version"])]
    if holds(actor, entity, "create"):
        tries.append(("POST", f"/api/v1/{entity}/", not_fillable(entity)))
    for method, path, keys in tries:
        with untouched(cast, f"{method} {path}"):
            given = {key: value for key, value in sent(entity, cast).items() if key in keys}
            answer = caller.send(method, path, {**values_for(entity, cast), **given})
        assert answer.status == 422, f"{answer.sent}: {answer.status} {answer.body[:300]}"
        assert set(keys) <= set(answer.json()["fields"]), answer.body  # type: ignore[index]


@pytest.mark.parametrize("how", ["cookie", "token"])
@pytest.mark.parametrize("entity", EDITED)
def test_a_form_stores_nothing_but_its_own_fields(entity: str, how: str, callers: Callers, cast: Cast) -> None:
    actor = "rep" if holds("rep", entity, "edit") else "admin"
    caller, spec = callers(actor, how), registry()[entity]
    record = fresh(cast, entity, "edit", owner_for(actor, entity, "edit"))
    before = cast.row(spec.model, record.id)
    parent = PARENT.get(entity, "")
    kept_parent = {parent: getattr(before, parent)} if parent and parent not in {each.key for each in spec.parents} else {}
    given = {key: str(value) for key, value in {**sent(entity, cast), **values_for(entity, cast), **kept_parent}.items()}
    given |= {key: str(value) for key, value in seen(entity, record.id, cast, page=True).items()}
    answer = caller.post(f"/{entity}/{record.id}/edit", given)
    assert answer.status == 303, f"{answer.sent}: {answer.status} {answer.body[:300]}"
    after = cast.row(spec.model, record.id)
    kept = set(not_fillable(entity)) & set(spec.table.c.keys()) - WRITTEN_BY_THE_PORTAL - ({"state"} if entity == "work_report" else set())
    assert not {key for key in kept if getattr(before, key) != getattr(after, key)}


@pytest.mark.parametrize("how", ["cookie", "token"])
def test_what_one_makes_is_ones_own_whatever_one_sends(how: str, callers: Callers, cast: Cast) -> None:
    for entity in ("lead", "leave"):
        given = {key: str(value) for key, value in {**sent(entity, cast), **values_for(entity, cast)}.items()}
        answer = callers("rep", how).post(f"/{entity}/new", given)
        assert answer.status == 303, answer.body[:300]
        made = cast.row(registry()[entity].model, int(answer.headers["Location"].rsplit("/", 1)[1]))
        assert (made.owner_id, made.team_id, made.created_by_id) == (cast.people["rep"], cast.teams["a"], cast.people["rep"])
        assert made.deleted_at is None


@pytest.mark.parametrize("how", ["cookie", "token"])
@pytest.mark.parametrize("actor", ["admin", "director"])
def test_masked_values_are_not_overwritten_unread(actor: str, how: str, callers: Callers, cast: Cast, world: World) -> None:
    caller, pooled = callers(actor, how), world.one("lead", "").id
    for key, value in (("phone", "13900000001"), ("wechat", "new"), ("email", "new@test.example")):
        with untouched(cast, f"{actor} PUT {key}"):
            answer = caller.send("PUT", f"/api/v1/lead/{pooled}", {key: value})
        assert answer.status == 422, answer.body
        was = cast.row(models.Lead, pooled)
        form = {
            "company": was.company,
            "source_id": str(was.source_id),
            "note": was.note,
            "money": "1",
            "authority": "1",
            "need": "1",
            "_version": str(was.version),
        }
        assert caller.post(f"/lead/{pooled}/edit", {**form, key: value}).status == 303
        assert getattr(cast.row(models.Lead, pooled), key) == getattr(was, key)


@pytest.mark.parametrize("how", ["cookie", "token"])
def test_a_reference_to_a_hidden_record_is_refused_as_if_it_did_not_exist(how: str, callers: Callers, cast: Cast, world: World) -> None:
    caller, own = callers("rep", how), fresh(cast, "follow_up", "edit", "rep")
    hidden = world.one("lead", "other").id
    for lead_id in (hidden, world.one("lead", "mate").id):
        for ask in (
            lambda i: caller.send("POST", "/api/v1/follow_up/", {**values_for("follow_up", cast), "lead_id": i}),
            lambda i: caller.post("/follow_up/new", {**values_for("follow_up", cast), "content": "x", "lead_id": str(i)}),
            lambda i: caller.send("PUT", f"/api/v1/follow_up/{own.id}", {"lead_id": i, "version": 1}),
            lambda i: caller.get(f"/follow_up/new?lead_id={i}"),
        ):
            with untouched(cast, "a reference to a hidden lead"):
                there, free = ask(lead_id), ask(FREE)
            assert plain(there) == plain(free), there.sent
            assert there.status in (200, 404, 422) and (there.status != 200 or there.sent.startswith("GET")), there.body[:200]


@pytest.mark.parametrize("how", ["cookie", "token"])
def test_a_reference_to_what_does_not_exist_is_refused_in_words(how: str, callers: Callers, cast: Cast) -> None:
    caller = callers("rep", how)
    for key in ("source_id", "tag_id"):
        with untouched(cast, key):
            answer = caller.send("POST", "/api/v1/lead/", {**values_for("lead", cast), key: FREE})
        assert answer.status == 422, answer.body
        assert not {"SELECT", "INSERT", "violates"} & set(answer.body.split())


@pytest.mark.parametrize("how", ["cookie", "token"])
def test_a_verb_takes_nothing_but_its_own_form(how: str, callers: Callers, cast: Cast) -> None:
    caller, own = callers("rep", how), cast.lead(owner="rep")
    for key in ("owner_id", "state", "leaves", "acting_user", "now", "pool_id"):
        with untouched(cast, key):
            answer = caller.send("POST", "/api/v1/lead/release", {"ids": [own], "reason": "x", key: 1})
        assert answer.status == 422, f"{key}: {answer.status} {answer.body}"


@pytest.mark.parametrize("how", ["cookie", "token"])
def test_whom_one_may_not_assign_to_does_not_exist(how: str, callers: Callers, cast: Cast) -> None:
    caller, own = callers("leader_a", how), cast.lead(owner="rep")
    for key, outside in (("to_id", cast.people["other"]), ("to_id", cast.people["leader_b"]), ("team_id", cast.teams["b"])):
        with untouched(cast, key):
            there = caller.send("POST", "/api/v1/lead/assign", {"ids": [own], key: outside})
            free = caller.send("POST", "/api/v1/lead/assign", {"ids": [own], key: FREE})
            form = caller.post("/lead/verb/assign", {"ids": str(own), key: str(outside)}, **{"HX-Request": "true"})
        assert there.status == free.status == form.status == 409, there.body
        assert there.body == free.body


def test_a_form_may_be_opened_with_values_and_refuses_what_makes_no_sense(callers: Callers, cast: Cast) -> None:
    caller, own = callers("rep", "cookie"), cast.lead(owner="rep", company="预填公司")
    assert "预填公司" in caller.get(f"/follow_up/new?lead_id={own}").body
    assert caller.get("/follow_up/new?lead_id=abc").status == 400
