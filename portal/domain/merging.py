"""Two records become one: fields side by side, everything that refers to them, and the way back.

An entity joins by being `Mergeable` and one `Merging`, given to `declare` in its own module. What each of the two
fields keeps: a value where the other has none; of two values the one of the record changed last; the survivor keeps
its name, and every field that the merger may not see, may not change or sees masked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import and_, false, func, not_, or_, select, true
from sqlalchemy.orm import Session

from portal import models
from portal.domain import merge_moves
from portal.domain.batches import begin, undoes
from portal.engine import audit, custom, operations, store
from portal.engine.errors import Changed, NotFound, PortalError, Refused
from portal.engine.fields import Field
from portal.engine.kinds.numbers import IntegerField
from portal.engine.kinds.reference import ReferenceField
from portal.engine.kinds.texts import TextField
from portal.engine.spec import Spec, spec_named, spec_of
from portal.engine.text import Text
from portal.engine.verbs import Outcome, Verb, verb, verb_named
from portal.security.fields import Rights
from portal.security.perform import acting_as
from portal.security.principal import Principal
from portal.security.references import carrying
from portal.security.session import WITH_DELETED, confirm_free, reachable

METHOD = "merge"
NONE = "none"
"""In place of field names: every value stays the survivor's."""


@dataclass(frozen=True, slots=True, eq=False)
class Merging:
    """How records of a type become one."""

    model: type[Any]
    state: str
    """Where the merged one stands afterwards."""
    alike: tuple[str, ...]
    """Columns in which two records that are one agree."""
    followed: tuple[str, ...]
    """Columns that come together from the later contact; the first says when it was."""
    better: Mapping[str, tuple[str, ...]]
    """Column → its values, the best first: the survivor gets the better of the two."""

    @property
    def spec(self) -> Spec:
        """As this request has it."""
        return spec_of(self.model)


mergings: dict[str, Merging] = {}
"""Every entity that can be merged, by REST name."""


def declare(merging: Merging) -> None:
    """Register `<entity>:merge` and how it is taken back."""
    spec = merging.spec
    mergings[spec.name] = merging
    zh, en = spec.label.split(" | ")
    form = (
        ("merged_id", ReferenceField(f"并入它的{zh} | The {en.lower()} merged into it", spec.name, required=True)),
        (
            "fields",
            TextField(
                "取对方值的字段 | Fields taken from it",
                length=2000,
                help="字段名用逗号分开；none 表示都不取；不填则空缺的补上、都有的取最近修改的一条。"
                " | Names with commas; none takes nothing; empty fills gaps and, where both have a value, takes the one changed last.",
            ),
        ),
        ("version", IntegerField("本条版本 | Version of this one")),
        ("merged_version", IntegerField("对方版本 | Version of the other")),
    )
    columns = tuple(each.key for each in spec.table.c if each.key not in ("owner_id", "team_id", "pool_id"))
    verb(
        f"{spec.name}:{METHOD}",
        "合并 | Merge",
        icon="git-merge",
        takes=("reach",),
        columns=columns,
        form=form,
        inverse="undo",
        page=METHOD,
        help="联系人、跟进、文件等全部转入保留的一条；可以撤销。 | Everything of both goes to the one that stays. It can be undone.",
    )(partial(_merge, merging))
    undoes(spec.name, METHOD)(partial(_take_back, merging))


# which values ---------------------------------------------------------------------------------------


def values_of(spec: Spec, record: Any) -> dict[str, Any]:
    """A loaded record's columns and custom fields."""
    columns = {each.key: getattr(record, each.key) for each in record.__mapper__.column_attrs}
    return {**columns, **custom.values_of(spec, record.extra)} if spec.custom else columns


def choosable(spec: Spec, rights: Rights, *rows: Mapping[str, Any]) -> tuple[Field, ...]:
    """Fields whose value the merger may choose: he sees them in full in both and may change them."""
    return tuple(f for f in spec.form if rights.edits(spec, f) and not any(rights.masks(spec, f, row) for row in rows))


def prefers_merged(each: Field, survivor: Mapping[str, Any], merged: Mapping[str, Any]) -> bool:
    """Whether the merged one's value is the better one: a value before none, the newer before the older."""
    ours, theirs = survivor.get(each.key), merged.get(each.key)
    if each.is_blank(theirs) or ours == theirs:
        return False
    if each.is_blank(ours):
        return True
    return not each.identity and bool(merged["changed_at"] > survivor["changed_at"])


def _taken(spec: Spec, rights: Rights, survivor: dict[str, Any], merged: dict[str, Any], asked: str) -> dict[str, Any]:
    """Values that the survivor takes from the merged one. Names that cannot be chosen are refused, never ignored."""
    offered = {each.key: each for each in choosable(spec, rights, survivor, merged)}
    wanted = [part for part in (word.strip() for word in asked.split(",")) if part]
    if not wanted:
        return {key: merged[key] for key, each in offered.items() if prefers_merged(each, survivor, merged)}
    if wanted == [NONE]:
        return {}
    if strange := sorted(set(wanted) - offered.keys()):
        raise Refused("这些字段不能选：{names}。 | These fields cannot be chosen: {names}.", rule="merge_fields", names=", ".join(strange))
    return {key: merged[key] for key in wanted}


