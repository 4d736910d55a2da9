"""Who sees what, at every reading door, by page and by token: canaries never, one's own always."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from portal.engine.spec import registry
from tests.matrix.http import Answer, Caller, found_in
from tests.matrix.rules import DUTIES, SCOPED
from tests.matrix.world import EVERYBODY, INTRODUCED, OF_CONTRACTS, ROLE, World, sees

SALES_ROLES = {"admin", "director", "leader", "rep"}
Callers = Callable[[str, str], Caller]


def listing_doors(entity: str, how: str) -> list[str]:
    """Every door that answers with rows of an entity."""
    api = [
        f"/api/v1/{entity}/",
        f"/api/v1/{entity}/?limit=200",
        f"/api/v1/{entity}/?q=canary",
        f"/api/v1/{entity}/?q=金丝雀",
        f'/api/v1/{entity}/?filter=[["created_at","last_days",3600]]',
    ]
    pages = [f"/{entity}/?limit=200", f"/{entity}/?q=金丝雀", f"/{entity}/?exact=1", f"/{entity}/export.csv", f"/{entity}/?deleted=1"]
    pages += [f"/{entity}/{beside}" for beside in ("charts", "charts?q=金丝雀", "count", "count?q=金丝雀", "count?deleted=1")]
    tabs = [f"/{entity}/?tab={tab}&limit=200" for tab in registry()[entity].screen.tabs]
    board = [f"/{entity}/board"] if registry()[entity].screen.board else []
    return api if how == "token" else api + pages + tabs + board


def reading_doors(how: str, world: World) -> list[str]:
    """Every door at which a value could be read."""
    doors = [door for entity in SCOPED for door in listing_doors(entity, how)]
    doors += [f"/api/v1/{r.entity}/{r.id}" for r in world.records]
    printed = [r for r in world.records if registry()[r.entity].screen.prints]
    doors += [f"{'/api/v1' if how == 'token' else ''}/{r.entity}/{r.id}/print.pdf" for r in printed]
    if how == "cookie":
        doors += ["/", "/inbox/", "/report-desk/", "/report-desk/board", "/jobs/", "/me/"]
        doors += [f"/?period={period}" for period in ("day", "week", "month", "quarter")]
        doors += ["/meeting-pack/", "/meeting-pack/2026-Q2.pdf", "/class-thresholds/", "/audit-log/", "/audit-log/export.csv"]
        doors += [f"/{r.entity}/{r.id}" for r in world.records] + [f"/{r.entity}/{r.id}/edit" for r in world.records]
        alike = [r for r in world.records if registry()[r.entity].mergeable]
        doors += [f"/{r.entity}/{r.id}/duplicates" for r in alike]
        doors += [f"/{r.entity}/{r.id}/merge?with={other.id}" for r in alike for other in alike if r is not other]
        doors += [f"/report-desk/{r.id}" for r in world.of("work_report")]
        doors += [f"/approvals/?tab={tab}" for tab in ("waiting", "mine", "done")]
        doors += [f"/approvals/{r.id}" for r in world.of("approval_task")]
        doors += [f"/follow_up/pick?field=lead_id&q={q}" for q in ("", "金丝雀", "实业")]
        doors += [
            f"/lead/pick?field={key}" for key in ("owner_id", "source_id", "pool_id", "team_id", "created_by_id", "tag_id", INTRODUCED)
        ]
    return doors


@pytest.mark.parametrize("how", ["cookie", "token"])
@pytest.mark.parametrize("actor", EVERYBODY)
def test_no_reading_door_gives_a_hidden_value(actor: str, how: str, callers: Callers, world: World) -> None:
    caller, hidden = callers(actor, how), world.hidden_from(actor)
    for door in reading_doors(how, world):
        answer = caller.get(door)
        assert answer.status < 500, f"{actor} {door}: {answer.status} {answer.body[:300]}"
        leaks = found_in(answer, hidden)
        assert not leaks, f"{actor} by {how} reads {leaks} at {door}"


@pytest.mark.parametrize("how", ["cookie", "token"])
@pytest.mark.parametrize("actor", [a for a in EVERYBODY if ROLE[a] in SALES_ROLES])
def test_ones_own_rows_are_seen(actor: str, how: str, callers: Callers, world: World) -> None:
    """The positive control: a portal that shows nothing leaks nothing and is worthless."""
    caller = callers(actor, how)
    for record in (record for entity in ("lead", "customer", "contact", "follow_up") for record in world.of(entity)):
        answer = caller.get(f"/api/v1/{record.entity}/{record.id}")
        assert (answer.status == 200) is sees(actor, record), f"{actor} {record}"
    listed = caller.get("/api/v1/lead/?limit=200")
    for record in world.of("lead"):
        assert bool(found_in(listed, record.canaries[:1])) is sees(actor, record), f"{actor} {record.owner}"
    if how == "cookie":
        page = caller.get("/lead/?limit=200")
        exported = caller.get("/lead/export.csv") if ROLE[actor] in SALES_ROLES else page
        for record in world.of("lead"):
            assert bool(found_in(page, record.canaries[:1])) is sees(actor, record)
            assert bool(found_in(exported, record.canaries[:1])) is sees(actor, record)


@pytest.mark.parametrize("actor", [a for a in EVERYBODY if ROLE[a] not in SALES_ROLES])
def test_the_duties_that_wait_are_denied_every_entity(actor: str, callers: Callers) -> None:
    """All but the decisions that wait for them and what their duty needs."""
    caller = callers(actor, "cookie")
    for entity in (name for name in registry() if name not in DUTIES[ROLE[actor]]):
        for door in (f"/{entity}/", f"/api/v1/{entity}/", f"/{entity}/new", f"/{entity}/export.csv", f"/{entity}/pick?field=owner_id"):
            answer = caller.get(door)
            assert answer.status == 403, f"{actor} {door}: {answer.status}"


@pytest.mark.parametrize("actor", ["rep", "other", "leader_a", "director", "legal", "finance", "cashier"])
def test_a_paper_says_what_its_reader_may_see(actor: str, callers: Callers, world: World) -> None:
    """The positive control of the paper: its words are read out of the PDF, and a hidden record has none."""
    caller = callers(actor, "token")
    for record in world.of("contract"):
        answer = caller.get(f"/api/v1/contract/{record.id}/print.pdf")
        assert (answer.status == 200) is sees(actor, record), f"{actor} {record}: {answer.status}"
        assert bool(found_in(answer, record.canaries)) is sees(actor, record)


@pytest.mark.parametrize("how", ["cookie", "token"])
@pytest.mark.parametrize("actor", ["legal", "finance", "cashier"])
def test_a_duty_sees_the_contracts_it_needs(actor: str, how: str, callers: Callers, world: World) -> None:
    """The positive control of the duties."""
    caller = callers(actor, how)
    for record in (record for entity in OF_CONTRACTS for record in world.of(entity)):
        answer = caller.get(f"/api/v1/{record.entity}/{record.id}")
        if record.entity in DUTIES[actor]:
            assert (answer.status == 200) is sees(actor, record), f"{actor} {record}: {answer.status}"
        else:
            assert answer.status == 403


def test_signed_out_nothing_is_seen(callers: Callers, world: World) -> None:
    caller = callers("", "cookie")
    everything = [c for r in world.records for c in (*r.canaries, *r.masked)]
    for entity in registry():
        for door in (f"/{entity}/", f"/api/v1/{entity}/", f"/{entity}/export.csv"):
            answer = caller.get(door)
            assert answer.status in (302, 401), f"{door}: {answer.status}"
            assert not found_in(answer, everything)


@pytest.mark.parametrize("actor", ["rep", "mate", "other", "leader_a", "leader_b"])
def test_a_hidden_id_and_a_free_id_answer_alike(actor: str, callers: Callers, world: World) -> None:
    caller = callers(actor, "cookie")
    for record in world.records:
        if sees(actor, record):
            continue
        for shape in (
            "/api/v1/{e}/{i}",
            "/{e}/{i}",
            "/{e}/{i}/edit",
            "/{e}/{i}/files/1",
            "/api/v1/{e}/{i}/files",
            "/api/v1/{e}/{i}/files/1",
        ):
            hidden = caller.get(shape.format(e=record.entity, i=record.id))
            free = caller.get(shape.format(e=record.entity, i=987654))
            assert _plain(hidden) == _plain(free), f"{actor} {shape} {record}"


@pytest.mark.parametrize("actor", ["rep", "leader_a", "director"])
def test_counts_tell_only_visible_rows(actor: str, callers: Callers, world: World) -> None:
    caller = callers(actor, "token")
    for entity in SCOPED:
        seen = sum(sees(actor, record) for record in world.of(entity))
        assert caller.get(f"/api/v1/{entity}/").json()["count"] == seen, entity  # type: ignore[index]


@pytest.mark.parametrize("actor", ["rep", "leader_a", "director"])
def test_a_count_is_the_number_of_rows_one_is_shown(actor: str, callers: Callers) -> None:
    for entity in SCOPED:
        told: dict[str, Any] = callers(actor, "token").get(f"/api/v1/{entity}/?limit=200").json()  # type: ignore[assignment]
        assert told["count"] == len(told["result"]), entity


@pytest.mark.parametrize("actor", ["rep", "leader_a", "director", "admin"])
def test_masked_digits_in_the_pool_are_not_searchable(actor: str, callers: Callers, world: World) -> None:
    caller = callers(actor, "token")
    phone = world.one("lead", "").masked[0]
    for query in (phone, phone[3:7], phone[2:9]):
        found = caller.get(f"/api/v1/lead/?q={query}").json()["result"]  # type: ignore[index]
        assert all(row["pool_id"] is None for row in found), query
        filtered = caller.get(f'/api/v1/lead/?filter=[["phone","contains","{query}"]]').json()["result"]  # type: ignore[index]
        assert all(row["pool_id"] is None for row in filtered), query
    exact = caller.get(f'/api/v1/lead/?filter=[["phone","eq","{phone}"]]').json()["result"]  # type: ignore[index]
    assert all(row["pool_id"] is None for row in exact)
    shown = caller.get(f"/api/v1/lead/?q={phone[-4:]}").json()["result"]  # type: ignore[index]
    assert any(row["pool_id"] is not None for row in shown), "the digits that the mask shows are searchable"


@pytest.mark.parametrize(
    "bad",
    [
        "order=password",
        "order=phone",
        "order=owner.password",
        "order=company_key",
        "order=nope",
        'filter=[["password","eq","x"]]',
        'filter=[["wechat","eq","x"]]',
        'filter=[["note","sql","x"]]',
        "filter=x",
        "filter=[1]",
        "after=abc",
        "limit=0",
        "limit=100000",
        "page_Lead=abc",
        "tab=secret",
        "columns=password",
        "_flt_0_owner=1",
        "owner_id=3",
        "q=" + "长" * 101,
    ],
)
def test_arguments_that_are_not_of_the_list_are_refused(bad: str, callers: Callers) -> None:
    for how in ("cookie", "token"):
        answer = callers("rep", how).get(f"/api/v1/lead/?{bad}")
        assert answer.status == 400, f"{bad}: {answer.status} {answer.body[:200]}"
        assert "SELECT" not in answer.body


def _plain(answer: Answer) -> tuple[int, str]:
    import re  # noqa: PLC0415

    return answer.status, re.sub(r'(csrf[-_]token"[^>]*?(?:content|value)=")[^"]+|/\d+', r"\1", answer.body)
