"""The gate (law 2): row scope on every statement of the session, write checks around every flush; deny by default."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import ColumnElement, Executable, Select, Table, and_, bindparam, event, false, func, inspect, or_, select
from sqlalchemy.orm import LoaderCriteriaOption, ORMExecuteState, Session, UOWTransaction

from portal.engine import store, tables
from portal.engine.errors import NotFound, PortalError
from portal.engine.query.among import among, among_given
from portal.engine.spec import Spec, registry, spec_of
from portal.security import references, scopes
from portal.security.detours import RAW, Verdict, read
from portal.security.principal import NOBODY, Principal, system_principal

GATE_PASSED = "gate_passed"
WITH_DELETED = store.WITH_DELETED
OWNER_CHANGE = "owner_change"
_OWNERSHIP = frozenset({"owner_id", "pool_id", "team_id"})
_STAMPS = ("changed_at", "changed_by_id", "version")
_MOST_CACHED = 512


class GateError(PortalError):
    """A statement or a flush went around the gate: a fault of ours, told neutrally to the user."""

    status = 500
    rule = "gate"

    def __init__(self, why: str) -> None:
        super().__init__("操作没有完成。 | The operation was not completed.")
        self.why = why
        self.args = (why,)


class OutOfScope(NotFound):
    """A row the principal may not write: answered like a row that is not there."""


class ScopeCriterion(LoaderCriteriaOption):
    """A plain criterion for one class, in every statement shape.

    SQLAlchemy 2.1 leaves the criterion of an explicit join to an alias on the unaliased table, so that a self join
    would show every row of the alias: here it follows the alias.
    """

    _traverse_internals = LoaderCriteriaOption._traverse_internals  # noqa: SLF001 - it is what makes it cacheable

    def _resolve_where_criteria(self, ext_info: Any) -> ColumnElement[bool]:
        found = super()._resolve_where_criteria(ext_info)
        return ext_info._adapter.traverse(found) if ext_info.is_aliased_class else found  # noqa: SLF001


class Gate:
    """Everything the session listeners need to know, read once from the declarations."""

    def __init__(self) -> None:
        self._options: OrderedDict[tuple[str, bool, bool, frozenset[Table]], tuple[Any, ...]] = OrderedDict()
        self._verdicts: OrderedDict[tuple[Any, ...], Verdict] = OrderedDict()
        self._scoped_statements: WeakKeyDictionary[Any, dict[tuple[str, bool, bool, bool], Any]] = WeakKeyDictionary()
        self._specs: tuple[Spec, ...] | None = None

    @property
    def scoped(self) -> tuple[Spec, ...]:
        if self._specs is None:
            self._specs = tuple(spec for spec in registry().values() if spec.scope != "open")
            self.tables: set[Table] = {spec.table for spec in self._specs}
            self.guarded: set[Table] = {tables.AuditEvent.__table__, tables.Attachment.__table__, tables.Notification.__table__}  # type: ignore[arg-type]
        return self._specs

    def forget(self) -> None:
        """Read the declarations anew (tests declare entities late)."""
        self._specs = None
        self._options.clear()
        self._verdicts.clear()
        self._scoped_statements.clear()
        scopes.forget()
        _proof.cache_clear()
        _widened.cache_clear()

    def options(
        self, principal: Principal, touched: frozenset[Table] | None = None, *, with_deleted: bool = False, at_work: bool = False
    ) -> tuple[Any, ...]:
        """One plain criterion per scoped class that the statement touches, built once per principal version.

        `touched`: None for every class, where it is not known what the statement touches.
        """
        scoped = self.scoped
        key = (principal.key, with_deleted, at_work, frozenset(self.tables) if touched is None else touched)
        if key not in self._options or principal.key == "nobody":
            self._options[key] = tuple(
                ScopeCriterion(spec.model, found, include_aliases=True)
                for spec in scoped
                if spec.table in key[3]
                and (found := scopes.readable(spec, principal, with_deleted=with_deleted, at_work=at_work)) is not None
            )
            if len(self._options) > _MOST_CACHED:
                self._options.popitem(last=False)
        return self._options[key]

    def scope(self, state: ORMExecuteState, principal: Principal) -> Any:
        """The statement as it may run: judged, and a SELECT with its criteria. One that comes again (lists keep theirs) is done once."""
        passed, with_deleted = (bool(state.execution_options.get(option)) for option in (GATE_PASSED, WITH_DELETED))
        done = self._scoped_statements.setdefault(state.statement, {})
        at_work = bool(state.session.info.get("unit_of_work"))
        key = (principal.key, passed, with_deleted, at_work)
        if key not in done or principal.key == "nobody":
            touched = None if passed else _refuse_detours(state)
            options = self.options(principal, touched, with_deleted=with_deleted, at_work=at_work) if state.is_select else ()
            done[key] = state.statement.options(*options) if options else state.statement
        return done[key]

    def verdict(self, statement: Any) -> Verdict:
        """How a statement would go around the gate, if it does, and what it touches: read once per shape.

        The shape is SQLAlchemy's own cache key: it tells one SQL text from another, so what holds for a statement
        holds for every other with its key. A statement without one is read each time.
        """
        self.scoped  # noqa: B018 - reads the declarations
        key = statement._generate_cache_key()  # noqa: SLF001 - as the compiler asks for it
        if key is None:
            return read(statement, self.tables, self.guarded)
        if key.key not in self._verdicts:
            self._verdicts[key.key] = read(statement, self.tables, self.guarded)
            if len(self._verdicts) > _MOST_CACHED:
                self._verdicts.popitem(last=False)
        return self._verdicts[key.key]


gate = Gate()


def principal_of(session: Session) -> Principal:
    """Who acts in this session; nobody sees no row."""
    found = session.info.get("principal")
    return found if isinstance(found, Principal) else NOBODY


def install() -> None:
    """Put the gate on every session of the process (once)."""
    for name, listener in (("do_orm_execute", _on_execute), ("before_flush", _before_flush), ("after_flush", _after_flush)):
        if not event.contains(Session, name, listener):
            event.listen(Session, name, listener)


@contextmanager
def system(reason: str, now: datetime) -> Iterator[Session]:
    """A whole job, start-up, login or command: its own session, named in the history.

    Refused inside a person's unit of work: a second session would hang on the first one's locks.
    """
    try:
        outer = store.session()
    except RuntimeError:
        outer = None
    if outer is not None and outer.info.get("unit_of_work") and not principal_of(outer).is_system:
        raise GateError("system() inside a person's unit of work")
    with store.fresh(system_principal(reason), now) as session:
        yield session


# reading ------------------------------------------------------------------------------------


def _on_execute(state: ORMExecuteState) -> None:
    if state.is_column_load:
        return
    principal = principal_of(state.session)
    if principal.is_system:
        return
    state.statement = gate.scope(state, principal)


def _refuse_detours(state: ORMExecuteState) -> frozenset[Table] | None:
    """The scoped tables that the statement touches."""
    if state.is_from_statement:
        raise GateError(RAW)
    found = gate.verdict(state.statement)
    if found.detour:
        raise GateError(found.detour)
    return found.touched


def guarded(statement: Any) -> Any:
    """Mark a statement on a guarded table as built by a helper that came through its record or recipient."""
    return statement.execution_options(**{GATE_PASSED: True})


# set-based verbs --------------------------------------------------------------------------------


def reachable(session: Session, model: type[Any]) -> ColumnElement[bool]:
    """Rows the running verb takes, as a criterion for its own set-based statements."""
    principal, spec, verb = principal_of(session), spec_of(model), session.info.get("verb")
    alive = model.deleted_at.is_(None)
    if principal.is_system:
        return alive  # type: ignore[no-any-return]
    if verb is None:
        raise GateError("reachable() outside a verb")
    return and_(scopes.criterion(spec, verb.takes, principal, model), alive)


def set_based(session: Session, statement: Executable) -> Any:
    """Run a set-based statement whose WHERE holds `reachable()`."""
    if not principal_of(session).is_system and session.info.get("verb") is None:
        raise GateError("set_based() outside a verb")
    return session.execute(statement, execution_options={GATE_PASSED: True, "synchronize_session": False})


def confirm_left(session: Session, model: type[Any], ids: Sequence[int]) -> None:
    """After a set-based write: every row must be where the verb may leave it."""
    principal, spec, verb = principal_of(session), spec_of(model), session.info.get("verb")
    if principal.is_system or not ids:
        return
    if verb is None:
        raise GateError("confirm_left() outside a verb")
    allowed = scopes.criterion(spec, verb.leaves, principal, model)
    outside = select(func.count()).select_from(model).where(among(model.id, ids), ~func.coalesce(allowed, false()))
    if session.connection().scalar(outside):
        raise OutOfScope


def confirm_writable(session: Session, record: Any) -> None:
    """For what is written beside a row (its files): the row itself must be one the actor may write."""
    spec, principal = spec_of(type(record)), principal_of(session)
    if not principal.is_system and (allowed := scopes.writable(spec, principal)) is not None:
        _require(session, [(spec, {record.id}, allowed)])
        for guard in _write_guards:
            guard(session, spec, [record.id])


def confirm_free(session: Session, spec: Spec, ids: Sequence[int]) -> None:
    """For a set-based change by a person: none of these rows may stand still."""
    if ids and not principal_of(session).is_system:
        for guard in _write_guards:
            guard(session, spec, list(ids))


# writing ----------------------------------------------------------------------------------------


def _before_flush(session: Session, _context: UOWTransaction, _instances: Any) -> None:
    touched = [r for r in (*session.dirty, *session.deleted) if _is_scoped(r) and (r in session.deleted or session.is_modified(r))]
    fresh = [r for r in session.new if _is_scoped(r)]
    _refuse_owner_changes(session, touched)
    principal = principal_of(session)
    if principal.is_system:
        return
    _require(session, [*_by_rule(session, touched, "takes"), *_parents(session, principal, [*touched, *fresh])])
    for model, rows in _by_model(r for r in touched if not _moves_by_itself(session, r)).items():
        for guard in _write_guards:
            guard(session, spec_of(model), [r.id for r in rows])
    _guard_wholes(session, [*touched, *fresh])


def _after_flush(session: Session, _context: UOWTransaction) -> None:
    if principal_of(session).is_system:
        return
    changed = [r for r in (*session.new, *session.dirty) if _is_scoped(r) and (r in session.new or session.is_modified(r))]
    _require(session, list(_by_rule(session, changed, "leaves")))


def _guard_wholes(session: Session, records: Iterable[Any]) -> None:
    """A part stands still with the record it belongs to."""
    wholes: dict[str, set[int]] = {}
    for record in records:
        for each in spec_of(type(record)).parents if record.is_part else ():
            if (value := getattr(record, each.key)) is not None:
                wholes.setdefault(each.target, set()).add(value)
    for target, ids in wholes.items():
        for guard in _write_guards:
            guard(session, registry()[target], sorted(ids))


WriteGuard = Callable[[Session, Spec, list[int]], None]
_write_guards: list[WriteGuard] = []


def guard_writes(function: WriteGuard) -> WriteGuard:
    """Ask `(session, spec, ids)` before a person's change of existing rows; it raises where they stand still."""
    _write_guards.append(function)
    return function


