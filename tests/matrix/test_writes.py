"""Who writes what: every verb at every door, by page and by token. What is refused leaves the database as it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from portal.engine.spec import registry
from tests.cast import Cast
from tests.matrix.attempts import Attempt, attempts
from tests.matrix.fresh import fresh, owner_for
from tests.matrix.http import Answer, Caller
from tests.matrix.ledger import fingerprint, moved, untouched
from tests.matrix.rules import DUTIES, MAY, SCOPED, holds, may
from tests.matrix.world import EVERYBODY, OWNERS, ROLE, Planted, World, sees

Callers = Callable[[str, str], Caller]
WRITERS = ("admin", "director", "leader_a", "rep")
_POOLED = ("lead", "customer", "contact", "follow_up")
_PARENT = {"follow_up": "lead", "contact": "customer", "contract": "customer", "contract_line": "contract", "payment_plan": "contract"}
_PARENT |= {"receipt": "contract", "allocation": "contract"}


@pytest.fixture(scope="module")
def targets(cast: Cast, world: World) -> dict[str, list[Planted]]:
    """What is tried, by entity: everybody's record and the pool's; one of each open entity. `restore` needs deleted ones."""
    found: dict[str, list[Planted]] = {}
    for entity in registry():
        owners = (*OWNERS, "") if entity in _POOLED else OWNERS if entity in SCOPED else ("",)
        found[entity] = world.of(entity) or [fresh(cast, entity, "edit", "")]
        found[f"{entity}:restore"] = [fresh(cast, entity, "restore", owner) for owner in owners if entity != "user"]
    return found


def aims(targets: dict[str, list[Planted]], attempt: Attempt) -> list[Planted]:
    """The records an attempt is tried on; who logs a follow-up or adds a contact names its parent."""
    if attempt.action == "restore":
        return targets[f"{attempt.entity}:restore"] or targets[attempt.entity]
    if attempt.action == "create" and (parent := _PARENT.get(attempt.entity)):
        return [replace(each, entity=attempt.entity) for each in targets[parent]]
    return targets[attempt.entity][:1] if attempt.action in ("create", "import") else targets[attempt.entity]


def assert_refused(answer: Answer, actor: str, attempt: Attempt, record: Planted) -> None:
    """Without the verb 403; a hidden record is not there (a list of ids names it as refused); else a 4xx that says why."""
    said = f"{actor} {answer.sent} on {record.entity} of {record.owner or 'the pool'}: {answer.status} {answer.body[:200]}"
    if not holds(actor, attempt.entity, attempt.action):
        assert answer.status == 403, said
    elif not sees(actor, record):
        assert answer.status == (409 if attempt.is_verb else 404), said
    else:
        assert answer.status in ((400,) if attempt.action == "reveal" else (403, 404, 409, 422)), said


def test_every_entity_and_every_verb_has_its_rule() -> None:
    for entity in registry():
        assert entity in MAY, f"say in rules.py who may write {entity}"
        for attempt in attempts(entity):
            holds("nobody", entity, attempt.action)


@pytest.mark.parametrize("how", ["cookie", "token"])
@pytest.mark.parametrize("actor", EVERYBODY)
@pytest.mark.parametrize("part", ["scoped", "open"])
def test_who_may_not_write_is_refused_and_nothing_changes(
    actor: str, how: str, part: str, callers: Callers, cast: Cast, targets: dict[str, list[Planted]]
) -> None:
    caller = callers(actor, how)
    for entity in (name for name in registry() if (name in SCOPED) is (part == "scoped")):
        with untouched(cast, f"{actor} at the doors of {entity}, all of which refused,"):
            for attempt in attempts(entity):
                for record in _forbidden(actor, aims(targets, attempt), attempt):
                    assert_refused(attempt.send(caller, cast, record.id), actor, attempt, record)


def _forbidden(actor: str, records: list[Planted], attempt: Attempt) -> list[Planted]:
    """Who lacks the verb is tried on one record, who has it on every record that it is not for."""
    found = [record for record in records if not may(actor, attempt.action, record)]
    return found if holds(actor, attempt.entity, attempt.action) else found[:1]


@pytest.mark.parametrize("how", ["cookie", "token"])
@pytest.mark.parametrize("actor", WRITERS)
@pytest.mark.parametrize("entity", sorted(MAY))
def test_who_may_write_does(actor: str, how: str, entity: str, callers: Callers, cast: Cast) -> None:
    """The positive control: a portal that refuses everything would pass the test above."""
    caller = callers(actor, how)
    for attempt in attempts(entity):
        if not holds(actor, entity, attempt.action) or not _has_door(attempt):
            continue
        record = fresh(cast, entity, attempt.action, owner_for(actor, entity, attempt.action))
        before = fingerprint(cast)
        answer = attempt.send(caller, cast, record.id, to="mate" if ROLE[actor] == "leader" else "other")
        assert answer.status in (200, 201, 204, 303), f"{actor} {answer.sent}: {answer.status} {answer.body[:400]}"
        changed = set(moved(before, fingerprint(cast)))
        wanted = {"attach": "attachment", "remind": "notification", "reveal": "audit_event", "share": "participant"}.get(
            attempt.action, registry()[entity].table.name
        )
        assert attempt.action == "import" or {wanted, "audit_event"} - _unheard(attempt) <= changed, f"{answer.sent} changed {changed}"


def _has_door(attempt: Attempt) -> bool:
    return attempt.action != "attach" or registry()[attempt.entity].screen.attachments


def _unheard(attempt: Attempt) -> set[str]:
    """A reminder changes no record, so the history has nothing to tell."""
    return {"audit_event"} if attempt.action == "remind" else set()


def test_signed_out_nobody_writes(callers: Callers, cast: Cast, targets: dict[str, list[Planted]]) -> None:
    caller = callers("", "cookie")
    caller._see(caller.get("/login/").body)
    with untouched(cast, "somebody who is not signed in"):
        for attempt in (attempt for entity in registry() for attempt in attempts(entity)):
            answer = attempt.send(caller, cast, aims(targets, attempt)[0].id)
            assert answer.status in (302, 401), f"{answer.sent}: {answer.status}"
            assert answer.status == 401 or answer.headers["Location"].startswith("/login/"), answer.sent


def other_doors(entity: str) -> list[tuple[str, str, str]]:
    """(verb, method, path) of the doors that are no attempt: pages to write on, downloads, pickers, undo."""
    page, rest = f"/{entity}", f"/api/v1/{entity}"
    reading = [
        f"{page}/",
        f"{page}/1",
        f"{page}/pick?field=owner_id",
        f"{page}/1/files/1",
        f"{page}/charts",
        f"{page}/count",
        f"{rest}/",
        f"{rest}/1",
        f"{rest}/1/files",
        f"{rest}/1/files/1",
        f"{rest}/pick?field=owner_id",
    ]
    attaches = "attach" if registry()[entity].screen.attached_by else "edit"
    files = [("POST", f"{page}/1/files/1/remove"), ("POST", f"{page}/1/files/1/restore"), ("DELETE", f"{rest}/1/files/1")]
    files.append(("POST", f"{rest}/1/files/1/restore"))
    pair = [("merge", "GET", f"{page}/1/merge"), ("merge", "POST", f"{page}/1/merge")]
    alike = [("read", "GET", f"{page}/1/duplicates"), ("read", "POST", f"{page}/1/duplicates")]
    return [
        *(("read", "GET", path) for path in reading),
        *((attaches, method, path) for method, path in files),
        *((*pair, *alike) if registry()[entity].mergeable else ()),
        ("read", "POST", f"{page}/verb/nothing"),
        ("read", "POST", f"{rest}/nothing"),
        ("export", "GET", f"{page}/export.csv"),
        ("create", "GET", f"{page}/new"),
        ("edit", "GET", f"{page}/1/edit"),
        *(("import", "GET", f"{page}/import{rest_of}") for rest_of in ("", "/1", "/1/refused.csv")),
        ("import", "POST", f"{page}/import/1"),
        ("undo", "POST", f"{page}/undo/1"),
        ("undo", "POST", f"{rest}/undo"),
    ]


@pytest.mark.parametrize(("actor", "how"), [("legal", "cookie"), ("nobody", "token"), ("rep", "cookie"), ("leader_a", "token")])
def test_without_the_verb_its_pages_stay_shut(actor: str, how: str, callers: Callers, cast: Cast) -> None:
    """The duties that wait find every door shut; who sells, those of the settings."""
    caller = callers(actor, how)
    waits = ROLE[actor] not in ("rep", "leader")
    with untouched(cast, f"{actor} at shut doors"):
        for entity in registry():
            for verb, method, path in other_doors(entity):
                reads = entity in DUTIES.get(ROLE[actor], ()) and verb in ("read", "undo", "export")
                held = verb in MAY[entity] and holds(actor, entity, verb)
                if (waits and not reads and not held) or (verb in MAY[entity] and not holds(actor, entity, verb)):
                    answer = caller.post(path) if method == "POST" and "/api/" not in path else caller.send(method, path, {"batch_id": 1})
                    assert answer.status == 403, f"{actor} {answer.sent}: {answer.status}"
