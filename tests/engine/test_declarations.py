"""Fifteen lines of declaration, and the record type has every door; each shows a person only what is his."""

from __future__ import annotations

import inspect
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Index

from jobs import runner
from portal import models
from portal.commands.upgrade import sync_roles
from portal.engine import store
from portal.engine.clock import clock
from portal.engine.entity import Entity, Owned
from portal.engine.kinds import date, integer, longtext, text
from portal.engine.screen import Screen
from portal.engine.spec import declared_for_now
from portal.security import permissions
from portal.security.principal import system_principal
from portal.security.roles import ROLES, Reach
from portal.security.session import gate
from tests import services
from tests.cast import NOW, Cast
from tests.conftest import _sessions
from tests.matrix.world import EVERYBODY, OWNERS, ROLE, Planted, sees
from tests.security.test_import_screen import fields
from tests.security.web import Browser, Site, let_go, make_site

REACH = {"rep": Reach("own", "own"), "leader": Reach("subtree", "subtree"), "director": Reach("all", "all"), "admin": Reach("all", "all")}
VERBS = tuple(f"visit:{verb}" for verb in permissions.GENERATED)


def declared() -> type[Any]:
    """The record type of these tests; nothing else is said about it anywhere."""

    class Visit(Entity, Owned):
        """来访 | Visit: somebody came to see us."""

        __table_args__ = (Index("ix_visit_name", "name"),)

        name = text("访客 | Visitor", 80, required=True, searched=True, identity=True)
        arrived_on = date("到访日 | Arrived on", required=True)
        persons = integer("人数 | Persons", least=1, most=500)
        note = longtext("备注 | Note")

        screen = Screen(
            icon="building", menu="客户 | Customers", tabs=("mine", "team", "all"), filters=("persons",), order="name",
            columns=("name", "arrived_on", "persons", "owner_id"),
        )  # fmt: skip

    return Visit


@dataclass
class Visits:
    """The portal with that record type, and one visit of everybody who may have one."""

    site: Site
    model: type[Any]
    planted: dict[str, int]
    browsers: dict[str, Browser]

    def of(self, login: str) -> Browser:
        """Signed in once."""
        if login not in self.browsers:
            self.browsers[login] = self.site.signed_in(login)
        return self.browsers[login]

    def rest(self, login: str, method: str, path: str, **options: Any) -> Any:
        token = f"token of {login}"
        if token not in self.browsers:
            self.browsers[token] = self.site.browser().token(login).get_json()["access_token"]
        headers = {"Authorization": f"Bearer {self.browsers[token]}"}
        return self.site.app.test_client().open(f"/api/v1/visit/{path}", method=method, headers=headers, **options)

    def row(self, record_id: int) -> Any:
        return self.site.cast.row(self.model, record_id)


@pytest.fixture(scope="module")
def visits(template: tuple[str, Cast], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visits]:
    """Declared, migrated, granted and served for this module alone."""
    with declared_for_now(), pytest.MonkeyPatch.context() as patch, services.clone(template[0]) as url:
        model = declared()
        gate.forget()
        for role, reach in REACH.items():
            shipped = ROLES[role]
            patch.setitem(ROLES, role, replace(shipped, verbs=(*shipped.verbs, *VERBS), reach={**shipped.reach, "visit": reach}))
        dispose, factory = _sessions(url)
        store.use_factory(factory)
        with factory() as session:
            session.info["principal"] = system_principal("test")
            model.__table__.create(session.connection())
            sync_roles(session)
            session.commit()
        made = template[1]
        cast = Cast(factory, dict(made.people), dict(made.teams), made.pool_id, made.customer_pool_id, made.source_id)
        site = make_site(cast, services.config_for(tmp_path_factory.mktemp("portal"), url, services.valkey_url("visits")))
        planted = {
            owner: cast.add(
                model,
                name=f"canary-{owner}",
                arrived_on=NOW.date(),
                note=f"note-{owner}",
                owner_id=cast.people[owner],
                team_id=cast.team_of(owner),
            )
            for owner in OWNERS
        }
        yield Visits(site, model, planted, {})
        clock.release()
        let_go()
        dispose()
    gate.forget()


def test_it_is_declared_in_fifteen_lines() -> None:
    body = inspect.getsource(declared).split('"""', 2)[2].rsplit("return", 1)[0]
    assert len([line for line in body.splitlines() if line.strip()]) <= 15