@contextmanager
def entrusted(session: Session, principal: Principal) -> Iterator[None]:
    """Part of a unit of work with another's rights, attributed as that principal says.

    For what a decision does to rows that are not the decider's: the engine's own records, and what was asked for,
    done as the one who asked. Each side is flushed under its own rights.
    """
    session.flush()
    before = session.info.get("principal")
    session.info["principal"] = principal
    try:
        yield
        session.flush()
    finally:
        session.info["principal"] = before


def _is_scoped(record: Any) -> bool:
    return any(isinstance(record, spec.model) for spec in gate.scoped)


def _rule(session: Session, spec: Spec, rows: Sequence[Any], use: str) -> ColumnElement[bool]:
    """The verb's scope when it changes only columns it names; else the write scope."""
    principal, verb = principal_of(session), session.info.get("verb")
    removes = any(inspect(row).attrs.deleted_at.history.has_changes() for row in rows)
    write = (scopes.removable if removes else scopes.writable)(spec, principal)
    usual = false() if write is None else write
    if verb is None or verb.entity != spec.name:
        return usual
    changed = {key for row in rows for key in _changed(session, row)}
    if not changed <= {*verb.columns, *_STAMPS}:
        return usual
    return _widened(spec, principal, getattr(verb, use), usual)


@lru_cache(maxsize=_MOST_CACHED)
def _widened(spec: Spec, principal: Principal, branches: tuple[str, ...], usual: ColumnElement[bool]) -> ColumnElement[bool]:
    return or_(usual, scopes.criterion(spec, branches, principal, spec.model))


