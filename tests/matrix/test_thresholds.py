"""Trying other thresholds of the class review over HTTP: for who sets figures and sees every customer; nothing is written."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from portal.models import ClassReview, Policy
from tests.cast import Cast
from tests.matrix.http import Caller
from tests.matrix.test_write_rules import EVERYBODY

Callers = Callable[[str, str], Caller]
PAGE = "/class-thresholds/"


@pytest.mark.parametrize("how", ["cookie", "token"])
def test_it_is_for_who_sets_the_companys_figures(how: str, callers: Callers) -> None:
    for actor in EVERYBODY:
        assert callers(actor, how).get(PAGE).status == (200 if actor == "admin" else 403), actor
    assert callers("", "cookie").get(PAGE).status == 302


def test_what_is_tried_stands_beside_what_is_in_force_and_leads_to_the_policy(callers: Callers, cast: Cast) -> None:
    before = len(cast.rows(ClassReview))
    answer = callers("admin", "cookie").get(f"{PAGE}?amount=1,2&points=1,2")
    assert answer.status == 200 and "/policies/class.amount?value=1%2C2" in answer.body
    assert "/policies/class.deals" not in answer.body
    assert len(cast.rows(ClassReview)) == before and not cast.rows(Policy, Policy.key == "class.amount")
    form = callers("admin", "cookie").get("/policies/class.amount?value=1%2C2").body
    assert 'name="value" type="text" value="1"' in form and 'name="value" type="text" value="2"' in form


@pytest.mark.parametrize("wrong", ["amount=9,1", "amount=x", "deals=", "quarters=0", "quarters=1,2", "points=4", "potential=-1,2"])
def test_what_makes_no_sense_is_told_beside_it_and_kept(wrong: str, callers: Callers) -> None:
    answer = callers("admin", "cookie").get(f"{PAGE}?{wrong}")
    key, _, value = wrong.partition("=")
    assert answer.status == 200 and 'class="err"' in answer.body
    assert f'id="{key}" name="{key}" value="{value}"' in answer.body
    assert "这组标准" not in answer.body


def test_an_unknown_argument_is_refused(callers: Callers) -> None:
    assert callers("admin", "cookie").get(f"{PAGE}?colour=1").status == 400
