"""Care for leads and customers (records.md, C): what was missed, whom nobody contacts, whom somebody contacts too often,
what nobody takes from the pool, and whose records need somebody else while he is away.

Each is told once by its natural key; what is told at an hour of the day is told for the newest such hour alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import Date, and_, cast, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from portal import models
from portal.domain.calendar import company_calendar, company_day, company_zone, granted
from portal.domain.handover import assigned, records_of
from portal.domain.leaders import Leaders, leaders
from portal.domain.periods import PeriodKind, period_of
from portal.domain.pooling import poolings
from portal.domain.reminder_events import Event
from portal.domain.report_draft import one_line
from portal.domain.report_figures import list_href
from portal.domain.worklists import LIVE
from portal.engine import store
from portal.engine.query.among import among
from portal.engine.spec import spec_named
from portal.engine.text import say
from portal.entities.leads import LeadGrade
from portal.policies import policy

_ONE_DAY = timedelta(days=1)
_LOGGED_WITHIN = timedelta(days=2)
"""Contacts longer ago warn nobody any more."""


def care_due(since: datetime, now: datetime) -> list[Event]:
    """Everything of this room that came due in (since, now]."""
    return [
        *missed(since, now),
        *missed_by_the_team(since, now),
        *potential_leads(since, now),
        *too_often(since, now),
        *unclaimed(since, now),
        *long_leaves(since, now),
    ]


def _hour(since: datetime, now: datetime, key: str) -> datetime | None:
    """The newest instant in (since, now] at which this policy's hour struck on a working day."""
    calendar, day = company_calendar(), company_day(now)
    while day >= company_day(since):
        at: time = policy(key, on=day)
        if since < (struck := calendar.at(day, at)) <= now and calendar.is_working(day):
            return struck
        day -= _ONE_DAY
    return None


# follow-ups that were missed -----------------------------------------------------------------------


def missed(since: datetime, now: datetime) -> list[Event]:
    """At 18:00 (policy) each person's agreed follow-ups whose time has gone by; what is due at that instant is not missed yet."""
    at = _hour(since, now, "follow_up.missed_at")
    if at is None:
        return []
    words = "{n} 条约好的跟进错过了：{parts} | {n} agreed follow-ups were missed: {parts}"
    found: dict[int, dict[str, int]] = {}
    for name, owner_id, count in _overdue(at):
        found.setdefault(owner_id, {})[name] = count
    day = company_day(at).isoformat()
    return [
        Event(
            owner_id,
            "missed",
            f"missed:{day}",
            say(words, n=sum(parts.values()), parts=_parts(parts)),
            "user",
            owner_id,
            list_href(f"/{next(iter(parts))}/", ["owner_id", "me", None], ["next_at", "overdue", None]),
            count=sum(parts.values()),
        )
        for owner_id, parts in found.items()
    ]


def _parts(parts: dict[str, int]) -> Any:
    told = [say("{plural} {n} | {n} {plural}", plural=poolings[name].plural, n=n) for name, n in parts.items()]
    return say("{zh} | {en}", zh="，".join(part.in_("zh") for part in told), en=", ".join(part.in_("en") for part in told))


def _overdue(at: datetime) -> Iterator[tuple[str, int, int]]:
    """Record type, owner, how many of his follow-ups had gone by at this instant."""
    for pooling in (poolings[name] for name in sorted(poolings, reverse=True)):
        model = pooling.model
        overdue = (model.owner_id.is_not(None), model.state.in_(pooling.open_states), model.next_at < at, model.deleted_at.is_(None))
        wanted = select(model.owner_id, func.count()).where(*overdue).group_by(model.owner_id).order_by(model.owner_id)
        yield from ((pooling.name, owner_id, count) for owner_id, count in store.session().execute(wanted))


