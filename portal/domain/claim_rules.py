"""Who may take what from a pool: daily quota, holding cap, cool-down, freeze (records.md, pool defaults)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import models
from portal.domain.calendar import company_calendar, company_day, company_zone
from portal.domain.pooling import Pooling
from portal.engine.errors import Refused
from portal.engine.query.among import among
from portal.security.session import guarded

_GIVEN_BACK = ("release", "recycle")


def already_claimed(pooling: Pooling) -> Refused:
    """Said without a name: whose it is now is not the asker's business."""
    return Refused(
        "这条{noun}已不在公海，可能刚被领走。 | This {noun} is no longer in the pool; somebody may just have claimed it.",
        rule="already_claimed",
        **pooling.words,
    )


def shown(instant: datetime) -> str:
    """An instant as the company's clock shows it."""
    return instant.astimezone(company_zone()).strftime("%Y-%m-%d %H:%M")


class Claims:
    """What one person may still take, read once after his own row was locked and counted on from there."""

    def __init__(
        self, session: Session, pooling: Pooling, user_id: int, pools: Mapping[int, models.Pool], rows: Sequence[Any], now: datetime
    ) -> None:
        self.pooling, self.pools, self.now = pooling, pools, now
        self.taken = _taken_today(session, pooling, user_id, now)
        self.holding = holdings(session, pooling, [user_id]).get(user_id, 0)
        self.given_back = _given_back(session, pooling, user_id, [row.id for row in rows])

    def refusal(self, row: Any) -> Refused | None:
        """Why this record may not be taken now, naming the rule and when it ends."""
        pool = self.pools[row.pool_id]
        return self._frozen(row, pool) or self._cooling(row, pool) or self._spent(pool) or self._full(pool)

    def count(self, row: Any) -> None:
        """One more is taken."""
        self.taken[row.pool_id] = self.taken.get(row.pool_id, 0) + 1
        self.holding += 1

    def _frozen(self, row: Any, pool: models.Pool) -> Refused | None:
        until = row.created_at + timedelta(days=pool.freeze_days or 0)
        if until <= self.now:
            return None
        return Refused(
            "新{plural}冻结中，{until} 起可以领取。 | New {plural} are frozen; it can be claimed from {until}.",
            rule="frozen",
            until=shown(until),
            **self.pooling.words,
        )

    def _cooling(self, row: Any, pool: models.Pool) -> Refused | None:
        left = self.given_back.get(row.id)
        if left is None or (until := left + timedelta(days=pool.cool_down_days or 0)) <= self.now:
            return None
        return Refused(
            "你曾是它的负责人，{days} 天冷却期到 {until} 结束，之后可以再领。"
            " | It was yours before: the cool-down of {days} days ends at {until}; you can claim it again then.",
            rule="cool_down",
            days=pool.cool_down_days,
            until=shown(until),
        )

    def _spent(self, pool: models.Pool) -> Refused | None:
        quota = pool.daily_quota or 0
        if self.taken.get(pool.id, 0) < quota:
            return None
        tomorrow = company_calendar().at(company_day(self.now) + timedelta(days=1), time(0))
        return Refused(
            "今天在「{pool}」的 {quota} 次领取已用完，{until} 起可以再领。"
            " | Today's {quota} claims from “{pool}” are used up; you can claim again from {until}.",
            rule="daily_quota",
            pool=pool.name,
            quota=quota,
            until=shown(tomorrow),
        )

    def _full(self, pool: models.Pool) -> Refused | None:
        cap = pool.holding_cap or 0
        if self.holding < cap:
            return None
        return Refused(
            "你已持有 {holding} 条{plural}，上限是 {cap} 条；退回或转化一条后就能再领。"
            " | You hold {holding} {plural} and the cap is {cap}; release or convert one and you can claim again.",
            rule="holding_cap",
            holding=self.holding,
            cap=cap,
            **self.pooling.words,
        )


def holdings(session: Session, pooling: Pooling, user_ids: Iterable[int]) -> dict[int, int]:
    """How many open records each of them holds, seen or not by who asks: a cap counts all."""
    table: Any = pooling.model.__table__
    counted = (
        select(table.c.owner_id, func.count())
        .where(among(table.c.owner_id, list(user_ids)), table.c.deleted_at.is_(None), table.c.state.in_(pooling.counted))
        .group_by(table.c.owner_id)
    )
    return dict(session.execute(guarded(counted)).all())


def _taken_today(session: Session, pooling: Pooling, user_id: int, now: datetime) -> dict[int, int]:
    ledger = models.ClaimLedger
    counted = (
        select(ledger.pool_id, func.count())
        .where(ledger.user_id == user_id, ledger.day == company_day(now), ledger.entity == pooling.name)
        .group_by(ledger.pool_id)
    )
    return dict(session.execute(counted).all())


def _given_back(session: Session, pooling: Pooling, user_id: int, ids: Sequence[int]) -> dict[int, datetime]:
    """When he last lost each of these by releasing it or by recycling."""
    tenure = models.Tenure
    last = (
        select(tenure.record_id, func.max(tenure.at))
        .where(tenure.entity == pooling.name, among(tenure.record_id, ids), tenure.former_owner_id == user_id, tenure.how.in_(_GIVEN_BACK))
        .group_by(tenure.record_id)
    )
    return dict(session.execute(last).all())