def _changed(session: Session, row: Any) -> set[str]:
    noted: dict[int, set[str]] = session.info.setdefault("changed_columns", {})
    found = {a.key for a in inspect(row).attrs if a.history.has_changes()}
    noted[id(row)] = noted.get(id(row), set()) | found
    return noted[id(row)]


def _moves_by_itself(session: Session, row: Any) -> bool:
    """Nothing of it changes but what follows from its activities."""
    return row not in session.deleted and _changed(session, row) <= {*row.moved_by_activity, *_STAMPS}


Claim = tuple[Spec, set[int], ColumnElement[bool]]
"""Rows, and the criterion that each of them must fulfil."""


def _by_model(records: Iterable[Any]) -> dict[type[Any], list[Any]]:
    found: dict[type[Any], list[Any]] = {}
    for record in records:
        found.setdefault(type(record), []).append(record)
    return found


def _by_rule(session: Session, records: Iterable[Any], use: str) -> Iterator[Claim]:
    for model, rows in _by_model(records).items():
        yield spec_of(model), {r.id for r in rows}, _rule(session, spec_of(model), rows, use)


def _require(session: Session, claims: Sequence[Claim]) -> None:
    """All of them hold, asked of the database in one statement."""
    asked = [(spec, ids, allowed) for spec, ids, allowed in claims if ids]
    if not asked:
        return
    named = {f"ids_{n}": sorted(ids) for n, (_, ids, _) in enumerate(asked)}
    many = {f"many_{n}": len(ids) for n, (_, ids, _) in enumerate(asked)}
    with session.no_autoflush:
        if not session.connection().scalar(_proof(tuple((spec, allowed) for spec, _, allowed in asked)), {**named, **many}):
            raise OutOfScope


