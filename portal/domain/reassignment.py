"""Handing what lies in no pool from one person to another: opportunities and contracts, one or hundreds, with Undo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import models
from portal.domain import approval_lock
from portal.domain.batches import moved, of_click, stays, undoes
from portal.domain.ownership import Move, change_owner, lock_people, receiver
from portal.domain.pool_verbs import reason_field, said
from portal.domain.pooling import ids_of
from portal.engine import store
from portal.engine.errors import NotFound, Refused
from portal.engine.kinds.reference import ReferenceField
from portal.engine.outbox import notify
from portal.engine.query.among import among
from portal.engine.spec import Spec, spec_named
from portal.engine.text import say
from portal.engine.verbs import Outcome, verb, verb_named
from portal.security.perform import acting_as
from portal.security.principal import Principal
from portal.security.session import reachable

METHOD = "hand_over"


def declare(name: str) -> None:
    """Give an owned record type the verb `hand_over` and its Undo."""
    verb(
        f"{name}:{METHOD}",
        "转交 | Hand over",
        icon="users-plus",
        takes=("reach",),
        leaves=("assignable",),
        columns=("owner_id", "team_id"),
        form=(("to_id", ReferenceField("交给 | To", "user", required=True)), ("reason", reason_field("原因 | Why"))),
        inverse="undo",
        bulk=True,
        by_id=True,
        help="负责人换人，历史、金额和审批都不变；可以撤销。 | Another owner; history, amounts and approvals stay. It can be undone.",
    )(partial(hand_over, name))
    undoes(name, METHOD, rows=moved(name))(partial(_take_back, name))


def hand_over(name: str, records: Sequence[Any], *, acting_user: Principal, now: datetime, to_id: int, reason: str) -> Outcome:
    """Give records to one person. Refused: somebody out of the actor's assign reach or inactive; what is his already."""
    session, spec, why = store.session(), spec_named(name), said(reason)
    person_id, _ = receiver(session, spec, acting_user, to_id)
    if person_id not in lock_people(session, [person_id]):
        raise Refused("这个人已停用。 | This person is inactive.", rule="inactive")
    outcome, moves, rows = Outcome(), [], _locked(session, spec, ids_of(records))
    for record_id in ids_of(records):
        if record_id not in rows:
            outcome.refused.append((record_id, NotFound()))
        elif rows[record_id].owner_id == person_id:
            outcome.refused.append((record_id, Refused("已经由他负责。 | He owns it already.", rule="same_owner")))
        else:
            moves.append(Move(record_id, person_id))
    if moves:
        outcome.batch_id = of_click(session, spec.name, METHOD, acting_user.user_id, now)
        outcome.done = change_owner(session, spec.model, moves, how=METHOD, now=now, reason=why, batch_id=outcome.batch_id)
        _tell(session, spec, person_id, acting_user, outcome, now)
    return outcome


def _locked(session: Session, spec: Spec, ids: Sequence[int]) -> dict[int, Any]:
    model = spec.model
    wanted = select(model.id, model.version, model.owner_id).where(among(model.id, ids), reachable(session, model))
    return {row.id: row for row in session.execute(wanted.order_by(model.id).with_for_update(key_share=True))}


def _tell(session: Session, spec: Spec, person_id: int, acting_user: Principal, outcome: Outcome, now: datetime) -> None:
    if person_id == acting_user.user_id:
        return
    one = outcome.done[0] if len(outcome.done) == 1 else None
    notify(
        session,
        recipient_ids=person_id,
        event_key=f"{METHOD}:{spec.name}:{outcome.batch_id or now.isoformat()}",
        kind="assigned",
        title=say("{name} 转交给你：{plural} | {name} handed over to you: {plural}", name=acting_user.name, plural=spec.plural),
        entity=spec.name,
        record_id=one,
        href=f"/{spec.name}/{one}" if one else f"/{spec.name}/?tab=mine",
        now=now,
    )


def _take_back(name: str, batch: Any, *, acting_user: Principal, now: datetime, ids: Sequence[int] | None = None) -> Outcome:
    """Records untouched since go back to whom they were, the others are listed and stay."""
    session, spec, made_it = store.session(), spec_named(name), verb_named(name, METHOD)
    assert made_it is not None  # noqa: S101 - declare() made it
    tenure = models.Tenure
    these = [] if ids is None else [among(tenure.record_id, ids)]
    before = {
        row.record_id: row
        for row in session.execute(
            select(tenure.record_id, tenure.version, tenure.former_owner_id).where(
                tenure.batch_id == batch.id, tenure.entity == name, *these
            )
        )
    }
    outcome, moves = Outcome(), []
    with acting_as(session, replace(made_it, name="undo", leaves=("assignable", "reach"))):
        rows = _locked(session, spec, sorted(before))
        active = lock_people(session, {row.former_owner_id for row in before.values() if row.former_owner_id})
        still = approval_lock.locked(session, name, list(before))
        for record_id, was in before.items():
            if record_id not in rows or rows[record_id].version != was.version:
                outcome.refused.append((record_id, stays()))
            elif record_id in still:
                outcome.refused.append((record_id, still[record_id]))
            elif was.former_owner_id not in active:
                outcome.refused.append((record_id, Refused("原负责人已停用。 | The former owner is inactive.", rule="inactive")))
            else:
                moves.append(Move(record_id, was.former_owner_id))
        outcome.done = change_owner(session, spec.model, moves, how="undo", now=now)
    return outcome


for _name in ("opportunity", "contract"):
    declare(_name)