def new(visits: Visits, login: str = "rep", **values: str) -> int:
    answer = visits.of(login).post("/visit/new", {"name": "张总", "arrived_on": "2026-05-11", "persons": "3", **values})
    assert answer.status_code == 303, answer.text
    return int(answer.location.rsplit("/", 1)[1])


def test_the_menu_names_it_for_who_may_read_it(visits: Visits) -> None:
    assert 'href="/visit/"' in visits.of("rep").get("/").text
    assert 'href="/visit/"' not in visits.of("legal").get("/").text


def test_it_is_made_listed_searched_filtered_and_shown(visits: Visits) -> None:
    rep = visits.of("rep")
    for label in ("访客", "到访日", "人数", "备注"):
        assert label in rep.get("/visit/new").text
    made = new(visits, name="李经理", persons="42", note="谈了价格")
    row = visits.row(made)
    assert (row.owner_id, row.team_id) == (visits.site.cast.people["rep"], visits.site.cast.teams["a"]), "who makes it has it"
    for list_page in ("/visit/", "/visit/?q=经理", '/visit/?filter=[["persons","eq","42"]]', "/visit/?tab=mine"):
        assert "李经理" in rep.get(list_page).text, list_page
    assert "李经理" not in rep.get('/visit/?filter=[["persons","gt","42"]]').text
    page = rep.get(f"/visit/{made}").text
    assert "李经理" in page and "谈了价格" in page


@pytest.mark.parametrize(("wrong", "says"), [({"name": ""}, "必填"), ({"persons": "0"}, "1"), ({"arrived_on": "gestern"}, "日期")])
def test_a_fault_shows_beside_its_field_and_nothing_is_lost(wrong: dict[str, str], says: str, visits: Visits) -> None:
    answer = visits.of("rep").post("/visit/new", {"name": "王总", "arrived_on": "2026-05-11", "note": "写了很久", **wrong})
    assert answer.status_code == 422
    assert says in answer.text and "写了很久" in answer.text


def test_it_is_changed_by_who_saw_the_newest_and_the_history_keeps_both_values(visits: Visits) -> None:
    rep, made = visits.of("rep"), new(visits, note="先前的话")
    given = {"name": "张总", "arrived_on": "2026-05-11", "persons": "3", "note": "后来的话", "_version": str(visits.row(made).version)}
    assert rep.post(f"/visit/{made}/edit", given).status_code == 303
    late = rep.post(f"/visit/{made}/edit", {**given, "note": "迟到的话"})
    assert late.status_code == 409 and "迟到的话" in late.text and visits.row(made).note == "后来的话"
    page = rep.get(f"/visit/{made}").text
    assert "先前的话" in page and "后来的话" in page
    history = visits.site.cast.rows(models.AuditEvent, models.AuditEvent.entity == "visit", models.AuditEvent.record_id == made)
    assert [event.verb for event in history] == ["create", "edit"]
    assert (history[1].before["note"], history[1].after["note"]) == ("先前的话", "后来的话")


def test_it_is_deleted_and_restored(visits: Visits) -> None:
    rep, made = visits.of("rep"), new(visits, name="待删的人")
    gone = rep.post(f"/visit/{made}/delete")
    assert gone.status_code == 303, gone.text
    assert "待删的人" not in rep.get("/visit/").text
    bin_page = rep.get("/visit/?deleted=1").text
    assert "待删的人" in bin_page, bin_page[bin_page.index("<main") :][:3000]
    rep.post(f"/visit/{made}/restore")
    assert "待删的人" in rep.get("/visit/").text


def test_programs_have_it_too(visits: Visits) -> None:
    made = visits.rest("rep", "POST", "", json={"name": "程序来的", "arrived_on": "2026-05-10"})
    assert made.status_code == 201, made.text
    record = made.get_json()["result"] if "result" in made.get_json() else made.get_json()
    path = str(record["id"])
    assert visits.rest("rep", "GET", path).get_json()["result"]["name"] == "程序来的", visits.rest("rep", "GET", path).text
    assert visits.rest("rep", "PUT", path, json={"note": "改了", "version": record["version"]}).status_code == 200
    assert visits.rest("rep", "GET", '?filter=[["name","eq","程序来的"]]&order=name').get_json()["count"] == 1
    assert visits.rest("rep", "POST", "", json={"name": "", "owner_id": 1}).status_code == 422
    assert visits.rest("rep", "DELETE", path).status_code in (200, 204)
    assert visits.rest("rep", "GET", path).status_code == 404
    assert visits.rest("rep", "POST", f"{path}/restore").status_code == 200


