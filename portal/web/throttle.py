"""Limits on failed sign-ins, per account and per address, kept in PostgreSQL so that all processes count alike.

An attempt is counted before the password is looked at and taken back when it was right: a hundred attempts at the
same moment are a hundred, not one. What was typed is counted whether such an account exists or not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.domain.calendar import company_day
from portal.engine.errors import PortalError
from portal.engine.tables import SignInLimit
from portal.policies import policy
from portal.security.account import Account

FORGOTTEN_AFTER = timedelta(days=1)
_MOST_DOUBLINGS = 2
_ADDRESS_FACTOR = 5
"""An office shares one address: it may fail this many times as often as one account."""


class TooMany(PortalError):
    """Wait until `until`."""

    status = 429
    rule = "too_many"

    def __init__(self, until: datetime, now: datetime) -> None:
        self.seconds = max(1, int((until - now).total_seconds()))
        super().__init__(
            "尝试次数太多，请 {minutes} 分钟后再试。 | Too many attempts. Try again in {minutes} min.", minutes=-(-self.seconds // 60)
        )


@dataclass(frozen=True, slots=True)
class Limit:
    """How often one key may fail before it waits."""

    key: str
    failures: int
    wait: timedelta


def limits(kind: str, typed: str, found: Account | None, address: str, now: datetime) -> tuple[Limit, Limit]:
    """The account's and the address's limit for one kind of door: one for the account, whichever of its names is typed."""
    day = company_day(now)
    failures, wait = policy("login.failures", on=day), timedelta(minutes=policy("login.wait_minutes", on=day))
    named = f"#{found.id}" if found else typed
    account = hashlib.sha256(named.encode()).hexdigest()[:32]
    return (Limit(f"{kind}:account:{account}", failures, wait), Limit(f"{kind}:address:{address}"[:80], failures * _ADDRESS_FACTOR, wait))


def count(session: Session, kept: Sequence[Limit], now: datetime) -> int:
    """Count one attempt against every limit; returns how many failures the tightest has left. Raises `TooMany`."""
    left = min(limit.failures - _count_one(session, limit, now) for limit in sorted(kept, key=lambda found: found.key))
    return max(left, 0)


def _count_one(session: Session, limit: Limit, now: datetime) -> int:
    table = SignInLimit
    fresh = insert(table).values(key=limit.key, failures=1, last_at=now)
    counted = (
        session.connection()
        .execute(
            fresh.on_conflict_do_update(
                index_elements=[table.key],
                set_={"failures": case((table.last_at < now - FORGOTTEN_AFTER, 1), else_=table.failures + 1), "last_at": now},
                where=or_(table.blocked_until.is_(None), table.blocked_until <= now),
            ).returning(table.failures)
        )
        .scalar()
    )
    if counted is None:
        until = session.connection().scalar(select(table.blocked_until).where(table.key == limit.key))
        raise TooMany(until or now, now)
    if counted >= limit.failures:
        doublings = min(counted - limit.failures, _MOST_DOUBLINGS)
        session.connection().execute(update(table).where(table.key == limit.key).values(blocked_until=now + limit.wait * 2**doublings))
    return counted


def forgive(session: Session, account: Limit, address: Limit, now: datetime) -> None:
    """The password was right: the account starts anew, the address gets this attempt back; old counts are swept."""
    connection = session.connection()
    connection.execute(delete(SignInLimit).where(or_(SignInLimit.key == account.key, SignInLimit.last_at < now - FORGOTTEN_AFTER)))
    connection.execute(
        update(SignInLimit).where(SignInLimit.key == address.key).values(failures=SignInLimit.failures - 1, blocked_until=None)
    )
