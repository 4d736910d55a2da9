"""The one way an owner changes (law 5): the row, its tenure and its history line in one set-based statement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    DateTime,
    Integer,
    Select,
    String,
    case,
    cast,
    func,
    insert,
    literal,
    null,
    select,
    true,
    update,
)
from sqlalchemy.orm import Session

from portal import models
from portal.engine.audit import attribution
from portal.engine.entity import entity_name
from portal.engine.errors import Refused
from portal.engine.query.among import among
from portal.engine.spec import Spec, spec_named
from portal.security import scopes
from portal.security.holders import assignable, holds
from portal.security.principal import Principal
from portal.security.session import GATE_PASSED, GateError, OutOfScope, principal_of

Carried = Callable[[Any, datetime], Mapping[str, ColumnElement[Any]]]
_INSTANT = DateTime(timezone=True)
_HELD = ("owner_id", "pool_id", "state", "owned_at", "pooled_at")
"""What a tenure remembers of where a record was."""
_OUT_OF_REACH = "不能选这个人：不在你的分配范围内，或职责不同。 | You may not choose this person: outside your reach, or of another duty."
_carried: dict[type[Any], Carried] = {}


@dataclass(frozen=True, slots=True)
class Move:
    """Where one record goes: to a person or into a pool. An undo also gives back the former state and times."""

    record_id: int
    owner_id: int | None = None
    pool_id: int | None = None
    state: str | None = None
    owned_at: datetime | None = None
    pooled_at: datetime | None = None


def carries(model: type[Any]) -> Callable[[Carried], Carried]:
    """Register which other columns of a record move with its owner (state, clocks), as expressions over the move."""

    def register(function: Carried) -> Carried:
        _carried[model] = function
        return function

    return register


Pooled = Callable[[Session, str, Sequence[int], datetime], None]
_when_pooled: list[Pooled] = []


def when_pooled(function: Pooled) -> Pooled:
    """Do `(session, entity, ids, now)` in the transaction in which records go to a pool."""
    _when_pooled.append(function)
    return function


def lock_people(session: Session, user_ids: Iterable[int]) -> set[int]:
    """Receivers are locked in the order of their ids, so that caps hold and two managers never wait in a circle.

    Returns those who are active now. The weak lock leaves foreign keys to the same people free.
    """
    people = models.User.__table__
    found = session.connection().execute(
        select(people.c.id, people.c.active)
        .where(among(people.c.id, sorted(set(user_ids))))
        .order_by(people.c.id)
        .with_for_update(key_share=True)
    )
    return {row.id for row in found if row.active}


def receiver(session: Session, spec: Spec, acting_user: Principal, person_id: int | None) -> tuple[int, str]:
    """Id and name of somebody active whom the actor may give records of this type to. Refused for anybody else."""
    people = models.User.__table__
    mine = (people.c.id == person_id, people.c.active, assignable(acting_user, spec.name), holds(spec.name, people.c.id))
    found = session.connection().execute(select(people.c.id, people.c.name).where(*mine)).one_or_none()
    if found is None:
        raise Refused(_OUT_OF_REACH, rule="out_of_reach")
    return found.id, found.name


def change_owner(
    session: Session, model: type[Any], moves: Sequence[Move], *, how: str, now: datetime, reason: str = "", batch_id: int | None = None
) -> list[int]:
    """Move records whose rows the caller has locked; returns their ids.

    Raises `OutOfScope` when one would land where the running verb may not leave it, `GateError` outside a verb.
    """
    if not moves:
        return []
    session.flush()
    statement = _statement(session, model, moves, how=how, now=now, reason=reason, batch_id=batch_id)
    rows = session.execute(statement, execution_options={GATE_PASSED: True}).all()
    if not all(row.allowed for row in rows):
        raise OutOfScope
    ids = sorted(row.id for row in rows)
    if pooled := sorted({move.record_id for move in moves if move.pool_id is not None} & set(ids)):
        for function in _when_pooled:
            function(session, entity_name(model), pooled, now)
    _forget(session, model, ids)
    return ids


def began(session: Session, record: Any, *, how: str, now: datetime) -> None:
    """The first tenure of a record that was just created."""
    session.connection().execute(
        insert(models.Tenure).values(
            entity=entity_name(type(record)),
            record_id=record.id,
            at=now,
            owner_id=record.owner_id,
            pool_id=record.pool_id,
            how=how,
            by_id=attribution(session)["actor_id"],
            version=record.version,
        )
    )


def _statement(
    session: Session, model: type[Any], moves: Sequence[Move], *, how: str, now: datetime, reason: str, batch_id: int | None
) -> Select[Any]:
    """UPDATE … RETURNING feeds the tenure and the history, so that none of the three can be without the others."""
    moved = _moved(session, model, moves, now)
    who = attribution(session)
    name = entity_name(model)
    tenure = _insert(
        models.Tenure,
        moved,
        {
            "entity": literal(name, String),
            "record_id": moved.c.id,
            "at": literal(now, _INSTANT),
            "owner_id": moved.c.owner_id,
            "pool_id": moved.c.pool_id,
            **{f"former_{key}": moved.c[f"former_{key}"] for key in _HELD},
            "how": literal(how, String),
            "reason": literal(reason, String),
            "by_id": literal(who["actor_id"], Integer),
            "batch_id": literal(batch_id, BigInteger),
            "version": moved.c.version,
        },
    )
    history = _insert(
        models.AuditEvent,
        moved,
        {
            **{key: literal(value, models.AuditEvent.__table__.c[key].type) for key, value in who.items()},
            "entity": literal(name, String),
            "record_id": moved.c.id,
            "verb": literal(how, String),
            "before": _facts(moved, "former_"),
            "after": _facts(moved, ""),
            "reason": literal(reason, String),
        },
    )
    found = select(moved.c.id, _allowed(session, model, moved).label("allowed"))
    return found.add_cte(tenure.cte("tenures"), history.cte("histories"))


def _moved(session: Session, model: type[Any], moves: Sequence[Move], now: datetime) -> Any:
    """The UPDATE, with what was before beside what is now."""
    table, people = model.__table__, models.User.__table__
    old = _before(table)
    move = _as_table(moves)
    former = (
        select(
            old.c.id,
            move.c.owner_id,
            move.c.pool_id,
            people.c.team_id,
            move.c.state.label("given_state"),
            case((move.c.owner_id.is_not(None), func.coalesce(move.c.owned_at, literal(now, _INSTANT)))).label("owned_at"),
            case((move.c.pool_id.is_not(None), func.coalesce(move.c.pooled_at, literal(now, _INSTANT)))).label("pooled_at"),
            *(_held(old, key).label(f"former_{key}") for key in _HELD),
            *(old.c[key].label(f"old_{key}") for key in ("grade", "first_response_at", "first_response_due_at") if key in old.c),
        )
        .join_from(move, old, old.c.id == move.c.id)
        .outerjoin(people, people.c.id == move.c.owner_id)
        .cte("former")
    )
    actor = attribution(session)["actor_id"]
    values = {
        "owner_id": former.c.owner_id,
        "team_id": former.c.team_id,
        **{key: former.c[key] for key in ("pool_id", "owned_at", "pooled_at") if key in table.c},
        "version": table.c.version + 1,
        "changed_at": literal(now, _INSTANT),
        "changed_by_id": literal(actor, Integer),
        **(_carried[model](former.c, now) if model in _carried else {}),
    }
    kept = [former.c[f"former_{key}"] for key in _HELD]
    now_is = [*(table.c[key] for key in ("id", "owner_id", "team_id", "state", "version")), _held(table, "pool_id").label("pool_id")]
    return update(table).values(values).where(table.c.id == former.c.id).returning(*now_is, *kept).cte("moved")


def _held(table: Any, key: str) -> ColumnElement[Any]:
    """The column, or nothing of its type where what the table holds never lies in a pool."""
    found: ColumnElement[Any] = table.c[key] if key in table.c else cast(null(), models.Tenure.__table__.c[f"former_{key}"].type)
    return found


@cache
def _before(table: Any) -> Any:
    """The table as it was, under a name of its own: made once, since an alias copies every column."""
    return table.alias("old")


def _as_table(moves: Sequence[Move]) -> Any:
    columns: list[tuple[str, Any, list[Any]]] = [
        ("id", Integer, [m.record_id for m in moves]),
        ("owner_id", Integer, [m.owner_id for m in moves]),
        ("pool_id", Integer, [m.pool_id for m in moves]),
        ("state", String, [m.state for m in moves]),
        ("owned_at", _INSTANT, [m.owned_at for m in moves]),
        ("pooled_at", _INSTANT, [m.pooled_at for m in moves]),
    ]
    arrays = [literal(values, ARRAY(kind)) for _, kind, values in columns]
    return func.unnest(*arrays).table_valued(*(name for name, _, _ in columns), name="move").render_derived()


def _insert(target: Any, source: Any, values: Mapping[str, Any]) -> Any:
    rows = select(*(value.label(key) for key, value in values.items())).select_from(source)
    return insert(target.__table__).from_select(list(values), rows, include_defaults=False)


def _facts(moved: Any, prefix: str) -> ColumnElement[Any]:
    """What the history tells: owner, pool, state; an empty side is left out."""
    pairs = [part for key in ("owner_id", "pool_id", "state") for part in (literal(key, String), moved.c[f"{prefix}{key}"])]
    return func.jsonb_strip_nulls(func.jsonb_build_object(*pairs))


def _allowed(session: Session, model: type[Any], moved: Any) -> ColumnElement[bool]:
    """Whether the row landed where the running verb may leave it."""
    principal, verb = principal_of(session), session.info.get("verb")
    if principal.is_system:
        return true()
    if verb is None:
        raise GateError("change_owner() outside a verb")
    return func.coalesce(scopes.criterion(spec_named(entity_name(model)), verb.leaves, principal, moved.c), null() == true())


def _forget(session: Session, model: type[Any], ids: Sequence[int]) -> None:
    """Loaded records of these rows are read anew at their next use."""
    wanted = set(ids)
    for record in list(session.identity_map.values()):
        if isinstance(record, model) and record.id in wanted:
            session.expire(record)
