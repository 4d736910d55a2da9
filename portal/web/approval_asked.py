"""What was asked for: the values filled into a verb that others decide first, as one reader may know them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from portal.engine.fields import ALWAYS, Field, View
from portal.engine.kinds.reference import ReferenceField
from portal.engine.spec import Spec, registry, spec_named
from portal.engine.text import pick
from portal.engine.verbs import verb_named
from portal.security.fields import Rights
from portal.web.happened import Referred
from portal.web.pickers import names

_SHORT = 70


class Asked(NamedTuple):
    """A verb of a record type, and what was filled in."""

    entity: str
    verb: str
    form: Mapping[str, Any]
    whole: bool = False
    """Its reader decides about it or asked for it: what goes to a record type that he does not read is told to him as well."""


def told(asked: Sequence[Asked], rights: Rights, view: View) -> list[list[tuple[str, str]]]:
    """Of each the filled-in fields that this reader may know: label and value. Names of all are read at once."""
    shown = [(each, [field for field in _filled(each) if _tells(each, field, rights)]) for each in asked]
    referred = _referred((each.form, field) for each, fields in shown for field in fields)
    return [
        [(str(pick(field.label, view.language)), _value(each, field, rights, view, referred)) for field in fields] for each, fields in shown
    ]


def shortly(lines: Sequence[tuple[str, str]], view: View) -> str:
    """In one line, for a list."""
    colon = "：" if view.language == "zh" else ": "
    words = " · ".join(f"{label}{colon}{' '.join(value.split())}" for label, value in lines)
    return words if len(words) <= _SHORT else f"{words[: _SHORT - 1]}…"


def _filled(asked: Asked) -> list[Field]:
    """Without what only a program fills in."""
    verb = verb_named(asked.entity, asked.verb)
    return [each for each in verb.form if each.widget and not _is_blank(each, asked.form.get(each.key))] if verb is not None else []


def _is_blank(each: Field, value: Any) -> bool:
    return value in (None, "", False, []) or each.is_blank(value)


def _tells(asked: Asked, each: Field, rights: Rights) -> bool:
    spec, field = _ruled_by(asked, each)
    return rights.sees(spec, field) and (asked.whole or spec.name == asked.entity or rights.reads(spec))


def _ruled_by(asked: Asked, each: Field) -> tuple[Spec, Field]:
    """Whose rights say who may know it: the field it is written to, else that of the same name, else its own."""
    spec = spec_named(asked.entity)
    if each.taken_from:
        source, _, key = each.taken_from.partition(".")
        return registry()[source], registry()[source].fields[key]
    return spec, spec.fields.get(each.key, each)


def _value(asked: Asked, each: Field, rights: Rights, view: View, referred: Referred) -> str:
    value = asked.form[each.key]
    if rights.mask(*_ruled_by(asked, each)) is ALWAYS:
        return rights.hidden(each, value)
    if isinstance(each, ReferenceField):
        return referred.get((each.target, int(value)), "—")
    try:
        return each.words(each.parse(value), view)
    except ValueError:
        return str(value)


def _referred(given: Iterable[tuple[Mapping[str, Any], Field]]) -> Referred:
    """Names of the records referred to; those out of this reader's reach are missing."""
    wanted: dict[str, set[int]] = {}
    for form, each in given:
        if isinstance(each, ReferenceField):
            wanted.setdefault(each.target, set()).add(int(form[each.key]))
    return {(target, key): name for target, ids in wanted.items() for key, name in names(target, sorted(ids)).items()}
