"""Choice, derived choice, state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from enum import StrEnum
from typing import Any, ClassVar, Self, Unpack

from sqlalchemy import ColumnElement, Computed, String, case, func, literal
from sqlalchemy.orm import Mapped, mapped_column

from portal.engine import csv_out
from portal.engine.cell import Cell
from portal.engine.fields import FILTERED, INITIAL, MASKED, SORTED, BadValue, Field, Options, View
from portal.engine.text import Language, pick


class Choices(StrEnum):
    """A fixed set; each member: value, bilingual label, tone (ok, warn, bad, go, new, accent)."""

    label: str
    tone: str

    def __new__(cls, value: str, label: str = "", tone: str = "") -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.label = label
        member.tone = tone
        return member

    def in_(self, language: Language) -> str:
        return str(pick(self.label, language))


def choices_of(members: Iterable[tuple[str, str]]) -> type[Choices]:
    """A set that is known only at run time: values and bilingual labels."""
    made: Any = Choices
    found: type[Choices] = made("Choices", [(f"C{number}", member) for number, member in enumerate(members)])
    return found


class ChoiceField(Field):
    kind = "choice"
    widget = "choice"
    blank = ""
    operators = ("eq", "ne", "in")
    icon = "select"
    about = "从列出的选项里选一个 | One of the choices you list"
    uses = frozenset((FILTERED, SORTED, INITIAL, MASKED))
    conditions: ClassVar[tuple[str, ...]] = ("eq", "ne", "in", "empty", "not_empty")
    look = "tag"
    recurs = True
    all_told = True
    """Whether a chart shows choices that no record has too: a gap is a figure as well."""

    retired: Sequence[Choices] = ()
    """Choices taken out: records that hold one keep it, nobody else is offered it."""

    def __init__(self, label: str, options: type[Choices], **rest: Unpack[Options]) -> None:
        super().__init__(label, **rest)
        self.options = options
        self.members = {member.value: member for member in options}

    def retire(self, gone: type[Choices]) -> None:
        """Say what was a choice before."""
        self.retired = tuple(gone)
        self.members = {**self.members, **{member.value: member for member in gone}}

    def holding(self, value: Any) -> Self:
        return self.offering(member for member in self.retired if member.value == value)

    def offering(self, retired: Iterable[Choices]) -> Self:
        """The same with these of the choices that were taken out."""
        more = [(member.value, member.label) for member in retired]
        if not more:
            return self
        made = copy(self)
        made.options = choices_of([*((member.value, member.label) for member in self.options), *more])
        return made

    def compare(self, column: Any, operator: str, raw: Any, view: View) -> ColumnElement[bool]:
        return super(ChoiceField, self.offering(self.retired)).compare(column, operator, raw, view)

    def filter_words(self, operator: str, raw: Any, view: View) -> str:
        return super(ChoiceField, self.offering(self.retired)).filter_words(operator, raw, view)

    def sql_type(self) -> String:
        return String(32)

    def read(self, raw: Any) -> str:
        word = str(raw).strip()
        for member in self.options:
            if word in (member.value, *member.label.split(" | ")):
                return member.value
        known = [member.label for member in self.options]
        raise BadValue(
            "没有这个选项；可选：{zh}。 | No such choice. Choose from: {en}.",
            zh="、".join(str(pick(label, "zh")) for label in known),
            en=", ".join(str(pick(label, "en")) for label in known),
        )

    def within(self, document: Any) -> ColumnElement[Any]:
        return func.coalesce(self._in_document(document), literal("", literal_execute=True), type_=self.sql_type())

    def words(self, value: Any, view: View) -> str:
        member = self.members.get(value)
        return member.in_(view.language) if member is not None else str(value or "")

    def show(self, value: Any, view: View) -> Cell:
        tone = self.members[value].tone if value in self.members else ""
        return Cell("state" if self.look == "state" else "tag", self.words(value, view), tone, phone_slot=self.slot)

    def exported(self, column: ColumnElement[Any], view: View) -> ColumnElement[Any]:
        words = {m.value: csv_out.escape(m.in_(view.language)) for m in self.members.values()}
        return case(words, value=column, else_=super().exported(column, view)) if words else super().exported(column, view)

    def choices(self, view: View) -> list[tuple[str, str]]:
        return [(member.value, member.in_(view.language)) for member in self.options]

    def schema(self) -> dict[str, Any]:
        return {**super().schema(), "enum": [*([] if self.required else [""]), *self.members]}


class DerivedField(ChoiceField):
    """A choice the database works out from other columns (`GENERATED ALWAYS AS … STORED`)."""

    kind = "derived"

    def __init__(self, label: str, options: type[Choices], *, from_: Sequence[str], sql: str, **rest: Any) -> None:
        super().__init__(label, options, readonly=True, **rest)
        self.from_, self.sql = tuple(from_), sql

    def column(self, **_: Any) -> Any:
        return mapped_column(self.sql_type(), Computed(self.sql, persisted=True), info={"field": self}, nullable=True)


class StateField(ChoiceField):
    """Where a record stands. Only verbs move it, along declared edges (`edges[from] = (to, …)`)."""

    kind = "state"
    look = "state"
    conditions = ()

    def __init__(
        self, label: str, options: type[Choices], *, edges: Mapping[Any, Sequence[str]], ended: Sequence[str] = (), **rest: Any
    ) -> None:
        rest.setdefault("default", next(iter(options)).value)
        super().__init__(label, options, readonly=True, required=True, **rest)
        self.ended = frozenset(str(state) for state in ended)
        """States of records that lists do not show: nothing to filter or count by."""
        self.edges = {str(start): tuple(str(end) for end in ends) for start, ends in edges.items()}

    def choices(self, view: View) -> list[tuple[str, str]]:
        return [(value, label) for value, label in super().choices(view) if value not in self.ended]


def choice(label: str, options: type[Choices], **rest: Unpack[Options]) -> Mapped[str]:
    """One of a fixed set."""
    return ChoiceField(label, options, **rest).column()


def derived(label: str, options: type[Choices], *, from_: Sequence[str], sql: str, **rest: Unpack[Options]) -> Mapped[str]:
    """A choice that follows from other columns by `sql`, whatever door wrote them."""
    made: Mapped[str] = DerivedField(label, options, from_=from_, sql=sql, **rest).column()
    return made


def states(
    label: str, options: type[Choices], *, edges: Mapping[Any, Sequence[str]], ended: Sequence[str] = (), **rest: Unpack[Options]
) -> Mapped[str]:
    """The state of a record and the edges its verbs may take."""
    return StateField(label, options, edges=edges, ended=ended, **rest).column()
