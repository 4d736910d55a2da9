"""A list of any entity: parsed arguments in, one page of plain rows out, by keyset, through the gate."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Select, and_, bindparam, false, or_, select
from sqlalchemy.orm import Session, aliased

from portal.engine.errors import BadRequest
from portal.engine.fields import Field, Mask, View
from portal.engine.given import id_of, json_of
from portal.engine.kinds.reference import ReferenceField
from portal.engine.kinds.texts import PhoneField
from portal.engine.query.paging import ORDER, beyond, decoded, encoded, ordering
from portal.engine.query.search import search_criterion
from portal.engine.spec import Spec, registry
from portal.engine.store import WITH_DELETED

MOST_PER_PAGE = 200
THROUGH = "."
"""In the key of a condition: `contract_id.owner_id` is the owner of the contract that the record refers to."""
CHOSEN = "id"
"""The key of a condition that names records one by one."""
MOST_CHOSEN = 300
_LABEL = "__label"
_WHICH = "which_record"


class Rights(Protocol):
    """What the reader may see of an entity's fields, and the rows of one branch of his scope."""

    def __hash__(self) -> int: ...
    def sees(self, spec: Spec, field: Field) -> bool: ...
    def finds(self, spec: Spec, field: Field) -> bool: ...
    def mask(self, spec: Spec, field: Field) -> Mask | None: ...
    def reads(self, spec: Spec) -> bool: ...
    def branch(self, spec: Spec, name: str) -> ColumnElement[bool]: ...
    def branches(self, spec: Spec) -> Sequence[ColumnElement[bool]]: ...


