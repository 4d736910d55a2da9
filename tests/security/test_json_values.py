"""What programs send is read by its kind: no list becomes a name, no truth an amount, and each fault names its field."""

from __future__ import annotations

from typing import Any

import pytest

from portal import models
from tests.cast import Cast
from tests.security.web import Program, Site

LEAD = "/api/v1/lead/"


def sent(program: Program, cast: Cast, **values: Any) -> Any:
    return program.send(f"{LEAD}?confirm=1", {"company": "新公司", "source_id": cast.source_id, **values})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("company", odd) for odd in (["a"], {"a": 1}, 5, True, "\u200b", "\u3164\u2060 ", "\ufeff")),
        *(("expected_amount", odd) for odd in (-5, "-0.01", [5], True, {"a": 5}, "NaN")),
        *(("money", odd) for odd in (["1"], 1, "maybe")),
        *(("source_id", odd) for odd in (["1"], 987654, 1.5, True)),
        ("phone", 13812345678),
        ("tag_id", 987654),
    ],
)
def test_a_value_of_another_kind_is_refused_beside_its_field(program: Program, cast: Cast, key: str, value: Any) -> None:
    answer = sent(program, cast, **{key: value})
    assert answer.status_code == 422, answer.get_data(as_text=True)
    assert list(answer.get_json()["fields"]) == [key]
    assert not cast.rows(models.Lead)


@pytest.mark.parametrize(
    ("key", "value", "kept"),
    [
        ("expected_amount", 5, 5),
        ("expected_amount", 0, 0),
        ("expected_amount", "5.25", 5.25),
        ("expected_amount", None, None),
        ("money", True, True),
        ("note", "\u200b", ""),
        ("company", "👨‍👩‍👧 之家", "👨‍👩‍👧 之家"),
    ],
)
def test_a_value_of_its_kind_is_taken(program: Program, cast: Cast, key: str, value: Any, kept: Any) -> None:
    assert sent(program, cast, **{key: value}).status_code == 201
    assert getattr(cast.rows(models.Lead)[0], key) == kept


def test_a_deal_has_no_negative_amount(program: Program, cast: Cast) -> None:
    answer = program.send("/api/v1/opportunity/", {"name": "单", "customer_id": cast.customer(owner="rep"), "amount": -1})
    assert answer.status_code == 422
    assert "amount" in answer.get_json()["fields"]


def test_the_form_refuses_the_same(site: Site) -> None:
    rep = site.signed_in("rep")
    for key, value in (("company", "\u200b"), ("expected_amount", "-5")):
        answer = rep.post("/lead/new", {"company": "新公司", "source_id": str(site.cast.source_id), key: value})
        assert answer.status_code == 422
    assert not site.cast.rows(models.Lead)


@pytest.mark.parametrize("odd", ["{}", '{"a": 1}', '"x"', "5", "null", "[{}]", '["abc"]'])
def test_conditions_that_are_no_list_are_never_no_conditions(program: Program, cast: Cast, odd: str) -> None:
    cast.lead(owner="rep")
    assert program.get(LEAD, filter=odd).status_code == 400
    answer = program.send(f"{LEAD}invalidate", f'{{"scope": "all", "filter": {odd}, "reason": "x"}}')
    assert answer.status_code == 400
    assert cast.rows(models.Lead)[0].state == "assigned"


def test_a_character_that_cannot_be_stored_is_named_where_it_stands(program: Program) -> None:
    answer = program.send(LEAD, '{"company": "a\\u0000b"}')
    assert answer.status_code == 400
    assert "company" in answer.get_json()["message"]
    assert "不能保存" in answer.get_json()["message"]


def test_an_export_says_once_how_it_is_written(site: Site) -> None:
    assert site.signed_in("rep").get("/lead/export.csv").headers["Content-Type"] == "text/csv; charset=utf-8"


def test_long_keys_are_refused_and_never_cut(program: Program, cast: Cast) -> None:
    leads = [cast.lead(owner="rep") for _ in range(2)]
    for lead, end in zip(leads, "ab", strict=True):
        answer = program.send(f"{LEAD}release", {"ids": [lead], "reason": "x"}, **{"Idempotency-Key": "k" * 100 + end})
        assert answer.status_code == 400
    whole = program.send(f"{LEAD}release", {"ids": leads, "reason": "x"}, **{"Idempotency-Key": "k" * 100})
    assert whole.get_json()["done"] == leads


def test_answers_keep_the_order_they_are_declared_in_and_say_chinese_as_it_is(site: Site) -> None:
    site.cast.lead(owner="rep", company="华为技术")
    answer = site.signed_in("rep").get("/api/v1/lead/")
    assert answer.get_data(as_text=True).startswith('{"result":[{"id":')
    assert "华为技术" in answer.get_data(as_text=True)
