"""The rules around every write: CSRF, keys used once, undo, bulk, versions, and rights that end at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from flask_appbuilder.security.sqla.models import Role, assoc_user_role
from sqlalchemy import select, update

from portal import models
from portal.engine.tables import RoleScope
from portal.security.principal import system_principal
from portal.security.resolve import touch_access
from tests.cast import NOW, Cast
from tests.matrix.fresh import fresh
from tests.matrix.http import Answer, Caller, found_in
from tests.matrix.ledger import untouched
from tests.matrix.test_write_fields import FREE, plain
from tests.matrix.world import EVERYBODY, World

Callers = Callable[[str, str], Caller]
HTMX = {"HX-Request": "true"}
HOW = pytest.mark.parametrize("how", ["cookie", "token"])


@contextmanager
def rights(cast: Cast, statement: Any, back: Any) -> Iterator[None]:
    """The admin changes a right at run time, and changes it back."""
    _change(cast, statement)
    try:
        yield
    finally:
        _change(cast, back)


def _change(cast: Cast, statement: Any) -> None:
    with cast.session_factory() as session:
        session.info["principal"] = system_principal("test")
        session.connection().execute(statement)
        touch_access(session)
        session.commit()


def role_id(cast: Cast, name: str) -> int:
    with cast.session_factory() as session:
        return int(session.connection().scalar(select(Role.id).where(Role.name == name)))


def assign(caller: Caller, lead_id: int, to: int) -> int:
    """The batch of an assignment."""
    answer = caller.send("POST", "/api/v1/lead/assign", {"ids": [lead_id], "to_id": to})
    assert answer.status == 200, answer.body
    return int(answer.json()["batch_id"])  # type: ignore[index]


def refused(answer: Answer) -> dict[int, str]:
    """Who was refused by which rule."""
    return {each["id"]: each["rule"] for each in answer.json()["refused"]}  # type: ignore[index]


# who sent it ------------------------------------------------------------------------------------


def test_a_cookie_alone_writes_nothing(callers: Callers, cast: Cast) -> None:
    """Without the CSRF token, with a wrong one, and with a header that pretends to be a token."""
    caller, own = callers("rep", "cookie"), cast.lead(owner="rep")
    doors = [
        ("POST", f"/lead/{own}/delete", urlencode({})),
        ("POST", f"/lead/{own}/edit", urlencode({"company": "x"})),
        ("POST", "/lead/verb/release", urlencode({"ids": own, "reason": "x"})),
        ("PUT", f"/api/v1/lead/{own}", json.dumps({"note": "x"})),
        ("DELETE", f"/api/v1/lead/{own}", ""),
        ("POST", "/api/v1/lead/release", json.dumps({"ids": [own], "reason": "x"})),
        ("POST", "/preferences", urlencode({"theme": "dark"})),
        ("POST", "/logout/", ""),
    ]
    for method, path, body in doors:
        kind = "application/json" if path.startswith("/api/") else "application/x-www-form-urlencoded"
        with untouched(cast, f"{method} {path}"):
            assert caller.ask(method, path, body, {"Content-Type": kind}).status == 400, path
            assert caller.ask(method, path, body, {"Content-Type": kind, "X-CSRFToken": "wrong"}).status == 400, path
            if path not in ("/logout/", "/preferences"):
                pretended = caller.ask(method, path, body, {"Content-Type": kind, "Authorization": "Bearer none"})
                assert pretended.status in (302, 401), f"{path}: {pretended.status}"
    assert caller.get(f"/api/v1/lead/{own}").status == 200, "the cookie itself is good"


def test_reading_addresses_write_nothing(callers: Callers, cast: Cast) -> None:
    caller, token, own = callers("rep", "cookie"), callers("rep", "token"), cast.lead(owner="rep")
    with untouched(cast, "a GET"):
        for path in (f"/lead/{own}/delete", f"/lead/{own}/restore", "/lead/verb/release", "/lead/undo/1", "/logout/", "/preferences"):
            assert caller.get(f"{path}?ids={own}&reason=x").status in (404, 405), path
        for method in ("PUT", "PATCH", "DELETE"):
            assert caller.ask(method, f"/lead/{own}", "", {"X-CSRFToken": caller.csrf}).status == 405
        assert token.send("PATCH", f"/api/v1/lead/{own}", {"note": "x"}).status == 405


@HOW
def test_a_key_used_again_by_somebody_else_gives_him_nothing(how: str, callers: Callers, cast: Cast) -> None:
    own = cast.lead(owner="rep")
    key = {"Idempotency-Key": f"key-{own}"}
    body = {"ids": [own], "reason": "x"}
    first = callers("rep", how).send("POST", "/api/v1/lead/release", body, **key)
    assert first.json()["done"] == [own]  # type: ignore[index]
    other = callers("other", how)
    with untouched_but_keys(cast):
        again = callers("rep", how).send("POST", "/api/v1/lead/release", body, **key)
        assert (again.status, again.json()) == (200, first.json())
        changed = callers("rep", how).send("POST", "/api/v1/lead/release", {**body, "reason": "y"}, **key)
        assert changed.status == 409
        theirs = other.send("POST", "/api/v1/lead/release", body, **key)
    assert theirs.status == 409 and theirs.json()["done"] == [], theirs.body  # type: ignore[index]


@contextmanager
def untouched_but_keys(cast: Cast) -> Iterator[None]:
    """Keys are kept with the answer they were given."""
    try:
        with untouched(cast, "a key used again"):
            yield
    except AssertionError as error:
        if str(error).split("\n")[0] != "a key used again changed ['idempotency_key']":
            raise


# which rows -------------------------------------------------------------------------------------


@HOW
def test_a_mixed_selection_does_what_is_allowed_and_names_the_rest(how: str, callers: Callers, cast: Cast) -> None:
    own, mates, others, pooled = (cast.lead(owner=owner) for owner in ("rep", "mate", "other", None))
    others_before = [cast.row(models.Lead, i) for i in (mates, others, pooled)]
    answer = callers("rep", how).send("POST", "/api/v1/lead/invalidate", {"ids": [own, mates, others, pooled, FREE], "reason": "x"})
    assert answer.status == 200 and answer.json()["done"] == [own], answer.body  # type: ignore[index]
    rules = refused(answer)
    assert set(rules) == {mates, others, pooled, FREE}
    assert rules[mates] == rules[others] == rules[FREE], "a hidden row is refused like one that is not there"
    assert [cast.row(models.Lead, i) for i in (mates, others, pooled)] == others_before


@HOW
def test_everything_that_matches_is_everything_one_may_act_on(how: str, callers: Callers, cast: Cast) -> None:
    word = f"整批{how}"
    ids = {owner: cast.lead(owner=owner or None, company=f"{word}{owner}公司") for owner in ("rep", "mate", "other", "")}
    caller, where = callers("rep", how), [["company", "contains", word]]
    answer = caller.send("POST", "/api/v1/lead/invalidate", {"scope": "all", "filter": where, "reason": "x"})
    assert answer.status == 200 and answer.json()["done"] == [ids["rep"]], answer.body  # type: ignore[index]
    form = {"scope": "all", "filter": json.dumps(where), "reason": "x"}
    assert caller.post("/lead/verb/invalidate", form, **HTMX).status == 409
    assert {owner: cast.row(models.Lead, i).state for owner, i in ids.items() if owner != "rep"} == {
        "mate": "assigned",
        "other": "assigned",
        "": "pool",
    }
    for bad in ([["password", "eq", "x"]], [["wechat", "eq", "x"]], [["company", "sql", "x"]]):
        assert caller.send("POST", "/api/v1/lead/invalidate", {"scope": "all", "filter": bad, "reason": "x"}).status == 400


@HOW
def test_a_preview_tells_nothing_of_hidden_rows(how: str, callers: Callers, cast: Cast, world: World) -> None:
    for actor, verb in (("rep", "release"), ("rep", "claim"), ("leader_a", "assign")):
        caller = callers(actor, how)
        with untouched(cast, "a preview"):
            hidden = caller.post(f"/lead/verb/{verb}?preview=1", {"ids": str(world.one("lead", "other").id)}, **HTMX)
            free = caller.post(f"/lead/verb/{verb}?preview=1", {"ids": str(FREE)}, **HTMX)
        assert hidden.status == 200 and plain(hidden) == plain(free)
        assert not found_in(hidden, world.hidden_from(actor))


@HOW
def test_rows_changed_since_the_preview_are_named_and_left(how: str, callers: Callers, cast: Cast) -> None:
    seen, changed = cast.lead(owner="rep"), cast.lead(owner="rep", now=NOW)
    cast.set(models.Lead, seen, changed_at=NOW - timedelta(hours=2))
    answer = callers("rep", how).send(
        "POST", "/api/v1/lead/release", {"ids": [seen, changed], "reason": "x", "version": (NOW - timedelta(hours=1)).isoformat()}
    )
    assert answer.json()["done"] == [seen], answer.body  # type: ignore[index]
    assert refused(answer) == {changed: "changed"}
    assert cast.row(models.Lead, changed).owner_id == cast.people["rep"]


def test_the_page_names_the_rows_it_left(callers: Callers, cast: Cast) -> None:
    changed = cast.lead(owner="rep", company="刚刚被改过公司", now=NOW)
    form = {"ids": str(changed), "reason": "x", "version": (NOW - timedelta(hours=1)).isoformat()}
    answer = callers("rep", "cookie").post("/lead/verb/release", form, **HTMX)
    assert answer.status == 409 and "刚刚被改过公司" in answer.body, "the dialog says it and keeps what was typed"
    assert 'value="x"' in answer.body or ">x</textarea>" in answer.body


@HOW
def test_a_stale_save_is_refused(how: str, callers: Callers, cast: Cast) -> None:
    caller, own = callers("rep", how), cast.lead(owner="rep")
    for version, note in enumerate(("one", "two"), 1):
        assert caller.send("PUT", f"/api/v1/lead/{own}", {"note": note, "version": version}).status == 200
    with untouched(cast, "a stale save"):
        assert caller.send("PUT", f"/api/v1/lead/{own}", {"note": "three", "version": 1}).status == 409
        stale = caller.post(
            f"/lead/{own}/edit", {"company": "测试公司", "source_id": str(cast.source_id), "note": "three", "_version": "1"}
        )
        assert stale.status == 409 and "three" in stale.body, "what was typed is not lost"


def wide_reader(cast: Cast) -> Any:
    """Leaders read every lead meanwhile, and still write their team's."""
    mine = (RoleScope.role_id == role_id(cast, "leader"), RoleScope.entity == "lead")
    change = update(RoleScope.__table__).where(*mine)  # type: ignore[arg-type]
    return rights(cast, change.values(read="all"), change.values(read="subtree+pool"))


