"""The versions a flow has had: which there are, one taken up again, back to the shipped one, none any more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from portal import models
from portal.domain.approval_flows import SHIPPED, approvable, flow_for, steps_of
from portal.domain.flow_desk import check, put_in_use
from portal.engine import store
from portal.engine.errors import NotFound, Refused
from portal.engine.spec import spec_named
from portal.engine.verbs import Verb
from portal.security.principal import Principal

_MOST = 20


@dataclass(frozen=True, slots=True)
class Version:
    """One version: what it asks for, since when, by whom. Without steps nobody decides."""

    number: int
    at: datetime
    by: str
    steps: Sequence[str]
    live: bool
    shipped: bool


def versions(verb: Verb) -> list[Version]:
    """The newest first."""
    flow, user = models.ApprovalFlow, models.User
    wanted = (
        select(flow.number, flow.created_at, flow.definition, flow.active, user.name)
        .outerjoin(user, user.id == flow.created_by_id)
        .where(flow.entity == verb.entity, flow.verb == verb.name, flow.deleted_at.is_(None))
        .order_by(flow.number.desc())
        .limit(_MOST)
    )
    return [
        Version(
            number,
            at,
            name or "—",
            tuple(str(step.get("label", "")) for step in steps_of(verb, definition)),
            active,
            bool(definition.get(SHIPPED)),
        )
        for number, at, definition, active, name in store.session().execute(wanted)
    ]


def may_switch_off(verb: Verb) -> bool:
    """Whether the verb is decided first only because an administrator said so."""
    current = flow_for(verb)
    return verb.approval is None and current is not None and bool(current.steps)


def may_go_back(verb: Verb) -> bool:
    """Whether another flow than the shipped one is in use."""
    current = flow_for(verb)
    return verb.approval is not None and current is not None and not current.shipped


def switch_off(entity: str, name: str, *, acting_user: Principal, now: datetime) -> int:
    """Nobody decides any more: from now on the verb is done at once. Returns the version's number."""
    verb = approvable(entity, name)
    if verb.approval is not None:
        raise Refused(
            "这个动作出厂就要审批，可以改流程，不能取消审批。"
            " | This verb is decided first as it was shipped: its flow can be changed, not taken away.",
            rule="shipped",
        )
    if not may_switch_off(verb):
        raise Refused("现在就不需要审批。 | Nobody decides about it now.", rule="off")
    return put_in_use(verb, {"steps": []}, acting_user=acting_user)


def back_to_shipped(entity: str, name: str, *, acting_user: Principal, now: datetime) -> int:
    """The steps of the declaration again, and of every later release. Returns the version's number."""
    verb = approvable(entity, name)
    if verb.approval is None:
        raise Refused("这个动作没有出厂流程。 | No flow was shipped for this verb.", rule="no_shipped")
    if not may_go_back(verb):
        raise Refused("现在用的就是出厂流程。 | The shipped flow is in use already.", rule="in_use")
    return put_in_use(verb, {"steps": [], SHIPPED: True}, acting_user=acting_user)


def take_up(entity: str, name: str, number: int, *, acting_user: Principal, now: datetime) -> int:
    """An earlier version again, as a new one. What its steps name must still be there. Returns the version's number."""
    verb, found = approvable(entity, name), _version(entity, name, number)
    if found.active:
        raise Refused("这一版正在用。 | This version is in use.", rule="in_use")
    if found.definition.get(SHIPPED):
        return back_to_shipped(entity, name, acting_user=acting_user, now=now)
    if not found.definition.get("steps"):
        return switch_off(entity, name, acting_user=acting_user, now=now)
    check(spec_named(entity), found.definition["steps"], now=now)
    return put_in_use(verb, {"steps": found.definition["steps"]}, acting_user=acting_user)


def _version(entity: str, name: str, number: int) -> Any:
    flow = models.ApprovalFlow
    mine = (flow.entity == entity, flow.verb == name, flow.number == number, flow.deleted_at.is_(None))
    found = store.session().scalar(select(flow).where(*mine))
    if found is None:
        raise NotFound
    return found
