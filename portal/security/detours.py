"""How a statement would go around the gate: read from its parts, before it runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Alias, ColumnClause, Table, TextClause
from sqlalchemy.sql import visitors
from sqlalchemy.sql.dml import UpdateBase

RAW = "raw SQL needs the system's session"
_HARMLESS = frozenset({"*", "1"})
"""Text of SQLAlchemy's own: `count(*)`, `EXISTS (SELECT *)`."""


class Verdict(NamedTuple):
    """How a statement would go around the gate (nothing when it does not), and the scoped tables it touches; None if unknown."""

    detour: str
    touched: frozenset[Table] | None


def read(statement: Any, scoped: set[Table], guarded: set[Table]) -> Verdict:
    """What a statement asks for says what it touches, unless loader options may bring in more."""
    nodes = list(visitors.iterate(statement))
    named = {node for node in nodes if isinstance(node, Table)}
    touched = None if getattr(statement, "_with_options", ()) else frozenset(table for table in scoped if table in named)
    return Verdict(_detour(statement, nodes, scoped, guarded), touched)


def _detour(statement: Any, nodes: Sequence[Any], scoped: set[Table], guarded: set[Table]) -> str:
    """How a statement would go around the gate; nothing when it does not."""
    if any(_is_raw(node) for node in nodes):
        return RAW
    touched = {node for node in nodes if isinstance(node, Table)}
    if touched & guarded and not isinstance(statement, UpdateBase):
        return "rows kept by entity and record id are read through their record only"
    if not touched & scoped:
        return ""
    if any(isinstance(node, UpdateBase) for node in nodes):
        return "writes on scoped tables go through a flush or set_based()"
    return "bare tables of scoped entities need the system's session" if _is_bare(nodes, scoped) else ""


def _is_raw(node: Any) -> bool:
    """Text, or a column that is text: "true OR true" in a WHERE would loosen the scope that stands beside it."""
    return isinstance(node, TextClause) or (isinstance(node, ColumnClause) and node.is_literal and node.name not in _HARMLESS)


def _is_bare(nodes: Iterable[Any], scoped: set[Table]) -> bool:
    """Whether a scoped table is named as a table or by its bare columns: the criterion would not reach it there."""
    named: set[Any] = set()
    mapped: set[Any] = set()
    for node in nodes:
        is_mapped = "parententity" in node._annotations  # noqa: SLF001
        if isinstance(node, Table):
            named.add(node)
            if is_mapped:
                mapped.add(node)
        elif isinstance(node, ColumnClause) and (base := _base_table(node)) in scoped:
            if not is_mapped:
                return True
            mapped.add(base)
    return bool((named & scoped) - mapped)


def _base_table(column: ColumnClause[Any]) -> Any:
    table = column.table
    while isinstance(table, Alias):
        table = table.element
    return table if isinstance(table, Table) else None
