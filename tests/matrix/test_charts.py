"""Behind every point of every declared chart: whoever looks is shown as many records as the point counts, at the real doors."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from portal.engine.charts import Chart
from portal.engine.spec import Spec, registry
from tests.matrix.http import Answer, Caller
from tests.matrix.world import EVERYBODY, ROLE

CHARTED = [spec.name for spec in registry().values() if spec.screen.charts]
Callers = Callable[[str, str], Caller]


@pytest.mark.parametrize("entity", CHARTED)
@pytest.mark.parametrize("actor", EVERYBODY)
def test_a_point_counts_what_its_list_shows(actor: str, entity: str, callers: Callers) -> None:
    spec, caller = registry()[entity], callers(actor, "cookie")
    page = caller.get(f"/{entity}/charts")
    assert page.status == caller.get(f"/{entity}/").status, f"{actor} {entity}: a chart stands open where its list does"
    for chart, data in drawn(page, spec):
        for value, href in zip(data["values"], data["hrefs"], strict=True):
            assert href.startswith(f"/{entity}/?"), f"{actor} {entity}.{chart.key}: a point without the list behind it"
            assert behind(callers(actor, "token"), chart, href) == Decimal(str(value)), f"{actor} {entity}.{chart.key} {href}"


@pytest.mark.parametrize("entity", CHARTED)
def test_the_planted_records_are_drawn(entity: str, callers: Callers) -> None:
    """The positive control: the director's charts have something to count."""
    page = callers(next(actor for actor in EVERYBODY if ROLE[actor] == "director"), "cookie").get(f"/{entity}/charts")
    assert any(sum(data["values"]) for _, data in drawn(page, registry()[entity]))


def drawn(page: Answer, spec: Spec) -> Iterator[tuple[Chart, dict[str, Any]]]:
    """The charts of a page with what is drawn of them; one without a record is told in words only."""
    declared = {chart.label.split(" | ")[0]: chart for chart in spec.screen.charts}
    for panel in page.body.split("<section")[1:]:
        title, data = re.search(r"<h2>([^<]+)</h2>", panel), re.search(r"data-chart='([^']+)'", panel)
        if title and data:
            yield declared[title[1]], json.loads(data[1])


def behind(caller: Caller, chart: Chart, href: str) -> Decimal:
    """What the list behind a point comes to: its records counted, or its number summed, or the mean of it."""
    told: dict[str, Any] = caller.get(f"/api/v1{href}&limit=200").json()  # type: ignore[assignment]
    assert len(told["result"]) == told["count"], href
    if not chart.measure:
        return Decimal(told["count"])
    values = [Decimal(str(row[chart.measure] or 0)) for row in told["result"]]
    return round(sum(values) / len(values), 1) if chart.mean else sum(values, Decimal(0))
