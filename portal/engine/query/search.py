"""Search by any part of a name, two Chinese characters included: an index over character pairs serves it."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import reduce

from sqlalchemy import ColumnElement, Index, and_, false, func, literal, or_, text

from portal.engine.errors import BadRequest
from portal.engine.fields import Field
from portal.engine.kinds.texts import PhoneField
from portal.engine.mask import fold
from portal.engine.spec import Spec

LONGEST = 100
_FEWEST_DIGITS = 3
_PAIR = 2
"""Two characters are a pair themselves: to have the pair is to contain them, so that no text need be looked at again."""


def search_index(table: str, *columns: str) -> Index:
    """The pair index of an entity's searched texts; give the columns in the declared order.

    Bracketed as PostgreSQL gives it back, so that a new migration does not see a difference in it.
    """
    joined = reduce(lambda left, right: f"({left} || ' ') || {right}" if left == columns[0] else f"(({left}) || ' ') || {right}", columns)
    return Index(f"ix_{table}_pairs", text(f"portal_pairs({joined})"), postgresql_using="gin")


def search_criterion(spec: Spec, words: str, *, sees: Callable[[Field], bool]) -> ColumnElement[bool]:
    """Rows whose searched texts contain the words, or whose phone contains the digits (only shown digits where masked)."""
    words = words.strip()
    if len(words) > LONGEST:
        raise BadRequest("搜索词太长。 | The search is too long.")
    texts = [f for f in spec.searched if not isinstance(f, PhoneField) and sees(f)]
    declared = [f for f in texts if f.key not in spec.custom]
    found = [_by_text(spec, declared, words)] if declared else []
    found += [_by_own(spec, f, words) for f in texts if f.key in spec.custom]
    digits = re.sub(r"\D", "", words)
    if len(digits) >= _FEWEST_DIGITS and len(digits) >= len(re.sub(r"[\s+-]", "", words)):
        found += [_by_phone(spec, f, digits) for f in spec.searched if isinstance(f, PhoneField) and sees(f)]
    return or_(*found) if found else false()


def _by_text(spec: Spec, fields: list[Field], words: str) -> ColumnElement[bool]:
    joined = spec.column(fields[0].key)
    for each in fields[1:]:
        joined = joined + literal(" ", literal_execute=True) + spec.column(each.key)
    folded = fold(words)
    contains = func.portal_fold(joined).contains(folded, autoescape=True)
    if len(folded) == 1:
        return contains
    paired: ColumnElement[bool] = func.portal_pairs(joined).op("@>")(func.portal_pairs(words))
    return paired if len(folded) == _PAIR else and_(paired, contains)


def _by_own(spec: Spec, each: Field, words: str) -> ColumnElement[bool]:
    """A custom field has an index of its own."""
    met = _by_text(spec, [each], words)
    return met if each.masked is None else and_(~each.masked.criterion({key: spec.column(key) for key in each.masked.needs}), met)


def _by_phone(spec: Spec, each: PhoneField, digits: str) -> ColumnElement[bool]:
    column = spec.column(each.key)
    met: ColumnElement[bool] = column.contains(digits, autoescape=True)
    if each.masked is None:
        return met
    hidden = each.masked.criterion({key: spec.column(key) for key in each.masked.needs})
    return or_(and_(~hidden, met), and_(hidden, each.hide_sql(column).contains(digits, autoescape=True)))
