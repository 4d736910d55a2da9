"""Roles changed at run time: made, named, given rights, removed. Each change is in the history and counts at the next request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from flask_appbuilder.security.sqla.models import Permission, PermissionView, Role, ViewMenu
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from portal.domain import role_desk, role_fields, role_references
from portal.domain.role_desk import NO_SCOPE, RoleCard, RoleRights, Scope
from portal.engine import audit
from portal.engine.errors import BadRequest, Changed, Invalid, Refused
from portal.engine.query.among import among
from portal.engine.spec import registry
from portal.engine.tables import RoleDuty, RoleScope
from portal.engine.text import say
from portal.entities.organisation import Team
from portal.security.permissions import all_permissions
from portal.security.principal import Principal
from portal.security.resolve import touch_access
from portal.security.roles import ROLES, UNLOSABLE
from portal.security.scopes import branches_of

ADMIN = "admin"
_LONGEST_NAME = 64
_RANK = {"none": 0, "own": 1, "team": 2, "subtree": 3, "chosen": 3, "all": 4}

_OWN_ROLE = (
    "你自己有“{role}”这个角色，不能给自己加权。请让没有这个角色的人来改。"
    " | You hold the role “{role}” yourself, so you cannot widen it. Ask somebody who does not hold it."
)
_LOCKED = (
    "管理员角色要保留管理角色和人员的权限，否则没有人能再改回来。"
    " | The administrators' role keeps the rights to manage roles and people: without them nobody could give anything back."
)
_SHIPPED = "出厂角色不能改名或删除；可以收回它的权限。 | A shipped role keeps its name and stays; its rights can be taken away."
_HELD = "还有 {count} 人是这个角色，请先给他们换角色。 | {count} people hold this role: give them another one first."
_NAMED = "这个角色还写在：{places}。请先改这些。 | The role is still named in: {places}. Change these first."
_TAKEN = "已有同名的角色。 | There is a role of this name."
_NO_NAME = "两种语言的名称都要写，合起来不超过 60 个字。 | Write the name in both languages, 60 letters together at most."
_WIDER = "“{entity}”能改的范围比能看的宽。 | In “{entity}” what can be changed is wider than what can be seen."
_NO_TEAMS = "“{entity}”选了“选定团队”，但没有选团队。 | In “{entity}” chosen teams are asked for, but none is chosen."


def create(session: Session, chinese: str, english: str, *, like: int | None = None, reason: str = "") -> RoleCard:
    """A role with no rights, or with those of another one."""
    touch_access(session)
    role = Role(name=_free_name(session, chinese, english))
    session.add(role)
    session.flush()
    rights = RoleRights() if like is None else role_desk.card(session, like).rights
    _write(session, role, rights)
    act_as(session, role.id, role_desk.card(session, like).acts_as if like is not None else "")
    audit.write(session, verb="role:create", entity="role", record_id=role.id, after={"name": role.name, **_told(rights)}, reason=reason)
    return role_desk.card(session, role.id)


def act_as(session: Session, role_id: int, duty: str) -> None:
    """Whose reports, decisions and notices are this role's people's too; empty: nobody's."""
    touch_access(session)
    held = role_desk.card(session, role_id)
    if duty == held.acts_as:
        return
    if held.shipped:
        raise Refused(_SHIPPED, rule="role_shipped")
    if duty and duty not in ROLES:
        raise BadRequest("没有这种职责。 | There are no such duties.")
    session.execute(delete(RoleDuty).where(RoleDuty.role_id == role_id))
    if duty:
        session.add(RoleDuty(role_id=role_id, acts_as=duty))
    session.flush()
    before, after = {"acts_as": held.acts_as}, {"acts_as": duty}
    audit.write(session, verb="role:act_as", entity="role", record_id=role_id, before=before, after=after)


