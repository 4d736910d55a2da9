"""A list that is opened again says what holds now: for this reader, this day, these rights, however it is kept."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from portal.engine.clock import clock
from portal.engine.fields import View
from portal.engine.query.counting import capped
from portal.engine.query.listing import Listing, ListQuery
from portal.engine.spec import registry
from portal.security.fields import Rights
from tests.cast import NOW, Cast
from tests.security.test_hidden_answers import set_role
from tests.security.web import Browser, Site


def listed(browser: Browser, *conditions: list[Any]) -> list[str]:
    answer = browser.get(f"/api/v1/lead/?filter={json.dumps(conditions, ensure_ascii=False)}")
    assert answer.status_code == 200, answer.get_data(as_text=True)
    found = answer.get_json()
    assert found["count"] == len(found["result"])
    return sorted(row["company"] for row in found["result"])


def test_what_is_due_today_is_another_thing_tomorrow(site: Site) -> None:
    cast = site.cast
    cast.lead(owner="rep", company="今天的", next_at=NOW + timedelta(hours=1))
    cast.lead(owner="rep", company="明天的", next_at=NOW + timedelta(days=1))
    assert listed(site.signed_in("rep"), ["next_at", "today", None]) == ["今天的"]
    clock.set(NOW + timedelta(days=1))
    assert listed(site.signed_in("rep"), ["next_at", "today", None]) == ["明天的"]


def test_the_same_filter_is_another_list_for_another_reader(site: Site) -> None:
    for owner in ("rep", "mate", "other"):
        site.cast.lead(owner=owner, company=owner, region="华东")
    found = {login: listed(site.signed_in(login), ["region", "eq", "华东"]) for login in ("rep", "other", "leader_a", "rep")}
    assert found == {"rep": ["rep"], "other": ["other"], "leader_a": ["mate", "rep"]}


def test_conditions_that_only_look_alike_are_told_apart(site: Site) -> None:
    site.cast.lead(owner="rep", company="有钱", money=True)
    rep = site.signed_in("rep")
    for _ in range(2):
        assert listed(rep, ["money", "eq", True]) == ["有钱"]
        assert listed(rep, ["money", "eq", False]) == []
        assert rep.get('/api/v1/lead/?filter=[["money","eq",[1]]]').status_code == 400


def test_a_field_that_was_taken_away_filters_no_more(site: Site) -> None:
    site.cast.lead(owner="rep", company="东", region="华东")
    rep = site.signed_in("rep")
    assert listed(rep, ["region", "eq", "华东"]) == ["东"]
    set_role(site, "rep", fields={"lead": {"region": "none"}})
    assert rep.get('/api/v1/lead/?filter=[["region","eq","华东"]]').status_code == 400


@pytest.mark.parametrize(("cap", "told"), [(2, (2, True)), (4, (4, True)), (5, (5, False)), (6, (5, False))])
def test_a_count_stops_at_its_cap_across_ones_own_and_the_pool(cast: Cast, cap: int, told: tuple[int, bool]) -> None:
    cast.leads(2, owner="rep")
    cast.leads(3)
    cast.leads(4, owner="other")
    with cast.act("rep") as session:
        rights = Rights(session.info["principal"])
        assert capped(Listing(registry()["lead"], rights, View(), ListQuery()), session, cap) == told


def test_the_count_on_the_page_is_of_all_branches(site: Site) -> None:
    site.cast.leads(2, owner="rep", region="华东")
    site.cast.leads(3, region="华东")
    page = site.signed_in("rep").get('/lead/?filter=[["region","eq","华东"]]').get_data(as_text=True)
    assert re.search(r">\s*5\s*<", page)
