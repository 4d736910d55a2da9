"""Roles as an administrator reads them: who holds them, every right in words, how two of them differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from flask_appbuilder.security.sqla.models import Permission, PermissionView, Role, ViewMenu, assoc_permissionview_role, assoc_user_role
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.engine.errors import NotFound
from portal.engine.fields import Field
from portal.engine.kinds.reference import ReferenceField
from portal.engine.spec import Spec, registry
from portal.engine.tables import AuditEvent, RoleScope
from portal.engine.text import Text
from portal.engine.verbs import GENERATED, Verb, verb_named, verbs_of
from portal.entities.organisation import PortalUser
from portal.security import levels
from portal.security.duties import duties_of
from portal.security.permissions import GENERATED_LABELS, SCREENS
from portal.security.roles import ROLES, role_label
from portal.security.scopes import branches_of, scope_words

_LEVEL = {"own": 1, "pool": 1, "team": 2, "subtree": 3, "chosen": 3, "all": 4}
_LEVEL_OF_STATES = 2
_events: Any = AuditEvent.__table__


@dataclass(frozen=True, slots=True)
class Scope:
    """Which rows of one record type a role reads and writes, and whom it assigns to."""

    read: str = "none"
    write: str = "none"
    assign: str = "none"
    team_ids: tuple[int, ...] = ()


NO_SCOPE = Scope()


@dataclass(frozen=True, slots=True)
class RoleRights:
    """All a role gives."""

    verbs: frozenset[str] = frozenset()
    scopes: Mapping[str, Scope] = field(default_factory=dict)
    fields: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Entity → field → level, where that is less than declared."""

    def to(self, entity: str) -> Scope:
        return self.scopes.get(entity, NO_SCOPE)

    @property
    def limits(self) -> dict[tuple[str, str], str]:
        """(entity, field) → level."""
        return {(entity, key): level for entity, fields in self.fields.items() for key, level in fields.items()}

    @property
    def stamp(self) -> str:
        """Changes with every right: who saves says what he had before him."""
        scopes = sorted((key, repr(scope)) for key, scope in self.scopes.items() if scope != NO_SCOPE)
        told = repr((sorted(self.verbs), scopes, sorted(self.limits.items())))
        return sha256(told.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class RoleCard:
    """One role with who holds it."""

    id: int
    name: str
    label: str
    shipped: bool
    members: tuple[tuple[int, str], ...]
    rights: RoleRights
    acts_as: str = ""
    """The shipped role whose duties its people have: a shipped one its own, one made at run time as was chosen."""


@dataclass(frozen=True, slots=True)
class Right:
    """A line of the matrix."""

    permission: str
    label: str


@dataclass(frozen=True, slots=True)
class Section:
    """The rights on one record type. Where rows are somebody's, a role also says which it reads and writes."""

    key: str
    label: str
    group: str
    rights: tuple[Right, ...]
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    assigns: tuple[str, ...] = ()

    @property
    def scoped(self) -> bool:
        return bool(self.reads)


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a granted right reaches, in words and as one to four quarters of a bar; level 0: not granted."""

    level: int
    words: str


def cards(session: Session) -> list[RoleCard]:
    """Every role, shipped ones first, in five statements."""
    rights = rights_of_all(session)
    members: dict[int, list[tuple[int, str]]] = {}
    held = select(assoc_user_role.c.role_id, PortalUser.id, PortalUser.name).join(PortalUser, PortalUser.id == assoc_user_role.c.user_id)
    for role_id, person_id, name in session.execute(held.where(PortalUser.active).order_by(PortalUser.name)):
        members.setdefault(role_id, []).append((person_id, name))
    duties = duties_of(session)
    order = {name: rank for rank, name in enumerate(ROLES)}
    found = [
        RoleCard(
            role_id,
            name,
            role_label(name),
            name in ROLES,
            tuple(members.get(role_id, ())),
            rights.get(role_id, RoleRights()),
            duties.get(name, ""),
        )
        for role_id, name in session.execute(select(Role.id, Role.name))
        if name != "Public"
    ]
    return sorted(found, key=lambda card: (order.get(card.name, len(order)), card.name))


def card(session: Session, role_id: int) -> RoleCard:
    found = next((each for each in cards(session) if each.id == role_id), None)
    if found is None:
        raise NotFound
    return found


def rights_of_all(session: Session) -> dict[int, RoleRights]:
    """What each role gives, by its id."""
    verbs: dict[int, set[str]] = {}
    granted = (
        select(assoc_permissionview_role.c.role_id, ViewMenu.name, Permission.name)
        .join(PermissionView, PermissionView.id == assoc_permissionview_role.c.permission_view_id)
        .join(Permission, Permission.id == PermissionView.permission_id)
        .join(ViewMenu, ViewMenu.id == PermissionView.view_menu_id)
    )
    for role_id, view, permission in session.execute(granted):
        verbs.setdefault(role_id, set()).add(f"{view}:{permission.removeprefix('can_')}")
    scopes: dict[int, dict[str, Scope]] = {}
    fields: dict[int, dict[str, Mapping[str, str]]] = {}
    for row in session.scalars(select(RoleScope)):
        spec = registry().get(row.entity)
        if spec is None or spec.scope == "owner":
            scopes.setdefault(row.role_id, {})[row.entity] = Scope(row.read, row.write, row.assign, tuple(row.team_ids))
        if row.fields:
            fields.setdefault(row.role_id, {})[row.entity] = row.fields
    every = verbs.keys() | scopes.keys() | fields.keys()
    return {each: RoleRights(frozenset(verbs.get(each, ())), scopes.get(each, {}), fields.get(each, {})) for each in every}


def sections() -> tuple[Section, ...]:
    """Every right that can be granted, by record type in the order of the navigation; pages at the end."""
    pages = Section("", "页面 | Pages", "页面 | Pages", tuple(Right(key, label) for key, label in SCREENS.items()))
    return (*(_section(spec) for spec in sorted(registry().values(), key=lambda spec: (spec.scope == "open", spec.screen.rank))), pages)


def _section(spec: Spec) -> Section:
    names = [*GENERATED, *(["reveal"] if spec.masked else [])]
    rights = [Right(f"{spec.name}:{name}", GENERATED_LABELS[name]) for name in names]
    rights += [Right(each.permission, each.label) for each in verbs_of(spec)]
    menu = spec.screen.menu or next((registry()[each.target].screen.menu for each in spec.parents), "")
    made = Section(spec.name, spec.plural, menu or "管理 | Administration", tuple(rights))
    if spec.scope != "owner":
        return made
    plain = ("own", "team", "subtree", "chosen")
    pooled = tuple(f"{branch}+pool" for branch in plain) if spec.pooled else ()
    assigns = ("none", *plain, "all") if spec.pooled or _names_people(spec) else ()
    by_state = tuple(spec.model.scope_states)
    return replace(made, reads=("none", *plain, *pooled, *by_state, "all"), writes=("none", *plain, "all"), assigns=assigns)


def _names_people(spec: Spec) -> bool:
    """Whether one of its verbs asks for a person to hand something to, as passing on a decision does."""
    return any(isinstance(each, ReferenceField) and each.target == "user" for verb in verbs_of(spec) for each in verb.form)


def reach(rights: RoleRights, permission: str) -> Reach:
    """One cell of the matrix."""
    if permission not in rights.verbs:
        return Reach(0, "—")
    entity, _, name = permission.partition(":")
    spec = registry().get(entity)
    if spec is None or spec.scope == "open" or name in ("create", "import"):
        return Reach(4, "可以 | Yes")
    owners = [each.target for each in spec.parents] if spec.scope == "child" else [entity]
    branches = max((_branches(rights.to(owner), name, verb_named(entity, name)) for owner in owners), key=_level)
    return Reach(_level(branches), scope_words("+".join(branches)))


def _level(branches: tuple[str, ...]) -> int:
    return max((_LEVEL.get(branch, _LEVEL_OF_STATES) for branch in branches), default=0)


def _branches(scope: Scope, name: str, verb: Verb | None) -> tuple[str, ...]:
    """Where a right reaches under this scope."""
    if verb is None:
        return branches_of(scope.read if name in ("read", "export", "reveal") else scope.write)
    found: list[str] = []
    for branch in verb.takes:
        found += {"reach": branches_of(scope.write), "assignable": branches_of(scope.assign)}.get(branch, (branch,))
    widest = max((branch for branch in found if branch != "pool"), key=lambda branch: _LEVEL.get(branch, 0), default="")
    if widest == "all":
        return ("all",)
    return tuple(branch for branch in (widest, "pool" if "pool" in found else "") if branch)


def differences(left: RoleCard, right: RoleCard) -> list[tuple[Section, list[tuple[str, str, str]]]]:
    """What two roles do not have in common: a line of words for each side, by record type, fields after rights."""
    ours, theirs, found = left.rights, right.rights, []
    for section in sections():
        lines = [(each.label, reach(ours, each.permission).words, reach(theirs, each.permission).words) for each in section.rights]
        if section.assigns:
            lines.append(("分配给 | Assigns to", scope_words(ours.to(section.key).assign), scope_words(theirs.to(section.key).assign)))
        if spec := registry().get(section.key):
            fields = levels.adjustable(spec)
            lines += [(_field_words(each), _level_words(spec, each, left), _level_words(spec, each, right)) for each in fields]
        if differing := [line for line in lines if line[1] != line[2]]:
            found.append((section, differing))
    return found


def _level_words(spec: Spec, each: Field, card: RoleCard) -> str:
    return levels.WORDS[levels.of_role(spec, each, card.name, card.rights.fields.get(spec.name, {}))]


def _field_words(each: Field) -> str:
    chinese, _, english = each.label.partition(" | ")
    return f"字段：{chinese} | Field: {english}"


def history(session: Session, role_id: int, limit: int = 10) -> list[tuple[Any, str, str, Text]]:
    """The newest changes of a role: when, by whom, why, how much."""
    wanted = (
        select(_events.c.at, PortalUser.name, _events.c.reason, _events.c.verb, _events.c.before, _events.c.after)
        .outerjoin(PortalUser, PortalUser.id == _events.c.actor_id)
        .where(_events.c.entity == "role", _events.c.record_id == role_id)
        .order_by(_events.c.id.desc())
        .limit(limit)
    )
    return [(row.at, row.name or "—", row.reason, _told(row)) for row in session.connection().execute(wanted)]


def _told(row: Any) -> Text:
    if row.verb == "role:create":
        return Text("新建角色 | Role created")
    if row.verb == "role:rename":
        return Text("改名：{a} → {b} | Renamed: {a} → {b}", a=row.before["name"], b=row.after["name"])
    if row.verb == "role:act_as":
        a, b = (role_label(each["acts_as"]) or "—" for each in (row.before, row.after))
        return Text("职责：{a} → {b} | Duties: {a} → {b}", a=a, b=b)
    more, fewer = len(row.after.get("verbs", ())), len(row.before.get("verbs", ()))
    scopes = len({*row.after.get("scopes", {}), *row.before.get("scopes", {})})
    fields = len({*row.after.get("fields", {}), *row.before.get("fields", {})})
    if fields and not (more or fewer or scopes):
        return Text("改了 {n} 个字段的权限 | Rights on {n} fields changed", n=fields)
    return Text(
        "多 {more} 项权限，少 {fewer} 项，改了 {scopes} 处范围 | {more} rights more, {fewer} fewer, reach changed in {scopes}",
        more=more,
        fewer=fewer,
        scopes=scopes,
    )