def rename(session: Session, role_id: int, chinese: str, english: str) -> None:
    """Another name for a role that an admin has made."""
    touch_access(session)
    held = role_desk.card(session, role_id)
    if held.shipped:
        raise Refused(_SHIPPED, rule="role_shipped")
    role = session.get_one(Role, role_id)
    role.name = _free_name(session, chinese, english, but=role_id)
    for mention in role_references.mentions(session, held.name):
        mention.rename(role.name)
    session.flush()
    audit.write(session, verb="role:rename", entity="role", record_id=role_id, before={"name": held.name}, after={"name": role.name})


def remove(session: Session, role_id: int) -> None:
    """Only a role that nobody holds goes: whoever is inactive counts too."""
    touch_access(session)
    held = role_desk.card(session, role_id)
    if held.shipped:
        raise Refused(_SHIPPED, rule="role_shipped")
    role = session.get_one(Role, role_id)
    if role.user:
        raise Refused(_HELD, rule="role_held", count=len(role.user))
    if named := role_references.mentions(session, held.name):
        places = {each: "、".join(mention.told.in_(each) for mention in named) for each in ("zh", "en")}
        raise Refused(_NAMED, rule="role_named", places=places)
    audit.write(session, verb="role:delete", entity="role", record_id=role_id, before={"name": held.name, **_told(held.rights)})
    role.permissions = []
    session.flush()
    session.execute(delete(RoleScope).where(RoleScope.role_id == role_id))
    session.delete(role)
    session.flush()


def save(session: Session, role_id: int, wanted: RoleRights, *, seen: str, acting_user: Principal, reason: str = "") -> None:
    """Set a role's rights. `seen` is the stamp of what the admin had before him."""
    touch_access(session)
    held = role_desk.card(session, role_id)
    if held.rights.stamp != seen:
        raise Changed
    check(held, wanted, acting_user=acting_user)
    _check_teams(session, wanted)
    before, after = _difference(held.rights, wanted)
    if not before and not after:
        return
    _write(session, session.get_one(Role, role_id), wanted)
    audit.write(session, verb="role:save", entity="role", record_id=role_id, before=before, after=after, reason=reason)


def check(held: RoleCard, wanted: RoleRights, *, acting_user: Principal) -> None:
    """Refuses what nobody may save: unknown rights, writing wider than reading, widening one's own role."""
    if unknown := sorted(wanted.verbs - set(all_permissions())):
        raise BadRequest("没有权限 {names}。 | There is no right {names}.", names=", ".join(unknown))
    if held.name == ADMIN and not wanted.verbs >= UNLOSABLE:
        raise Refused(_LOCKED, rule="admin_locked")
    _check_scopes(wanted)
    role_fields.check(held, wanted)
    if held.name in acting_user.roles and _widens(held.rights, wanted):
        raise Refused(_OWN_ROLE, rule="own_role", role=held.label)


def _check_scopes(wanted: RoleRights) -> None:
    offered = {section.key: section for section in role_desk.sections() if section.scoped}
    wrong = {}
    for entity, scope in wanted.scopes.items():
        section = offered.get(entity)
        if section is None or scope.read not in section.reads or scope.write not in section.writes:
            raise BadRequest("“{entity}”没有这种范围。 | There is no such reach in “{entity}”.", entity=entity)
        if scope.assign not in (*section.assigns, "none"):
            raise BadRequest("“{entity}”没有这种范围。 | There is no such reach in “{entity}”.", entity=entity)
        if "chosen" in branches_of(f"{scope.read}+{scope.write}+{scope.assign}") and not scope.team_ids:
            wrong[entity] = say(_NO_TEAMS, entity=section.label)
        elif not _within(scope.write, scope.read):
            wrong[entity] = say(_WIDER, entity=section.label)
    if wrong:
        raise Invalid(wrong)


def _check_teams(session: Session, wanted: RoleRights) -> None:
    """Only teams that there are can be chosen."""
    asked = {team_id for scope in wanted.scopes.values() for team_id in scope.team_ids}
    if asked and (missing := asked - set(session.scalars(select(Team.id).where(among(Team.id, sorted(asked)))))):
        raise BadRequest("没有团队 {ids}。 | There is no team {ids}.", ids=", ".join(map(str, sorted(missing))))


