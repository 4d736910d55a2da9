"""The set-based half of an import: find duplicates, make and change records, write history and tenure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Integer, Numeric, Table, and_, case, cast, func, insert, literal, or_, select, text, true, update
from sqlalchemy import Text as SqlText
from sqlalchemy.dialects.postgresql import JSONB, distinct_on
from sqlalchemy.orm import Session
from sqlalchemy.types import String

from portal.engine import custom
from portal.engine.audit import attribution
from portal.engine.entity import DOCUMENT, Owned, Pooled
from portal.engine.errors import Refused
from portal.engine.import_rows import Plan, said
from portal.engine.importing import Counts
from portal.engine.query.among import among
from portal.engine.spec import Spec
from portal.engine.tables import AuditEvent, Tenure
from portal.engine.text import Text, say

_SEVERAL = "同一文件里第 {line} 行已有同样的记录。 | Row {line} of this file is the same record."
_EXISTS = "已有同样的记录。 | There is such a record already."
_OUT_OF_REACH = "已有同样的记录，而你不能修改它。 | There is such a record already, and you may not change it."


Closed = Callable[[Session, Spec, Sequence[int]], Mapping[int, Text]]


@dataclass
class Writer:
    """Works off one staged chunk. `writable` gives the rows of a record type that the importer may change; `closed`
    which of some rows nobody changes now, and why."""

    session: Session
    table: Table
    plans: Sequence[Plan]
    import_id: int
    acting_user: Any
    now: datetime
    writable: Callable[[Spec], ColumnElement[bool] | None]
    closed: Closed
    counts: Counts

    def run(self) -> dict[int, tuple[str, Text]]:
        """Every target in order. Returns line → (refused or skipped, why)."""
        told: dict[int, tuple[str, Text]] = {}
        for plan in self.plans:
            self._link(plan)
            if plan.target.on_duplicate != "create":
                self._match(plan)
                self._first_of_each(plan)
            self._existing(plan, told)
            self._make(plan)
            self._same_in_file(plan, told)
        return told

    def _execute(self, statement: Any) -> Any:
        return self.session.connection().execute(statement)

    def _alive(self, plan: Plan) -> ColumnElement[bool]:
        return and_(self.table.c.problem.is_(None), plan.here.is_(true()))

    # who is who ------------------------------------------------------------------------------

    def _link(self, plan: Plan) -> None:
        """References to earlier targets of the row."""
        aliases = {other.target.alias: other for other in self.plans[: plan.number]}
        linked = {plan.column(key).name: aliases[alias].staged.id for key, alias in plan.target.links.items()}
        if linked:
            self._execute(update(self.table).values(linked))

    def _match(self, plan: Plan) -> None:
        """Give rows the id of the record that is there already, by the first key that finds one."""
        model = plan.spec.table
        for keys in plan.match:
            usable = [key for key in keys if key in plan.staged.columns]
            if len(usable) != len(keys):
                continue
            same = and_(*(model.c[key] == plan.column(key) for key in keys))
            filled = and_(*(self._filled(plan.column(key)) for key in keys))
            alive = model.c.deleted_at.is_(None) if "deleted_at" in model.c else true()
            found = (
                select(self.table.c.line, func.min(model.c.id).label("id"))
                .join(model, same)
                .where(filled, alive, self._alive(plan), plan.staged.id.is_(None))
                .group_by(self.table.c.line)
                .subquery()
            )
            self._execute(update(self.table).where(self.table.c.line == found.c.line).values({plan.staged.id.name: found.c.id}))

    @staticmethod
    def _filled(column: Any) -> ColumnElement[bool]:
        return column != "" if isinstance(column.type, String) else column.is_not(None)  # type: ignore[no-any-return]

    def _first_of_each(self, plan: Plan) -> None:
        """Among rows that are new, the first line with the same key stands for the others."""
        firsts: list[Any] = [self.table.c.line]
        for keys in plan.match:
            if all(key in plan.staged.columns for key in keys):
                group = func.min(self.table.c.line).over(partition_by=[plan.column(key) for key in keys])
                firsts.append(case((and_(*(self._filled(plan.column(key)) for key in keys)), group)))
        ranked = select(self.table.c.line, func.least(*firsts).label("first")).where(self._alive(plan), plan.staged.id.is_(None)).subquery()
        differs = and_(self.table.c.line == ranked.c.line, ranked.c.first < ranked.c.line)
        self._execute(update(self.table).where(differs).values({plan.first.name: ranked.c.first}))

    # records that are there already --------------------------------------------------------------

    def _existing(self, plan: Plan, told: dict[int, tuple[str, Text]]) -> None:
        met = and_(self._alive(plan), plan.staged.id.is_not(None))
        how = plan.target.on_duplicate
        if how in {"update", "fill"}:
            self._refuse_out_of_reach(plan, met, told)
            self._refuse_closed(plan, met, told)
            self._change(plan, met, fill=how == "fill")
        elif plan is self.plans[-1] or how == "refuse":
            self._tell_duplicates(plan, met, told, refuse=how == "refuse")

    def _tell_duplicates(self, plan: Plan, met: ColumnElement[bool], told: dict[int, tuple[str, Text]], *, refuse: bool) -> None:
        rows = self._execute(select(self.table.c.line, plan.staged.id).where(met)).all()
        words = plan.importer.duplicate(self.session, [row[1] for row in rows]) if rows else {}
        for line, record_id in rows:
            told[line] = ("refused" if refuse else "skipped", words.get(record_id) or say(_EXISTS))
        if refuse:
            self._execute(update(self.table).where(met).values(problem="duplicate"))

    def _refuse_out_of_reach(self, plan: Plan, met: ColumnElement[bool], told: dict[int, tuple[str, Text]]) -> None:
        allowed = self.writable(plan.spec)
        if allowed is None:
            return
        reachable = select(plan.spec.model.id).where(allowed)
        outside = and_(met, plan.staged.id.not_in(reachable))
        closed = update(self.table).where(outside).values(problem="out of reach").returning(self.table.c.line)
        for line in self._execute(closed).scalars():
            told[line] = ("refused", say(_OUT_OF_REACH))

    def _refuse_closed(self, plan: Plan, met: ColumnElement[bool], told: dict[int, tuple[str, Text]]) -> None:
        lines: dict[int, list[int]] = {}
        for line, record_id in self._execute(select(self.table.c.line, plan.staged.id).where(met)):
            lines.setdefault(record_id, []).append(line)
        refused = {line: why for record_id, why in self.closed(self.session, plan.spec, list(lines)).items() for line in lines[record_id]}
        if refused:
            told |= {line: ("refused", why) for line, why in refused.items()}
            self._execute(update(self.table).where(among(self.table.c.line, list(refused))).values(problem="closed"))

    def _change(self, plan: Plan, met: ColumnElement[bool], *, fill: bool) -> None:
        """The first line that met a record changes it: cells that say nothing leave the record as it is."""
        model = plan.spec.table
        keys = self._changeable(plan)
        if not keys:
            return
        source = (select(self.table).ext(distinct_on(plan.staged.id)).where(met).order_by(plan.staged.id, self.table.c.line)).subquery()
        old = {key: custom.stored(plan.spec, key) for key in keys}
        new = {key: self._new_value(old[key], self._given(plan, source, key, fill=fill), fill=fill) for key in keys}
        differs = or_(*(old[key].is_distinct_from(value) for key, value in new.items()))
        identity = source.c[plan.staged.id.name]
        former = (
            select(model.c.id, *(old[key].label(f"old_{key}") for key in keys), *(v.label(f"new_{k}") for k, v in new.items()))
            .join(source, identity == model.c.id)
            .where(differs)
            .with_for_update(of=model)
            .cte("former")
        )
        stamp = {key: value for key, value in self._stamp().items() if key in model.c and key.startswith("changed")}
        version = {"version": model.c.version + 1} if "version" in model.c else {}
        changed = (
            update(model)
            .where(model.c.id == former.c.id)
            .values({**_written(plan.spec, {key: former.c[f"new_{key}"] for key in keys}), **stamp, **version})
            .returning(model.c.id)
            .cte("changed")
        )
        before = self._document({key: former.c[f"old_{key}"] for key in keys})
        after = self._document({key: former.c[f"new_{key}"] for key in keys})
        lines = select(*self._who(plan.spec), former.c.id, before, after).where(former.c.id.in_(select(changed.c.id)))
        written = insert(AuditEvent.__table__).from_select(  # type: ignore[arg-type]
            ["at", "actor_id", "actor_note", "entity", "verb", "record_id", "before", "after"], lines, include_defaults=False
        )
        ids = list(self._execute(written.returning(AuditEvent.record_id)).scalars())
        self._count_changed(plan, ids)
        if ids:
            plan.importer.changed(self.session, ids, now=self.now)

    def _changeable(self, plan: Plan) -> list[str]:
        """What a row may change of a record that is there."""
        matched_by = {key for keys in plan.match for key in keys}
        return [
            k
            for k in (*plan.target.columns, *plan.target.links, *plan.importer.derived)
            if _is_kept(plan.spec, k) and (k not in matched_by or k not in plan.target.links) and not self._by_verb_only(plan, k)
        ]

    @staticmethod
    def _given(plan: Plan, source: Any, key: str, *, fill: bool) -> Any:
        """What the row says of a field; a constant for blank cells may fill a blank, and replaces nothing."""
        given = source.c[plan.column(key).name]
        if fill or key not in plan.doubted:
            return given
        return case((source.c[plan.column(said(key)).name], given))

    @staticmethod
    def _by_verb_only(plan: Plan, key: str) -> bool:
        """A new record may be given what only verbs change afterwards."""
        return key in plan.spec.fields and plan.spec.fields[key].readonly

    def _count_changed(self, plan: Plan, ids: list[int]) -> None:
        """A record that this import made a moment ago and then completed counts as made only."""
        model = plan.spec.table
        if ids and "created_at" in model.c:
            older = select(func.count()).where(model.c.id.in_(ids), model.c.created_at < self.now)
            self.counts.changed[plan.spec.name] = self.counts.changed.get(plan.spec.name, 0) + int(self._execute(older).scalar() or 0)

    @staticmethod
    def _new_value(column: Any, given: Any, *, fill: bool) -> Any:
        is_text = isinstance(column.type, String)
        says = case((given == "", None), else_=given) if is_text else given
        if fill:
            says, column = (case((column == "", None), else_=column) if is_text else column), func.coalesce(given, column)
        return func.coalesce(says, column)

    # new records ---------------------------------------------------------------------------------

    def _make(self, plan: Plan) -> None:
        fresh = and_(self._alive(plan), plan.staged.id.is_(None), plan.first.is_(None))
        sequence = func.pg_get_serial_sequence(literal(plan.spec.table.name), literal("id"))
        numbered = {plan.staged.id.name: func.nextval(sequence), plan.staged.is_new.name: true()}
        made = self._execute(update(self.table).where(fresh).values(numbered)).rowcount
        if not made:
            return
        self.counts.made[plan.spec.name] = self.counts.made.get(plan.spec.name, 0) + made
        self._complete(plan)
        self._insert(plan)
        self._history(plan)
        if issubclass(plan.spec.model, Pooled):
            self._tenure(plan)
        plan.importer.after(self.session, self.table, plan.staged, acting_user=self.acting_user, now=self.now)

    def _complete(self, plan: Plan) -> None:
        """Columns that need the record type's own thought, for new rows only."""
        if not plan.importer.completed:
            return
        wanted = select(self.table.c.line, *(column.label(key) for key, column in plan.staged.columns.items()))
        rows = self._execute(wanted.where(plan.staged.is_new).order_by(self.table.c.line)).mappings().all()
        given = plan.importer.complete(self.session, rows)
        driver: Any = self.session.connection().connection.driver_connection
        keys = tuple(plan.importer.completed)
        sets = ", ".join(f'"{plan.column(key).name}" = %s' for key in keys)
        with driver.cursor() as cursor:
            cursor.executemany(
                f'UPDATE "{self.table.name}" SET {sets} WHERE line = %s',  # noqa: S608 - names of our own columns
                [(*(row[key] for key in keys), row["line"]) for row in given],
            )

    def _insert(self, plan: Plan) -> None:
        model = plan.spec.table
        values: dict[str, Any] = {"id": plan.staged.id}
        for key, value in {**self._stamp(), **plan.importer.fixed(plan.spec, acting_user=self.acting_user, now=self.now)}.items():
            if key in model.c:
                values[key] = cast(literal(value, model.c[key].type), model.c[key].type)
        if issubclass(plan.spec.model, Owned) and not issubclass(plan.spec.model, Pooled):
            values |= self._owner()
        if "import_id" in model.c:
            values["import_id"] = literal(self.import_id)
        values |= {key: self._stored(model.c[key], column) for key, column in plan.staged.columns.items() if key in model.c}
        if plan.spec.custom:
            values[DOCUMENT] = _document_of(plan.spec, plan.staged.columns)
        rows = select(*values.values()).where(plan.staged.is_new).order_by(self.table.c.line)
        self._execute(insert(model).from_select(list(values), rows))

    def _owner(self) -> dict[str, Any]:
        """What cannot lie in a pool belongs to who imports it."""
        if not self.acting_user.user_id:
            raise Refused("请以某个人的身份导入。 | Import this as somebody.", rule="nobody")
        return {"owner_id": literal(self.acting_user.user_id), "team_id": cast(literal(self.acting_user.team_id, Integer), Integer)}

    @staticmethod
    def _stored(column: Any, given: Any) -> Any:
        """Nothing is the empty string where the column may not be null."""
        return func.coalesce(given, "") if isinstance(column.type, String) and not column.nullable else given

    def _stamp(self) -> dict[str, Any]:
        actor = attribution(self.session)["actor_id"]
        return {"created_at": self.now, "changed_at": self.now, "created_by_id": actor, "changed_by_id": actor}

    def _history(self, plan: Plan) -> None:
        told = {key: column for key, column in plan.staged.columns.items() if key not in plan.importer.derived and _is_kept(plan.spec, key)}
        lines = select(*self._who(plan.spec), plan.staged.id, self._document(told)).where(plan.staged.is_new)
        self._execute(
            insert(AuditEvent.__table__).from_select(  # type: ignore[arg-type]
                ["at", "actor_id", "actor_note", "entity", "verb", "record_id", "after"],
                lines.order_by(self.table.c.line),
                include_defaults=False,
            )
        )

    def _who(self, spec: Spec) -> list[Any]:
        who = attribution(self.session)
        return [
            literal(who["at"], AuditEvent.__table__.c.at.type),
            cast(literal(who["actor_id"], Integer), Integer),
            literal(who["actor_note"]),
            literal(spec.name),
            literal("import"),
        ]

    @staticmethod
    def _document(columns: Mapping[str, Any]) -> Any:
        """What a row says, as JSON: nothing where it says nothing."""
        parts = [
            part
            for key, column in columns.items()
            for part in (literal(key, literal_execute=True), func.nullif(column, "") if isinstance(column.type, String) else column)
        ]
        return cast(func.jsonb_strip_nulls(func.jsonb_build_object(*parts)), JSONB)

    def _tenure(self, plan: Plan) -> None:
        """Whose each new record is, from its first moment (a later owner change follows on it)."""
        model, new = plan.spec.table, Tenure.__table__
        rows = (
            select(
                literal(self.now, new.c.at.type),
                literal(plan.spec.name),
                model.c.id,
                model.c.owner_id,
                model.c.pool_id,
                literal("import"),
                cast(literal(attribution(self.session)["actor_id"], Integer), Integer),
                literal(1),
            )
            .join(self.table, plan.staged.id == model.c.id)
            .where(plan.staged.is_new)
        )
        self._execute(
            insert(new).from_select(  # type: ignore[arg-type]
                ["at", "entity", "record_id", "owner_id", "pool_id", "how", "by_id", "version"], rows, include_defaults=False
            )
        )

    def _same_in_file(self, plan: Plan, told: dict[int, tuple[str, Text]]) -> None:
        """Rows that stand for a record that an earlier row made get its id."""
        other = self.table.alias("other")
        open_rows = and_(self._alive(plan), plan.staged.id.is_(None), plan.first.is_not(None))
        given = other.c[plan.staged.id.name]
        follow = (
            update(self.table)
            .where(open_rows, other.c.line == plan.first, given.is_not(None))
            .values({plan.staged.id.name: given})
            .returning(self.table.c.line, plan.first)
        )
        while rows := self._execute(follow).all():
            if plan is self.plans[-1]:
                told.update({line: ("skipped", say(_SEVERAL, line=first)) for line, first in rows})