def missed_by_the_team(since: datetime, now: datetime) -> list[Event]:
    """On Monday at 9:00 (policy) the same of each leader's people."""
    monday = period_of(PeriodKind.WEEK, company_day(now)).first
    at = company_calendar().at(monday, policy("follow_up.missed_weekly_at", on=monday))
    if not since < at <= now:
        return []
    tree, counted = leaders(), dict[int, Counter[int]]()
    for _, owner_id, count in _overdue(at):
        if (leader := tree.of(owner_id)) is not None:
            counted.setdefault(leader, Counter())[owner_id] += count
    words = "团队有 {n} 条跟进错过了 | {n} follow-ups of the team were missed"
    href = list_href("/lead/", ["owner_id", "not_empty", None], ["next_at", "overdue", None])
    return [
        Event(
            leader,
            "missed",
            f"missed.team:{monday.isoformat()}",
            say(words, n=numbers.total()),
            "user",
            leader,
            href,
            _names(tree, numbers),
            numbers.total(),
        )
        for leader, numbers in counted.items()
    ]


def _names(tree: Leaders, numbers: Counter[int]) -> Any:
    zh = "，".join(f"{tree.name(each)} {n} 条" for each, n in numbers.most_common())
    en = ", ".join(f"{tree.name(each)}: {n}" for each, n in numbers.most_common())
    return say("{zh} | {en}", zh=zh, en=en)


# too little, too much --------------------------------------------------------------------------------


def potential_leads(since: datetime, now: datetime) -> list[Event]:
    """At 9:00 (policy) how many of one's potential leads nobody has contacted for 7 days (policy; handbook 8)."""
    at = _hour(since, now, "lead.potential_at")
    if at is None:
        return []
    lead: Any = models.Lead
    days: int = policy("lead.potential_days", on=company_day(at))
    quiet = (
        lead.owner_id.is_not(None),
        lead.state.in_(LIVE),
        lead.grade == LeadGrade.POTENTIAL.value,
        func.greatest(lead.owned_at, lead.contacted_at) <= at - timedelta(days=days),
        lead.deleted_at.is_(None),
    )
    wanted = select(lead.owner_id, func.count()).where(*quiet).group_by(lead.owner_id).order_by(lead.owner_id)
    words = "{n} 条潜在线索 {days} 天没有联系 | {n} potential leads without a contact for {days} days"
    href = list_href("/lead/", ["owner_id", "me", None], ["grade", "eq", LeadGrade.POTENTIAL.value]) + "&order=contacted_at"
    key = f"potential:{company_day(at).isoformat()}"
    rows = list(store.session().execute(wanted))
    return [Event(who, "potential", key, say(words, n=n, days=days), "lead", None, href, count=n) for who, n in rows]


def too_often(since: datetime, now: datetime) -> list[Event]:
    """Who logs more contacts with one record on one day than the policy allows (1; handbook 9) is warned, once a record and day."""
    made = models.FollowUp
    fresh = and_(made.created_at > since, made.created_at <= now, made.contacted_at > since - _LOGGED_WITHIN, made.deleted_at.is_(None))
    rows = list(store.session().execute(select(made.lead_id, made.customer_id).where(fresh, made.created_by_id.is_not(None))))
    found = []
    for entity in poolings:
        if ids := sorted({each for row in rows if (each := getattr(row, f"{entity}_id")) is not None}):
            found += _too_often(entity, ids, since, now)
    return found


