"""Batches that can be taken back: who made one undoes it, once; each kind of batch says how."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import select, update

from portal import models
from portal.engine import store
from portal.engine.errors import NotAllowed, NotFound, Refused
from portal.engine.operations import is_replaced, operation
from portal.engine.verbs import Outcome
from portal.security.principal import Principal

TakeBack = Callable[..., Outcome]
_ways: dict[tuple[str, str], TakeBack] = {}
_METHODS = {"one": "assign", "round_robin": "assign"}


def undoes(entity: str, verb: str) -> Callable[[TakeBack], TakeBack]:
    """Register how batches of a verb are taken back: `(batch, *, acting_user, now)`."""

    def register(function: TakeBack) -> TakeBack:
        _ways[entity, verb] = function
        if not is_replaced(entity, "undo"):
            operation(entity, "undo")(partial(undo, entity))
        return function

    return register


def undo(entity: str, batch_id: int, *, acting_user: Principal, now: datetime) -> Outcome:
    """Take a batch back by the way of the verb that made it."""
    session, batch = store.session(), models.AssignBatch
    found = session.scalar(select(batch).where(batch.id == batch_id, batch.entity == entity).with_for_update())
    if found is None or not (acting_user.is_system or found.by_id == acting_user.user_id):
        raise NotFound
    verb = _METHODS.get(found.method, found.method)
    if not acting_user.may(f"{entity}:{verb}"):
        raise NotAllowed
    if found.undone_at is not None:
        raise Refused("这一批已经撤销过。 | This batch was undone already.", rule="undone")
    outcome: Any = _ways[entity, verb](found, acting_user=acting_user, now=now)
    session.execute(update(batch).where(batch.id == batch_id).values(undone_at=now))
    return outcome  # type: ignore[no-any-return]
