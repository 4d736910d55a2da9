"""The history of everything, for who watches over the portal: who did what to which record, and never what it held.

Values stay in the database: a line names the fields that changed, as far as its reader's field rights go, and its record
only where the record comes to him through the gate. What changed from what to what is told by the record's own page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, case, cast, func, literal, null, or_, select, true, union_all
from sqlalchemy import Text as SqlText
from sqlalchemy.dialects.postgresql import JSONPATH

from portal import models
from portal.domain import calendar
from portal.engine import store
from portal.engine.errors import NotAllowed
from portal.engine.fields import View
from portal.engine.kinds.reference import ReferenceField
from portal.engine.query.among import among
from portal.engine.spec import Spec, registry
from portal.engine.store import WITH_DELETED
from portal.security.fields import Rights
from portal.security.principal import Principal
from portal.security.session import guarded

READ, EXPORT = "audit_log:read", "audit_log:export"
PAGE = 50
LOOKED_THROUGH = 100_000
"""How many lines one page goes back through to find what is asked for; it says so where that was not enough."""
_A_BLOCK = 1000
_LONGEST_TITLE = 80
_SKEW = timedelta(hours=1)
"""Ids follow time but for what a transaction took, and for clocks of several machines."""

OTHERS: Mapping[str, str] = {
    "role": "角色 | Role",
    "meeting_pack": "会议资料 | Meeting pack",
    "audit_log": "操作日志 | Audit log",
    "job": "任务 | Job",
    "page": "页面 | Page",
}
"""What lines are about that is no record type."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Lines that belong together, by what was done or to what."""

    label: str
    verbs: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()


