"""By which channels a category of notices goes (`notify.<category>`: bell, mail, or nothing)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from portal.domain.calendar import company_day
from portal.engine.outbox import Notice
from portal.policies import policy


def through(category: str, notices: Iterable[Notice], *, now: datetime) -> Iterator[Notice]:
    """These notices as the policy of the day lets them go."""
    channels = policy(f"notify.{category}", on=company_day(now))
    if "bell" in channels:
        yield from (replace(notice, mail="mail" in channels) for notice in notices)
