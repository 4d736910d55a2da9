"""How far a role goes with a field, set by an administrator at run time: never further than its declaration says."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from portal.engine.fields import Field
from portal.engine.kinds.choice import StateField
from portal.engine.kinds.reference import ReferenceField
from portal.engine.spec import Spec, registry
from portal.security.principal import Access

NONE, MASKED, READ, EDIT = LEVELS = ("none", "masked", "read", "edit")
WORDS = {NONE: "看不到 | Hidden", MASKED: "部分隐藏 | Masked", READ: "只看 | Sees", EDIT: "可改 | Edits"}
_ALWAYS_SEEN = frozenset({"owner_id", "team_id", "pool_id", "created_at", "created_by_id", "changed_at", "changed_by_id"})
"""Whose a record is, without which nobody could tell why he sees it; and what its history says anyway."""
_NEVER_MASKED = frozenset({"derived", "json", "tags"})


def offered(spec: Spec, field: Field) -> tuple[str, ...]:
    """The levels a role may have, the last one as declared; one only: what a record is known by is always seen."""
    most = EDIT if field in spec.form else READ
    if (
        spec.screen.whole
        or field.identity
        or field is spec.identity
        or isinstance(field, StateField)
        or field in spec.parents
        or field.key in _ALWAYS_SEEN
    ):
        return (most,)
    masked = () if isinstance(field, ReferenceField) or field.kind in _NEVER_MASKED else (MASKED,)
    return (NONE, *masked, READ) if most == READ else (NONE, *masked, READ, EDIT)


def declared(spec: Spec, field: Field, role: str) -> str:
    """How far this role goes when nobody has set anything."""
    if field.see and role not in field.see:
        return NONE
    return READ if field.edit and role not in field.edit else offered(spec, field)[-1]


def of_role(spec: Spec, field: Field, role: str, kept: Mapping[str, str]) -> str:
    """How far this role goes with what is kept for it."""
    return min(declared(spec, field, role), kept.get(field.key, EDIT), key=LEVELS.index)


def adjustable(spec: Spec) -> tuple[Field, ...]:
    """The fields whose level a role can have otherwise than declared, in the order of the form."""
    ordered = dict.fromkeys((*spec.form, *spec.fields.values()))
    return tuple(field for field in ordered if len(offered(spec, field)) > 1)


# for one person ---------------------------------------------------------------------------------------

Kept = Mapping[str, Mapping[str, Mapping[str, str]]]
"""Role → entity → field → level; every role of a person is a key."""


def effective(kept: Kept, access: Mapping[str, Access], verbs: Mapping[str, Collection[str]]) -> dict[str, dict[str, str]]:
    """Of several roles' levels those of the role that gives the rows.

    Where rows are open to all, the furthest of the roles that may read them; where no role gives them (a record
    borrowed for a decision), the least of all roles.
    """
    specs, found = registry(), {}
    for entity in {entity for fields in kept.values() for entity, limited in fields.items() if limited} & specs.keys():
        spec = specs[entity]
        given = [access[name].role for name in _owners(spec) if name in access and access[name].read]
        roles = [role for role in dict.fromkeys(given) if role in kept]
        widest = spec.scope == "open"
        if widest:
            roles = [role for role in kept if f"{entity}:read" in verbs.get(role, ())]
        limited = _joined([kept[role].get(entity, {}) for role in roles or kept], widest=widest)
        if limited:
            found[entity] = limited
    for entity, taken in _taken(found, specs).items():
        own = found.get(entity, {})
        found[entity] = {**own, **{key: min(own.get(key, EDIT), level, key=LEVELS.index) for key, level in taken.items()}}
    return found


def _taken(found: Mapping[str, Mapping[str, str]], specs: Mapping[str, Spec]) -> dict[str, dict[str, str]]:
    """Entity → field → the level of the field it is counted from: what is hidden there is told nowhere else."""
    taken: dict[str, dict[str, str]] = {}
    for entity, spec in specs.items() if found else ():
        for field in spec.fields.values():
            source, _, key = field.taken_from.partition(".")
            level = found.get(source, {}).get(key, EDIT)
            if level in (NONE, MASKED):
                taken.setdefault(entity, {})[field.key] = NONE if field.kind in _NEVER_MASKED else level
    return taken


def _owners(spec: Spec) -> tuple[str, ...]:
    return tuple(each.target for each in spec.parents) if spec.scope == "child" else (spec.name,)


def _joined(levels: Sequence[Mapping[str, str]], *, widest: bool) -> dict[str, str]:
    choose = max if widest else min
    keys = {key for each in levels for key in each}
    joined = {key: choose((each.get(key, EDIT) for each in levels), key=LEVELS.index) for key in keys}
    return {key: level for key, level in joined.items() if level != EDIT}
