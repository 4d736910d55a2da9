"""How a lead comes in and is corrected: whose it is, its duplicates, its clock."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from portal import models
from portal.domain import duplicates
from portal.domain.calendar import company_day
from portal.domain.leads import LEADS, OPEN_STATES
from portal.domain.ownership import began
from portal.domain.pooling import default_pool
from portal.engine import store
from portal.engine.errors import Refused
from portal.engine.operations import operation
from portal.entities.leads import LeadState
from portal.policies import policy
from portal.security.principal import Principal

_COMPARED = ("company", "phone")


@operation("lead", "create")
def create(values: Mapping[str, Any], *, acting_user: Principal, now: datetime) -> models.Lead:
    """A new lead: its creator's when he works leads himself (may claim), else in the default pool.

    Refused with rule `duplicate` and the allowed facts, unless `session.info["confirmed"]`.
    """
    session = store.session()
    duplicates.refuse(values, name="company", besides=None, acting_user=acting_user, now=now)
    lead = models.Lead(**values)
    lead.company_key = duplicates.company_key(lead.company)
    if acting_user.may("lead:claim") and not acting_user.is_system:
        lead.owner_id, lead.team_id, lead.owned_at = acting_user.user_id, acting_user.team_id, now
        lead.state = LeadState.ASSIGNED.value
    else:
        lead.pool_id, lead.pooled_at = default_pool(session, LEADS), now
        lead.state = LeadState.POOL.value
    keep_clock(lead, now)
    session.add(lead)
    session.flush()
    began(session, lead, how="create", now=now)
    return lead


@operation("lead", "change")
def change(record: models.Lead, values: Mapping[str, Any], *, acting_user: Principal, now: datetime) -> models.Lead:
    """Correct a lead; a new phone or company is compared again, a new grade starts or ends the clock."""
    if record.state not in models.Lead.form_states:
        raise Refused("已转化的线索不能修改，请改它的客户。 | A converted lead stays as it is; change its customer.", rule="state")
    session = store.session()
    renewed = {key: values[key] for key in _COMPARED if key in values and values[key] != getattr(record, key)}
    duplicates.refuse(renewed, name="company", besides=record.id, acting_user=acting_user, now=now)
    for key, value in values.items():
        setattr(record, key, value)
    record.company_key = duplicates.company_key(record.company)
    keep_clock(record, now)
    session.flush()
    return record


def keep_clock(lead: models.Lead, now: datetime) -> None:
    """A qualified, owned, unanswered lead is due for its first response (handbook 7).

    It is due once for as long as it has this owner: who is no longer qualified waits, and is due at the same instant when
    it is again. What has run out stays run out, whatever becomes of the grade.
    """
    if lead.first_response_at is not None or lead.state not in (*OPEN_STATES, LeadState.POOL.value):
        return
    due = lead.first_due_at or lead.first_response_due_at
    if lead.owner_id is None:
        lead.first_due_at = lead.first_response_due_at = None
        return
    if lead.money and lead.authority and lead.need:
        due = due or now + timedelta(hours=policy("lead.first_response_hours", on=company_day(now)))
        lead.first_response_due_at = due
    elif lead.first_response_due_at is not None and lead.first_response_due_at >= now:
        lead.first_response_due_at = None
    lead.first_due_at = due
