"""Figures that are rules for the numbers of contracts."""

from __future__ import annotations

import re
from typing import ClassVar

from portal.engine.clock import clock
from portal.engine.fields import BadValue
from portal.engine.text import Language, Text, pick
from portal.handbook.kind import Kind

_LONGEST_NUMBER, _CHANGE_ROOM = 40, 12
"""What the column of a contract's number holds, and what of it a change may add."""
_TOO_LONG = "这样的编号太长，最多 {n} 个字符。 | Such numbers would be too long: {n} characters at most."
_SUCH_AS = "如 {number} | such as {number}"


class NumberRule(Kind):
    """`HT-{year}-{seq:4}`: the year, and the number in it with at least so many digits."""

    widget: ClassVar[str] = "text"

    def read(self, text: str) -> str:
        if re.search(r"[{}]", re.sub(r"\{year\}|\{seq(:\d)?\}", "", text)):
            raise self.wrong()
        rule = re.sub(r"\{seq(?::(\d))?\}", lambda found: f"{{seq:0{found[1] or 1}d}}", text)
        first, second = (rule.format(year=2026, seq=number) for number in (1, 2))
        if first == second or "{year}" not in rule:
            raise self.wrong()
        most = _LONGEST_NUMBER - _CHANGE_ROOM
        if len(rule.format(year=2026, seq=10**9)) > most:
            raise BadValue(_TOO_LONG, n=most)
        return rule

    def tell(self, value: str, language: Language) -> str:
        return str(pick(_SUCH_AS, language).format(number=value.format(year=clock.now().year, seq=1)))

    @property
    def help(self) -> Text:
        return Text(
            "要有 {year}（年份）和 {seq:4}（当年的序号，至少四位），前后可加自己的字，如 HT-{year}-{seq:4}。"
            " | It needs {year} and {seq:4}, the number in the year with at least four digits; put words of your own around them,"
            " such as HT-{year}-{seq:4}."
        )


class ChangeRule(Kind):
    """`{number}-V{n}`: the contract's own number, and which version it is."""

    widget: ClassVar[str] = "text"

    def read(self, text: str) -> str:
        if re.search(r"[{}]", re.sub(r"\{(number|n)\}", "", text)):
            raise self.wrong()
        first, second, other = (text.format(number=number, n=n) for number, n in (("1", 2), ("1", 3), ("2", 2)))
        if first in (second, other) or text.count("{number}") > 1:
            raise self.wrong()
        if len(text.format(number="", n=999)) > _CHANGE_ROOM:
            raise BadValue(_TOO_LONG, n=_LONGEST_NUMBER)
        return text

    def tell(self, value: str, language: Language) -> str:
        return str(pick(_SUCH_AS, language).format(number=value.format(number=f"HT-{clock.now().year}-0001", n=2)))

    @property
    def help(self) -> Text:
        return Text(
            "要有一个 {number}（合同原来的编号）和 {n}（第几版），如 {number}-V{n}。"
            " | It needs {number}, the contract’s own, once, and {n}, which version it is, such as {number}-V{n}."
        )
