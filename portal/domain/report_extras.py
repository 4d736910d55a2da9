"""What an administrator's own fields say of the records that a report quotes (`is_listed` chooses them)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

from portal.domain.calendar import company_calendar
from portal.engine import store
from portal.engine.fields import Field, View
from portal.engine.kinds.reference import ReferenceField
from portal.engine.spec import registry
from portal.engine.text import LANGUAGES, Text, say, shortened
from portal.security.seeing import limited

_MOST_FIELDS = 3
_LONGEST = 60

Extras = Mapping[str, tuple[Field, ...]]
"""Record type → the fields that a report quotes of it."""


def extras() -> Extras:
    """The listed custom fields that every role sees in full: a report that is sent is read by others than its writer.

    References are left out: what they refer to has readers of its own.
    """
    found = {name: tuple(filter(_tells_itself, _listed(name))) for name in registry()}
    if not any(found.values()):
        return {}
    hidden = limited(store.session())
    return {name: tuple(each for each in fields if (name, each.key) not in hidden) for name, fields in found.items()}


def _listed(name: str) -> list[Field]:
    spec = registry()[name]
    return [each for key, each in spec.custom.items() if key in spec.screen.columns]


def _tells_itself(field: Field) -> bool:
    return not (field.see or field.masked or isinstance(field, ReferenceField))


def said(fields: Sequence[Field], extra: Mapping[str, Any] | None) -> Text | None:
    """`竞品：甲公司 · 预算：¥5,000`, of the first three that are filled in; None where none is."""
    kept = {each: each.from_document((extra or {}).get(each.key)) for each in fields}
    told = [_told(each, value) for each, value in kept.items() if not each.is_blank(value)]
    return reduce(beside, told[:_MOST_FIELDS]) if told else None


def beside(one: Text, other: Text) -> Text:
    """Two of them in one line."""
    return say("{one} · {other} | {one} · {other}", one=one, other=other)


def _told(field: Field, value: Any) -> Text:
    zone = company_calendar().zone
    words = {language: shortened(field.words(value, View(language, zone)), _LONGEST) for language in LANGUAGES}
    return say("{label}：{value} | {label}: {value}", label=field.label, value=words)
