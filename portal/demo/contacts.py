"""Follow-ups of the demo leads, and what they make of each lead."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import chain, pairwise

from portal.demo.company import Person
from portal.demo.leads import DemoLead
from portal.demo.rows import Row, Stage, entity_row, write_audited
from portal.models import FollowUp

LOG_WITHIN = timedelta(minutes=60)
"""Handbook 25: a contact is logged within the hour."""
_KINDS = ("call", "call", "call", "wechat", "wechat", "visit", "mail", "meeting")
_CONTENT = (
    "电话介绍了产品，对方有兴趣，要一份报价。",
    "加了微信，发了案例和白皮书。",
    "上门拜访，见到采购经理，看了现场流程。",
    "对方在比较三家供应商，最关心交付周期。",
    "讨论了试用方案，约技术同事一起演示。",
    "负责人出差，助理说下周回来再联系。",
    "预算在走内部审批，预计月底有结果。",
    "发送了更新后的报价，等待反馈。",
    "演示顺利，对方提出两点定制需求。",
    "确认了决策流程：采购、技术、总经理三方会签。",
)
_NEEDS = ("现有系统太慢，报表要等一天", "人工录入错误多", "想把三个办公室的数据放在一起", "交付周期太长", "")
_STEPS = ("发送报价", "电话确认需求", "安排演示", "上门拜访", "发案例资料", "跟进审批结果", "约见决策人")
_MOST = 5
_WORKED = timedelta(days=14)
_QUIET = timedelta(days=24)
_IN_TIME = 0.9


def contact(stage: Stage, leads: list[DemoLead]) -> list[tuple[DemoLead, Row]]:
    """Plan the follow-ups, oldest first, and set what they mean on each lead's row; call before the leads are written."""
    planned = [(lead, row) for lead in leads if lead.owner is not None for row in _of(stage, lead)]
    return sorted(planned, key=lambda pair: pair[1]["created_at"])


def write_contacts(stage: Stage, planned: list[tuple[DemoLead, Row]]) -> None:
    """Write the planned follow-ups of leads that have their ids."""
    write_audited(stage, FollowUp.__table__, "follow_up", [{**row, "lead_id": lead.id} for lead, row in planned])


def _of(stage: Stage, lead: DemoLead) -> list[Row]:
    owner, owned = lead.owner, lead.owned_at
    if owner is None or owned is None:
        return []
    is_old = stage.now - owned > _QUIET
    if not is_old and stage.dice.random() < 0.45:
        _breach(stage, lead)
        return []
    latest = stage.now - timedelta(minutes=10)
    # The first answer to a new lead comes soon: mostly within the day that the handbook allows.
    allowed = owned + timedelta(hours=24 if stage.dice.random() < _IN_TIME else 72)
    soon = _moment(stage, owner, owned, min(allowed, latest)) or owned + timedelta(minutes=20)
    later: Iterable[datetime | None] = (
        _moment(stage, owner, soon, min(soon + _WORKED, latest)) for _ in range(stage.dice.randint(0, _MOST - 1))
    )
    if is_old:  # still worked on, or the night would bring it back to the pool
        later = chain(later, [_moment(stage, owner, stage.now - _QUIET / 2, latest)])
    moments = sorted({soon, *(moment for moment in later if moment is not None)})
    rows = [_row(stage, owner.id, moment) for moment in moments]
    for row, following in pairwise(rows):
        row["next_at"] = following["contacted_at"]
    _conclude(stage, lead, rows)
    return rows


def _moment(stage: Stage, owner: Person, earliest: datetime, latest: datetime) -> datetime | None:
    """A working moment of somebody who is not away."""
    moment = stage.working_moment(earliest, latest)
    return None if moment is None or owner.is_away(moment.astimezone(stage.calendar.zone).date()) else moment


def _row(stage: Stage, author_id: int, at: datetime) -> Row:
    delay = timedelta(minutes=stage.dice.randint(2, 50))
    if stage.dice.random() < 0.12:
        delay = timedelta(minutes=stage.dice.randint(70, 600))
    logged = min(at + delay, stage.now - timedelta(minutes=1))
    late = max(timedelta(), logged - at - LOG_WITHIN)
    return entity_row(
        logged,
        author_id,
        kind=stage.dice.choice(_KINDS),
        contacted_at=at,
        content=stage.dice.choice(_CONTENT),
        need=stage.dice.choice(_NEEDS),
        next_at=None,
        next_step=stage.dice.choice(_STEPS),
        logged_late=int(late.total_seconds() // 60),
        logged_at=logged,
    )


def _conclude(stage: Stage, lead: DemoLead, rows: list[Row]) -> None:
    """The lead after its follow-ups: state, last contact, next step, first response."""
    first, last = rows[0]["contacted_at"], rows[-1]["contacted_at"]
    outcome = stage.dice.random()
    state = "converted" if outcome < 0.06 else "invalid" if outcome < 0.12 else "following"
    next_at = None
    if state == "following" and stage.dice.random() < 0.85:
        day = stage.calendar.add_working_days(stage.today, stage.dice.choice((-2, -1, 0, 0, 0, 1, 1, 2, 3, 5, 8)))
        next_at = max(stage.at(day, stage.dice.randint(9, 17), stage.dice.choice((0, 15, 30, 45))), last + timedelta(minutes=30))
    rows[-1]["next_at"] = next_at
    if next_at is None:
        rows[-1]["next_step"] = ""
    lead.row.update(
        state=state,
        converted_at=rows[-1]["created_at"] if state == "converted" else None,
        contacted_at=last,
        first_response_at=first,
        next_at=next_at,
        next_step=rows[-1]["next_step"],
        changed_at=rows[-1]["created_at"],
        changed_by_id=rows[-1]["created_by_id"],
        version=1 + len(rows),
    )
    due = lead.row["first_response_due_at"]
    if due is not None and first > due:
        lead.row["breached_at"] = due


def _breach(stage: Stage, lead: DemoLead) -> None:
    due = lead.row["first_response_due_at"]
    if due is not None and due < stage.now:
        lead.row["breached_at"] = due
