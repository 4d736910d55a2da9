"""The field: one object owns how a kind of value is read, shown, filtered, moved in and out.

A kind is a subclass in `portal.engine.kinds`, one file each. A declaration such as
`phone("电话 | Phone")` makes a mapped column that carries its field in `column.info["field"]`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import ge, gt, le, lt
from typing import Any, ClassVar, Protocol, TypedDict
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, cast, literal, not_, or_, true
from sqlalchemy import Text as SqlText
from sqlalchemy.orm import InstrumentedAttribute, MappedColumn, mapped_column
from sqlalchemy.types import TypeEngine

from portal.engine.cell import EMPTY, Cell
from portal.engine.errors import BadRequest
from portal.engine.text import Language, Text, say


@dataclass(frozen=True, slots=True)
class View:
    """How the reader sees values: language, company time zone, now; labels of references by field."""

    language: Language = "zh"
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Asia/Shanghai"))
    now: datetime | None = None


class Mask(Protocol):
    """When a field is hidden from the reader, as SQL and as a predicate over the same columns."""

    needs: tuple[str, ...]

    def criterion(self, columns: Mapping[str, Any]) -> ColumnElement[bool]: ...

    def covers(self, row: Mapping[str, Any]) -> bool: ...


class _Always:
    """Hidden in every record."""

    needs: tuple[str, ...] = ()

    def criterion(self, columns: Mapping[str, Any]) -> ColumnElement[bool]:
        return true()

    def covers(self, row: Mapping[str, Any]) -> bool:
        return True


ALWAYS: Mask = _Always()
"""The mask of a field that its reader sees only in part, in whichever record."""


class BadValue(ValueError):
    """Input that a field cannot read; the text says what to write instead."""

    def __init__(self, template: str, /, **facts: Any) -> None:
        self.text = Text(template, facts)
        super().__init__(self.text.in_("en"))


_JSON_WORDS = {
    str: say("文字 | string"),
    int: say("数字 | number"),
    bool: say("真假值 | boolean"),
    list: say("列表 | array"),
    dict: say("对象 | object"),
}
REQUIRED = say("必填。 | Required.")
_OPERATORS_OF_ALL = ("empty", "not_empty")
_ORDERS: dict[str, Any] = {"gt": gt, "ge": ge, "lt": lt, "le": le}
"""With nothing they do not compare: nothing is neither more nor less."""
FILTERED, SORTED, SEARCHED, UNIQUE, INITIAL, MASKED = USES = ("filtered", "sorted", "searched", "unique", "initial", "masked")
"""What a field added at run time may be asked for beyond holding a value."""
IN_WORDS: Mapping[str, str] = {
    "eq": "等于 | is",
    "ne": "不等于 | is not",
    "ge": "不小于 | at least",
    "gt": "大于 | more than",
    "le": "不大于 | at most",
    "lt": "小于 | less than",
    "in": "是其中之一 | is one of",
    "contains": "包含 | contains",
    "empty": "没有填 | is empty",
    "not_empty": "填了 | is filled in",
}
"""Operators as a rule that is written down says them."""


class Options(TypedDict, total=False):
    """What every declaration of a field may say by name, so that the type checker finds a misspelt one."""

    required: bool
    help: str
    searched: bool
    identity: bool
    masked: Mask | None
    readonly: bool
    filterable: bool
    sortable: bool
    default: Any
    section: str
    slot: str
    see: Sequence[str]
    edit: Sequence[str]
    taken_from: str
    only_with: tuple[str, Sequence[str]]
    silent: bool


class Field:
    """A kind of value. Subclasses override what differs."""

    kind: ClassVar[str] = "field"
    widget: ClassVar[str] = "text"
    """The control a form draws; empty: only a special screen or a program fills it in."""
    align: ClassVar[str] = ""
    operators: ClassVar[tuple[str, ...]] = ("eq", "ne")
    json_type: ClassVar[dict[str, Any]] = {"type": "string"}
    json_takes: ClassVar[tuple[type[Any], ...]] = (str,)
    """What stands for a value in a JSON body, besides null; digits in quotes are read like a form's."""
    blank: ClassVar[Any] = None
    """The stored value of "nothing": NULL, or the empty string for texts."""
    can_be_blank: ClassVar[bool] = True
    """Whether a record may say nothing in such a field: one that says neither yes nor no says no."""
    recurs: ClassVar[bool] = False
    """Whether a page of records holds few different values, worth putting in words once each."""
    icon: ClassVar[str] = "forms"
    about: ClassVar[str] = ""
    """What such a field is for, told to who adds one at run time."""
    uses: ClassVar[frozenset[str]] = frozenset(USES)
    """What of `USES` goes with this kind."""
    timely: ClassVar[frozenset[str]] = frozenset()
    """Operators whose meaning moves with the clock, such as today."""
    conditions: ClassVar[tuple[str, ...]] = ()
    """Operators that a rule may ask by; none: no rule asks for such a field."""

    key: str = ""

    def __init__(
        self,
        label: str,
        *,
        required: bool = False,
        help: str = "",  # noqa: A002 - the word of every form library
        searched: bool = False,
        identity: bool = False,
        masked: Mask | None = None,
        readonly: bool = False,
        filterable: bool = True,
        sortable: bool = True,
        default: Any = None,
        section: str = "",
        slot: str = "",
        see: Sequence[str] = (),
        edit: Sequence[str] = (),
        taken_from: str = "",
        only_with: tuple[str, Sequence[str]] = ("", ()),
        silent: bool = False,
    ) -> None:
        self.label = label
        self.required = required
        self.help = help
        self.searched = searched
        self.identity = identity
        self.masked = masked
        self.readonly = readonly
        self.filterable = filterable
        self.sortable = sortable and masked is None
        self.default = default
        self.section = section
        self.slot = slot
        self.see = tuple(see)
        """Roles that may see it; empty: everyone who sees the record."""
        self.edit = tuple(edit)
        """Roles that may change it; empty: everyone who may change the record."""
        self.taken_from = taken_from
        """`opportunity.amount`: the field its value is counted from. Who is limited there is limited here as much."""
        self.only_with = only_with
        """A choice of the same form, and its values with which this one is asked for: the form shows it with those alone."""
        self.silent = silent
        """Never shown, at most searched: what it says stands in other fields."""

    def offered(self, view: View) -> Any:
        """What the form of a new record holds before anything is typed."""
        return self.default

    # what it is in the database -------------------------------------------------
    def sql_type(self) -> TypeEngine[Any]:
        raise WrongKind(self)

    def column(self, **options: Any) -> MappedColumn[Any]:
        """The mapped column of a declaration."""
        if self.blank is not None:
            options.setdefault("nullable", False)
            options.setdefault("server_default", str(self.blank))
            options.setdefault("default", self.default if self.default is not None else self.blank)
        elif self.default is not None:
            options.setdefault("default", self.default)
        options.setdefault("nullable", True)
        return mapped_column(self.sql_type(), info={"field": self}, **options)

    # in ---------------------------------------------------------------------------
    def holding(self, value: Any) -> Field:
        """The field for a record that holds this value: what it may keep is read and offered there, though nowhere else."""
        return self

    def parse(self, raw: Any) -> Any:
        """A value from a form, a JSON body or a file cell. Raises `BadValue`."""
        if raw is None or (isinstance(raw, str) and not raw.strip()):
            return self.blank
        return self.read(raw)

    def given(self, raw: Any) -> Any:
        """A value from a JSON body: no list becomes a text, no truth a number. Raises `BadValue`."""
        if raw is not None and (not isinstance(raw, self.json_takes) or (isinstance(raw, bool) and bool not in self.json_takes)):
            raise BadValue("应为 JSON 的{wanted}。 | It must be a JSON {wanted}.", wanted=_JSON_WORDS[self.json_takes[0]])
        return self.parse(raw)

    def gathered(self, parts: Sequence[str]) -> str:
        """What the controls of this name in a form say together; `parse` reads it."""
        return parts[-1] if parts else ""

    def read(self, raw: Any) -> Any:
        return raw

    def is_blank(self, value: Any) -> bool:
        return value is None or value == self.blank

    # out --------------------------------------------------------------------------
    def cell(self, value: Any, view: View) -> Cell:
        if self.is_blank(value):
            return EMPTY
        return self.show(value, view)

    def show(self, value: Any, view: View) -> Cell:
        return Cell("text", self.words(value, view), phone_slot=self.slot)

    def words(self, value: Any, view: View) -> str:
        """The value as plain words: history, mails, tooltips."""
        return "" if value is None else str(value)

    def to_input(self, value: Any, view: View) -> str:
        """The value as a form control holds it."""
        return "" if value is None else str(value)

    def to_json(self, value: Any) -> Any:
        return value

    def told(self, value: Any, view: View) -> Any:
        """The JSON value as this reader gets it."""
        return self.to_json(value)

    @property
    def is_told_as_kept(self) -> bool:
        """Whether that is the value itself, whoever reads."""
        kind = type(self)
        return kind.told is Field.told and kind.to_json is Field.to_json

    def exported(self, column: ColumnElement[Any], view: View) -> ColumnElement[Any]:
        """The value in a CSV cell, as SQL: exports stream out of the database. What people write is escaped (`csv_out.escaped`)."""
        return cast(column, SqlText())

    # in a record's document -------------------------------------------------------
    def within(self, document: Any) -> ColumnElement[Any]:
        """A custom field's value as an expression over the record's document.

        Its constants stand in the statement's text, or no index on the same expression would be found.
        """
        return cast(self._in_document(document), self.sql_type())

    def _in_document(self, document: Any) -> ColumnElement[Any]:
        return document.op("->>", return_type=SqlText())(literal(self.key, literal_execute=True))  # type: ignore[no-any-return]

    def to_document(self, value: Any) -> Any:
        """The value as JSON keeps it."""
        return value

    def from_document(self, kept: Any) -> Any:
        """The value back from there."""
        return self.blank if kept is None else kept

    # filters ----------------------------------------------------------------------
    def criterion(
        self, column: InstrumentedAttribute[Any] | ColumnElement[Any], operator: str, raw: Any, view: View
    ) -> ColumnElement[bool]:
        """One filter condition. An unknown operator or value is an error, never ignored."""
        if operator == "empty":
            return self._empty(column)
        if operator == "not_empty":
            return not_(self._empty(column))
        if operator not in self.operators:
            raise BadRequest(
                "“{label}”不能用条件 {operator} 筛选。 | “{label}” cannot be filtered with {operator}.", label=self.label, operator=operator
            )
        try:
            return self.compare(column, operator, raw, view)
        except BadValue as error:
            raise BadRequest("“{label}”：{why} | “{label}”: {why}", label=self.label, why=error.text) from error

    def compare(self, column: Any, operator: str, raw: Any, view: View) -> ColumnElement[bool]:
        if operator == "in":
            values = raw if isinstance(raw, list) else [raw]
            return column.in_([self.parse(value) for value in values])  # type: ignore[no-any-return]
        if operator == "between":
            low, high = pair(raw)
            bounds = [column >= self.parse(low)] if low not in (None, "") else []
            if high not in (None, ""):
                bounds.append(column <= self.parse(high))
            return and_(True, *bounds)
        value = self.parse(raw)
        match operator:
            case "eq":
                return column == value  # type: ignore[no-any-return]
            case "ne":
                return or_(column != value, column.is_(None))
        if operator not in _ORDERS:
            raise WrongKind(self)
        if value is None:
            raise BadValue(REQUIRED.template)
        return _ORDERS[operator](column, value)  # type: ignore[no-any-return]

    def allows(self, operator: str) -> bool:
        return operator in self.operators or operator in _OPERATORS_OF_ALL

    def filter_words(self, operator: str, raw: Any, view: View) -> str:
        """A condition's value as a pill shows it."""
        if operator in _OPERATORS_OF_ALL:
            return {"zh": {"empty": "为空", "not_empty": "不为空"}, "en": {"empty": "empty", "not_empty": "not empty"}}[view.language][
                operator
            ]
        if operator == "between":
            return " – ".join(str(value or "…") for value in pair(raw))
        values = raw if isinstance(raw, list) else [raw]
        words = ("、" if view.language == "zh" else ", ").join(self.words(self.parse(v), view) for v in values)
        return {"ne": "≠ ", "gt": "> ", "ge": "≥ ", "lt": "< ", "le": "≤ "}.get(operator, "") + words

    def says(self, operator: str) -> str:
        """An operator in words, as a rule on such a field is read out."""
        return IN_WORDS[operator]

    def choices(self, view: View) -> list[tuple[str, str]]:
        """(value, label) where the kind has a fixed set."""
        return []

    # documentation ----------------------------------------------------------------
    def schema(self) -> dict[str, Any]:
        """The OpenAPI schema of the value."""
        chinese, _, english = self.label.partition(" | ")
        described = {**self.json_type, "title": english or chinese, "description": self.label}
        return described if self.blank is not None else {**described, "nullable": True}

    def _empty(self, column: Any) -> ColumnElement[bool]:
        return column.is_(None) if self.blank is None else column == self.blank  # type: ignore[no-any-return]


class WrongKind(TypeError):
    """A kind left out a method it needs."""

    def __init__(self, culprit: Field) -> None:
        super().__init__(f"{type(culprit).__name__} does not say how it is stored or compared")


def pair(raw: Any) -> tuple[Any, Any]:
    if isinstance(raw, list) and len(raw) == 2:  # noqa: PLR2004
        return raw[0], raw[1]
    raise BadValue("需要起止两个值。 | It needs two values, from and to.")
