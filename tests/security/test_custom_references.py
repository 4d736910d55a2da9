"""A field added at run time that refers to other records: by their names, as far as each reader sees them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from portal import models
from portal.domain import imports
from portal.engine.fields import View
from portal.engine.importing import read_mapping
from portal.engine.intake import sniff
from portal.engine.spec import registry
from tests.domain.test_customers import do
from tests.domain.test_imports import Work
from tests.security.test_custom_fields import api, define, edit, page, told
from tests.security.web import Browser, Site

KEY = "x_introduced_by"


@pytest.fixture
def site(site: Site) -> Site:
    """With a field of leads that names the customer who introduced them."""
    introduced(site)
    return site


def introduced(site: Site, **more: str) -> int:
    given = {"kind": "reference", "target": "customer", "is_listed": "1", "is_filterable": "1", **more}
    return define(site, label_zh="介绍人", label_en="Introduced by", **given)


def save(browser: Browser, site: Site, login: str, lead_id: int, value: Any, version: int = 1) -> Any:
    return browser.client.put(f"/api/v1/lead/{lead_id}", json={KEY: value, "version": version}, headers=api(site, login))


def test_it_is_picked_shown_filtered_exported_and_told_by_name(site: Site) -> None:
    rep, ours = site.signed_in("rep"), site.cast.customer(owner="rep", name="启明科技")
    lead_id = site.cast.lead(owner="rep", company="甲公司")
    site.cast.lead(owner="rep", company="乙公司")
    assert 'name="x_introduced_by"' in page(rep, f"/lead/{lead_id}/edit")
    offered = rep.get("/lead/pick", query_string={"field": KEY, "q": "启明"}).get_json()
    assert offered == [{"value": str(ours), "text": "启明科技"}]
    answer = save(rep, site, "rep", lead_id, ours)
    assert answer.get_json()["result"][KEY] == {"id": ours, "name": "启明科技"}
    assert site.cast.row(models.Lead, lead_id).extra == {KEY: ours}
    record, form = page(rep, f"/lead/{lead_id}"), page(rep, f"/lead/{lead_id}/edit")
    assert f'href="/customer/{ours}"' in record and "启明科技" in page(rep, "/lead/") and "启明科技" in form
    assert "启明科技" in page(rep, "/lead/export.csv")
    assert told(rep, [[KEY, "eq", ours]]) == told(rep, [[KEY, "in", [ours]]]) == ["甲公司"]
    assert told(rep, [[KEY, "empty", None]]) == ["乙公司"]
    pill = page(rep, f"/lead/?filter={json.dumps([[KEY, 'eq', ours]])}")
    assert "介绍人" in pill and "启明科技" in pill
    assert save(rep, site, "rep", lead_id, None, 2).status_code == 200
    last = site.cast.rows(models.AuditEvent)[-1]
    assert last.before == {KEY: ours}
    assert "启明科技" in page(rep, f"/lead/{lead_id}")


def test_who_does_not_see_the_record_learns_nothing_of_it(site: Site) -> None:
    hidden = site.cast.customer(owner="other", name="暗处公司")
    lead_id = site.cast.lead(owner="rep", company="甲公司", extra={KEY: hidden})
    rep = site.signed_in("rep")
    for path in (f"/lead/{lead_id}", "/lead/", f"/lead/{lead_id}/edit", "/lead/export.csv"):
        assert "暗处公司" not in page(rep, path), path
    assert rep.get(f"/api/v1/lead/{lead_id}").get_json()["result"][KEY] is None
    assert rep.get("/lead/pick", query_string={"field": KEY, "q": "暗处"}).get_json() == []
    assert "暗处公司" in page(site.signed_in("director"), f"/lead/{lead_id}")


def test_nobody_refers_to_what_he_does_not_see(site: Site) -> None:
    hidden, lead_id = site.cast.customer(owner="other"), site.cast.lead(owner="rep", company="甲公司")
    rep = site.signed_in("rep")
    refused = [save(rep, site, "rep", lead_id, value) for value in (hidden, 999_999)]
    assert [each.status_code for each in refused] == [404, 404]
    assert refused[0].get_json() == refused[1].get_json()
    fresh = {"company": "丙公司", "source_id": site.cast.source_id, KEY: hidden}
    assert rep.client.post("/api/v1/lead/", json=fresh, headers=api(site, "rep")).status_code == 404
    assert site.cast.row(models.Lead, lead_id).extra == {}
    assert save(rep, site, "rep", lead_id, "不是编号").status_code == 422


def test_a_reference_that_its_owner_does_not_see_stays_while_other_fields_change(site: Site) -> None:
    hidden = site.cast.customer(owner="other", name="暗处公司")
    define(site, label_zh="直线", label_en="Line")
    lead_id = site.cast.lead(owner="rep", company="转公司", state="following", extra={KEY: hidden})
    rep = site.signed_in("rep")
    answer = rep.client.put(f"/api/v1/lead/{lead_id}", json={"x_line": "8001", "version": 1}, headers=api(site, "rep"))
    assert answer.status_code == 200
    assert site.cast.row(models.Lead, lead_id).extra == {KEY: hidden, "x_line": "8001"}
    introduced(site, entity="customer")
    assert do(site.cast, "rep", "lead:convert", [lead_id]).done == [lead_id]
    made = next(each for each in site.cast.rows(models.Customer) if each.name == "转公司")
    assert made.extra == {KEY: hidden}


def test_a_field_of_another_target_takes_nothing_along(site: Site) -> None:
    introduced(site, entity="customer", target="product")
    ours = site.cast.customer(owner="rep")
    lead_id = site.cast.lead(owner="rep", company="转公司", state="following", extra={KEY: ours})
    assert do(site.cast, "rep", "lead:convert", [lead_id]).done == [lead_id]
    assert next(each for each in site.cast.rows(models.Customer) if each.name == "转公司").extra == {}


def test_what_referred_to_a_merged_record_refers_to_the_one_that_stays(site: Site) -> None:
    stays, goes = (site.cast.customer(owner="rep", name=name) for name in ("留公司", "并公司"))
    lead_id = site.cast.lead(owner="rep", extra={KEY: goes, "x_other": "别的"})
    merged = do(site.cast, "leader_a", "customer:merge", [stays], merged_id=goes)
    assert merged.done == [stays]
    assert site.cast.row(models.Lead, lead_id).extra == {KEY: stays, "x_other": "别的"}
    told_ = [each for each in site.cast.rows(models.AuditEvent) if each.entity == "lead" and each.record_id == lead_id]
    assert (told_[-1].before, told_[-1].after) == ({KEY: goes}, {KEY: stays})


def test_a_file_names_what_it_refers_to(site: Site, tmp_path: Path) -> None:
    cast_, path = site.cast, tmp_path / "in.csv"
    ours = cast_.customer(owner="rep", name="启明科技", company_key="启明科技")
    rows = (("公司", "介绍人"), ("甲公司", "启明科技"), ("乙公司", "没有这家"), ("丙公司", ""))
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    target = {"entity": "lead", "columns": {"company": "公司", KEY: "介绍人"}, "constants": {"source_id": "官网"}}
    principal = cast_.principal("admin")
    with cast_.act("admin"):
        mapping = read_mapping({"targets": [target]})
    done = imports.run(Work(principal), path, sniff(path), mapping, acting_user=principal, refused=tmp_path / "refused.csv", view=View())
    assert done.told == 1
    assert {row.company: row.extra for row in cast_.rows(models.Lead)} == {"甲公司": {KEY: ours}, "丙公司": {}}


@pytest.mark.parametrize(
    "wrong",
    [
        {"target": ""},
        {"target": "audit_event"},
        {"target": "contract_line"},
        {"is_sortable": "1"},
        {"is_searched": "1"},
        {"initial": "1"},
        {"mask": "pool"},
    ],
)
def test_what_cannot_be_is_refused_where_the_field_is_defined(site: Site, wrong: dict[str, str]) -> None:
    given = {"entity": "lead", "kind": "reference", "mask": "none", "label_zh": "引用", "label_en": "Ref", "target": "customer", **wrong}
    assert site.signed_in("admin").post("/custom_field/new", given).status_code == 422


def test_what_it_refers_to_never_changes(site: Site) -> None:
    (row,) = site.cast.rows(models.CustomField)
    assert edit(site, row.id, target="product").status_code == 422
    assert site.cast.row(models.CustomField, row.id).target == "customer"


def test_another_kind_refers_to_nothing(site: Site) -> None:
    field_id = define(site, label_zh="文本", label_en="Words", target="customer")
    assert site.cast.row(models.CustomField, field_id).target == ""


def test_a_filter_by_it_is_served_by_its_index(site: Site) -> None:
    with site.cast.session_factory() as session:
        connection = session.connection()
        connection.execute(text("SET enable_seqscan = off"))
        asked = text(f"EXPLAIN SELECT id FROM lead WHERE CAST(extra ->> '{KEY}' AS INTEGER) = 7")
        assert "cx_lead_x_introduced_by_list" in "\n".join(connection.execute(asked).scalars())


def test_records_that_people_open_may_be_referred_to(site: Site) -> None:
    form = page(site.signed_in("admin"), "/custom_field/new")
    offered = [name for name in registry() if f'<option value="{name}"' in form.split('name="target"')[1].split("</select>")[0]]
    assert {"customer", "contract", "product", "user"} <= set(offered)
    assert not {"contract_line", "approval_task", "participant"} & set(offered)
