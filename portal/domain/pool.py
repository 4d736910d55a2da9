"""Back to the pool: which neglected records return, who is warned when, and the nightly return itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Interval, and_, case, func, literal, select
from sqlalchemy.orm import Session

from portal import models
from portal.domain.calendar import company_day, company_zone
from portal.domain.channels import through
from portal.domain.leaders import leaders
from portal.domain.ownership import Move, change_owner
from portal.domain.pooling import Pooling, first_open, home_pools, locked, poolings, pools_by_id
from portal.engine import store
from portal.engine.outbox import Notice, notify_many
from portal.engine.query.among import among
from portal.engine.text import Text, say
from portal.policies import policy

NO_FOLLOW_UP, NO_DEAL = "no_follow_up", "no_deal"
WHY = {NO_FOLLOW_UP: Text("{days} 天没有跟进 | no follow-up for {days} days"), NO_DEAL: Text("{days} 天没有成交 | no deal for {days} days")}
_DAY = timedelta(days=1)
_CHUNK = 2000


@dataclass(frozen=True, slots=True)
class Due:
    """A record that returns to its pool at `due_at` unless somebody works it; `rule` names why."""

    entity: str
    record_id: int
    owner_id: int
    name: str
    rule: str
    days: int
    due_at: datetime

    @property
    def why(self) -> Text:
        return say(WHY[self.rule].template, days=self.days)


def returning(
    pooling: Pooling,
    now: datetime,
    until: datetime,
    *,
    of: Collection[int] | None = None,
    owner_id: int | None = None,
    most: int | None = None,
) -> list[Due]:
    """Records (`of` these ids, of this owner, at `most` so many) whose time is up at `until`, the longest neglected first.

    Without follow-up for the days of their rank (counted from the last contact or since they are owned, whichever
    is later; the lowest rank where it has none), or owned for `recycle.no_deal_days` without a deal.
    """
    session = store.session()
    pools = pools_by_id(session, pooling)
    if not any(pool.recycling for pool in pools.values()):
        return []
    home = _home(pooling, first_open(pooling, pools))
    model = pooling.model
    by_follow_up, by_deal, pool_days, deal_days = _due_instants(pooling, pools, home, now)
    due = func.least(by_follow_up, by_deal)
    statement = (
        select(
            model.id, model.owner_id, pooling.title.label("name"), due.label("due_at"), by_deal.label("by_deal"), pool_days.label("days")
        )
        .where(
            model.owner_id.is_not(None),
            model.state.in_(pooling.open_states),
            model.deleted_at.is_(None),
            home.in_([pool.id for pool in pools.values() if pool.recycling]),
            due <= until,
        )
        .order_by(due, model.id)
    )
    if of is not None:
        statement = statement.where(among(model.id, sorted(of)))
    if owner_id is not None:
        statement = statement.where(model.owner_id == owner_id)
    statement = statement.limit(most)
    return [
        Due(pooling.name, row.id, row.owner_id, row.name, NO_DEAL, deal_days, row.due_at)
        if row.due_at == row.by_deal
        else Due(pooling.name, row.id, row.owner_id, row.name, NO_FOLLOW_UP, row.days, row.due_at)
        for row in session.execute(statement)
    ]


def _due_instants(pooling: Pooling, pools: Mapping[int, models.Pool], home: Any, now: datetime) -> tuple[Any, Any, Any, int]:
    """(due without follow-up, due without a deal, the days of the first, the days of the second)."""
    model, rank = pooling.model, getattr(pooling.model, pooling.rank)
    deal_days: int = policy("recycle.no_deal_days", on=company_day(now))
    days = case(
        *(
            (and_(home == pool.id, rank == value), literal(days))
            for pool in pools.values()
            for value, days in zip(pooling.ranks, recycle_days(pool), strict=False)
        ),
        *((home == pool.id, literal(recycle_days(pool)[-1])) for pool in pools.values()),
        else_=literal(deal_days),
    )
    since = func.greatest(model.owned_at, model.contacted_at)
    by_deal = case((model.state.in_(pooling.counted), model.owned_at + timedelta(days=deal_days)))
    return since + days * literal(_DAY, Interval), by_deal, days, deal_days


def recycle_days(pool: models.Pool) -> tuple[int, int, int]:
    """For the first rank, the second and all others (records.md, pool defaults: 30, 45, 60)."""
    return pool.recycle_qualified_days or 0, pool.recycle_potential_days or 0, pool.recycle_weak_days or 0


def _home(pooling: Pooling, default: int) -> Any:
    """The pool whose rules hold: the one the record last lay in, else the default."""
    tenure, model = models.Tenure, pooling.model
    last = (
        select(tenure.former_pool_id)
        .where(tenure.entity == pooling.name, tenure.record_id == model.id, tenure.former_pool_id.is_not(None))
        .order_by(tenure.id.desc())
        .limit(1)
        .correlate(model)
        .scalar_subquery()
    )
    return func.coalesce(last, default)


def recycle(now: datetime) -> int:
    """The nightly return: whose time is up goes home; the former owner is told, the leader gets one digest.

    Rows that somebody is changing at this moment stay until the next night. Returns how many went.
    """
    session, gone = store.session(), 0
    for pooling in poolings.values():
        due = {each.record_id: each for each in returning(pooling, now, now)}
        ids = sorted(due)
        for start in range(0, len(ids), _CHUNK):
            gone += len(_return(session, pooling, {i: due[i] for i in ids[start : start + _CHUNK]}, now))
    return gone


def _return(session: Session, pooling: Pooling, due: dict[int, Due], now: datetime) -> list[int]:
    rows = {row.id: row for row in locked(session, pooling, sorted(due), pooling.model.state.in_(pooling.open_states), skip=True)}
    still = {each.record_id for each in returning(pooling, now, now, of=rows)}
    homes = home_pools(session, pooling, list(rows))
    done: list[Due] = []
    for rule in (NO_FOLLOW_UP, NO_DEAL):
        ours = [due[i] for i in rows if i in still and due[i].rule == rule and rows[i].owner_id == due[i].owner_id]
        for days in sorted({each.days for each in ours}):
            why = say(WHY[rule].template, days=days)
            moves = [Move(each.record_id, pool_id=homes[each.record_id]) for each in ours if each.days == days]
            change_owner(session, pooling.model, moves, how="recycle", now=now, reason=f"{why.in_('zh')} | {why.in_('en')}")
        done += ours
    _tell_owners(session, done, now)
    _tell_leaders(session, pooling, done, now)
    return [each.record_id for each in done]


def _tell_owners(session: Session, done: Sequence[Due], now: datetime) -> None:
    notices = [
        Notice(
            each.owner_id,
            f"recycled:{each.rule}:{each.entity}:{each.record_id}:{each.due_at.isoformat()}",
            "recycle",
            say("{name} 已退回公海：{why} | {name} went back to the pool: {why}", name=each.name, why=each.why),
            entity=each.entity,
            record_id=each.record_id,
            href=f"/{each.entity}/?tab=pool",
        )
        for each in done
    ]
    notify_many(session, list(through("recycle", notices, now=now)), now=now)


def _tell_leaders(session: Session, pooling: Pooling, done: Sequence[Due], now: datetime) -> None:
    """One digest a night for each leader: how many records of whom."""
    tree = leaders()
    counted: dict[int, Counter[str]] = {}
    for each in done:
        if (leader := tree.of(each.owner_id)) is not None:
            counted.setdefault(leader, Counter())[tree.name(each.owner_id)] += 1
    night = company_day(now).isoformat()
    notices = []
    for leader, numbers in counted.items():
        zh = "，".join(f"{name} {n} 条" for name, n in numbers.most_common())
        en = ", ".join(f"{name}: {n}" for name, n in numbers.most_common())
        key = f"recycle_digest:{pooling.name}:{night}:{min(each.record_id for each in done)}"
        notices.append(
            Notice(
                leader,
                key,
                "recycle",
                say("昨夜退回公海 {n} 条{plural} | {n} {plural} went back to the pool", n=numbers.total(), **pooling.words),
                say("{zh} | {en}", zh=zh, en=en),
                href=f"/{pooling.name}/?tab=pool",
            )
        )
    notify_many(session, list(through("recycle", notices, now=now)), now=now)


def warn(now: datetime) -> int:
    """Tell owners 7, 3 and 1 days ahead (policy). One notice per rule, record and due day, however often this runs.

    After days of silence the nearest warning that was missed is told, not all of them.
    """
    ahead = sorted(policy("recycle.warn_days", on=company_day(now)))
    today = company_day(now)
    notices = []
    until = now + (max(ahead, default=0) + 1) * _DAY
    for each in (each for pooling in poolings.values() for each in returning(pooling, now, until)):
        due_day = each.due_at.astimezone(company_zone()).date()
        left = (due_day - today).days
        step = next((days for days in ahead if left <= days), None)
        if each.due_at <= now or step is None:
            continue
        words = say(
            "{name} 将在 {day} 退回公海：{why} | {name} goes back to the pool on {day}: {why}",
            name=each.name,
            day=due_day.isoformat(),
            why=each.why,
        )
        notices.append(
            Notice(
                each.owner_id,
                f"recycle_warning:{each.rule}:{each.entity}:{each.record_id}:{due_day}:{step}",
                "recycle",
                words,
                entity=each.entity,
                record_id=each.record_id,
                href=f"/{each.entity}/{each.record_id}",
            )
        )
    return notify_many(store.session(), list(through("recycle", notices, now=now)), now=now)
