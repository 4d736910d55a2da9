"""Logging a contact: how late it was logged, and what it does to its lead or customer (handbook 25, 26)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import models
from portal.domain.calendar import company_day
from portal.domain.contacted import carry_over, work_out
from portal.domain.pooling import poolings
from portal.engine import store
from portal.engine.entity import entity_name
from portal.engine.errors import Invalid, NotFound, Refused
from portal.engine.operations import operation
from portal.engine.spec import registry, spec_of
from portal.engine.text import Text
from portal.entities.leads import LeadState
from portal.policies import policy
from portal.security.principal import Principal

_MINUTE = timedelta(minutes=1)


@operation("follow_up", "create")
def create(values: Mapping[str, Any], *, acting_user: Principal, now: datetime) -> models.FollowUp:
    """Log a contact; the last contact, next step and a lead's first response follow from it."""
    session = store.session()
    _check_times(values["contacted_at"], values.get("next_at"), now)
    target = _target(session, values)
    if target.pool_id is not None:
        what = poolings[entity_name(type(target))]
        raise Refused("请先领取这条{noun}，再记录跟进。 | Claim this {noun} first, then log the follow-up.", rule="in_pool", **what.words)
    if isinstance(target, models.Lead) and target.state == LeadState.CONVERTED.value:
        raise Refused(
            "这条线索已转为客户，请记在它的客户上。 | This lead has become a customer; log it with that customer.", rule="converted"
        )
    made = models.FollowUp(**values, logged_at=now, logged_late=minutes_late(values["contacted_at"], now))
    session.add(made)
    carry_over(target, made)
    session.flush()
    return made


def _target(session: Session, values: Mapping[str, Any]) -> Any:
    """The locked lead or customer that these values name."""
    belongs = spec_of(models.FollowUp).parent_in(values)
    if belongs is None:
        raise NotFound
    model = registry()[belongs[0].target].model
    found = session.scalar(
        select(model).where(model.id == belongs[1]).with_for_update(key_share=True).execution_options(populate_existing=True)
    )
    if found is None:
        raise NotFound
    return found


@operation("follow_up", "change")
def change(record: models.FollowUp, values: Mapping[str, Any], *, acting_user: Principal, now: datetime) -> models.FollowUp:
    """Correct a follow-up: how late it was logged, and what its lead or customer has from it, are worked out again."""
    _check_times(values.get("contacted_at", record.contacted_at), values.get("next_at", record.next_at), now)
    with _worked_out(record, now):
        for key, value in values.items():
            setattr(record, key, value)
        if record.contacted_at is not None:
            record.logged_late = minutes_late(record.contacted_at, record.logged_at or record.created_at)
    return record


@operation("follow_up", "remove")
def remove(record: models.FollowUp, *, acting_user: Principal, now: datetime) -> models.FollowUp:
    """Into the bin: its lead or customer is as if it had not been logged."""
    return _binned(record, now, "delete", now)


@operation("follow_up", "restore")
def restore(record: models.FollowUp, *, acting_user: Principal, now: datetime) -> models.FollowUp:
    """Out of the bin: it counts again."""
    return _binned(record, None, "restore", now)


def _binned(record: models.FollowUp, deleted_at: datetime | None, verb: str, now: datetime) -> models.FollowUp:
    with _worked_out(record, now):
        record.deleted_at = deleted_at
        with _said(verb):
            store.session().flush()
    return record


@contextmanager
def _worked_out(record: models.FollowUp, now: datetime) -> Iterator[None]:
    """Around a change of what was logged: its lead or customer is locked, and afterwards follows from what is left."""
    session, was = store.session(), record.contacted_at
    target = _target(session, {"lead_id": record.lead_id, "customer_id": record.customer_id})
    yield
    work_out(session, target, was=was, now=now)


@contextmanager
def _said(verb: str) -> Iterator[None]:
    """What the history calls the change of the follow-up itself; what follows from it is a change like any other."""
    info = store.session().info
    before = info.pop("verb_name", None)
    info["verb_name"] = verb
    yield
    info.pop("verb_name")
    if before is not None:
        info["verb_name"] = before


def minutes_late(contacted_at: datetime, logged_at: datetime) -> int:
    """Minutes begun beyond the time allowed for logging (60 by default, handbook 25); 0 when in time."""
    allowed = timedelta(minutes=policy("follow_up.log_within_minutes", on=company_day(logged_at)))
    return max(0, ceil((logged_at - contacted_at - allowed) / _MINUTE))


def _check_times(contacted_at: datetime | None, next_at: datetime | None, now: datetime) -> None:
    errors = {}
    if contacted_at is not None and contacted_at > now:
        errors["contacted_at"] = Text("联系时间不能在将来。 | The contact cannot lie in the future.")
    if contacted_at is not None and next_at is not None and next_at <= contacted_at:
        errors["next_at"] = Text("下次跟进要晚于这次联系。 | The next contact must be after this one.")
    if errors:
        raise Invalid(errors)
