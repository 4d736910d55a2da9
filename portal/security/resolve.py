"""From a user id to a principal: three statements, then cached for as long as the access version lasts."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import cast

from flask_appbuilder.security.sqla.models import Permission, PermissionView, Role, ViewMenu, assoc_permissionview_role, assoc_user_role
from sqlalchemy import ColumnElement, insert, select, update
from sqlalchemy.orm import Session

from portal.engine.spec import registry
from portal.engine.tables import AccessVersion, RoleScope
from portal.engine.verbs import all_verbs
from portal.security.levels import effective
from portal.security.principal import Access, AssignReach, Principal
from portal.security.scopes import branches_of, width

_MOST_CACHED = 2000
_PREFIX = "can_"
WRITE = "write"
"""The level of a participant who may change the record; any other may read it."""
_cache: OrderedDict[str, Principal] = OrderedDict()


def access_version(session: Session) -> int:
    """Moves with every change of roles, scopes, teams or people."""
    return session.connection().scalar(select(AccessVersion.version).where(AccessVersion.id == 1)) or 0


def role_names(session: Session) -> tuple[str, ...]:
    """Every role there is."""
    return tuple(session.scalars(select(Role.name).order_by(Role.id)))


def touch_access(session: Session) -> None:
    """Anybody's rights may have changed: every cached principal ends with this transaction."""
    connection = session.connection()
    if not connection.execute(update(AccessVersion).values(version=AccessVersion.version + 1)).rowcount:
        connection.execute(insert(AccessVersion).values(id=1, version=1))


def resolve(session: Session, user_id: int, version: int, now: datetime) -> Principal:
    """The principal of a signed-in person. `session` needs no principal: it is read past the gate."""
    database = session.connection().engine.url.database
    key = f"{database}:{user_id}:{version}"
    found = _cache.get(key)
    if found is None or (found.until is not None and now >= found.until):
        found = _cache[key] = _load(session, user_id, key, now)
        if len(_cache) > _MOST_CACHED:
            _cache.popitem(last=False)
    return found


def _load(session: Session, user_id: int, key: str, now: datetime) -> Principal:
    connection = session.connection()
    people = registry()["user"].table
    person = connection.execute(
        select(people.c.id, people.c.name, people.c.username, people.c.team_id, people.c.active).where(people.c.id == user_id)
    ).one_or_none()
    if person is None or not person.active:
        return Principal(key=key)
    of_person = select(assoc_user_role.c.role_id).where(assoc_user_role.c.user_id == user_id)
    roles, verbs = _granted(session, Role.id.in_(of_person))
    parents = team_tree(session)
    given, kept = _reach(session, roles, parents, verbs)
    access, until = _let_in(session, user_id, given, now)
    return Principal(
        user_id=person.id,
        name=person.name,
        login=person.username,
        team_id=person.team_id,
        team_ids=below(parents, (person.team_id,)),
        roles=tuple(sorted(roles.values())),
        verbs=frozenset[str]().union(*verbs.values()),
        access=access,
        levels=effective(kept, access, verbs),
        until=until,
        lent=_lent(session),
        key=f"{key}:{until.isoformat()}" if until else key,
    )


def rights_of(session: Session, names: Collection[str]) -> tuple[frozenset[str], dict[str, Access]]:
    """What somebody with these roles would hold: his rights, and what he reaches per entity."""
    roles, verbs = _granted(session, Role.name.in_(names))
    access, _ = _reach(session, roles, team_tree(session), verbs)
    return frozenset[str]().union(*verbs.values()), access


def _granted(session: Session, which: ColumnElement[bool]) -> tuple[dict[int, str], dict[str, set[str]]]:
    """Roles by id, and the rights of each by its name."""
    rows = session.connection().execute(
        select(Role.id, Role.name, Permission.name, ViewMenu.name)
        .outerjoin(assoc_permissionview_role, assoc_permissionview_role.c.role_id == Role.id)
        .outerjoin(PermissionView, PermissionView.id == assoc_permissionview_role.c.permission_view_id)
        .outerjoin(Permission, Permission.id == PermissionView.permission_id)
        .outerjoin(ViewMenu, ViewMenu.id == PermissionView.view_menu_id)
        .where(which)
    )
    roles: dict[int, str] = {}
    verbs: dict[str, set[str]] = {}
    for role_id, role, name, view in rows:
        roles[role_id] = role
        verbs.setdefault(role, set()).update({f"{view}:{name.removeprefix(_PREFIX)}"} if name and view else ())
    return roles, verbs


