"""Custom fields: what a definition must say, the field it makes, and the indexes it asks for.

A change counts from the next request of every process on: it moves the access version, which each request reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Text as SqlText
from sqlalchemy import cast, func, select
from sqlalchemy.dialects.postgresql import JSONPATH, array
from sqlalchemy.orm import Session

from portal import models
from portal.domain import approval_flows
from portal.domain.calendar import company_zone
from portal.engine import custom, store, work
from portal.engine.custom import PREFIX, Addition
from portal.engine.entity import DOCUMENT
from portal.engine.errors import Invalid, Refused
from portal.engine.fields import FILTERED, INITIAL, MASKED, REQUIRED, SEARCHED, SORTED, UNIQUE, BadValue, Field, View
from portal.engine.kinds.choice import ChoiceField, choices_of
from portal.engine.kinds.dates import DateField, InstantField
from portal.engine.kinds.numbers import DecimalField, FlagField, IntegerField, MoneyField
from portal.engine.kinds.reference import ReferenceField
from portal.engine.kinds.several import SeveralField
from portal.engine.kinds.texts import EmailField, LongTextField, PhoneField, TextField
from portal.engine.operations import operation
from portal.engine.spec import registry
from portal.engine.text import SEPARATOR, Text, is_bilingual
from portal.entities.custom import FieldKind, FieldState, MaskRule
from portal.entities.leads import until_claimed
from portal.security.principal import Principal
from portal.security.resolve import role_names, touch_access

WORK = "custom_field"
_KINDS: Mapping[str, type[Field]] = {
    FieldKind.TEXT: TextField,
    FieldKind.LONGTEXT: LongTextField,
    FieldKind.INTEGER: IntegerField,
    FieldKind.DECIMAL: DecimalField,
    FieldKind.MONEY: MoneyField,
    FieldKind.FLAG: FlagField,
    FieldKind.DATE: DateField,
    FieldKind.INSTANT: InstantField,
    FieldKind.PHONE: PhoneField,
    FieldKind.EMAIL: EmailField,
}
_TELLS = "隐藏的字段不能用：重复的提示会说出隐藏的值。 | Not where it is masked: being taken would tell what is hidden."
CHOSEN: Mapping[str, type[ChoiceField | SeveralField]] = {FieldKind.CHOICE: ChoiceField, FieldKind.CHOICES: SeveralField}
KINDS: Mapping[FieldKind, type[Field]] = {kind: CHOSEN.get(kind) or _KINDS.get(kind, ReferenceField) for kind in FieldKind}
"""What each kind is made of, in the order they are offered."""
INDEXED = ("is_filterable", "is_sortable", "is_searched", "is_unique")
USED_BY = {
    "is_filterable": FILTERED,
    "is_sortable": SORTED,
    "is_searched": SEARCHED,
    "is_unique": UNIQUE,
    "initial": INITIAL,
    "mask": MASKED,
}
"""What a definition may ask of a field → the use that the kind must have."""
_NEVER_CHANGED = ("entity", "key", "kind", "target")
_KEY = re.compile(r"[a-z][a-z0-9_]*")
_CODED = re.compile(r"([a-z0-9_]{1,32}) = (.+)")
_MOST_OPTIONS = 200
_FIXED = Text("建立后不能修改。 | It cannot be changed any more.")
_TAKEN = Text("这个代号已经用过（可能在回收站，可以恢复）。 | This key is taken, perhaps by a deleted field: restore that one instead.")


# from a definition to a field ---------------------------------------------------------------------


def definitions(session: Session) -> Sequence[Any]:
    """Every definition in use, in order."""
    table = models.CustomField.__table__
    found = select(table).where(table.c.deleted_at.is_(None)).order_by(table.c.rank, table.c.id)
    return session.connection().execute(found).all()


def addition(row: Any) -> Addition:
    """The field that a definition stands for."""
    return Addition(row.entity, field_of(row), row.is_listed)


def field_of(row: Any) -> Field:
    """An ordinary field of the same kinds as declared ones; what an index must serve waits for it."""
    ready = row.state == FieldState.ACTIVE
    options: dict[str, Any] = {
        "required": row.is_required,
        "help": f"{row.help_zh}{SEPARATOR}{row.help_en or row.help_zh}" if row.help_zh else row.help_en,
        "searched": row.is_searched and ready,
        "masked": until_claimed if row.mask == MaskRule.POOL else None,
        "filterable": row.is_filterable and ready,
        "sortable": row.is_sortable and ready,
        "section": row.section,
        "see": roles_of(row.seen_by),
        "edit": roles_of(row.edited_by),
    }
    label = f"{row.label_zh}{SEPARATOR}{row.label_en}"
    made: Field
    if row.kind == FieldKind.REFERENCE:
        made = ReferenceField(label, row.target, **options)
    elif row.kind in CHOSEN:
        chosen = CHOSEN[row.kind](label, choices_of(options_of(row.options)), **options)
        if gone := options_of(getattr(row, "retired", "") or ""):
            chosen.retire(choices_of(gone))
        made = chosen
    else:
        made = _KINDS[row.kind](label, **options)
    made.key = PREFIX + row.key
    if row.initial:
        typed = made.parse(row.initial)
        made.default = made.local(typed, _here()) if isinstance(made, InstantField) and typed else typed
    return made


def _here() -> View:
    return View(zone=company_zone())


def options_of(lines: str) -> list[tuple[str, str]]:
    """`code = 中文 | English` a line → value and label."""
    return [(found[1], found[2]) for line in lines.splitlines() if (found := _CODED.fullmatch(line.strip()))]


def options_text(choices: Iterable[tuple[str, str]]) -> str:
    """The other way round; a choice that has no value yet is given one, made from its English label."""
    found = list(choices)
    used = {code for code, _ in found if code}
    lines = []
    for code, label in found:
        value = code or _code(label, used)
        used.add(value)
        lines.append(f"{value} = {label}")
    return "\n".join(lines)


def roles_of(listed: str) -> tuple[str, ...]:
    """The names of roles in a definition; none: everybody is meant."""
    return tuple(part.strip() for part in re.split("[,，、]", listed) if part.strip())


custom.use_source(definitions, addition)


# writing a definition -----------------------------------------------------------------------------


@operation("custom_field", "create")
def create(values: Mapping[str, Any], *, acting_user: Principal, now: datetime) -> models.CustomField:
    """A new field; what needs an index is prepared in the background first."""
    session = store.session()
    given = dict(values)
    given["key"] = given.get("key") or _key_from(str(given.get("label_en", "")))
    record = models.CustomField(**given)
    _checked(session, record, taken=_keys(session, record.entity))
    record.state = FieldState.ACTIVE.value
    record.rank = record.rank or _behind_all(session, record.entity)
    session.add(record)
    session.flush()
    _take_effect(session, record, wanted=any(getattr(record, name) for name in INDEXED), acting_user=acting_user, now=now)
    return record


@operation("custom_field", "change")
def change(record: models.CustomField, values: Mapping[str, Any], *, acting_user: Principal, now: datetime) -> models.CustomField:
    """Anything but what its values hang on: record type, key, kind, what it refers to."""
    session = store.session()
    if fixed := {key: _FIXED for key in _NEVER_CHANGED if values.get(key) and values[key] != getattr(record, key)}:
        raise Invalid(fixed)
    before, choices = [getattr(record, name) for name in INDEXED], dict(options_of(record.options))
    for key, value in values.items():
        if key not in _NEVER_CHANGED:
            setattr(record, key, value)
    _checked(session, record, taken=frozenset())
    _keep_asked_for(record, choices)
    _retire(session, record, choices)
    wanted = [getattr(record, name) for name in INDEXED] != before or record.state == FieldState.REFUSED
    _take_effect(session, record, wanted=wanted, acting_user=acting_user, now=now)
    return record


@operation("custom_field", "remove")
def remove(record: models.CustomField, *, acting_user: Principal, now: datetime) -> models.CustomField:
    """Out of every door; the values stay, and come back with it."""
    session = store.session()
    _refuse_asked_for(record)
    record.deleted_at = now
    session.info["verb_name"] = "delete"
    _take_effect(session, record, wanted=False, acting_user=acting_user, now=now)
    return record


@operation("custom_field", "restore")
def restore(record: models.CustomField, *, acting_user: Principal, now: datetime) -> models.CustomField:
    session = store.session()
    record.deleted_at = None
    session.info["verb_name"] = "restore"
    _take_effect(session, record, wanted=False, acting_user=acting_user, now=now)
    return record


def _refuse_asked_for(record: models.CustomField) -> None:
    """An approval flow whose condition cannot be asked any more would let nothing through."""
    for verb in approval_flows.asking_for(record.entity, PREFIX + record.key):
        raise Refused(
            "审批流“{flow}”的条件用到了它，先改审批流。 | The approval flow of “{flow}” asks for it: change the flow first.",
            rule="in_flow",
            flow=verb.label,
        )


def _retire(session: Session, record: models.CustomField, before: Mapping[str, str]) -> None:
    """Choices taken out stay with the records that hold them; what nobody holds is gone."""
    known = dict(options_of(record.options))
    gone = {code: label for code, label in {**dict(options_of(record.retired or "")), **before}.items() if code not in known}
    held = holders(session, record) if gone else {}
    record.retired = "\n".join(f"{code} = {label}" for code, label in gone.items() if held.get(code))


def holders(session: Session, record: models.CustomField) -> dict[str, int]:
    """Choice → how many records hold it, whoever sees them and whether in the bin or not; reads the whole table."""
    kept = registry()[record.entity].table.c[DOCUMENT]
    path = cast(f'$."{PREFIX}{record.key}"[*]', JSONPATH)
    each = select(func.jsonb_path_query(kept, path).op("#>>")(array((), type_=SqlText)).label("code")).subquery()
    counted = session.connection().execute(select(each.c.code, func.count().label("records")).group_by(each.c.code))
    return {row.code: row.records for row in counted}


def _keep_asked_for(record: models.CustomField, before: Mapping[str, str]) -> None:
    """Nor can a flow ask for a choice that is no longer one."""
    gone = before.keys() - dict(options_of(record.options)).keys()
    for verb in approval_flows.asking_for(record.entity, PREFIX + record.key, gone) if gone else ():
        raise Invalid(
            {
                "options": Text(
                    "审批流“{flow}”的条件用到了去掉的选项，先改审批流。"
                    " | The approval flow of “{flow}” asks for a choice you remove: change the flow first.",
                    flow=verb.label,
                )
            }
        )


def _take_effect(session: Session, record: models.CustomField, *, wanted: bool, acting_user: Principal, now: datetime) -> None:
    """For every process from its next request on; `wanted`: the indexes are to be brought in line first."""
    if wanted:
        record.state, record.problem = FieldState.PREPARING.value, ""
    session.flush()
    touch_access(session)
    if wanted:
        work.ask(
            session,
            kind=WORK,
            label=Text("准备字段“{name}” | Preparing the field “{name}”", name={"zh": record.label_zh, "en": record.label_en}),
            arguments={"id": record.id},
            asked_by_id=acting_user.user_id or None,
            now=now,
        )


def settle(session: Session, field_id: int, problem: Text | None) -> None:
    """The indexes are there, or cannot be: say so, and offer what they serve."""
    record = session.get_one(models.CustomField, field_id)
    record.state = (FieldState.REFUSED if problem else FieldState.ACTIVE).value
    record.problem = f"{problem.in_('zh')}{SEPARATOR}{problem.in_('en')}" if problem else ""
    session.flush()
    touch_access(session)


# what a definition must say ---------------------------------------------------------------------------


def _checked(session: Session, record: models.CustomField, *, taken: Iterable[str]) -> None:
    """Put a definition in its final words, or raise `Invalid` with everything that is wrong."""
    errors: dict[str, Text] = {}
    if not _KEY.fullmatch(record.key):
        errors["key"] = Text("以英文小写字母开头，只用小写字母、数字和下划线。 | Lower-case letters, digits and underscores only.")
    elif record.key in taken:
        errors["key"] = _TAKEN
    for name in ("label_zh", "label_en", "help_zh", "help_en"):
        setattr(record, name, getattr(record, name) or "")
        if "|" in getattr(record, name):
            errors[name] = Text("不能含竖线。 | It may not contain a bar.")
    record.section = (record.section or "").strip()
    if "|" in record.section and not is_bilingual(record.section):
        errors["section"] = Text("中文和英文用一个竖线分开。 | Part Chinese and English by one bar.")
    _check_options(record, errors)
    _check_target(record, errors)
    _check_lists(record, errors)
    _check_roles(session, record, errors)
    if not errors and record.initial:
        try:
            made = field_of(record)
            record.initial = made.to_input(made.default, _here())
        except BadValue as error:
            errors["initial"] = error.text
    if errors:
        raise Invalid(errors)


def _check_options(record: models.CustomField, errors: dict[str, Text]) -> None:
    lines = [line.strip() for line in (record.options or "").splitlines() if line.strip()]
    record.options = ""
    if record.kind not in CHOSEN:
        return
    if not lines:
        errors["options"] = REQUIRED
        return
    coded = [(found[1], found[2]) if (found := _CODED.fullmatch(line)) else ("", line) for line in lines]
    if any(label.count(SEPARATOR) > 1 for _, label in coded):
        errors["options"] = Text("名称里不能含竖线。 | A label may not contain a bar.")
    labelled = [(code, label if is_bilingual(label) else f"{label}{SEPARATOR}{label}") for code, label in coded]
    values = [code for code, _ in labelled if code]
    if len(set(values)) < len(values) or len({label for _, label in labelled}) < len(lines) or len(lines) > _MOST_OPTIONS:
        errors["options"] = Text("选项重复或太多。 | Choices repeat, or there are too many.")
    record.options = options_text(labelled)


def _check_target(record: models.CustomField, errors: dict[str, Text]) -> None:
    if record.kind != FieldKind.REFERENCE:
        record.target = ""
    elif not record.target:
        errors["target"] = REQUIRED


def _code(label: str, used: set[str]) -> str:
    plain = re.sub("[^a-z0-9]+", "_", label.rsplit(SEPARATOR, maxsplit=1)[-1].casefold()).strip("_")[:28] or "option"
    return next(code for n in range(1, _MOST_OPTIONS * 2) if (code := plain if n == 1 else f"{plain}_{n}") not in used)


def _check_lists(record: models.CustomField, errors: dict[str, Text]) -> None:
    for name in ("is_required", "is_listed", *INDEXED):
        setattr(record, name, bool(getattr(record, name)))
    kind = FieldKind(record.kind)
    asked = {
        **{name: getattr(record, name) for name in INDEXED},
        "initial": record.initial,
        "mask": record.mask not in (None, "", MaskRule.NONE),
    }
    for name in (name for name, wanted in asked.items() if wanted and USED_BY[name] not in KINDS[kind].uses):
        errors[name] = Text("类型“{kind}”不能用。 | Not for the kind “{kind}”.", kind=kind.label)
    if record.mask == MaskRule.POOL and not registry()[record.entity].pooled:
        errors["mask"] = Text("这类数据没有公海。 | This record type has no pool.")
    if record.is_unique and asked["mask"] and "is_unique" not in errors:
        errors["is_unique"] = Text(_TELLS)
    if record.mask == MaskRule.POOL and record.is_sortable:
        errors["is_sortable"] = Text("隐藏的字段不能排序。 | A masked field cannot be sorted by.")


def _check_roles(session: Session, record: models.CustomField, errors: dict[str, Text]) -> None:
    known = set(role_names(session))
    for name in ("seen_by", "edited_by"):
        roles = roles_of(getattr(record, name) or "")
        setattr(record, name, ",".join(roles))
        if unknown := sorted(set(roles) - known):
            errors[name] = Text("没有这个角色：{names}。 | There is no such role: {names}.", names=", ".join(unknown))


def _key_from(label: str) -> str:
    return re.sub("[^a-z0-9]+", "_", label.casefold()).strip("_")[:28].rstrip("_") or "field"


def _behind_all(session: Session, entity: str) -> int:
    last = session.scalar(select(func.max(models.CustomField.rank)).where(models.CustomField.entity == entity))
    return (last or 0) + 10


def _keys(session: Session, entity: str) -> frozenset[str]:
    found = select(models.CustomField.key).where(models.CustomField.entity == entity)
    return frozenset(session.scalars(found.execution_options(**{store.WITH_DELETED: True})))