def _by_rule(merging: Merging, survivor: Mapping[str, Any], merged: Mapping[str, Any]) -> dict[str, Any]:
    """What no person fills in: the better class and stage, the later contact with what comes next."""
    found = {}
    for key, order in merging.better.items():
        best = min((survivor[key], merged[key]), key=lambda value: order.index(value) if value in order else len(order))
        found[key] = best
    at = merging.followed[0]
    if merged[at] is not None and (survivor[at] is None or merged[at] > survivor[at]):
        found |= {key: merged[key] for key in merging.followed}
    return {key: value for key, value in found.items() if value != survivor[key]}


# the verb -------------------------------------------------------------------------------------------


def _merge(
    merging: Merging,
    records: Sequence[Any],
    *,
    acting_user: Principal,
    now: datetime,
    merged_id: int,
    fields: str = "",
    version: int | None = None,
    merged_version: int | None = None,
) -> Outcome:
    """Merge one record into another that the actor may change as well; both are locked and must be as they were seen."""
    outcome = Outcome()
    if len(records) > 1:
        one = Refused("一次只能合并两条，请选一条保留的。 | Two at a time: choose the one that stays.", rule="merge_two")
        outcome.refused = [(each.id, one) for each in records]
        return outcome
    for record in records:
        survivor_id = int(record.id)
        try:
            survivor, merged = _pair(merging, survivor_id, merged_id, (version, merged_version))
        except PortalError as refusal:
            outcome.refused.append((survivor_id, refusal))
            continue
        outcome.batch_id = _become_one(merging, survivor, merged, fields, acting_user=acting_user, now=now)
        outcome.done.append(survivor_id)
        outcome.href = f"/{merging.spec.name}/{survivor_id}"
    return outcome


def _pair(merging: Merging, survivor_id: int, merged_id: int, seen: tuple[int | None, int | None]) -> tuple[Any, Any]:
    session, model = store.session(), merging.model
    if survivor_id == merged_id:
        raise Refused("不能和自己合并。 | A record cannot be merged with itself.", rule="merge_itself")
    wanted = select(model).where(model.id.in_((survivor_id, merged_id)), reachable(session, model)).order_by(model.id)
    rows = {row.id: row for row in session.scalars(wanted.with_for_update().execution_options(populate_existing=True))}
    if rows.keys() != {survivor_id, merged_id}:
        raise NotFound
    survivor, merged = rows[survivor_id], rows[merged_id]
    if any(number is not None and number != row.version for number, row in zip(seen, (survivor, merged), strict=True)):
        raise Changed
    if in_pool(survivor) and not in_pool(merged):
        raise Refused(
            "有负责人的一条要保留，请对调后再合并。 | The one that has an owner stays; swap the two and merge again.", rule="merge_pool"
        )
    confirm_free(session, merging.spec, [survivor_id, merged_id])
    return survivor, merged


def in_pool(record: Any) -> bool:
    """Whether it is nobody's."""
    return getattr(record, "pool_id", None) is not None


def _become_one(merging: Merging, survivor: Any, merged: Any, fields: str, *, acting_user: Principal, now: datetime) -> int:
    session, spec = store.session(), merging.spec
    ours, theirs = values_of(spec, survivor), values_of(spec, merged)
    taken, ruled = _taken(spec, Rights(acting_user), ours, theirs, fields), _by_rule(merging, ours, theirs)
    former = {"state": merged.state}
    moved = merge_moves.move_all(session, spec, merged.id, survivor.id, now)
    files = merge_moves.move_files(session, spec.name, true(), was=merged.id, to=survivor.id)
    batch_id = begin(session, spec.name, METHOD, acting_user.user_id or survivor.owner_id, now, done=1)
    merged.state, merged.merged_into_id, merged.merge_id, merged.deleted_at = merging.state, survivor.id, batch_id, now
    session.flush()
    session.info["confirmed"] = True
    for key, value in ruled.items():
        setattr(survivor, key, value)
    with carrying(session):
        operations.change(session, spec, survivor, taken, version=None, acting_user=acting_user, now=now)
    changed = {key: [audit.plain(ours[key]), audit.plain(value)] for key, value in {**ruled, **taken}.items()}
    plan = {
        "survivor": {"id": survivor.id, "changed": changed},
        "merged": {"id": merged.id, "version": merged.version, **former},
        "moved": moved,
        "files": files,
    }
    table: Any = models.AssignBatch.__table__
    session.connection().execute(table.update().where(table.c.id == batch_id).values(plan=plan))
    told = {"merged_id": merged.id, "moved": {f"{name}.{key}": len(rows) for name, key, rows in moved}, "files": len(files)}
    name = str(theirs[spec.identity.key])
    audit.write(session, verb=METHOD, entity=spec.name, record_id=survivor.id, after=told, reason=name)
    return batch_id


# the way back ---------------------------------------------------------------------------------------


