"""Field rights: who sees, changes, or sees masked; applied wherever a field can show."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from sqlalchemy import ColumnElement, and_, case, false, func, literal, not_, or_

from portal.engine import csv_out
from portal.engine.cell import EMPTY, Cell
from portal.engine.errors import NotAllowed
from portal.engine.fields import ALWAYS, Field, Mask, View
from portal.engine.kinds.texts import PhoneField
from portal.engine.query.listing import label_key
from portal.engine.spec import Spec
from portal.engine.verbs import reason_fields
from portal.security import scopes
from portal.security.principal import Principal

TAB_BRANCHES = {"mine": ("own",), "team": ("team", "subtree"), "pool": ("pool",)}


@dataclass(frozen=True, slots=True)
class Rights:
    """One principal's view of fields and scope branches; what `engine.query` takes as its argument."""

    principal: Principal

    @property
    def user_id(self) -> int:
        return self.principal.user_id

    def sees(self, spec: Spec, field: Field) -> bool:
        if self.principal.level(spec.name, field.key) == "none":
            return False
        return not field.see or self.principal.is_system or self._role(spec) in field.see

    def mask(self, spec: Spec, field: Field) -> Mask | None:
        """Where the field is hidden from this reader: everywhere, or where its declaration says."""
        return ALWAYS if self.principal.level(spec.name, field.key) == "masked" else field.masked

    def finds(self, spec: Spec, field: Field) -> bool:
        """Whether he may filter, order and count by it: what he sees only in part tells nothing by such ways either."""
        return self.sees(spec, field) and self.mask(spec, field) is not ALWAYS

    def hears(self, verb: str) -> bool:
        """Whether he is told why somebody did this: where a field keeps the reason too, only with that field."""
        return all(self.finds(spec, field) and field.masked is None for spec, field in reason_fields(verb))

    def reads(self, spec: Spec) -> bool:
        """Whether this reader has lists of the record type at all; which rows stand there is the gate's question."""
        return self.principal.may(f"{spec.name}:read")

    def edits(self, spec: Spec, field: Field) -> bool:
        if field.readonly or self.principal.level(spec.name, field.key) != "edit" or not self.sees(spec, field):
            return False
        return not field.edit or self.principal.is_system or self._role(spec) in field.edit

    def writes(self, spec: Spec, row: Mapping[str, Any] | None = None) -> tuple[Field, ...]:
        """Fields of the form this reader may fill in: of a new record, or of this one, where nothing masked is overwritten."""
        if row is None:
            return tuple(f for f in spec.form if self.edits(spec, f))
        return tuple(f.holding(row.get(f.key)) for f in spec.form if self.edits(spec, f) and not self.masks(spec, f, row))

    def has_board(self, spec: Spec) -> bool:
        """Whether he may tell the records apart by the columns of their board."""
        board = spec.screen.board
        return board is not None and all(self.finds(spec, spec.field(key)) for key in (board.by, board.within) if key)

    def branches(self, spec: Spec) -> Sequence[ColumnElement[bool]]:
        """The disjoint branches of the read scope (one True for open entities and children)."""
        if spec.scope != "owner":
            return (spec.column("id") > 0,)
        names = self._disjoint(self.principal.to(spec.name).read)
        found = tuple(scopes.branch_criterion(spec, name, self.principal, spec.model) for name in names)
        for name in (name for name in self.principal.to(spec.name).read if name in spec.model.scope_states and names != ("all",)):
            by_state = scopes.branch_criterion(spec, name, self.principal, spec.model)
            found = (*found, and_(by_state, not_(func.coalesce(or_(false(), *found), false()))))
        if names == ("all",):
            return found
        for each in (self._shared(spec), scopes.lent(spec, self.principal, spec.model, mapped=True)):
            if each is not None:
                found = (*found, and_(each, not_(func.coalesce(or_(false(), *found), false()))))
        return found

    def _shared(self, spec: Spec) -> ColumnElement[bool] | None:
        """What somebody let the reader into; None for nearly everybody."""
        has = "shared" in self.principal.to(spec.name).read
        return scopes.branch_criterion(spec, "shared", self.principal, spec.model) if has else None

    def branch(self, spec: Spec, name: str) -> ColumnElement[bool]:
        """A tab's branch; one that is not in the reader's scope is refused."""
        if spec.scope != "owner" or name not in self.tabs(spec):
            raise NotAllowed
        if name == "mine":
            return scopes.branch_criterion(spec, "own", self.principal, spec.model)
        if name in ("pool", "shared"):
            return scopes.branch_criterion(spec, name, self.principal, spec.model)
        read = self.principal.to(spec.name).read
        wide = "chosen" if "chosen" in read else "subtree" if {"subtree", "all"} & set(read) else "team"
        return scopes.branch_criterion(spec, wide, self.principal, spec.model)

    def tabs(self, spec: Spec) -> tuple[str, ...]:
        """The declared tabs that this reader's scope has."""
        read = set(self.principal.to(spec.name).read)
        has = {
            "mine": bool(read),
            "team": bool(read & {"team", "subtree", "all"} and self.principal.team_ids) or "chosen" in read,
            "pool": bool(read & {"pool", "all"}) and spec.pooled,
            "shared": "shared" in read,
            "all": bool(read),
        }
        return tuple(tab for tab in spec.screen.tabs if has[tab])

    def cell(self, spec: Spec, field: Field, row: Mapping[str, Any], view: View) -> Cell:
        """What this reader sees of a field in a row."""
        return self.showing(spec, field, view)(row)

    def showing(self, spec: Spec, field: Field, view: View) -> Callable[[Mapping[str, Any]], Cell]:
        """What this reader sees of a field in any row; what holds for all rows is asked once."""
        if not self.sees(spec, field):
            return lambda _row: EMPTY
        label = label_key(field)
        show: Callable[[Any], Cell] = partial(field.cell, view=view)
        if field.recurs:
            show = cache(show)
        mask = self.mask(spec, field)
        if mask is None:
            return lambda row: show(row.get(label))

        def cell(row: Mapping[str, Any]) -> Cell:
            shown = show(row.get(label))
            if mask.covers(row) and not field.is_blank(row.get(field.key)):
                return Cell("text", self.hidden(field, row[field.key]), phone_slot=shown.phone_slot)
            return shown

        return cell

    def value(self, spec: Spec, field: Field, row: Mapping[str, Any], view: View) -> Any:
        """The JSON value this reader gets; masked values are masked here too."""
        return self.telling(spec, field, view)(row)

    def telling(self, spec: Spec, field: Field, view: View) -> Callable[[Mapping[str, Any]], Any]:
        """The JSON value this reader gets of a field in any row; what holds for all rows is asked once."""
        if not self.sees(spec, field):
            return lambda _row: None
        key, told = field.key, field.told
        mask = self.mask(spec, field)
        if mask is None:
            return (lambda row: row.get(key)) if field.is_told_as_kept else lambda row: told(row.get(key), view)

        def value(row: Mapping[str, Any]) -> Any:
            found = row.get(key)
            if mask.covers(row) and not field.is_blank(found):
                return self.hidden(field, found)
            return told(found, view)

        return value

    def exported(self, spec: Spec, field: Field, columns: Mapping[str, ColumnElement[Any]], view: View) -> ColumnElement[Any]:
        """What this reader sees of a field as the SQL of a CSV cell; `columns` are those of a listing's row."""
        if not self.sees(spec, field):
            return literal("")
        shown = field.exported(columns[label_key(field)], view)
        mask = self.mask(spec, field)
        if mask is None:
            return shown
        value = columns[field.key]
        hidden = csv_out.escaped(field.hide_sql(value) if isinstance(field, PhoneField) else literal("****"))
        return case((and_(mask.criterion(columns), value != field.blank), hidden), else_=shown)

    def href(self, spec: Spec, record_id: int) -> str:
        """Where this reader opens a record: at its desk where it has one that he may come to, else on its own page."""
        return self.desk(spec, record_id) or f"/{spec.name}/{record_id}"

    def desk(self, spec: Spec, record_id: int) -> str:
        """The address of the record at its desk; empty where there is none for this reader."""
        screen = spec.screen
        return screen.desk.format(id=record_id) if screen.desk and self.principal.may(screen.desk_needs) else ""

    def masks(self, spec: Spec, field: Field, row: Mapping[str, Any]) -> bool:
        mask = self.mask(spec, field)
        return mask is not None and mask.covers(row)

    @staticmethod
    def hidden(field: Field, value: Any) -> str:
        return field.hide(value) if isinstance(field, PhoneField) else "****"

    def _role(self, spec: Spec) -> str:
        return self.principal.to(spec.name).role

    def _disjoint(self, names: Sequence[str]) -> tuple[str, ...]:
        if "all" in names:
            return ("all",)
        wide = next((name for name in ("chosen", "subtree", "team", "own") if name in names), "")
        return tuple(name for name in (wide, "pool") if name in names)
