"""Letting a colleague into records that are not his: for how long, how far, and how it ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any

from sqlalchemy import func, insert, literal, select, update
from sqlalchemy.orm import Session

from portal import models
from portal.domain.batches import of_click, stays, undoes
from portal.domain.calendar import company_day, company_zone
from portal.domain.ownership import receiver, when_pooled
from portal.engine import audit, store
from portal.engine.errors import Invalid, Refused
from portal.engine.kinds.choice import ChoiceField
from portal.engine.kinds.dates import DateField
from portal.engine.kinds.reference import ReferenceField
from portal.engine.kinds.texts import TextField
from portal.engine.operations import operation
from portal.engine.outbox import notify
from portal.engine.query.among import among
from portal.engine.spec import Spec, spec_named, spec_of
from portal.engine.text import say
from portal.engine.verbs import Outcome, verb
from portal.entities.sharing import PARENTS, Level
from portal.policies import policy
from portal.security.principal import Principal
from portal.security.resolve import touch_access

METHOD = "share"
_parts: Any = models.Participant.__table__
_IN_POOL = "它在公海，请先领取或分配。 | It lies in a pool; claim or assign it first."
_OWNER = "他就是负责人。 | He owns it."
_MANY = "{name} 最多同时参与 {most} 条记录。 | {name} may take part in {most} records at a time."


@dataclass(frozen=True, slots=True)
class _Invitation:
    """Who is let in, how far, until when."""

    person_id: int
    person: str
    level: str
    until: date
    ends_at: datetime
    note: str


def declare(name: str) -> None:
    """Give a record type that participants refer to the verb `share` and its Undo."""
    verb(
        f"{name}:{METHOD}",
        "邀请参与 | Share",
        icon="user-plus",
        takes=("reach",),
        form=(
            ("to_id", ReferenceField("参与人 | Participant", "user", required=True)),
            ("level", ChoiceField("权限 | May", Level, required=True, default=Level.READ.value)),
            ("until", DateField("到这一天为止 | Until the end of", required=True, in_days=30)),
            ("note", TextField("说明 | Note", length=200)),
        ),
        inverse="undo",
        bulk=True,
        help="参与人在期限内能看这条记录和属于它的内容；负责人不变。"
        " | Until then the participant sees the record and what belongs to it. The owner stays.",
    )(partial(share, name))
    undoes(name, METHOD, rows=_let_in)(_take_back)


def share(
    name: str, records: Sequence[Any], *, acting_user: Principal, now: datetime, to_id: int, level: str, until: date, note: str = ""
) -> Outcome:
    """Let a colleague into records until the end of a day; who takes part already gets the new end and level.

    Refused as a whole: somebody out of the actor's assign reach, a day that is over or too far off. Refused one by
    one: what lies in a pool, what is his own, more than one person may take part in.
    """
    session, spec, outcome = store.session(), spec_named(name), Outcome()
    invited = _Invitation(*receiver(session, spec, acting_user, to_id), level, until, end_of(until, now), note.strip())
    key = _key(spec)
    taking = {at: each for (at, _), each in _taking_part(session, key, [record.id for record in records], [invited.person_id]).items()}
    room = _room(session, invited.person_id, now)
    able = []
    for record in records:
        if (refusal := _refusal(record, invited.person_id, invited.person, room=room, known=record.id in taking, now=now)) is not None:
            outcome.refused.append((record.id, refusal))
        else:
            able.append(record)
            room -= record.id not in taking
    if not able:
        return outcome
    outcome.batch_id = of_click(session, spec.name, METHOD, acting_user.user_id, now)
    outcome.done = [record.id for record in able]
    for record in able:
        part = taking.get(record.id) or models.Participant(**{key: record.id}, user_id=invited.person_id, batch_id=outcome.batch_id)
        part.level, part.until, part.ends_at, part.note = invited.level, invited.until, invited.ends_at, invited.note
        session.add(part)
    session.flush()
    touch_access(session)
    _note(session, spec, able, invited)
    _tell(session, spec, able, invited, acting_user, outcome.batch_id, now)
    return outcome


def end_of(until: date, now: datetime) -> datetime:
    """The first instant after the company's day `until`. Invalid for a day that is over or too far off."""
    today, most = company_day(now), policy("share.most_days", on=company_day(now))
    if not today <= until <= today + timedelta(days=most):
        raise Invalid({"until": say("请填今天起 {most} 天以内的一天。 | Give a day from today on, within {most} days.", most=most)})
    return datetime.combine(until + timedelta(days=1), time(), company_zone())


