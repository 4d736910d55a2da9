"""The first-response clock as questions: what is due soon, what was missed (handbook 7). Through the reader's gate."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, or_, select

from portal import models
from portal.domain.claim_rules import OPEN_STATES
from portal.engine import store


def awaiting(now: datetime, *, within: timedelta = timedelta(hours=24)) -> list[Any]:
    """Leads still in time whose first response is due within this span, the most urgent first."""
    lead = models.Lead
    due = _open().where(lead.first_response_at.is_(None), lead.first_response_due_at >= now, lead.first_response_due_at <= now + within)
    return list(store.session().execute(due.order_by(lead.first_response_due_at, lead.id)))


def breaches(now: datetime) -> list[Any]:
    """The breach list: not answered and past due. The due instant itself is still in time."""
    lead = models.Lead
    late = _open().where(lead.first_response_at.is_(None), lead.first_response_due_at < now)
    return list(store.session().execute(late.order_by(lead.first_response_due_at, lead.id)))


def response_rate(since: datetime, now: datetime) -> tuple[int, int]:
    """(answered in time, time ended) of leads whose time ended in the span (records.md D, 24h响应率)."""
    lead = models.Lead
    in_time = case((lead.first_response_at <= lead.first_response_due_at, 1), else_=0)
    ended = select(in_time).where(
        lead.first_response_due_at.is_not(None), lead.first_response_due_at >= since,
        or_(lead.first_response_due_at < now, lead.first_response_at.is_not(None)),
    )
    found = list(store.session().scalars(ended))
    return sum(found), len(found)


def _open() -> Any:
    lead, user = models.Lead, models.User
    return (
        select(lead.id, lead.company, lead.owner_id, user.name.label("owner"), lead.first_response_due_at.label("due_at"))
        .join(user, user.id == lead.owner_id).where(lead.state.in_(OPEN_STATES))
    )
