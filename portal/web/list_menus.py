"""What stands over and beside a list whatever its rows: filter, order and column menus, and the table's head.

They are the same for everybody who sees the same fields under the same address, and cost more to write than the
rows: so they are written once and kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from flask import current_app
from markupsafe import Markup

from portal.engine.fields import Field, View
from portal.engine.kinds.reference import ReferenceField
from portal.engine.query.listing import ListQuery
from portal.engine.spec import Spec
from portal.engine.text import Language, pick
from portal.security.fields import Rights
from portal.web.arguments import url

_KEPT = 2048


class Menus(NamedTuple):
    """HTML of the three places: beside the search, at the right end of the bar, and the cells of the head."""

    filters: Markup
    arrange: Markup
    head: Markup


@dataclass(frozen=True, slots=True)
class Sort:
    label: str
    href: str
    direction: str
    """`asc` or `desc` where the list is in this order."""


@dataclass(frozen=True, slots=True)
class FilterChoice:
    """One entry of “+ Filter”: the form adds `[key, operator, value]` to the URL's filter."""

    key: str
    label: str
    kind: str
    options: tuple[tuple[str, str], ...]
    lookup_href: str


@dataclass(frozen=True, slots=True)
class Column:
    label: str
    css: str
    sort_href: str | None
    direction: str | None


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    label: str
    shown: bool
    href: str


def menus(spec: Spec, rights: Rights, view: View, query: ListQuery, shown: tuple[Field, ...], href: str, given: Mapping[str, str]) -> Menus:
    """The menus of a list at this address, for a reader who sees what this reader sees."""
    seen = frozenset(f.key for f in spec.fields.values() if rights.sees(spec, f))
    found = frozenset(key for key in seen if rights.finds(spec, spec.fields[key]))
    arguments = tuple(each for each in given.items() if each[0] not in ("after", "before", "exact"))
    return _written(_List(spec, seen, found, view.language, query.order or spec.screen.order, tuple(f.key for f in shown), href, arguments))


@dataclass(frozen=True, slots=True)
class _List:
    """What the menus depend on, and nothing else."""

    spec: Spec
    seen: frozenset[str]
    found: frozenset[str]
    """Those of them that he may filter and order by."""
    language: Language
    order: str
    keys: tuple[str, ...]
    href: str
    arguments: tuple[tuple[str, str], ...]

    @property
    def given(self) -> dict[str, str]:
        return dict(self.arguments)

    def t(self, text: str) -> str:
        return str(pick(text, self.language))

    def filters(self) -> list[FilterChoice]:
        return [
            FilterChoice(
                f.key,
                self.t(f.label),
                f.kind,
                tuple(f.choices(View(self.language))),
                f"{self.href}pick?field={f.key}" if isinstance(f, ReferenceField) else "",
            )
            for f in map(self.spec.field, self.spec.screen.filters)
            if f.filterable and f.key in self.found
        ]

    def sort(self) -> list[Sort]:
        found = [self.spec.field(key) for key in self.keys]
        sortable = (f for f in found if f.sortable and f.key in self.found)
        return [Sort(self.t(f.label), self._sort_href(f), self._direction(f, "asc", "desc") or "") for f in sortable]

    def columns(self) -> list[Column]:
        return [
            Column(
                self.t(f.label),
                f"co {f.align}" if f.identity else f.align,
                self._sort_href(f) if f.sortable and f.key in self.found else None,
                self._direction(f, "ascending", "descending"),
            )
            for f in map(self.spec.field, self.keys)
        ]

    def column_choices(self) -> list[ColumnChoice]:
        choices = []
        for each in self.spec.fields.values():
            if each.kind in ("json", "longtext") or each.key not in self.seen:
                continue
            is_shown = each.key in self.keys
            wanted = [k for k in self.keys if k != each.key] if is_shown else [*self.keys, each.key]
            value = None if list(self.spec.screen.columns) == wanted else ",".join(wanted) or None
            choices.append(ColumnChoice(self.t(each.label), is_shown, url(self.href, self.given, columns=value)))
        return choices

    def _sort_href(self, each: Field) -> str:
        return url(self.href, self.given, order=f"-{each.key}" if self.order == each.key else each.key)

    def _direction(self, each: Field, up: str, down: str) -> str | None:
        if self.order.lstrip("-") != each.key:
            return None
        return down if self.order.startswith("-") else up


@lru_cache(maxsize=_KEPT)
def _written(asked: _List) -> Menus:
    facts = {
        "filters": asked.filters(),
        "sort": asked.sort(),
        "columns": asked.columns(),
        "column_choices": asked.column_choices(),
        "href": asked.href,
        "filter_json": asked.given.get("filter") or "[]",
        "hidden": [each for each in asked.arguments if each[0] != "filter"],
    }
    parts = (current_app.jinja_env.get_template(f"parts/list_{part}.html") for part in Menus._fields)
    return Menus(*(Markup(part.render(facts)) for part in parts))  # noqa: S704 - templates escape
