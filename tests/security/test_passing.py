"""Nobody passes on more than he holds: an office that keeps people makes no administrators, nor becomes one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from portal import models
from portal.domain import custom_fields, flow_desk, imports, print_templates
from portal.engine.errors import BadRequest, Invalid, NotAllowed
from portal.engine.importing import read_mapping
from portal.engine.operations import create
from portal.engine.spec import registry
from tests.cast import NOW, Cast
from tests.domain.test_approvals import do as decide
from tests.domain.test_imports import Desk
from tests.security.test_field_rights import api
from tests.security.test_people import do, refusals
from tests.security.test_role_api import ask, one
from tests.security.test_throttle import FAILURES, OK, TOO_MANY, UNAUTHORISED, WRONG
from tests.security.web import Site

SUPERIOR = {"label": "上级 | Superior", "mode": "any", "who": [{"by": "superior", "level": 1}]}
OFFICE = ("read", "create", "edit", "import", "invite", "place", "reset_password", "deactivate", "reactivate")


@pytest.fixture
def office(site: Site) -> Site:
    """The mate keeps the people: what a rep may, and everything about accounts, but not the roles."""
    like = one(site, "rep")
    made = ask(site, "POST", "", {"zh": "内勤", "en": "Office", "like": like["id"]}).get_json()["result"]
    verbs = sorted({*made["verbs"], *(f"user:{verb}" for verb in OFFICE)})
    saved = ask(site, "PUT", str(made["id"]), {"stamp": made["stamp"], "verbs": verbs})
    assert saved.status_code == OK, saved.get_data(as_text=True)
    assert not refusals(do(site.cast, "place", "mate", role=made["name"]))
    return site


def test_the_office_places_people_as_far_as_its_own_rights_go(office: Site) -> None:
    cast = office.cast
    assert refusals(do(cast, "place", "other", by="mate", role="rep", team_id=cast.teams["a"])) == []
    for login, role in (("other", "admin"), ("other", "leader"), ("nobody", "director")):
        assert refusals(do(cast, "place", login, by="mate", role=role)) == ["beyond"]
    assert refusals(do(cast, "place", "director", by="mate", role="rep")) == ["beyond"]


@pytest.mark.parametrize("verb", ["reset_password", "deactivate"])
def test_nor_does_it_take_over_who_has_more(office: Site, verb: str) -> None:
    assert refusals(do(office.cast, verb, "admin", by="mate")) == ["beyond"]
    assert refusals(do(office.cast, verb, "other", by="mate")) == []


def test_the_address_that_a_password_link_goes_to_is_not_its_to_change(office: Site) -> None:
    client, bearer = office.browser().client, api(office, "mate")

    def change(login: str) -> Any:
        person = client.get(f"/api/v1/user/{office.cast.people[login]}", headers=bearer).get_json()["result"]
        body = {"email": f"{login}.new@test.example", "version": person.get("version")}
        return client.put(f"/api/v1/user/{person['id']}", headers=bearer, json={k: v for k, v in body.items() if v is not None})

    assert change("admin").status_code == 409
    assert change("other").status_code == OK


def test_a_file_brings_no_role_and_changes_nobody_who_has_more(office: Site) -> None:
    cast = office.cast
    mate = cast.principal("mate")
    with pytest.raises(NotAllowed):
        imports.require(read_mapping({"targets": [{"entity": "user", "columns": {"name": "姓名"}, "constants": {"role": "admin"}}]}), mate)
    with cast.act("mate") as session:
        closed = imports.beyond(session, [cast.people[login] for login in ("admin", "other", "nobody")], mate)
    assert set(closed) == {cast.people["admin"]}


def test_the_administrator_gives_every_role(site: Site) -> None:
    for role in ("director", "admin", "legal"):
        assert refusals(do(site.cast, "place", "nobody", role=role)) == []


def test_failures_count_for_the_account_whichever_of_its_names_is_typed(site: Site) -> None:
    names = ("rep", "rep@test.example")
    tried = [site.browser().token(names[n % 2], WRONG).status_code for n in range(FAILURES)]
    assert tried == [UNAUTHORISED] * FAILURES
    assert [site.browser().token(name).status_code for name in names] == [TOO_MANY] * 2


def test_flows_and_layouts_are_changed_by_a_right_of_their_own(site: Site) -> None:
    held = one(site, "leader")
    verbs = [*held["verbs"], "flow_desk:read", "print_desk:read"]
    assert ask(site, "PUT", str(held["id"]), {"stamp": held["stamp"], "verbs": verbs}).status_code == OK
    leader = site.signed_in("leader_a")
    for path in ("/flows/leave/submit", "/print-templates/contract"):
        assert leader.get(path).status_code == OK
    who = site.cast.principal("leader_a")
    with pytest.raises(NotAllowed), site.cast.act("leader_a"):
        flow_desk.publish("leave", "submit", [SUPERIOR], acting_user=who, now=NOW)
    with site.cast.act("leader_a"):
        layout = print_templates.in_use(registry()["contract"]).layout
    with pytest.raises(NotAllowed), site.cast.act("leader_a"):
        print_templates.publish(registry()["contract"], layout, 0, acting_user=who, now=NOW)


def test_a_masked_field_is_not_unique_since_taken_would_tell_it(cast: Cast) -> None:
    given = {"entity": "lead", "label_zh": "手机", "label_en": "Mobile", "kind": "phone", "mask": "pool", "is_unique": True}
    with pytest.raises(Invalid) as refused, cast.act("admin") as session:
        create(session, registry()["custom_field"], given, acting_user=cast.principal("admin"), now=NOW)
    assert "is_unique" in refused.value.errors and custom_fields.INDEXED


def test_only_teams_that_there_are_can_be_chosen(site: Site) -> None:
    held = one(site, "leader")
    for team in (10**30, -1, True, 987_654, "1"):
        scopes = {**held["scopes"], "lead": {"read": "chosen", "write": "chosen", "assign": "none", "team_ids": [team]}}
        assert ask(site, "PUT", str(held["id"]), {"stamp": held["stamp"], "scopes": scopes}).status_code == 400


def test_a_granted_leave_is_not_rewritten_by_a_file(cast: Cast) -> None:
    target = {"entity": "leave", "columns": {"kind": "类型", "first_on": "从", "last_on": "到"}, "on_duplicate": "update"}
    with pytest.raises((NotAllowed, BadRequest)):
        imports.require(read_mapping({"targets": [target]}), cast.principal("admin"))


def test_what_is_being_decided_is_not_changed_by_a_file(cast: Cast, tmp_path: Path) -> None:
    lead_id = cast.lead(owner="rep", company="苏州启明公司", phone="+8613812345678", note="原来的")
    with cast.act("admin"):
        flow_desk.publish("lead", "invalidate", [SUPERIOR], acting_user=cast.principal("admin"), now=NOW)
    assert decide(cast, "rep", "lead:invalidate", lead_id, reason="空号").done == [lead_id]
    desk = Desk(cast, tmp_path)
    columns = {"company": "公司", "phone": "电话", "note": "备注"}
    mapping = {"targets": [{"entity": "lead", "columns": columns, "constants": {"source_id": "官网"}, "on_duplicate": "update"}]}
    done = desk.run(desk.file(tuple(columns.values()), ("苏州启明公司", "13812345678", "改掉")), mapping, login="director")
    assert (done.counts.refused, cast.row(models.Lead, lead_id).note) == (1, "原来的")
    assert "审批" in desk.refused[0][-1]
