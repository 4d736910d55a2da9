"""Mappings are checked against the declarations before a row is read, and columns are guessed from their names."""

from __future__ import annotations

from typing import Any

import pytest

from portal import domain, models  # noqa: F401 - the declarations and what they add to imports
from portal.engine.errors import BadRequest
from portal.engine.importing import Counts, cell, check_columns, columns_in, guess, importable, read_mapping
from portal.engine.spec import spec_named

domain.load()
LEAD: dict[str, Any] = {"entity": "lead", "columns": {"company": "公司"}, "constants": {"source_id": "名单"}}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({}, "1 to 8 targets"),
        ({"targets": []}, "1 to 8 targets"),
        ({"targets": [{}]}, "names its entity"),
        ({"targets": [{"entity": "unicorn"}]}, "unicorn"),
        ({"targets": [{**LEAD, "on_duplicate": "explode"}]}, "on_duplicate is one of"),
        ({"targets": [{**LEAD, "columns": {"state": "状态"}}]}, "no field state"),
        ({"targets": [{**LEAD, "columns": {"owner_id": "负责人"}}]}, "no field owner_id"),
        ({"targets": [{**LEAD, "columns": ["公司"]}]}, "maps fields to texts"),
        ({"targets": [{"entity": "lead", "columns": {"company": "公司"}}]}, "“来源 | Source” is required"),
        ({"targets": [{**LEAD, "links": {"source_id": "earlier"}}]}, "must name an earlier target"),
        ({"targets": [{**LEAD, "match": ["grade"]}]}, "cannot tell duplicates"),
    ],
)
def test_a_wrong_mapping_says_what_is_wrong(wrong: Any, says: str) -> None:
    with pytest.raises(BadRequest) as caught:
        read_mapping(wrong)
    assert says.replace("“来源 | Source”", "“Source”") in caught.value.in_("en") or says in caught.value.in_("en")


def test_a_mapping_survives_being_stored() -> None:
    mapped = read_mapping(
        {
            "targets": [
                {"entity": "team", "columns": {"name": "office"}},
                {
                    "entity": "user",
                    "name": "boss",
                    "columns": {"name": "manager"},
                    "links": {"team_id": "team"},
                    "match": ["name", "team_id"],
                },
            ]
        }
    )
    assert read_mapping(mapped.plain()) == mapped
    assert mapped.main.entity == "user"


def test_columns_must_be_in_the_file() -> None:
    mapped = read_mapping({"targets": [{**LEAD, "columns": {"company": "公司", "note": "代码 {代码}"}}]})
    check_columns(mapped, ["公司", "代码"])
    with pytest.raises(BadRequest, match="no column “代码”"):
        check_columns(mapped, ["公司", "编号"])


def test_a_pattern_joins_columns_and_text() -> None:
    row = {"a": "1", "b": "2", "{c}": "3"}
    assert cell("{a}-{b} 组", row) == "1-2 组"
    assert cell("{c}", row) == "3"
    assert columns_in("{a}-{b}", ["a", "b"]) == ["a", "b"]


def test_columns_are_guessed_by_label_key_and_name() -> None:
    lead = spec_named("lead")
    assert guess(lead, ["公司", "Phone", "e-mail", "所属行业"]) == {
        "company": "公司",
        "phone": "Phone",
        "email": "e-mail",
        "industry": "所属行业",
    }
    assert guess(lead, ["#1", "股票代码", "股票名称", "行业"])["company"] == "股票名称"


def test_children_of_records_are_not_imported_by_themselves() -> None:
    names = {spec.name for spec in importable()}
    assert {"lead", "team", "user", "source_channel"} <= names
    assert "follow_up" not in names


def test_the_result_is_said_in_both_languages() -> None:
    words = Counts(rows=5, refused=1, skipped=1, made={"lead": 3}).words(dry_run=False)
    assert words.in_("zh") == "5 行；新建 线索 3；更新 0；跳过 1；拒绝 1。"
    assert words.in_("en") == "5 rows; created Lead 3; updated 0; skipped 1; refused 1."
