"""What the page of a custom field tells: who sees it, what records hold in it, and what saving its definition changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import models
from portal.domain import role_desk
from portal.domain.custom_fields import CHOSEN, INDEXED, KINDS, field_of, options_of, roles_of
from portal.domain.role_desk import RoleCard
from portal.engine import store
from portal.engine.custom import PREFIX
from portal.engine.fields import BadValue, Field, View
from portal.engine.spec import Spec
from portal.engine.text import SEPARATOR, Text
from portal.entities.custom import FieldKind, MaskRule
from portal.security import levels
from portal.security.resolve import access_of, widest

GENERAL = "基本 | General"
_ENTER = ("create", "edit")
_NOBODY = "-"


def archived(session: Session, entity: str) -> list[models.CustomField]:
    """The fields of a record type that were put away, the last one first."""
    table = models.CustomField
    wanted = select(table).where(table.entity == entity, table.deleted_at.is_not(None)).order_by(table.deleted_at.desc(), table.id.desc())
    return list(session.scalars(wanted.execution_options(**{store.WITH_DELETED: True})))


# who ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RoleLine:
    """A role that reads the record type, and what a definition gives it; `writes` is empty where it changes no record."""

    id: int
    name: str
    label: str
    people: int
    reads: str
    writes: str
    sees: bool
    edits: bool
    limit: str = ""
    """How far its own field rights let it go, where that is less."""


def role_lines(cards: Sequence[RoleCard], spec: Spec, row: Any) -> list[RoleLine]:
    """The roles a definition is about, in their order."""
    return [_line(spec, card, row) for card in cards if f"{spec.name}:read" in card.rights.verbs]


def _line(spec: Spec, card: RoleCard, row: Any) -> RoleLine:
    seen, edited = roles_of(row.seen_by), roles_of(row.edited_by)
    sees = not seen or card.name in seen
    writes = any(f"{spec.name}:{verb}" in card.rights.verbs for verb in _ENTER)
    level = card.rights.fields.get(spec.name, {}).get(PREFIX + (row.key or ""), levels.EDIT)
    return RoleLine(
        card.id,
        card.name,
        card.label,
        len(card.members),
        role_desk.reach(card.rights, f"{spec.name}:read").words,
        _where_it_writes(card, spec) if writes else "",
        sees,
        sees and writes and (not edited or card.name in edited),
        levels.WORDS[level] if level != levels.EDIT else "",
    )


def _where_it_writes(card: RoleCard, spec: Spec) -> str:
    """Where it changes records; who only makes new ones fills it in there."""
    return role_desk.reach(card.rights, f"{spec.name}:{'edit' if f'{spec.name}:edit' in card.rights.verbs else 'create'}").words


def chosen(lines: list[RoleLine], sees: set[str], edits: set[str]) -> tuple[str, str]:
    """Ticks as a definition keeps them: nothing where everybody is meant, those who come later too; nobody is no role's name."""
    able = [each for each in lines if each.name in sees and each.writes]
    return _listed(lines, sees), _listed(able, edits)


def _listed(lines: list[RoleLine], ticked: set[str]) -> str:
    names = [each.name for each in lines if each.name in ticked]
    return "" if lines and len(names) == len(lines) else ",".join(names) or _NOBODY


def audience(cards: Sequence[RoleCard], spec: Spec, row: Any) -> frozenset[int]:
    """The people who see the field: by the role that gives them their rows, as the gate does."""
    seen, key = roles_of(row.seen_by), PREFIX + (row.key or "")
    roles: dict[int, list[RoleCard]] = {}
    for card in cards:
        for person_id, _ in card.members:
            roles.setdefault(person_id, []).append(card)
    return frozenset(person for person, his in roles.items() if _sees(spec, his, seen, key))


def _sees(spec: Spec, roles: Sequence[RoleCard], seen: tuple[str, ...], key: str) -> bool:
    scopes = [(card.name, card.rights.scopes[spec.name]) for card in roles if spec.name in card.rights.scopes]
    reaches = ((spec.name, access_of(name, each.read, each.write, each.assign, each.team_ids)) for name, each in scopes)
    access = widest(reaches, {card.name: card.rights.verbs for card in roles})
    role = access[spec.name].role if spec.name in access and access[spec.name].read else ""
    level = next((card.rights.fields.get(spec.name, {}).get(key, levels.EDIT) for card in roles if card.name == role), levels.NONE)
    return level != levels.NONE and (not seen or role in seen)


