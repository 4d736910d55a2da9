"""Which steps something goes through, and who stands at each: flows, their conditions, superiors, deputies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from portal import models
from portal.domain.calendar import company_day, company_zone
from portal.engine import store
from portal.engine.errors import Refused
from portal.engine.fields import View
from portal.engine.spec import Spec, spec_named
from portal.engine.verbs import Verb, verb_named
from portal.policies import POLICIES, policy
from portal.security.duties import roles_for
from portal.security.principal import Principal

ADMIN = "admin"
MODES = {"any": "或签：一人同意即可 | Any one", "all": "会签：都要同意 | All", "sequence": "依次 | In sequence"}
_POLICY = "policy:"
_flows: Any = models.ApprovalFlow.__table__
_people: Any = models.User.__table__
_roles, _user_roles = (models.User.metadata.tables[name] for name in ("ab_role", "ab_user_role"))


@dataclass(frozen=True, slots=True)
class Flow:
    """The steps in force for a verb. Number 0 is what its declaration says."""

    entity: str
    verb: str
    number: int
    steps: tuple[Mapping[str, Any], ...]


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
        return Flow(verb.entity, verb.name, found.number, tuple(found.definition.get("steps", ())))
    return Flow(verb.entity, verb.name, 0, verb.approval.steps) if verb.approval else None


def asking_for(entity: str, key: str) -> list[Verb]:
    """Verbs of a record type whose published flows name a field in their conditions."""
    published = (_flows.c.entity == entity, _flows.c.active.is_(True), _flows.c.deleted_at.is_(None))
    found = store.session().connection().execute(select(_flows.c.verb, _flows.c.definition).where(*published))
    named = (verb_named(entity, name) for name, definition in found if key in _asked(definition.get("steps", ())))
    return [verb for verb in named if verb is not None]


def _asked(steps: Iterable[Mapping[str, Any]]) -> set[str]:
    return {key for step in steps for key, _, _ in step.get("when", ())}


def engine(acting_user: Principal) -> Principal:
    """The approvals' own hand: writes tasks of several people, in the name of who caused it."""
    return replace(acting_user, is_system=True, note="approval")


# conditions ---------------------------------------------------------------------------------------


def applies(spec: Spec, step: Mapping[str, Any], record_id: int, *, now: datetime) -> bool:
    """Whether a step's conditions hold for this record: they mean what a list's filter means, whether an index is ready or not."""
    view = View(zone=company_zone(), now=now)
    met = [spec.field(key).criterion(spec.column(key), how, figure(raw, now), view) for key, how, raw in step.get("when", ())]
    return not met or store.session().scalar(select(spec.model.id).where(spec.model.id == record_id, *met)) is not None


def figure(raw: Any, now: datetime) -> Any:
    """`policy:leave.director_from_days` stands for the figure in force."""
    if isinstance(raw, str) and raw.startswith(_POLICY):
        key = raw.removeprefix(_POLICY)
        if key not in POLICIES:
            raise Refused("没有制度参数 {key}。 | There is no policy {key}.", rule="no_policy", key=key)
        return policy(key, on=company_day(now))
    return raw


# who ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Approver:
    """Who decides, and in whose place."""

    user_id: int
    for_id: int | None = None


