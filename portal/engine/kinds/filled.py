"""How complete a record is: the share of certain fields that are filled in, worked out by the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Unpack

from sqlalchemy import Computed
from sqlalchemy.orm import Mapped, mapped_column

from portal.engine.cell import Cell
from portal.engine.fields import Field, Options, View
from portal.engine.kinds.numbers import IntegerField

if TYPE_CHECKING:
    from portal.engine.spec import Spec

_ALL = 100


class FilledField(IntegerField):
    """Per cent of `of` that is not blank (`GENERATED ALWAYS AS … STORED`): texts, choices and references count."""

    def __init__(self, label: str, *, of: Sequence[str], **options: Unpack[Options]) -> None:
        super().__init__(label, least=0, most=_ALL, **options)
        self.readonly = True
        self.of = tuple(of)

    def column(self, **_: Any) -> Any:
        given = ", ".join(key if key.endswith("_id") else f"nullif({key}, '')" for key in self.of)
        sql = f"num_nonnulls({given}) * {_ALL} / {len(self.of)}"
        return mapped_column(self.sql_type(), Computed(sql, persisted=True), info={"field": self}, nullable=True)

    def words(self, value: Any, view: View) -> str:
        return "" if value is None else f"{value}%"

    def show(self, value: Any, view: View) -> Cell:
        return Cell("num", f"{value}%", phone_slot=self.slot)

    def missing(self, spec: Spec, row: Mapping[str, Any]) -> tuple[Field, ...]:
        """What is still to be filled in, in the order of the declaration."""
        return tuple(each for each in map(spec.field, self.of) if each.is_blank(row.get(each.key)))


def filled(label: str, *, of: Sequence[str], **options: Unpack[Options]) -> Mapped[int]:
    """Per cent of these fields that are filled in."""
    made: Mapped[int] = FilledField(label, of=of, **options).column()
    return made
