"""Flows as an administrator edits them: which verbs have one, a draft tried on a record, a new version put in use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from portal import models
from portal.domain.approval_flows import MODES, Flow, approvable, fault, flow_for
from portal.domain.approvers import ADMIN, People
from portal.domain.flow_rules import is_finished
from portal.domain.people import role_names
from portal.engine import store
from portal.engine.errors import BadRequest, NotAllowed, Refused
from portal.engine.fields import View
from portal.engine.given import id_of, json_of
from portal.engine.query.listing import seen_field
from portal.engine.spec import Spec, registry, spec_named
from portal.engine.text import Text, is_bilingual
from portal.engine.verbs import Verb, all_verbs
from portal.security import scopes
from portal.security.fields import Rights
from portal.security.principal import Principal
from portal.security.resolve import access_version, resolve, touch_access
from portal.security.roles import role_label
from portal.security.session import principal_of

_flows: Any = models.ApprovalFlow.__table__
_approvals: Any = models.Approval.__table__
EDIT = "flow_desk:edit"
_MOST_STEPS = 12
_MOST_SAMPLES = 20
_MOST_ASKERS = 20
_MOST_LOOKED_AT = 60
_A_CONDITION = 3
_OWN = frozenset({"approval", "approval_task", "approval_action", "approval_flow"})
_HIDDEN = "不能用“{label}”作条件：你看不到它的全部。 | “{label}” cannot be a condition: you do not see all of it."
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
        found = json_of(raw)
    except ValueError:
        found = None
    if not isinstance(found, list) or not all(map(_is_step, found)):
        raise BadRequest("步骤的内容不对，请重新打开这一页。 | The steps cannot be read; open the page again.")
    return [dict(step) for step in found]


def _is_step(step: Any) -> bool:
    """Whether it is written as a step is, whatever it says."""
    if not isinstance(step, dict) or not isinstance(step.get("label"), str) or step.get("mode") not in tuple(MODES):
        return False
    who, when = step.get("who"), step.get("when", [])
    return isinstance(who, list) and all(map(_is_who, who)) and isinstance(when, list) and all(map(_is_condition, when))


def _is_who(each: Any) -> bool:
    key, kind = {"superior": ("level", int), "person": ("id", int), "role": ("role", str)}.get(_by(each), ("", None))
    return kind is not None and type(each.get(key)) is kind


def _by(each: Any) -> str:
    return str(each.get("by")) if isinstance(each, dict) else ""


def _is_condition(each: Any) -> bool:
    return (
        isinstance(each, list)
        and len(each) == _A_CONDITION
        and all(isinstance(part, str) for part in each[:2])
        and all(isinstance(value, (str, int, float)) for value in (each[2] if isinstance(each[2], list) else [each[2]]))
    )


def check(spec: Spec, steps: Steps, *, now: datetime) -> None:
    """Refuses a draft that could not run, in words that say which step and what."""
    if not 0 < len(steps) <= _MOST_STEPS:
        raise Refused("要有 1 到 {most} 步。 | There must be 1 to {most} steps.", rule="steps", most=_MOST_STEPS)
    people, roles = People(now), role_names()
    for number, step in enumerate(steps, 1):
        if not _is_step(dict(step)) or not is_bilingual(step["label"]):
            raise Refused("第 {n} 步要有名称和通过方式。 | Step {n} needs a name and how it passes.", rule="step", n=number)
        if not step["who"]:
            raise Refused("第 {n} 步要有人审批。 | Step {n} needs somebody who decides.", rule="nobody", n=number)
        if not all(_is_somebody(each, people, roles) for each in step["who"]):
            raise Refused(
                "第 {n} 步选的人不在职，或者没有这个角色，请另选。 | Step {n} names somebody who has left, or a role that is not there.",
                rule="nobody",
                n=number,
            )
        if not all(map(is_finished, step.get("when", ()))):
            raise Refused("第 {n} 步有条件还没写完。 | A condition of step {n} is not finished.", rule="unfinished", n=number)
        if (why := _hidden(spec, step) or fault(spec, step, now=now)) is not None:
            raise BadRequest("第 {n} 步的条件：{why} | The conditions of step {n}: {why}", n=number, why=why)


def _hidden(spec: Spec, step: Mapping[str, Any]) -> Text | None:
    """Whoever writes a condition and tries it learns what it compares: he must be one who may filter a list by it."""
    rights = Rights(principal_of(store.session()))
    try:
        fields = [seen_field(spec, str(key), rights) for key, _, _ in step.get("when", ())]
    except BadRequest as unknown:
        return unknown.text
    return next((Text(_HIDDEN, label=each.label) for each in fields if not rights.finds(spec, each)), None)


def may_try(spec: Spec, steps: Steps, record_id: int) -> bool:
    """Whether a run on this record would tell its reader nothing that he does not see."""
    if any(_hidden(spec, step) is not None for step in steps):
        return False
    may = principal_of(store.session()).may(f"{spec.name}:read")
    return may and store.session().scalar(select(spec.model.id).where(spec.model.id == record_id)) is not None


def _is_somebody(each: Mapping[str, Any], people: People, roles: Sequence[str]) -> bool:
    match each.get("by"):
        case "superior":
            return each.get("level") in (1, 2)
        case "role":
            return each.get("role") in roles
        case "person":
            return each.get("id") in people.active
    return False


def publish(entity: str, name: str, steps: Steps, *, acting_user: Principal, now: datetime, started: int | None = None) -> int:
    """A new version from now on; what is under way ends by the steps it began with. Returns its number.

    `started` is the version that was in use when the draft was begun: a newer one is not overwritten unseen.
    """
    check(spec_named(entity), steps, now=now)
    current = flow_for(approvable(entity, name))
    if started is not None and current is not None and current.number != started:
        raise Refused(
            "别人刚启用了第 {n} 版：打开它再改。 | Somebody has put version {n} in use meanwhile: open that one.",
            rule="changed",
            n=current.number,
        )
    return put_in_use(approvable(entity, name), {"steps": [dict(step) for step in steps]}, acting_user=acting_user)


def put_in_use(verb: Verb, definition: Mapping[str, Any], *, acting_user: Principal) -> int:
    """The next version of a verb's flow, in place of the one in use; both changes stand in the history."""
    if not acting_user.may(EDIT):
        raise NotAllowed
    session, flow = store.session(), models.ApprovalFlow
    same = (flow.entity == verb.entity, flow.verb == verb.name)
    for former in session.scalars(select(flow).where(*same, flow.active.is_(True)).with_for_update()):
        former.active = False
    session.flush()
    number = (session.scalar(select(func.max(flow.number)).where(*same)) or 0) + 1
    session.add(flow(title=verb.permission, entity=verb.entity, verb=verb.name, number=number, active=True, definition=dict(definition)))
    session.flush()
    touch_access(session)
    return number


