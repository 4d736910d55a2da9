"""Reference to another record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Unpack

from sqlalchemy import ColumnElement, ForeignKey, Integer
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import TypeEngine

from portal.engine import csv_out
from portal.engine.cell import Cell
from portal.engine.fields import FILTERED, UNIQUE, BadValue, Field, Options, View
from portal.engine.given import id_of
from portal.engine.text import SEPARATOR


class ReferenceField(Field):
    """Holds the id of a record of `target`; shown by the target's name, which the query joins."""

    kind = "reference"
    recurs = True
    widget = "reference"
    operators = ("eq", "ne", "in", "me")
    icon = "link"
    about = "另一条记录，如介绍人 | Another record, such as who introduced them"
    uses = frozenset((FILTERED, UNIQUE))
    json_type: ClassVar[dict[str, Any]] = {"type": "integer"}
    json_takes: ClassVar[tuple[type[Any], ...]] = (int, str)

    def __init__(
        self,
        label: str,
        target: str,
        *,
        on_delete: str = "RESTRICT",
        alter: str = "",
        gives: Mapping[str, str] | None = None,
        by_writers: bool = False,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(label, **options)
        self.target = target
        self.on_delete = on_delete
        self.alter = alter
        """Name of the constraint where two tables point at each other: it is added after both exist."""
        self.gives = dict(gives or {})
        """Field of a new record → the field of the one referred to that it begins with, as its reader sees that."""
        self.by_writers = by_writers
        """What refers to such a record counts for it, so it takes who may change it; to see it is enough otherwise."""

    def sql_type(self) -> TypeEngine[Any]:
        return Integer()

    def column(self, **options: Any) -> Any:
        table = "ab_user" if self.target == "user" else self.target
        return mapped_column(
            ForeignKey(f"{table}.id", ondelete=self.on_delete, use_alter=bool(self.alter), name=self.alter or None),
            info={"field": self},
            nullable=True,
            **options,
        )

    def read(self, raw: Any) -> int:
        found = id_of(str(raw).strip())
        if found is None:
            raise BadValue("请从列表中选择。 | Choose from the list.")
        return found

    def exported(self, column: ColumnElement[Any], view: View) -> ColumnElement[Any]:
        """`column` is the joined name."""
        return csv_out.escaped(column)

    def cell(self, value: Any, view: View) -> Cell:
        """`value` is the joined name; a name the reader may not see arrives as None."""
        if not value:
            return Cell("mute", "—", phone_slot=self.slot)
        if self.target == "user":
            return Cell("person", value, phone_slot=self.slot, initial=str(value)[-1], tone=str(sum(map(ord, value)) % 6 + 1))
        return Cell("text", self._said(value, view), phone_slot=self.slot)

    def _said(self, name: str, view: View) -> str:
        """The target's name; one that the portal says in both languages in the reader's."""
        if SEPARATOR not in name:
            return name
        from portal.engine.spec import registry  # noqa: PLC0415 - the kinds are there before the first declaration

        identity = registry()[self.target].identity
        return identity.words(name, view) if identity.kind == "pair" else name


def ref(
    label: str,
    target: str,
    *,
    on_delete: str = "RESTRICT",
    alter: str = "",
    index: bool = True,
    gives: Mapping[str, str] | None = None,
    by_writers: bool = False,
    **options: Unpack[Options],
) -> Mapped[int | None]:
    """The id of a record of another entity (`target`, its REST name)."""
    each = ReferenceField(label, target, on_delete=on_delete, alter=alter, gives=gives, by_writers=by_writers, **options)
    made: Mapped[int | None] = each.column(index=index)
    return made
