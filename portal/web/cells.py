"""Cells and table rows as HTML.

Written here and not as template macros: a list shows three hundred cells, and a macro's call costs several times the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING

from markupsafe import Markup

from portal.engine.cell import Cell

if TYPE_CHECKING:
    from portal.web.list_page import ListPage, Row, RowAction


@lru_cache(maxsize=512)
def icon(name: str, size: str = "", label: str = "") -> Markup:
    """An icon of the sprite; with a label it speaks, without it is decoration."""
    css = f"ic ic-{size}" if size else "ic"
    spoken = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
    return Markup(f'<svg class="{css}" {spoken}><use href="/static/vendor/icons.svg#{escape(name)}"/></svg>')  # noqa: S704


def cell(shown: Cell) -> Markup:
    """A value as tables, fact lists and timelines show it."""
    return Markup(_cell(shown))  # noqa: S704 - `_cell` escapes


def table_rows(page: ListPage, select: str) -> Markup:
    """The rows of a list's table; `select` is the word before a row's name on its tick box."""
    tick = escape(select) if page.bulk_verbs else ""
    return Markup("\n".join(_row(row, page.aligns, tick) for row in page.rows))  # noqa: S704 - its parts are escaped


def _row(row: Row, aligns: Sequence[str], tick: str) -> str:
    name = escape(row.ticked_label)
    label = f'aria-label="{tick} {name}"' + (f' data-state="{escape(row.state)}"' if row.state else "")
    box = f'<input class="form-check-input" type="checkbox" form="selection" name="ids" value="{row.id}" data-tick {label}>'
    cells = [f'<td class="{_css(shown, align)}">{_cell(shown)}</td>' for shown, align in zip(row.cells, aligns, strict=True)]
    if row.actions:
        last, actions = row.cells[-1], "".join(_action(each, name) for each in row.actions)
        cells[-1] = (
            f'<td class="{_css(last, aligns[-1])} c-act"><span class="cr">{_cell(last)}</span>'
            f'<span class="row-act" hx-vals=\'{{"ids": "{row.id}"}}\' hx-target="#dialog">{actions}</span></td>'
        )
    return f"<tr><td>{box if tick else ''}</td>{''.join(cells)}</tr>"


def _action(each: RowAction, name: str) -> str:
    label, href = escape(each.label), escape(each.href)
    return f'<button type="button" hx-post="{href}?preview=1" aria-label="{label} {name}" title="{label}">{icon(each.icon)}</button>'


def _css(shown: Cell, align: str) -> str:
    money = " money" if shown.kind == "money" else ""
    return f"{align}{money} c-{shown.phone_slot}" if shown.phone_slot else align + money


def _cell(shown: Cell) -> str:
    kind, text = shown.kind, escape(shown.text)
    match kind:
        case "mute":
            html = f'<span class="mute">{text}</span>'
        case "num" | "money" | "phone" | "date":
            html = f'<span class="num">{text}</span>'
        case "instant":
            tone = f" t-{shown.tone}" if shown.tone else ""
            html = f'<span class="num{tone}" title="{escape(shown.title)}">{text}</span>'
        case "tag" | "state":
            html = f'<span class="{kind}{f" {kind}-{shown.tone}" if shown.tone else ""}">{text}</span>'
        case "person":
            html = (
                f'<span class="who"><span class="av av-{shown.tone} av-sm" aria-hidden="true">{escape(shown.initial)}</span>{text}</span>'
            )
        case "link":
            html = f'<a class="link" href="{escape(shown.href)}">{text}</a>'
        case _:
            html = text
    return html
