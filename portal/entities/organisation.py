"""People, teams, working days, leave, policies."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import Boolean, DateTime, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.engine.entity import Declared, Entity, Owned
from portal.engine.kinds import Choices, choice, date, flag, integer, longtext, phone, ref, states, text
from portal.engine.kinds.numbers import FlagField
from portal.engine.kinds.texts import EmailField, TextField
from portal.engine.screen import Screen

if TYPE_CHECKING:
    from portal.engine.entity import _Base

    class _FabUser(_Base):
        """The typed face of Flask-AppBuilder's user."""

        __abstract__ = True
        id: Mapped[int]
        first_name: Mapped[str]
        last_name: Mapped[str]
        username: Mapped[str]
        email: Mapped[str]
        password: Mapped[str | None]
        active: Mapped[bool]
        roles: Mapped[list[Any]]
        last_login: Mapped[datetime | None]
else:
    from flask_appbuilder.security.sqla.models import User as _FabUser


class PortalUser(Declared, _FabUser):
    """员工 | Person: somebody who signs in or owns records."""

    __tablename__ = "ab_user"
    entity_name = "user"
    __table_args__ = {"extend_existing": True}  # noqa: RUF012 - SQLAlchemy reads it by this name

    extra_fields: ClassVar[dict[str, Any]] = {
        "username": TextField("登录名 | Login", 128, required=True, searched=True, readonly=True),
        "email": EmailField("邮箱 | E-mail", 320, required=True),
        "active": FlagField("在职可登录 | Active", readonly=True),
    }

    name = text("姓名 | Name", 64, required=True, searched=True, identity=True)
    phone = phone("电话 | Phone")
    team_id = ref("团队 | Team", "team", readonly=True, alter="fk_ab_user_team_id")
    superior_id = ref("上级 | Superior", "user", readonly=True)
    language = text("语言 | Language", 2, readonly=True)
    theme = text("外观 | Theme", 8, readonly=True)
    invited_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    password_changed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    must_change_password: Mapped[bool] = mapped_column(Boolean, nullable=False, server_default="false", default=False)
    reset_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    reset_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    version: Mapped[int] = mapped_column(Integer, nullable=False, server_default="1")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads it by this name
    verbs = ("invite", "place", "reset_password", "deactivate", "reactivate")
    screen = Screen(
        icon="users",
        menu="管理 | Administration",
        plural="员工 | People",
        columns=("name", "username", "email", "team_id", "superior_id", "active"),
        filters=("team_id", "active"),
        order="id",
        form=("name", "email", "phone"),
        attachments=False,
        facts=("name", "username", "email", "phone", "team_id", "superior_id", "active"),
    )


class Team(Entity):
    """团队 | Team: people under a leader; teams form a tree."""

    __table_args__ = (Index("ix_team_name", "name"),)

    name = text("名称 | Name", 80, required=True, searched=True, identity=True)
    parent_id = ref("上级团队 | Parent team", "team")
    leader_id = ref("组长 | Leader", "user", index=False)

    screen = Screen(
        icon="users-group",
        menu="管理 | Administration",
        plural="团队 | Teams",
        columns=("name", "leader_id", "parent_id"),
        order="name",
        attachments=False,
    )


class LeaveKind(Choices):
    ANNUAL = "annual", "年假 | Annual leave"
    SICK = "sick", "病假 | Sick leave"
    PERSONAL = "personal", "事假 | Personal leave"
    OTHER = "other", "其他 | Other"


class LeaveState(Choices):
    DRAFT = "draft", "草稿 | Draft", "new"
    PENDING = "pending", "审批中 | Being decided", "go"
    APPROVED = "approved", "已批准 | Approved", "ok"
    REJECTED = "rejected", "已驳回 | Rejected", "bad"
    CANCELLED = "cancelled", "已取消 | Cancelled"


