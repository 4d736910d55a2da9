"""What people do with leads and customers."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, DateTime, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from portal.engine.charts import Chart
from portal.engine.entity import Entity
from portal.engine.kinds import Choices, choice, instant, longtext, ref, text
from portal.engine.screen import Screen


class ContactKind(Choices):
    CALL = "call", "电话 | Call"
    WECHAT = "wechat", "微信 | WeChat"
    VISIT = "visit", "拜访 | Visit"
    MAIL = "mail", "邮件 | E-mail"
    MEETING = "meeting", "会议 | Meeting"
    OTHER = "other", "其他 | Other"


class FollowUp(Entity):
    """跟进 | Follow-up: one contact, what was said, and what comes next (handbook 25, 26)."""

    __table_args__ = (
        CheckConstraint("num_nonnulls(lead_id, customer_id) = 1", name="follow_up_one_parent"),
        Index("ix_follow_up_lead", "lead_id", "contacted_at"),
        Index("ix_follow_up_customer", "customer_id", "contacted_at"),
        Index("ix_follow_up_contacted_at", "contacted_at"),
        Index("ix_follow_up_author", "created_by_id", "contacted_at"),
    )
    scope_parent = ("lead_id", "customer_id")

    lead_id = ref("线索 | Lead", "lead", index=False)
    customer_id = ref("客户 | Customer", "customer", index=False)
    kind = choice("方式 | Kind", ContactKind, required=True, default="call")
    contacted_at = instant("联系时间 | Contacted at", required=True, slot="next")
    content = longtext("内容 | What was said", required=True, searched=True, identity=True)
    need = text("需求与痛点 | Needs and pains", 500)
    next_at = instant("下次跟进 | Next contact")
    next_step = text("下一步 | Next step", 200)
    logged_late: Mapped[int] = mapped_column(Integer, nullable=False, server_default="0", default=0)
    """Minutes beyond the hour allowed for logging (handbook 25); 0 when in time."""
    logged_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    screen = Screen(
        icon="message-circle",
        menu="客户 | Customers",
        plural="跟进记录 | Follow-ups",
        columns=("content", "lead_id", "customer_id", "kind", "contacted_at", "next_at", "created_by_id"),
        filters=("kind", "contacted_at", "created_by_id", "lead_id", "customer_id"),
        order="-contacted_at",
        brings_files=True,
        charts=(
            Chart("days", "每天跟进 | Follow-ups a day", by="contacted_at", step="day", spans=30),
            Chart("kind", "近 30 天跟进方式 | How, in the last 30 days", by="kind", filters=(("contacted_at", "last_days", 30),)),
            Chart(
                "author", "近 30 天跟进人 | By whom, in the last 30 days", by="created_by_id", filters=(("contacted_at", "last_days", 30),)
            ),
        ),
        form=("lead_id", "customer_id", "kind", "contacted_at", "content", "need", "next_at", "next_step"),
    )