def begin(session: Session, table: Table) -> None:
    """An empty staging table for the next chunk of this transaction."""
    connection = session.connection()
    connection.execute(text(f'DROP TABLE IF EXISTS pg_temp."{table.name}"'))
    table.create(connection)


def analyse(session: Session, table: Table) -> None:
    """Tell the planner what the staging table holds."""
    session.connection().execute(text(f'ANALYZE "{table.name}"'))


__all__ = ["Writer", "analyse", "begin"]


def _is_kept(spec: Spec, key: str) -> bool:
    """Whether the record keeps it: in a column, or in its document."""
    return key in spec.table.c or key in spec.custom


def _written(spec: Spec, values: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of an update: what custom fields say joins what the document says already."""
    columns = {key: value for key, value in values.items() if key not in spec.custom}
    if len(columns) == len(values):
        return columns
    return {**columns, DOCUMENT: spec.table.c[DOCUMENT].op("||")(_document_of(spec, values))}


def _document_of(spec: Spec, values: Mapping[str, Any]) -> Any:
    """Custom fields as JSON, as `Field.to_document` writes them: numbers with decimals as text, nothing for nothing."""
    parts: list[Any] = []
    for key in spec.custom:
        if key in values:
            value = values[key]
            told = func.nullif(value, "") if isinstance(value.type, String) else value
            parts += [literal(key, literal_execute=True), cast(told, SqlText) if isinstance(value.type, Numeric) else told]
    return cast(func.jsonb_strip_nulls(func.jsonb_build_object(*parts)), JSONB)
