"""Fields added at run time: ordinary fields whose column is an expression over the record's `extra` document.

The engine knows neither who defines them nor where: a source gives them, read once per access version and process.
A record type with such fields is a copy of its declared spec, so that every door treats them as declared ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.orm import Session

from portal.engine import store
from portal.engine.entity import DOCUMENT
from portal.engine.fields import Field
from portal.engine.tables import AccessVersion

if TYPE_CHECKING:
    from portal.engine.spec import Spec

PREFIX = "x_"
"""Every key begins so: none can ever be that of a declared column."""
VERSION = "access_version"
"""Where a door leaves the access version it has read, in `session.info`."""
_EDITION = "custom_fields"


@dataclass(frozen=True, slots=True, eq=False)
class Addition:
    """A field of an entity, and whether its list shows it unasked."""

    entity: str
    field: Field
    listed: bool = False


@dataclass(slots=True)
class Edition:
    """The custom fields of one access version, and the specs they make."""

    rows: Sequence[Any]
    additions: Sequence[Addition]
    specs: dict[str, Spec] = field(default_factory=dict)
    registries: list[tuple[Mapping[str, Spec], Mapping[str, Spec]]] = field(default_factory=list)
    """At most one: what was declared, and the same with these fields."""

    def spec(self, declared: Spec) -> Spec:
        if declared.name not in self.specs:
            mine = [each for each in self.additions if declared.customisable and each.entity == declared.name]
            self.specs[declared.name] = _with(declared, mine) if mine else declared
        return self.specs[declared.name]

    def all(self, declared: Mapping[str, Spec]) -> Mapping[str, Spec]:
        if not self.registries or self.registries[0][0] is not declared:
            self.specs.clear()
            self.registries[:] = [(declared, {name: self.spec(spec) for name, spec in declared.items()})]
        return self.registries[0][1]


Read = Callable[[Session], Sequence[Any]]
Make = Callable[[Any], Addition]
_source: list[tuple[Read, Make]] = []
_kept: dict[str | None, tuple[int, Edition]] = {}
"""Database → the newest access version this process has seen, and its fields."""


def use_source(read: Read, make: Make) -> None:
    """Say where definitions come from: `read` gives their rows, `make` a field from one."""
    _source[:] = [(read, make)]


def current(declared: Spec) -> Spec:
    """The spec as the running request has it; outside of one, as declared."""
    edition = _here() if declared.customisable else None
    return declared if edition is None else edition.spec(declared)


def current_all(declared: Mapping[str, Spec]) -> Mapping[str, Spec]:
    """Every spec as the running request has it."""
    edition = _here()
    return declared if edition is None else edition.all(declared)


def _here() -> Edition | None:
    """The custom fields of the running request; None outside of one, and where nobody defines any."""
    session = store.current() if _source else None
    if session is None:
        return None
    found: Edition | None = session.info.get(_EDITION)
    if found is None:
        found = session.info[_EDITION] = _edition(session)
    return found


def _edition(session: Session) -> Edition:
    """Kept per process while the version stands; other rights may have moved it, then the specs stay the same."""
    database = session.connection().engine.url.database
    version = session.info.get(VERSION)
    if version is None:
        version = session.connection().scalar(select(AccessVersion.version).where(AccessVersion.id == 1)) or 0
    kept = _kept.get(database)
    if kept is None or kept[0] != version:
        read, make = _source[0]
        rows = read(session)
        same = kept is not None and list(kept[1].rows) == list(rows)
        edition = kept[1] if kept is not None and same else Edition(rows, [make(row) for row in rows])
        kept = _kept[database] = (version, edition)
    return kept[1]


def _with(declared: Spec, additions: Sequence[Addition]) -> Spec:
    own = {each.field.key: each.field for each in additions}
    fields = {**declared.fields, **own}
    screen = declared.screen
    listed = tuple(each.field.key for each in additions if each.listed)
    filters = tuple(key for key, each in own.items() if each.filterable)
    extended = replace(
        screen,
        columns=(*screen.columns, *listed),
        filters=(*screen.filters, *filters),
        form=_placed(declared, fields, own),
        facts=(*screen.facts, *own) if screen.facts else (),
    )
    return replace(declared, fields=fields, screen=extended, custom=own)


def _placed(declared: Spec, fields: Mapping[str, Field], own: Mapping[str, Field]) -> tuple[str, ...]:
    """The form's order: a field goes behind the last one of its section, a new section to the end."""
    keys = [each.key for each in declared.form]
    for key, each in own.items():
        neighbours = [place for place, other in enumerate(keys) if fields[other].section == each.section]
        keys.insert(neighbours[-1] + 1 if neighbours else len(keys), key)
    return tuple(keys)


def index_name(entity: str, key: str, use: str) -> str:
    """What an index of a custom field is called; `use`: list, search or unique."""
    return f"cx_{entity}_{key}_{use}"


def gathered(spec: Spec, values: Mapping[str, Any], extra: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Values as the record keeps them: those of custom fields go into its document, blank ones out of it.

    `extra` is the document of a record that is there; a new one begins with the defaults.
    """
    given = {key: value for key, value in values.items() if key in spec.custom}
    if extra is None:
        given = {**{key: f.default for key, f in spec.custom.items() if f.default is not None}, **given}
    if not given:
        return dict(values)
    document = {**(extra or {}), **{key: spec.custom[key].to_document(value) for key, value in given.items()}}
    kept = {key: value for key, value in document.items() if value not in (None, "")}
    return {**{key: value for key, value in values.items() if key not in given}, "extra": kept}


def stored(spec: Spec, key: str) -> Any:
    """Where the table keeps a field: in a column, or in its document."""
    return spec.custom[key].within(spec.table.c[DOCUMENT]) if key in spec.custom else spec.table.c[key]


def setting(spec: Spec, key: str, value: Any) -> dict[str, Any]:
    """What an UPDATE of the table sets so that the field holds a plain value."""
    if key not in spec.custom:
        return {key: value}
    return {DOCUMENT: func.jsonb_set(spec.table.c[DOCUMENT], array([key]), func.to_jsonb(value))}


def values_of(spec: Spec, extra: Mapping[str, Any] | None) -> dict[str, Any]:
    """The values of the custom fields in a loaded record's document."""
    return {key: each.from_document((extra or {}).get(key)) for key, each in spec.custom.items()}


def value_of(spec: Spec, record: Any, key: str) -> Any:
    """A field's value in a loaded record, wherever it keeps it."""
    return values_of(spec, record.extra)[key] if key in spec.custom else getattr(record, key)
