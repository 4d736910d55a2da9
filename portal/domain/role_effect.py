"""What a change of a role does before it is saved: who sees how many records more or fewer, one statement a record type."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from flask_appbuilder.security.sqla.models import Role, assoc_user_role
from sqlalchemy import func, null, select
from sqlalchemy.orm import Session

from portal.domain import role_desk, role_fields
from portal.domain.role_desk import RoleCard, RoleRights
from portal.engine.spec import Spec, registry
from portal.engine.text import Text
from portal.entities.organisation import PortalUser
from portal.security import scopes
from portal.security.levels import effective
from portal.security.principal import Access, Principal
from portal.security.resolve import access_of, below, team_tree, widest

USES = {"read": "能看 | Sees", "write": "能改 | Changes"}
_MOST_SHOWN = 5


@dataclass(frozen=True, slots=True)
class PersonEffect:
    """One person's number of records, before and after."""

    name: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class EntityEffect:
    """The effect on one record type; records are counted once however many people gain or lose them."""

    label: str
    use: str
    gaining: int
    gained: int
    losing: int
    lost: int
    people: tuple[PersonEffect, ...]


@dataclass(frozen=True, slots=True)
class Effect:
    """All a change would do, and what is odd about it."""

    changes: int
    people: int
    entities: tuple[EntityEffect, ...]
    given: tuple[str, ...]
    taken: tuple[str, ...]
    warnings: tuple[Text, ...]
    fields: tuple[tuple[str, str, str], ...] = ()
    """Moved fields with their level before and after, in words."""
    told: tuple[Text, ...] = ()
    """What that means to how many people."""


def effect(session: Session, held: RoleCard, wanted: RoleRights) -> Effect:
    """Counted over what the asking admin sees himself, so a preview tells nobody a hidden number."""
    members = _members(session, held, wanted)
    found = []
    for entity in sorted({*held.rights.scopes, *wanted.scopes}):
        spec = registry().get(entity)
        if spec is None or not _touched(held.rights, wanted, entity):
            continue
        groups = _groups(session, spec)
        found += [each for use in USES if (each := _entity_effect(spec, use, members, groups)) is not None]
    given, taken = wanted.verbs - held.rights.verbs, held.rights.verbs - wanted.verbs
    fields = role_fields.changes(held, wanted)
    moved = len(fields) + sum(held.rights.to(entity) != wanted.to(entity) for entity in {*held.rights.scopes, *wanted.scopes})
    labels = {right.permission: (section.label, right.label) for section in role_desk.sections() for right in section.rights}
    return Effect(
        len(given) + len(taken) + moved,
        len(held.members),
        tuple(found),
        _said(given, labels),
        _said(taken, labels),
        (*_warnings(wanted), *role_fields.warnings(wanted, held.name)),
        tuple(fields),
        tuple(role_fields.effect(held.rights, wanted, [(each.before, each.after) for each in members])),
    )


def _touched(before: RoleRights, after: RoleRights, entity: str) -> bool:
    verbs = {f"{entity}:read", f"{entity}:edit"}
    return before.to(entity) != after.to(entity) or bool(verbs & (before.verbs ^ after.verbs))


def _said(verbs: Iterable[str], labels: dict[str, tuple[str, str]]) -> tuple[str, ...]:
    """`线索 · 导出 | Lead · Export`."""
    pairs = [(labels[verb][0].split(" | "), labels[verb][1].split(" | ")) for verb in sorted(verbs) if verb in labels]
    return tuple(f"{entity[0]} · {right[0]} | {entity[-1]} · {right[-1]}" for entity, right in pairs)


def _warnings(wanted: RoleRights) -> Iterable[Text]:
    for section in role_desk.sections():
        held = [right for right in section.rights if right.permission in wanted.verbs]
        reads = f"{section.key}:read" in wanted.verbs
        if section.key and held and not reads:
            yield Text("“{entity}”有别的权限却不能查看。 | “{entity}”: other rights, but no right to view.", entity=section.label)
        if section.scoped and reads and wanted.to(section.key).read == "none":
            yield Text(
                "“{entity}”可以查看，但范围是“无”：列表会是空的。 | “{entity}” may be viewed but reaches nothing: its list is empty.",
                entity=section.label,
            )
        if section.scoped and f"{section.key}:edit" in wanted.verbs and wanted.to(section.key).write == "none":
            yield Text("“{entity}”可以修改，但范围是“无”。 | “{entity}” may be edited but reaches nothing.", entity=section.label)


