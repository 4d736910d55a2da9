"""Search by any part of a name, two Chinese characters included: an index over character pairs serves it."""

from __future__ import annotations

import re
from functools import reduce
from typing import Protocol

from sqlalchemy import ColumnElement, Index, and_, false, func, literal, or_, text

from portal.engine.errors import BadRequest
from portal.engine.fields import ALWAYS, Field, Mask
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


class Reader(Protocol):
    """Who searches: which fields he sees, and where one is hidden from him."""

    def sees(self, spec: Spec, field: Field) -> bool: ...
    def mask(self, spec: Spec, field: Field) -> Mask | None: ...


def search_criterion(spec: Spec, words: str, rights: Reader, *, by_name: bool = False) -> ColumnElement[bool]:
    """Rows whose searched texts contain the words, or whose phone contains the digits (only shown digits where masked).

    `by_name`: for who is told no more of the records than what they are called.
    """
    words = words.strip()
    if len(words) > LONGEST:
        raise BadRequest("搜索词太长。 | The search is too long.")
    asked = [f for f in spec.searched if f is spec.identity] if by_name else spec.searched
    seen = [f for f in asked if rights.sees(spec, f)]
    texts = [f for f in seen if not isinstance(f, PhoneField) and rights.mask(spec, f) is not ALWAYS]
    declared = [f for f in texts if f.key not in spec.custom]
    found = [_by_declared(spec, declared, words)] if declared else []
    found += [_by_own(spec, f, words) for f in texts if f.key in spec.custom]
    digits = re.sub(r"\D", "", words)
    if len(digits) >= _FEWEST_DIGITS and len(digits) >= len(re.sub(r"[\s+-]", "", words)):
        found += [_by_phone(spec, f, digits, rights.mask(spec, f)) for f in seen if isinstance(f, PhoneField)]
    return or_(*found) if found else false()


def _by_declared(spec: Spec, seen: list[Field], words: str) -> ColumnElement[bool]:
    """The index is over all declared texts; of what it finds only that counts which stands in those that are seen."""
    every = [f for f in spec.searched if not isinstance(f, PhoneField) and f.key not in spec.custom]
    found = _by_text(spec, every, words)
    return found if len(seen) == len(every) else and_(found, func.portal_fold(_joined(spec, seen)).contains(fold(words), autoescape=True))


def _joined(spec: Spec, fields: list[Field]) -> ColumnElement[str]:
    joined = spec.column(fields[0].key)
    for each in fields[1:]:
        joined = joined + literal(" ", literal_execute=True) + spec.column(each.key)
    return joined  # type: ignore[no-any-return]


def _by_text(spec: Spec, fields: list[Field], words: str) -> ColumnElement[bool]:
    joined = _joined(spec, fields)
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


def _by_phone(spec: Spec, each: PhoneField, digits: str, mask: Mask | None) -> ColumnElement[bool]:
    column = spec.column(each.key)
    met: ColumnElement[bool] = column.contains(digits, autoescape=True)
    if mask is None:
        return met
    hidden = mask.criterion({key: spec.column(key) for key in mask.needs})
    return or_(and_(~hidden, met), and_(hidden, each.hide_sql(column).contains(digits, autoescape=True)))