# what records hold --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Held:
    """Counted over the records that the asking administrator sees."""

    records: int
    filled: int = 0
    by_choice: Mapping[str, int] = field(default_factory=dict)


def held(session: Session, spec: Spec, record: Any, view: View) -> Held:
    """How many records there are, how many of them say something in this field, and which choice; one statement."""
    each = spec.custom.get(PREFIX + record.key) if record is not None else None
    wanted: list[Any] = [func.count()]
    codes: list[str] = []
    if record is not None and each is not None:
        codes = [value for value, _ in each.choices(view)] if record.kind in CHOSEN else []
        column = spec.column(each.key)
        wanted.append(func.count().filter(each.criterion(column, "not_empty", None, view)))
        wanted += [func.count().filter(each.criterion(column, "in", [code], view)) for code in codes]
    found = session.execute(select(*wanted).select_from(spec.model).where(spec.model.deleted_at.is_(None))).one()
    return Held(found[0], found[1] if each is not None else 0, dict(zip(codes, found[2:], strict=True)))


def repeated(session: Session, spec: Spec, each: Field, view: View) -> int:
    """How many values stand in more than one record."""
    column = spec.column(each.key).label("told")
    filled = (spec.model.deleted_at.is_(None), each.criterion(spec.column(each.key), "not_empty", None, view))
    twice = select(column).where(*filled).group_by(column).having(func.count() > 1).subquery()
    return session.scalar(select(func.count()).select_from(twice)) or 0


# what saving changes ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Change:
    """One line of what saving does; `warn`: somebody has to do something about it."""

    icon: str
    text: Text
    warn: bool = False


@dataclass(frozen=True, slots=True)
class Saving:
    """What a definition does as it stands in the form, against what is stored; nothing is written."""

    people: int
    held: Held
    changes: tuple[Change, ...]


def saving(session: Session, cards: Sequence[RoleCard], spec: Spec, record: Any, draft: Any, view: View) -> Saving:
    """`record` is the stored definition, None for a new one; `draft` has the attributes of one."""
    told, now = held(session, spec, record, view), audience(cards, spec, draft)
    changes = [] if record is None else [*_shown_to(audience(cards, spec, record), now)]
    changes += _of_form(spec, record, draft)
    changes += _of_choices(record, draft, told)
    changes += _of_rules(session, spec, record, draft, told, view)
    changes += _of_lists(spec, record, draft)
    return Saving(len(now), told, tuple(changes))


def _shown_to(before: frozenset[int], after: frozenset[int]) -> Iterator[Change]:
    if lost := len(before - after):
        yield Change("eye-off", Text("{n} 人不再看到它 | {n} people no longer see it", n=lost), warn=True)
    if gained := len(after - before):
        yield Change("eye", Text("{n} 人开始看到它 | {n} more people see it", n=gained))


def _of_form(spec: Spec, record: Any, draft: Any) -> Iterator[Change]:
    section = draft.section or GENERAL
    if record is None:
        yield Change("forms", Text("表单的“{part}”里多一栏 | One more control under “{part}” in the form", part=section))
        yield Change("upload", Text("导入、导出和接口多一列 | Imports, exports and the API gain one column"))
    else:
        labels = tuple(f"{each.label_zh}{SEPARATOR}{each.label_en}" for each in (record, draft))
        if labels[0] != labels[1]:
            yield Change("pencil", Text("处处改叫“{new}” | It is called “{new}” everywhere", new=labels[1]))
        if record.section != draft.section:
            yield Change("arrows-exchange", Text("移到“{part}” | It moves to “{part}”", part=section))
        if (record.mask or MaskRule.NONE) != (draft.mask or MaskRule.NONE):
            hidden = draft.mask == MaskRule.POOL
            text = "在公海时只看到一部分 | In a pool only a part of it is seen" if hidden else "公海里也看得到 | It is seen in pools too"
            yield Change("lock" if hidden else "lock-open", Text(text))
    if draft.initial and draft.initial != (record.initial if record is not None else ""):
        yield Change("sparkles", _default_told(draft))


