"""Behind every figure of a home: whoever looks is shown as many records as it counts, or the sum that it tells, at the real doors."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from html import unescape
from typing import Any, NamedTuple

import pytest

from portal import models
from tests.cast import NOW, Cast
from tests.matrix.http import Caller

Callers = Callable[[str, str], Caller]
LOOKING = ("leader_a", "leader_b", "director")
PERIODS = ("week", "month", "quarter")
_LINK = re.compile(r'<a href="(?P<href>[^"]+)" title="[^"]*" data-exact="(?P<exact>[^"]+)"(?: data-of="(?P<of>[^"]+)")?>(?P<text>[^<]+)<')
_AGO = (1, 9, 40, 100, 366)
"""Days: this week, the one before, the month before, the quarter before, a year before."""


class Figure(NamedTuple):
    href: str
    exact: Decimal
    of: str


@pytest.fixture(scope="module", autouse=True)
def _lived(cast: Cast, planted: Any) -> None:
    """Leads that were answered in time and late, converted ones, deals won and lost, in every span and of both teams."""
    for owner in ("rep", "mate", "other"):
        whose = {"owner_id": cast.people[owner], "team_id": cast.team_of(owner)}
        for ago in _AGO:
            then = NOW - timedelta(days=ago)
            cast.lead(owner=owner, now=then, state="converted", first_response_due_at=then, first_response_at=then - timedelta(hours=1))
            cast.lead(owner=owner, now=then, first_response_due_at=then, first_response_at=then + timedelta(hours=1))
            cast.lead(owner=owner, now=then, first_response_due_at=NOW + timedelta(hours=3))
            cast.customer(owner=owner, now=then)
            for state in ("won", "lost"):
                dates = {"opened_on": then.date() - timedelta(days=3), "closed_on": then.date()}
                cast.add(models.Opportunity, now=then, name="商机", amount=Decimal(100 + ago), state=state, **dates, **whose)


def figures(page: str) -> Iterator[Figure]:
    for found in _LINK.finditer(page):
        yield Figure(unescape(found["href"]), Decimal(found["exact"]), found["of"] or "")


@pytest.mark.parametrize("period", PERIODS)
@pytest.mark.parametrize("actor", LOOKING)
def test_a_figure_is_what_its_list_comes_to(actor: str, period: str, callers: Callers) -> None:
    page = callers(actor, "cookie").get(f"/?period={period}")
    assert page.status == 200
    told = dict.fromkeys(figures(page.body))
    assert len(told) > 60 and sum(figure.exact for figure in told) > 0
    for figure in told:
        assert behind(callers(actor, "token"), figure) == figure.exact, f"{actor} {period} {figure.href}"


@pytest.mark.parametrize("period", PERIODS)
def test_a_leader_is_told_of_no_other_team(period: str, callers: Callers, cast: Cast) -> None:
    ours, theirs = callers("leader_a", "cookie").get(f"/?period={period}"), callers("leader_b", "cookie").get(f"/?period={period}")
    assert "业务员甲" in ours.body and "外组丙" not in ours.body
    assert "外组丙" in theirs.body and "业务员甲" not in theirs.body
    of_a, of_b, of_both = by_list(ours.body), by_list(theirs.body), by_list(callers("director", "cookie").get(f"/?period={period}").body)
    compared = [key for key in of_a.keys() & of_b.keys() if "owner_id" not in key[0] and not key[0].startswith(POOLED)]
    assert compared
    for key in compared:
        assert of_both[key] == of_a[key] + of_b[key], key


POOLED = ("/lead/", "/customer/")
"""Whoever leads sees the pools too, so that two teams are more than both."""


def by_list(page: str) -> dict[tuple[str, str], Decimal]:
    return {(figure.href, figure.of): figure.exact for figure in figures(page)}


@pytest.mark.parametrize("actor", LOOKING)
def test_the_home_opens_and_the_day_has_the_month_beside_it(actor: str, callers: Callers) -> None:
    day = callers(actor, "cookie").get("/?period=day")
    assert day.status == 200 and "?period=quarter" in day.body
    home = callers(actor, "cookie").get("/")
    told = {figure.href for figure in figures(home.body)}
    assert told <= {figure.href for figure in figures(callers(actor, "cookie").get("/?period=month").body)} and told


@pytest.mark.parametrize("address", ["/?period=year", "/?period=month&of=2026-W20", "/?period=week&of=x", "/?period=month&sort=-phone"])
def test_an_address_that_names_no_period_is_refused_in_words(address: str, callers: Callers) -> None:
    assert callers("director", "cookie").get(address).status == 400


def behind(caller: Caller, figure: Figure) -> Decimal:
    told: dict[str, Any] = caller.get(f"/api/v1{figure.href}&limit=200").json()  # type: ignore[assignment]
    assert len(told["result"]) == told["count"], figure.href
    return sum((Decimal(str(row[figure.of] or 0)) for row in told["result"]), Decimal(0)) if figure.of else Decimal(told["count"])


# through a reference ------------------------------------------------------------------------------


def listed(caller: Caller, path: str) -> tuple[int, int]:
    answer = caller.get(path)
    found: Any = answer.json()
    return answer.status, found.get("count", -1)


def test_a_list_is_filtered_through_a_reference_by_what_the_reader_sees_there(callers: Callers, cast: Cast) -> None:
    mine = f'/api/v1/receipt/?filter=[["contract_id.owner_id","eq",{cast.people["rep"]}]]'
    theirs = f'/api/v1/receipt/?filter=[["contract_id.owner_id","eq",{cast.people["other"]}]]'
    status, count = listed(callers("leader_a", "token"), mine)
    assert status == 200 and count > 0
    assert listed(callers("leader_a", "token"), theirs) == (200, 0), "another team's contract answers like none"
    assert listed(callers("director", "token"), theirs)[1] > 0


@pytest.mark.parametrize(
    "key", ["owner_id.email", "owner_id.password", "contract_id.nothing", "contract_id.customer_id.name", "amount.owner_id", "contract_id."]
)
def test_no_other_way_leads_through_a_reference(key: str, callers: Callers) -> None:
    """People are no scoped records, and one step is enough: nothing can be asked out of what a list does not show."""
    entity = "contract" if key.startswith("owner_id") else "receipt"
    assert listed(callers("director", "token"), f'/api/v1/{entity}/?filter=[["{key}","eq","1"]]')[0] == 400


def test_who_may_not_read_the_record_referred_to_may_not_ask_about_it(callers: Callers) -> None:
    path = '/api/v1/contract/?filter=[["customer_id.name","contains","a"]]'
    assert listed(callers("finance", "token"), path)[0] == 400
    assert listed(callers("director", "token"), path)[0] == 200


def test_the_pills_of_a_list_name_the_way(callers: Callers, cast: Cast) -> None:
    page = callers("director", "cookie").get(f'/receipt/?filter=[["contract_id.owner_id","eq",{cast.people["rep"]}]]').body
    assert "合同 · 负责人" in page and "业务员甲" in page
