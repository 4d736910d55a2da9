"""What happens to records and teams when people move or leave. The list itself is `workbench.hand_over`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from sqlalchemy import Integer, bindparam, func, insert, literal, select, union_all, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from portal import models
from portal.domain.leaders import leaders
from portal.engine import audit, store
from portal.engine.errors import Refused
from portal.engine.outbox import notify
from portal.engine.spec import Spec, registry
from portal.engine.tables import AuditEvent, Outbox
from portal.engine.text import Text, say
from portal.entities.contracts import ContractState
from portal.entities.customers import CustomerState
from portal.entities.deals import OpportunityState
from portal.entities.leads import LeadState
from portal.entities.organisation import PortalUser, Team
from portal.security.duties import duties_of
from portal.security.session import set_based

_TEAM_LOOP = "团队不能放在自己或下级团队之下。 | A team cannot stand below itself or a team of its own."
_PEOPLED = "团队里还有人或下级团队，请先移走。 | There are people or teams in it; move them first."
_TOLD = "{name} 已停用，要交接：{told} | {name} left; to hand over: {told}"
HAND_OVER = "/#hand-over"
"""Where the home lists all that is to be handed over, each kind with its list."""
_OVER: Mapping[str, tuple[str, ...]] = {
    "lead": (LeadState.CONVERTED.value, LeadState.INVALID.value),
    "customer": (CustomerState.MERGED.value,),
    "opportunity": (OpportunityState.WON.value, OpportunityState.LOST.value),
    "contract": tuple(
        state.value for state in (ContractState.FULFILLED, ContractState.CHANGED, ContractState.TERMINATED, ContractState.VOID)
    ),
}
"""States in which nobody needs a record any more."""


@dataclass(frozen=True, slots=True)
class Left:
    """Records of one type that somebody who left still owns."""

    spec: Spec
    count: int
    href: str

    @property
    def words(self) -> Text:
        return say("{n} 条{what} | {what}: {n}", n=self.count, what=self.spec.plural)


@dataclass(frozen=True, slots=True)
class Leaver:
    """A person who is no longer active, and all that needs a new owner."""

    id: int
    name: str
    left: tuple[Left, ...]

    @property
    def total(self) -> int:
        return sum(each.count for each in self.left)


def records_of(spec: Spec, person_id: int) -> str:
    """The list of what a person owns and is not over yet."""
    conditions: list[list[Any]] = [["owner_id", "eq", person_id]]
    if (running := _running(spec)) and "state" in spec.screen.filters:
        conditions.append(["state", "in", list(running)])
    return f"/{spec.name}/?filter={quote(json.dumps(conditions))}"


def leavers() -> list[Leaver]:
    """People who are no longer active and still own something, as far as the reader sees it; the most first. One statement."""
    user, specs = models.User, assigned()
    gone = select(user.id).where(user.active.is_(False))
    counted = [
        select(literal(spec.name).label("entity"), spec.model.owner_id.label("owner_id"), func.count().label("records"))
        .where(spec.model.owner_id.in_(gone), spec.model.deleted_at.is_(None), *_not_over(spec, spec.model))
        .group_by(spec.model.owner_id)
        for spec in specs
    ]
    every = union_all(*counted).subquery()
    rows = store.session().execute(select(user.id, user.name, every.c.entity, every.c.records).join(every, every.c.owner_id == user.id))
    found: dict[tuple[int, str], dict[str, int]] = {}
    for person_id, name, entity, records in rows:
        found.setdefault((person_id, name), {})[entity] = records
    made = [Leaver(key, name, _left(specs, key, counts)) for (key, name), counts in found.items()]
    return sorted(made, key=lambda each: (-each.total, each.id))


def _left(specs: Sequence[Spec], person_id: int, counts: Mapping[str, int]) -> tuple[Left, ...]:
    return tuple(Left(spec, counts[spec.name], records_of(spec, person_id)) for spec in specs if counts.get(spec.name))


def _running(spec: Spec) -> tuple[str, ...]:
    """States in which a record still needs somebody; none where all of them do."""
    over = _OVER.get(spec.name, ())
    return tuple(state for state in (spec.state.members if spec.state else ()) if state not in over) if over else ()


def _not_over(spec: Spec, columns: Any) -> tuple[Any, ...]:
    return (columns.state.in_(_running(spec)),) if _running(spec) else ()


def tell_leader(session: Session, person: PortalUser, now: datetime) -> None:
    """The leader of the team, else of a team above, else the superior, hears once what waits for somebody, kind by kind."""
    leader, specs, counts = leaders().of(person.id), assigned(), {}
    for spec in specs if leader is not None else ():
        owned = spec.table.c
        mine = (owned.owner_id == person.id, owned.deleted_at.is_(None), *_not_over(spec, owned))
        counts[spec.name] = session.connection().scalar(select(func.count()).where(*mine)) or 0
    left = _left(specs, person.id, counts)
    if leader is None or not left:
        return
    told = {"zh": "、".join(each.words.in_("zh") for each in left), "en": ", ".join(each.words.in_("en") for each in left)}
    notify(
        session,
        recipient_ids=leader,
        event_key=f"hand_over:{person.id}:{now.isoformat()}",
        kind="hand_over",
        title=say(_TOLD, name=person.name, told=told),
        entity="user",
        record_id=person.id,
        href=left[0].href if len(left) == 1 else HAND_OVER,
        now=now,
    )


def move_records(session: Session, person_id: int, team_id: int | None, now: datetime) -> None:
    """A person's records follow him to his new team: one UPDATE an entity, however many they are, and one history line
    a record, written set-based before it. The version stays: nobody's open form or undo is disturbed by it."""
    who = audit.attribution(session)
    for spec in registry().values():
        if spec.scope != "owner":
            continue
        table, events = spec.table, AuditEvent.__table__
        moving = (table.c.owner_id == person_id) & table.c.team_id.is_distinct_from(team_id)
        new = bindparam("new_team", team_id, Integer)
        lines = select(
            *(literal(who[key], events.c[key].type) for key in who),
            literal("user:place"),
            literal(spec.name),
            table.c.id,
            func.jsonb_build_object("team_id", table.c.team_id, type_=JSONB),
            func.jsonb_build_object("team_id", new, type_=JSONB),
        ).where(moving)
        set_based(session, insert(events).from_select([*who, "verb", "entity", "record_id", "before", "after"], lines))  # type: ignore[arg-type]
        set_based(session, update(table).where(moving).values(team_id=team_id))