def _default_told(draft: Any) -> Text:
    try:
        made = field_of(draft)
    except BadValue as error:
        return error.text
    words = {language: made.words(made.default, View(language)) for language in ("zh", "en")}
    return Text("新记录先填“{value}”，已有的不变 | New records begin with “{value}”; those that are there stay", value=words)


def _of_choices(record: Any, draft: Any, told: Held) -> Iterator[Change]:
    if record is None:
        return
    before, after = dict(options_of(record.options or "")), dict(options_of(draft.options or ""))
    for code in before.keys() - after.keys():
        if count := told.by_choice.get(code, 0):
            words = "{n} 条记录还填着“{choice}”：值保留，但只显示代号 | {n} records hold “{choice}”: they keep it, shown as a bare key"
            yield Change("alert-triangle", Text(words, n=f"{count:,}", choice=before[code]), warn=True)
        else:
            yield Change("x", Text("去掉选项“{choice}”，没有记录填着它 | “{choice}” goes; no record holds it", choice=before[code]))
    if added := after.keys() - before.keys():
        yield Change("plus", Text("多 {n} 个选项 | {n} more choices", n=len(added)))
    if renamed := [code for code in before.keys() & after.keys() if before[code] != after[code]]:
        yield Change("pencil", Text("{n} 个选项改名，填过的记录跟着变 | {n} choices renamed, also where they are chosen", n=len(renamed)))


def _of_rules(session: Session, spec: Spec, record: Any, draft: Any, told: Held, view: View) -> Iterator[Change]:
    each = spec.custom.get(PREFIX + record.key) if record is not None else None
    if draft.is_required and not (record is not None and record.is_required):
        yield _required(KINDS[FieldKind(draft.kind)], told)
    elif record is not None and record.is_required and not draft.is_required:
        yield Change("circle-minus", Text("不再必填 | No longer required"))
    if draft.is_unique and not (record is not None and record.is_unique):
        twice = repeated(session, spec, each, view) if each is not None else 0
        if twice:
            words = "{n} 个值在几条记录里重复：先改正，否则不能启用 | {n} values stand in several records: correct them first"
            yield Change("alert-triangle", Text(words, n=f"{twice:,}"), warn=True)
        else:
            yield Change("copy", Text("不能再有两条相同的 | No two records may hold the same"))


def _required(kind: type[Field], told: Held) -> Change:
    """A kind that always says something, as yes or no does, is missing nowhere."""
    if kind.can_be_blank and (missing := told.records - told.filled):
        words = "{n} 条记录还没有值：下次修改时必须补上 | {n} records lack a value: it is asked for at their next change"
        return Change("alert-triangle", Text(words, n=f"{missing:,}"), warn=True)
    return Change("circle-check", Text("每条记录都有值 | Every record has a value"))


_LISTED = {
    "is_listed": (
        "columns",
        "{what}列表多一列 | One more column in the list of {what}",
        "{what}列表少一列 | One column fewer in the list of {what}",
    ),
    "is_filterable": ("filter", "{what}列表多一个筛选 | A new filter for {what}", "{what}列表少一个筛选 | One filter fewer for {what}"),
    "is_sortable": (
        "arrows-sort",
        "{what}可以按它排序 | {what} can be put in its order",
        "{what}不再按它排序 | {what} are no longer put in its order",
    ),
    "is_searched": (
        "search",
        "搜索{what}时也找它 | The search for {what} finds it too",
        "搜索{what}不再找它 | The search for {what} finds it no longer",
    ),
}


def _of_lists(spec: Spec, record: Any, draft: Any) -> Iterator[Change]:
    chinese, _, english = spec.plural.partition(SEPARATOR)
    what = f"{chinese}{SEPARATOR}{english.lower()}"
    moved = {name for name in ("is_listed", *INDEXED) if bool(getattr(draft, name)) != bool(record is not None and getattr(record, name))}
    for name, (icon, on, off) in _LISTED.items():
        if name in moved:
            yield Change(icon, Text(on if getattr(draft, name) else off, what=what))
    if any(getattr(draft, name) for name in moved.intersection(INDEXED)):
        yield Change("database", Text("索引在后台建，建好之前照常使用 | An index is built in the background; meanwhile everything works"))
