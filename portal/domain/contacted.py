"""What contacts do to their lead or customer: the last one, what comes next, a lead's first response, its state."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import models
from portal.domain.lead_entry import keep_clock
from portal.domain.leads import OPEN_STATES
from portal.entities.leads import LeadState

Target = models.Lead | models.Customer
_MINUTE = timedelta(minutes=1)


def carry_over(target: Target, made: models.FollowUp) -> None:
    """A contact was logged: the newest one says what comes next, the first one answers the lead."""
    contacted_at = made.contacted_at
    if contacted_at is None:
        return
    if target.contacted_at is None or contacted_at >= target.contacted_at:
        _follow(target, made)
    if isinstance(target, models.Lead) and contacted_at >= _since(target):
        _answer(target, contacted_at)


def work_out(session: Session, target: Target, *, was: datetime | None, now: datetime) -> None:
    """A contact that stood at `was` was corrected, deleted or restored: what follows from those that are left."""
    session.flush()
    _follow(target, _newest(session, target))
    if isinstance(target, models.Lead) and target.owner_id is not None and target.state in OPEN_STATES:
        _answer_anew(session, target, was, now)
    session.flush()


def _newest(session: Session, target: Target) -> models.FollowUp | None:
    made = models.FollowUp
    mine = made.lead_id == target.id if isinstance(target, models.Lead) else made.customer_id == target.id
    latest = (made.contacted_at.desc(), made.id.desc())
    return session.scalars(select(made).where(mine, made.deleted_at.is_(None)).order_by(*latest).limit(1)).first()


def _follow(target: Target, newest: models.FollowUp | None) -> None:
    """What is closed (an invalid or converted lead) has nothing to come."""
    target.contacted_at = None if newest is None else newest.contacted_at
    closed = newest is None or (isinstance(target, models.Lead) and target.state not in (*OPEN_STATES, LeadState.POOL.value))
    target.next_at, target.next_step = (None, "") if closed or newest is None else (newest.next_at, newest.next_step or "")


# the first response -------------------------------------------------------------------------------


def _since(lead: models.Lead) -> datetime:
    """From when on a contact answers the lead: since it is its owner's. Forms know no seconds."""
    return (lead.owned_at or lead.created_at).replace(second=0, microsecond=0)


def _answer(lead: models.Lead, contacted_at: datetime) -> None:
    """The earliest contact of a tenure answers the lead and moves it to following."""
    if lead.first_response_at is None or _since(lead) <= contacted_at < lead.first_response_at:
        _answered(lead, contacted_at)
    if lead.state == LeadState.ASSIGNED.value:
        lead.state = LeadState.FOLLOWING.value


def _answered(lead: models.Lead, at: datetime) -> None:
    """Answered in time but logged late is no breach; answered late is one, marked by the clock or not."""
    lead.first_response_at, due = at, lead.first_response_due_at
    if due is not None:
        lead.breached_at = due if at > due else None


def _answer_anew(session: Session, lead: models.Lead, was: datetime | None, now: datetime) -> None:
    """Where the corrected contact answered the lead, the earliest that is left does; without one the clock goes on."""
    before, since = lead.first_response_at, _since(lead)
    if before is None or before != was:
        if (earliest := _earliest(session, lead, since)) is not None:
            _answer(lead, earliest)
        return
    earlier = before < since
    if (earliest := _earliest(session, lead, _tenure_of(session, lead, before) if earlier else since)) is not None:
        _answered(lead, earliest)
        return
    lead.first_response_at = lead.breached_at = None
    if lead.state == LeadState.FOLLOWING.value:
        lead.state = LeadState.ASSIGNED.value
    if earlier:
        lead.first_due_at = lead.first_response_due_at = None
    keep_clock(lead, now)


def _earliest(session: Session, lead: models.Lead, since: datetime) -> datetime | None:
    made = models.FollowUp
    mine = (made.lead_id == lead.id, made.deleted_at.is_(None), made.contacted_at >= since)
    return session.scalar(select(func.min(made.contacted_at)).where(*mine))


def _tenure_of(session: Session, lead: models.Lead, at: datetime) -> datetime:
    """When whoever owned the lead at an instant had got it."""
    tenure = models.Tenure
    owned = (tenure.entity == "lead", tenure.record_id == lead.id, tenure.owner_id.is_not(None), tenure.at < at + _MINUTE)
    return session.scalar(select(func.max(tenure.at)).where(*owned)) or lead.created_at
