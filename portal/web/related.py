"""Children of a record beside its timeline: who decides at a customer, each with what can be known at a glance."""

from __future__ import annotations

from dataclasses import dataclass

from portal.engine import store
from portal.engine.cell import Cell
from portal.engine.fields import Field, View
from portal.engine.query.listing import Listing, ListQuery
from portal.engine.spec import Spec, registry
from portal.engine.text import pick
from portal.security.fields import Rights

_MOST = 20
_SHOWN = 5
_LITTLE = 3


@dataclass(frozen=True, slots=True)
class Panel:
    """`rows`: name, what else is known of it, address."""

    title: str
    icon: str
    rows: tuple[tuple[str, str, str], ...]
    new_href: str = ""
    new_label: str = ""


def panels(spec: Spec, record_id: int, rights: Rights, view: View, *, writable: bool, changeable: bool) -> tuple[Panel, ...]:
    """The children that the timeline does not tell, as this reader may see them; a part is added only while the whole may be changed."""
    names = (name for name in spec.screen.related if name != spec.screen.composer)
    children = (registry()[name] for name in names)
    found = (_panel(each, spec, record_id, rights, view, writable=changeable if each.model.is_part else writable) for each in children)
    return tuple(each for each in found if each is not None)


def _panel(child: Spec, spec: Spec, record_id: int, rights: Rights, view: View, *, writable: bool) -> Panel | None:
    belongs = child.link_to(spec.name)
    if belongs is None or not rights.finds(child, belongs) or not rights.principal.may(f"{child.name}:read"):
        return None
    others = [f for f in map(child.field, child.screen.columns) if f not in (child.identity, belongs) and f not in child.parents]
    # When it was written down is told where little else is known of it.
    others = [f for f in others if f.key != "created_at" or len(others) <= _LITTLE]
    amounts = sum(f.kind == "money" and rights.sees(child, f) for f in others)
    query = ListQuery(limit=_MOST, columns=tuple(dict.fromkeys(f.key for f in (child.identity, *others))))
    rows = []
    for row in Listing(child, rights, view, query).children(store.session(), belongs, record_id):
        cells = [(f, rights.cell(child, f, row, view)) for f in others if rights.sees(child, f)]
        cells = [(f, cell) for f, cell in cells if cell.kind != "mute" and cell.text]
        known = [_words(f, cell, view, named=cell.kind == "num" or (cell.kind == "money" and amounts > 1)) for f, cell in cells]
        rows.append((rights.cell(child, child.identity, row, view).text, " · ".join(known[:_SHOWN]), rights.href(child, row["id"])))
    may_add = writable and rights.principal.may(f"{child.name}:create")
    zh, _, en = child.label.partition(" | ")
    return Panel(
        str(pick(child.plural, view.language)),
        child.screen.icon,
        tuple(rows),
        f"{child.new_href}?{belongs.key}={record_id}" if may_add else "",
        str(pick(f"新建{zh} | New {en.lower()}", view.language)),
    )


def _words(each: Field, cell: Cell, view: View, *, named: bool) -> str:
    """A bare number says nothing, nor does one amount beside another; with what it counts it does."""
    return f"{pick(each.label, view.language)} {cell.text}" if named else cell.title or cell.text
