"""An export tells what the page tells, in a file that a spreadsheet shows and never runs."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from portal import models
from tests.cast import NOW
from tests.security.web import Site


def exported(site: Site, lead: int, *columns: str, language: str = "zh", **query: str) -> list[str]:
    """The cells of this lead's line."""
    site.cast.set(models.User, site.cast.people["rep"], language=language)
    answer = site.signed_in("rep").get("/lead/export.csv", query_string={"columns": ",".join(columns), **query})
    assert answer.status_code == 200, answer.get_data(as_text=True)[:300]
    name = site.cast.row(models.Lead, lead).company
    rows = list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"))))
    return next(row for row in rows if row[0].lstrip("'") == name)[1:]


@pytest.mark.parametrize(
    ("key", "value", "cell"),
    [
        ("name", "=1+1", "'=1+1"),
        ("name", "＝HYPERLINK(1)", "'＝HYPERLINK(1)"),
        ("name", "'-2", "''-2"),
        ("name", "他说 “5-2”", "他说 “5-2”"),
        ("name", "", ""),
        ("note", "两行\n有, 逗号", "两行\n有, 逗号"),
        ("phone", "+8613812345678", "13812345678"),
        ("phone", "+442079460000", "'+442079460000"),
        ("expected_amount", Decimal("1234.50"), "1234.50"),
        ("expected_amount", None, ""),
        ("money", True, "是"),
        ("money", False, "否"),
        ("grade", "weak", "较弱"),
        ("next_at", NOW, "2026-05-12 10:00"),
        ("next_at", None, ""),
    ],
)
def test_each_kind_of_value(site: Site, key: str, value: Any, cell: str) -> None:
    given = {"money": True, "authority": False, "need": False} if key == "grade" else {key: value}
    lead = site.cast.lead(owner="rep", company="导出公司", **given)
    assert exported(site, lead, "company", key)[0] == cell


def test_words_are_the_readers(site: Site) -> None:
    lead = site.cast.lead(owner="rep", company="导出公司", money=True)
    assert exported(site, lead, "company", "money", "grade", language="en") == ["yes", "Weak"]


def test_what_is_masked_on_the_page_is_masked_in_the_file(site: Site) -> None:
    pooled = site.cast.lead(company="公海公司", phone="+8613812345678", wechat="wx-1", email="a@b.example")
    assert exported(site, pooled, "company", "phone", "wechat", "email") == ["138****5678", "****", "****"]
    abroad = site.cast.lead(company="海外公司", phone="+442079460000", wechat="")
    assert exported(site, abroad, "company", "phone", "wechat") == ["'+442****0000", ""]


def test_a_long_file_is_whole_and_in_order(site: Site) -> None:
    for number in range(3):
        site.cast.lead(owner="rep", company=f"第{number}家", note="很长" * 9000)
    rows = list(csv.reader(io.StringIO(site.signed_in("rep").get("/lead/export.csv?columns=company,note").get_data().decode("utf-8-sig"))))
    assert [row[0] for row in rows[1:] if row[0].startswith("第")] == ["第0家", "第1家", "第2家"]
    assert {len(row[1]) for row in rows[1:] if row[0].startswith("第")} == {18_000}


@pytest.mark.parametrize(
    ("language", "cell"),
    [("zh", "成交几单：3\n心情：好\n重点：甲，100；乙"), ("en", "Deals won: 3\nMood: good\nKey accounts: 甲, 100; 乙")],
)
def test_answers_are_told_with_their_questions(site: Site, language: str, cell: str) -> None:
    items = [
        {"key": "a", "kind": "number", "label": "成交几单 | Deals won", "value": "3"},
        {"key": "b", "kind": "choice", "label": "心情 | Mood", "value": "好 | good"},
        {"key": "c", "kind": "table", "label": "重点 | Key accounts", "value": [["甲", "100"], ["乙", ""]], "columns": ["x", "y"]},
    ]
    for number, answers in enumerate(({"items": items}, {})):
        day = date(2026, 5, 4 + number)
        whose = {"owner_id": site.cast.people["rep"], "team_id": site.cast.teams["a"]}
        when = {"period": "day", "period_key": day.isoformat(), "first_on": day, "last_on": day, "due_at": NOW}
        site.cast.add(models.WorkReport, **whose, **when, title=f"日报 {day}", state="submitted", answers=answers)
    site.cast.set(models.User, site.cast.people["leader_a"], language=language)
    answer = site.signed_in("leader_a").get("/work_report/export.csv?columns=title,answers")
    assert answer.status_code == 200, answer.get_data(as_text=True)[:300]
    told = {row[0]: row[1] for row in csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig")))}
    assert (told["日报 2026-05-04"], told["日报 2026-05-05"]) == (cell, "")