class People:
    """Who leads whom, who is active, who stands in for whom, read once."""

    def __init__(self, now: datetime) -> None:
        connection = store.session().connection()
        rows = connection.execute(select(_people.c.id, _people.c.superior_id, _people.c.active, _people.c.name, _people.c.team_id)).all()
        self.superior: dict[int, int | None] = {row.id: row.superior_id for row in rows}
        self.team: dict[int, int | None] = {row.id: row.team_id for row in rows}
        self.name: dict[int, str] = {row.id: row.name for row in rows}
        self.active = {row.id for row in rows if row.active}
        self.deputy = _deputies(company_day(now))

    def with_role(self, role: str) -> list[int]:
        named = roles_for(store.session(), [role])
        held = select(_user_roles.c.user_id).join(_roles, _roles.c.id == _user_roles.c.role_id).where(_roles.c.name.in_(named))
        found = store.session().connection().scalars(held.order_by(_user_roles.c.user_id))
        return [each for each in found if each in self.active]

    def above(self, user_id: int, level: int = 1) -> list[int]:
        """The superior of this level, or nobody; who has left is passed over."""
        found: int | None = user_id
        for _ in range(level):
            found = self._next(found)
        return [] if found is None else [found]

    def _next(self, user_id: int | None) -> int | None:
        seen: set[int | None] = {user_id}
        found = self.superior.get(user_id) if user_id is not None else None
        while found is not None and found not in self.active and found not in seen:
            seen.add(found)
            found = self.superior.get(found)
        return found if found in self.active else None

    def named(self, who: Iterable[Mapping[str, Any]], asked_by: int) -> list[int]:
        """The people a step names, without who asks: in his place decides his superior; where nobody is left, an admin."""
        found: list[int] = []
        for each in who:
            match each.get("by"):
                case "superior":
                    found += self.above(asked_by, int(each.get("level", 1)))
                case "role":
                    found += self.with_role(str(each.get("role", "")))
                case "person":
                    found += [person for person in (int(each.get("id", 0)),) if person in self.active]
        if asked_by in found:
            found = [person for person in found if person != asked_by] or self.above(asked_by)
        return [*dict.fromkeys(found)] or self.admins(asked_by)

    def admins(self, asked_by: int) -> list[int]:
        """Where nobody is named; the only administrator's own matters are the director's."""
        held = self.with_role(ADMIN), self.with_role("director")
        found = next((others for people in held if (others := [person for person in people if person != asked_by])), [])
        if not found:
            raise Refused("没有人可以审批，请联系管理员。 | There is nobody who could decide. Ask an administrator.", rule="no_approver")
        return found

    def standing_in(self, user_id: int, asked_by: int) -> Approver:
        """The deputy where one is named for today, unless it is who asks."""
        deputy = self.deputy.get(user_id)
        if deputy is None or deputy == asked_by or deputy not in self.active:
            return Approver(user_id)
        return Approver(deputy, user_id)

    def still_stands_in(self, who: Approver) -> bool:
        """Whether he decides for himself, or in the place of somebody who has named him for today."""
        return who.for_id is None or self.deputy.get(who.for_id) == who.user_id


def _deputies(day: date) -> dict[int, int]:
    row: Any = models.Delegation.__table__
    wanted = select(row.c.owner_id, row.c.deputy_id).where(row.c.first_on <= day, row.c.last_on >= day, row.c.deleted_at.is_(None))
    return {owner: deputy for owner, deputy in store.session().connection().execute(wanted.order_by(row.c.id)) if owner and deputy}


# a dry run ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stop:
    """One step as it would go for a record."""

    label: str
    mode: str
    applies: bool
    people: tuple[Approver, ...]
    when: Sequence[Any]


def walk(flow: Flow, record_id: int, asked_by: int, *, now: datetime) -> list[Stop]:
    """How this record would go through the steps today. Tells nobody."""
    spec, people = spec_named(flow.entity), People(now)
    found = []
    for step in flow.steps:
        holds = applies(spec, step, record_id, now=now)
        who = tuple(people.standing_in(each, asked_by) for each in people.named(step.get("who", ()), asked_by)) if holds else ()
        found.append(Stop(str(step.get("label", "")), str(step.get("mode", "any")), holds, who, step.get("when", ())))
    return found


def approvable(entity: str, name: str) -> Verb:
    """The verb of a flow, or a refusal in words."""
    found = verb_named(entity, name)
    if found is None:
        raise Refused("没有这个动作。 | There is no such verb.", rule="no_verb")
    return found
