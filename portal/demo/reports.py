"""Reports of the last thirty working days in every state, with figures from the same follow-ups the screens show."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any

from portal.demo.company import Company, Person
from portal.demo.leads import DemoLead
from portal.demo.rows import Row, Stage, entity_row, write_audited
from portal.domain.periods import DEFAULT_TIMES, Moments, Period, PeriodKind, moments, period_of
from portal.domain.report_draft import MOST_LINES, Draft, Line, frozen
from portal.domain.report_figures import LABELS, Figure, chosen, list_href
from portal.domain.reports import TITLES
from portal.domain.starting import REPORTS
from portal.engine.questions import answered
from portal.engine.text import Text, say
from portal.entities.activity import ContactKind
from portal.entities.reports import ON_LEAVE
from portal.models import WorkReport

WORKING_DAYS = 30
_PROBLEMS = (
    "客户预算推迟，需要分期方案。",
    "竞品报价低 10 %，需要价格支持。",
    "两位客户要现场演示，缺少技术同事。",
    "没有大的问题。",
    "客户要求缩短交付周期。",
)
_PLANS = ("跟进三家报价客户，约两次演示。", "完成五个首次联系，拜访一家重点客户。", "整理跟进记录，确认下周拜访。", "推进审批中的两单。")
_RESULTS = ("比上周多签一单，回款按计划。", "与上周持平，两单推到下周。", "比上周少，客户预算还没批。")
_COMMENTS = ("不错，报价客户请本周内再跟一次。", "演示的事我来协调。", "注意下次跟进时间不要空着。")

Seen = dict[tuple[int, date], list[tuple[DemoLead, Row]]]


def write_reports(stage: Stage, company: Company, contacts: list[tuple[DemoLead, Row]]) -> None:
    """Every duty whose due instant has passed, one row each."""
    seen = _seen(stage, contacts)
    rows = [
        row
        for period in _periods(stage)
        for person in company.of_role("rep")
        if (row := _report(stage, company, person, period, seen)) is not None
    ]
    rows.sort(key=lambda row: row["created_at"])
    write_audited(stage, WorkReport.__table__, "work_report", rows)


def _periods(stage: Stage) -> list[Period]:
    """Days, weeks and months of thirty working days and of today; which of them are due yet, `_report` asks."""
    first = stage.calendar.add_working_days(stage.today, -WORKING_DAYS)
    days = stage.calendar.working_days(first, stage.today)
    return list({(kind, period_of(kind, day).key): period_of(kind, day) for kind in PeriodKind for day in days}.values())


def _seen(stage: Stage, contacts: list[tuple[DemoLead, Row]]) -> Seen:
    """Per author and company day: what was followed up, in order."""
    found: Seen = {}
    for lead, row in sorted(contacts, key=lambda pair: pair[1]["contacted_at"]):
        day = row["contacted_at"].astimezone(stage.calendar.zone).date()
        found.setdefault((row["created_by_id"], day), []).append((lead, row))
    return found


def _kept(person: Person, period: Period, seen: Seen, submitted: datetime) -> Row:
    """Figures and sentences as a submitted report keeps them."""
    days = [period.first + timedelta(days=number) for number in range((period.last - period.first).days + 1)]
    talks = [talk for day in days for talk in seen.get((person.id, day), []) if talk[1]["created_at"] <= submitted]
    kinds = Counter(row["kind"] for _, row in talks)
    counts = {
        "follow_ups": len(talks),
        "leads_contacted": len({lead.id for lead, _ in talks}),
        **kinds,
        "logged_late": sum(row["logged_late"] > 0 for _, row in talks),
    }
    mine = (["created_by_id", "eq", person.id], ["contacted_at", "between", [period.first.isoformat(), period.last.isoformat()]])
    hrefs = {
        "follow_ups": list_href("/follow_up/", *mine),
        "leads_contacted": chosen("/lead/", {lead.id for lead, _ in talks}),
        **{kind: list_href("/follow_up/", *mine, ["kind", "eq", kind]) for kind in kinds},
    }
    figures = tuple(Figure(key, LABELS[key], counts[key], hrefs.get(key, "")) for key in LABELS if key in counts)
    lines = tuple(
        Line(
            say("{company}：{content} | {company}: {content}", company=lead.row["company"], content=row["content"]),
            f"/lead/{lead.id}",
            row["contacted_at"],
            Text(ContactKind(row["kind"]).label),
        )
        for lead, row in talks[-MOST_LINES:]
    )
    return frozen(Draft(figures, lines, ()), submitted)


def _report(stage: Stage, company: Company, person: Person, period: Period, seen: Seen) -> Row | None:
    when = moments(period, stage.calendar, DEFAULT_TIMES[period.kind])
    if when is None or when.due_at > stage.now:
        return None
    opened = stage.at(period.first, 7)
    row = entity_row(
        opened,
        None,
        title=TITLES[period.kind].format(key=period.key),
        period=period.kind.value,
        period_key=period.key,
        first_on=period.first,
        last_on=period.last,
        due_at=when.due_at,
        late_until=when.late_until,
        template_id=company.templates[period.kind.value],
        owner_id=person.id,
        team_id=person.team_id,
        state="missing",
        exempt_reason="",
        submitted_at=None,
        problems="",
        plan="",
        extra_work="",
        answers={},
        figures={},
        read_at=None,
        read_by_id=None,
        comment="",
        score=None,
        version=2,
    )
    if _was_away(stage, person, period):
        return {**row, "state": "exempt", "exempt_reason": ON_LEAVE}
    if stage.dice.random() < 0.05:
        return row if when.late_until <= stage.now else {**row, "state": "open", "version": 1}
    return {**row, **_submission(stage, person, period, when, seen)}


def _was_away(stage: Stage, person: Person, period: Period) -> bool:
    worked = stage.calendar.working_days(period.first, period.last)
    return all(person.is_away(day) for day in worked)


def _submission(stage: Stage, person: Person, period: Period, when: Moments, seen: Seen) -> Row:
    dice = stage.dice
    late = dice.random() < 0.08
    submitted = when.due_at + timedelta(minutes=dice.randint(5, 200)) if late else when.due_at - timedelta(minutes=dice.randint(1, 90))
    submitted = min(submitted, stage.now)
    row: Row = {
        "state": "late" if late else "submitted",
        "submitted_at": submitted,
        "figures": _kept(person, period, seen, submitted),
        "problems": dice.choice(_PROBLEMS),
        "plan": dice.choice(_PLANS),
        "answers": answered(REPORTS[period.kind][1], _said(stage, period)),
        "changed_at": submitted,
        "changed_by_id": person.id,
    }
    # Yesterday's lie unread before the leader; of the older ones every third has a comment.
    if period.last >= stage.calendar.add_working_days(stage.today, -1) or person.leader_id is None:
        return row
    return {**row, **_answer(stage, person.leader_id, submitted)}


def _said(stage: Stage, period: Period) -> dict[str, Any]:
    """What he answered to the template's questions."""
    dice = stage.dice
    if period.kind is PeriodKind.DAY:
        return {"q1": dice.choice(("顺利 | Well", "顺利 | Well", "一般 | So-so", "受阻 | Held up"))}
    if period.kind is PeriodKind.WEEK:
        row = [
            dice.choice(("启辰精密", "恒远电气", "金帆仪表")),
            dice.choice(("现场演示", "报价", "合同条款")),
            f"{dice.randint(5, 60)} 万",
        ]
        return {"q1": dice.choice(_RESULTS), "q2": [row], "q3": str(dice.randint(5, 80))}
    return {"q1": dice.choice(_RESULTS), "q2": "每周三集中回访，报价两天内跟进。"}


def _answer(stage: Stage, reader_id: int, submitted: datetime) -> Row:
    read = min(submitted + timedelta(minutes=stage.dice.randint(10, 900)), stage.now)
    commented = stage.dice.random() < 0.3
    return {
        "state": "commented" if commented else "read",
        "read_at": read,
        "read_by_id": reader_id,
        "comment": stage.dice.choice(_COMMENTS) if commented else "",
        "score": stage.dice.randint(3, 5) if commented else None,
        "changed_at": read,
        "changed_by_id": reader_id,
    }
