"""Text, long text, phone, e-mail."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Unpack

from sqlalchemy import ColumnElement, String, Text, case, func, literal, or_
from sqlalchemy.orm import Mapped
from sqlalchemy.types import TypeEngine

from portal.engine import csv_out
from portal.engine.cell import Cell
from portal.engine.fields import INITIAL, MASKED, SEARCHED, BadValue, Field, Options, View
from portal.engine.given import shows, storable
from portal.engine.mask import mask_phone, phone_digits
from portal.engine.text import pick

_HOME = "+86"
_STARS = "****"
_NOWHERE = ".invalid"
"""The top-level domain that cannot exist (RFC 2606)."""
_NOT_GIVEN = "未填 | none"
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")


class TextField(Field):
    kind = "text"
    blank = ""
    operators: ClassVar[tuple[str, ...]] = ("eq", "ne", "contains", "in")
    icon = "letter-case"
    about = "一行文字，如型号、车牌 | One line of words, such as a model"
    conditions: ClassVar[tuple[str, ...]] = ("eq", "ne", "contains", "empty", "not_empty")

    def __init__(self, label: str, length: int = 200, **options: Unpack[Options]) -> None:
        super().__init__(label, **options)
        self.length = length

    def sql_type(self) -> TypeEngine[Any]:
        return String(self.length)

    def parse(self, raw: Any) -> Any:
        """What shows nothing is nothing."""
        return self.blank if isinstance(raw, str) and not shows(raw) else super().parse(raw)

    def read(self, raw: Any) -> str:
        value = str(raw).strip()
        if not storable(value):
            raise BadValue("含有不能保存的字符。 | It contains a character that cannot be stored.")
        if len(value) > self.length:
            raise BadValue(
                "最多 {most} 个字，现在 {now} 个。 | At most {most} characters; this has {now}.", most=self.length, now=len(value)
            )
        return value

    def within(self, document: Any) -> ColumnElement[Any]:
        return func.coalesce(self._in_document(document), literal("", literal_execute=True), type_=self.sql_type())

    def show(self, value: Any, view: View) -> Cell:
        return Cell("text", value, phone_slot=self.slot)

    def exported(self, column: ColumnElement[Any], view: View) -> ColumnElement[Any]:
        return csv_out.escaped(column)

    def compare(self, column: Any, operator: str, raw: Any, view: View) -> ColumnElement[bool]:
        if operator == "contains":
            return column.icontains(self.read(raw), autoescape=True)  # type: ignore[no-any-return]
        return super().compare(column, operator, raw, view)

    def schema(self) -> dict[str, Any]:
        return {**super().schema(), "maxLength": self.length}


class LongTextField(TextField):
    kind = "longtext"
    widget = "longtext"
    operators = ("contains",)
    icon = "notes"
    about = "几行文字，如情况说明 | Several lines, such as a description"
    uses = frozenset((SEARCHED, INITIAL, MASKED))
    conditions: ClassVar[tuple[str, ...]] = ("contains", "empty", "not_empty")

    def __init__(self, label: str, length: int = 20_000, **options: Unpack[Options]) -> None:
        options.setdefault("sortable", False)
        super().__init__(label, length, **options)

    def sql_type(self) -> TypeEngine[Any]:
        return Text()


def unknown_address(name: str) -> str:
    """What stands for an address that is not known yet, where each must be there and be somebody's own."""
    return f"{name}@unknown{_NOWHERE}"


def is_unknown(address: str | None) -> bool:
    """Whether no mail can ever reach it."""
    return not address or address.endswith(_NOWHERE)