@dataclass(frozen=True, slots=True)
class ListQuery:
    """A list's arguments, as in the URL. `filters`: (field, operator, value); `order`: key or -key."""

    filters: tuple[tuple[str, str, Any], ...] = ()
    order: str = ""
    limit: int = 25
    after: str = ""
    before: str = ""
    search: str = ""
    branch: str = "all"
    columns: tuple[str, ...] = ()
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    rows: list[dict[str, Any]]
    next: str | None = None
    previous: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """One entity as one reader lists it."""

    spec: Spec
    rights: Rights
    view: View
    query: ListQuery = field(default_factory=ListQuery)
    met: tuple[ColumnElement[bool], ...] | None = None
    """Filters and search as conditions, where they have been made already."""

    # what is read ---------------------------------------------------------------------
    def shown(self) -> tuple[Field, ...]:
        keys = self.query.columns or self.spec.screen.columns
        seen = tuple(f for f in map(self.spec.field, keys) if not f.silent and self.rights.sees(self.spec, f))
        return seen or (self.spec.identity,)

    def statement(self, fields: Sequence[Field] | None = None) -> Select[Any]:
        """The rows of the view without order and page."""
        statement = self._select(self.shown() if fields is None else fields).where(*self.conditions())
        return self.reading(statement)

    def columns(self) -> dict[str, ColumnElement[Any]]:
        """What a row of `statement()` holds, by its keys."""
        return {str(column.key): column.element for column in self._select(self.shown()).selected_columns}

    def record(self, session: Session, record_id: int) -> dict[str, Any] | None:
        """One record as a row with all its fields, in the bin or not; None where the reader has none such."""
        options = {WITH_DELETED: self.query.deleted}
        found = session.execute(_kept_record(self.spec, self.rights), {_WHICH: record_id}, execution_options=options).mappings()
        row = found.one_or_none()
        return None if row is None else dict(row)

    def children(self, session: Session, whole: Field, record_id: int) -> list[dict[str, Any]]:
        """The first rows, in their order, that refer to a record by this field."""
        self._require_filterable(whole)
        statement = _kept_children(self.spec, self.rights, self.query, whole)
        return [dict(row._mapping) for row in session.execute(statement, {_WHICH: record_id})]  # noqa: SLF001

    def ids(self) -> Select[Any]:
        """The ids of every row of the view."""
        return self.reading(select(self.spec.column("id")).where(*self.conditions()))

    def reading(self, statement: Select[Any]) -> Select[Any]:
        """The gate leaves the bin out of every statement that does not ask for it."""
        return statement.execution_options(**{WITH_DELETED: self.query.deleted})

    def _select(self, fields: Sequence[Field]) -> Select[Any]:
        return _selected(self.spec, tuple(f.key for f in fields))

    def conditions(self) -> list[ColumnElement[bool]]:
        """Filters, search and branch; the scope itself is the gate's."""
        found = [*(self._met() if self.met is None else self.met)]
        if self.query.branch != "all":
            found.append(self.rights.branch(self.spec, self.query.branch))
        if self.spec.archived:
            deleted = self.spec.column("deleted_at")
            found.append(deleted.is_not(None) if self.query.deleted else deleted.is_(None))
        return found

    def prepared(self) -> Listing:
        """The same list for several statements: what its filters and search mean is worked out once."""
        return replace(self, met=tuple(self._met()))

    def _met(self) -> Iterator[ColumnElement[bool]]:
        yield from (self._condition(*condition) for condition in self.query.filters)
        if self.query.search.strip():
            yield search_criterion(self.spec, self.query.search, self.rights)

    def page(self, session: Session) -> Page:
        """One page; `next` and `previous` are opaque cursors."""
        limit, backwards = self._limit, bool(self.query.before)
        key, descending = self._order()
        statement = _kept_page(self.opened()) if self.is_lasting else self.ordered()
        if cursor := self.query.after or self.query.before:
            statement = statement.where(beyond(self.spec, key, descending != backwards, decoded(cursor, self.spec, key)))
        found = [dict(row._mapping) for row in session.execute(statement)]  # noqa: SLF001
        more, rows = len(found) > limit, found[:limit]
        if backwards:
            rows.reverse()
        first, last = (encoded(rows[0]), encoded(rows[-1])) if rows else (None, None)
        return Page(
            rows,
            next=last if rows and (more or backwards) else None,
            previous=first if rows and (self.query.after or (backwards and more)) else None,
        )

    def ordered(self) -> Select[Any]:
        """The rows of the view in their order, one more than fit on a page; forwards from its first row, or backwards from its last."""
        key, descending = self._order()
        order = ordering(self.spec, key, descending != bool(self.query.before))
        return self.statement().add_columns(self.spec.column(key).label(ORDER)).order_by(*order).limit(self._limit + 1)

    @property
    def is_plain(self) -> bool:
        """Neither filtered nor searched."""
        return not self.query.filters and not self.query.search.strip()

    @property
    def is_lasting(self) -> bool:
        """Whether its statements are worth keeping: what is searched for and who is chosen by hand seldom comes again, and
        some conditions say something else tomorrow."""
        asked = ((key, operator) for key, operator, _ in self.query.filters)
        return not self.query.search.strip() and not any(
            key == CHOSEN or operator in named_by(self.spec, key)[-1].timely for key, operator in asked
        )

    def opened(self) -> Opened:
        """What its statements are kept by; as text, since 1 is equal to true and lists are no keys."""
        query = self.query
        place = ("…" if query.before else "", query.order, query.limit, query.branch, query.columns, query.deleted)
        return Opened((self.spec, self.rights, self.view.zone.key, json.dumps(query.filters, default=str), *place), self)

    @property
    def _limit(self) -> int:
        return min(max(self.query.limit, 1), MOST_PER_PAGE)

    # parts -----------------------------------------------------------------------------
    def _order(self) -> tuple[str, bool]:
        order = self.query.order or self._default_order()
        key = order.lstrip("-")
        if key != "id":
            each = seen_field(self.spec, key, self.rights)
            if not each.sortable or not self.rights.finds(self.spec, each):
                raise BadRequest("不能按“{label}”排序。 | This list cannot be sorted by “{label}”.", label=each.label)
        return key, order.startswith("-")

    def _default_order(self) -> str:
        """As declared; for a reader who may not order so, the newest first."""
        key = self.spec.screen.order.lstrip("-")
        return self.spec.screen.order if key == "id" or self.rights.finds(self.spec, self.spec.field(key)) else "-id"

    def _condition(self, key: str, operator: str, raw: Any) -> ColumnElement[bool]:
        if THROUGH in key:
            return self._beyond_reference(key, operator, raw)
        if key == CHOSEN:
            return self.spec.column(key).in_(chosen_ids(operator, raw))  # type: ignore[no-any-return]
        each = seen_field(self.spec, key, self.rights)
        self._require_filterable(each)
        if isinstance(each, ReferenceField) and operator == "me":
            operator, raw = "eq", getattr(self.rights, "user_id", 0)
        return condition_of(self.spec, each, operator, raw, self.view)

    def _require_filterable(self, each: Field) -> None:
        if not each.filterable or not self.rights.finds(self.spec, each):
            raise BadRequest("不能按“{label}”筛选。 | This list cannot be filtered by “{label}”.", label=each.label)

    def _beyond_reference(self, path: str, operator: str, raw: Any) -> ColumnElement[bool]:
        """Records that refer to one that meets the condition, among those this reader sees: the gate scopes the inner rows too."""
        key, _, rest = path.partition(THROUGH)
        each = seen_field(self.spec, key, self.rights)
        seen = isinstance(each, ReferenceField) and each.filterable and self.rights.finds(self.spec, each)
        target = registry().get(each.target) if seen and isinstance(each, ReferenceField) else None
        if target is None or target.scope == "open" or not self.rights.reads(target) or THROUGH in rest:
            raise BadRequest("不能按“{label}”筛选。 | This list cannot be filtered by “{label}”.", label=each.label)
        met = Listing(target, self.rights, self.view)._condition(rest, operator, raw)  # noqa: SLF001 - of the same class
        inner = select(target.column("id")).where(met, target.column("deleted_at").is_(None))
        return self.spec.column(key).in_(inner.correlate(None))  # type: ignore[no-any-return]


def seen_field(spec: Spec, key: str, rights: Rights) -> Field:
    """The field of this name; one that this reader does not see answers like one that is not there."""
    each = spec.field(key)
    if not rights.sees(spec, each):
        raise spec.no_field(key)
    return each


