"""Field rights of a role as an administrator reads and sets them: never further than the declaration, stored where less."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from portal.domain.role_desk import RoleCard, RoleRights
from portal.engine.errors import BadRequest, Refused
from portal.engine.fields import ALWAYS, Field
from portal.engine.spec import Spec, registry, spec_named
from portal.engine.text import Text
from portal.security import levels
from portal.security.fields import Rights
from portal.security.levels import EDIT, LEVELS
from portal.security.principal import Principal

_OF_ADMINS = "user"
"""The administrators keep what the records of people say: they are how rights are given back."""
_LOCKED = "管理员要看得到员工的字段，才能管理角色。 | Administrators keep the fields of people: they manage roles by them."
_UNKNOWN = "“{entity}”没有可设的字段 {key}，或没有这一档。 | “{entity}” has no such field {key} to set, or not this level."
_HIDES = "在公海里总是隐藏 | always masked in a pool"
_BY_DEFINITION = "字段定义里没有这个角色 | not for this role by the field’s definition"


@dataclass(frozen=True, slots=True)
class FieldLine:
    """One field: its level in force, and those that can be chosen (one: it cannot be changed here, `note` says why)."""

    key: str
    label: str
    is_custom: bool
    level: str
    offered: tuple[str, ...]
    declared: str
    note: str = ""

    @property
    def limited(self) -> bool:
        return self.level != self.declared


@dataclass(frozen=True, slots=True)
class FieldSection:
    """The fields of one record type; `always` are those that everybody sees who sees the record."""

    key: str
    label: str
    lines: tuple[FieldLine, ...]
    always: tuple[str, ...]

    @property
    def limited(self) -> int:
        return sum(line.limited for line in self.lines)


def sections(card: RoleCard, rights: RoleRights, entities: Iterable[str]) -> list[FieldSection]:
    """The record types with fields to set, of those named; for administrators without what they manage roles by."""
    found = (_section(spec_named(entity), card, rights) for entity in entities if not _locked(card, entity))
    return [each for each in found if each.lines]


def _section(spec: Spec, card: RoleCard, rights: RoleRights) -> FieldSection:
    open_to_all = levels.adjustable(spec)
    always = tuple(each.label for each in spec.fields.values() if each not in open_to_all and each.kind != "json")
    kept = rights.fields.get(spec.name, {})
    return FieldSection(spec.name, spec.plural, tuple(_line(spec, each, card.name, kept) for each in open_to_all), always)


def _line(spec: Spec, each: Field, role: str, kept: Mapping[str, str]) -> FieldLine:
    most = levels.declared(spec, each, role)
    offered = tuple(level for level in levels.offered(spec, each) if LEVELS.index(level) <= LEVELS.index(most))
    note = _BY_DEFINITION if most == levels.NONE else _HIDES if each.masked is not None else _follows(each)
    return FieldLine(each.key, each.label, each.key in spec.custom, levels.of_role(spec, each, role, kept), offered, most, note)


def _follows(each: Field) -> str:
    """Of a value counted from another record's field: it is never told further than that."""
    if not each.taken_from:
        return ""
    chinese, english = named(*each.taken_from.split(".")).split(" | ")
    return f"不超过“{chinese}” | never further than “{english}”"


def chosen(card: RoleCard, given: Mapping[str, str]) -> dict[str, Mapping[str, str]]:
    """The limits after a form's answers (`lead.phone` → level); what it does not name stays as it is."""
    found = {entity: dict(fields) for entity, fields in card.rights.fields.items()}
    for name, level in given.items():
        entity, _, key = name.partition(".")
        spec = registry().get(entity)
        each = spec.fields.get(key) if spec else None
        if spec is not None and each is not None and level == levels.declared(spec, each, card.name):
            found.get(entity, {}).pop(key, None)
        else:
            found.setdefault(entity, {})[key] = level
    return {entity: fields for entity, fields in found.items() if fields}


def check(held: RoleCard, wanted: RoleRights) -> None:
    """Refuses a level that is not offered, or is further than declared; what stays as it was is not asked again."""
    before = held.rights.limits
    for (entity, key), level in wanted.limits.items():
        if before.get((entity, key)) == level:
            continue
        if _locked(held, entity):
            raise Refused(_LOCKED, rule="admin_locked")
        spec = registry().get(entity)
        each = spec.fields.get(key) if spec else None
        if spec is None or each is None or level not in _line(spec, each, held.name, {}).offered or each not in levels.adjustable(spec):
            raise BadRequest(_UNKNOWN, entity=spec.label if spec else entity, key=key)