def drop_mails(session: Session, person_id: int, now: datetime) -> None:
    """Mails about records that wait to be sent are not: he may not see those records any more. Password links are."""
    session.connection().execute(
        update(Outbox)
        .where(Outbox.recipient_id == person_id, Outbox.entity != "user", Outbox.sent_at.is_(None), Outbox.dropped_at.is_(None))
        .values(dropped_at=now)
    )


def leave_teams(session: Session, person: PortalUser, role: str) -> None:
    """Who no longer leads gets no leader's notices: his name goes from teams he left, and from all when demoted.

    A new leader of a team that has none becomes its leader. A director keeps what he leads.
    """
    duty = duties_of(session).get(role, "")
    if duty != "director":
        for team in session.scalars(select(Team).where(Team.leader_id == person.id)):
            if duty != "leader" or team.id != person.team_id:
                team.leader_id = None
    own = session.get(Team, person.team_id) if duty == "leader" and person.team_id else None
    if own is not None and own.leader_id is None:
        own.leader_id = person.id
    session.flush()


def refuse_team_loop(session: Session, team_id: int, parent_id: int | None) -> None:
    """Raises `Refused` where the new parent stands below the team."""
    parents = dict(session.execute(select(Team.id, Team.parent_id)).all())
    seen: set[int] = set()
    while parent_id is not None and parent_id not in seen:
        if parent_id == team_id:
            raise Refused(_TEAM_LOOP, rule="team_loop")
        seen.add(parent_id)
        parent_id = parents.get(parent_id)


def refuse_peopled(session: Session, team_id: int) -> None:
    """Raises `Refused` while somebody, or a team, is in it."""
    people = session.scalar(select(func.count()).select_from(PortalUser).where(PortalUser.team_id == team_id))
    below = session.scalar(select(func.count()).select_from(Team).where(Team.parent_id == team_id, Team.deleted_at.is_(None)))
    if people or below:
        raise Refused(_PEOPLED, rule="team_in_use")


def assigned() -> list[Spec]:
    """Entities whose records are handed from person to person, in the order that a sale goes."""
    found = [spec for spec in registry().values() if {"assign", "hand_over"} & set(spec.verbs)]
    order = list(_OVER)
    return sorted(found, key=lambda spec: order.index(spec.name) if spec.name in order else len(order))
