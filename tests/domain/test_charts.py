"""Charts of any list: one aggregate under the reader's scope, and behind each point exactly the records it counts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import event, func, select

from portal import models
from portal.engine.fields import View
from portal.engine.query.charting import Charting, Plot, charts_for
from portal.engine.query.listing import Listing, ListQuery
from portal.engine.spec import registry, spec_named
from portal.security.fields import Rights
from tests.cast import NOW, Cast

VIEW = View(now=NOW)
SECOND = timedelta(seconds=1)
MONDAY = datetime(2026, 5, 10, 16, 0, tzinfo=UTC)
"""0:00 in Shanghai on the Monday of this week."""
CHARTED = [(spec.name, chart.key) for spec in registry().values() for chart in spec.screen.charts]


@pytest.fixture
def company(cast: Cast) -> Cast:
    """Leads, customers and follow-ups of both teams and of the pools."""
    for number, owner in enumerate(("rep", "rep", "mate", "other", "leader_b", None)):
        lead = cast.lead(owner=owner, created_at=NOW - timedelta(days=number * 9), expected_amount=Decimal(1000 * number))
        customer = cast.customer(owner=owner, customer_class="a" if number % 2 else "b")
        for parent in ({"lead_id": lead}, {"customer_id": customer}):
            cast.add(
                models.FollowUp,
                **parent,
                kind="call" if number % 2 else "visit",
                contacted_at=NOW - timedelta(days=number),
                content="谈了",
                need="",
                next_step="",
                created_by_id=cast.people[owner or "rep"],
            )
    return cast


@contextmanager
def listing(cast: Cast, login: str, entity: str, **query: Any) -> Iterator[tuple[Any, Listing]]:
    with cast.act(login) as session:
        yield session, Listing(spec_named(entity), Rights(session.info["principal"]), VIEW, ListQuery(**query))


def plot(session: Any, each: Listing, key: str) -> Plot:
    return Charting(each, next(chart for chart in each.spec.screen.charts if chart.key == key)).plot(session)


@pytest.mark.parametrize("login", ["rep", "leader_a", "leader_b", "director"])
@pytest.mark.parametrize(("entity", "key"), CHARTED)
def test_behind_each_point_lie_the_records_it_counts(entity: str, key: str, login: str, company: Cast) -> None:
    with listing(company, login, entity) as (session, each):
        drawn = plot(session, each, key)
        assert sum(point.value for point in drawn.points) == drawn.total
        for point in drawn.points:
            assert point.filters is not None
            behind = replace(each, query=ListQuery(filters=point.filters))
            rows = each.spec.model.id.in_(behind.ids())
            if drawn.chart.measure:
                found = session.scalar(select(func.coalesce(func.sum(each.spec.column(drawn.chart.measure)), 0)).where(rows))
            else:
                found = session.scalar(select(func.count()).where(rows))
            assert found == point.value, point


def test_a_leader_counts_his_team_and_the_pool(company: Cast) -> None:
    totals = {}
    for login in ("rep", "leader_a", "leader_b", "director"):
        with listing(company, login, "lead") as (session, each):
            totals[login] = plot(session, each, "state").total
    assert totals == {"rep": 3, "leader_a": 4, "leader_b": 3, "director": 6}


def test_a_chart_follows_the_tab_and_the_filters_of_its_list(company: Cast) -> None:
    with listing(company, "leader_a", "lead", branch="team") as (session, each):
        assert plot(session, each, "state").total == 3
    with listing(company, "leader_a", "lead", filters=(("owner_id", "eq", company.people["mate"]),)) as (session, each):
        drawn = plot(session, each, "state")
        assert drawn.total == 1
        assert all(("owner_id", "eq", company.people["mate"]) in (point.filters or ()) for point in drawn.points)


def test_a_week_begins_at_midnight_of_the_company(cast: Cast) -> None:
    cast.lead(owner="rep", created_at=MONDAY)
    cast.lead(owner="rep", created_at=MONDAY - SECOND)
    cast.lead(owner="rep", created_at=MONDAY - timedelta(weeks=11))
    cast.lead(owner="rep", created_at=MONDAY - timedelta(weeks=11) - SECOND)
    with listing(cast, "rep", "lead") as (session, each):
        points = plot(session, each, "weeks").points
    assert [point.value for point in points] == [1, *[0] * 9, 1, 1]
    assert points[-1].label == "05-11"


def test_choices_without_a_record_are_a_figure_too(cast: Cast) -> None:
    cast.customer(owner="rep", customer_class="b")
    cast.customer(owner="rep", customer_class="")
    with listing(cast, "rep", "customer") as (session, each):
        points = plot(session, each, "class").points
    assert [(point.label, point.value) for point in points] == [("A 类", 0), ("B 类", 1), ("C 类", 0), ("未填", 1)]


def test_beyond_twenty_groups_the_rest_is_one_point_that_leads_nowhere(cast: Cast) -> None:
    for number in range(22):
        source = cast.add(models.SourceChannel, name=f"渠道{number}")
        cast.leads(2 if number else 1, owner="rep", source_id=source)
    with listing(cast, "rep", "lead") as (session, each):
        drawn = plot(session, each, "source")
    assert len(drawn.points) == 21
    assert (drawn.points[-1].value, drawn.points[-1].filters, drawn.total) == (3, None, 43)


def test_a_chart_over_a_field_one_may_not_see_is_not_offered(cast: Cast) -> None:
    with listing(cast, "rep", "lead") as (_, each):
        spec = each.spec
        amount = spec.field("expected_amount")
        assert {chart.key for chart in charts_for(spec, each.rights)} == {"weeks", "source", "state", "amount"}
        amount.see, before = ("leader",), amount.see
        try:
            assert {chart.key for chart in charts_for(spec, each.rights)} == {"weeks", "source", "state"}
        finally:
            amount.see = before


@pytest.mark.parametrize(("entity", "key"), CHARTED)
def test_a_chart_is_one_statement(entity: str, key: str, company: Cast) -> None:
    with listing(company, "leader_a", entity) as (session, each):
        said: list[str] = []
        event.listen(session.get_bind(), "before_cursor_execute", note := (lambda *a: said.append(a[2])))
        plot(session, each, key)
        event.remove(session.get_bind(), "before_cursor_execute", note)
    assert len(said) == 1
