"""Conditions of approval steps as they are written down: what can be asked for, which figures of policies stand for a value, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from portal.domain.approval_flows import POLICY, figure
from portal.domain.calendar import company_day
from portal.engine.errors import PortalError
from portal.engine.fields import BadValue, Field, View
from portal.engine.kinds.choice import ChoiceField
from portal.engine.kinds.dates import InstantField
from portal.engine.kinds.numbers import DecimalField, IntegerField, MoneyField
from portal.engine.kinds.several import SeveralField
from portal.engine.spec import Spec
from portal.engine.text import LANGUAGES, SEPARATOR, Text
from portal.handbook.kind import YUAN
from portal.handbook.numbers import Whole
from portal.policies import POLICIES, policy_text

Condition = Sequence[Any]
"""Field, operator, value; the value may be `policy:` and the key of one."""
_SIGNS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<", "eq": "=", "ne": "≠"}
_ALONE = ("empty", "not_empty")
_OF_EVERY = frozenset({"created_at", "changed_at"})


def askable(spec: Spec) -> list[Field]:
    """The fields that a condition may name: a custom one whether its index is there or not, since one record is asked."""
    found = (f for f in spec.fields.values() if f.conditions and f.key not in _OF_EVERY)
    return [each for each in found if each.filterable or each.key in spec.custom]


def figures(each: Field, now: datetime) -> Iterator[tuple[str, Text]]:
    """The policies whose figure may stand for a value of this field, as they are today: money for money, counts for counts."""
    if not isinstance(each, IntegerField | DecimalField):
        return
    for key, found in POLICIES.items():
        if isinstance(found.kind, Whole) and (found.kind.unit is YUAN) is isinstance(each, MoneyField):
            today = found.kind.read(policy_text(key, on=company_day(now)))
            told = {language: found.kind.counted(today, language) for language in LANGUAGES}
            yield POLICY + key, Text("{name}（现在 {value}） | {name} (now {value})", name=found.label, value=told)


def policy_name(figure_key: str) -> Text:
    """What a policy is called, whether it suits the field or not."""
    found = POLICIES.get(figure_key.removeprefix(POLICY))
    return Text(found.label) if found else Text("{key} | {key}", key=figure_key)


def is_alone(operator: str) -> bool:
    """Whether the operator says everything by itself."""
    return operator in _ALONE


def takes_several(each: Field, operator: str) -> bool:
    return operator == "in" and isinstance(each, ChoiceField | SeveralField)


def is_finished(condition: Condition) -> bool:
    key, operator, raw = condition
    return bool(key) and (is_alone(operator) or bool(raw if isinstance(raw, list) else str(raw).strip()))


def finished(step: Mapping[str, Any]) -> dict[str, Any]:
    """The step without what is still being written."""
    when = [each for each in step.get("when", ()) if is_finished(each)]
    rest = {key: value for key, value in step.items() if key != "when"}
    return {**rest, "when": when} if when else rest


def told(spec: Spec, condition: Condition, now: datetime, zone: View) -> Text:
    """`账期 ≥ 60`, `类型 是其中之一 年假、病假`; a field that is gone by its key."""
    key, operator, raw = condition
    each = spec.fields.get(key)
    if each is None:
        return Text("{key} {how} {raw} | {key} {how} {raw}", key=key, how=operator, raw=str(raw))
    numeric = isinstance(each, IntegerField | DecimalField) and operator in _SIGNS
    how = _SIGNS[operator] if numeric else each.says(operator) if each.allows(operator) else operator
    if is_alone(operator):
        return Text("{name} {how} | {name} {how}", name=each.label, how=how)
    value = value_words(each, raw, now, zone)
    return Text("{name} {how} {value} | {name} {how} {value}", name=each.label, how=how, value=value)


def value_words(each: Field, raw: Any, now: datetime, zone: View) -> str:
    """What a condition compares with, today; as it was written where it makes no sense."""
    try:
        wanted = figure(raw, now)
        values = [each.parse(one) for one in (wanted if isinstance(wanted, list) else [wanted])]
        values = [each.local(value, zone) if isinstance(each, InstantField) and value else value for value in values]
        halves = []
        for language in LANGUAGES:
            view = View(language, zone.zone, now)
            halves.append(("、" if language == "zh" else ", ").join(each.words(value, view) for value in values))
        return SEPARATOR.join(halves)
    except (PortalError, BadValue):
        return str(raw)
