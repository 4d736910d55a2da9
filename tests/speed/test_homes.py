"""The homes of who leads: eight statements, however many records, spans, teams and people their figures are told of. And
the home of who keeps the house."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

from portal.engine.clock import clock
from tests import services
from tests.cast import Cast
from tests.conftest import _sessions
from tests.security.web import Browser, let_go, make_site
from tests.speed.test_budgets import _plant, sent

HOME_STATEMENTS = 8
HOUSE_STATEMENTS = 18
"""Ten questions about what is left to configure, each about another table; the rest for jobs, hand-over, imports, the log."""


@pytest.fixture(scope="module")
def browsers(template: tuple[str, Cast], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Browser]]:
    """Signed in to a portal of ten thousand leads."""
    with services.clone(template[0]) as url:
        made = template[1]
        dispose, factory = _sessions(url)
        cast = Cast(factory, dict(made.people), dict(made.teams), made.pool_id, made.customer_pool_id, made.source_id)
        _plant(url, cast)
        redis = services.valkey_url(os.environ.get("PYTEST_XDIST_WORKER", "master"))
        site = make_site(cast, services.config_for(tmp_path_factory.mktemp("homes"), url, redis))
        yield site.signed_in
        clock.release()
        let_go()
        dispose()


@pytest.mark.parametrize("period", ["week", "month", "quarter"])
@pytest.mark.parametrize("login", ["leader_a", "director"])
def test_the_figures_of_a_home_cost_eight_statements(browsers: Callable[[str], Browser], login: str, period: str) -> None:
    browser = browsers(login)
    browser.get(f"/?period={period}")
    with sent() as statements:
        answer = browser.get(f"/?period={period}")
    assert answer.status_code == 200 and 'data-figure="conversion"' in answer.get_data(as_text=True)
    assert len(statements) <= HOME_STATEMENTS, "\n".join(each.sql[:200] for each in statements)


def test_the_home_of_who_keeps_the_house_costs_eighteen_statements_and_reads_no_records_through(browsers: Callable[[str], Browser]) -> None:
    browser = browsers("admin")
    browser.get("/")
    with sent() as statements:
        answer = browser.get("/")
    assert answer.status_code == 200 and 'class="log-feed"' in answer.get_data(as_text=True)
    assert len(statements) <= HOUSE_STATEMENTS, "\n".join(each.sql[:200] for each in statements)
