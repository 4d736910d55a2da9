"""Leads, where they come from, and the public pools."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ColumnElement, DateTime, Index, String
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from portal.engine.charts import Chart
from portal.engine.entity import Customisable, Entity, Pooled, pooled_indexes
from portal.engine.kinds import Choices, choice, derived, email, flag, instant, integer, longtext, money, phone, ref, states, text
from portal.engine.query.search import search_index
from portal.engine.screen import Screen


class UntilClaimed:
    """Hidden while the record lies in a pool."""

    needs: tuple[str, ...] = ("pool_id",)

    def criterion(self, columns: Mapping[str, Any]) -> ColumnElement[bool]:
        return columns["pool_id"].is_not(None)  # type: ignore[no-any-return]

    def covers(self, row: Mapping[str, Any]) -> bool:
        return row["pool_id"] is not None


until_claimed = UntilClaimed()


class LeadGrade(Choices):
    """MAN: money, authority, need. Three make a qualified lead, two a potential one (handbook 3)."""

    QUALIFIED = "qualified", "合格 | Qualified", "accent"
    POTENTIAL = "potential", "潜在 | Potential"
    WEAK = "weak", "较弱 | Weak"
    INVALID = "invalid", "无效 | Invalid"


class LeadState(Choices):
    NEW = "new", "新建 | New", "new"
    POOL = "pool", "公海 | Pool", "new"
    ASSIGNED = "assigned", "已分配 | Assigned", "warn"
    FOLLOWING = "following", "跟进中 | Following", "go"
    CONVERTED = "converted", "已转化 | Converted", "ok"
    INVALID = "invalid", "无效 | Invalid", "bad"


LEAD_EDGES = {
    LeadState.NEW: (LeadState.POOL, LeadState.ASSIGNED),
    LeadState.POOL: (LeadState.ASSIGNED,),
    LeadState.ASSIGNED: (LeadState.FOLLOWING, LeadState.POOL, LeadState.INVALID, LeadState.ASSIGNED),
    LeadState.FOLLOWING: (LeadState.CONVERTED, LeadState.POOL, LeadState.INVALID, LeadState.ASSIGNED),
    LeadState.INVALID: (LeadState.POOL,),
}


class FirstResponse(Choices):
    """How the 24 hours of a lead that was assigned went (handbook 7); a lead without a clock has none."""

    OPEN = "open", "未响应 | Not yet", "warn"
    KEPT = "kept", "按时 | In time", "ok"
    LATE = "late", "超时 | Late", "bad"


_FIRST_RESPONSE = """CASE WHEN first_response_due_at IS NULL THEN ''
  WHEN first_response_at IS NULL THEN 'open'
  WHEN first_response_at <= first_response_due_at THEN 'kept' ELSE 'late' END"""

_GRADE = """CASE money::int + authority::int + need::int
  WHEN 3 THEN 'qualified' WHEN 2 THEN 'potential' WHEN 1 THEN 'weak' ELSE 'invalid' END"""

_MAN = "MAN 资格：三项决定等级 | MAN: the three that make the grade"
_MORE = "其他 | More"
_LAST_90 = (("created_at", "last_days", 90),)


class Lead(Entity, Pooled, Customisable):
    """线索 | Lead: somebody who may buy, before we know whether they will."""

    __table_args__ = (
        CheckConstraint("(owner_id IS NULL) <> (pool_id IS NULL)", name="lead_owned_or_pooled"),
        search_index("lead", "company", "name"),
        *pooled_indexes("lead"),
        Index("ix_lead_company_key", "company_key"),
        Index("ix_lead_phone", "phone"),
        Index("ix_lead_first_response", "first_response_due_at", postgresql_where=sql("first_response_at IS NULL")),
        Index("ix_lead_converted_at", "converted_at", postgresql_where=sql("converted_at IS NOT NULL")),
        Index("ix_lead_next_at", "next_at", postgresql_where=sql("owner_id IS NOT NULL")),
    )

    company = text("公司 | Company", 200, required=True, searched=True, identity=True, slot="co")
    name = text("联系人 | Contact", 80, searched=True, slot="sub")
    phone = phone("电话 | Phone", searched=True, masked=until_claimed)
    wechat = text("微信 | WeChat", 64, masked=until_claimed, filterable=False)
    email = email("邮箱 | E-mail", masked=until_claimed, filterable=False)
    source_id = ref("来源 | Source", "source_channel", required=True)
    industry = text("行业 | Industry", 80)
    region = text("地区 | Region", 80)
    expected_amount = money("预计金额 | Expected amount", least=0, slot="money")
    money = flag("有购买力 | Can pay", section=_MAN, help="MAN 的 M：付得起。 | The M of MAN: able to pay.")
    authority = flag("有决定权 | Decides", section=_MAN, help="MAN 的 A：能拍板。 | The A of MAN: authorised to decide.")
    need = flag("有需求 | Needs it", section=_MAN, help="MAN 的 N：真需要。 | The N of MAN: has the need.")
    grade = derived("等级 | Grade", LeadGrade, from_=("money", "authority", "need"), sql=_GRADE, slot="grade")
    state = states("状态 | State", LeadState, edges=LEAD_EDGES)
    next_at = instant("下次跟进 | Next contact", readonly=True, slot="next", due=True)
    next_step = text("下一步 | Next step", 200, readonly=True)
    tag_id = ref("标签 | Tag", "tag", section=_MORE)
    note = longtext("备注 | Note", section=_MORE)
    customer_id = ref("客户 | Customer", "customer", readonly=True)
    """What it was converted to."""
    converted_at = instant("转化时间 | Converted", readonly=True)
    company_key: Mapped[str] = mapped_column(String(200), nullable=False, server_default="", default="")
    """The company's name in normal form, for duplicates."""
    first_response_due_at = instant("首响截止 | First response due", readonly=True)
    first_response_at = instant("首次响应于 | First responded", readonly=True)
    first_response = derived(
        "首次响应 | First response", FirstResponse, from_=("first_response_at", "first_response_due_at"), sql=_FIRST_RESPONSE
    )
    first_due_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When it was due first under its present owner: kept while it is not qualified, so that no clock begins anew."""
    breached_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    moved_by_activity = ("contacted_at", "next_at", "next_step", "first_response_at", "first_response", "breached_at", "state")
    form_states = tuple(state.value for state in LeadState if state is not LeadState.CONVERTED)
    verbs = ("assign", "claim", "convert", "share", "release", "invalidate", "revive")
    screen = Screen(
        icon="target-arrow",
        menu="客户 | Customers",
        rank=10,
        plural="线索 | Leads",
        columns=(
            "company",
            "name",
            "phone",
            "grade",
            "state",
            "source_id",
            "expected_amount",
            "owner_id",
            "contacted_at",
            "next_at",
            "created_at",
        ),
        tabs=("mine", "team", "shared", "pool", "all"),
        filters=(
            "state",
            "grade",
            "source_id",
            "owner_id",
            "team_id",
            "region",
            "industry",
            "expected_amount",
            "created_at",
            "next_at",
            "contacted_at",
            "first_response",
            "converted_at",
        ),
        order="-created_at",
        form=(
            "company",
            "name",
            "phone",
            "wechat",
            "email",
            "source_id",
            "industry",
            "region",
            "expected_amount",
            "money",
            "authority",
            "need",
            "tag_id",
            "note",
        ),
        facts=(
            "owner_id",
            "customer_id",
            "grade",
            "money",
            "authority",
            "need",
            "name",
            "phone",
            "wechat",
            "email",
            "source_id",
            "industry",
            "region",
            "expected_amount",
            "tag_id",
            "contacted_at",
            "next_at",
            "created_at",
            "note",
        ),
        related=("follow_up", "participant"),
        composer="follow_up",
        charts=(
            Chart("weeks", "每周新线索 | New leads a week", by="created_at", step="week"),
            Chart("source", "近 90 天线索来源 | Sources of the last 90 days", by="source_id", filters=_LAST_90),
            Chart("state", "近 90 天线索状态 | States of the last 90 days", by="state", filters=_LAST_90),
            Chart(
                "amount",
                "近 90 天预计金额，按来源 | Expected amount of the last 90 days by source",
                by="source_id",
                measure="expected_amount",
                filters=_LAST_90,
            ),
        ),
    )


class SourceChannel(Entity):
    """来源渠道 | Source channel: where leads come from, as a tree (handbook 2)."""

    __table_args__ = (Index("ix_source_channel_name", "name"),)

    name = text("名称 | Name", 80, required=True, searched=True, identity=True)
    parent_id = ref("上级渠道 | Parent", "source_channel")

    screen = Screen(
        icon="route",
        menu="管理 | Administration",
        plural="来源渠道 | Source channels",
        columns=("name", "parent_id"),
        order="name",
        attachments=False,
    )


class Tag(Entity):
    """标签 | Tag: a word to group records by."""

    __table_args__ = (Index("ix_tag_name", "name"),)

    name = text("名称 | Name", 40, required=True, searched=True, identity=True)

    screen = Screen(icon="tag", menu="管理 | Administration", plural="标签 | Tags", columns=("name",), order="name", attachments=False)


class PoolKind(Choices):
    """What lies in a pool; the values are REST names."""

    LEAD = "lead", "线索 | Leads"
    CUSTOMER = "customer", "客户 | Customers"


class Pool(Entity):
    """公海 | Pool: leads or customers that are nobody's, and the rules for taking them.

    No handbook gives the figures (records.md, pool defaults), so each is a setting.
    """

    __table_args__ = (Index("ix_pool_name", "name"),)

    name = text("名称 | Name", 80, required=True, searched=True, identity=True)
    kind = choice("存放 | Holds", PoolKind, required=True, default=PoolKind.LEAD.value)
    daily_quota = integer("每日领取上限 | Claims a day", least=0, most=1000, default=20)
    holding_cap = integer("持有上限 | Holding cap", least=0, most=100_000, default=200)
    cool_down_days = integer("原负责人冷却天数 | Former owner waits, days", least=0, most=365, default=7)
    freeze_days = integer("新记录冻结天数 | New records frozen, days", least=0, most=365, default=0)
    recycle_qualified_days = integer(
        "合格线索、A 类客户回收天数 | Recycle qualified leads, class A after, days", least=1, most=3650, default=30
    )
    recycle_potential_days = integer(
        "潜在线索、B 类客户回收天数 | Recycle potential leads, class B after, days", least=1, most=3650, default=45
    )
    recycle_weak_days = integer("较弱线索、C 类客户回收天数 | Recycle weak leads, class C after, days", least=1, most=3650, default=60)
    recycling = flag("自动回收 | Recycle automatically", default=True)

    screen = Screen(
        icon="ripple",
        menu="管理 | Administration",
        plural="公海 | Pools",
        attachments=False,
        order="name",
        columns=(
            "name",
            "kind",
            "daily_quota",
            "holding_cap",
            "cool_down_days",
            "freeze_days",
            "recycle_qualified_days",
            "recycle_potential_days",
            "recycle_weak_days",
            "recycling",
        ),
    )
