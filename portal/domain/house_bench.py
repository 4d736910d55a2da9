"""What the administrator's home shows: what is left to configure, how the jobs are, what waits for somebody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Integer, select

from portal import models
from portal.domain import job_desk
from portal.domain.handover import Leaver, leavers
from portal.domain.house_gaps import gaps
from portal.domain.house_people import Gap
from portal.domain.job_desk import Health
from portal.domain.workbench import PoolState, pool_state
from portal.engine import store
from portal.security.principal import Principal

_LATELY = timedelta(days=7)
_MOST = 20

_runs: Any = models.JobRun.__table__
_people: Any = models.User.__table__


@dataclass(frozen=True, slots=True)
class Refusal:
    """An import that left rows out; `href` is its page, which only who ran it may open."""

    label: dict[str, str]
    who: str
    at: datetime
    refused: int
    href: str


@dataclass(frozen=True, slots=True)
class HouseDay:
    gaps: Sequence[Gap]
    health: Health
    hand_over: Sequence[Leaver]
    imports: Sequence[Refusal]
    pool: PoolState


def house_day(admin: Principal, *, now: datetime) -> HouseDay:
    """The state of the portal at one glance; fourteen statements whatever its size."""
    return HouseDay(gaps(admin, now=now), job_desk.health(now=now), leavers(), imports(admin, now=now), pool_state(now=now))


def imports(reader: Principal, *, now: datetime) -> list[Refusal]:
    """Imports of the last days that left rows out, the newest first."""
    refused = _runs.c.result["counts"]["refused"].astext.cast(Integer)
    wanted = (
        select(
            _runs.c.id, _runs.c.label, _runs.c.asked_by_id, _runs.c.ended_at, _runs.c.arguments["entity"].astext, refused, _people.c.name
        )
        .outerjoin(_people, _people.c.id == _runs.c.asked_by_id)
        .where(_runs.c.kind == "import", _runs.c.state == "done", _runs.c.ended_at >= now - _LATELY, refused > 0)
        .where(_runs.c.arguments["dry_run"].astext != "true")
    )
    rows = store.session().connection().execute(wanted.order_by(_runs.c.id.desc()).limit(_MOST))
    return [
        Refusal(label, name or "", at, count, f"/{about}/import/{run_id}" if about and asker == reader.user_id else "")
        for run_id, label, asker, at, about, count, name in rows
    ]