def _main(scope: str) -> str:
    """The branch of a scope that is not the pool."""
    return next((branch for branch in branches_of(scope) if branch != "pool"), "none")


def _within(inner: str, outer: str) -> bool:
    """Whether every row of one scope is in the other, whoever holds the role."""
    small, wide = _main(inner), _main(outer)
    if {small, wide} == {"chosen", "subtree"} or (small == "team" and wide == "chosen"):
        return False
    if small not in _RANK or wide not in _RANK:  # by state: within itself and within everything
        return small in (wide, "none") or wide == "all"
    return _RANK[small] <= _RANK[wide] and ("pool" not in inner or "pool" in outer or wide == "all")


def _widens(before: RoleRights, after: RoleRights) -> bool:
    if after.verbs - before.verbs or role_fields.widens(before, after):
        return True
    return any(_scope_widens(before.to(entity), scope) for entity, scope in after.scopes.items())


def _scope_widens(before: Scope, after: Scope) -> bool:
    if set(after.team_ids) - set(before.team_ids):
        return True
    return any(not _within(getattr(after, use), getattr(before, use)) for use in ("read", "write", "assign"))


def _write(session: Session, role: Role, rights: RoleRights) -> None:
    pairs = session.execute(
        select(PermissionView, ViewMenu.name, Permission.name)
        .join(ViewMenu, ViewMenu.id == PermissionView.view_menu_id)
        .join(Permission, Permission.id == PermissionView.permission_id)
    )
    role.permissions = [pair for pair, view, name in pairs if f"{view}:{name.removeprefix('can_')}" in rights.verbs]
    kept = session.scalars(select(RoleScope.entity).where(RoleScope.role_id == role.id))
    for entity in {*rights.scopes, *rights.fields, *kept} & registry().keys():
        scope = rights.to(entity)
        row = session.get(RoleScope, (role.id, entity)) or RoleScope(role_id=role.id, entity=entity)
        row.read, row.write, row.assign, row.team_ids = scope.read, scope.write, scope.assign, list(scope.team_ids)
        row.fields = dict(rights.fields.get(entity, {}))
        session.add(row)
    session.flush()


def _free_name(session: Session, chinese: str, english: str, but: int | None = None) -> str:
    halves = [half.strip().replace("|", "/") for half in (chinese, english)]
    name = " | ".join(halves)
    if not all(halves) or len(name) > _LONGEST_NAME:
        raise Invalid({"name": say(_NO_NAME)})
    words = {half.casefold() for half in halves}
    for card in role_desk.cards(session):
        if card.id != but and words & {card.name.casefold(), *(half.casefold() for half in card.label.split(" | "))}:
            raise Invalid({"name": say(_TAKEN)})
    return name


def _told(rights: RoleRights) -> dict[str, Any]:
    _, fields = role_fields.told(RoleRights(), rights)
    return {"verbs": sorted(rights.verbs), "scopes": _scopes(rights.scopes), **({"fields": fields} if fields else {})}


def _scopes(scopes: Mapping[str, Scope]) -> dict[str, Any]:
    return {entity: {**asdict(scope), "team_ids": list(scope.team_ids)} for entity, scope in sorted(scopes.items()) if scope != NO_SCOPE}


def _difference(before: RoleRights, after: RoleRights) -> tuple[dict[str, Any], dict[str, Any]]:
    """What was taken and what was given: lost verbs stand before, gained ones after, changed scopes in both."""
    moved = [entity for entity in {*before.scopes, *after.scopes} if before.to(entity) != after.to(entity)]
    old: dict[str, Any] = {"verbs": sorted(before.verbs - after.verbs), "scopes": _scopes({e: before.to(e) for e in moved})}
    new: dict[str, Any] = {"verbs": sorted(after.verbs - before.verbs), "scopes": _scopes({e: after.to(e) for e in moved})}
    old["fields"], new["fields"] = role_fields.told(before, after)
    return ({k: v for k, v in old.items() if v}, {k: v for k, v in new.items() if v})
