"""Reads a declaration once, and fails at start when it is wrong, with a sentence that says what to fix."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import inspect
from sqlalchemy.orm import Mapper

from portal.engine.entity import Declared, Entity, Owned, Pooled, entity_name
from portal.engine.errors import BadRequest, WrongDeclaration
from portal.engine.fields import Field
from portal.engine.kinds.choice import StateField
from portal.engine.kinds.reference import ReferenceField
from portal.engine.screen import Screen
from portal.engine.text import is_bilingual

ScopeKind = Literal["owner", "child", "open"]
TABS = frozenset({"mine", "team", "pool", "all"})


@dataclass(frozen=True, eq=False)
class Spec:
    """An entity as every door reads it."""

    name: str
    label: str
    model: type[Any]
    fields: Mapping[str, Field]
    screen: Screen
    scope: ScopeKind
    parent: ReferenceField | None
    verbs: tuple[str, ...]

    @property
    def table(self) -> Any:
        return self.model.__table__

    @property
    def pooled(self) -> bool:
        return issubclass(self.model, Pooled)

    @property
    def archived(self) -> bool:
        return issubclass(self.model, Entity)

    @property
    def plural(self) -> str:
        return self.screen.plural or self.label

    @property
    def identity(self) -> Field:
        """The field a record is called by."""
        return next((f for f in self.fields.values() if f.identity), next(iter(self.fields.values())))

    @property
    def state(self) -> StateField | None:
        return next((f for f in self.fields.values() if isinstance(f, StateField)), None)

    @property
    def searched(self) -> tuple[Field, ...]:
        return tuple(f for f in self.fields.values() if f.searched)

    @property
    def masked(self) -> tuple[Field, ...]:
        """Fields that may be hidden from who sees the record."""
        return tuple(f for f in self.fields.values() if f.masked is not None)

    @property
    def form(self) -> tuple[Field, ...]:
        """Fields a person fills in, in the declared order."""
        keys = self.screen.form or tuple(self.fields)
        return tuple(self.fields[key] for key in keys if not self.fields[key].readonly)

    @property
    def facts(self) -> tuple[Field, ...]:
        keys = self.screen.facts or tuple(dict.fromkeys((*self.screen.columns, *(f.key for f in self.form))))
        return tuple(self.fields[key] for key in keys)

    def column(self, key: str) -> Any:
        return getattr(self.model, key)

    def field(self, key: str) -> Field:
        """The field of this name, or an error a person understands (never silently ignored)."""
        found = self.fields.get(key)
        if found is None:
            raise BadRequest("没有字段 {key}。 | There is no field {key}.", key=key)
        return found


_read: dict[type[Any], Spec] = {}


def spec_of(model: type[Any]) -> Spec:
    """The spec of a declared class, read once."""
    if model not in _read:
        _read[model] = _spec(model)
    return _read[model]


def _spec(model: type[Any]) -> Spec:
    fields = _fields(model)
    name = entity_name(model)
    label = (model.__doc__ or "").split(":")[0].strip()
    parent = fields.get(model.scope_parent) if model.scope_parent else None
    kind: ScopeKind = "owner" if issubclass(model, Owned) else "child" if parent else "open"
    made = Spec(name, label, model, fields, model.screen, kind, parent if isinstance(parent, ReferenceField) else None, model.verbs)
    _check(made)
    return made


def _fields(model: type[Any]) -> dict[str, Field]:
    mapper: Mapper[Any] = inspect(model)
    declared = {}
    for attribute in mapper.column_attrs:
        found = attribute.columns[0].info.get("field") or model.extra_fields.get(attribute.key)
        if found is not None:
            declared[attribute.key] = found
    fields = {}
    for key, found in declared.items():
        bound = copy.copy(found)
        bound.key = key
        fields[key] = bound
    return fields


def _check(spec: Spec) -> None:
    for problem in _problems(spec):
        raise WrongDeclaration(f"{spec.model.__name__}: {problem}")


def _problems(spec: Spec) -> Iterator[str]:
    if not is_bilingual(spec.label):
        yield f'the docstring must begin with "中文 | English:", not {spec.label!r}'
    if not spec.fields:
        yield 'it declares no field; add one such as text("名称 | Name")'
    for field in spec.fields.values():
        if not is_bilingual(field.label):
            yield f"{field.key} needs a label in both languages, not {field.label!r}"
    screen = spec.screen
    named = {
        "columns": screen.columns,
        "filters": screen.filters,
        "form": screen.form,
        "facts": screen.facts,
        "order": (screen.order.lstrip("-"),) if screen.order.lstrip("-") != "id" else (),
    }
    for part, keys in named.items():
        for key in keys:
            if key not in spec.fields:
                yield f"screen.{part} names {key!r}, which is no field; known: {', '.join(spec.fields)}"
    if unknown := set(screen.tabs) - TABS:
        yield f"screen.tabs names {sorted(unknown)}; tabs are {sorted(TABS)}"
    if spec.model.scope_parent and spec.parent is None:
        yield f"scope_parent names {spec.model.scope_parent!r}, which is no reference of it"
    yield from _index_problems(spec)
    yield from _edge_problems(spec)


def _index_problems(spec: Spec) -> Iterator[str]:
    key = spec.screen.order.lstrip("-")
    if key == "id" or key not in spec.fields:
        return
    leading = {next(iter(index.expressions)).name for index in spec.table.indexes if hasattr(next(iter(index.expressions)), "name")}
    if key not in leading and not spec.table.c[key].unique:
        yield f"screen.order sorts by {key!r}, which no index leads with; add Index(..., {key!r}) to __table_args__"


def _edge_problems(spec: Spec) -> Iterator[str]:
    if (state := spec.state) is None:
        return
    known = {member.value for member in state.options}
    for start, ends in state.edges.items():
        for end in (start, *ends):
            if end not in known:
                yield f"an edge of {state.key!r} names the unknown state {end!r}; known: {sorted(known)}"


def registry() -> dict[str, Spec]:
    """Every declared entity by REST name, in order of declaration."""
    from portal.engine.entity import _Base  # noqa: PLC0415

    declared = [mapper.class_ for mapper in _Base.registry.mappers if issubclass(mapper.class_, Declared)]
    return {spec.name: spec for spec in (spec_of(m) for m in sorted(declared, key=lambda m: (m.__module__, m.__name__)))}


def spec_named(name: str) -> Spec:
    """The spec with this REST name."""
    found = registry().get(name)
    if found is None:
        raise BadRequest("没有数据类型 {name}。 | There is no record type {name}.", name=name)
    return found
