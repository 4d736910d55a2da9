"""Integer, decimal, money, flag."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar, Unpack

from sqlalchemy import BigInteger, Boolean, ColumnElement, Integer, Numeric, Text, case, cast, false, func
from sqlalchemy.orm import Mapped
from sqlalchemy.types import TypeEngine

from portal.engine.cell import Cell
from portal.engine.fields import FILTERED, INITIAL, MASKED, SEARCHED, SORTED, USES, BadValue, Field, Options, View

_RANGE = ("eq", "ne", "gt", "ge", "lt", "le", "between", "in")
_ASKED = ("ge", "gt", "le", "lt", "eq", "ne", "empty", "not_empty")
_USES = frozenset(USES) - {SEARCHED}
_SYMBOLS = {"CNY": "¥", "USD": "$", "EUR": "€", "HKD": "HK$", "JPY": "JP¥"}
_INTEGER_LIMIT = 2**31 - 1


class IntegerField(Field):
    kind = "integer"
    widget = "integer"
    align = "r"
    operators = _RANGE
    icon = "number"
    about = "个数、天数、人数 | How many pieces, days, people"
    uses = _USES
    conditions = _ASKED
    json_type: ClassVar[dict[str, Any]] = {"type": "integer"}
    json_takes: ClassVar[tuple[type[Any], ...]] = (int, str)

    def __init__(self, label: str, *, least: int = -_INTEGER_LIMIT, most: int = _INTEGER_LIMIT, **options: Unpack[Options]) -> None:
        super().__init__(label, **options)
        self.least, self.most = least, most

    def sql_type(self) -> TypeEngine[Any]:
        return Integer() if self.most <= _INTEGER_LIMIT else BigInteger()

    def read(self, raw: Any) -> int:
        try:
            value = int(str(raw).replace(",", "").strip())
        except ValueError as error:
            raise BadValue("请输入整数。 | Enter a whole number.") from error
        if not self.least <= value <= self.most:
            raise BadValue("应在 {least} 到 {most} 之间。 | Between {least} and {most}.", least=self.least, most=self.most)
        return value

    def show(self, value: Any, view: View) -> Cell:
        return Cell("num", f"{value:,}", phone_slot=self.slot)


class DecimalField(Field):
    kind = "decimal"
    widget = "decimal"
    align = "r"
    operators = _RANGE
    icon = "percentage"
    about = "带小数的数，如面积、折扣 | A number with decimals, such as an area"
    uses = _USES
    conditions = _ASKED
    json_type: ClassVar[dict[str, Any]] = {"type": "string", "format": "decimal"}
    json_takes: ClassVar[tuple[type[Any], ...]] = (int, float, str)

    def __init__(self, label: str, *, digits: int = 18, scale: int = 4, least: int | None = None, **options: Unpack[Options]) -> None:
        super().__init__(label, **options)
        self.digits, self.scale, self.least = digits, scale, least
        self.edge = Decimal(10) ** (digits - scale)
        """The first number that the column does not hold."""

    def sql_type(self) -> TypeEngine[Any]:
        return Numeric(self.digits, self.scale)

    def read(self, raw: Any) -> Decimal:
        try:
            value = Decimal(str(raw).replace(",", "").replace("¥", "").replace("￥", "").strip())
        except InvalidOperation as error:
            raise BadValue("请输入数字。 | Enter a number.") from error
        if not value.is_finite() or abs(value) >= self.edge or abs(rounded := round(value, self.scale)) >= self.edge:
            raise BadValue("数字太大。 | The number is too large.")
        if self.least is not None and rounded < self.least:
            raise BadValue("不能小于 {least}。 | It cannot be below {least}.", least=self.least)
        return rounded

    def words(self, value: Any, view: View) -> str:
        return "" if value is None else f"{value.normalize():,f}"

    def to_input(self, value: Any, view: View) -> str:
        return "" if value is None else f"{value.normalize():f}"

    def exported(self, column: ColumnElement[Any], view: View) -> ColumnElement[Any]:
        return cast(func.trim_scale(column), Text())

    def show(self, value: Any, view: View) -> Cell:
        return Cell("num", self.words(value, view), phone_slot=self.slot)

    def to_json(self, value: Any) -> Any:
        return None if value is None else str(value)

    def to_document(self, value: Any) -> Any:
        return self.to_json(value)

    def from_document(self, kept: Any) -> Any:
        return None if kept is None else Decimal(str(kept))


class MoneyField(DecimalField):
    """An amount in the record's currency (its `currency` column)."""

    kind = "money"
    widget = "money"
    icon = "coin-yuan"
    about = "人民币金额，两位小数 | An amount of money, two decimals"

    def __init__(self, label: str, *, currency: str = "CNY", least: int | None = None, **options: Unpack[Options]) -> None:
        super().__init__(label, digits=18, scale=2, least=least, **options)
        self.currency = currency

    def words(self, value: Any, view: View) -> str:
        if value is None:
            return ""
        symbol = _SYMBOLS.get(self.currency, self.currency + " ")
        return f"{symbol}{value:,.2f}".removesuffix(".00")

    def exported(self, column: ColumnElement[Any], view: View) -> ColumnElement[Any]:
        return cast(func.round(column, 2), Text())

    def show(self, value: Any, view: View) -> Cell:
        return Cell("money", self.words(value, view), phone_slot=self.slot or "money")