def unread(spec: Spec, steps: Steps, *, now: datetime) -> list[tuple[int, Text]]:
    """Steps whose conditions cannot be read, by their number, and why: they are asked for every time."""
    return [(number, why) for number, step in enumerate(steps, 1) if (why := fault(spec, step, now=now)) is not None]


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


def askers(verb: Verb, record_id: int, *, now: datetime) -> list[tuple[int, str]]:
    """Who holds the verb and reaches this record with it: its owner first, then his superiors, then the others."""
    spec, people = spec_named(verb.entity), People(now)
    keys = [key for key in ("id", "owner_id", "team_id", "pool_id", spec.state.key if spec.state else "") if key in spec.table.c]
    found = store.session().execute(select(*(getattr(spec.model, key) for key in keys)).where(spec.model.id == record_id)).one_or_none()
    if found is None:
        return []
    row, version = {"pool_id": None, **dict(zip(keys, found, strict=True))}, access_version(store.session())
    may_ask: list[tuple[int, str]] = []
    for each in _likely(row.get("owner_id"), people)[:_MOST_LOOKED_AT]:
        who = resolve(store.session(), each, version, now)
        if who.may(verb.permission) and (spec.scope != "owner" or scopes.covers(spec, verb.takes, who, row)):
            may_ask.append((each, people.name[each]))
    return may_ask[:_MOST_ASKERS]


def _likely(owner_id: int | None, people: People) -> list[int]:
    """Everybody, those first who most likely work with what this person owns."""
    line = [] if owner_id is None else [owner_id]
    while line and (above := people.above(line[-1])) and above[0] not in line:
        line += above
    return [*(each for each in line if each in people.active), *sorted(people.active - {*line})]


def somebody() -> list[tuple[str, str]]:
    """(value, label) of what can decide a step besides people: superiors and roles, administrators last."""
    found = [("superior:1", "上级 | Superior"), ("superior:2", "上级的上级 | Superior's superior")]
    roles = sorted(role_names(), key=lambda name: name == ADMIN)
    return [*found, *((f"role:{name}", role_label(name)) for name in roles)]


def deciders(step: Mapping[str, Any], people: People) -> list[tuple[str, list[str] | None]]:
    """Whom a step names, in words, and which people that is today; None where the words say it, or it depends on who asks."""
    labels = dict(somebody())
    found: list[tuple[str, list[str] | None]] = []
    for value, each in zip(who_values(step.get("who", ())), step.get("who", ()), strict=True):
        match each["by"]:
            case "person":
                found.append((people.name.get(each["id"], "—"), None))
            case "role":
                found.append((labels.get(value, each["role"]), [people.name[one] for one in people.with_role(each["role"])]))
            case _:
                found.append((labels.get(value, value), None))
    return found


def who_from(values: Sequence[str]) -> list[dict[str, Any]]:
    """`role:finance` → {"by": "role", "role": "finance"}."""
    found: list[dict[str, Any]] = []
    for value in values:
        kind, _, rest = value.partition(":")
        match kind:
            case "superior" | "person" if (number := id_of(rest)) is not None:
                found.append({"by": kind, "level" if kind == "superior" else "id": number})
            case "role":
                found.append({"by": "role", "role": rest})
    return found


def who_values(who: Sequence[Mapping[str, Any]]) -> list[str]:
    """The other way round."""
    return [f"{each['by']}:{each.get('level') or each.get('role') or each.get('id')}" for each in who]