def _locked(card: RoleCard, entity: str) -> bool:
    return card.name == "admin" and entity == _OF_ADMINS


def moved(before: RoleRights, after: RoleRights) -> dict[tuple[str, str], tuple[str, str]]:
    """(entity, field) → level before and after, of what is not the same."""
    old, new = before.limits, after.limits
    return {key: (old.get(key, EDIT), new.get(key, EDIT)) for key in sorted(old | new) if old.get(key) != new.get(key)}


def widens(before: RoleRights, after: RoleRights) -> bool:
    return any(LEVELS.index(new) > LEVELS.index(old) for old, new in moved(before, after).values())


def told(before: RoleRights, after: RoleRights) -> tuple[dict[str, str], dict[str, str]]:
    """The change as the history keeps it: `lead.phone` → level, on both sides."""
    changed = moved(before, after)
    return tuple({".".join(key): pair[side] for key, pair in changed.items()} for side in (0, 1))  # type: ignore[return-value]


# in words -----------------------------------------------------------------------------------------------


def named(entity: str, key: str) -> str:
    """`线索 · 电话 | Lead · Phone`."""
    spec = registry().get(entity)
    each = spec.fields.get(key) if spec else None
    pairs = ((spec.label if spec else entity).split(" | "), (each.label if each else key).split(" | "))
    return f"{pairs[0][0]} · {pairs[1][0]} | {pairs[0][-1]} · {pairs[1][-1]}"


def changes(card: RoleCard, wanted: RoleRights) -> list[tuple[str, str, str]]:
    """Each moved field with its level in words, before and after."""
    found = []
    for entity, key in moved(card.rights, wanted):
        spec = registry().get(entity)
        each = spec.fields.get(key) if spec else None
        if spec is not None and each is not None:
            old, new = (levels.of_role(spec, each, card.name, rights.fields.get(entity, {})) for rights in (card.rights, wanted))
            found.append((named(entity, key), levels.WORDS[old], levels.WORDS[new]))
    return found


_SAID = {
    ("sees", False): "{n} 人不再看到“{field}” | {n} people no longer see “{field}”",
    ("sees", True): "{n} 人看得到“{field}”了 | {n} people see “{field}” now",
    ("full", False): "{n} 人只看到部分“{field}” | {n} people see only a part of “{field}”",
    ("full", True): "{n} 人看得到完整的“{field}”了 | {n} people see the whole of “{field}” now",
    ("edits", False): "{n} 人不再能改“{field}” | {n} people can no longer change “{field}”",
    ("edits", True): "{n} 人能改“{field}”了 | {n} people can change “{field}” now",
}


def effect(before: RoleRights, after: RoleRights, people: Iterable[tuple[Principal, Principal]]) -> list[Text]:
    """What a change does to those who hold the role, as they were and as they would be: the most that each loses or gains."""
    pairs, found = list(people), []
    for entity, key in moved(before, after):
        spec = registry().get(entity)
        each = spec.fields.get(key) if spec else None
        if spec is None or each is None:
            continue
        for (use, gained), count in _counted(spec, each, pairs).items():
            found.append(Text(_SAID[use, gained], n=count, field=named(entity, key)))
    return found


def _counted(spec: Spec, each: Field, people: Iterable[tuple[Principal, Principal]]) -> dict[tuple[str, bool], int]:
    count: dict[tuple[str, bool], int] = {}
    for before, after in people:
        if not after.may(f"{spec.name}:read"):
            continue
        old, new = (_uses(spec, each, Rights(who)) for who in (before, after))
        use = next((name for name in old if old[name] != new[name]), "")
        if use:
            count[use, new[use]] = count.get((use, new[use]), 0) + 1
    return count


def _uses(spec: Spec, each: Field, rights: Rights) -> dict[str, bool]:
    return {"sees": rights.sees(spec, each), "full": rights.mask(spec, each) is not ALWAYS, "edits": rights.edits(spec, each)}


def warnings(wanted: RoleRights, role: str) -> Iterator[Text]:
    """A role that may create what it cannot fill in."""
    for entity, kept in wanted.fields.items():
        spec = registry().get(entity)
        if spec is None or f"{entity}:create" not in wanted.verbs:
            continue
        for each in spec.form:
            if each.required and each.default is None and levels.of_role(spec, each, role, kept) != EDIT:
                yield Text(
                    "“{field}”必填，这个角色填不了，就不能新建。 | “{field}” is required: who cannot fill it in cannot create one.",
                    field=named(entity, each.key),
                )
