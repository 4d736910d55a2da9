"""What imports mean for people, teams and leads, and who may import what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, String, Table, and_, case, func, insert, inspect, literal, or_, select, update
from sqlalchemy.orm import Session

from portal import models
from portal.domain import approval_lock
from portal.domain.calendar import company_day, company_zone
from portal.domain.leads import LEADS, OPEN_STATES
from portal.domain.logins import free, name_parts
from portal.domain.people import RoleField, beyond
from portal.domain.pooling import default_pool
from portal.engine import audit, import_run
from portal.engine.errors import BadRequest, NotAllowed, Refused
from portal.engine.fields import Field, View
from portal.engine.importing import Importer, Mapped, Staged, importer, importer_of
from portal.engine.intake import Shape
from portal.engine.kinds.reference import ReferenceField
from portal.engine.kinds.texts import unknown_address
from portal.engine.mask import normalise_name
from portal.engine.operations import is_replaced
from portal.engine.query.listing import seen_field
from portal.engine.spec import Spec, spec_named
from portal.engine.text import Text, say
from portal.entities.leads import LeadGrade, LeadState
from portal.entities.organisation import LeaveState
from portal.policies import policy
from portal.security import scopes
from portal.security.fields import Rights
from portal.security.passing import KEEPS_ROLES
from portal.security.principal import Principal
from portal.security.resolve import touch_access

MOST_NAME = 80

_NOT_IMPORT = "你没有导入“{label}”的权限。 | You may not import {label}."
_NOT_CHANGE = "你没有修改“{label}”的权限：重复时请选择跳过。 | You may not change {label}: choose to skip what is there already."
_ONE_BY_ONE = (
    "“{label}”里已有的记录要逐条修改：重复时请选择跳过。 | Records of {label} are changed one by one: choose to skip what is there already."
)
_NOT_MAKE = (
    "你没有新建“{label}”的权限：不要勾选“没有就新建”，或请管理员先建好。"
    " | You may not create {label}: do not tick “Create when missing”, or ask an administrator to add it first."
)
_MAKE_IT = (
    "“{label}”里没有“{name}”：请改用已有的，或勾选“没有就新建”。"
    " | There is no {label} “{name}”: use one that is there, or tick “Create when missing”."
)
_ASK_FOR_IT = (
    "“{label}”里没有“{name}”，你也没有新建它的权限：请改用已有的，或请管理员先建好。"
    " | There is no {label} “{name}” and you may not create one: use one that is there, or ask an administrator to add it first."
)


@importer("user")
class People(Importer):
    """Accounts stay inactive, without a password, until somebody invites them; nothing is sent."""

    match = (("username",), ("email",), ("name", "team_id"))
    changes = True
    needs: Mapping[str, str] = {"role": KEEPS_ROLES, "team_id": "user:place", "superior_id": "user:place"}
    completed: Mapping[str, Any] = {"first_name": String(64), "last_name": String(64), "username": String(128), "email": String(320)}

    def fields(self, spec: Spec) -> dict[str, Field]:
        extra = {key: spec.fields[key] for key in ("username", "team_id", "superior_id")}
        role = RoleField("角色 | Role")
        role.key = "role"
        return {**super().fields(spec), **extra, "role": role}

    def fixed(self, spec: Spec, *, acting_user: Any, now: datetime) -> dict[str, Any]:
        plain = now.replace(tzinfo=None)
        return {
            "active": False,
            "password": None,
            "created_on": plain,
            "changed_on": plain,
            "login_count": 0,
            "fail_login_count": 0,
            "created_by_fk": None,
            "changed_by_fk": None,
        }

    def complete(self, session: Session, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        people = models.User.__table__
        taken = set(session.connection().execute(select(people.c.username)).scalars())
        made = []
        for row in rows:
            first, last = name_parts(row["name"])
            login = row["username"] or free(row["name"], taken)
            taken.add(login)
            made.append(
                {
                    "line": row["line"],
                    "first_name": first,
                    "last_name": last,
                    "username": login,
                    "email": row["email"] or unknown_address(login),
                }
            )
        return made

    def after(self, session: Session, staged: Table, target: Staged, *, acting_user: Any, now: datetime) -> None:
        if "role" in target.columns:
            held = inspect(models.User).relationships["roles"]
            role = held.mapper.local_table
            rows = select(target.id, role.c.id).join(role, role.c.name == target.columns["role"]).where(target.is_new)
            session.connection().execute(insert(models.User.metadata.tables["ab_user_role"]).from_select(["user_id", "role_id"], rows))
            placed = select(target.id, target.columns["role"]).where(target.is_new, target.columns["role"] != "")
            roles = {person_id: {"role": name} for person_id, name in session.connection().execute(placed)}
            audit.write_each(session, verb="user:place", entity="user", after=roles)
        touch_access(session)

    def closed(self, session: Session, ids: Sequence[int], acting_user: Any) -> Mapping[int, Text]:
        return beyond(session, ids, acting_user)

    def changed(self, session: Session, ids: Sequence[int], *, now: datetime) -> None:
        touch_access(session)


@importer("team")
class Teams(Importer):
    """A team's leader may be an earlier target of the row. Who sees what follows from teams at once."""

    changes = True

    def after(self, session: Session, staged: Table, target: Staged, *, acting_user: Any, now: datetime) -> None:
        touch_access(session)

    def changed(self, session: Session, ids: Sequence[int], *, now: datetime) -> None:
        touch_access(session)


