"""Budgets that hold on any machine: SQL statements, bytes, and that no page reads a table from end to end.

What it costs in time is `make bench`'s question.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from bench.world import FIFTY_FOLLOW_UPS, World, plant_leads
from portal.engine.clock import clock
from tests import services
from tests.cast import NOW, Cast
from tests.conftest import _sessions
from tests.security.web import Browser, let_go, make_site

ROWS = 10_000
LIST_STATEMENTS, DETAIL_STATEMENTS = 4, 6
"""Session, person, rights and unread notices included: they are one statement."""
PAGE_BYTES, API_BYTES = 74_000, 24_000
RARE = "罕见"


@dataclass(frozen=True)
class Sent:
    sql: str
    values: Any


@dataclass(frozen=True)
class Crowded:
    """A rep signed in to a portal of ten thousand leads."""

    browser: Browser
    token: dict[str, str]
    url: str
    lead: int
    source: int

    def get(self, path: str) -> tuple[list[Sent], bytes]:
        """What the second visit sends to the database, and its answer: the first one learns who the rep is."""
        headers = self.token if path.startswith("/api/") else {}
        self.browser.get(path, headers=headers)
        with sent() as statements:
            answer = self.browser.get(path, headers=headers)
        assert answer.status_code == 200, answer.get_data(as_text=True)[:300]
        return statements, answer.get_data()

    def scanned(self, statement: Sent) -> set[str]:
        """The tables that PostgreSQL would read from end to end for it."""
        return {each["Relation Name"] for each in self.planned(statement) if each["Node Type"] == "Seq Scan"}

    def planned(self, statement: Sent) -> list[dict[str, Any]]:
        """The nodes of the plan that PostgreSQL would follow for it."""
        with psycopg.connect(self.url) as connection:
            row = connection.execute(f"EXPLAIN (FORMAT JSON) {statement.sql}", statement.values, prepare=False).fetchone()
        assert row is not None
        return list(_nodes(row[0][0]["Plan"]))


@pytest.fixture(scope="module")
def crowded(template: tuple[str, Cast], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowded]:
    with services.clone(template[0]) as url:
        made = template[1]
        dispose, factory = _sessions(url)
        cast = Cast(factory, dict(made.people), dict(made.teams), made.pool_id, made.customer_pool_id, made.source_id)
        lead = _plant(url, cast)
        site = make_site(
            cast,
            services.config_for(
                tmp_path_factory.mktemp("speed"), url, services.valkey_url(os.environ.get("PYTEST_XDIST_WORKER", "master"))
            ),
        )
        browser = site.signed_in("rep")
        token = browser.token("rep").get_json()["access_token"]
        yield Crowded(browser, {"Authorization": f"Bearer {token}"}, url, lead, cast.source_id)
        clock.release()
        let_go()
        dispose()


def _plant(url: str, cast: Cast) -> int:
    """A tenth of the leads is the rep's, a third the pool's. Returns one of his, with fifty follow-ups."""
    reps = [cast.people[login] for login in ("rep", "mate", "other", "leader_a", "leader_b")]
    with psycopg.connect(url) as connection:
        plant_leads(connection, World(reps, cast.pool_id, cast.source_id), ROWS, NOW)
        found = connection.execute("SELECT id FROM lead WHERE owner_id = %s ORDER BY id LIMIT 1", (reps[0],)).fetchone()
        assert found is not None
        lead = int(found[0])
        connection.execute(FIFTY_FOLLOW_UPS, {"lead": lead, "rep": reps[0]})
        connection.execute("UPDATE lead SET company = %s || company WHERE id = %s", (RARE, lead))
        connection.execute("ANALYZE")
    return lead


@contextmanager
def sent() -> Iterator[list[Sent]]:
    """The statements that any engine of the process sends meanwhile, with their values."""
    found: list[Sent] = []

    def note(_c: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        found.append(Sent(statement, values))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def _lists(source: int) -> dict[str, str]:
    filters = json.dumps([["state", "eq", "pool"], ["source_id", "eq", source], ["expected_amount", "between", [100, 5000]]])
    return {
        "plain": "",
        "one tab": "?tab=mine",
        "filtered": f"?filter={quote(filters)}",
        "searched": f"?q={quote('华为')}",
        "wide": "?columns=company,name,phone,source_id,industry,region,owner_id,created_by_id,state,created_at",
    }


@pytest.mark.parametrize("which", sorted(_lists(0)))
@pytest.mark.parametrize("door", ["/lead/", "/api/v1/lead/"])
def test_a_list_costs_four_statements_and_reads_no_more_than_it_shows(crowded: Crowded, door: str, which: str) -> None:
    statements, body = crowded.get(door + _lists(crowded.source)[which])
    assert len(statements) <= LIST_STATEMENTS, "\n".join(each.sql for each in statements)
    on_leads = [each.sql for each in statements if "FROM lead" in each.sql]
    assert on_leads
    assert all("LIMIT" in sql for sql in on_leads), on_leads
    assert len(body) <= (API_BYTES if door.startswith("/api/") else PAGE_BYTES)


def test_a_long_filtered_list_is_shown_before_it_is_counted_to_the_end(crowded: Crowded) -> None:
    """To 1,000 with the page; the rest is asked for once its rows are there, and is what an exact count says."""
    given = f"filter={quote(json.dumps([['source_id', 'eq', crowded.source]]))}"
    _, page = crowded.get(f"/lead/?{given}")
    assert _totals(page) == {"1,000+"} and b'hx-get="/lead/count?' in page
    _, more = crowded.get(f"/lead/count?{given}")
    _, exact = crowded.get(f"/lead/?{given}&exact=1")
    assert _totals(more) == _totals(exact) and int(_totals(exact).pop().replace(",", "")) > 1_000
    _, few = crowded.get(f"/lead/?q={quote(RARE)}")
    assert _totals(few) == {"1"} and b'hx-get="/lead/count' not in few


def _totals(page: bytes) -> set[str]:
    """What a page, or what completes it, says of how many there are."""
    return set(re.findall(r'[" .]total"[^>]*>([^<]+)<', page.decode()))


def test_a_record_with_fifty_follow_ups_costs_six_statements(crowded: Crowded) -> None:
    statements, body = crowded.get(f"/lead/{crowded.lead}")
    assert len(statements) <= DETAIL_STATEMENTS, "\n".join(each.sql for each in statements)
    assert body.decode().count("谈了") >= 50
    assert len(body) <= PAGE_BYTES


def test_a_record_page_reads_no_other_record(crowded: Crowded) -> None:
    """What belongs to a lead is seen through that lead, not through a list of all that may be seen."""
    statements, _ = crowded.get(f"/lead/{crowded.lead}")
    read = {
        node["Relation Name"]: node["Plan Rows"]
        for each in statements
        for node in crowded.planned(each)
        if node.get("Relation Name") == "lead"
    }
    assert read == {"lead": 1}


@pytest.mark.parametrize("words", ["", RARE, "华为"])
def test_an_index_serves_the_page_and_the_search_for_two_characters(crowded: Crowded, words: str) -> None:
    """The next page by keyset, without and with a search, for a word that one record has and one that a fifth has."""
    _, first = crowded.get("/api/v1/lead/")
    path = f"/api/v1/lead/?q={quote(words)}" if words else f"/api/v1/lead/?after={json.loads(first)['next']}"
    statements, _ = crowded.get(path)
    (rows,) = (each for each in statements if "ORDER BY lead." in each.sql)
    assert "lead" not in crowded.scanned(rows), rows.sql


def test_the_plans_are_looked_at_rightly(crowded: Crowded) -> None:
    """A statement that no index serves is seen to read the whole table."""
    assert crowded.scanned(Sent("SELECT id FROM lead WHERE wechat = %(words)s", {"words": "x"})) == {"lead"}
