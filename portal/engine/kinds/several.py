"""Several of a fixed set."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from copy import copy
from typing import Any, ClassVar, Self, Unpack

from sqlalchemy import ColumnElement, case, func, literal, select
from sqlalchemy import Text as SqlText
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by, array
from sqlalchemy.orm import Mapped
from sqlalchemy.types import TypeEngine

from portal.engine import csv_out
from portal.engine.fields import FILTERED, INITIAL, MASKED, Field, Options, View
from portal.engine.kinds.choice import ChoiceField, Choices

_PARTING = re.compile(r"([、,，;；/\n])")


class SeveralField(Field):
    """Keeps a JSON array of choice keys in the order of the set, each once; NULL for none of them."""

    kind = "choices"
    widget = "choices"
    operators = ("in",)
    icon = "list-check"
    about = "可以同时选几个 | Any number of the choices you list"
    uses = frozenset((FILTERED, INITIAL, MASKED))
    conditions = ("in", "empty", "not_empty")
    json_type: ClassVar[dict[str, Any]] = {"type": "array", "uniqueItems": True}
    json_takes: ClassVar[tuple[type[Any], ...]] = (list, str)

    def __init__(self, label: str, options: type[Choices], **rest: Unpack[Options]) -> None:
        super().__init__(label, **rest)
        self.sortable = False
        self.read_by(ChoiceField(label, options))

    def read_by(self, one: ChoiceField) -> None:
        """How each of them is read and said, and how they are told apart in one text."""
        self.one = one
        words = {word for member in one.options for word in (member.value, *member.label.split(" | "))}
        self._words = frozenset(words)
        self._parts = max((len(_PARTING.split(word)) for word in words), default=1)
        self._places = {member.value: place for place, member in enumerate(one.options)}

    def retire(self, gone: type[Choices]) -> None:
        """Say what was a choice before."""
        self.one.retire(gone)

    def holding(self, value: Any) -> Self:
        return self._offering(member for member in self.one.retired if member.value in (value or ()))

    def _offering(self, retired: Iterable[Choices]) -> Self:
        one = self.one.offering(retired)
        if one is self.one:
            return self
        made = copy(self)
        made.read_by(one)
        return made

    def sql_type(self) -> TypeEngine[Any]:
        return JSONB(none_as_null=True)

    def gathered(self, parts: Sequence[str]) -> str:
        return ",".join(part for part in parts if part)

    def given(self, raw: Any) -> Any:
        for each in raw if isinstance(raw, list) else ():
            self.one.given(each)
        return super().given(raw)

    def read(self, raw: Any) -> list[str] | None:
        given = raw if isinstance(raw, list | tuple) else self._split(str(raw))
        return sorted({self.one.read(each) for each in given}, key=self._places.__getitem__) or None

    def _split(self, text: str) -> Iterable[str]:
        """Parted at the usual separators, except within a label that holds one itself."""
        pieces = _PARTING.split(text)
        at = 0
        while at < len(pieces):
            longest = range(min(self._parts, len(pieces) - at), 0, -1)
            joined = ("".join(pieces[at : at + many]).strip() for many in longest)
            many, word = next(((n, w) for n, w in zip(longest, joined, strict=True) if w in self._words), (1, pieces[at].strip()))
            if word:
                yield word
            at += many + 1

    def is_blank(self, value: Any) -> bool:
        return not value

    def words(self, value: Any, view: View) -> str:
        return _joint(view).join(self.one.words(each, view) for each in value or ())

    def to_input(self, value: Any, view: View) -> str:
        return ",".join(value or ())

    def to_json(self, value: Any) -> list[str]:
        return list(value or ())

    def to_document(self, value: Any) -> list[str] | None:
        return list(value) if value else None

    def within(self, document: Any) -> ColumnElement[Any]:
        return document.op("->", return_type=self.sql_type())(literal(self.key, literal_execute=True))  # type: ignore[no-any-return]

    def compare(self, column: Any, operator: str, raw: Any, view: View) -> ColumnElement[bool]:
        """Holds any of these; a GIN index on the same expression serves it."""
        one = self.one.offering(self.one.retired)
        wanted = dict.fromkeys(one.read(each) for each in (raw if isinstance(raw, list) else [raw]))
        return column.has_any(array(list(wanted), type_=SqlText()))  # type: ignore[no-any-return]

    def exported(self, column: ColumnElement[Any], view: View) -> ColumnElement[Any]:
        each = func.jsonb_array_elements_text(column).table_valued("key", with_ordinality="place").render_derived()
        labels = {value: member.in_(view.language) for value, member in self.one.members.items()}
        said = case(labels, value=each.c.key, else_=each.c.key) if labels else each.c.key
        joined = func.string_agg(said, aggregate_order_by(literal(_joint(view)), each.c.place))
        return csv_out.escaped(func.coalesce(select(joined).scalar_subquery(), ""))

    def filter_words(self, operator: str, raw: Any, view: View) -> str:
        return super(SeveralField, self._offering(self.one.retired)).filter_words(operator, raw, view)

    def says(self, operator: str) -> str:
        return "含有其中之一 | holds one of" if operator == "in" else super().says(operator)

    def choices(self, view: View) -> list[tuple[str, str]]:
        return self.one.choices(view)

    def schema(self) -> dict[str, Any]:
        return {**super().schema(), "items": {"type": "string", "enum": list(self.one.members)}}


def _joint(view: View) -> str:
    return "、" if view.language == "zh" else ", "


def several(label: str, options: type[Choices], **rest: Unpack[Options]) -> Mapped[list[str] | None]:
    """Any number of a fixed set."""
    made: Mapped[list[str] | None] = SeveralField(label, options, **rest).column()
    return made