@importer("leave")
class Leaves(Importer):
    """What another system granted already: approved, without being asked for again."""

    def fixed(self, spec: Spec, *, acting_user: Any, now: datetime) -> dict[str, Any]:
        return {"state": LeaveState.APPROVED.value}


@importer("lead")
class Leads(Importer):
    """New leads lie in a pool, the first one unless the mapping names another; the same company or phone is the same lead."""

    changes = True
    match = (("company_key",), ("phone",))
    derived: Mapping[str, Any] = {"company_key": String(200)}

    def fields(self, spec: Spec) -> dict[str, Field]:
        return {**super().fields(spec), "pool_id": spec.fields["pool_id"]}

    def derive(self, values: dict[str, Any]) -> None:
        values["company_key"] = normalise_name(values.get("company") or "")[:200]

    def defaults(self, session: Session) -> dict[str, Any]:
        return {"pool_id": default_pool(session, LEADS)}

    def fixed(self, spec: Spec, *, acting_user: Any, now: datetime) -> dict[str, Any]:
        return {"state": LeadState.POOL.value, "pooled_at": now}

    def changed(self, session: Session, ids: Sequence[int], *, now: datetime) -> None:
        """What a new grade means for the first response (handbook 7), as when a person corrects the lead (`keep_clock`)."""
        lead: Any = models.Lead.__table__
        instant = lead.c.created_at.type
        hours = timedelta(hours=policy("lead.first_response_hours", on=company_day(now)))
        runs = and_(lead.c.grade == LeadGrade.QUALIFIED.value, lead.c.owner_id.is_not(None))
        known = func.coalesce(lead.c.first_due_at, lead.c.first_response_due_at)
        first = case((runs, func.coalesce(known, literal(now + hours, instant))), else_=known)
        ran_out = lead.c.first_response_due_at < literal(now, instant)
        due = case((runs, first), (ran_out, lead.c.first_response_due_at))
        moves = or_(lead.c.first_response_due_at.is_distinct_from(due), lead.c.first_due_at.is_distinct_from(first))
        mine = (lead.c.id.in_(ids), lead.c.first_response_at.is_(None), lead.c.state.in_((*OPEN_STATES, LeadState.POOL.value)), moves)
        session.connection().execute(update(lead).where(*mine).values(first_response_due_at=due, first_due_at=first))

    def duplicate(self, session: Session, ids: Sequence[int]) -> dict[int, Text]:
        """Existence, owner's name and team, last activity; nothing else, whoever asks."""
        lead: Any = models.Lead.__table__
        person: Any = models.User.__table__
        team: Any = models.Team.__table__
        last = func.greatest(lead.c.contacted_at, lead.c.owned_at, lead.c.pooled_at, lead.c.created_at)
        rows = session.connection().execute(
            select(lead.c.id, person.c.name, team.c.name, last)
            .outerjoin(person, person.c.id == lead.c.owner_id)
            .outerjoin(team, team.c.id == lead.c.team_id)
            .where(lead.c.id.in_(set(ids)))
        )
        return {record_id: _known_lead(owner, team_name, at) for record_id, owner, team_name, at in rows.all()}


