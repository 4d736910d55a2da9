"""Flows as an administrator edits them: which verbs have one, a draft tried on a record, a new version put in use."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update

from portal import models
from portal.domain.approval_flows import ADMIN, MODES, Flow, People, Stop, applies, approvable, flow_for, walk
from portal.engine import store
from portal.engine.errors import BadRequest, NotAllowed, Refused
from portal.engine.fields import View
from portal.engine.spec import Spec, registry, spec_named
from portal.engine.text import is_bilingual
from portal.engine.verbs import Verb, all_verbs
from portal.security.principal import Principal
from portal.security.resolve import touch_access
from portal.security.roles import ROLES

_flows: Any = models.ApprovalFlow.__table__
_approvals: Any = models.Approval.__table__
EDIT = "flow_desk:edit"
_MOST_STEPS = 12
_MOST_SAMPLES = 20
_OWN = frozenset({"approval", "approval_task", "approval_action", "approval_flow"})
Steps = Sequence[Mapping[str, Any]]


def with_flow() -> list[tuple[Verb, Flow]]:
    """Verbs that are decided first, in the order of their record types."""
    return [(verb, flow) for verb in candidates() if (flow := flow_for(verb)) is not None and flow.steps]


def candidates() -> list[Verb]:
    """Every declared verb that may be decided by others first."""
    return sorted((verb for verb in all_verbs() if verb.entity not in _OWN and verb.entity in registry()), key=lambda v: v.permission)


def steps_from(raw: str) -> list[dict[str, Any]]:
    """A draft as a form carries it."""
    try:
        found = json.loads(raw)
        return [dict(step) for step in found]
    except (ValueError, TypeError) as error:
        raise BadRequest("步骤的内容不对，请重新打开这一页。 | The steps cannot be read; open the page again.") from error


def check(spec: Spec, steps: Steps, *, now: datetime) -> None:
    """Refuses a draft that could not run, in words that say which step and what."""
    if not 0 < len(steps) <= _MOST_STEPS:
        raise Refused("要有 1 到 {most} 步。 | There must be 1 to {most} steps.", rule="steps", most=_MOST_STEPS)
    for number, step in enumerate(steps, 1):
        if not is_bilingual(str(step.get("label", ""))) or step.get("mode") not in MODES:
            raise Refused("第 {n} 步要有名称和通过方式。 | Step {n} needs a name and how it passes.", rule="step", n=number)
        if not step.get("who") or not all(_is_somebody(each) for each in step["who"]):
            raise Refused("第 {n} 步要有人审批。 | Step {n} needs somebody who decides.", rule="nobody", n=number)
        applies(spec, step, 0, now=now)


def _is_somebody(each: Mapping[str, Any]) -> bool:
    match each.get("by"):
        case "superior":
            return each.get("level") in (1, 2)
        case "role":
            return each.get("role") in ROLES
        case "person":
            return isinstance(each.get("id"), int)
    return False


def publish(entity: str, name: str, steps: Steps, *, acting_user: Principal, now: datetime) -> int:
    """A new version from now on; what is under way ends by the steps it began with. Returns its number."""
    if not acting_user.may(EDIT):
        raise NotAllowed
    session, spec, verb = store.session(), spec_named(entity), approvable(entity, name)
    check(spec, steps, now=now)
    same = (_flows.c.entity == entity, _flows.c.verb == verb.name)
    number = (session.connection().scalar(select(func.max(_flows.c.number)).where(*same)) or 0) + 1
    session.connection().execute(update(_flows).where(*same).values(active=False))
    title = f"{entity}:{verb.name}"
    session.add(
        models.ApprovalFlow(title=title, entity=entity, verb=verb.name, number=number, active=True, definition={"steps": list(steps)})
    )
    session.flush()
    touch_access(session)
    return number


def under_way(entity: str, name: str) -> int:
    """How many end by the steps they began with."""
    wanted = select(func.count()).where(_approvals.c.entity == entity, _approvals.c.verb == name, _approvals.c.state == "pending")
    return store.session().connection().scalar(wanted) or 0


def samples(spec: Spec, view: View) -> list[tuple[int, str]]:
    """The newest records the reader sees, to try a draft on."""
    key = spec.identity.key
    wanted = select(spec.model.id, spec.column(key)).order_by(spec.model.id.desc()).limit(_MOST_SAMPLES)
    rows = store.session().execute(wanted)
    return [(key, f"#{key} {'' if spec.identity.masked else spec.identity.words(name, view) if name else ''}") for key, name in rows]


def dry_run(entity: str, name: str, steps: Steps, record_id: int, *, now: datetime) -> tuple[list[Stop], str]:
    """How this record would go, asked by its owner today; and his name. Tells nobody, writes nothing."""
    spec = spec_named(entity)
    asker = store.session().scalar(select(spec.column("owner_id")).where(spec.model.id == record_id)) if spec.scope == "owner" else None
    people = People(now)
    return walk(Flow(entity, name, 0, tuple(steps)), record_id, asker or 0, now=now), people.name.get(asker or 0, "—")


def somebody(now: datetime) -> list[tuple[str, str]]:
    """(value, label) of everything that can decide a step: superiors, roles, people."""
    people = People(now)
    found = [("superior:1", "上级 | Superior"), ("superior:2", "上级的上级 | Superior's superior")]
    found += [(f"role:{key}", role.label) for key, role in ROLES.items() if key != ADMIN]
    return [*found, ("role:admin", ROLES[ADMIN].label), *((f"person:{key}", people.name[key]) for key in sorted(people.active))]


def who_from(values: Sequence[str]) -> list[dict[str, Any]]:
    """`role:finance` → {"by": "role", "role": "finance"}."""
    found: list[dict[str, Any]] = []
    for value in values:
        kind, _, rest = value.partition(":")
        match kind:
            case "superior" | "person" if rest.isdigit():
                found.append({"by": kind, "level" if kind == "superior" else "id": int(rest)})
            case "role":
                found.append({"by": "role", "role": rest})
    return found


def who_values(who: Sequence[Mapping[str, Any]]) -> list[str]:
    """The other way round."""
    return [f"{each['by']}:{each.get('level') or each.get('role') or each.get('id')}" for each in who]