def _key(spec: Spec) -> str:
    """By which reference a participant names a record of this type."""
    parent = spec_of(models.Participant).parent_to(spec.name)
    assert parent is not None  # noqa: S101 - declare() was called for what it refers to
    return parent.key


def _taking_part(session: Session, key: str, ids: Sequence[int], people: Sequence[int]) -> dict[tuple[int, int], models.Participant]:
    """(record, person) → how he takes part, locked."""
    column, person = getattr(models.Participant, key), models.Participant.user_id
    found = select(models.Participant).where(among(column, ids), among(person, people))
    return {(getattr(each, key), each.user_id or 0): each for each in session.scalars(found.with_for_update())}


def _room(session: Session, person_id: int, now: datetime) -> int:
    """In how many more records a person may take part."""
    mine = (_parts.c.user_id == person_id, _parts.c.ends_at > now, _parts.c.deleted_at.is_(None))
    taken = session.connection().scalar(select(func.count()).select_from(_parts).where(*mine)) or 0
    return int(policy("share.most_records", on=company_day(now))) - taken


def _refusal(record: Any, person_id: int, person: str, *, room: int, known: bool, now: datetime) -> Refused | None:
    if getattr(record, "pool_id", None) is not None:
        return Refused(_IN_POOL, rule="in_pool")
    if record.owner_id == person_id:
        return Refused(_OWNER, rule="owner")
    if room <= 0 and not known:
        return Refused(_MANY, rule="share_most", name=person, most=policy("share.most_records", on=company_day(now)))
    return None


def _note(session: Session, spec: Spec, records: Sequence[Any], invited: _Invitation) -> None:
    """The record's own history says who was let in, and until when."""
    who = audit.attribution(session)
    said = " · ".join(filter(None, (invited.person, invited.until.isoformat(), invited.note)))
    lines = [
        {**who, "verb": METHOD, "entity": spec.name, "record_id": each.id, "before": {}, "after": {}, "reason": said} for each in records
    ]
    session.connection().execute(insert(models.AuditEvent.__table__), lines)  # type: ignore[arg-type]


def _tell(
    session: Session, spec: Spec, records: Sequence[Any], invited: _Invitation, acting_user: Principal, batch_id: int | None, now: datetime
) -> None:
    one = records[0] if len(records) == 1 else None
    level = next(each.label for each in Level if each.value == invited.level)
    notify(
        session,
        recipient_ids=invited.person_id,
        event_key=f"share:{spec.name}:{batch_id or now.isoformat()}",
        kind="share",
        title=say("{name} 请你参与{plural} | {name} lets you take part: {plural}", name=acting_user.name, plural=spec.plural),
        body=say("{level}，到 {until} 为止。 | {level}, until the end of {until}.", level=level, until=invited.until.isoformat()),
        entity=spec.name,
        record_id=one.id if one else None,
        href=f"/{spec.name}/{one.id}" if one else f"/{spec.name}/?tab=shared",
        now=now,
    )


# changed, taken back, over ------------------------------------------------------------------------


@operation("participant", "create")
def create(values: Mapping[str, Any], *, acting_user: Principal, now: datetime) -> models.Participant:
    """One comes in by the record's verb, which asks whom the actor may let in."""
    raise Refused("请在记录上用“邀请参与”。 | Use “Share” on the record.", rule="by_verb")


@operation("participant", "change")
def change(record: models.Participant, values: Mapping[str, Any], *, acting_user: Principal, now: datetime) -> models.Participant:
    """A new level or end counts from the next request on, and instead of every other that he has here."""
    session = store.session()
    _end_others(session, record, now)
    for key, value in values.items():
        setattr(record, key, value)
    if "until" in values:
        record.ends_at = end_of(values["until"], now)
    session.flush()
    touch_access(session)
    return record


@operation("participant", "remove")
def remove(record: models.Participant, *, acting_user: Principal, now: datetime) -> models.Participant:
    """He sees it no more, from the next request on."""
    session = store.session()
    _end_others(session, record, now)
    record.deleted_at = now
    session.info["verb_name"] = "delete"
    session.flush()
    touch_access(session)
    return record


def _end_others(session: Session, record: models.Participant, now: datetime) -> None:
    """Two records that became one may have brought the same person along twice: what is decided of him holds for both."""
    part, parent = models.Participant, spec_of(models.Participant).parent_to(_parent(record)[0])
    assert parent is not None  # noqa: S101 - _parent() found it there
    same = (getattr(part, parent.key) == getattr(record, parent.key), part.user_id == record.user_id, part.id != record.id)
    for each in session.scalars(select(part).where(*same).with_for_update()):
        each.deleted_at = now


