"""Who may take what from a pool: daily quota, holding cap, cool-down, freeze (records.md, pool defaults)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal import models
from portal.domain.calendar import company_calendar, company_day, company_zone
from portal.domain.ownership import among
from portal.engine.errors import Refused
from portal.entities.leads import LeadState
from portal.security.session import guarded

OPEN_STATES = (LeadState.ASSIGNED.value, LeadState.FOLLOWING.value)
"""What is held and still to be worked: converted and invalid leads do not count against the cap."""
_GIVEN_BACK = ("release", "recycle")


def already_claimed() -> Refused:
    """Said without a name: whose it is now is not the asker's business."""
    return Refused(
        "这条线索已不在公海，可能刚被领走。 | This lead is no longer in the pool; somebody may just have claimed it.",
        rule="already_claimed",
    )


def shown(instant: datetime) -> str:
    """An instant as the company's clock shows it."""
    return instant.astimezone(company_zone()).strftime("%Y-%m-%d %H:%M")


class Claims:
    """What one person may still take, read once after his own row was locked and counted on from there."""

    def __init__(self, session: Session, user_id: int, pools: Mapping[int, models.Pool], rows: Sequence[Any], now: datetime) -> None:
        self.pools, self.now = pools, now
        self.taken = _taken_today(session, user_id, now)
        self.holding = holdings(session, [user_id]).get(user_id, 0)
        self.given_back = _given_back(session, user_id, [row.id for row in rows])

    def refusal(self, row: Any) -> Refused | None:
        """Why this lead may not be taken now, naming the rule and when it ends."""
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
            "新线索冻结中，{until} 起可以领取。 | New leads are frozen; it can be claimed from {until}.", rule="frozen", until=shown(until)
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
            "你已持有 {holding} 条，上限是 {cap} 条；退回或转化一条后就能再领。"
            " | You hold {holding} leads and the cap is {cap}; release or convert one and you can claim again.",
            rule="holding_cap",
            holding=self.holding,
            cap=cap,
        )


def pools_by_id(session: Session) -> dict[int, models.Pool]:
    """Every pool and its rules, the default one (the first) first; deleted ones too, for leads that still lie there."""
    found = session.scalars(select(models.Pool).order_by(models.Pool.deleted_at.is_not(None), models.Pool.id))
    return {pool.id: pool for pool in found}


def holdings(session: Session, user_ids: Iterable[int]) -> dict[int, int]:
    """How many open leads each of them holds, seen or not by who asks: a cap counts all."""
    lead: Any = models.Lead.__table__
    counted = (
        select(lead.c.owner_id, func.count())
        .where(among(lead.c.owner_id, list(user_ids)), lead.c.deleted_at.is_(None), lead.c.state.in_(OPEN_STATES))
        .group_by(lead.c.owner_id)
    )
    return dict(session.execute(guarded(counted)).all())


def _taken_today(session: Session, user_id: int, now: datetime) -> dict[int, int]:
    ledger = models.ClaimLedger
    counted = (
        select(ledger.pool_id, func.count())
        .where(ledger.user_id == user_id, ledger.day == company_day(now), ledger.entity == "lead")
        .group_by(ledger.pool_id)
    )
    return dict(session.execute(counted).all())


def _given_back(session: Session, user_id: int, lead_ids: Sequence[int]) -> dict[int, datetime]:
    """When he last lost each of these leads by releasing it or by recycling."""
    tenure = models.Tenure
    last = (
        select(tenure.record_id, func.max(tenure.at))
        .where(tenure.entity == "lead", among(tenure.record_id, lead_ids), tenure.former_owner_id == user_id, tenure.how.in_(_GIVEN_BACK))
        .group_by(tenure.record_id)
    )
    return dict(session.execute(last).all())
