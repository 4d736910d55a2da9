"""Several choices: one field of many answers, alike at every door."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from sqlalchemy import cast, literal, select, text
from sqlalchemy.dialects.postgresql import JSONB

from portal import models
from portal.domain import imports
from portal.engine.fields import BadValue, View
from portal.engine.importing import read_mapping
from portal.engine.intake import sniff
from portal.engine.kinds import Choices
from portal.engine.kinds.several import SeveralField
from tests.domain.test_customers import do
from tests.domain.test_imports import Work
from tests.security.test_custom_fields import CHOICES, api, define, edit, page, told
from tests.security.web import Site

CNC, MOULDING = "cnc_machine", "injection_moulding"
KEY = "x_machines"


class Trade(Choices):
    TOOLS = "tools", "机床 | Machine tools"
    PARTS = "parts", "设备、耗材 | Equipment, supplies"
    OTHER = "other", "其他/未知 | Other"


def machines(site: Site, **more: str) -> int:
    given = {"is_listed": "1", "is_filterable": "1", **more}
    return define(site, label_zh="设备", label_en="Machines", kind="choices", options=CHOICES, **given)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("机床、其他/未知", ["tools", "other"]),
        ("other；tools;tools", ["tools", "other"]),
        ("设备、耗材 / Machine tools", ["tools", "parts"]),
        ("Equipment, supplies,other", ["parts", "other"]),
        (["other", "tools"], ["tools", "other"]),
        ("， ,", None),
        ("", None),
        ([], None),
    ],
)
def test_words_are_parted_at_the_usual_separators_but_within_no_label(given: object, kept: object) -> None:
    assert SeveralField("行业 | Trade", Trade).parse(given) == kept


@pytest.mark.parametrize("given", ["机床、飞船", ["tools", "ship"], {"tools": 1}, [["tools"]], 7, "，" * 10_000 + "飞船"])
def test_what_is_no_choice_is_refused(given: object) -> None:
    with pytest.raises(BadValue):
        SeveralField("行业 | Trade", Trade).parse(given)


def test_a_column_of_the_kind_is_filtered_and_exported_like_one_of_a_document(site: Site) -> None:
    field, view = SeveralField("行业 | Trade", Trade), View("en")
    column = cast(literal(["tools", "gone"], JSONB), JSONB)
    asked = select(field.criterion(column, "in", ["tools", "other"], view), field.criterion(column, "empty", None, view))
    with site.cast.session_factory() as session:
        assert tuple(session.connection().execute(asked).one()) == (True, False)
        assert session.connection().scalar(select(field.exported(column, view))) == "Machine tools, gone"


def test_the_form_takes_ticks_shows_them_again_and_tells_the_history_by_label(site: Site) -> None:
    machines(site, is_required="1")
    rep, lead_id = site.signed_in("rep"), site.cast.lead(owner="rep", company="甲公司")
    given = {"company": "甲公司", "source_id": str(site.cast.source_id), "_version": "1"}
    assert rep.post(f"/lead/{lead_id}/edit", given).status_code == 422
    again = rep.post(f"/lead/{lead_id}/edit", {**given, "company": "", KEY: [MOULDING, CNC]})
    assert again.status_code == 422
    assert again.get_data(as_text=True).count(f'name="{KEY}" value=') == again.get_data(as_text=True).count(" checked") == 2
    assert rep.post(f"/lead/{lead_id}/edit", {**given, KEY: [MOULDING, CNC]}).status_code == 303
    assert site.cast.row(models.Lead, lead_id).extra == {KEY: [CNC, MOULDING]}
    assert rep.post(f"/lead/{lead_id}/edit", {**given, "_version": "2", KEY: CNC}).status_code == 303
    last = site.cast.rows(models.AuditEvent)[-1]
    assert (last.before, last.after) == ({KEY: [CNC, MOULDING]}, {KEY: [CNC]})
    shown = page(rep, f"/lead/{lead_id}")
    assert "数控机床、注塑机" in shown


def test_any_of_them_is_found_by_its_index(site: Site) -> None:
    machines(site)
    rep = site.signed_in("rep")
    for company, kept in (("甲公司", [CNC]), ("乙公司", [CNC, MOULDING]), ("丙公司", None)):
        site.cast.lead(owner="rep", company=company, extra={KEY: kept} if kept else {})
    assert told(rep, [[KEY, "in", [MOULDING]]]) == ["乙公司"]
    assert sorted(told(rep, [[KEY, "in", [MOULDING, CNC]]])) == ["乙公司", "甲公司"]
    assert told(rep, [[KEY, "empty", None]]) == ["丙公司"]
    for refused in ([KEY, "in", ["ship"]], [KEY, "gt", CNC]):
        assert rep.get("/api/v1/lead/", query_string={"filter": json.dumps([refused])}).status_code == 400
    listed = page(rep, f"/lead/?filter={json.dumps([[KEY, 'in', [MOULDING]]])}")
    assert "乙公司" in listed and "甲公司" not in listed
    with site.cast.session_factory() as session:
        connection = session.connection()
        connection.execute(text("SET enable_seqscan = off"))
        asked = text(f"EXPLAIN SELECT id FROM lead WHERE (extra -> '{KEY}') ?| ARRAY['{CNC}']")
        assert "cx_lead_x_machines_list" in "\n".join(connection.execute(asked).scalars())


def test_what_cannot_be_is_refused_where_the_field_is_defined(site: Site) -> None:
    admin = site.signed_in("admin")
    given = {"entity": "lead", "kind": "choices", "mask": "none", "label_zh": "设备", "label_en": "Machines"}
    for wrong in (
        {},
        {"options": CHOICES, "is_sortable": "1"},
        {"options": CHOICES, "is_unique": "1"},
        {"options": CHOICES, "initial": "飞船"},
    ):
        assert admin.post("/custom_field/new", {**given, **wrong}).status_code == 422, wrong
    define(site, **{**given, "options": CHOICES, "initial": "注塑机，数控机床"})
    rep = site.signed_in("rep")
    made = rep.client.post("/api/v1/lead/", json={"company": "新公司", "source_id": site.cast.source_id}, headers=api(site, "rep"))
    assert made.get_json()["result"][KEY] == [CNC, MOULDING]


def test_a_choice_that_was_taken_away_is_still_told(site: Site) -> None:
    field_id = machines(site)
    rep, lead_id = site.signed_in("rep"), site.cast.lead(owner="rep", extra={KEY: [CNC, MOULDING]})
    assert edit(site, field_id, options="cnc_machine = 数控机床 | CNC machine").status_code == 303
    for door in (f"/lead/{lead_id}", "/lead/", "/lead/export.csv"):
        assert "数控机床、注塑机" in page(rep, door), door


def test_in_the_pool_it_is_masked_at_every_door_and_revealed_for_a_reason(site: Site) -> None:
    field_id = machines(site, mask="pool")
    assert site.cast.row(models.CustomField, field_id).state == "active"
    lead_id = site.cast.lead(company="池公司", extra={KEY: [CNC]})
    rep, director = site.signed_in("rep"), site.signed_in("director")
    assert rep.get(f"/api/v1/lead/{lead_id}").get_json()["result"][KEY] == "****"
    exported = rep.get("/lead/export.csv?tab=pool").get_data().decode("utf-8-sig")
    assert "****" in exported and "数控机床" not in exported
    assert "数控机床" not in page(rep, f"/lead/{lead_id}")
    assert told(rep, [[KEY, "in", [CNC]]]) == []
    shown = director.post(f"/lead/{lead_id}/reveal", {"field": KEY, "reason": "回访"})
    assert "数控机床" in shown.get_data(as_text=True)


def test_a_file_brings_them_and_takes_them_out(site: Site, tmp_path: Path) -> None:
    machines(site)
    cast_, path = site.cast, tmp_path / "in.csv"
    there = cast_.lead(owner="rep", company="旧公司", company_key="旧公司", extra={KEY: [CNC]})
    kept = cast_.lead(owner="rep", company="静公司", company_key="静公司", extra={KEY: [CNC]})
    rows = (
        ("公司", "设备"),
        ("新公司", "注塑机/数控机床"),
        ("旧公司", "Injection moulding"),
        ("静公司", ""),
        ("空公司", ""),
        ("错公司", "飞船"),
    )
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    target = {"entity": "lead", "columns": {"company": "公司", KEY: "设备"}, "constants": {"source_id": "官网"}, "on_duplicate": "update"}
    principal = cast_.principal("admin")
    with cast_.act("admin"):
        mapping = read_mapping({"targets": [target]})
    done = imports.run(Work(principal), path, sniff(path), mapping, acting_user=principal, refused=tmp_path / "refused.csv", view=View())
    assert done.told == 1
    found = {row.company: row.extra for row in cast_.rows(models.Lead)}
    assert found["新公司"] == {KEY: [CNC, MOULDING]} and found["空公司"] == {} and "错公司" not in found
    assert cast_.row(models.Lead, there).extra == {KEY: [MOULDING]} and cast_.row(models.Lead, kept).extra == {KEY: [CNC]}
    changed = [event for event in cast_.rows(models.AuditEvent) if event.record_id == there and event.verb == "import"]
    assert (changed[-1].before[KEY], changed[-1].after[KEY]) == ([CNC], [MOULDING])
    exported = page(site.signed_in("admin"), "/lead/export.csv")
    assert "数控机床、注塑机" in exported


def test_a_converted_lead_takes_them_along(site: Site) -> None:
    for entity in ("lead", "customer"):
        define(site, entity=entity, label_zh="设备", label_en="Machines", kind="choices", options=CHOICES)
    lead_id = site.cast.lead(owner="rep", company="转公司", state="following", extra={KEY: [CNC, MOULDING]})
    assert do(site.cast, "rep", "lead:convert", [lead_id]).done == [lead_id]
    made = next(each for each in site.cast.rows(models.Customer) if each.name == "转公司")
    assert made.extra == {KEY: [CNC, MOULDING]}
