"""Back to the pool: which neglected leads return, who is warned when, and the nightly return itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Interval, and_, case, func, literal, select
from sqlalchemy.orm import Session

from portal import models
from portal.domain.calendar import company_day, company_zone
from portal.domain.claim_rules import OPEN_STATES, pools_by_id
from portal.domain.leads import default_pool, home_pools, locked
from portal.domain.ownership import Move, among, change_owner
from portal.engine import store
from portal.engine.outbox import Notice, notify_many
from portal.engine.text import Text, say
from portal.entities.leads import LeadGrade
from portal.policies import policy

NO_FOLLOW_UP, NO_DEAL = "no_follow_up", "no_deal"
WHY = {NO_FOLLOW_UP: Text("{days} 天没有跟进 | no follow-up for {days} days"), NO_DEAL: Text("{days} 天没有成交 | no deal for {days} days")}
_DAY = timedelta(days=1)
_CHUNK = 2000


@dataclass(frozen=True, slots=True)
class Due:
    """A lead that returns to its pool at `due_at` unless somebody works it; `rule` names why."""

    lead_id: int
    owner_id: int
    company: str
    rule: str
    days: int
    due_at: datetime


def returning(
    now: datetime, until: datetime, *, of: Collection[int] | None = None, owner_id: int | None = None, most: int | None = None
) -> list[Due]:
    """Leads (`of` these ids, of this owner, at `most` so many) whose time is up at `until`, the longest neglected first.

    Without follow-up for the days of their grade (counted from the last contact or since they are owned, whichever
    is later; a lead without any of MAN counts as weak), or owned for `recycle.no_deal_days` without a deal.
    """
    session = store.session()
    if not any(pool.recycling for pool in pools_by_id(session).values()):
        return []
    lead: Any = models.Lead
    by_follow_up, by_deal, pool_days, deal_days = _due_instants(session, now)
    due = func.least(by_follow_up, by_deal)
    statement = (
        select(lead.id, lead.owner_id, lead.company, due.label("due_at"), by_deal.label("by_deal"), pool_days.label("days"))
        .where(lead.owner_id.is_not(None), lead.state.in_(OPEN_STATES), lead.deleted_at.is_(None), _recycled(session), due <= until)
        .order_by(due, lead.id)
    )
    if of is not None:
        statement = statement.where(among(lead.id, sorted(of)))
    if owner_id is not None:
        statement = statement.where(lead.owner_id == owner_id)
    statement = statement.limit(most)
    return [
        Due(row.id, row.owner_id, row.company, NO_DEAL, deal_days, row.due_at)
        if row.due_at == row.by_deal
        else Due(row.id, row.owner_id, row.company, NO_FOLLOW_UP, row.days, row.due_at)
        for row in session.execute(statement)
    ]


def _due_instants(session: Session, now: datetime) -> tuple[Any, Any, Any, int]:
    """(due without follow-up, due without a deal, the days of the first, the days of the second)."""
    lead: Any = models.Lead
    deal_days: int = policy("recycle.no_deal_days", on=company_day(now))
    pools = pools_by_id(session)
    home = _home(session)
    days = case(
        *(
            (and_(home == pool.id, lead.grade == grade), literal(_days(pool, grade)))
            for pool in pools.values()
            for grade in (LeadGrade.QUALIFIED.value, LeadGrade.POTENTIAL.value)
        ),
        *((home == pool.id, literal(_days(pool, LeadGrade.WEAK.value))) for pool in pools.values()),
        else_=literal(deal_days),
    )
    since = func.greatest(lead.owned_at, lead.contacted_at)
    return since + days * literal(_DAY, Interval), lead.owned_at + timedelta(days=deal_days), days, deal_days


def _days(pool: models.Pool, grade: str) -> int:
    """Records.md, pool defaults: 30, 45, 60."""
    if grade == LeadGrade.QUALIFIED.value:
        return pool.recycle_qualified_days or 0
    return (pool.recycle_potential_days if grade == LeadGrade.POTENTIAL.value else pool.recycle_weak_days) or 0


def _home(session: Session) -> Any:
    """The pool whose rules hold: the one the lead last lay in, else the default."""
    tenure, lead = models.Tenure, models.Lead
    last = (
        select(tenure.former_pool_id)
        .where(tenure.entity == "lead", tenure.record_id == lead.id, tenure.former_pool_id.is_not(None))
        .order_by(tenure.id.desc())
        .limit(1)
        .correlate(lead)
        .scalar_subquery()
    )
    return func.coalesce(last, default_pool(session))


def _recycled(session: Session) -> Any:
    """Whether the pool's rules return leads at all."""
    on = [pool.id for pool in pools_by_id(session).values() if pool.recycling]
    return _home(session).in_(on)


