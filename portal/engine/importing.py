"""Imports: a mapping turns one file into linked records of any declared type.

A mapping is a list of targets. Each names an entity and says where its fields come from: `columns` (field → column
of the file, or a pattern such as `{office} 组`), `constants` (field → the text for rows without one: new records get
it, a blank cell changes nothing in one that is there), `links` (reference → an earlier target of the same row).
`match` tells which fields make two records the same; `on_duplicate` what happens then.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, Table, UniqueConstraint
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from portal.engine.errors import BadRequest
from portal.engine.fields import Field
from portal.engine.kinds.reference import ReferenceField
from portal.engine.kinds.structured import JsonField
from portal.engine.operations import is_replaced
from portal.engine.spec import Spec, registry, spec_named
from portal.engine.text import Text, say

OnDuplicate = Literal["skip", "update", "fill", "create", "refuse"]
ON_DUPLICATE: dict[str, str] = {
    "skip": "跳过 | Skip",
    "update": "更新 | Update",
    "fill": "只补空白 | Fill blanks only",
    "create": "仍然新建 | Create anyway",
    "refuse": "拒绝 | Refuse",
}
_PATTERN = re.compile(r"\{([^{}]+)\}")
_A_NAME = re.compile(r"名称|姓名|\bname\b", re.IGNORECASE)
_MOST_TARGETS = 8


@dataclass(frozen=True)
class Target:
    """One record that each row of the file becomes."""

    entity: str
    name: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    match: tuple[tuple[str, ...], ...] = ()
    on_duplicate: OnDuplicate = "skip"
    create_missing: tuple[str, ...] = ()

    @property
    def alias(self) -> str:
        return self.name or self.entity

    def plain(self) -> dict[str, Any]:
        """As stored."""
        return {
            "entity": self.entity,
            "name": self.name,
            "columns": dict(self.columns),
            "constants": dict(self.constants),
            "links": dict(self.links),
            "match": [list(keys) for keys in self.match],
            "on_duplicate": self.on_duplicate,
            "create_missing": list(self.create_missing),
        }


@dataclass(frozen=True)
class Mapped:
    """A whole mapping, checked against the declarations."""

    targets: tuple[Target, ...]

    def plain(self) -> dict[str, Any]:
        return {"targets": [target.plain() for target in self.targets]}

    @property
    def main(self) -> Target:
        """What the import is about: the last target that is not met again only to fill in a link."""
        fresh = [target for target in self.targets if target.on_duplicate != "fill"]
        return (fresh or list(self.targets))[-1]


class Importer:
    """What a record type adds to an import; this one serves any declaration."""

    match: tuple[tuple[str, ...], ...] = ()
    derived: Mapping[str, TypeEngine[Any]] = {}
    """Columns that `derive` fills, by type."""
    alike: str = ""
    """The column that holds the identity in normal form; files that spell a name otherwise still mean the record."""

    changes: bool = False
    """Whether an import may change records of a type that keeps rules of its own for changes."""
    needs: Mapping[str, str] = {}
    """Columns that only this importer knows, by the right it takes to fill them."""

    def key_of(self, name: str) -> str:
        """The normal form of a name, as `alike` holds it."""
        return name

    def fields(self, spec: Spec) -> dict[str, Field]:
        """What a mapping may set: the form's fields, never state, owner or what is derived."""
        return {each.key: each for each in spec.form if not isinstance(each, JsonField)}

    def derive(self, values: dict[str, Any]) -> None:
        """Add the derived columns to one row's values. Raises `BadValue` where they do not go together."""

    def defaults(self, session: Session) -> dict[str, Any]:
        """Values for fields that the mapping leaves out, asked once per import."""
        return {}

    def fixed(self, spec: Spec, *, acting_user: Any, now: datetime) -> dict[str, Any]:
        """Columns that every new row gets."""
        return {}

    def complete(self, session: Session, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """More columns for rows about to be made: dictionaries with `line` and the columns."""
        return []

    completed: Mapping[str, TypeEngine[Any]] = {}
    """Columns that `complete` fills, by type."""

    def after(self, session: Session, staged: Table, target: Staged, *, acting_user: Any, now: datetime) -> None:
        """Set-based work that belongs to new rows (`target.is_new` marks them)."""

    def changed(self, session: Session, ids: Sequence[int], *, now: datetime) -> None:
        """Set-based work that belongs to records that were there already and were changed."""

    def closed(self, session: Session, ids: Sequence[int], acting_user: Any) -> Mapping[int, Text]:
        """Records that this person may not change by an import though they are in his reach, and why."""
        return {}

    def duplicate(self, session: Session, ids: Sequence[int]) -> dict[int, Text]:
        """What may be told of existing records, by id."""
        return {}


@dataclass(frozen=True)
class Staged:
    """A target's columns in the staging table."""

    id: ColumnElement[int]
    is_new: ColumnElement[bool]
    columns: Mapping[str, ColumnElement[Any]]


_importers: dict[str, Importer] = {}
_plain = Importer()


def importer(entity: str) -> Callable[[type[Importer]], type[Importer]]:
    """Register what a record type adds to imports."""

    def register(made: type[Importer]) -> type[Importer]:
        _importers[entity] = made()
        return made

    return register


def importer_of(spec: Spec) -> Importer:
    return _importers.get(spec.name, _plain)


def match_of(spec: Spec, target: Target) -> tuple[tuple[str, ...], ...]:
    """The mapping's own keys, else the record type's, else what the database holds unique, else its identity."""
    return target.match or importer_of(spec).match or unique_keys(spec) or ((spec.identity.key,),)


def unique_keys(spec: Spec) -> tuple[tuple[str, ...], ...]:
    """Importable fields that no two records may share."""
    known = importer_of(spec).fields(spec)
    sets = (tuple(column.name for column in each.columns) for each in spec.table.constraints if isinstance(each, UniqueConstraint))
    return tuple(sorted(keys for keys in sets if set(keys) <= known.keys()))


# reading a mapping -----------------------------------------------------------------------------


def read_mapping(given: Any) -> Mapped:
    """A mapping from JSON. Raises `BadRequest` that says what is wrong with it."""
    targets = given.get("targets") if isinstance(given, Mapping) else None
    if not isinstance(targets, list) or not 1 <= len(targets) <= _MOST_TARGETS:
        raise BadRequest("导入方案要有 1 到 8 个目标（targets）。 | A mapping has 1 to 8 targets.")
    mapped = Mapped(tuple(target_of(each) for each in targets))
    earlier: set[str] = set()
    for target in mapped.targets:
        _check(target, earlier)
        earlier.add(target.alias)
    return mapped


def target_of(given: Any) -> Target:
    """One target, without the checks that need the whole mapping."""
    if not isinstance(given, Mapping) or not isinstance(given.get("entity"), str):
        raise BadRequest("每个目标要写明 entity。 | Every target names its entity.")
    if given.get("on_duplicate", "skip") not in get_args(OnDuplicate):
        raise BadRequest("on_duplicate 只能是 {known}。 | on_duplicate is one of {known}.", known=", ".join(ON_DUPLICATE))
    return Target(
        entity=given["entity"],
        name=str(given.get("name", "")),
        columns=_texts(given, "columns"),
        constants=_texts(given, "constants"),
        links=_texts(given, "links"),
        match=_keys(given.get("match") or ()),
        on_duplicate=given.get("on_duplicate", "skip"),
        create_missing=tuple(str(key) for key in given.get("create_missing") or ()),
    )


def _texts(given: Mapping[str, Any], part: str) -> dict[str, str]:
    found = given.get(part) or {}
    if not isinstance(found, Mapping):
        raise BadRequest("{part} 应是字段到文字的对照。 | {part} maps fields to texts.", part=part)
    return {str(key): str(value) for key, value in found.items()}


def _keys(given: Any) -> tuple[tuple[str, ...], ...]:
    """`["name", "team_id"]` is one key of two fields; `[["company_key"], ["phone"]]` are two keys, either will do."""
    if not given:
        return ()
    if all(isinstance(each, str) for each in given):
        return (tuple(given),)
    return tuple(tuple(str(key) for key in each) for each in given)


def _check(target: Target, earlier: Iterable[str]) -> None:
    spec = spec_named(target.entity)
    if spec.scope == "child":
        raise BadRequest("“{label}”不能单独导入。 | {label} cannot be imported by itself.", label=spec.label)
    found = importer_of(spec)
    if found is _plain and is_replaced(spec.name, "create"):
        raise BadRequest("“{label}”还没有导入规则。 | {label} has no rules for imports yet.", label=spec.label)
    fields = found.fields(spec)
    for key in (*target.columns, *target.constants, *target.links):
        if key not in fields:
            raise BadRequest(
                "“{entity}”导入时没有字段 {key}；可用：{known}。 | {entity} has no field {key} to import; there are: {known}.",
                entity=spec.label,
                key=key,
                known=", ".join(fields),
            )
    for key, alias in target.links.items():
        if alias not in earlier or not isinstance(fields[key], ReferenceField):
            raise BadRequest(
                "{key} 要指向前面的目标，{alias} 不是。 | {key} must name an earlier target; {alias} is none.", key=key, alias=alias
            )
    _check_required(spec, target, fields)
    _check_match(spec, target, fields)


def _check_required(spec: Spec, target: Target, fields: Mapping[str, Field]) -> None:
    """A required column that the file lacks needs a value for all rows."""
    sourced = {*target.columns, *target.constants, *target.links, *importer_of(spec).completed}
    for key, each in fields.items():
        if each.required and key not in sourced and each.default is None:
            raise BadRequest(
                "“{label}”必填：请选一列，或给所有行一个值。 | “{label}” is required: choose a column or give all rows a value.",
                label=each.label,
            )


def _check_match(spec: Spec, target: Target, fields: Mapping[str, Field]) -> None:
    given = {*target.columns, *target.constants}
    if target.on_duplicate == "create" and any(given.issuperset(keys) for keys in unique_keys(spec)):
        raise BadRequest("“{label}”不能重复，请选择跳过或更新。 | {label} must be unique: choose skip or update.", label=spec.label)
    known = {*fields, *importer_of(spec).derived}
    for key in (key for keys in match_of(spec, target) for key in keys):
        if key not in known:
            raise BadRequest("不能用 {key} 判断重复。 | {key} cannot tell duplicates.", key=key)


def check_columns(mapped: Mapped, header: Sequence[str]) -> None:
    """Every column the mapping names must be in the file. Raises `BadRequest`."""
    for target in mapped.targets:
        for source in target.columns.values():
            for column in columns_in(source, header):
                if column not in header:
                    raise BadRequest(
                        "文件里没有“{column}”这一列。文件的列：{known}。 | The file has no column “{column}”. Its columns: {known}.",
                        column=column,
                        known=", ".join(header),
                    )


def columns_in(source: str, header: Sequence[str]) -> list[str]:
    """The columns that a source reads: itself, or those in the braces of a pattern."""
    return [source] if source in header or not _PATTERN.search(source) else _PATTERN.findall(source)


def cell(source: str, row: Mapping[str, str]) -> str:
    """A source's text in one row."""
    if source in row:
        return row[source]
    return _PATTERN.sub(lambda found: row.get(found[1], ""), source)


# guessing --------------------------------------------------------------------------------------


def guess(spec: Spec, header: Sequence[str], fillable: Callable[[str], bool] = lambda _: True) -> dict[str, str]:
    """Field → column, where the column's name is the field's label, key or holds one of them; a name for the identity."""
    fields = {key: each for key, each in importer_of(spec).fields(spec).items() if fillable(key)}
    found: dict[str, str] = {}
    for exact in (True, False):
        for key, each in fields.items():
            names = {key.casefold(), key.removesuffix("_id"), *(half.casefold() for half in each.label.split(" | "))}
            for column in header:
                if key in found or column in found.values():
                    continue
                plain = column.casefold().replace("_", " ")
                if column.casefold() in names or plain in names or (not exact and any(n in plain for n in names)):
                    found[key] = column
    named = next((c for c in header if c not in found.values() and _A_NAME.search(c)), None)
    if named and spec.identity.key in fields:
        found.setdefault(spec.identity.key, named)
    return found


def importable() -> list[Spec]:
    """Record types that an import can make: those with a form and no parent that decides who sees them."""
    return [spec for spec in registry().values() if spec.scope != "child" and importer_of(spec).fields(spec)]


# results ---------------------------------------------------------------------------------------


@dataclass
class Counts:
    """How the rows of a file fared; `made` and `changed` per entity."""

    rows: int = 0
    refused: int = 0
    skipped: int = 0
    made: dict[str, int] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        return {"rows": self.rows, "refused": self.refused, "skipped": self.skipped, "made": dict(self.made), "changed": dict(self.changed)}

    def words(self, *, dry_run: bool) -> Text:
        """One sentence for the person who asked."""
        made = [say("{label} {count}", label=spec_named(name).label, count=count) for name, count in self.made.items() if count]
        changed = sum(self.changed.values())
        start = (
            "试运行：{rows} 行；将新建 {made}；将更新 {changed}；跳过 {skipped}；拒绝 {refused}。"
            " | Dry run: {rows} rows; would create {made}; update {changed}; skip {skipped}; refuse {refused}."
        )
        if not dry_run:
            start = (
                "{rows} 行；新建 {made}；更新 {changed}；跳过 {skipped}；拒绝 {refused}。"
                " | {rows} rows; created {made}; updated {changed}; skipped {skipped}; refused {refused}."
            )
        joined = _joined(made)
        return say(start, rows=self.rows, made=joined, changed=changed, skipped=self.skipped, refused=self.refused)


def _joined(parts: list[Text]) -> Any:
    if not parts:
        return "0"
    return {"zh": "、".join(part.in_("zh") for part in parts), "en": ", ".join(part.in_("en") for part in parts)}