@HOW
def test_reading_is_not_writing(how: str, callers: Callers, cast: Cast) -> None:
    caller = callers("leader_a", how)
    theirs, invalid = cast.lead(owner="other"), cast.lead(owner="other", state="invalid")
    follow_up = cast.add(models.FollowUp, lead_id=theirs, kind="call", contacted_at=NOW, content="said", version=1)
    with wide_reader(cast):
        assert caller.get(f"/api/v1/lead/{theirs}").status == 200
        with untouched(cast, "who only reads"):
            for method, path in (("PUT", f"/api/v1/lead/{theirs}"), ("DELETE", f"/api/v1/lead/{theirs}")):
                assert caller.send(method, path, {"note": "x", "version": 1}).status in (403, 404), path
            assert caller.send("PUT", f"/api/v1/follow_up/{follow_up}", {"content": "x", "version": 1}).status in (403, 404)
            assert caller.send("POST", "/api/v1/follow_up/", {"lead_id": theirs, "content": "x"}).status in (403, 404, 422)
            assert caller.upload(f"/lead/{theirs}/files").status in (403, 404)
            for verb, form in (("release", {"reason": "x"}), ("invalidate", {"reason": "x"}), ("assign", {"to_id": cast.people["rep"]})):
                answer = caller.send("POST", f"/api/v1/lead/{verb}", {"ids": [theirs, invalid], **form})
                assert answer.status == 409, f"{verb}: {answer.body}"


