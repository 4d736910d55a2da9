"""Pages by keyset: the order of a list, the opaque cursor of a row, and what lies beyond it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, and_, literal, or_, tuple_

from portal.engine.errors import BadRequest
from portal.engine.given import MOST_ID, json_of
from portal.engine.spec import Spec

_NO_CURSOR = "翻页参数不对，请回到第一页。 | The page argument is not valid. Go back to the first page."
_DIGITS = 18
"""Of a number whose column does not say how many it holds."""
ORDER = "__order"
"""Under which key a row has the value it is ordered by."""


def ordering(spec: Spec, key: str, descending: bool) -> list[Any]:
    """By the key and, among its equals, by the id; records without a value come last."""
    columns = [spec.column(key)] if key != "id" else []
    columns.append(spec.column("id"))
    ordered = [c.desc() if descending else c.asc() for c in columns]
    if key != "id" and spec.is_nullable(key):
        ordered[0] = ordered[0].nulls_last()
    return ordered


def beyond(spec: Spec, key: str, descending: bool, cursor: tuple[Any, int]) -> ColumnElement[bool]:
    """The rows after the cursor's, in that order."""
    value, last_id = cursor
    id_column = spec.column("id")
    further_id = id_column < last_id if descending else id_column > last_id
    if key == "id":
        return further_id  # type: ignore[no-any-return]
    column = spec.column(key)
    if not spec.is_nullable(key):
        here, there = tuple_(column, id_column), tuple_(literal(value, column.type), literal(last_id))
        return here < there if descending else here > there
    if value is None:
        return and_(column.is_(None), further_id)
    further = column < value if descending else column > value
    return or_(further, and_(column == value, further_id), column.is_(None))


def encoded(row: Mapping[str, Any]) -> str:
    """A row's place, as the address of the next page carries it."""
    value = row[ORDER]
    kept = value.isoformat() if isinstance(value, date) else str(value) if isinstance(value, Decimal) else value
    return base64.urlsafe_b64encode(json.dumps([kept, row["id"]], ensure_ascii=False).encode()).decode()


def decoded(cursor: str, spec: Spec, key: str) -> tuple[Any, int]:
    """(value, id) of the row a page goes on from. Raises `BadRequest` for what no page has written."""
    try:
        value, last_id = json_of(base64.urlsafe_b64decode(cursor.encode()))
        kind = spec.column(key).type.python_type
        if value is not None:
            value = kind.fromisoformat(value) if issubclass(kind, date | datetime) else kind(value)
        last_id = int(last_id)
    except (ValueError, TypeError, ArithmeticError) as error:
        raise BadRequest(_NO_CURSOR) from error
    if abs(last_id) > MOST_ID or not _held(value, spec.column(key).type):
        raise BadRequest(_NO_CURSOR)
    return value, last_id


def _held(value: Any, kind: Any) -> bool:
    """Whether a column of this type could hold the number."""
    if isinstance(value, int):
        return abs(value) <= MOST_ID
    if isinstance(value, Decimal | float):
        number = Decimal(value)
        return number.is_finite() and abs(number) < 10 ** ((kind.precision or _DIGITS) - (kind.scale or 0))
    return True