def test_the_api_s_description_has_it(visits: Visits) -> None:
    described = visits.of("rep").get("/api/v1/_openapi").get_json()
    assert {"get", "post"} <= described["paths"]["/api/v1/visit/"].keys()
    schemas = str(described["components"]["schemas"]) + str(described["paths"]["/api/v1/visit/"])
    assert "到访日 | Arrived on" in schemas


def test_the_export_is_what_the_list_shows_and_no_formula(visits: Visits) -> None:
    new(visits, name="=1+1")
    answer = visits.of("rep").get("/visit/export.csv").get_data().decode("utf-8-sig")
    assert answer.splitlines()[0].startswith("访客,到访日,人数")
    assert "'=1+1" in answer and "\n=1+1" not in answer
    assert "canary-rep" in answer and "canary-mate" not in answer


def test_a_file_becomes_records(visits: Visits) -> None:
    admin = visits.of("admin")
    content = io.BytesIO("访客,到访日,人数\n导入甲,2026-05-01,5\n导入乙,没有日期,6\n".encode())
    sent = admin.post("/visit/import", {"upload": (content, "visits.csv")}, content_type="multipart/form-data")
    given = fields(admin.get(sent.location))
    assert given["t0.f.name"] == "column:访客", "the columns are guessed by their labels"
    started = admin.post("/visit/import", {**given, "action": "try"})
    assert started.status_code == 303, started.text[started.text.index("import-form") :][:3000]
    with visits.site.app.app_context():
        runner.run_now(int(started.location.rsplit("/", 1)[1]))
        done = admin.post(started.location).location
        runner.run_now(int(done.rsplit("/", 1)[1]))
    names = [row.name for row in visits.site.cast.rows(visits.model, visits.model.__table__.c.name.startswith("导入"))]
    assert names == ["导入甲"], admin.get(done).text
    assert "导入乙" in admin.get(f"{done}/refused.csv").get_data().decode("utf-8-sig")


def test_it_keeps_files_for_who_sees_it(visits: Visits) -> None:
    rep, made = visits.of("rep"), new(visits)
    rep.post(f"/visit/{made}/files", {"file": (io.BytesIO(b"what was said"), "minutes.txt")}, content_type="multipart/form-data")
    href = re.search(rf"/visit/{made}/files/\d+", rep.get(f"/visit/{made}").text)
    assert href is not None
    assert rep.get(href[0]).get_data() == b"what was said"
    assert visits.of("mate").get(href[0]).status_code == 404


def test_its_permissions_can_be_granted(visits: Visits) -> None:
    assert set(VERBS) <= set(permissions.all_permissions())


@pytest.mark.parametrize("actor", EVERYBODY)
def test_everybody_meets_his_own_rows_at_every_door(actor: str, visits: Visits, tmp_path: Path) -> None:
    """The matrix: page and token, list, record, form, export, write."""
    browser, may = visits.of(actor), ROLE[actor] in REACH
    listed = [browser.get("/visit/?limit=200"), browser.get("/visit/export.csv"), visits.rest(actor, "GET", "?limit=200")]
    assert [answer.status_code for answer in listed] == ([200] * 3 if may else [403] * 3)
    for owner, record_id in visits.planted.items():
        seen = may and sees(actor, Planted("visit", record_id, owner, ()))
        gone = 404 if may else 403
        for answer in listed:
            assert (f"canary-{owner}" in answer.text) is seen, f"{actor} {answer.request.path} {owner}"
        assert browser.get(f"/visit/{record_id}").status_code == (200 if seen else gone)
        assert browser.get(f"/visit/{record_id}/edit").status_code == (200 if seen else gone)
        assert visits.rest(actor, "GET", str(record_id)).status_code == (200 if seen else gone)
        written = visits.rest(actor, "PUT", str(record_id), json={"note": f"by {actor}", "version": visits.row(record_id).version})
        assert written.status_code == (200 if seen else gone), written.text
        assert (visits.row(record_id).note == f"by {actor}") is seen