@lru_cache(maxsize=_MOST_CACHED)
def _proof(claims: tuple[tuple[Spec, ColumnElement[bool]], ...]) -> Select[Any]:
    """Of each claim the `ids_<n>` that hold are as many as `many_<n>`; built once for criteria that come again."""
    held = (
        select(func.count()).select_from(spec.model).where(among_given(spec.model.id, f"ids_{n}"), allowed)
        for n, (spec, allowed) in enumerate(claims)
    )
    return select(and_(*(counted.scalar_subquery() == bindparam(f"many_{n}") for n, counted in enumerate(held))))


def _parents(session: Session, principal: Principal, records: Iterable[Any]) -> Iterator[Claim]:
    """No planting under a hidden parent: every newly referenced scoped record must be visible, and the actor's to change
    where what refers to it counts for it."""
    wanted: dict[tuple[str, bool], set[int]] = {}
    for record in records:
        for target, by_writers, value in references.newly_made(session, record, _changed(session, record)):
            wanted.setdefault((target, by_writers), set()).add(value)
    for (target, by_writers), ids in wanted.items():
        yield registry()[target], ids, scopes.referable(registry()[target], principal, by_writers=by_writers)


def _refuse_owner_changes(session: Session, touched: Iterable[Any]) -> None:
    if session.info.get(OWNER_CHANGE):
        return
    for record in touched:
        if any(a.key in _OWNERSHIP and a.history.has_changes() for a in inspect(record).attrs):
            raise GateError("owner, team and pool change through change_owner() only")