class EmailField(TextField):
    """An address; one in a domain that cannot exist stands for none and is never shown."""

    kind = "email"
    widget = "email"
    icon = "mail"
    about = "邮箱地址，会检查写法 | An address, checked as it is typed"

    def is_blank(self, value: Any) -> bool:
        return is_unknown(value)

    def cell(self, value: Any, view: View) -> Cell:
        if value and is_unknown(value):
            return Cell("mute", self.words(value, view), phone_slot=self.slot)
        return super().cell(value, view)

    def words(self, value: Any, view: View) -> str:
        return str(pick(_NOT_GIVEN, view.language)) if value and is_unknown(value) else super().words(value, view)

    def to_input(self, value: Any, view: View) -> str:
        return "" if is_unknown(value) else str(value)

    def to_json(self, value: Any) -> Any:
        return "" if is_unknown(value) else value

    def exported(self, column: ColumnElement[Any], view: View) -> ColumnElement[Any]:
        return csv_out.escaped(case((column.endswith(_NOWHERE, autoescape=True), ""), else_=column))

    def _empty(self, column: Any) -> ColumnElement[bool]:
        return or_(super()._empty(column), column.endswith(_NOWHERE, autoescape=True))

    def read(self, raw: Any) -> str:
        value = super().read(raw).lower()
        if not _EMAIL.fullmatch(value):
            raise BadValue("这不是完整的邮箱地址，例如 name@example.com。 | Not a whole e-mail address, such as name@example.com.")
        return value


class PhoneField(TextField):
    """Kept in normal form (E.164 where it can be told) so that one number is one value."""

    kind = "phone"
    widget = "phone"
    operators = ("eq", "contains")
    icon = "phone"
    about = "电话号码，统一写法 | A number, kept in one form"
    conditions: ClassVar[tuple[str, ...]] = ("eq", "contains", "empty", "not_empty")

    def __init__(self, label: str, length: int = 32, **options: Unpack[Options]) -> None:
        super().__init__(label, length, **options)

    def read(self, raw: Any) -> str:
        value = super().read(raw)
        digits = phone_digits(value)
        if digits is None:
            raise BadValue("这不是电话号码，例如 138 1234 5678 或 021-6234 5678。 | Not a phone number, such as 138 1234 5678.")
        return digits

    def words(self, value: Any, view: View) -> str:
        """As people at home write it: without the home country's code."""
        return str(value or "").removeprefix(_HOME)

    def to_input(self, value: Any, view: View) -> str:
        return self.words(value, view)

    def show(self, value: Any, view: View) -> Cell:
        return Cell("phone", self.words(value, view), phone_slot=self.slot)

    def compare(self, column: Any, operator: str, raw: Any, view: View) -> ColumnElement[bool]:
        if operator == "contains":
            digits = re.sub(r"\D", "", str(raw))
            if not digits:
                raise BadValue("请输入数字。 | Enter digits.")
            return column.contains(digits, autoescape=True)  # type: ignore[no-any-return]
        return super().compare(column, operator, raw, view)

    def exported(self, column: ColumnElement[Any], view: View) -> ColumnElement[Any]:
        at_home = column.startswith(_HOME, autoescape=True)
        return csv_out.escaped(case((at_home, func.substr(column, len(_HOME) + 1)), else_=column))

    def hide(self, value: str) -> str:
        """138****1234."""
        return mask_phone(value)

    def hide_sql(self, column: Any) -> ColumnElement[str]:
        """The same in SQL; the usual number is spared the general function, which costs fifty times as much."""
        usual = func.substr(column, len(_HOME) + 1, 3).concat(_STARS).concat(func.right(column, 4))
        return case((column.regexp_match(rf"^\{_HOME}[0-9]{{11}}$"), usual), else_=func.portal_mask_phone(column))


def text(label: str, length: int = 200, **options: Unpack[Options]) -> Mapped[str]:
    """A line of text."""
    return TextField(label, length, **options).column()


def longtext(label: str, **options: Unpack[Options]) -> Mapped[str]:
    """Several lines of text."""
    return LongTextField(label, **options).column()


def email(label: str, **options: Unpack[Options]) -> Mapped[str]:
    """An e-mail address, lower case."""
    return EmailField(label, 320, **options).column()


def phone(label: str, **options: Unpack[Options]) -> Mapped[str]:
    """A phone number in normal form."""
    return PhoneField(label, **options).column()
