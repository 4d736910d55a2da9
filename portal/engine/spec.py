"""Reads a declaration once, and fails at start when it is wrong, with a sentence that says what to fix."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, Literal

from sqlalchemy import event, inspect
from sqlalchemy.orm import Mapper

from portal.engine import custom
from portal.engine.checks import check_alone
from portal.engine.entity import Customisable, Declared, Entity, Mergeable, Owned, Pooled, entity_name, parent_keys
from portal.engine.errors import BadRequest, WrongDeclaration
from portal.engine.fields import Field
from portal.engine.kinds.choice import StateField
from portal.engine.kinds.reference import ReferenceField
from portal.engine.screen import Screen

ScopeKind = Literal["owner", "child", "open"]


@dataclass(frozen=True, eq=False)
class Spec:
    """An entity as every door reads it."""

    name: str
    label: str
    model: type[Any]
    fields: Mapping[str, Field]
    screen: Screen
    scope: ScopeKind
    parents: tuple[ReferenceField, ...]
    """For children: the references of which exactly one names the record that this one is seen with."""
    verbs: tuple[str, ...]
    custom: Mapping[str, Field] = field(default_factory=dict)
    """Those of `fields` that were added at run time."""

    @property
    def table(self) -> Any:
        return self.model.__table__

    @cached_property
    def pooled(self) -> bool:
        return issubclass(self.model, Pooled)

    @cached_property
    def customisable(self) -> bool:
        return issubclass(self.model, Customisable)

    @cached_property
    def mergeable(self) -> bool:
        return issubclass(self.model, Mergeable)

    @cached_property
    def archived(self) -> bool:
        return issubclass(self.model, Entity)

    @cached_property
    def versioned(self) -> bool:
        """Whether a save says which version it was made from."""
        return "version" in self.table.c

    @cached_property
    def plural(self) -> str:
        return self.screen.plural or self.label

    @cached_property
    def identity(self) -> Field:
        """The field a record is called by."""
        return next((f for f in self.fields.values() if f.identity), next(iter(self.fields.values())))

    @cached_property
    def state(self) -> StateField | None:
        return next((f for f in self.fields.values() if isinstance(f, StateField)), None)

    @cached_property
    def searched(self) -> tuple[Field, ...]:
        return tuple(f for f in self.fields.values() if f.searched)

    @cached_property
    def masked(self) -> tuple[Field, ...]:
        """Fields that may be hidden from who sees the record."""
        return tuple(f for f in self.fields.values() if f.masked is not None)

    @cached_property
    def form(self) -> tuple[Field, ...]:
        """Fields a person fills in, in the declared order."""
        keys = self.screen.form or tuple(self.fields)
        return tuple(self.fields[key] for key in keys if not self.fields[key].readonly)

    @cached_property
    def facts(self) -> tuple[Field, ...]:
        keys = self.screen.facts or tuple(dict.fromkeys((*self.screen.columns, *(f.key for f in self.form))))
        return tuple(self.fields[key] for key in keys)

    @property
    def new_href(self) -> str:
        """Where people make a record."""
        return f"{self.screen.editor or f'/{self.name}/'}new"

    def edit_href(self, record_id: int) -> str:
        """Where people change one."""
        return f"{self.screen.editor}{record_id}" if self.screen.editor else f"/{self.name}/{record_id}/edit"

    def is_open(self, values: Mapping[str, Any]) -> bool:
        """Whether the form of a record in this state may be changed."""
        states = self.model.form_states
        return not states or self.state is None or values.get(self.state.key) in states

    def column(self, key: str) -> Any:
        """The mapped column, or the expression that stands for one."""
        if key in self.custom:
            return self.custom[key].within(self.model.extra)
        return getattr(self.model, key)

    def is_nullable(self, key: str) -> bool:
        """Whether nothing is NULL there."""
        return self.custom[key].blank is None if key in self.custom else bool(self.table.c[key].nullable)

    def parent_to(self, name: str) -> ReferenceField | None:
        """The reference by which a child belongs to this record type."""
        return next((each for each in self.parents if each.target == name), None)

    def link_to(self, name: str) -> ReferenceField | None:
        """The reference by which records stand beside one of this type: to the parent, else the first that leads there."""
        leading = (f for f in self.fields.values() if isinstance(f, ReferenceField) and f.target == name)
        return self.parent_to(name) or next(leading, None)

    def parent_in(self, values: Mapping[str, Any]) -> tuple[ReferenceField, int] | None:
        """The record that a child with these values belongs to."""
        return next(((each, int(values[each.key])) for each in self.parents if values.get(each.key)), None)

    def referrers(self) -> tuple[tuple[Spec, ReferenceField], ...]:
        """Every reference that leads to records of this type, of whichever record type it is."""
        leading = ((spec, each) for spec in registry().values() for each in spec.fields.values())
        return tuple((spec, each) for spec, each in leading if isinstance(each, ReferenceField) and each.target == self.name)

    def parts(self) -> tuple[Spec, ...]:
        """The children that are decided on together with it."""
        return tuple(each for each in registry().values() if each.model.is_part and each.parent_to(self.name) is not None)

    def field(self, key: str) -> Field:
        """The field of this name, or an error a person understands (never silently ignored)."""
        found = self.fields.get(key)
        if found is None:
            raise self.no_field(key)
        return found

    @staticmethod
    def no_field(key: str) -> BadRequest:
        """What is said of a field that is not there; one that is not for this reader is told the same of."""
        return BadRequest("没有字段 {key}。 | There is no field {key}.", key=key)


_read: dict[type[Any], Spec] = {}
_withdrawn: set[type[Any]] = set()


def _declared_spec(model: type[Any]) -> Spec:
    """As declared, read once."""
    if model not in _read:
        _read[model] = _spec(model)
    return _read[model]


def _spec(model: type[Any]) -> Spec:
    if not isinstance(getattr(model, "screen", None), Screen):
        raise WrongDeclaration(f'{model.__name__}: it has no screen; add screen = Screen(icon="…", columns=("…",))')
    fields = _fields(model)
    name = entity_name(model)
    label = (model.__doc__ or "").split(":")[0].strip()
    parents = tuple(found for key in parent_keys(model) if isinstance(found := fields.get(key), ReferenceField))
    kind: ScopeKind = "owner" if issubclass(model, Owned) else "child" if parents else "open"
    made = Spec(name, label, model, fields, model.screen, kind, parents, model.verbs)
    check_alone(made)
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


def spec_of(model: type[Any]) -> Spec:
    """The spec of a declared class, with the custom fields of the running request."""
    return custom.current(_declared_spec(model))


def registry() -> Mapping[str, Spec]:
    """Every entity by REST name, in order of declaration, with the custom fields of the running request."""
    return custom.current_all(_registry())


@cache
def _registry() -> dict[str, Spec]:
    """As declared. Read anew after a class was mapped or withdrawn."""
    ordered = sorted(_declared(), key=lambda m: (m.__module__, m.__name__))
    return {spec.name: spec for spec in (_declared_spec(model) for model in ordered)}


@event.listens_for(Mapper, "after_mapper_constructed")
def _read_anew(_mapper: Mapper[Any], _class: type[Any]) -> None:
    _registry.cache_clear()


def _declared() -> set[type[Any]]:
    from portal.engine.entity import _Base  # noqa: PLC0415

    return {mapper.class_ for mapper in _Base.registry.mappers if issubclass(mapper.class_, Declared)} - _withdrawn


@contextmanager
def declared_for_now() -> Iterator[None]:
    """What is declared inside is withdrawn at the end: for tests, whose entities nobody else must meet."""
    before = _declared()
    try:
        yield
    finally:
        for model in _declared() - before:
            _withdrawn.add(model)
            _read.pop(model, None)
            model.metadata.remove(model.__table__)
        _registry.cache_clear()


def spec_named(name: str) -> Spec:
    """The spec with this REST name."""
    found = registry().get(name)
    if found is None:
        raise BadRequest("没有数据类型 {name}。 | There is no record type {name}.", name=name)
    return found