def _known_lead(owner: str | None, team: str | None, active_at: datetime) -> Text:
    day = active_at.astimezone(company_zone()).date().isoformat()
    if owner is None:
        return say("公海里已有这条线索，最近活动 {day}。 | This lead is in a pool already; last activity {day}.", day=day)
    return say(
        "已是 {owner}（{team}）的线索，最近活动 {day}。 | {owner} ({team}) has this lead; last activity {day}.",
        owner=owner,
        team=team or "—",
        day=day,
    )


# who may ---------------------------------------------------------------------------------------


def require(mapped: Mapped, principal: Principal) -> None:
    """Refuse a mapping that makes or changes what the person may not. Raises `NotAllowed`, `BadRequest`."""
    for target in mapped.targets:
        spec = spec_named(target.entity)
        changes = target.on_duplicate in {"update", "fill"}
        if not principal.may(f"{spec.name}:import"):
            raise NotAllowed(_NOT_IMPORT, label=spec.label)
        if changes and not principal.may(f"{spec.name}:edit"):
            raise NotAllowed(_NOT_CHANGE, label=spec.label)
        if changes and is_replaced(spec.name, "change") and not importer_of(spec).changes:
            raise NotAllowed(_ONE_BY_ONE, label=spec.label)
        for key in (*target.columns, *target.constants, *target.links):
            _require_field(spec, key, principal)
        _require_making(spec, target.create_missing, principal)


def _require_field(spec: Spec, key: str, principal: Principal) -> None:
    if not fillable(spec, key, principal):
        if key in spec.fields:
            seen_field(spec, key, Rights(principal))
        raise NotAllowed("你不能填写“{label}”。 | You may not set “{label}”.", label=importer_of(spec).fields(spec)[key].label)


def fillable(spec: Spec, key: str, principal: Principal) -> bool:
    """Whether the person may fill this field by an import; columns that only importers know are theirs to judge."""
    needed = importer_of(spec).needs.get(key)
    if needed is not None and not principal.may(needed):
        return False
    each = spec.fields.get(key)
    if each is None:
        return True
    if key in {field.key for field in spec.form}:
        return Rights(principal).edits(spec, each)
    return principal.level(spec.name, key) not in ("none", "masked")


def _require_making(spec: Spec, keys: Sequence[str], principal: Principal) -> None:
    fields = importer_of(spec).fields(spec)
    for key in keys:
        each = fields.get(key)
        if not isinstance(each, ReferenceField):
            raise BadRequest("{key} 不是引用字段。 | {key} is no reference.", key=key)
        if not principal.may(f"{each.target}:create"):
            raise NotAllowed(_NOT_MAKE, label=spec_named(each.target).label)


def require_known(session: Session, mapped: Mapped, principal: Principal) -> None:
    """A value for all rows that names nothing would refuse every row: said once, before the first. Raises `BadRequest`."""
    for place, target in enumerate(mapped.targets):
        spec, made = spec_named(target.entity), {each.entity for each in mapped.targets[:place]}
        fields = importer_of(spec).fields(spec)
        for key, name in target.constants.items():
            each = fields[key]
            if isinstance(each, ReferenceField) and name and key not in target.create_missing and each.target not in made:
                _require_named(session, spec_named(each.target), name, principal)