KINDS: Mapping[str, Kind] = {
    "signing": Kind(
        "登录 | Signing in",
        ("sign_in", "sign_out", "sign_in_failed", "sign_in_refused", "sign_in_blocked", "password_link", "password_set"),
    ),
    "denied": Kind("被拒绝 | Denied", ("denied", "sign_in_failed", "sign_in_refused", "sign_in_blocked")),
    "taken": Kind("导出与查看 | Taken out", ("export", "print", "reveal", "duplicate_check")),
    "rights": Kind(
        "权限与设置 | Rights and settings",
        ("user:place", "place", "invite", "deactivate", "reactivate", "reset_password", "role_desk:view_as", "role_desk:view_as_end"),
        ("role", "policy", "custom_field", "approval_flow", "print_template", "report_template", "pool", "team", "work_calendar"),
    ),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines are asked for. `actor_id` 0 is the portal itself; `after` is the id that the page goes back from.

    `singly`: each line for itself; else what one act did to many records of a type is one line that says how many.
    """

    kind: str = ""
    actor_id: int | None = None
    entity: str = ""
    verb: str = ""
    record_id: int | None = None
    first: date | None = None
    last: date | None = None
    after: int | None = None
    singly: bool = False
    limit: int = PAGE


@dataclass(frozen=True, slots=True)
class Line:
    """One line, or `count` of one act. `fields` are labels; `title` is what the reader may call the record by."""

    id: int
    at: datetime
    actor_id: int | None
    actor: str
    note: str
    address: str
    verb: str
    entity: str
    record_id: int | None
    count: int
    fields: tuple[str, ...]
    title: str
    href: str
    gone: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Page:
    """`after` goes on further back, None where the log ends. `back_to`: how far was looked, where the page is not full for it."""

    lines: tuple[Line, ...]
    after: int | None
    back_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Seen:
    """A record that its reader sees."""

    title: str
    gone: bool


def page(reader: Principal, wanted: Wanted, *, view: View) -> Page:
    """One page, the newest line first: two statements, three where little was found."""
    if not reader.may(READ):
        raise NotAllowed
    lowest, highest = _between(wanted)
    walked = _walked(wanted, lowest, highest)
    heads = store.session().execute(guarded(_heads(walked, wanted))).all()
    shown, beyond = heads[: wanted.limit], heads[wanted.limit :]
    if beyond:
        return Page(_told(reader, shown, beyond[0].place, view), beyond[0].id + 1)
    rest = store.session().execute(guarded(_rest(walked, wanted))).one()
    more = rest.walked == LOOKED_THROUGH
    lines = _told(reader, shown, (rest.found or 0) + 1, view)
    return Page(lines, rest.lowest if more else None, rest.back_to if more else None)


def everything(reader: Principal, wanted: Wanted, *, view: View) -> Iterator[Line]:
    """All lines that are asked for, each for itself, read a block at a time."""
    after = wanted.after
    while True:
        block = page(reader, replace(wanted, singly=True, limit=_A_BLOCK, after=after), view=view)
        yield from block.lines
        if block.after is None:
            return
        after = block.after


def people() -> list[tuple[int, str]]:
    """Everybody who may stand in a line, those who left too."""
    user = models.User
    rows = store.session().execute(select(user.id, user.name, user.username).order_by(user.active.desc(), user.name, user.id))
    return [(user_id, f"{name} · {login}") for user_id, name, login in rows]


# which lines --------------------------------------------------------------------------------------


def _walked(wanted: Wanted, lowest: int | None, highest: int | None) -> Any:
    """The newest lines that an index finds, as many as a page may look through."""
    line: Any = models.AuditEvent
    found = [line.id >= lowest] if lowest is not None else []
    found += [line.id < below for below in (highest, wanted.after) if below is not None]
    if wanted.actor_id is not None:
        found.append(line.actor_id == wanted.actor_id if wanted.actor_id else line.actor_id.is_(None))
    if wanted.entity and wanted.record_id is not None:
        found += [line.entity == wanted.entity, line.record_id == wanted.record_id]
    return select(line.__table__).where(*found).order_by(line.id.desc()).limit(LOOKED_THROUGH).subquery("walked")


def _met(line: Any, wanted: Wanted) -> list[ColumnElement[bool]]:
    """What is asked of each line looked through."""
    found: list[ColumnElement[bool]] = []
    if wanted.kind:
        kind = KINDS[wanted.kind]
        found.append(or_(line.verb.in_(kind.verbs), line.entity.in_(kind.entities)))
    found += [column == value for column, value in ((line.entity, wanted.entity), (line.verb, wanted.verb)) if value]
    if wanted.record_id is not None:
        found.append(line.record_id == wanted.record_id)
    since, until = _instants(wanted)
    return found + ([line.at >= since] if since else []) + ([line.at < until] if until else [])


def _heads(walked: Any, wanted: Wanted) -> Select[Any]:
    """The first line of each act; `place` counts the lines met so far, so that the next head tells how many an act has."""
    line, newest_first = walked.c, walked.c.id.desc()
    first: ColumnElement[bool] = true()
    if not (wanted.singly or wanted.record_id is not None):
        act = (line.at, line.actor_id, line.verb, line.entity)
        first = or_(*(column.is_distinct_from(func.lag(column).over(order_by=newest_first)) for column in act))
    place = func.row_number().over(order_by=newest_first)
    met = select(walked, first.label("first"), place.label("place")).where(*_met(line, wanted)).subquery("met")
    names = registry()["user"].table
    told = ("id", "at", "actor_id", "actor_note", "address", "entity", "record_id", "verb", "reason", "place")
    chosen = select(*(met.c[key] for key in told), names.c.name.label("actor"), _fields_of(met.c).label("fields"))
    return chosen.outerjoin(names, names.c.id == met.c.actor_id).where(met.c.first).order_by(met.c.id.desc()).limit(wanted.limit + 1)


def _fields_of(line: Any) -> ColumnElement[Any]:
    """Names of fields, made where the values lie: what changed, what an export held, what was revealed."""
    keys = func.jsonb_path_query_array(line.before.concat(line.after), cast("$.keyvalue().key", JSONPATH))
    return case(
        (line.verb == "export", line.after["columns"]),
        (line.verb == "reveal", func.jsonb_build_array(line.after["field"])),
        (line.before != {}, keys),
        else_=null(),
    )


def _rest(walked: Any, wanted: Wanted) -> Select[Any]:
    """How much was looked through, how much of it met what is asked, and where it ended."""
    met = _met(walked.c, wanted)
    found = func.count().filter(*met) if met else func.count()
    return select(
        func.count().label("walked"), found.label("found"), func.min(walked.c.id).label("lowest"), func.min(walked.c.at).label("back_to")
    )


# days ---------------------------------------------------------------------------------------------


def _instants(wanted: Wanted) -> tuple[datetime | None, datetime | None]:
    since = calendar.span(wanted.first, wanted.first)[0] if wanted.first else None
    until = calendar.span(wanted.last, wanted.last)[1] if wanted.last else None
    return since, until


def _between(wanted: Wanted) -> tuple[int | None, int | None]:
    """The ids between which the asked days lie, so that a page far back begins there."""
    since, until = _instants(wanted)
    if since is None and until is None:
        return None, None
    newest = store.session().scalar(guarded(select(func.max(models.AuditEvent.id)))) or 0
    if newest <= LOOKED_THROUGH:
        return None, None
    return _place_of(since - _SKEW, newest) if since else None, _place_of(until + _SKEW, newest) if until else None


def _place_of(instant: datetime, newest: int) -> int:
    """The id from which on lines are not older than this instant: found by halves, each a look into the primary key."""
    line: Any = models.AuditEvent.__table__.c
    half = select(literal(0).label("low"), literal(newest + 1).label("high")).cte("half", recursive=True)
    middle = (half.c.low + half.c.high) // 2
    older = select(line.at).where(line.id >= middle).order_by(line.id).limit(1).scalar_subquery() < instant
    halved = select(case((older, middle), else_=half.c.low), case((older, half.c.high), else_=middle)).where(half.c.high - half.c.low > 1)
    half = half.union_all(halved)
    return int(store.session().scalar(guarded(select(func.min(half.c.high)))) or 0)


# what of them is told -----------------------------------------------------------------------------


def _told(reader: Principal, heads: Sequence[Any], end: int, view: View) -> tuple[Line, ...]:
    places = [*(row.place for row in heads[1:]), end]
    seen = _seen(reader, heads, view)
    return tuple(_line(reader, row, after - row.place, seen) for row, after in zip(heads, places, strict=False))


def _line(reader: Principal, row: Any, count: int, seen: Mapping[tuple[str, int], _Seen]) -> Line:
    spec, one = registry().get(row.entity), count == 1
    record = seen.get((row.entity, row.record_id))
    opens = record is not None and not record.gone and reader.may(f"{row.entity}:read")
    told = spec is None or record is not None or row.record_id is None or row.verb == "denied"
    return Line(
        id=row.id,
        at=row.at,
        actor_id=row.actor_id,
        actor=row.actor or "",
        note=row.actor_note,
        address=row.address,
        verb=row.verb,
        entity=row.entity,
        record_id=row.record_id,
        count=count,
        fields=_labels(reader, spec, row.fields) if one and spec else (),
        title=record.title if record and one else "",
        href=_href(reader, row, opens=opens) if one else "",
        gone=record is not None and record.gone and one,
        reason=row.reason if told and Rights(reader).hears(row.verb) else "",
    )


def _href(reader: Principal, row: Any, *, opens: bool) -> str:
    if row.entity == "role" and row.record_id and row.verb != "role:delete" and reader.may("role_desk:read"):
        return f"/roles/{row.record_id}"
    return f"/{row.entity}/{row.record_id}" if opens else ""


def _labels(reader: Principal, spec: Spec, keys: Sequence[str] | None) -> tuple[str, ...]:
    """Names of fields as far as the reader knows them."""
    rights = Rights(reader)
    if not keys or not rights.reads(spec):
        return ()
    named = (spec.fields.get(key) for key in keys)
    return tuple(each.label for each in named if each is not None and rights.sees(spec, each))


def _seen(reader: Principal, rows: Sequence[Any], view: View) -> dict[tuple[str, int], _Seen]:
    """The records of these lines that come through the gate, in one statement; those put away for who may take them back."""
    wanted: dict[str, set[int]] = {}
    for row in rows:
        if row.record_id is not None and _knows(reader, row.entity):
            wanted.setdefault(row.entity, set()).add(row.record_id)
    if not wanted:
        return {}
    every = union_all(*(_named(reader, registry()[entity], ids) for entity, ids in sorted(wanted.items()))).subquery()
    found = store.session().execute(select(every).execution_options(**{WITH_DELETED: True}))
    return {(row.entity, row.id): _Seen(_title(registry()[row.entity], row.name, view), row.gone) for row in found}


def _knows(reader: Principal, entity: str) -> bool:
    """Whether he has these records at all; people are known by name to everybody who is signed in."""
    return entity == "user" or (entity in registry() and reader.may(f"{entity}:read"))


def _named(reader: Principal, spec: Spec, ids: set[int]) -> Select[Any]:
    rights, each = Rights(reader), spec.identity
    tells = rights.finds(spec, each) and each.masked is None and not isinstance(each, ReferenceField)
    name = cast(spec.column(each.key), SqlText) if tells else cast(null(), SqlText)
    gone: ColumnElement[bool] = spec.model.deleted_at.is_not(None) if spec.archived else literal(value=False)
    found = select(literal(spec.name).label("entity"), spec.model.id.label("id"), name.label("name"), gone.label("gone"))
    found = found.where(among(spec.model.id, sorted(ids)))
    return found if reader.may(f"{spec.name}:delete") else found.where(~gone)


def _title(spec: Spec, name: str | None, view: View) -> str:
    if not name:
        return ""
    try:
        return spec.identity.words(spec.identity.parse(name), view)[:_LONGEST_TITLE]
    except ValueError:
        return name[:_LONGEST_TITLE]