@HOW
def test_a_reminder_reaches_only_ones_own_people(how: str, callers: Callers, cast: Cast) -> None:
    """It changes nothing in the report, so that only the verb's own rows stand in its way."""
    report = fresh(cast, "work_report", "remind", "other").id
    mine = (RoleScope.role_id == role_id(cast, "leader"), RoleScope.entity == "work_report")
    change = update(RoleScope.__table__).where(*mine)  # type: ignore[arg-type]
    caller = callers("leader_a", how)
    with rights(cast, change.values(read="all"), change.values(read="subtree")), untouched(cast, "a reminder to others' people"):
        assert caller.send("POST", "/api/v1/work_report/remind", {"ids": [report]}).status == 409


# taken back -------------------------------------------------------------------------------------


@HOW
def test_nobody_takes_back_what_somebody_else_did(how: str, callers: Callers, cast: Cast) -> None:
    batch = assign(callers("leader_a", how), cast.lead(owner="rep"), cast.people["mate"])
    for actor in EVERYBODY:
        if actor == "leader_a":
            continue
        caller = callers(actor, how)
        with untouched(cast, f"{actor} undoes"):
            assert caller.send("POST", "/api/v1/lead/undo", {"batch_id": batch}).status in (403, 404), actor
            assert caller.post(f"/lead/undo/{batch}", **HTMX).status in (403, 404), actor
    answer = callers("leader_a", how).send("POST", "/api/v1/lead/undo", {"batch_id": batch})
    assert answer.status == 200, answer.body