# people -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Member:
    """A holder of the role as he is and as he would be."""

    before: Principal
    after: Principal


def _members(session: Session, held: RoleCard, wanted: RoleRights) -> list[_Member]:
    parents = team_tree(session)
    rights = {**role_desk.rights_of_all(session), held.id: held.rights}
    names: dict[int, str] = dict(session.execute(select(Role.id, Role.name)).all())
    ids = [person_id for person_id, _ in held.members]
    roles: dict[int, list[int]] = {}
    for person_id, role_id in session.execute(
        select(assoc_user_role.c.user_id, assoc_user_role.c.role_id).where(assoc_user_role.c.user_id.in_(ids))
    ):
        roles.setdefault(person_id, []).append(role_id)
    found = []
    for person in session.execute(select(PortalUser.id, PortalUser.name, PortalUser.team_id).where(PortalUser.id.in_(ids))):
        bare = Principal(user_id=person.id, name=person.name, team_id=person.team_id, team_ids=below(parents, (person.team_id,)))
        his = roles[person.id]
        found.append(
            _Member(
                _with(bare, [(names[each], rights.get(each, RoleRights())) for each in his], parents),
                _with(bare, [(names[each], wanted if each == held.id else rights.get(each, RoleRights())) for each in his], parents),
            )
        )
    return found


def _with(bare: Principal, roles: list[tuple[str, RoleRights]], parents: dict[int, int | None]) -> Principal:
    """A person holding these roles, as `resolve` would answer."""
    given: list[tuple[str, Access]] = [
        (entity, access_of(name, scope.read, scope.write, scope.assign, below(parents, scope.team_ids)))
        for name, rights in roles
        for entity, scope in rights.scopes.items()
    ]
    verbs = {name: rights.verbs for name, rights in roles}
    access = widest(given, verbs)
    levels = effective({name: rights.fields for name, rights in roles}, access, verbs)
    return replace(bare, access=access, verbs=frozenset[str]().union(*verbs.values()), levels=levels)


# records ----------------------------------------------------------------------------------------


def _groups(session: Session, spec: Spec) -> list[tuple[dict[str, Any], int]]:
    """Records counted by what a scope looks at: one statement, however many people and scopes there are."""
    pool = spec.model.pool_id if spec.pooled else null().label("pool_id")
    by_state = spec.state if spec.model.scope_states else None
    state = spec.column(by_state.key) if by_state else null().label("state")
    by = (spec.model.owner_id, spec.model.team_id, *((pool,) if spec.pooled else ()), *((state,) if by_state else ()))
    counted = select(spec.model.owner_id, spec.model.team_id, pool, state, func.count()).where(spec.model.deleted_at.is_(None))
    return [
        ({"owner_id": owner, "team_id": team, "pool_id": pooled, by_state.key if by_state else "state": stands}, count)
        for owner, team, pooled, stands, count in session.execute(counted.group_by(*by))
    ]


def _entity_effect(spec: Spec, use: str, members: list[_Member], groups: list[tuple[dict[str, Any], int]]) -> EntityEffect | None:
    gained, lost = set[int](), set[int]()
    gaining = losing = 0
    people = []
    for member in members:
        old, new = (_covered(spec, use, who, groups) for who in (member.before, member.after))
        if old == new:
            continue
        gaining, losing = gaining + bool(new - old), losing + bool(old - new)
        gained |= new - old
        lost |= old - new
        people.append(PersonEffect(member.before.name, sum(groups[i][1] for i in old), sum(groups[i][1] for i in new)))
    if not people:
        return None
    people.sort(key=lambda each: -abs(each.after - each.before))
    count = [sum(groups[i][1] for i in found) for found in (gained, lost)]
    return EntityEffect(spec.plural, USES[use], gaining, count[0], losing, count[1], tuple(people[:_MOST_SHOWN]))


def _covered(spec: Spec, use: str, who: Principal, groups: list[tuple[dict[str, Any], int]]) -> set[int]:
    """Which groups a person reaches: the gate's own predicate."""
    if not who.may(f"{spec.name}:{'read' if use == 'read' else 'edit'}"):
        return set()
    branches = getattr(who.to(spec.name), use)
    return {i for i, (row, _) in enumerate(groups) if scopes.covers(spec, branches, who, row)}