def _require_named(session: Session, spec: Spec, name: str, principal: Principal) -> None:
    found = select(spec.model.id).where(spec.column(spec.identity.key) == name)
    if spec.archived:
        found = found.where(spec.model.deleted_at.is_(None))
    if session.scalars(found.limit(1)).first() is None:
        words = _MAKE_IT if principal.may(f"{spec.name}:create") else _ASK_FOR_IT
        raise BadRequest(words, label=spec.label, name=name)


def run(
    work: import_run.Run,
    path: Path,
    shape: Shape,
    mapped: Mapped,
    *,
    acting_user: Principal,
    refused: Path,
    view: View,
    dry_run: bool = False,
) -> import_run.Result:
    """Import a file as somebody."""
    require(mapped, acting_user)

    def writable(spec: Spec) -> ColumnElement[bool] | None:
        return None if acting_user.is_system else scopes.writable(spec, acting_user)

    def closed(session: Session, spec: Spec, ids: Sequence[int]) -> Mapping[int, Text]:
        if acting_user.is_system:
            return {}
        decided = {record_id: refusal.text for record_id, refusal in approval_lock.locked(session, spec.name, ids).items()}
        return {**importer_of(spec).closed(session, ids, acting_user), **decided}

    job = import_run.Job(path, shape, mapped, refused, acting_user, view, acting_user.may, writable, closed, dry_run)
    return import_run.run(work, job)


def result_of(done: import_run.Result, *, dry_run: bool, entity: str) -> dict[str, Any]:
    """What the person who asked is shown."""
    words = done.counts.words(dry_run=dry_run)
    if done.cancelled:
        words = say("已取消，之前的行已导入：{words} | Stopped; earlier rows were imported: {words}", words=words.stored())
    return {"text": words.stored(), "href": f"/{entity}/", "counts": done.counts.plain(), "told": done.told, "dry_run": dry_run}


# stored mappings ---------------------------------------------------------------------------------


def mappings(session: Session, principal: Principal) -> list[models.ImportMapping]:
    """Those whose every target the person may import, by name."""
    rows = session.scalars(select(models.ImportMapping).order_by(models.ImportMapping.name))
    return [row for row in rows if all(principal.may(f"{each['entity']}:import") for each in row.mapping["targets"])]


def mapping_named(session: Session, name: str, principal: Principal) -> models.ImportMapping:
    """A stored mapping by its name. Raises `BadRequest` that lists those there are."""
    found = mappings(session, principal)
    for row in found:
        if row.name == name:
            return row
    raise BadRequest(
        "没有叫“{name}”的导入方案。现有：{known}。 | There is no import mapping “{name}”. There are: {known}.",
        name=name,
        known="、".join(row.name for row in found) or "—",
    )


def keep(session: Session, name: str, mapped: Mapped, *, acting_user: Principal, now: datetime) -> None:
    """Store a mapping under a name, in place of the one that has it. Raises `NotAllowed`, `Refused`."""
    require(mapped, acting_user)
    name = name.strip()
    if not 1 <= len(name) <= MOST_NAME:
        raise Refused("方案名要有 1 到 {most} 个字。 | A mapping's name has 1 to {most} characters.", rule="name", most=MOST_NAME)
    held = session.scalar(select(models.ImportMapping).where(models.ImportMapping.name == name))
    if held is not None and held not in mappings(session, acting_user):
        raise Refused("这个名字已被别的方案用了。 | Another mapping has this name.", rule="taken")
    row = held or models.ImportMapping(name=name)
    row.entity, row.mapping = mapped.main.entity, mapped.plain()
    row.changed_at, row.changed_by_id = now, acting_user.user_id or None
    session.add(row)
    session.flush()
