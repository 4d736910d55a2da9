"""A few notices in the inboxes: what was assigned lately and which follow-ups are due today."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete

from portal.demo.leads import DemoLead
from portal.demo.rows import Row, Stage, write
from portal.engine.text import Text, say
from portal.models import Notification

_LATELY = timedelta(days=7)
_UNREAD = timedelta(days=3)


def notify(stage: Stage, leads: list[DemoLead]) -> None:
    """Notices of the last week; those of the last three days are unread."""
    rows: list[Row] = []
    for lead in leads:
        if lead.owner is None or lead.owned_at is None:
            continue
        if stage.now - lead.owned_at < _LATELY and lead.row["state"] == "assigned":
            rows.append(
                _notice(
                    stage,
                    lead,
                    "assigned",
                    lead.owned_at,
                    say("分配给你：{company} | Assigned to you: {company}", company=lead.row["company"]),
                )
            )
        due = lead.row["next_at"]
        if due is not None and timedelta() <= stage.now - due < _UNREAD:
            rows.append(
                _notice(
                    stage, lead, "follow_up_due", due, say("该跟进了：{company} | Follow-up due: {company}", company=lead.row["company"])
                )
            )
    rows.sort(key=lambda row: row["created_at"])
    write(stage, Notification.__table__, rows)


def in_order(stage: Stage) -> None:
    """The newest was written last, as in life: what the demo decides and signs tells of days gone by, after today's was told."""
    table: Any = Notification.__table__
    kept = [each for each in table.c if each.name != "id"]
    rows = [dict(row) for row in stage.session.connection().execute(delete(table).returning(*kept)).mappings()]
    write(stage, table, sorted(rows, key=lambda row: row["created_at"]))


def _notice(stage: Stage, lead: DemoLead, kind: str, at: datetime, title: Text) -> Row:
    assert lead.owner is not None  # noqa: S101 - the caller looked
    unread = stage.now - at < _UNREAD
    return {
        "recipient_id": lead.owner.id,
        "event_key": f"demo:{kind}:{lead.id}",
        "kind": kind,
        "entity": "lead",
        "record_id": lead.id,
        "title": title.stored(),
        "body": {},
        "href": f"/lead/{lead.id}",
        "created_at": at,
        "read_at": None if unread else at,
    }
