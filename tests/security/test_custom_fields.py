"""Fields that an admin adds while the portal runs: at every door from the next request on, under the same rights."""

from __future__ import annotations

import csv
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from jobs import runner
from portal import models
from portal.domain import imports
from portal.engine.fields import View
from portal.engine.importing import read_mapping
from portal.engine.intake import sniff
from tests.cast import NOW, Cast
from tests.domain.test_imports import Work
from tests.security.web import Browser, Site

runner.load_bodies()
CHOICES = "数控机床 | CNC machine\n注塑机 | Injection moulding"


def define(site: Site, **values: Any) -> int:
    """As the admin does it, over HTTP; what it asks of the database is done at once."""
    admin = site.signed_in("admin")
    given = {"entity": "lead", "kind": "text", "mask": "none", **values}
    answer = admin.post("/custom_field/new", given)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    prepare()
    return int(answer.headers["Location"].rsplit("/", 1)[-1])


def prepare() -> list[str]:
    later = NOW + timedelta(minutes=1)
    return [runner.run_now(run_id, now=lambda: later) for run_id in runner.due_runs(later)]


def edit(site: Site, field_id: int, login: str = "admin", **changed: Any) -> Any:
    row = site.cast.row(models.CustomField, field_id)
    given = {key: ("1" if value is True else value) for key, value in row._mapping.items() if value not in (None, False)}
    return site.signed_in(login).post(f"/custom_field/{field_id}/edit", {**given, "_version": row.version, **changed})


