"""What happens to a lead between its pool and its owners: claim, release, invalidate, revive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, DateTime, and_, case, func, insert, literal, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from portal import models
from portal.domain.calendar import company_day
from portal.domain.claim_rules import OPEN_STATES, Claims, already_claimed, pools_by_id
from portal.domain.ownership import Move, among, carries, change_owner, lock_people
from portal.engine import store
from portal.engine.errors import Invalid, NotFound, Refused
from portal.engine.fields import REQUIRED
from portal.engine.kinds.texts import LongTextField
from portal.engine.verbs import Outcome, verb
from portal.entities.leads import LeadGrade, LeadState
from portal.policies import policy
from portal.security.principal import Principal
from portal.security.session import reachable

OWNER_COLUMNS = ("owner_id", "pool_id", "team_id", "owned_at", "pooled_at", "state", "first_response_due_at", "breached_at")
_REASON = 500


def reason_field(label: str = "原因 | Reason") -> LongTextField:
    """Why: kept in the tenure and the history."""
    return LongTextField(label, _REASON, required=True)


@carries(models.Lead)
def _state_and_clock(move: Any, now: datetime) -> Mapping[str, ColumnElement[Any]]:
    """From pool to person it is assigned, into a pool it is the pool's, from person to person its stage stays.

    A qualified lead that nobody has answered yet is due for its first response (handbook 7) from then on.
    """
    hours = timedelta(hours=policy("lead.first_response_hours", on=company_day(now)))
    waiting = and_(move.owner_id.is_not(None), move.old_grade == LeadGrade.QUALIFIED.value, move.old_first_response_at.is_(None))
    followed = case(
        (move.pool_id.is_not(None), LeadState.POOL.value),
        (move.former_pool_id.is_not(None), LeadState.ASSIGNED.value),
        else_=move.former_state,
    )
    return {
        "state": func.coalesce(move.given_state, followed),
        "first_response_due_at": case((waiting, move.owned_at + hours)),
        "breached_at": literal(None, DateTime(timezone=True)),
    }


def locked(session: Session, ids: Sequence[int], *criteria: ColumnElement[bool], skip: bool = False) -> list[Any]:
    """The rows of the running verb, locked in the order of their ids; rows it does not take are not among them.

    `skip` leaves out what another transaction is changing at the moment.
    """
    lead = models.Lead
    statement = (
        select(lead.id, lead.version, lead.owner_id, lead.pool_id, lead.state, lead.created_at)
        .where(among(lead.id, ids), reachable(session, lead), *criteria)
        .order_by(lead.id)
        .with_for_update(key_share=True, skip_locked=skip)
    )
    return list(session.execute(statement).all())


def closed(row: Any) -> Refused | None:
    """Converted and invalid leads stay where they are."""
    if row.state in OPEN_STATES or row.state == LeadState.POOL.value:
        return None
    return Refused("已转化或无效的线索不能变更负责人。 | A converted or invalid lead keeps its owner.", rule="closed")


@verb(
    "lead:claim",
    "领取 | Claim",
    icon="hand-grab",
    takes=("pool",),
    leaves=("own",),
    columns=OWNER_COLUMNS,
    inverse="release",
    bulk=True,
    primary=True,
    states=(LeadState.POOL,),
    by_id=True,
    gone=already_claimed,
    help="从公海领取，成为你的线索。 | Take it from the pool; it becomes yours.",
)
def claim(leads: Sequence[Any], *, acting_user: Principal, now: datetime) -> Outcome:
    """Take leads from their pool. A refusal costs no quota, and returning does not refund."""
    session, outcome = store.session(), Outcome()
    lock_people(session, [acting_user.user_id])
    rows = {row.id: row for row in locked(session, ids_of(leads), models.Lead.pool_id.is_not(None), skip=True)}
    claims = Claims(session, acting_user.user_id, pools_by_id(session), list(rows.values()), now)
    taken = []
    for lead_id in ids_of(leads):
        row = rows.get(lead_id)
        refusal = already_claimed() if row is None else claims.refusal(row)
        if row is None or refusal is not None:
            outcome.refused.append((lead_id, refusal or already_claimed()))
            continue
        claims.count(row)
        taken.append(row)
    moves = [Move(row.id, owner_id=acting_user.user_id) for row in taken]
    outcome.done = change_owner(session, models.Lead, moves, how="claim", now=now)
    _write_ledger(session, taken, acting_user, now)
    return outcome


def _write_ledger(session: Session, taken: Sequence[Any], acting_user: Principal, now: datetime) -> None:
    day = company_day(now)
    rows = [
        {"user_id": acting_user.user_id, "pool_id": row.pool_id, "entity": "lead", "record_id": row.id, "day": day, "at": now}
        for row in taken
    ]
    if rows:
        session.connection().execute(insert(models.ClaimLedger), rows)


@verb(
    "lead:release",
    "退回公海 | Release",
    icon="arrow-back-up",
    takes=("own", "reach"),
    leaves=("pool",),
    columns=OWNER_COLUMNS,
    form=(("reason", reason_field("退回原因 | Why you release it")),),
    bulk=True,
    states=OPEN_STATES,
    by_id=True,
    help="退回公海，不返还领取次数。 | Back to the pool; the claim is not refunded.",
)
def release(leads: Sequence[Any], *, acting_user: Principal, now: datetime, reason: str) -> Outcome:
    """Give leads back to the pool they came from, or to the default pool."""
    return _to_pool(leads, how="release", allowed=OPEN_STATES, now=now, reason=reason)


@verb(
    "lead:revive",
    "恢复到公海 | Revive",
    icon="refresh",
    takes=("reach",),
    leaves=("pool",),
    columns=OWNER_COLUMNS,
    form=(("reason", reason_field("恢复原因 | Why it is valid again")),),
    bulk=True,
    states=(LeadState.INVALID,),
    by_id=True,
)
def revive(leads: Sequence[Any], *, acting_user: Principal, now: datetime, reason: str) -> Outcome:
    """An invalid lead may be worked again, by whoever claims it."""
    return _to_pool(leads, how="revive", allowed=(LeadState.INVALID.value,), now=now, reason=reason)


def _to_pool(leads: Sequence[Any], *, how: str, allowed: Sequence[str], now: datetime, reason: str) -> Outcome:
    session, outcome = store.session(), Outcome()
    why = said(reason)
    rows = {row.id: row for row in locked(session, ids_of(leads), models.Lead.owner_id.is_not(None))}
    homes = home_pools(session, list(rows))
    moves = []
    for lead_id in ids_of(leads):
        row = rows.get(lead_id)
        if row is None:
            outcome.refused.append((lead_id, NotFound()))
        elif row.state not in allowed:
            outcome.refused.append((lead_id, _wrong_state(how)))
        else:
            moves.append(Move(lead_id, pool_id=homes[lead_id]))
    outcome.done = change_owner(session, models.Lead, moves, how=how, now=now, reason=why)
    return outcome


def _wrong_state(how: str) -> Refused:
    if how == "revive":
        return Refused("只有无效的线索可以恢复。 | Only an invalid lead can be revived.", rule="not_invalid")
    return Refused("已转化或无效的线索不能退回。 | A converted or invalid lead cannot be released.", rule="closed")


@verb(
    "lead:invalidate",
    "标记无效 | Mark invalid",
    icon="ban",
    takes=("own", "reach"),
    leaves=("own", "reach"),
    columns=("state", "first_response_due_at", "next_at", "next_step"),
    form=(("reason", reason_field("无效原因 | Why it is invalid")),),
    bulk=True,
    states=OPEN_STATES,
    by_id=True,
)
def invalidate(leads: Sequence[Any], *, acting_user: Principal, now: datetime, reason: str) -> Outcome:
    """Nobody needs to work these any more; reminders end, the owner stays, an admin can revive them."""
    session, outcome = store.session(), Outcome()
    session.info["reason"] = said(reason)
    rows = {row.id for row in locked(session, ids_of(leads)) if row.state in OPEN_STATES}
    for lead_id in ids_of(leads):
        if lead_id not in rows:
            outcome.refused.append(
                (
                    lead_id,
                    Refused(
                        "只有已分配或跟进中的线索可以标记无效。 | Only an assigned or followed lead can be marked invalid.", rule="closed"
                    ),
                )
            )
    fresh = select(models.Lead).where(among(models.Lead.id, sorted(rows))).execution_options(populate_existing=True)
    for lead in session.scalars(fresh):
        lead.state = LeadState.INVALID.value
        lead.first_response_due_at, lead.next_at, lead.next_step = None, None, ""
        outcome.done.append(lead.id)
    session.flush()
    return outcome


def home_pools(session: Session, lead_ids: Sequence[int]) -> dict[int, int]:
    """Where each lead goes back to: the pool it last lay in while that is open, else the default (first) pool."""
    tenure = models.Tenure
    last = (
        select(tenure.record_id, tenure.former_pool_id)
        .ext(distinct_on(tenure.record_id))
        .where(tenure.entity == "lead", among(tenure.record_id, lead_ids), tenure.former_pool_id.is_not(None))
        .order_by(tenure.record_id, tenure.id.desc())
    )
    came_from = dict(session.execute(last).all())
    default = default_pool(session)
    open_pools = {pool.id for pool in pools_by_id(session).values() if pool.deleted_at is None}
    return {each: found if (found := came_from.get(each)) in open_pools else default for each in lead_ids}


def default_pool(session: Session) -> int:
    """The first pool. Refused while there is none."""
    for pool in pools_by_id(session).values():
        if pool.deleted_at is None:
            return pool.id
    raise Refused("还没有公海，请管理员先建一个。 | There is no pool yet. Ask an administrator to add one.", rule="no_pool")


def ids_of(leads: Sequence[Any]) -> list[int]:
    """Ids, in order and once, of records or of ids."""
    return sorted({each if isinstance(each, int) else each.id for each in leads})


def said(reason: str | None) -> str:
    """The reason, which must be one."""
    if not (found := (reason or "").strip()):
        raise Invalid({"reason": REQUIRED})
    return found[:_REASON]