@HOW
def test_who_may_not_assign_any_more_takes_nothing_back(how: str, callers: Callers, cast: Cast) -> None:
    caller = callers("leader_b", how)
    batch = assign(caller, cast.lead(owner=None), cast.people["leader_b"])
    held = update(assoc_user_role).where(assoc_user_role.c.user_id == cast.people["leader_b"])
    demoted = held.values(role_id=role_id(cast, "rep"))
    with rights(cast, demoted, held.values(role_id=role_id(cast, "leader"))), untouched(cast, "a former leader"):
        assert caller.send("POST", "/api/v1/lead/undo", {"batch_id": batch}).status == 403


@HOW
def test_undo_gives_nothing_to_whom_one_may_not_assign(how: str, callers: Callers, cast: Cast) -> None:
    caller = callers("leader_a", how)
    batch = assign(caller, cast.lead(owner="mate"), cast.people["rep"])
    people = update(models.User.__table__).where(models.User.__table__.c.id == cast.people["mate"])  # type: ignore[arg-type]
    with rights(cast, people.values(team_id=cast.teams["b"]), people.values(team_id=cast.teams["a"])), untouched(cast, "undo"):
        assert caller.send("POST", "/api/v1/lead/undo", {"batch_id": batch}).status in (403, 404, 409)


# beside the rows ----------------------------------------------------------------------------------


@HOW
def test_notices_runs_and_reports_of_others_are_not_there(how: str, callers: Callers, cast: Cast, world: World) -> None:
    notice = cast.add(
        models.Notification, recipient_id=cast.people["other"], event_key=f"x:{how}", kind="x", title={"zh": "x", "en": "x"}, created_at=NOW
    )
    theirs_only = {"arguments": {"entity": "lead"}, "result": {"refused": [{"rule": "x", "text": {"zh": "不行", "en": "no"}, "ids": [1]}]}}
    run = cast.add(
        models.JobRun,
        kind="verb",
        period=f"p{how}",
        state="waiting",
        due_at=NOW + timedelta(days=1),
        asked_by_id=cast.people["other"],
        **theirs_only,
    )
    report = world.one("work_report", "rep").id
    for actor in ("rep", "leader_a", "director", "legal", "nobody"):
        caller = callers(actor, how)
        with untouched(cast, actor):
            assert caller.post(f"/inbox/{notice}").status in (403, 404)
            for path in (f"/jobs/{run}.json", f"/jobs/{run}", f"/jobs/{run}/refused.csv"):
                assert caller.get(path).status == 404, path
            assert caller.post(f"/jobs/{run}/cancel").status == 404
            assert caller.post(f"/jobs/{run}/retry").status == 403
            if actor != "rep":
                assert caller.post(f"/report-desk/{report}", {"problems": "not his words"}).status in (403, 404)
    theirs = callers("other", how)
    for path in (f"/jobs/{run}.json", f"/jobs/{run}", f"/jobs/{run}/refused.csv"):
        assert theirs.get(path).status == 200, path
    callers("rep", how).post("/inbox/read")
    assert cast.row(models.Notification, notice).read_at is None, "one's own notices are read, no others'"
    assert theirs.post(f"/inbox/{notice}").status == 303


