"""Opportunities that need a word: paused ones go on on their day, and owners hear of what stands too long or is past its day."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from portal import models
from portal.domain.calendar import company_day
from portal.domain.collection import mornings
from portal.domain.reminder_events import Event
from portal.domain.report_draft import one_line
from portal.engine import store
from portal.engine.outbox import notify
from portal.engine.text import Text, say
from portal.entities.deals import OpportunityState
from portal.policies import policy

_deal: Any = models.Opportunity.__table__
_stage: Any = models.Stage.__table__
_AT_ONCE = 200


def resume_due(*, now: datetime) -> int:
    """Paused opportunities whose day has come are open again; at most 200 at a time, 0 when none is left.

    Their owners are told. What goes on is paused no more: a second run finds nothing.
    """
    session, deal = store.session(), models.Opportunity
    due = (deal.state == OpportunityState.PAUSED.value, deal.paused_until <= company_day(now))
    found = session.scalars(select(deal).where(*due).order_by(deal.id).limit(_AT_ONCE).with_for_update(of=deal)).all()
    for each in found:
        until, each.state, each.paused_until = each.paused_until, OpportunityState.OPEN.value, None
        if each.owner_id:
            notify(
                session,
                recipient_ids=each.owner_id,
                event_key=f"opportunity.resumed:{each.id}:{until}",
                kind="opportunity",
                title=say("商机恢复推进：{what} | Goes on: {what}", what=one_line(each.name)),
                entity="opportunity",
                record_id=each.id,
                href=f"/opportunity/{each.id}",
                now=now,
            )
    session.flush()
    return len(found)


def deals_due(since: datetime, now: datetime) -> list[Event]:
    """The morning after an open one has stood in its stage as long as it may, and so many days after its expected close."""
    found: list[Event] = []
    for today in mornings(since, now, "opportunity.remind_at"):
        usual = policy("opportunity.stay_days", on=today)
        days = {today - timedelta(days=each): each for each in policy("opportunity.late_days", on=today)}
        stays = func.coalesce(_stage.c.stay_days, usual)
        found += _events("stuck", "stage_on", _open().where(_deal.c.stage_on + stays + 1 == today), today)
        found += _events("late", "close_on", _open().where(_deal.c.close_on.in_(list(days))), today)
    return found


def _open() -> Any:
    return (
        select(_deal.c.id, _deal.c.name, _deal.c.owner_id, _deal.c.stage_on, _deal.c.close_on, _stage.c.name.label("stage"))
        .join(_stage, _stage.c.id == _deal.c.stage_id)
        .where(_deal.c.state == OpportunityState.OPEN.value, _deal.c.deleted_at.is_(None), _deal.c.owner_id.is_not(None))
        .order_by(_deal.c.id)
    )


_WORDS = {
    "stuck": "商机在“{stage}”停了 {n} 天：{what} | {n} days in {stage}: {what}",
    "late": "商机过了预计成交日 {n} 天：{what} | {n} days past its expected close: {what}",
}


def _events(rule: str, day: str, wanted: Any, today: Any) -> list[Event]:
    rows = store.session().connection().execute(wanted).all()
    return [
        Event(
            row.owner_id,
            "opportunity",
            f"opportunity.{rule}:{row.id}:{getattr(row, day)}:{(today - getattr(row, day)).days}",
            _said(rule, row, (today - getattr(row, day)).days),
            "opportunity",
            row.id,
            f"/opportunity/{row.id}",
        )
        for row in rows
    ]


def _said(rule: str, row: Any, days: int) -> Text:
    return say(_WORDS[rule], n=days, what=one_line(row.name), stage=one_line(row.stage))
