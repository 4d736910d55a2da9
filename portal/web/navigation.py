"""The navigation: one entry per special screen and per record type that its reader may open.

Everybody with the same permissions has the same one, on every page: so its HTML is written once and kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from flask import current_app
from markupsafe import Markup

from portal.engine.spec import Spec, registry
from portal.engine.text import Language, pick
from portal.security.principal import Principal

_KEPT = 1024
_ORDER = ("", "客户 | Customers", "合同与回款 | Contracts", "团队 | Team", "管理 | Administration")
_SHORTCUTS = 4


@dataclass(frozen=True, slots=True)
class Item:
    label: str
    icon: str
    href: str


@dataclass(frozen=True, slots=True)
class Group:
    label: str
    items: tuple[Item, ...]


class Navigation(NamedTuple):
    """The column at the side and the bar at a phone's foot, as HTML; and what they hold."""

    side: Markup
    bar: Markup
    groups: tuple[Group, ...]


NOTHING = Navigation(Markup(), Markup(), ())

_fixed: list[tuple[str, str, str, str, str]] = []


def menu_entry(group: str, label: str, icon: str, href: str, permission: str) -> None:
    """A special screen's place in the navigation (called by `portal/views.py`)."""
    _fixed.append((group, label, icon, href, permission))


def navigation(who: Principal, language: Language, path: str) -> Navigation:
    """What this person may open, with the entry of the page at `path` marked."""
    groups = _groups(who.verbs, language)
    hrefs = (item.href for group in groups for item in group.items)
    return _written(groups, language, next((href for href in hrefs if _holds(href, path)), ""))


def _holds(href: str, path: str) -> bool:
    return path == href or (href != "/" and path.startswith(href))


@lru_cache(maxsize=_KEPT)
def _groups(verbs: frozenset[str], language: Language) -> tuple[Group, ...]:
    found: dict[str, list[Item]] = {}
    for group, label, icon, href, permission in _fixed:
        if permission in verbs:
            found.setdefault(group, []).append(Item(str(pick(label, language)), icon, href))
    for spec in sorted(registry().values(), key=lambda spec: spec.screen.rank):
        if spec.screen.menu and f"{spec.name}:read" in verbs and _belongs(spec, verbs):
            item = Item(str(pick(spec.plural, language)), spec.screen.icon, f"/{spec.name}/")
            found.setdefault(spec.screen.menu, []).append(item)
    ranked = sorted(found, key=lambda group: _ORDER.index(group) if group in _ORDER else len(_ORDER) - 1)
    return tuple(Group(str(pick(group, language)) if group else "", tuple(found[group])) for group in ranked)


def _belongs(spec: Spec, verbs: frozenset[str]) -> bool:
    """Dictionaries are read in pickers by all; their screens are for those who change them."""
    return spec.scope != "open" or f"{spec.name}:edit" in verbs


@lru_cache(maxsize=_KEPT)
def _written(groups: tuple[Group, ...], language: Language, here: str) -> Navigation:
    items = [item for group in groups for item in group.items]
    facts = {"groups": groups, "here": here, "first": items[:_SHORTCUTS], "language": language}
    parts = (current_app.jinja_env.get_template(f"parts/nav_{part}.html") for part in ("side", "bar"))
    side, bar = (Markup(part.render(facts)) for part in parts)  # noqa: S704 - templates escape
    return Navigation(side, bar, groups)
