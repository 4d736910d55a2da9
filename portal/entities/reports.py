"""Work reports and what they ask."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import DateTime, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.engine.entity import Entity, Owned
from portal.engine.kinds import Choices, choice, date, flag, instant, json, longtext, ref, said, states, text
from portal.engine.screen import Screen


class Period(Choices):
    DAY = "day", "日报 | Daily"
    WEEK = "week", "周报 | Weekly"
    MONTH = "month", "月报 | Monthly"


class ReportState(Choices):
    OPEN = "open", "待提交 | Open", "new"
    DRAFT = "draft", "草稿 | Draft", "new"
    SUBMITTED = "submitted", "已提交 | Submitted", "ok"
    LATE = "late", "迟交 | Late", "warn"
    READ = "read", "已读 | Read", "ok"
    COMMENTED = "commented", "已点评 | Commented", "ok"
    RETURNED = "returned", "退回补充 | Returned", "warn"
    MISSING = "missing", "缺报 | Missing", "bad"
    EXEMPT = "exempt", "豁免 | Exempt"


ON_LEAVE = "请假 | On leave"
HOLIDAY = "节假日 | Holiday"

REPORT_EDGES = {
    ReportState.OPEN: (ReportState.DRAFT, ReportState.SUBMITTED, ReportState.LATE, ReportState.MISSING, ReportState.EXEMPT),
    ReportState.DRAFT: (ReportState.SUBMITTED, ReportState.LATE, ReportState.MISSING, ReportState.EXEMPT),
    ReportState.SUBMITTED: (ReportState.READ, ReportState.COMMENTED, ReportState.RETURNED),
    ReportState.LATE: (ReportState.READ, ReportState.COMMENTED, ReportState.RETURNED),
    ReportState.READ: (ReportState.COMMENTED, ReportState.RETURNED),
    ReportState.COMMENTED: (ReportState.RETURNED, ReportState.COMMENTED),
    ReportState.RETURNED: (ReportState.SUBMITTED, ReportState.LATE),
    ReportState.MISSING: (ReportState.EXEMPT,),
    ReportState.EXEMPT: (ReportState.OPEN,),
}


class ReportTemplate(Entity):
    """报告模板 | Report template: the questions of a report of one period kind."""

    __table_args__ = (Index("ix_report_template_name", "name"),)

    name = text("名称 | Name", 80, required=True, identity=True)
    period = choice("周期 | Period", Period, required=True)
    questions = json("问题 | Questions")
    active = flag("启用 | Active", default=True)

    screen = Screen(icon="template", menu="管理 | Administration", columns=("name", "period", "active"), order="name", attachments=False)


class WorkReport(Entity, Owned):
    """工作报告 | Work report: one person's duty for one period, written from what the system knows (handbook 58–60)."""

    __table_args__ = (
        UniqueConstraint("owner_id", "period", "period_key"),
        Index("ix_work_report_first_on", "first_on"),
        Index("ix_work_report_team_period", "team_id", "period", "period_key"),
        Index("ix_work_report_due_at", "due_at"),
    )

    title = text("标题 | Title", 80, required=True, identity=True, readonly=True)
    period = choice("周期 | Period", Period, required=True, readonly=True)
    period_key = text("期 | Period key", 16, required=True, readonly=True)
    first_on = date("起 | From", required=True, readonly=True)
    last_on = date("止 | To", required=True, readonly=True)
    due_at = instant("截止 | Due", readonly=True)
    late_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    template_id = ref("模板 | Template", "report_template", readonly=True)
    state = states("状态 | State", ReportState, edges=REPORT_EDGES)
    exempt_reason = said("豁免原因 | Why exempt", own=(ON_LEAVE, HOLIDAY), readonly=True)
    submitted_at = instant("提交时间 | Submitted", readonly=True)
    problems = longtext("问题 | Problems")
    plan = longtext("计划 | Plan")
    extra_work = longtext("补充 | Anything else")
    answers = json("回答 | Answers")
    figures = json("数字 | Figures")
    read_at = instant("阅读时间 | Read", readonly=True)
    read_by_id = ref("阅读人 | Read by", "user", readonly=True, index=False)
    comment = longtext("点评 | Comment", readonly=True)

    verbs = ("submit", "mark_read", "comment", "send_back", "remind", "exempt")
    screen = Screen(
        icon="notebook",
        menu="团队 | Team",
        plural="工作报告 | Work reports",
        columns=("title", "owner_id", "period", "state", "due_at", "submitted_at"),
        tabs=("mine", "team", "all"),
        filters=("period", "state", "owner_id", "first_on"),
        order="-first_on",
        form=("problems", "plan", "extra_work"),
        facts=(
            "owner_id",
            "period",
            "first_on",
            "last_on",
            "due_at",
            "state",
            "exempt_reason",
            "submitted_at",
            "problems",
            "plan",
            "comment",
        ),
    )