def condition_of(spec: Spec, each: Field, operator: str, raw: Any, view: View) -> ColumnElement[bool]:
    """A condition as a reader may ask it: where the field is masked only what the mask shows is compared."""
    column = spec.column(each.key)
    met = each.criterion(column, operator, raw, view)
    if each.masked is None:
        return met
    hidden = each.masked.criterion(_columns(spec))
    shown_digits = (
        each.criterion(each.hide_sql(column), operator, raw, view) if isinstance(each, PhoneField) and operator == "contains" else false()
    )
    return or_(and_(~hidden, met), and_(hidden, shown_digits))


def parse_filters(raw: str) -> tuple[tuple[str, str, Any], ...]:
    """The filter grammar of pages and API alike: JSON `[[field, operator, value], …]`, all must hold."""
    if not raw:
        return ()
    try:
        found = json_of(raw)
        if not isinstance(found, list) or not all(isinstance(each, list) for each in found):
            raise ValueError("conditions are lists in a list")  # noqa: TRY301 - told like any other text that is none
        conditions = tuple((str(key), str(operator), value) for key, operator, value in found)
    except (ValueError, TypeError) as error:
        raise BadRequest('筛选条件应是 JSON：[["state","eq","new"]]。 | The filter must be JSON such as [["state","eq","new"]].') from error
    return conditions


def chosen_ids(operator: str, raw: Any) -> list[int]:
    """The records that a condition names one by one: `["id", "in", [7, 9]]`."""
    ids = [id_of(each) for each in raw] if operator == "in" and isinstance(raw, list) and len(raw) <= MOST_CHOSEN else [None]
    found = [each for each in ids if each is not None]
    if len(found) < len(ids):
        raise BadRequest(
            '指定记录应写成 ["id","in",[7,9]]，最多 {most} 条。 | Chosen records are written ["id","in",[7,9]], at most {most} of them.',
            most=MOST_CHOSEN,
        )
    return found


def named_by(spec: Spec, key: str) -> tuple[Field, ...]:
    """The fields that the key of a condition goes through, the last one being compared."""
    first, _, rest = key.partition(THROUGH)
    each = spec.field(first)
    return (each, *(named_by(registry()[each.target], rest) if rest and isinstance(each, ReferenceField) else ()))


def label_of(row: Mapping[str, Any], each: Field) -> Any:
    """What to show of a field: its value, or the joined name of a reference."""
    return row.get(label_key(each))


def label_key(each: Field) -> str:
    """Under which key a row has it."""
    return each.key + _LABEL if isinstance(each, ReferenceField) else each.key


def identity_expression(model: Any, spec: Spec) -> Any:
    return getattr(model, spec.identity.key)


@dataclass(frozen=True, slots=True)
class Opened:
    """A view as it is opened again: by whom, who is another principal as soon as anybody's rights change, and with what."""

    key: tuple[Any, ...]
    listing: Listing = field(compare=False)


@lru_cache(maxsize=512)
def _kept_page(opened: Opened) -> Select[Any]:
    return opened.listing.ordered()


@lru_cache(maxsize=512)
def _kept_record(spec: Spec, rights: Rights) -> Select[Any]:
    """All fields of one record, whoever asks: kept by reader so that the gate's criteria are kept with it."""
    extra = [spec.column("deleted_at").label("deleted_at")] if spec.archived else []
    return _selected(spec, tuple(spec.fields)).add_columns(*extra).where(spec.column("id") == bindparam(_WHICH))


@lru_cache(maxsize=512)
def _kept_children(spec: Spec, rights: Rights, query: ListQuery, whole: Field) -> Select[Any]:
    return Listing(spec, rights, View(), query).ordered().where(spec.column(whole.key) == bindparam(_WHICH)).limit(query.limit)


@lru_cache(maxsize=256)
def _selected(spec: Spec, keys: tuple[str, ...]) -> Select[Any]:
    """Columns of an entity with the names of what they refer to, as a statement to add conditions to: built once,
    since each alias of a join copies the columns of its table."""
    wanted = dict.fromkeys(["id", *_attendants(spec), *keys])
    statement = select(*(spec.column(key).label(key) for key in wanted)).select_from(spec.model)
    for each in (spec.fields[key] for key in keys):
        if isinstance(each, ReferenceField):
            target = registry()[each.target]
            other = aliased(target.model)
            label = identity_expression(other, target).label(each.key + _LABEL)
            statement = statement.outerjoin(other, other.id == spec.column(each.key)).add_columns(label)
    return statement


def _attendants(spec: Spec) -> list[str]:
    """Columns every row carries for rights and masks."""
    wanted = ["version"] if spec.versioned else []
    if spec.scope == "owner":
        wanted += ["owner_id", "team_id"]
    if spec.pooled:
        wanted.append("pool_id")
    if spec.state:
        wanted.append(spec.state.key)
    for each in spec.fields.values():
        wanted += each.masked.needs if each.masked else ()
    return wanted


def _columns(spec: Spec) -> dict[str, Any]:
    return {key: spec.column(key) for each in spec.fields.values() if each.masked for key in each.masked.needs}