@operation("participant", "restore")
def restore(record: models.Participant, *, acting_user: Principal, now: datetime) -> models.Participant:
    """Only one whose end has not come, by who may let that person in, and where a new one would be let in."""
    session, (name, whole_id) = store.session(), _parent(record)
    spec = spec_named(name)
    person_id, person = receiver(session, spec, acting_user, record.user_id)
    if record.ends_at <= now:
        raise Refused("期限已过，请重新邀请。 | It is over; let him in again.", rule="over")
    whole = session.scalars(select(spec.model).where(spec.model.id == whole_id)).one()
    if (refusal := _refusal(whole, person_id, person, room=_room(session, person_id, now), known=False, now=now)) is not None:
        raise refusal
    record.deleted_at = None
    session.info["verb_name"] = "restore"
    session.flush()
    touch_access(session)
    return record


def _parent(record: models.Participant) -> tuple[str, int]:
    found = spec_of(models.Participant).parent_in({key: getattr(record, key) for key in PARENTS})
    assert found is not None  # noqa: S101 - the table insists on exactly one
    return found[0].target, found[1]


def _let_in(session: Session, batch: Any) -> list[int]:
    part = models.Participant
    return list(session.scalars(select(part.id).where(part.batch_id == batch.id).order_by(part.id)))


def _take_back(batch: Any, *, acting_user: Principal, now: datetime, ids: Sequence[int] | None = None) -> Outcome:
    """Who came in with this batch and was not changed since goes out again."""
    session, outcome, part = store.session(), Outcome(), models.Participant
    these = [] if ids is None else [among(part.id, ids)]
    for each in session.scalars(select(part).where(part.batch_id == batch.id, *these).order_by(part.id).with_for_update()):
        record_id = _parent(each)[1]
        if each.version != 1:
            outcome.refused.append((record_id, stays()))
        else:
            each.deleted_at = now
            outcome.done.append(record_id)
    session.info["verb_name"] = "undo"
    session.flush()
    touch_access(session)
    return outcome


def carry(session: Session, entity: str, from_id: int, to_id: int, *, owner_id: int | None, now: datetime) -> None:
    """Who takes part in a record takes part in the one that takes its place, as far and as long as before.

    Who was let into the new one already keeps whichever goes further and lasts longer; its owner needs no share.
    """
    parent = spec_of(models.Participant).parent_to(entity)
    if parent is None:
        return
    part, column = models.Participant, getattr(models.Participant, parent.key)
    running = (column == from_id, part.deleted_at.is_(None), part.ends_at > now)
    found = session.scalars(select(part).where(*running).order_by(part.id).with_for_update()).all()
    there = _taking_part(session, parent.key, [to_id], [each.user_id or 0 for each in found])
    for each in found:
        held = there.get((to_id, each.user_id or 0))
        if each.user_id == owner_id:
            continue
        if held is None:
            setattr(each, parent.key, to_id)
            continue
        if each.level == Level.WRITE.value:
            held.level = each.level
        if each.ends_at > held.ends_at:
            held.until, held.ends_at = each.until, each.ends_at
    if found:
        session.flush()
        touch_access(session)


@when_pooled
def leave_with_owner(session: Session, entity: str, ids: Sequence[int], now: datetime) -> None:
    """What goes to a pool is nobody's: nobody takes part in it either."""
    parent = spec_of(models.Participant).parent_to(entity)
    if parent is not None:
        _end(session, [among(_parts.c[parent.key], ids)], verb="pooled", now=now)


def expire(session: Session, now: datetime) -> int:
    """Put away what is over; it gives nothing any more from the instant it ends, whether this has run or not."""
    return _end(session, [_parts.c.ends_at <= now], verb="expire", now=now)


def _end(session: Session, where: Iterable[Any], *, verb: str, now: datetime) -> int:
    """UPDATE … RETURNING feeds the history."""
    who, events = audit.attribution(session), models.AuditEvent.__table__
    values = {"deleted_at": now, "version": _parts.c.version + 1, "changed_at": now, "changed_by_id": who["actor_id"]}
    ended = update(_parts).where(_parts.c.deleted_at.is_(None), *where).values(values).returning(_parts.c.id).cte("ended")
    told = {**who, "entity": "participant", "verb": verb}
    lines = select(*(literal(value, events.c[key].type).label(key) for key, value in told.items()), ended.c.id)
    written = insert(events).from_select([*told, "record_id"], lines, include_defaults=False).returning(events.c.record_id)  # type: ignore[arg-type]
    count = len(session.connection().execute(written).all())
    if count:
        touch_access(session)
    return count


for _each in spec_of(models.Participant).parents:
    declare(_each.target)
