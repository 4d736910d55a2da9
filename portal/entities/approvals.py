"""What is decided by others before it is done: flows, what runs through them, whose turn it is, what was said."""

from __future__ import annotations

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy import text as sql

from portal.engine.charts import Chart
from portal.engine.entity import Entity, Owned
from portal.engine.kinds import Choices, choice, elapsed, flag, instant, integer, json, longtext, pair, record_type, ref, states, text
from portal.engine.screen import Screen


class ApprovalState(Choices):
    PENDING = "pending", "审批中 | Being decided", "go"
    APPROVED = "approved", "已批准 | Approved", "ok"
    REJECTED = "rejected", "已驳回 | Rejected", "bad"
    RETURNED = "returned", "已退回 | Returned", "warn"
    WITHDRAWN = "withdrawn", "已撤回 | Withdrawn"


class TaskState(Choices):
    QUEUED = "queued", "排队 | Queued", "new"
    WAITING = "waiting", "待决定 | Waiting", "go"
    APPROVED = "approved", "同意 | Approved", "ok"
    REJECTED = "rejected", "驳回 | Rejected", "bad"
    RETURNED = "returned", "退回 | Returned", "warn"
    TRANSFERRED = "transferred", "已转交 | Transferred"
    ESCALATED = "escalated", "已升级 | Escalated", "warn"
    CLOSED = "closed", "不再需要 | No longer needed"


class ActionKind(Choices):
    SUBMIT = "submit", "提交 | Submitted"
    APPROVE = "approve", "同意 | Approved", "ok"
    REJECT = "reject", "驳回 | Rejected", "bad"
    RETURN = "return", "退回 | Returned", "warn"
    WITHDRAW = "withdraw", "撤回 | Withdrew"
    TRANSFER = "transfer", "转交 | Transferred"
    ADD_SIGNER = "add_signer", "加签 | Added a signer"
    ESCALATE = "escalate", "超时升级 | Escalated", "warn"
    DEPUTY = "deputy", "转给代理人 | Passed to the deputy"


class AddWhen(Choices):
    BEFORE = "before", "在我之前 | Before me"
    AFTER = "after", "在我之后 | After me"


APPROVAL_EDGES = {ApprovalState.PENDING: (ApprovalState.APPROVED, ApprovalState.REJECTED, ApprovalState.RETURNED, ApprovalState.WITHDRAWN)}
TASK_EDGES = {
    TaskState.QUEUED: (TaskState.WAITING, TaskState.CLOSED),
    TaskState.WAITING: (
        TaskState.APPROVED,
        TaskState.REJECTED,
        TaskState.RETURNED,
        TaskState.TRANSFERRED,
        TaskState.ESCALATED,
        TaskState.CLOSED,
        TaskState.QUEUED,
    ),
}


_BY_PAGE = ("-",)
"""No role's: whole records lie in these, with what their reader may not see in them. The approval's pages tell them
value by value, as the record would; no list, program or file tells them as they are."""
_ENDED = (("hours", "ge", "0"),)


class ApprovalFlow(Entity):
    """审批流 | Approval flow: who decides about one verb of one record type; a new version leaves the old ones as they were."""

    __table_args__ = (UniqueConstraint("entity", "verb", "number"), Index("ix_approval_flow_title", "title"))

    title = text("名称 | Name", 120, required=True, identity=True, readonly=True)
    entity = text("数据类型 | Record type", 64, required=True, readonly=True)
    verb = text("动作 | Verb", 64, required=True, readonly=True)
    number = integer("版本 | Version", required=True, readonly=True)
    active = flag("在用 | In use", default=True, readonly=True)
    definition = json("步骤 | Steps")

    screen = Screen(
        whole=True,
        icon="git-branch",
        plural="审批流 | Approval flows",
        columns=("title", "number", "active", "created_by_id", "created_at"),
        order="title",
        attachments=False,
    )