def recycle(now: datetime) -> int:
    """The nightly return: whose time is up goes home; the former owner is told, the leader gets one digest.

    Rows that somebody is changing at this moment stay until the next night. Returns how many went.
    """
    session, gone = store.session(), 0
    due = {each.lead_id: each for each in returning(now, now)}
    ids = sorted(due)
    for start in range(0, len(ids), _CHUNK):
        gone += len(_return(session, {i: due[i] for i in ids[start : start + _CHUNK]}, now))
    return gone


def _return(session: Session, due: dict[int, Due], now: datetime) -> list[int]:
    rows = {row.id: row for row in locked(session, sorted(due), models.Lead.state.in_(OPEN_STATES), skip=True)}
    still = {each.lead_id for each in returning(now, now, of=rows)}
    homes = home_pools(session, list(rows))
    done: list[Due] = []
    for rule in (NO_FOLLOW_UP, NO_DEAL):
        ours = [due[i] for i in rows if i in still and due[i].rule == rule and rows[i].owner_id == due[i].owner_id]
        for days in sorted({each.days for each in ours}):
            why = say(WHY[rule].template, days=days)
            moves = [Move(each.lead_id, pool_id=homes[each.lead_id]) for each in ours if each.days == days]
            change_owner(session, models.Lead, moves, how="recycle", now=now, reason=f"{why.in_('zh')} | {why.in_('en')}")
        done += ours
    _tell_owners(session, done, now)
    _tell_leaders(session, done, now)
    return [each.lead_id for each in done]


def _tell_owners(session: Session, done: Sequence[Due], now: datetime) -> None:
    notices = [
        Notice(
            each.owner_id,
            f"recycled:{each.rule}:{each.lead_id}:{each.due_at.isoformat()}",
            "recycle",
            say("{company} 已退回公海：{why} | {company} went back to the pool: {why}", company=each.company, why=_why(each)),
            entity="lead",
            record_id=each.lead_id,
            href="/lead/?tab=pool",
        )
        for each in done
    ]
    notify_many(session, notices, now=now)


def _tell_leaders(session: Session, done: Sequence[Due], now: datetime) -> None:
    """One digest a night for each leader: how many leads of whom."""
    people = _people(session, {each.owner_id for each in done})
    counted: dict[int, Counter[str]] = {}
    for each in done:
        person = people.get(each.owner_id)
        if person is not None and (leader := _leader_of(person)) is not None:
            counted.setdefault(leader, Counter())[person.name] += 1
    night = company_day(now).isoformat()
    notices = []
    for leader, numbers in counted.items():
        zh = "，".join(f"{name} {n} 条" for name, n in numbers.most_common())
        en = ", ".join(f"{name}: {n}" for name, n in numbers.most_common())
        key = f"recycle_digest:{night}:{min(each.lead_id for each in done)}"
        notices.append(
            Notice(
                leader,
                key,
                "recycle",
                say("昨夜退回公海 {n} 条线索 | {n} leads went back to the pool", n=numbers.total()),
                say("{zh} | {en}", zh=zh, en=en),
                href="/lead/?tab=pool",
            )
        )
    notify_many(session, notices, now=now)


def _why(each: Due) -> Text:
    return say(WHY[each.rule].template, days=each.days)


def _people(session: Session, user_ids: set[int]) -> dict[int, Any]:
    user, team = models.User, models.Team
    rows = session.execute(
        select(user.id, user.name, user.superior_id, team.leader_id).outerjoin(team, team.id == user.team_id).where(user.id.in_(user_ids))
    )
    return {row.id: row for row in rows}


def _leader_of(person: Any) -> int | None:
    """The leader of his team; for the leader himself his superior."""
    leader: int | None = person.leader_id if person.leader_id not in (None, person.id) else person.superior_id
    return leader


def warn(now: datetime) -> int:
    """Tell owners 7, 3 and 1 days ahead (policy). One notice per rule, lead and due day, however often this runs.

    After days of silence the nearest warning that was missed is told, not all of them.
    """
    ahead = sorted(policy("recycle.warn_days", on=company_day(now)))
    today = company_day(now)
    notices = []
    for each in returning(now, now + (max(ahead, default=0) + 1) * _DAY):
        due_day = each.due_at.astimezone(company_zone()).date()
        left = (due_day - today).days
        step = next((days for days in ahead if left <= days), None)
        if each.due_at <= now or step is None:
            continue
        words = say(
            "{company} 将在 {day} 退回公海：{why} | {company} goes back to the pool on {day}: {why}",
            company=each.company,
            day=due_day.isoformat(),
            why=_why(each),
        )
        notices.append(
            Notice(
                each.owner_id,
                f"recycle_warning:{each.rule}:{each.lead_id}:{due_day}:{step}",
                "recycle",
                words,
                entity="lead",
                record_id=each.lead_id,
                href=f"/lead/{each.lead_id}",
            )
        )
    return notify_many(store.session(), notices, now=now)