def _take_back(merging: Merging, batch: Any, *, acting_user: Principal, now: datetime) -> Outcome:
    """The merged one is itself again, with what has not been touched since; what has, stays and is named."""
    session, spec, plan, model = store.session(), merging.spec, batch.plan, merging.model
    ids = (plan["survivor"]["id"], plan["merged"]["id"])
    wanted = select(model).where(model.id.in_(ids)).order_by(model.id).with_for_update()
    rows = {row.id: row for row in session.scalars(wanted.execution_options(**{WITH_DELETED: True}, populate_existing=True))}
    survivor, merged = rows.get(ids[0]), rows.get(ids[1])
    if survivor is None or merged is None or survivor.deleted_at is not None or merged.merged_into_id != survivor.id:
        raise Refused(
            "保留的一条已删除或又合并了，请先恢复它。 | The one that stayed was deleted or merged since; bring it back first.",
            rule="merge_gone",
        )
    declared = verb_named(spec.name, METHOD)
    assert isinstance(declared, Verb)  # noqa: S101 - declared above
    with acting_as(session, declared):
        session.info["verb_name"] = "undo"
        confirm_free(session, spec, list(ids))
        stayed = _give_back(spec, survivor, plan["survivor"]["changed"], acting_user=acting_user, now=now)
        merged.state, merged.merged_into_id, merged.merge_id, merged.deleted_at = plan["merged"]["state"], None, None, None
        session.flush()
        left = merge_moves.move_back(session, plan["moved"], ids[0], ids[1], now)
        merge_moves.move_files(session, spec.name, models.Attachment.id.in_(plan["files"]), was=ids[0], to=ids[1])
    told = [*(each.label for each in stayed), *(f"{_half(child.label, 0)} {n} | {_half(child.label, 1)} {n}" for child, n in left)]
    return Outcome(done=[ids[1]], message=_summary(told), href=f"/{spec.name}/{ids[1]}")


def _give_back(spec: Spec, survivor: Any, changed: Mapping[str, Any], *, acting_user: Principal, now: datetime) -> list[Field]:
    """Its former values where they are still those of the merge; returns the fields that stay as they are."""
    session, here, stayed = store.session(), values_of(spec, survivor), []
    filled: dict[str, Any] = {}
    editable = {each.key for each in spec.form}
    for key, (before, after) in changed.items():
        each = spec.fields.get(key)
        if each is None or audit.plain(here.get(key)) != after:
            stayed += [each] if each is not None else []
        elif key in editable:
            filled[key] = _read(each, before)
        else:
            setattr(survivor, key, _read(each, before))
    session.info["confirmed"] = True
    with carrying(session):
        operations.change(session, spec, survivor, filled, version=None, acting_user=acting_user, now=now)
    return stayed


def _read(each: Field, kept: Any) -> Any:
    """A value as it was before JSON kept it."""
    if not isinstance(kept, str):
        return kept
    return datetime.fromisoformat(kept) if each.kind == "instant" and kept else each.parse(kept)


def _half(label: str, which: int) -> str:
    return label.split(" | ")[which]


def _summary(told: Sequence[str]) -> Text:
    if not told:
        return Text("已撤销合并，两条都和合并前一样。 | The merge was undone; both are as they were.")
    names = Text("、".join(_half(each, 0) for each in told) + " | " + ", ".join(_half(each, 1) for each in told))
    return Text(
        "已撤销合并；此后改过的留在保留的一条：{names}。 | The merge was undone; what was changed since stays where it is: {names}.",
        names=names,
    )


# who may be the same --------------------------------------------------------------------------------


def lookalikes(session: Session, merging: Merging, record: Any, rights: Rights, *, most: int = 5) -> list[Any]:
    """Records that its reader sees and that agree with this one, by values shown to him in full."""
    spec, found = merging.spec, []
    columns = {each.key: getattr(merging.model, each.key) for each in spec.table.c}
    for key in merging.alike:
        value, each = getattr(record, key), spec.fields.get(key)
        if not value:
            continue
        same = spec.column(key) == value
        if each is not None and not rights.finds(spec, each):
            continue
        mask = None if each is None else rights.mask(spec, each)
        if mask is not None:
            if mask.covers(values_of(spec, record)):
                continue
            same = and_(same, not_(func.coalesce(mask.criterion(columns), false())))
        found.append(same)
    if not found:
        return []
    wanted = select(merging.model).where(or_(*found), merging.model.id != record.id).order_by(merging.model.id).limit(most)
    return list(session.scalars(wanted))


def went_where(spec: Spec, row: Mapping[str, Any]) -> PortalError:
    """What is told at the address of a merged record."""
    name = row.get("merged_into_id__label")
    if name is None:
        return Merged("它已并入另一条你看不到的记录，请问你的组长。 | It was merged into a record you may not see. Ask your leader.")
    return Merged(
        "它已并入“{name}”：/{entity}/{id} | It was merged into “{name}”: /{entity}/{id}",
        name=str(name),
        entity=spec.name,
        id=row["merged_into_id"],
    )


class Merged(Refused):
    """The record is another one now."""

    status = 410
    rule = "merged"


def merging_of(name: str) -> Merging:
    """The declaration of an entity that can be merged."""
    if name not in mergings:
        raise NotFound
    return mergings[spec_named(name).name]