@HOW
def test_a_run_or_a_file_of_an_import_is_only_its_owners(how: str, callers: Callers, cast: Cast) -> None:
    started = callers("director", how).upload("/lead/import", "upload", "公司\n甲\n")
    assert started.status == 303
    token = started.headers["Location"].split("file=")[1].split("&")[0]
    admin = callers("admin", how)
    with untouched(cast, "another's file"):
        assert admin.get(f"/lead/import?file={token}").status == 404
        assert admin.post("/lead/import", {"file": token, "action": "run"}).status == 404
        for path in ("/lead/import/1", "/lead/import/1/refused.csv"):
            assert admin.get(path).status == 404
            assert callers("rep", how).get(path).status == 403
        assert admin.post("/lead/import/1").status == 404


# rights that end -------------------------------------------------------------------------------------


@HOW
def test_a_deactivated_person_writes_and_reads_nothing_more(how: str, callers: Callers, cast: Cast) -> None:
    own, caller = cast.lead(owner="mate"), Caller(callers("mate", how).port)
    caller.sign_in("mate") if how == "cookie" else caller.take_token("mate")
    assert caller.get(f"/api/v1/lead/{own}").status == 200
    cast.set(models.User, cast.people["mate"], active=False)
    try:
        with untouched(cast, "a deactivated person"):
            assert caller.get(f"/api/v1/lead/{own}").status == 401
            assert caller.send("PUT", f"/api/v1/lead/{own}", {"note": "x"}, Accept="application/json").status in (400, 401)
            assert caller.get(f"/lead/{own}").status in (302, 401)
    finally:
        cast.set(models.User, cast.people["mate"], active=True)


_HOUSE = (
    *("/mailbox/", "/jobs/", "/flows/", "/flows/leave/submit", "/print-templates/", "/print-templates/contract"),
    *("/fields/", "/fields/new", "/fields/new?entity=lead&kind=choice"),
)


@HOW
def test_pages_of_the_house_are_the_admins(how: str, callers: Callers, cast: Cast) -> None:
    field_id = cast.rows(models.CustomField)[0].id
    for actor in EVERYBODY:
        caller = callers(actor, how)
        for path in (*_HOUSE, f"/fields/{field_id}"):
            assert (caller.get(path).status == 200) is (actor == "admin"), f"{actor} {path}"
        if how == "cookie":
            assert caller.post("/flows/leave/submit", {"steps": "[]"}).status == (422 if actor == "admin" else 403), actor
            assert caller.post("/fields/", {"do": "fly:1"}).status == (400 if actor == "admin" else 403), actor
            for path in ("/fields/new", f"/fields/{field_id}"):
                assert caller.post(path, {"entity": "lead", "kind": "text", "do": "save"}).status == (422 if actor == "admin" else 403), (
                    actor
                )
            assert caller.post("/print-templates/contract", {"layout": "{}"}).status == (400 if actor == "admin" else 403), actor
        assert caller.get("/api/v1/_openapi").status == 200
    assert callers("", "cookie").get("/api/v1/_openapi").status == 401


@HOW
def test_roles_are_the_admins(how: str, callers: Callers, cast: Cast) -> None:
    pages = ("", "new", "1", "1/fields", "compare", "why", "view-as")
    writes = ("new", "1", "1/effect", "1/fields", "1/fields/effect", "1/rename", "1/delete", "view-as", "view-as/end")
    for actor in EVERYBODY:
        caller = callers(actor, how)
        assert {caller.get(f"/roles/{page}").status for page in pages} == {200 if actor == "admin" else 403}, actor
        if actor != "admin":
            with untouched(cast, actor):
                assert {caller.post(f"/roles/{path}", {"zh": "甲", "en": "A"}).status for path in writes} == {403}, actor
                asked = (("GET", ""), ("POST", ""), ("GET", "1"), ("PUT", "1"), ("DELETE", "1"))
                assert {caller.send(method, f"/api/v1/role/{path}", {}).status for method, path in asked} == {403}, actor
    for path in ("", *writes):
        assert callers("", "cookie").get(f"/roles/{path}").status in (302, 404, 405)
