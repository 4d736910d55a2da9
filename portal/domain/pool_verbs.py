"""Claim and release, for every entity that lies in pools."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from portal import models
from portal.domain.calendar import company_day
from portal.domain.claim_rules import Claims, already_claimed
from portal.domain.ownership import Move, change_owner, lock_people
from portal.domain.pooling import Pooling, home_pools, ids_of, locked, poolings, pools_by_id
from portal.engine import store
from portal.engine.errors import Invalid, NotFound, Refused
from portal.engine.fields import REQUIRED
from portal.engine.kinds.texts import LongTextField
from portal.engine.verbs import Outcome, verb
from portal.security.principal import Principal

_REASON = 500


def declare(pooling: Pooling) -> None:
    """Give an entity the verbs `claim` and `release`."""
    poolings[pooling.name] = pooling
    zh, en = pooling.noun.in_("zh"), pooling.noun.in_("en")
    verb(
        f"{pooling.name}:claim",
        "领取 | Claim",
        icon="hand-grab",
        takes=("pool",),
        leaves=("own",),
        columns=pooling.columns,
        inverse="release",
        bulk=True,
        primary=True,
        states=(pooling.pool_state,) if pooling.pool_state else (),
        by_id=True,
        gone=partial(already_claimed, pooling),
        help=f"从公海领取，成为你的{zh}。 | Take the {en} from the pool; it becomes yours.",
    )(partial(claim, pooling))
    verb(
        f"{pooling.name}:release",
        "退回公海 | Release",
        icon="arrow-back-up",
        takes=("own", "reach"),
        leaves=("pool",),
        columns=pooling.columns,
        form=(("reason", reason_field("退回原因 | Why you release it")),),
        bulk=True,
        states=pooling.open_states,
        by_id=True,
        help="退回公海，不返还领取次数。 | Back to the pool; the claim is not refunded.",
    )(partial(release, pooling))


def claim(pooling: Pooling, records: Sequence[Any], *, acting_user: Principal, now: datetime) -> Outcome:
    """Take records from their pool. A refusal costs no quota, and returning does not refund."""
    session, outcome = store.session(), Outcome()
    lock_people(session, [acting_user.user_id])
    rows = {row.id: row for row in locked(session, pooling, ids_of(records), pooling.model.pool_id.is_not(None), skip=True)}
    claims = Claims(session, pooling, acting_user.user_id, pools_by_id(session, pooling), list(rows.values()), now)
    taken = []
    for record_id in ids_of(records):
        row = rows.get(record_id)
        refusal = already_claimed(pooling) if row is None else claims.refusal(row)
        if row is None or refusal is not None:
            outcome.refused.append((record_id, refusal or already_claimed(pooling)))
            continue
        claims.count(row)
        taken.append(row)
    moves = [Move(row.id, owner_id=acting_user.user_id) for row in taken]
    outcome.done = change_owner(session, pooling.model, moves, how="claim", now=now)
    _write_ledger(session, pooling, taken, acting_user, now)
    return outcome


def _write_ledger(session: Session, pooling: Pooling, taken: Sequence[Any], acting_user: Principal, now: datetime) -> None:
    common = {"user_id": acting_user.user_id, "entity": pooling.name, "day": company_day(now), "at": now}
    rows = [{**common, "pool_id": row.pool_id, "record_id": row.id} for row in taken]
    if rows:
        session.connection().execute(insert(models.ClaimLedger), rows)


def release(pooling: Pooling, records: Sequence[Any], *, acting_user: Principal, now: datetime, reason: str) -> Outcome:
    """Give records back to the pool they came from, or to the default pool."""
    wrong = Refused("已转化或无效的{noun}不能退回。 | A closed {noun} cannot be released.", rule="closed", **pooling.words)
    return to_pool(pooling, records, how="release", allowed=pooling.open_states, wrong=wrong, now=now, reason=reason)


def to_pool(
    pooling: Pooling, records: Sequence[Any], *, how: str, allowed: Sequence[str], wrong: Refused, now: datetime, reason: str
) -> Outcome:
    """Owned records in one of these states go to their home pools; the others are refused as `wrong`."""
    session, outcome = store.session(), Outcome()
    why = said(reason)
    rows = {row.id: row for row in locked(session, pooling, ids_of(records), pooling.model.owner_id.is_not(None))}
    homes = home_pools(session, pooling, list(rows))
    moves = []
    for record_id in ids_of(records):
        row = rows.get(record_id)
        if row is None:
            outcome.refused.append((record_id, NotFound()))
        elif row.state not in allowed:
            outcome.refused.append((record_id, wrong))
        else:
            moves.append(Move(record_id, pool_id=homes[record_id]))
    outcome.done = change_owner(session, pooling.model, moves, how=how, now=now, reason=why)
    return outcome


def reason_field(label: str = "原因 | Reason") -> LongTextField:
    """Why: kept in the tenure and the history."""
    return LongTextField(label, _REASON, required=True)


def said(reason: str | None) -> str:
    """The reason, which must be one."""
    if not (found := (reason or "").strip()):
        raise Invalid({"reason": REQUIRED})
    return found[:_REASON]