class Approval(Entity, Owned):
    """审批 | Approval: something asked for, on its way through the steps. Its owner is who asked."""

    __table_args__ = (
        Index("ix_approval_created", "created_at"),
        Index("ix_approval_record", "entity", "record_id"),
        Index("uq_approval_pending", "entity", "record_id", unique=True, postgresql_where=sql("state = 'pending'")),
    )

    title = pair("事项 | Matter", required=True, searched=True, identity=True, readonly=True)
    entity = record_type("数据类型 | Record type", required=True, readonly=True)
    record_id = integer("记录 | Record", required=True, readonly=True)
    verb = text("动作 | Verb", 64, required=True, readonly=True)
    state = states("状态 | State", ApprovalState, edges=APPROVAL_EDGES)
    step = integer("第几步 | Step", readonly=True, default=0)
    flow_number = integer("流程版本 | Flow version", readonly=True, default=0)
    plan = json("步骤 | Steps", see=_BY_PAGE)
    snapshot = json("快照 | Snapshot", see=_BY_PAGE)
    earlier = json("上一版 | Earlier snapshot", see=_BY_PAGE)
    form = json("填写 | Form", see=_BY_PAGE)
    decided_at = instant("结束时间 | Ended", readonly=True)
    hours = elapsed("用时（小时） | Hours taken", since="created_at", until="decided_at")

    verbs = ("withdraw",)
    screen = Screen(
        whole=True,
        icon="checklist",
        plural="审批 | Approvals",
        columns=("title", "entity", "owner_id", "state", "created_at", "decided_at", "hours"),
        tabs=("mine", "team", "all"),
        filters=("state", "entity", "owner_id", "created_at", "hours"),
        order="-created_at",
        related=("approval_action",),
        attachments=False,
        charts=(
            Chart("outcome", "结果 | How they ended", by="state"),
            Chart("kinds", "审批什么 | What is decided", by="entity"),
            Chart("months", "每月提交 | Asked for a month", by="created_at", step="month"),
            Chart("taken", "平均用时（小时） | Mean hours to the end", by="entity", measure="hours", mean=True, filters=_ENDED),
            Chart("returned", "退回与驳回 | Returned or rejected", by="entity", filters=(("state", "in", ["returned", "rejected"]),)),
        ),
    )


class ApprovalTask(Entity, Owned):
    """审批任务 | Approval task: one person's decision that is waited for. Its owner is who decides."""

    __table_args__ = (
        Index("ix_approval_task_created", "created_at"),
        Index("ix_approval_task_waiting", "owner_id", "entity", postgresql_where=sql("state = 'waiting'")),
    )

    title = pair("事项 | Matter", required=True, searched=True, identity=True, readonly=True)
    approval_id = ref("审批 | Approval", "approval", required=True, readonly=True)
    entity = text("数据类型 | Record type", 64, required=True, readonly=True)
    record_id = integer("记录 | Record", required=True, readonly=True)
    asked_by_id = ref("提交人 | Asked by", "user", readonly=True, index=False)
    for_id = ref("代谁决定 | In the place of", "user", readonly=True, index=False)
    step = integer("第几步 | Step", readonly=True, default=0)
    behind = integer("排在哪一件之后 | Behind which task", readonly=True)
    state = states("状态 | State", TaskState, edges=TASK_EDGES)
    waiting_since = instant("等待起 | Waiting since", readonly=True)
    decided_at = instant("决定时间 | Decided", readonly=True)
    comment = longtext("意见 | Comment", readonly=True)

    verbs = ("approve", "reject", "send_back", "transfer", "add_signer")
    screen = Screen(
        whole=True,
        icon="checkbox",
        plural="审批任务 | Approval tasks",
        columns=("title", "asked_by_id", "state", "waiting_since", "comment"),
        tabs=("mine", "all"),
        filters=("state", "asked_by_id", "created_at"),
        order="-created_at",
        facts=("asked_by_id", "for_id", "waiting_since", "decided_at", "comment", "state"),
        attachments=False,
    )


class ApprovalAction(Entity):
    """审批动态 | Approval action: what somebody did with an approval, and what he said."""

    __table_args__ = (Index("ix_approval_action_created", "created_at"),)
    scope_parent = "approval_id"

    approval_id = ref("审批 | Approval", "approval", required=True, readonly=True)
    kind = choice("动作 | Action", ActionKind, required=True, identity=True, readonly=True)
    step = integer("第几步 | Step", readonly=True, default=0)
    to_id = ref("转给 | To", "user", readonly=True, index=False)
    comment = longtext("意见 | Comment", readonly=True)

    screen = Screen(
        whole=True,
        icon="message",
        plural="审批动态 | Approval actions",
        columns=("kind", "approval_id", "comment", "created_by_id", "created_at"),
        order="-created_at",
        attachments=False,
    )
