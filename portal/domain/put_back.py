"""Undo of verbs that write columns: what stood there is kept with the batch, and what is untouched since gets it back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from portal import models
from portal.domain import approval_lock
from portal.domain.batches import undoes
from portal.engine import store
from portal.engine.audit import plain
from portal.engine.errors import Changed
from portal.engine.query.among import among
from portal.engine.spec import spec_named
from portal.engine.verbs import Outcome, verb_named
from portal.security.perform import acting_as
from portal.security.principal import Principal
from portal.security.session import entrusted, reachable

_batches: Any = models.AssignBatch.__table__


@dataclass(slots=True)
class Before:
    """What records held before a verb wrote it, and which records of other types the verb made for each."""

    held: dict[int, dict[str, Any]]
    made: dict[int, dict[str, list[int]]] = field(default_factory=dict)

    @classmethod
    def of(cls, records: Iterable[Any], columns: Sequence[str]) -> Before:
        return cls({each.id: {key: plain(getattr(each, key)) for key in columns} for each in records})

    def keep(self, entity: str, verb: str, done: Iterable[Any], *, acting_user: Principal, now: datetime) -> int | None:
        """The batch that Undo takes back, of records whose change was flushed; a long run goes on with its first one."""
        plan = {str(each.id): {"version": each.version, "held": self.held[each.id], "made": self.made.get(each.id, {})} for each in done}
        session = store.session()
        begun: int | None = session.info.get("batch_id")
        if not plan or not acting_user.user_id:
            return begun
        if begun is not None:
            added = update(_batches).where(_batches.c.id == begun).values(plan=_batches.c.plan.op("||")(plan))
            session.connection().execute(added)
            return begun
        made = insert(_batches).values(entity=entity, by_id=acting_user.user_id, at=now, method=verb, plan=plan, done=len(plan))
        return int(session.connection().execute(made.returning(_batches.c.id)).scalar_one())


def puts_back(entity: str, *verbs: str) -> None:
    """Undo of these verbs, which keep what they write by `Before`."""
    for verb in verbs:
        undoes(entity, verb)(partial(_take_back, entity, verb))


def _take_back(entity: str, verb: str, batch: Any, *, acting_user: Principal, now: datetime) -> Outcome:
    session, outcome, made_it = store.session(), Outcome(), verb_named(entity, verb)
    assert made_it is not None  # noqa: S101 - puts_back() stands beside it
    kept: dict[int, Mapping[str, Any]] = {int(record_id): was for record_id, was in batch.plan.items()}
    with acting_as(session, made_it):
        session.info["verb_name"] = "undo"
        rows, still = _locked(session, entity, list(kept)), approval_lock.locked(session, entity, list(kept))
        for record_id, was in kept.items():
            if record_id not in rows or rows[record_id].version != was["version"]:
                outcome.refused.append((record_id, Changed()))
            elif record_id in still:
                outcome.refused.append((record_id, still[record_id]))
            else:
                for key, value in was["held"].items():
                    setattr(rows[record_id], key, _value(rows[record_id], key, value))
                outcome.done.append(record_id)
        session.flush()
        with entrusted(session, replace(acting_user, is_system=True, note=f"{entity}:undo")):
            _unmake(session, [kept[record_id]["made"] for record_id in outcome.done], now)
    return outcome


def _locked(session: Session, entity: str, ids: Sequence[int]) -> dict[int, Any]:
    model = spec_named(entity).model
    wanted = select(model).where(among(model.id, ids), reachable(session, model)).order_by(model.id)
    found = session.scalars(wanted.with_for_update(key_share=True).execution_options(populate_existing=True))
    return {each.id: each for each in found}


def _value(record: Any, key: str, kept: Any) -> Any:
    """As it was before JSON kept it."""
    kind = type(record).__table__.c[key].type.python_type
    return kind.fromisoformat(kept) if kept and kind in (date, datetime) else kept


def _unmake(session: Session, made: Sequence[Mapping[str, Sequence[int]]], now: datetime) -> None:
    """What the verb wrote beside the records goes to the bin with it."""
    for entity in {name for each in made for name in each}:
        model = spec_named(entity).model
        ids = [record_id for each in made for record_id in each.get(entity, ())]
        for found in session.scalars(select(model).where(among(model.id, ids))):
            found.deleted_at = now
