"""The board of any entity that declares one: columns of cards, counted and summed to a cap, moved by its verb."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import func, literal, select, union_all

from portal.engine import store
from portal.engine.cell import Cell
from portal.engine.fields import Field, View
from portal.engine.given import id_of
from portal.engine.kinds.reference import ReferenceField
from portal.engine.query.counting import COUNT_CAP
from portal.engine.query.listing import Listing, ListQuery
from portal.engine.screen import Board
from portal.engine.spec import Spec, registry
from portal.engine.text import pick, say
from portal.engine.verbs import Verb, verb_named
from portal.security import scopes
from portal.security.fields import Rights
from portal.web.arguments import url
from portal.web.list_page import TAB_LABELS, Link

MOST_CARDS = 20
_MOST_COLUMNS = 40


@dataclass(frozen=True, slots=True)
class Card:
    id: int
    name: str
    href: str
    cells: tuple[Cell, ...]
    movable: bool


@dataclass(frozen=True, slots=True)
class BoardColumn:
    value: str
    label: str
    tone: str
    count_label: str
    total_label: str
    cards: tuple[Card, ...]
    list_href: str
    """The list of everything in the column."""
    more: bool


@dataclass(frozen=True, slots=True)
class BoardPage:
    title: str
    entity: str
    list_href: str
    create_href: str
    create_label: str
    verb_href: str
    verb_label: str
    argument: str
    tabs: tuple[Link, ...]
    groups: tuple[Link, ...]
    columns: tuple[BoardColumn, ...]


@dataclass(frozen=True, slots=True)
class BoardPageBuilder:
    """One reader's board. A statement for the columns, one for counts and sums, one a column for its cards."""

    spec: Spec
    board: Board
    rights: Rights
    view: View
    query: ListQuery
    given: Mapping[str, str]
    group: int | None = None

    def t(self, text: str) -> str:
        return str(pick(text, self.view.language))

    def may(self, verb: str) -> bool:
        return self.rights.principal.may(f"{self.spec.name}:{verb}")

    @property
    def by(self) -> Field:
        return self.spec.field(self.board.by)

    def build(self) -> BoardPage:
        groups = self._groups()
        group = self.group if self.group in {key for key, _ in groups} else next((key for key, _ in groups), None)
        values = self._values(group)
        figures = self._figures([value for value, _, _ in values])
        verb = verb_named(self.spec.name, self.board.verb) if self.may(self.board.verb) else None
        here = f"/{self.spec.name}/board"
        return BoardPage(
            title=self.t(self.spec.plural),
            entity=self.spec.name,
            list_href=url(f"/{self.spec.name}/", {"tab": self.query.branch} if self.query.branch != "all" else {}),
            create_label=say("新建{what} | New {what}", what=self.spec.label.lower()).in_(self.view.language),
            create_href=self.spec.new_href if self.may("create") and self.spec.form else "",
            verb_href=f"/{self.spec.name}/verb/{self.board.verb}" if verb else "",
            verb_label=self.t(verb.label) if verb else "",
            argument=self.board.argument,
            tabs=tuple(
                Link(self.t(TAB_LABELS[tab]), url(here, self.given, tab=tab), tab == self.query.branch)
                for tab in self.rights.tabs(self.spec)
            ),
            groups=tuple(Link(name, url(here, self.given, within=str(key)), key == group) for key, name in groups)
            if len(groups) > 1
            else (),
            columns=tuple(self._column(*named, figures=figures.get(place, (0, None)), verb=verb) for place, named in enumerate(values)),
        )

    # columns ----------------------------------------------------------------------------
    def _groups(self) -> list[tuple[int, str]]:
        """What the columns are told apart by, where a board shows one group at a time."""
        if not self.board.within:
            return []
        field = self.spec.field(self.board.within)
        return self._named(registry()[field.target]) if isinstance(field, ReferenceField) else []

    def _values(self, group: int | None) -> list[tuple[Any, str, str]]:
        """(value, words, tone) of each column in order."""
        by = self.by
        if isinstance(by, ReferenceField):
            filters = ((self.board.within, "eq", group),) if self.board.within else ()
            return [(key, name, "") for key, name in self._named(registry()[by.target], filters)]
        tones = {member.value: member.tone for member in getattr(by, "options", ())}
        return [(value, label, tones.get(value, "")) for value, label in by.choices(self.view)]

    def _named(self, target: Spec, filters: tuple[tuple[str, str, Any], ...] = ()) -> list[tuple[int, str]]:
        query = ListQuery(filters=filters, columns=(target.identity.key,), limit=_MOST_COLUMNS)
        rows = Listing(target, self.rights, self.view, query).page(store.session()).rows
        return [(row["id"], str(row[target.identity.key])) for row in rows]

    def _listing(self, value: Any) -> Listing:
        columns = tuple(dict.fromkeys((self.spec.identity.key, self.board.by, *self.board.card)))
        filters = (*self.query.filters, (self.board.by, "eq", value))
        return Listing(self.spec, self.rights, self.view, replace(self.query, filters=filters, columns=columns, limit=MOST_CARDS))

    def _figures(self, values: Sequence[Any]) -> dict[int, tuple[int, Any]]:
        """Count and sum a column by its place, each to the cap: one statement."""
        summed = self._summed()
        parts = []
        for place, value in enumerate(values):
            conditions = self._listing(value).conditions()
            amount = self.spec.column(summed.key) if summed else literal(0)
            rows = select(amount.label("amount")).select_from(self.spec.model).where(*conditions).limit(COUNT_CAP + 1).subquery()
            parts.append(select(literal(place).label("place"), func.count(), func.sum(rows.c.amount)).select_from(rows))
        if not parts:
            return {}
        statement = self._listing(values[0]).reading(select(union_all(*parts).subquery()))
        return {row[0]: (row[1], row[2]) for row in store.session().execute(statement)}

    def _summed(self) -> Field | None:
        field = self.spec.field(self.board.total) if self.board.total else None
        return field if field is not None and self.rights.finds(self.spec, field) else None

    def _column(self, value: Any, label: str, tone: str, *, figures: tuple[int, Any], verb: Verb | None) -> BoardColumn:
        count, total = figures
        listing, summed = self._listing(value), self._summed()
        rows = listing.page(store.session()).rows
        capped = "+" if count > COUNT_CAP else ""
        conditions = [*self.query.filters, (self.board.by, "eq", value)]
        return BoardColumn(
            value=str(value),
            label=label,
            tone=tone,
            count_label=f"{min(count, COUNT_CAP):,}{capped}",
            total_label=f"{summed.words(total, self.view)}{capped}" if summed and total is not None else "",
            cards=tuple(self._card(row, verb) for row in rows),
            list_href=url(f"/{self.spec.name}/", {"tab": self.query.branch} if self.query.branch != "all" else {}, filter=conditions),
            more=count > len(rows),
        )

    def _card(self, row: Mapping[str, Any], verb: Verb | None) -> Card:
        fields = [f for f in map(self.spec.field, self.board.card) if self.rights.sees(self.spec, f)]
        cells = tuple(cell for f in fields if (cell := self.rights.cell(self.spec, f, row, self.view)).kind != "mute")
        name = self.rights.cell(self.spec, self.spec.identity, row, self.view).text
        return Card(row["id"], name, self.rights.href(self.spec, row["id"]), cells, verb is not None and self._takes(verb, row))

    def _takes(self, verb: Verb, row: Mapping[str, Any]) -> bool:
        if not verb.offered(row.get(self.spec.state.key) if self.spec.state else None):
            return False
        if self.spec.scope != "owner" or self.rights.principal.is_system:
            return True
        return scopes.covers(self.spec, verb.takes, self.rights.principal, {"pool_id": None, **row})


def group_from(raw: str) -> int | None:
    """The group that the address names."""
    return id_of(raw) if raw else None
