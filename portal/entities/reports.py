"""Work reports and what they ask."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Computed, DateTime, Index, UniqueConstraint
from sqlalchemy import Text as SqlText
from sqlalchemy.orm import Mapped, mapped_column

from portal.engine.entity import Entity, Owned
from portal.engine.kinds import Choices, answers, choice, date, flag, instant, integer, json, longtext, pair, ref, said, states, text
from portal.engine.kinds.texts import LongTextField
from portal.engine.query.search import search_index
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
NOT_OWED = "已停用或不再需要交 | Deactivated, or no longer owed"
EXEMPT_BY_ITSELF = (ON_LEAVE, HOLIDAY, NOT_OWED)
"""The portal's own reasons; any other is a superior's."""

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
    """报告模板 | Report template: the questions of a report, for everybody, one role or one team.

    Saving its questions makes the next version; a report keeps the version it was opened with.
    """

    __table_args__ = (Index("ix_report_template_name", "name"), Index("ix_report_template_period", "period", "active"))

    name = text("名称 | Name", 80, required=True, identity=True)
    period = choice("周期 | Period", Period, required=True)
    for_role = text("只给角色 | For the role", 64, help="角色的名字，空着就是所有角色。 | The name of a role; empty: every role.")
    for_team_id = ref("只给团队 | For the team", "team", help="空着就是所有团队。 | Empty: every team.")
    number = integer("版本 | Version", readonly=True, default=1)
    replaces_id = ref("取代 | Replaces", "report_template", readonly=True)
    questions = json("问题 | Questions")
    active = flag("启用 | Active", default=True)

    screen = Screen(
        whole=True,
        icon="template",
        plural="报告模板 | Report templates",
        columns=("name", "period", "for_role", "for_team_id", "number", "active"),
        filters=("period", "active", "for_role", "for_team_id"),
        order="name",
        attachments=False,
    )


REPORT_PAGE = "/report-desk/{id}"
"""Where a report is written and read."""

FULL_TEXT = """problems || ' ' || plan || ' ' || extra_work || ' ' || comment || ' '
 || CAST(jsonb_path_query_array(answers, '$.items[*].value.** ? (@.type() == "string")') AS text) || ' '
 || CAST(jsonb_path_query_array(figures, '$.lines[*].text.zh') AS text)"""
"""All that a report says, for the search: what was written, answered and quoted."""


class WorkReport(Entity, Owned):
    """工作报告 | Work report: one person's duty for one period, written from what the system knows (handbook 58–60)."""

    __table_args__ = (
        UniqueConstraint("owner_id", "period", "period_key"),
        Index("ix_work_report_first_on", "first_on"),
        Index("ix_work_report_team_period", "team_id", "period", "period_key"),
        Index("ix_work_report_due_at", "due_at"),
        search_index("work_report", "full_text"),
    )

    title = pair("标题 | Title", 80, required=True, identity=True, readonly=True)
    period = choice("周期 | Period", Period, required=True, readonly=True)
    period_key = text("期 | Period key", 16, required=True, readonly=True)
    first_on = date("起 | From", required=True, readonly=True)
    last_on = date("止 | To", required=True, readonly=True)
    due_at = instant("截止 | Due", readonly=True)
    late_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    template_id = ref("模板 | Template", "report_template", readonly=True)
    state = states("状态 | State", ReportState, edges=REPORT_EDGES)
    exempt_reason = said("豁免原因 | Why exempt", own=EXEMPT_BY_ITSELF, readonly=True)
    submitted_at = instant("提交时间 | Submitted", readonly=True)
    problems = longtext("问题 | Problems")
    plan = longtext("计划 | Plan")
    extra_work = longtext("补充 | Anything else")
    answers = answers("回答 | Answers")
    figures = json("数字 | Figures")
    read_at = instant("阅读时间 | Read", readonly=True)
    read_by_id = ref("阅读人 | Read by", "user", readonly=True, index=False)
    comment = longtext("点评 | Comment", readonly=True)
    score = integer("评分 | Score", readonly=True)
    full_text: Mapped[str] = mapped_column(
        SqlText,
        Computed(FULL_TEXT, persisted=True),
        nullable=False,
        info={"field": LongTextField("全文 | Full text", readonly=True, searched=True, filterable=False, silent=True)},
    )

    form_states = (ReportState.OPEN.value, ReportState.DRAFT.value, ReportState.RETURNED.value)
    verbs = ("submit", "mark_read", "comment", "send_back", "remind", "exempt")
    screen = Screen(
        whole=True,
        desk=REPORT_PAGE,
        desk_needs="report_desk:read",
        icon="notebook",
        menu="团队 | Team",
        plural="工作报告 | Work reports",
        columns=("title", "owner_id", "period", "state", "score", "due_at", "submitted_at"),
        tabs=("mine", "team", "all"),
        filters=("period", "state", "owner_id", "team_id", "first_on", "score"),
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
            "extra_work",
            "answers",
            "comment",
            "score",
        ),
    )
