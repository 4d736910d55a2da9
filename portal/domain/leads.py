"""What only leads do between their pool and their owners: their state and clock move along, invalidate, revive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, DateTime, and_, case, func, literal, select

from portal import models
from portal.domain import assignment, pool_verbs
from portal.domain.calendar import company_day
from portal.domain.ownership import carries
from portal.domain.pool_verbs import reason_field, said
from portal.domain.pooling import Pooling, ids_of, locked
from portal.engine import store
from portal.engine.errors import Refused
from portal.engine.query.among import among
from portal.engine.text import Text
from portal.engine.verbs import Outcome, verb
from portal.entities.leads import LeadGrade, LeadState
from portal.policies import policy
from portal.security.principal import Principal

OPEN_STATES = (LeadState.ASSIGNED.value, LeadState.FOLLOWING.value)
"""What is held and still to be worked: converted and invalid leads do not count against the cap."""

LEADS = Pooling(
    models.Lead,
    noun=Text("线索 | lead"),
    plural=Text("线索 | leads"),
    open_states=OPEN_STATES,
    counted=OPEN_STATES,
    rank="grade",
    ranks=(LeadGrade.QUALIFIED.value, LeadGrade.POTENTIAL.value),
    pool_state=LeadState.POOL.value,
    carried=("state", "first_response_due_at", "first_due_at", "breached_at"),
)
pool_verbs.declare(LEADS)
assignment.declare(LEADS)


@carries(models.Lead)
def _state_and_clock(move: Any, now: datetime) -> Mapping[str, ColumnElement[Any]]:
    """From pool to person it is assigned, into a pool it is the pool's, from person to person its stage stays.

    A qualified lead that nobody has answered yet is due for its first response (handbook 7) from then on; one that was
    answered keeps the time it was due at, for the rate of those answered in time.
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
        "first_response_due_at": case(
            (waiting, move.owned_at + hours), (move.old_first_response_at.is_not(None), move.old_first_response_due_at)
        ),
        "first_due_at": case((waiting, move.owned_at + hours)),
        "breached_at": literal(None, DateTime(timezone=True)),
    }


@verb(
    "lead:revive",
    "恢复到公海 | Revive",
    icon="refresh",
    takes=("reach",),
    leaves=("pool",),
    columns=LEADS.columns,
    form=(("reason", reason_field("恢复原因 | Why it is valid again")),),
    bulk=True,
    states=(LeadState.INVALID,),
    by_id=True,
)
def revive(leads: Sequence[Any], *, acting_user: Principal, now: datetime, reason: str) -> Outcome:
    """An invalid lead may be worked again, by whoever claims it."""
    wrong = Refused("只有无效的线索可以恢复。 | Only an invalid lead can be revived.", rule="not_invalid")
    return pool_verbs.to_pool(LEADS, leads, how="revive", allowed=(LeadState.INVALID.value,), wrong=wrong, now=now, reason=reason)


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
    rows = {row.id for row in locked(session, LEADS, ids_of(leads)) if row.state in OPEN_STATES}
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
