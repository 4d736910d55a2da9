"""Figures that are chosen: yes or no, one of several, ticks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from portal.engine.text import Language, Text, pick
from portal.handbook.kind import OFF, Kind, listed, words
from portal.security.roles import role_label

_ON = "on"


class Switch(Kind):
    """Whether something is done at all."""

    widget: ClassVar[str] = "switch"

    def read(self, text: str) -> bool:
        if text not in (_ON, OFF):
            raise self.wrong()
        return text == _ON

    def tell(self, value: bool, language: Language) -> str:
        return str(pick("开 | on" if value else "关 | off", language))

    @property
    def help(self) -> Text:
        return Text("开（on）或关（off）。 | On or off.")

    def gathered(self, parts: Sequence[str]) -> str:
        return parts[0] if parts else OFF


@dataclass(frozen=True, slots=True)
class OneOf(Kind):
    """One of the options."""

    widget: ClassVar[str] = "choice"
    offered: tuple[tuple[str, str], ...]

    def read(self, text: str) -> str:
        if text not in dict(self.offered):
            raise self.wrong()
        return text

    def tell(self, value: str, language: Language) -> str:
        return str(pick(dict(self.offered)[value], language))

    @property
    def help(self) -> Text:
        return Text("选一项（{all}）。 | Choose one ({all}).", all=", ".join(dict(self.offered)))

    @property
    def options(self) -> tuple[tuple[str, str], ...]:
        return self.offered


class Channels(Kind):
    """`bell,mail`, `bell`, or `off`: a mail goes along with the notice in the portal, never alone."""

    widget: ClassVar[str] = "ticks"
    _BELL, _MAIL = "bell", "mail"

    def read(self, text: str) -> tuple[str, ...]:
        found = words(text) if text.strip() != OFF else ()
        if set(found) - {self._BELL, self._MAIL} or (self._BELL not in found and text.strip() != OFF):
            raise self.wrong()
        return found

    def tell(self, value: Sequence[str], language: Language) -> str:
        labels = dict(self.options)
        return "+".join(pick(labels[each], language) for each in value) or str(pick("不提醒 | nobody is told", language))

    @property
    def help(self) -> Text:
        return Text(
            "邮件随站内通知发出：选站内（bell），或站内和邮件（bell,mail），都不选（off）就不提醒。"
            " | A mail goes along with the notice in the portal: tick bell, or bell and mail; with neither (off) nobody is told."
        )

    @property
    def options(self) -> tuple[tuple[str, str], ...]:
        return ((self._BELL, "站内 | bell"), (self._MAIL, "邮件 | mail"))

    def parts(self, text: str) -> list[str]:
        return list(words(text))

    def gathered(self, parts: Sequence[str]) -> str:
        return ",".join(parts) or OFF


class Roles(Kind):
    """`rep,leader`: people of these roles. Which roles there are is the database's to say."""

    widget: ClassVar[str] = "ticks"

    def read(self, text: str) -> tuple[str, ...]:
        if not (found := words(text)):
            raise self.wrong()
        return found

    def tell(self, value: Sequence[str], language: Language) -> str:
        return listed((pick(role_label(each), language) for each in value), language)

    @property
    def help(self) -> Text:
        return Text("至少选一个角色。 | Tick at least one role.")

    def parts(self, text: str) -> list[str]:
        return list(words(text))

    def gathered(self, parts: Sequence[str]) -> str:
        return ",".join(parts)