def api(site: Site, login: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {site.browser().token(login).get_json()['access_token']}"}


def page(browser: Browser, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200, answer.get_data(as_text=True)[:2000]
    return answer.get_data(as_text=True)


def told(browser: Browser, filters: Any = (), **more: str) -> list[str]:
    answer = browser.get("/api/v1/lead/", query_string={"filter": json.dumps(filters), **more} if filters else more)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return [each["company"] for each in answer.get_json()["result"]]


KINDS = {
    # kind: (typed, as JSON, as shown, another that sorts before it)
    "text": ("A 区", "A 区", "A 区", "0 区"),
    "longtext": ("一\n二", "一\n二", "一", ""),
    "choice": ("cnc_machine", "cnc_machine", "数控机床", ""),
    "choices": ("注塑机、cnc_machine", ["cnc_machine", "injection_moulding"], "数控机床、注塑机", ""),
    "integer": ("1200", 1200, "1,200", "15"),
    "decimal": ("12.5", "12.5", "12.5", "2.25"),
    "money": ("600000", "600000.00", "¥600,000", "9"),
    "flag": ("1", True, "是", ""),
    "date": ("2026-11-30", "2026-11-30", "2026-11-30", "2026-02-03"),
    "instant": ("2026-05-12T17:30", "2026-05-12T09:30:00+00:00", "今天 17:30", "2026-05-11T08:00"),
    "phone": ("13812345678", "+8613812345678", "138", ""),
    "email": ("Some@Body.example", "some@body.example", "some@body.example", ""),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_field_of_each_kind_is_at_every_door_from_the_next_request_on(site: Site, kind: str) -> None:
    typed, plain, shown, smaller = KINDS[kind]
    rep = site.signed_in("rep")
    lead_id = site.cast.lead(owner="rep", company="甲公司")
    before = page(rep, f"/lead/{lead_id}/edit")
    listed = {"is_listed": "1", **({} if kind == "longtext" else {"is_filterable": "1"})}
    sortable = {"is_sortable": "1"} if smaller else {}
    define(site, label_zh="新栏目", label_en="New column", kind=kind, options=CHOICES, **listed, **sortable)
    form = page(rep, f"/lead/{lead_id}/edit")
    assert "新栏目" not in before
    assert 'name="x_new_column"' in form

    saved = rep.client.put(f"/api/v1/lead/{lead_id}", json={"x_new_column": typed, "version": 1}, headers=api(site, "rep"))
    assert saved.status_code == 200, saved.get_data(as_text=True)
    answer = saved.get_json()["result"]["x_new_column"]
    assert str(answer).rstrip("0").rstrip(".") == str(plain).rstrip("0").rstrip(".")
    record, rows = page(rep, f"/lead/{lead_id}"), page(rep, "/lead/")
    assert "新栏目" in record and shown in record and "新栏目" in rows and shown in rows
    exported = rep.get("/lead/export.csv").get_data().decode("utf-8-sig")
    assert "新栏目" in exported.splitlines()[0]
    described = rep.get("/api/v1/_openapi").get_json()["components"]["schemas"]
    assert described["lead"]["properties"]["x_new_column"]["title"] == "New column"
    assert "x_new_column" in described["lead_input"]["properties"]
    if kind == "longtext":
        return
    site.cast.lead(owner="rep", company="乙公司")
    operator = {"instant": "between", "choices": "in"}.get(kind, "eq")
    given: Any = ["2026-05-12", "2026-05-12"] if kind == "instant" else ["cnc_machine"] if kind == "choices" else typed
    assert told(rep, [["x_new_column", operator, given]]) == ["甲公司"]
    assert told(rep, [["x_new_column", "empty", None]]) == ["乙公司"]
    if smaller:
        rep.client.post(
            "/api/v1/lead/", json={"company": "丙公司", "source_id": site.cast.source_id, "x_new_column": smaller}, headers=api(site, "rep")
        )
        filled = [["x_new_column", "not_empty", None]]
        assert told(rep, filled, order="x_new_column") == ["丙公司", "甲公司"]
        first = rep.get("/api/v1/lead/", query_string={"filter": json.dumps(filled), "order": "-x_new_column", "limit": "1"}).get_json()
        assert told(rep, filled, order="-x_new_column", limit="1", after=first["next"]) == ["丙公司"]


def test_the_history_tells_each_field_old_and_new(site: Site) -> None:
    define(site, label_zh="预算", label_en="Budget", kind="money")
    rep, lead_id = site.signed_in("rep"), site.cast.lead(owner="rep")
    for version, amount in enumerate(("100", "250"), 1):
        rep.client.put(f"/api/v1/lead/{lead_id}", json={"x_budget": amount, "version": version}, headers=api(site, "rep"))
    last = site.cast.rows(models.AuditEvent)[-1]
    assert (last.before, last.after) == ({"x_budget": "100.00"}, {"x_budget": "250.00"})
    shown = page(rep, f"/lead/{lead_id}")
    assert "¥100" in shown and "¥250" in shown


def test_required_default_and_choices_are_checked_on_save(site: Site) -> None:
    define(site, label_zh="设备", label_en="Equipment", kind="choice", options=CHOICES, is_required="1")
    define(site, label_zh="等次", label_en="Level", kind="integer", initial="3")
    rep = site.signed_in("rep")
    given = {"company": "新公司", "source_id": site.cast.source_id}
    headers = api(site, "rep")
    assert rep.client.post("/api/v1/lead/", json=given, headers=headers).get_json()["fields"].keys() == {"x_equipment"}
    wrong = rep.client.post("/api/v1/lead/", json={**given, "x_equipment": "飞船"}, headers=headers)
    assert "数控机床" in wrong.get_json()["fields"]["x_equipment"]
    made = rep.client.post("/api/v1/lead/", json={**given, "x_equipment": "注塑机"}, headers=headers).get_json()["result"]
    assert (made["x_equipment"], made["x_level"]) == ("injection_moulding", 3)


def test_unique_holds_against_every_door_and_names_the_field(site: Site) -> None:
    define(site, label_zh="信用代码", label_en="Credit code", is_unique="1")
    rep, headers = site.signed_in("rep"), api(site, "rep")
    one, two = site.cast.lead(owner="rep"), site.cast.lead(owner="rep")
    rep.client.put(f"/api/v1/lead/{one}", json={"x_credit_code": "91A", "version": 1}, headers=headers)
    refused = rep.client.put(f"/api/v1/lead/{two}", json={"x_credit_code": "91A", "version": 1}, headers=headers)
    assert (refused.status_code, list(refused.get_json()["fields"])) == (422, ["x_credit_code"])
    assert rep.client.put(f"/api/v1/lead/{two}", json={"x_credit_code": "", "version": 1}, headers=headers).status_code == 200


def test_values_that_repeat_already_are_told_and_nothing_is_enforced(site: Site) -> None:
    for owner in ("rep", "mate"):
        site.cast.lead(owner=owner, extra={"x_tax_no": "7"})
    field_id = define(site, label_zh="税号", label_en="Tax no", is_unique="1")
    row = site.cast.row(models.CustomField, field_id)
    assert row.state == "refused" and "重复" in row.problem
    site.cast.set(models.Lead, site.cast.rows(models.Lead)[0].id, extra={"x_tax_no": "8"})
    assert edit(site, field_id).status_code == 303
    prepare()
    assert site.cast.row(models.CustomField, field_id).state == "active"


def test_a_filter_is_offered_when_its_index_is_there(site: Site) -> None:
    admin, rep = site.signed_in("admin"), site.signed_in("rep")
    site.cast.lead(owner="rep", company="甲公司", extra={"x_area": "north"})
    admin.post(
        "/custom_field/new",
        {
            "entity": "lead",
            "kind": "text",
            "mask": "none",
            "label_zh": "片区",
            "label_en": "Area",
            "is_filterable": "1",
            "is_searched": "1",
        },
    )
    wanted = {"filter": json.dumps([["x_area", "eq", "north"]])}
    assert rep.get("/api/v1/lead/", query_string=wanted).status_code == 400
    assert prepare() == ["done"]
    assert told(rep, [["x_area", "eq", "north"]]) == ["甲公司"]
    assert told(rep, q="orth") == ["甲公司"]
    with site.cast.session_factory() as session:
        connection = session.connection()
        connection.execute(text("SET enable_seqscan = off"))
        for asked, index in (
            ("coalesce(extra ->> 'x_area', '') = 'north'", "cx_lead_x_area_list"),
            ("portal_pairs(coalesce(extra ->> 'x_area', '')) @> portal_pairs('orth')", "cx_lead_x_area_search"),
        ):
            plan = "\n".join(connection.execute(text(f"EXPLAIN SELECT id FROM lead WHERE {asked}")).scalars())
            assert index in plan


def test_key_kind_and_record_type_never_change(site: Site) -> None:
    field_id = define(site, label_zh="预算", label_en="Budget", kind="money")
    for changed in ({"key": "other"}, {"kind": "text"}):
        assert edit(site, field_id, **changed).status_code == 422
    assert edit(site, field_id, label_zh="年度预算").status_code == 303
    admin = site.signed_in("admin")
    for door in ("/custom_field/", f"/custom_field/{field_id}", "/api/v1/custom_field/", "/custom_field/export.csv"):
        assert "年度预算" in page(admin, door) or "\\u5e74\\u5ea6" in page(admin, door), door
    assert "年度预算" in page(site.signed_in("rep"), "/lead/new")


def test_deleting_keeps_the_values_and_restoring_brings_them_back(site: Site) -> None:
    field_id = define(site, label_zh="预算", label_en="Budget", kind="money")
    lead_id = site.cast.lead(owner="rep", extra={"x_budget": "5.00"})
    admin, rep = site.signed_in("admin"), site.signed_in("rep")
    admin.post(f"/custom_field/{field_id}/delete")
    assert "预算" not in page(rep, f"/lead/{lead_id}")
    assert rep.get("/api/v1/lead/", query_string={"columns": "x_budget"}).status_code == 400
    taken = admin.post("/custom_field/new", {"entity": "lead", "kind": "money", "mask": "none", "label_zh": "预算", "label_en": "Budget"})
    assert taken.status_code == 422
    admin.post(f"/custom_field/{field_id}/restore")
    assert "¥5" in page(rep, f"/lead/{lead_id}")


def test_who_sees_and_who_edits_holds_at_every_door(site: Site) -> None:
    define(
        site,
        label_zh="底价",
        label_en="Floor price",
        kind="money",
        is_listed="1",
        is_filterable="1",
        seen_by="leader, director",
        edited_by="director",
    )
    lead_id = site.cast.lead(owner="rep", company="甲公司", extra={"x_floor_price": "12345.00"})
    rep, leader = site.signed_in("rep"), site.signed_in("leader_a")
    for door in ("/lead/", f"/lead/{lead_id}", f"/lead/{lead_id}/edit", "/lead/export.csv", "/api/v1/lead/", f"/api/v1/lead/{lead_id}"):
        assert "12,345" not in page(rep, door) and "12345" not in page(rep, door), door
        assert "底价" not in page(rep, door)
    assert rep.get("/api/v1/lead/", query_string={"filter": json.dumps([["x_floor_price", "gt", "1"]])}).status_code == 400
    for who in ("rep", "leader_a"):
        refused = rep.client.put(f"/api/v1/lead/{lead_id}", json={"x_floor_price": "1"}, headers=api(site, who))
        assert refused.status_code == 422
    assert "12,345" in page(leader, f"/lead/{lead_id}") and "x_floor_price" not in page(leader, f"/lead/{lead_id}/edit")
    director = rep.client.put(f"/api/v1/lead/{lead_id}", json={"x_floor_price": "1", "version": 1}, headers=api(site, "director"))
    assert director.status_code == 200
    assert "底价" not in page(rep, f"/lead/{lead_id}")


def test_only_who_may_defines_fields(site: Site) -> None:
    rep = site.signed_in("director")
    assert rep.get("/custom_field/").status_code == 403
    assert rep.post("/custom_field/new", {"entity": "lead", "kind": "text", "label_zh": "甲", "label_en": "A"}).status_code == 403


def test_a_file_brings_custom_values(site: Site, tmp_path: Path) -> None:
    define(site, label_zh="预算", label_en="Budget", kind="money")
    define(site, label_zh="签约日", label_en="Signed on", kind="date")
    define(site, label_zh="招标", label_en="Tender", kind="flag")
    cast = site.cast
    there = cast.lead(owner="rep", company="旧公司", company_key="旧公司", extra={"x_budget": "1.00", "x_signed_on": "2026-01-02"})
    _import(cast, tmp_path, ("新公司", "600000.50", "2026/3/4", "是"), ("旧公司", "2", "", ""))
    rows = {row.company: row.extra for row in cast.rows(models.Lead)}
    assert rows["新公司"] == {"x_budget": "600000.50", "x_signed_on": "2026-03-04", "x_tender": True}
    assert {key: rows["旧公司"][key] for key in ("x_budget", "x_signed_on")} == {"x_budget": "2.00", "x_signed_on": "2026-01-02"}
    changed = [event for event in cast.rows(models.AuditEvent) if event.record_id == there and event.verb == "import"]
    assert changed[-1].before["x_budget"] in ("1.00", 1.0) and changed[-1].after["x_budget"] in ("2.00", 2.0)


def _import(cast: Cast, folder: Path, *rows: tuple[str, ...]) -> None:
    path = folder / "in.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("公司", "预算", "签约日", "招标"), *rows])
    columns = {"company": "公司", "x_budget": "预算", "x_signed_on": "签约日", "x_tender": "招标"}
    target = {"entity": "lead", "columns": columns, "constants": {"source_id": "官网"}, "on_duplicate": "update"}
    principal = cast.principal("admin")
    with cast.act("admin"):
        mapping = read_mapping({"targets": [target]})
    done = imports.run(Work(principal), path, sniff(path), mapping, acting_user=principal, refused=folder / "refused.csv", view=View())
    assert (done.counts.made, done.counts.changed, done.told) == ({"lead": 1}, {"lead": 1}, 0)


def test_a_masked_field_is_hidden_in_the_pool_and_revealed_for_a_reason(site: Site) -> None:
    define(site, label_zh="直线", label_en="Direct line", kind="phone", mask="pool", is_listed="1", is_filterable="1", is_searched="1")
    lead_id = site.cast.lead(extra={"x_direct_line": "+8613912345678"})
    rep, director = site.signed_in("rep"), site.signed_in("director")
    for door in ("/lead/?tab=pool", f"/lead/{lead_id}", "/lead/export.csv?tab=pool", "/api/v1/lead/", f"/api/v1/lead/{lead_id}"):
        assert "13912345678" not in page(rep, door), door
        assert "139****5678" in page(rep, door), door
    assert told(rep, [["x_direct_line", "eq", "13912345678"]]) == []
    assert told(rep, q="13912345678") == []
    answer = director.client.post(
        f"/api/v1/lead/{lead_id}/reveal", json={"field": "x_direct_line", "reason": "回访"}, headers=api(site, "director")
    )
    assert answer.get_json()["value"] == "+8613912345678"