def _let_in(session: Session, user_id: int, access: dict[str, Access], now: datetime) -> tuple[dict[str, Access], datetime | None]:
    """What the roles give, widened by the records that somebody let this person into, and when the first of these ends.

    Only where a role sees records of that type at all: the rest of the role's rights hold there too.
    """
    spec = registry()["participant"]
    part = spec.table.c
    rows = session.connection().execute(
        select(part.level, part.ends_at, *(part[parent.key] for parent in spec.parents))
        .where(part.user_id == user_id, part.ends_at > now, part.deleted_at.is_(None))
        .order_by(part.id)
    )
    found: dict[str, dict[int, str]] = {}
    ends = []
    for level, ends_at, *ids in rows:
        ends.append(ends_at)
        for parent, record_id in zip(spec.parents, ids, strict=True):
            if record_id is not None:
                found.setdefault(parent.target, {})[record_id] = level
    for entity, levels in found.items():
        if (given := access.get(entity)) is not None and given.read:
            joined = tuple(key for key, level in levels.items() if level == WRITE)
            access[entity] = replace(
                given, read=(*given.read, "shared"), write=(*given.write, "joined"), shared=tuple(levels), joined=joined
            )
    return access, min(ends, default=None)


def _lent(session: Session) -> frozenset[str]:
    """Record types with a verb that is decided by others: by declaration, or by a flow an administrator published."""
    flows = registry()["approval_flow"].table
    published = session.connection().scalars(select(flows.c.entity).where(flows.c.active.is_(True), flows.c.deleted_at.is_(None)))
    declared = (verb.entity for verb in all_verbs() if verb.approval is not None)
    return frozenset({"approval", *published, *declared})


def _reach(
    session: Session, roles: dict[int, str], parents: Mapping[int, int | None], verbs: Mapping[str, Collection[str]]
) -> tuple[dict[str, Access], dict[str, dict[str, Mapping[str, str]]]]:
    """Per entity the widest role, rows and fields together; and what each role is limited to in fields."""
    wanted = (RoleScope.role_id, RoleScope.entity, RoleScope.read, RoleScope.write, RoleScope.assign, RoleScope.team_ids, RoleScope.fields)
    rows = session.connection().execute(select(*wanted).where(RoleScope.role_id.in_(roles))).all()
    access = widest(((each.entity, access_of(roles[each[0]], *each[2:5], below(parents, each.team_ids))) for each in rows), verbs)
    kept: dict[str, dict[str, Mapping[str, str]]] = {name: {} for name in roles.values()}
    for each in rows:
        kept[roles[each.role_id]][each.entity] = each.fields
    return access, kept


def access_of(role: str, read: str, write: str, assign: str, teams: tuple[int, ...]) -> Access:
    """A role's scope as it is stored, as the gate reads it."""
    return Access(role, branches_of(read), branches_of(write), cast("AssignReach", assign), teams)


def widest(found: Iterable[tuple[str, Access]], verbs: Mapping[str, Collection[str]]) -> dict[str, Access]:
    """Of several roles' access to an entity the widest, whole. `verbs`: of each role; one that may not read gives no rows."""
    kept: dict[str, Access] = {}
    for entity, access in found:
        if f"{entity}:read" not in verbs.get(access.role, ()):
            continue
        if entity not in kept or width(access.read) > width(kept[entity].read):
            kept[entity] = access
    return kept


def team_tree(session: Session) -> dict[int, int | None]:
    """Every team's parent."""
    teams = registry()["team"].table
    return dict(session.connection().execute(select(teams.c.id, teams.c.parent_id)).all())


def below(parents: Mapping[int, int | None], team_ids: Iterable[int | None]) -> tuple[int, ...]:
    """Teams and all below them."""
    found = {team_id for team_id in team_ids if team_id is not None}
    frontier = set(found)
    while frontier:
        frontier = {child for child, parent in parents.items() if parent in frontier} - found
        found |= frontier
    return tuple(sorted(found))


def fab_names(permission: str) -> tuple[str, str]:
    """`lead:claim` → (`can_claim`, `lead`), as Flask-AppBuilder keeps it."""
    view, _, verb = permission.partition(":")
    return _PREFIX + verb, view


def forget(keys: Iterable[str] = ()) -> None:
    """Drop cached principals (tests that swap databases)."""
    for key in list(keys) or list(_cache):
        _cache.pop(key, None)
