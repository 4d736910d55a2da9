"""The mapping as a form: what the import screen shows, and what it reads back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from portal.domain.imports import fillable
from portal.engine.errors import BadRequest
from portal.engine.fields import Field, View
from portal.engine.importing import ON_DUPLICATE, guess, importable, importer_of, match_of, target_of
from portal.engine.kinds.reference import ReferenceField
from portal.engine.spec import Spec, spec_named
from portal.engine.text import pick, say
from portal.security.principal import Principal

_COLUMN, _LINK = "column:", "link:"
Draft = dict[str, Any]
"""A mapping as it is being edited: like the stored one, perhaps not yet complete."""


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    label: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class FieldRow:
    """Where one field's value comes from: a column or an earlier target, else the text for all rows."""

    key: str
    label: str
    required: bool
    options: tuple[Option, ...]
    constant: str
    example: str
    makes: bool | None
    """Whether a record that is missing is made; None where the field refers to nothing."""


@dataclass(frozen=True, slots=True)
class TargetPart:
    number: int
    entity: str
    label: str
    alias: str
    match: str
    match_words: str
    duplicates: tuple[Option, ...]
    fields: tuple[FieldRow, ...]
    used: int


def guessed(spec: Spec, header: Sequence[str], principal: Principal) -> Draft:
    """The first proposal for a file: one target, columns by their names, for the fields that the person may fill in."""
    columns = guess(spec, header, lambda key: fillable(spec, key, principal))
    return {"targets": [{"entity": spec.name, "columns": columns, "constants": {}, "links": {}}]}


def parts(draft: Draft, header: Sequence[str], view: View, principal: Principal) -> tuple[TargetPart, ...]:
    """The form of a draft, without the fields that the person may not fill in; one that a stored mapping fills stays and is refused."""
    found = []
    for number, target in enumerate(draft["targets"]):
        spec = spec_named(target["entity"])
        sourced = {key for part in ("columns", "constants", "links") for key in target.get(part) or ()}
        offered = [key for key in importer_of(spec).fields(spec) if key in sourced or fillable(spec, key, principal)]
        found.append(_part(number, target, draft["targets"][:number], header, view, offered))
    return tuple(found)


def _part(
    number: int, target: Mapping[str, Any], earlier: Sequence[Mapping[str, Any]], header: Sequence[str], view: View, offered: Sequence[str]
) -> TargetPart:
    spec = spec_named(target["entity"])
    known = importer_of(spec).fields(spec)
    checked = target_of(target)
    match = match_of(spec, checked)
    rows = tuple(_row(spec, each, target, earlier, header, view) for key, each in known.items() if key in offered)
    chosen = target.get("on_duplicate", "skip")
    return TargetPart(
        number,
        spec.name,
        str(pick(spec.label, view.language)),
        target.get("name") or spec.name,
        json.dumps(target.get("match") or []),
        _match_words(spec, known, match, view),
        tuple(Option(value, str(pick(label, view.language)), value == chosen) for value, label in ON_DUPLICATE.items()),
        rows,
        sum(bool(row.constant) or not row.options[0].chosen for row in rows),
    )


def _match_words(spec: Spec, known: Mapping[str, Field], match: Sequence[Sequence[str]], view: View) -> str:
    def words(key: str) -> str:
        each = known.get(key) or known.get(key.removesuffix("_key")) or spec.fields.get(key)
        return str(pick(each.label, view.language)) if each else key

    joined = [" + ".join(words(key) for key in keys) for keys in match]
    return say("{all} | {all}", all={"zh": " 或 ".join(joined), "en": " or ".join(joined)}).in_(view.language)


def _row(
    spec: Spec, each: Field, target: Mapping[str, Any], earlier: Sequence[Mapping[str, Any]], header: Sequence[str], view: View
) -> FieldRow:
    source = (target.get("columns") or {}).get(each.key, "")
    link = (target.get("links") or {}).get(each.key, "")
    chosen = _LINK + link if link else _COLUMN + source if source in header else ""
    options = [Option("", "—", chosen == ""), *(Option(_COLUMN + name, name, chosen == _COLUMN + name) for name in header)]
    refers = isinstance(each, ReferenceField)
    if isinstance(each, ReferenceField):
        for other in earlier:
            alias = other.get("name") or other["entity"]
            if other["entity"] == each.target:
                options.append(Option(_LINK + alias, f"→ {alias}", chosen == _LINK + alias))
    constant = source if source and source not in header else (target.get("constants") or {}).get(each.key, "")
    return FieldRow(
        each.key,
        str(pick(each.label, view.language)),
        each.required and each.key not in importer_of(spec).completed,
        tuple(options),
        constant,
        _example(each, view),
        each.key in (target.get("create_missing") or ()) if refers else None,
    )


def _example(each: Field, view: View) -> str:
    labels = [label for _, label in each.choices(view)]
    return " / ".join(labels[:4])


def draft_from(form: Mapping[str, str], header: Sequence[str]) -> Draft:
    """The edited mapping. Raises `BadRequest` for an unknown record type."""
    targets: list[Draft] = []
    while (entity := form.get(f"t{len(targets)}.entity")) is not None:
        targets.append(_target_from(form, f"t{len(targets)}.", entity, header))
    return {"targets": targets}


def _target_from(form: Mapping[str, str], prefix: str, entity: str, header: Sequence[str]) -> Draft:
    spec = spec_named(entity)
    target: Draft = {
        "entity": entity,
        "name": form.get(f"{prefix}alias", ""),
        "columns": {},
        "constants": {},
        "links": {},
        "on_duplicate": form.get(f"{prefix}dup", "skip"),
        "create_missing": [],
        "match": _json(form.get(f"{prefix}match", "[]")),
    }
    for key in importer_of(spec).fields(spec):
        source, constant = form.get(f"{prefix}f.{key}", ""), form.get(f"{prefix}c.{key}", "").strip()
        if source.startswith(_LINK):
            target["links"][key] = source.removeprefix(_LINK)
        elif source.startswith(_COLUMN):
            target["columns"][key] = source.removeprefix(_COLUMN)
        elif any("{" + name + "}" in constant for name in header):
            target["columns"][key], constant = constant, ""
        if constant:
            target["constants"][key] = constant
        if form.get(f"{prefix}m.{key}"):
            target["create_missing"].append(key)
    return target


def _json(raw: str) -> Any:
    try:
        return json.loads(raw)
    except json.JSONDecodeError as error:
        raise BadRequest("导入方案不对，请重新选择。 | The mapping is not valid. Choose it again.") from error


def addable(principal: Principal, view: View) -> tuple[tuple[str, str], ...]:
    """Record types that the person may import, for “add another record”."""
    return tuple((spec.name, str(pick(spec.label, view.language))) for spec in importable() if principal.may(f"{spec.name}:import"))