def _too_often(entity: str, ids: list[int], since: datetime, now: datetime) -> list[Event]:
    made, pooling = models.FollowUp, poolings[entity]
    record_id, title = getattr(made, f"{entity}_id"), pooling.title
    day = cast(func.timezone(company_zone().key, made.contacted_at), Date)
    wanted = (
        select(record_id.label("id"), title.label("company"), day.label("day"), func.count().label("n"), _last_author(made))
        .join(pooling.model, pooling.model.id == record_id)
        .where(among(record_id, ids), made.contacted_at > since - _LOGGED_WITHIN, made.deleted_at.is_(None))
        .group_by(record_id, title, day)
        .having(func.count() > policy("follow_up.most_a_day", on=company_day(now)), func.max(made.created_at) > since)
        .order_by(record_id, day)
    )
    words = "{company} {day} 联系了 {n} 次，注意别打扰客户 | {company} was contacted {n} times on {day}: mind not to bother them"
    return [
        Event(
            row.author,
            "over_contact",
            f"over_contact:{entity}:{row.id}:{row.day}",
            say(words, company=one_line(row.company), n=row.n, day=f"{row.day:%m-%d}"),
            entity,
            row.id,
            f"/{entity}/{row.id}",
        )
        for row in store.session().execute(wanted)
        if row.author is not None
    ]


def _last_author(made: Any) -> Any:
    """Who logged the newest of them."""
    return func.array_agg(aggregate_order_by(made.created_by_id, made.created_at.desc(), made.id.desc()))[1].label("author")


# nobody's, and those of who is away --------------------------------------------------------------------


def unclaimed(since: datetime, now: datetime) -> list[Event]:
    """At 9:00 (policy) the leaders hear what has lain in the pools for 3 days (policy) without anybody taking it."""
    at = _hour(since, now, "pool.unclaimed_at")
    if at is None:
        return []
    days: int = policy("pool.unclaimed_days", on=company_day(at))
    found = []
    for pooling in poolings.values():
        model = pooling.model
        lying = (model.pool_id.is_not(None), model.pooled_at <= at - timedelta(days=days), model.deleted_at.is_(None))
        if n := store.session().scalar(select(func.count()).select_from(model).where(*lying)):
            words = "公海有 {n} 条{plural}超过 {days} 天没人领 | {n} {plural} in the pool unclaimed for {days} days"
            told = say(words, n=n, days=days, **pooling.words)
            key = f"pool_unclaimed:{pooling.name}:{company_day(at).isoformat()}"
            href = f"/{pooling.name}/?tab=pool"
            found += [Event(who, "pool_unclaimed", key, told, pooling.name, None, href, count=n) for who in leaders().all_of_teams()]
    return found


def long_leaves(since: datetime, now: datetime) -> list[Event]:
    """Granted leave of more working days than the policy (5) is told to the leader, with what the person holds."""
    leave = models.Leave
    wanted = select(leave.id, leave.owner_id, leave.first_on, leave.last_on, leave.days).where(
        leave.changed_at > since, leave.changed_at <= now, leave.last_on >= company_day(now), *granted(leave)
    )
    rows = [
        row
        for row in store.session().execute(wanted.order_by(leave.id))
        if (row.days or 0) > policy("leave.hand_over_days", on=company_day(now))
    ]
    tree = leaders() if rows else None
    return [] if tree is None else [event for row in rows if (event := _away(row, tree)) is not None]


def _away(row: Any, tree: Leaders) -> Event | None:
    leader, held = tree.of(row.owner_id), _held(row.owner_id)
    if leader is None or not held:
        return None
    words = (
        "{name} {first} 至 {last} 请假 {days} 天，有 {n} 条记录要有人照看"
        " | {name} is away for {days} days from {first} to {last}; {n} records need somebody meanwhile"
    )
    total = sum(held.values())
    told = say(words, name=tree.name(row.owner_id), first=row.first_on, last=row.last_on, days=row.days, n=total)
    key = f"hand_over.leave:{row.id}:{row.first_on}:{row.last_on}"
    return Event(leader, "hand_over", key, told, "leave", row.id, records_of(spec_named(next(iter(held))), row.owner_id), count=total)


def _held(person_id: int) -> dict[str, int]:
    """Record type → how many a person owns of it, without the bin."""
    session = store.session()
    counts = {
        spec.name: session.connection().scalar(
            select(func.count()).where(spec.table.c.owner_id == person_id, spec.table.c.deleted_at.is_(None))
        )
        for spec in assigned()
    }
    return {name: count for name, count in counts.items() if count}
