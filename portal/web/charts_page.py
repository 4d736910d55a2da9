"""The charts of a list as their template reads them: the same tab, search and filters as the list they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from portal.engine import store
from portal.engine.fields import Field, View
from portal.engine.query.charting import Charting, Plot, charts_for
from portal.engine.query.listing import Listing, ListQuery
from portal.engine.spec import Spec
from portal.engine.text import pick
from portal.security.fields import Rights
from portal.web.arguments import url
from portal.web.list_page import Link, ListPageBuilder, Pill

_TOTAL, _MEAN = "合计 | Total", "平均 | Mean"


@dataclass(frozen=True, slots=True)
class Row:
    """One point as the table beside the chart tells it."""

    label: str
    value: str
    share: str
    href: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart: `data` is what the drawing reads, `rows` says the same in words and links."""

    title: str
    by: str
    unit: str
    total: str
    """What all points come to, or their mean, in words."""
    rows: tuple[Row, ...]
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ChartsPage:
    title: str
    list_href: str
    tabs: tuple[Link, ...]
    pills: tuple[Pill, ...]
    search: str
    panels: tuple[Panel, ...]


def build(spec: Spec, rights: Rights, view: View, query: ListQuery, given: Mapping[str, str]) -> ChartsPage:
    """One statement a chart, and none for what stands around them. What a list refuses is refused before it is put in words."""
    Listing(spec, rights, view, query).conditions()
    around = ListPageBuilder(spec, rights, view, query, given, path=f"/{spec.name}/charts")
    return ChartsPage(
        title=str(pick(spec.plural, view.language)),
        list_href=url(f"/{spec.name}/", given),
        tabs=around.tabs({}),
        pills=around.pills(),
        search=query.search,
        panels=tuple(panel(Listing(spec, rights, view, query), chart.key, given) for chart in charts_for(spec, rights)),
    )


def panel(listing: Listing, key: str, given: Mapping[str, str]) -> Panel:
    """The chart of this key over this list."""
    chart = next(chart for chart in listing.spec.screen.charts if chart.key == key)
    return _panel(listing, Charting(listing, chart).plot(store.session()), given)


def _panel(listing: Listing, plot: Plot, given: Mapping[str, str]) -> Panel:
    spec, chart, view = listing.spec, plot.chart, listing.view
    measure = spec.field(chart.measure) if chart.measure else None
    rows = tuple(
        Row(
            point.label,
            _words(measure, point.value, view),
            f"{point.value / plot.total:.0%}" if plot.total and not chart.mean else "—",
            url(f"/{spec.name}/", given, filter=[list(condition) for condition in point.filters]) if point.filters else "",
        )
        for point in plot.points
    )
    return Panel(
        title=str(pick(chart.label, view.language)),
        by=str(pick(spec.field(chart.by).label, view.language)),
        unit=str(pick(measure.label if measure else spec.plural, view.language)),
        total=f"{pick(_MEAN if chart.mean else _TOTAL, view.language)} {_words(measure, plot.total, view)}",
        rows=rows if plot.total else (),
        data={
            "over_time": bool(chart.step),
            "labels": [row.label for row in rows],
            "values": [float(point.value) for point in plot.points],
            "words": [row.value for row in rows],
            "hrefs": [row.href for row in rows],
        },
    )


def _words(measure: Field | None, value: int | Decimal, view: View) -> str:
    return measure.words(value, view) if measure else f"{value:,}"
