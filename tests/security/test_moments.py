"""Moments at the ends of the calendar: none is kept that a page cannot show, and none is looked for."""

from __future__ import annotations

import pytest

from tests.cast import Cast
from tests.security.web import Program


@pytest.mark.parametrize("when", ["9999-12-31T23:59:59+00:00", "9999-12-31T23:59:59-14:00", "3000-01-01T00:00:00+08:00"])
def test_no_moment_is_kept_that_a_page_cannot_show(program: Program, cast: Cast, when: str) -> None:
    given = {"lead_id": cast.lead(), "kind": "call", "content": "x", "contacted_at": "2026-11-19T10:00:00+08:00", "next_at": when}
    answer = program.send("/api/v1/follow_up/", given)
    assert answer.status_code == 422 and "next_at" in answer.get_json()["fields"]
    early = program.send("/api/v1/follow_up/", {**given, "next_at": None, "contacted_at": "0001-01-01T00:00:00+14:00"})
    assert early.status_code == 422 and "contacted_at" in early.get_json()["fields"]
    assert program.get("/follow_up/").status_code == 200


@pytest.mark.parametrize(("operator", "value"), [("eq", '"9999-12-31"'), ("between", "null"), ("between", "[]"), ("gt", "null")])
def test_no_moment_is_looked_for_that_none_can_be(program: Program, operator: str, value: str) -> None:
    assert program.get("/api/v1/lead/", filter=f'[["created_at", "{operator}", {value}]]').status_code == 400
