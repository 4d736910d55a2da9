"""`= ANY(array)`: one parameter however many values there are, so that one statement text and one plan serve them all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Integer, String, bindparam, func, literal


def among(column: Any, ids: Sequence[int]) -> ColumnElement[bool]:
    """The column is one of these ids."""
    return column == func.any(literal(list(ids), ARRAY(Integer)))  # type: ignore[no-any-return]


def among_texts(column: Any, values: Sequence[str]) -> ColumnElement[bool]:
    """The column is one of these texts."""
    return column == func.any(literal(list(values), ARRAY(String)))  # type: ignore[no-any-return]


def among_given(column: Any, name: str) -> ColumnElement[bool]:
    """The column is one of the ids that a kept statement is given by this name."""
    return column == func.any(bindparam(name, type_=ARRAY(Integer)))  # type: ignore[no-any-return]
