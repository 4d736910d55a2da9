"""Batches that can be taken back: who made one undoes it, once; each kind of batch says how."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from portal import models
from portal.engine import store
from portal.engine.errors import NotAllowed, NotFound, Refused
from portal.engine.operations import is_replaced, operation
from portal.engine.spec import spec_named
from portal.engine.text import Text
from portal.engine.verbs import Outcome
from portal.engine.work import RunHandle
from portal.security.bulk import CHUNK, Tally, told
from portal.security.principal import Principal
from portal.security.refusals import Refusals

TakeBack = Callable[..., Outcome]
"""`(batch, *, acting_user, now)`; of a batch of many rows also `ids`: which of them."""
Rows = Callable[[Session, Any], list[int]]
Plan = Mapping[str, Any]
"""What a batch was to do, and what taking it back needs."""


@dataclass(frozen=True, slots=True)
class _Way:
    take_back: TakeBack
    rows: Rows | None


_ways: dict[tuple[str, str], _Way] = {}
_METHODS = {"one": "assign", "round_robin": "assign"}


def begin(session: Session, entity: str, method: str, by_id: int | None, now: datetime, *, plan: Plan | None = None, done: int = 0) -> int:
    """A new batch of this person's: its id. `done`: how many rows it has moved already."""
    made = insert(models.AssignBatch).values(entity=entity, by_id=by_id, at=now, method=method, plan=plan or {}, done=done)
    return int(session.connection().execute(made.returning(models.AssignBatch.id)).scalar_one())


def under_way(session: Session) -> int | None:
    """The batch of a click that runs in chunks, once the first of them has begun it."""
    return session.info.get("batch_id")


def of_click(session: Session, entity: str, method: str, by_id: int, now: datetime) -> int | None:
    """One batch a click, however many chunks it takes; None where no person clicked."""
    return under_way(session) or (begin(session, entity, method, by_id, now) if by_id else None)


def undoes(entity: str, verb: str, *, rows: Rows | None = None) -> Callable[[TakeBack], TakeBack]:
    """Register how batches of a verb are taken back; `rows` says what a batch of many is made of, to be taken in parts."""

    def register(function: TakeBack) -> TakeBack:
        _ways[entity, verb] = _Way(function, rows)
        if not is_replaced(entity, "undo"):
            operation(entity, "undo")(partial(undo, entity))
        return function

    return register


def moved(entity: str) -> Rows:
    """The records whose owner a batch changed."""

    def rows(session: Session, batch: Any) -> list[int]:
        tenure = models.Tenure
        mine = (tenure.batch_id == batch.id, tenure.entity == entity)
        return list(session.scalars(select(tenure.record_id).where(*mine).order_by(tenure.record_id)))

    return rows


def stays() -> Refused:
    """Undo's word for a row that somebody changed after the batch."""
    return Refused("此后又有变动，保持现在的样子 | changed since, so it stays as it is", rule="changed")


def undo(entity: str, batch_id: int, *, acting_user: Principal, now: datetime) -> Outcome:
    """Take a batch back by the way of the verb that made it."""
    batch, way = _open(entity, batch_id, acting_user)
    outcome = way.take_back(batch, acting_user=acting_user, now=now)
    _close(batch_id, now)
    return outcome


def rows_of(entity: str, batch_id: int) -> list[int]:
    """What a batch is made of that may be undone in parts; nothing where it is undone as one."""
    session, batch = store.session(), models.AssignBatch
    found = session.scalar(select(batch).where(batch.id == batch_id, batch.entity == entity))
    way = None if found is None else _ways.get((entity, _verb(found)))
    return way.rows(session, found) if way is not None and way.rows is not None else []


def check(entity: str, batch_id: int, *, acting_user: Principal) -> None:
    """Whether this person may still undo the batch. Raises `NotFound`, `NotAllowed`, `Refused`."""
    _open(entity, batch_id, acting_user)


def run_in_parts(run: RunHandle) -> None:
    """The body of a long undo: one transaction a chunk, resumed after a crash; a batch is undone when all of it was tried."""
    spec, tally = spec_named(run.arguments["entity"]), Tally(**run.memo)
    rows = [(int(batch_id), record_id) for batch_id, ids in run.arguments["batches"].items() for record_id in ids]
    for start in range(tally.next, len(rows), CHUNK):
        if run.cancelled():
            break
        chunk = rows[start : start + CHUNK]
        with run.unit_of_work() as session:
            for batch_id in dict.fromkeys(which for which, _ in chunk):
                batch, way = _open(spec.name, batch_id, run.principal)
                these = [record_id for which, record_id in chunk if which == batch_id]
                tally.add(session, spec, way.take_back(batch, acting_user=run.principal, now=run.now, ids=these))
                if these[-1] == run.arguments["batches"][str(batch_id)][-1]:
                    _close(batch_id, run.now)
            tally.next = start + len(chunk)
            run.memo = asdict(tally)
            run.progress(tally.next, len(rows))
    run.finish(told(undone(tally.done), Refusals(tally.refused), href=f"/{spec.name}/"))


def undone(count: int) -> Text:
    return Text("已撤销 {done} 条 | {done} restored", done=count)


def _verb(batch: Any) -> str:
    return _METHODS.get(batch.method, str(batch.method))


def _open(entity: str, batch_id: int, acting_user: Principal) -> tuple[Any, _Way]:
    session, batch = store.session(), models.AssignBatch
    found = session.scalar(select(batch).where(batch.id == batch_id, batch.entity == entity).with_for_update())
    if found is None or not (acting_user.is_system or found.by_id == acting_user.user_id):
        raise NotFound
    if not acting_user.may(f"{entity}:{_verb(found)}"):
        raise NotAllowed
    if found.undone_at is not None:
        raise Refused("这一批已经撤销过。 | This batch was undone already.", rule="undone")
    return found, _ways[entity, _verb(found)]


def _close(batch_id: int, now: datetime) -> None:
    batch = models.AssignBatch
    store.session().execute(update(batch).where(batch.id == batch_id).values(undone_at=now))
