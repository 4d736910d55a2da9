"""A text that people write in their own words and the portal in both languages; each reader gets his half."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from sqlalchemy import ColumnElement, case, func
from sqlalchemy.orm import Mapped

from portal.engine.cell import Cell
from portal.engine.fields import Options, View
from portal.engine.kinds.texts import TextField
from portal.engine.text import LANGUAGES, SEPARATOR, pick


class SaidField(TextField):
    """`own` are the portal's sentences, stored as pairs; a bar in what a person wrote is only a bar."""

    kind = "said"
    conditions = ()

    def __init__(self, label: str, length: int = 200, *, own: Sequence[str], **options: Unpack[Options]) -> None:
        super().__init__(label, length, **options)
        self.own = frozenset(own)

    def words(self, value: Any, view: View) -> str:
        return str(pick(value, view.language)) if value in self.own else super().words(value, view)

    def show(self, value: Any, view: View) -> Cell:
        return Cell("text", self.words(value, view), phone_slot=self.slot)

    def exported(self, column: ColumnElement[Any], view: View) -> ColumnElement[Any]:
        words = {each: str(pick(each, view.language)) for each in self.own}
        return case(words, value=column, else_=super().exported(column, view)) if words else super().exported(column, view)

    def told(self, value: Any, view: View) -> Any:
        return self.words(value, view)


class PairField(TextField):
    """A line that the portal says, stored as a pair."""

    kind = "pair"
    conditions = ()

    def words(self, value: Any, view: View) -> str:
        return str(pick(value or "", view.language))

    def show(self, value: Any, view: View) -> Cell:
        return Cell("text", self.words(value, view), phone_slot=self.slot)

    def told(self, value: Any, view: View) -> Any:
        return self.words(value, view)

    def exported(self, column: ColumnElement[Any], view: View) -> ColumnElement[Any]:
        half = func.split_part(column, SEPARATOR, LANGUAGES.index(view.language) + 1)
        return super().exported(func.coalesce(func.nullif(half, ""), column), view)


def pair(label: str, length: int = 400, **options: Unpack[Options]) -> Mapped[str]:
    """A line of the portal's own in both languages."""
    return PairField(label, length, **options).column()


def said(label: str, length: int = 200, *, own: Sequence[str], **options: Unpack[Options]) -> Mapped[str]:
    """A line that a person or the portal says."""
    return SaidField(label, length, own=own, **options).column()