class FlagField(Field):
    kind = "flag"
    widget = "flag"
    can_be_blank = False
    operators = ("eq",)
    icon = "toggle-right"
    about = "打勾就是“是” | A tick means yes"
    uses = frozenset((FILTERED, SORTED, INITIAL, MASKED))
    conditions = ("eq",)
    json_type: ClassVar[dict[str, Any]] = {"type": "boolean"}
    json_takes: ClassVar[tuple[type[Any], ...]] = (bool, str)
    _true = frozenset({"1", "true", "yes", "on", "y", "是", "有", "√", "对"})
    _false = frozenset({"0", "false", "no", "off", "n", "否", "无", "×", "没有", ""})

    def sql_type(self) -> TypeEngine[Any]:
        return Boolean()

    def column(self, **options: Any) -> Any:
        on = bool(self.default)
        return super().column(nullable=False, default=on, server_default="true" if on else "false", **options)

    def parse(self, raw: Any) -> bool:
        if raw is None or isinstance(raw, bool):
            return bool(raw)
        word = str(raw).strip().lower()
        if word in self._true:
            return True
        if word in self._false:
            return False
        raise BadValue("请填“是”或“否”。 | Write yes or no.")

    def is_blank(self, value: Any) -> bool:
        return value is None

    def within(self, document: Any) -> ColumnElement[Any]:
        """Yes or no: a record that says nothing says no."""
        return func.coalesce(super().within(document), false(), type_=self.sql_type())

    def from_document(self, kept: Any) -> bool:
        return bool(kept)

    def words(self, value: Any, view: View) -> str:
        return {"zh": ("否", "是"), "en": ("no", "yes")}[view.language][bool(value)]

    def exported(self, column: ColumnElement[Any], view: View) -> ColumnElement[Any]:
        return case((column.is_(True), self.words(True, view)), else_=self.words(False, view))

    def to_input(self, value: Any, view: View) -> str:
        return "1" if value else ""

    def show(self, value: Any, view: View) -> Cell:
        return Cell("flag", self.words(value, view), tone="ok" if value else "", phone_slot=self.slot)

    def choices(self, view: View) -> list[tuple[str, str]]:
        return [("true", self.words(True, view)), ("false", self.words(False, view))]

    def _empty(self, column: Any) -> ColumnElement[bool]:
        return column.is_(False)  # type: ignore[no-any-return]


def integer(label: str, *, least: int = -_INTEGER_LIMIT, most: int = _INTEGER_LIMIT, **options: Unpack[Options]) -> Mapped[int | None]:
    """A whole number."""
    return IntegerField(label, least=least, most=most, **options).column()


def decimal(label: str, *, digits: int = 18, scale: int = 4, **options: Unpack[Options]) -> Mapped[Decimal | None]:
    """An exact number with `scale` decimals."""
    return DecimalField(label, digits=digits, scale=scale, **options).column()


def money(label: str, *, currency: str = "CNY", least: int | None = None, **options: Unpack[Options]) -> Mapped[Decimal | None]:
    """An exact amount of money, two decimals, not below `least`."""
    return MoneyField(label, currency=currency, least=least, **options).column()


def flag(label: str, **options: Unpack[Options]) -> Mapped[bool]:
    """Yes or no."""
    made: Mapped[bool] = FlagField(label, **options).column()
    return made