LEAVE_EDGES = {
    LeaveState.DRAFT: (LeaveState.PENDING,),
    LeaveState.PENDING: (LeaveState.APPROVED, LeaveState.REJECTED, LeaveState.DRAFT),
    LeaveState.APPROVED: (LeaveState.CANCELLED,),
    LeaveState.REJECTED: (LeaveState.PENDING,),
}


class Leave(Entity, Owned):
    """请假 | Leave: days a person is away; once approved he gets no leads and owes no report on them."""

    __table_args__ = (Index("ix_leave_first_on", "first_on"), Index("ix_leave_owner_days", "owner_id", "first_on", "last_on"))

    kind = choice("类型 | Kind", LeaveKind, required=True, default="annual", identity=True)
    first_on = date("开始日期 | First day", required=True, slot="next")
    last_on = date("结束日期 | Last day", required=True)
    days = integer("工作日数 | Working days", readonly=True)
    deputy_id = ref("代理人 | Deputy", "user", help="休假期间替你审批的人。 | Who decides in your place meanwhile.", index=False)
    reason = longtext("事由 | Reason")
    state = states("状态 | State", LeaveState, edges=LEAVE_EDGES)

    verbs = ("submit", "cancel")
    screen = Screen(
        icon="beach",
        menu="团队 | Team",
        columns=("kind", "owner_id", "first_on", "last_on", "days", "state", "reason"),
        tabs=("mine", "team", "all"),
        filters=("owner_id", "kind", "state", "first_on"),
        order="-first_on",
        form=("kind", "first_on", "last_on", "deputy_id", "reason"),
        attachments=False,
        facts=("owner_id", "first_on", "last_on", "days", "deputy_id", "reason", "state"),
    )


class Delegation(Entity, Owned):
    """代理 | Delegation: who decides in the owner's place, from one day to another."""

    __table_args__ = (Index("ix_delegation_first_on", "first_on"),)

    deputy_id = ref("代理人 | Deputy", "user", required=True, identity=True)
    first_on = date("开始日期 | First day", required=True, slot="next")
    last_on = date("结束日期 | Last day", required=True)
    leave_id = ref("请假 | Leave", "leave", readonly=True)
    note = text("说明 | Note", 200)

    screen = Screen(
        icon="user-share",
        menu="团队 | Team",
        plural="代理 | Delegations",
        columns=("deputy_id", "owner_id", "first_on", "last_on", "leave_id", "note"),
        tabs=("mine", "all"),
        filters=("owner_id", "deputy_id", "first_on"),
        order="-first_on",
        form=("deputy_id", "first_on", "last_on", "note"),
        attachments=False,
        rank=60,
    )


class WorkCalendar(Entity):
    """工作日历 | Work calendar: a day that differs from the published calendar."""

    __table_args__ = (UniqueConstraint("day", "region"), Index("ix_work_calendar_day", "day"))

    day = date("日期 | Day", required=True, identity=True)
    working = flag("上班 | Working day")
    region = text("地区 | Region", 8, required=True, default="CN")
    note = text("说明 | Note", 200)

    screen = Screen(
        icon="calendar-cog", menu="管理 | Administration", columns=("day", "working", "region", "note"), order="-day", attachments=False
    )


class Policy(Entity):
    """制度参数 | Policy: a handbook figure from a day on; the newest that has begun is in force. Its desk shows them all."""

    __table_args__ = (UniqueConstraint("key", "effective_on"), Index("ix_policy_key", "key"))

    key = text("键 | Key", 80, required=True, searched=True, identity=True)
    effective_on = date("生效日期 | Effective on", required=True)
    value = text("值 | Value", 200, required=True)
    reason = text("原因 | Reason", 300, required=True)

    screen = Screen(
        whole=True,
        icon="adjustments",
        plural="制度参数的变更 | Changes of policies",
        columns=("key", "value", "effective_on", "reason", "created_by_id"),
        filters=("key",),
        order="key",
        attachments=False,
    )
