"""The audit log of a large portal: a page goes back by the primary key, looks through a bounded part, and days are found by halves."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator

import psycopg
import pytest

from portal.domain.audit_log import LOOKED_THROUGH
from portal.engine.clock import clock
from tests import services
from tests.cast import Cast
from tests.conftest import _sessions
from tests.security.web import Browser, let_go, make_site
from tests.speed.test_budgets import Crowded, Sent, sent

LINES = LOOKED_THROUGH + 20_000
STATEMENTS = 6
"""The person, how much was looked through, the lines, the names of their records, and whom one may choose."""
_PLANTED = f"""
INSERT INTO audit_event (at, actor_id, entity, record_id, verb, before, after)
SELECT timestamptz '2026-01-01 00:00+08' + g * interval '60 seconds', %s, 'lead', g, CASE WHEN g = 7 THEN 'merge' ELSE 'edit' END,
       '{{"note": "old"}}', '{{"note": "new"}}' FROM generate_series(1, {LINES}) g
"""


@pytest.fixture(scope="module")
def watching(template: tuple[str, Cast], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Browser, str]]:
    """The administrator before a log that is longer than a page looks through."""
    with services.clone(template[0]) as url:
        made = template[1]
        dispose, factory = _sessions(url)
        cast = Cast(factory, dict(made.people), dict(made.teams), made.pool_id, made.customer_pool_id, made.source_id)
        with psycopg.connect(url) as connection:
            connection.execute(_PLANTED, (cast.people["rep"],))
            connection.execute("ANALYZE audit_event")
        redis = services.valkey_url(os.environ.get("PYTEST_XDIST_WORKER", "master"))
        yield make_site(cast, services.config_for(tmp_path_factory.mktemp("log"), url, redis)).signed_in("admin"), url
        clock.release()
        let_go()
        dispose()


@pytest.fixture(scope="module")
def asked(watching: tuple[Browser, str]) -> Callable[[str], tuple[list[Sent], str]]:
    """What the second visit of an address sends to the database, and the page."""

    def ask(query: str) -> tuple[list[Sent], str]:
        watching[0].get(f"/audit-log/?{query}")
        with sent() as statements:
            answer = watching[0].get(f"/audit-log/?{query}")
        assert answer.status_code == 200
        return statements, answer.get_data(as_text=True)

    return ask


@pytest.mark.parametrize(
    "query", ["", "singly=1", "type=lead&record=900", "who=system", "verb=edit", "after=50000", "from=2026-01-05&to=2026-01-05"]
)
def test_a_page_reads_no_more_of_the_log_than_it_shows(
    query: str, watching: tuple[Browser, str], asked: Callable[[str], tuple[list[Sent], str]]
) -> None:
    statements, _ = asked(query)
    assert len(statements) <= STATEMENTS + query.count("2026"), "\n".join(each.sql[:160] for each in statements)
    crowded = Crowded(watching[0], {}, watching[1], 0, 0)
    for each in statements:
        assert "audit_event" not in crowded.scanned(each), each.sql
        if "AS place" in each.sql:
            assert not [node for node in crowded.planned(each) if "Sort" in node["Node Type"] and node["Plan Rows"] > 100], each.sql


def test_what_is_rare_is_looked_for_so_far_and_then_the_reader_goes_on(asked: Callable[[str], tuple[list[Sent], str]]) -> None:
    statements, page = asked("verb=merge")
    assert len(statements) <= STATEMENTS and f"{LOOKED_THROUGH:,}" in page and "继续往前找" in page
    further = re.search(r'href="/audit-log/\?([^"]+)">继续往前找', page)
    assert further is not None
    _, next_page = asked(further[1].replace("&amp;", "&"))
    assert "#7<" in next_page and "继续往前找" not in next_page


def test_a_day_far_back_is_found_though_the_page_could_not_look_so_far(asked: Callable[[str], tuple[list[Sent], str]]) -> None:
    _, page = asked("from=2026-01-01&to=2026-01-01&verb=merge")
    assert "#7<" in page and "2026-01-01" in page
    statements, page = asked("from=2026-01-03&to=2026-01-03")
    times = re.findall(r'title="(2026-[^"]+)"', page)
    assert len(times) == 50 and times[0] == "2026-01-03 23:59:00" and times == sorted(times, reverse=True)
    assert len(statements) <= STATEMENTS + 2
