"""Which steps something goes through: the flow in force of a verb, its conditions, a dry run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from portal import models
from portal.domain.approvers import ADMIN, People
from portal.domain.calendar import company_day, company_zone
from portal.engine import store
from portal.engine.errors import PortalError, Refused
from portal.engine.fields import View
from portal.engine.outbox import notify
from portal.engine.spec import Spec, spec_named
from portal.engine.text import Text, say
from portal.engine.verbs import Verb, verb_named
from portal.policies import POLICIES, policy
from portal.security.principal import Principal

MODES = {"any": "或签：一人同意即可 | Any one", "all": "会签：都要同意 | All", "sequence": "依次 | In sequence"}
POLICY = "policy:"
"""Before the key of a policy whose figure stands for a condition's value."""
SHIPPED = "shipped"
"""In the definition of a version: the steps are those of the verb's declaration."""
_flows: Any = models.ApprovalFlow.__table__


@dataclass(frozen=True, slots=True)
class Flow:
    """The steps in force for a verb; none where nobody decides. Number 0 is what its declaration says."""

    entity: str
    verb: str
    number: int
    steps: tuple[Mapping[str, Any], ...]
    shipped: bool = False


def flow_for(verb: Verb) -> Flow | None:
    """The published flow of a verb, else the declared one; None where it is simply done."""
    wanted = (
        select(_flows.c.number, _flows.c.definition)
        .where(_flows.c.entity == verb.entity, _flows.c.verb == verb.name, _flows.c.active.is_(True), _flows.c.deleted_at.is_(None))
        .order_by(_flows.c.number.desc())
        .limit(1)
    )
    found = store.session().connection().execute(wanted).one_or_none()
    if found is not None:
        return Flow(verb.entity, verb.name, found.number, steps_of(verb, found.definition), shipped=bool(found.definition.get(SHIPPED)))
    return Flow(verb.entity, verb.name, 0, verb.approval.steps, shipped=True) if verb.approval else None


def steps_of(verb: Verb, definition: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """The steps that a version stands for."""
    if definition.get(SHIPPED):
        return verb.approval.steps if verb.approval else ()
    return tuple(definition.get("steps", ()))


def asking_for(entity: str, key: str, values: Collection[str] = ()) -> list[Verb]:
    """Verbs of a record type whose published flows name a field in their conditions, or one of these values of it."""
    published = (_flows.c.entity == entity, _flows.c.active.is_(True), _flows.c.deleted_at.is_(None))
    found = store.session().connection().execute(select(_flows.c.verb, _flows.c.definition).where(*published))
    named = (verb_named(entity, name) for name, definition in found if _asks(definition.get("steps", ()), key, set(values)))
    return [verb for verb in named if verb is not None]


def _asks(steps: Iterable[Mapping[str, Any]], wanted: str, values: set[str]) -> bool:
    conditions = ((key, raw if isinstance(raw, list) else [raw]) for step in steps for key, _, raw in step.get("when", ()))
    return any(key == wanted and (not values or values & {str(each) for each in given}) for key, given in conditions)


def engine(acting_user: Principal) -> Principal:
    """The approvals' own hand: writes tasks of several people, in the name of who caused it."""
    return replace(acting_user, is_system=True, note="approval")


# conditions ---------------------------------------------------------------------------------------


def holds(spec: Spec, step: Mapping[str, Any], record_id: int, *, now: datetime) -> bool:
    """Whether a step's conditions hold for this record: they mean what a list's filter means, whether an index is ready or not.

    Raises where one cannot be read: it names a field, a choice or a policy that is no more. The engine's alone: it asks of
    fields that the person may not see. What a person tries is asked in `flow_trial`.
    """
    view = View(zone=company_zone(), now=now)
    met = [spec.field(key).criterion(spec.column(key), how, figure(raw, now), view) for key, how, raw in step.get("when", ())]
    return not met or store.session().scalar(select(spec.model.id).where(spec.model.id == record_id, *met)) is not None


def fault(spec: Spec, step: Mapping[str, Any], *, now: datetime) -> Text | None:
    """Why a step's conditions cannot be read; None where they can."""
    return _read(spec, step, 0, now)[1]


def _read(spec: Spec, step: Mapping[str, Any], record_id: int, now: datetime) -> tuple[bool, Text | None]:
    """Whether the step is asked for, and why its conditions cannot be read where they cannot: then it is asked for all the same."""
    if not step.get("when"):
        return True, None
    try:
        with store.session().begin_nested():
            return holds(spec, step, record_id, now=now), None
    except PortalError as error:
        return True, error.text
    except (ValueError, TypeError, KeyError, DBAPIError):
        return True, say("条件的写法读不懂。 | Its conditions are not written as conditions are.")


def applies(flow: Flow, index: int, record_id: int, *, now: datetime) -> bool:
    """Whether a step of a flow in force is asked for. One whose conditions cannot be read is, and the administrators are told."""
    spec, step = spec_named(flow.entity), flow.steps[index]
    found, unread = _read(spec, step, record_id, now)
    if unread is not None:
        _tell_admins(flow, index, unread, now)
    return found


def _tell_admins(flow: Flow, index: int, why: Text, now: datetime) -> None:
    """Once for each version and step."""
    verb = approvable(flow.entity, flow.verb)
    notify(
        store.session(),
        recipient_ids=People(now).with_role(ADMIN),
        event_key=f"approval.unread:{flow.entity}:{flow.verb}:{flow.number}:{index}",
        kind="approval.unread",
        title=say(
            "审批流“{what}”第 {n} 步的条件读不出来，暂时都走这一步"
            " | The flow “{what}” cannot read the conditions of step {n}: it is asked for every time",
            what=say("{entity} · {verb} | {entity} · {verb}", entity=spec_named(flow.entity).label, verb=verb.label),
            n=index + 1,
        ),
        body=why,
        href=f"/flows/{flow.entity}/{flow.verb}",
        now=now,
    )


def figure(raw: Any, now: datetime) -> Any:
    """`policy:leave.director_from_days` stands for the figure in force."""
    if isinstance(raw, str) and raw.startswith(POLICY):
        key = raw.removeprefix(POLICY)
        if key not in POLICIES:
            raise Refused("没有制度参数 {key}。 | There is no policy {key}.", rule="no_policy", key=key)
        return policy(key, on=company_day(now))
    return raw


def approvable(entity: str, name: str) -> Verb:
    """The verb of a flow, or a refusal in words."""
    found = verb_named(entity, name)
    if found is None:
        raise Refused("没有这个动作。 | There is no such verb.", rule="no_verb")
    return found
