"""From the rows of a file to the staging table: each cell through its field, references by name, then COPY."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import Boolean, Column, Integer, MetaData, Table, func, insert, select
from sqlalchemy import Text as SqlText
from sqlalchemy.orm import Session

from portal.engine import audit
from portal.engine.errors import BadRequest
from portal.engine.fields import BadValue, Field, View
from portal.engine.importing import Importer, Mapped, Staged, Target, cell, importer_of, match_of
from portal.engine.intake import Values
from portal.engine.kinds.dates import InstantField
from portal.engine.kinds.reference import ReferenceField
from portal.engine.spec import Spec, registry, spec_named
from portal.engine.text import Text, say

_MOST_REMEMBERED = 20_000


def said(key: str) -> str:
    """The staging column that tells whether the row itself says this field."""
    return f"{key}__said"


@dataclass
class Plan:
    """A target made ready: its fields, their sources, its columns in the staging table."""

    number: int
    target: Target
    spec: Spec
    importer: Importer
    fields: dict[str, Field]
    match: tuple[tuple[str, ...], ...]
    defaults: dict[str, Any]
    staged: Staged
    here: Any
    first: Any
    remembered: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def taken(self) -> tuple[str, ...]:
        """Fields that rows bring: from columns, constants or defaults; not from links."""
        return tuple(key for key in self.fields if key not in self.target.links)

    @property
    def unsure(self) -> tuple[str, ...]:
        """Fields whose blank cells a constant fills: a new record gets it, one that is there keeps its own value."""
        return tuple(key for key in self.taken if key in self.target.columns and key in self.target.constants)

    @property
    def doubted(self) -> tuple[str, ...]:
        """Those, and what is derived from them: the staging table says of each whether the row itself said it."""
        return (*self.unsure, *self.importer.derived) if self.unsure else ()

    @property
    def copied(self) -> tuple[str, ...]:
        """Columns of the staging table that COPY fills."""
        return (*self.taken, *self.importer.derived, *map(said, self.doubted))

    def column(self, key: str) -> Any:
        return self.staged.columns[key]


def plans(session: Session, mapped: Mapped) -> tuple[Table, list[Plan]]:
    """The staging table and the targets over it."""
    columns: list[Column[Any]] = [Column("line", Integer, primary_key=True), Column("problem", SqlText)]
    drafts = []
    for number, target in enumerate(mapped.targets):
        spec = spec_named(target.entity)
        found = importer_of(spec)
        known = found.fields(spec)
        defaults = found.defaults(session)
        used = {
            key: each
            for key, each in known.items()
            if key in target.columns or key in target.constants or key in target.links or key in defaults
        }
        types = {**{key: _type(spec, key, each) for key, each in used.items()}, **found.derived, **found.completed}
        both = target.columns.keys() & target.constants.keys() & used.keys()
        types |= {said(key): Boolean() for key in (*both, *found.derived)} if both else {}
        own = {key: Column(f"t{number}_{key}", kind) for key, kind in types.items()}
        here, first = Column(f"t{number}__here", Boolean), Column(f"t{number}__first", Integer)
        identity, fresh = Column(f"t{number}__id", Integer), Column(f"t{number}__new", Boolean)
        columns += [*own.values(), here, first, identity, fresh]
        drafts.append((number, target, spec, found, used, defaults, own, here, first, identity, fresh))
    table = Table("portal_import", MetaData(), *columns, prefixes=["TEMPORARY"], postgresql_on_commit="DROP")
    made = [
        Plan(number, target, spec, found, used, match_of(spec, target), defaults, Staged(identity, fresh, own), here, first)
        for number, target, spec, found, used, defaults, own, here, first, identity, fresh in drafts
    ]
    return table, made


def _type(spec: Spec, key: str, each: Field) -> Any:
    return spec.table.c[key].type if key in spec.table.c else each.sql_type()


@dataclass
class Row:
    """One row of the file: its number, its cells, per target the typed values (None: the row has no such record)."""

    line: int
    cells: Values
    values: list[dict[str, Any] | None] = field(default_factory=list)
    problems: list[Text] = field(default_factory=list)


def read(line: int, cells: Values, targets: Sequence[Plan], view: View) -> Row:
    """Parse a row for every target. What is wrong is noted, never raised."""
    row = Row(line, cells)
    if cells.problem is not None:
        row.problems.append(cells.problem)
    for number, plan in enumerate(targets):
        row.values.append(_values(plan, row, view, last=number == len(targets) - 1))
    return row


def _values(plan: Plan, row: Row, view: View, *, last: bool) -> dict[str, Any] | None:
    texts = {key: cell(source, row.cells).strip() for key, source in plan.target.columns.items()}
    if texts and not any(texts.values()) and not last:
        return None
    values: dict[str, Any] = {}
    for key in plan.taken:
        each = plan.fields[key]
        text = texts.get(key) or plan.target.constants.get(key, "")
        if not text and key in plan.defaults:
            values[key] = plan.defaults[key]
            continue
        try:
            values[key] = text or None if isinstance(each, ReferenceField) else _parsed(plan, each, text, view)
        except BadValue as error:
            row.problems.append(say("{label}：{why} | {label}: {why}", label=each.label, why=error.text))
            continue
        if each.required and key not in plan.importer.completed and each.is_blank(values[key]):
            row.problems.append(say("“{label}”不能为空。 | “{label}” must not be empty.", label=each.label))
    if not row.problems:
        try:
            plan.importer.derive(values)
        except BadValue as error:
            row.problems.append(error.text)
            return values
        values |= _said(plan, texts, values)
    return values


def _said(plan: Plan, texts: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, bool]:
    if not plan.unsure:
        return {}
    own = {key: value for key, value in values.items() if key not in plan.unsure or texts[key]}
    plan.importer.derive(own)
    return {said(key): bool(texts[key]) for key in plan.unsure} | {said(key): own[key] == values[key] for key in plan.importer.derived}


def _parsed(plan: Plan, each: Field, text: str, view: View) -> Any:
    """Files repeat their words: a parsed text is remembered."""
    known = plan.remembered.setdefault(each.key, {})
    if text in known:
        return known[text]
    value = each.parse(text)
    if value and isinstance(each, InstantField):
        value = each.local(value, view)
    if len(known) < _MOST_REMEMBERED:
        known[text] = value
    return value


# references by name ------------------------------------------------------------------------------


@dataclass
class References:
    """Names of records → ids, as the importer sees them; missing ones are made where the mapping says so."""

    session: Session
    may: Callable[[str], bool]
    known: dict[tuple[str, str], int | None] = field(default_factory=dict)
    made: dict[str, int] = field(default_factory=dict)

    def resolve(self, plan: Plan, rows: Iterable[Row]) -> None:
        """Replace names by ids in every row of a target; a name that names nothing is the row's problem."""
        for key in plan.taken:
            each = plan.fields[key]
            if isinstance(each, ReferenceField):
                self._field(plan, key, each, [row for row in rows if row.values[plan.number] is not None])

    def _field(self, plan: Plan, key: str, each: ReferenceField, rows: list[Row]) -> None:
        spec = registry()[each.target]
        wanted = {name for row in rows if isinstance(name := (row.values[plan.number] or {}).get(key), str)}
        self._look_up(spec, sorted(name for name in wanted if (spec.name, name) not in self.known))
        if key in plan.target.create_missing:
            self._create(spec, sorted(name for name in wanted if (spec.name, name) not in self.known))
        for row in rows:
            values = row.values[plan.number] or {}
            name = values.get(key)
            if not isinstance(name, str):
                continue
            values[key] = self.known.get((spec.name, name))
            if values[key] is None:
                row.problems.append(self._why(spec, each, name))

    def _why(self, spec: Spec, each: Field, name: str) -> Text:
        if (spec.name, name) in self.known:
            return say(
                "{label}：有多条叫“{name}”的记录，无法分辨。 | {label}: several records are called “{name}”.", label=each.label, name=name
            )
        return say("{label}：没有叫“{name}”的记录。 | {label}: there is no record called “{name}”.", label=each.label, name=name)

    def _look_up(self, spec: Spec, names: list[str]) -> None:
        if not names:
            return
        identity = spec.column(spec.identity.key)
        found = select(spec.model.id, identity).where(identity.in_(names))
        if spec.archived:
            found = found.where(spec.model.deleted_at.is_(None))
        for record_id, name in self.session.execute(found):
            key = (spec.name, name)
            self.known[key] = None if key in self.known else record_id
        self._look_alike(spec, [name for name in names if (spec.name, name) not in self.known])

    def _look_alike(self, spec: Spec, names: list[str]) -> None:
        """Names that nothing has exactly, by their normal form where the record type keeps one."""
        importer = importer_of(spec)
        by_key = {name: key for name in names if importer.alike and (key := importer.key_of(name))}
        if not by_key:
            return
        kept = spec.column(importer.alike)
        found = select(kept, func.min(spec.model.id), func.count()).where(kept.in_(sorted(set(by_key.values()))))
        if spec.archived:
            found = found.where(spec.model.deleted_at.is_(None))
        ids = {key: record_id if count == 1 else None for key, record_id, count in self.session.execute(found.group_by(kept))}
        self.known |= {(spec.name, name): ids[key] for name, key in by_key.items() if key in ids}

    def _create(self, spec: Spec, names: list[str]) -> None:
        if not names:
            return
        if not self.may(f"{spec.name}:create"):
            raise BadRequest(
                "你不能新建“{label}”，请先请管理员建好。 | You may not create {label}; ask an administrator first.", label=spec.label
            )
        now, actor = self.session.info["now"], audit.attribution(self.session)
        for name in names:
            values = {
                spec.identity.key: spec.identity.parse(name),
                "created_at": now,
                "changed_at": now,
                "created_by_id": actor["actor_id"],
                "changed_by_id": actor["actor_id"],
            }
            adding = insert(spec.table).values(values).returning(spec.table.c.id)
            record_id = int(self.session.connection().scalar(adding) or 0)
            self.known[spec.name, name] = record_id
            audit.write(self.session, verb="import", entity=spec.name, record_id=record_id, after={spec.identity.key: name})
            self.made[spec.name] = self.made.get(spec.name, 0) + 1


def copy(session: Session, table: Table, targets: Sequence[Plan], rows: Iterable[Row]) -> None:
    """Fill the staging table with the rows that are right so far."""
    names = ["line"]
    for plan in targets:
        names += [plan.here.name, *(plan.column(key).name for key in plan.copied)]
    driver: Any = session.connection().connection.driver_connection
    quoted = ", ".join(f'"{name}"' for name in names)
    with driver.cursor() as cursor, cursor.copy(f'COPY "{table.name}" ({quoted}) FROM STDIN') as stream:
        for row in rows:
            record: list[Any] = [row.line]
            for plan, values in zip(targets, row.values, strict=True):
                record.append(values is not None)
                given: Mapping[str, Any] = values or {}
                record += [Jsonb(value) if isinstance(value := given.get(key), list) else value for key in plan.copied]
            stream.write_row(record)
