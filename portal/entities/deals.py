"""Deals: products, pipelines with their stages, and the opportunities that go through them."""

from __future__ import annotations

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.engine.entity import Customisable, Entity, Owned
from portal.engine.kinds import Choices, choice, date, flag, integer, longtext, money, ref, states, text
from portal.engine.query.search import search_index
from portal.engine.screen import Board, Screen


class StageKind(Choices):
    """What reaching a stage means for the deal."""

    OPEN = "open", "进行 | Open"
    WON = "won", "赢单 | Won", "ok"
    LOST = "lost", "输单 | Lost", "bad"


class OpportunityState(Choices):
    OPEN = "open", "进行中 | Open", "go"
    PAUSED = "paused", "暂停 | Paused", "warn"
    WON = "won", "赢单 | Won", "ok"
    LOST = "lost", "输单 | Lost", "bad"


OPPORTUNITY_EDGES = {
    OpportunityState.OPEN: (OpportunityState.PAUSED, OpportunityState.WON, OpportunityState.LOST),
    OpportunityState.PAUSED: (OpportunityState.OPEN, OpportunityState.WON, OpportunityState.LOST),
    OpportunityState.WON: (OpportunityState.OPEN, OpportunityState.LOST),
    OpportunityState.LOST: (OpportunityState.OPEN, OpportunityState.WON),
}


class Product(Entity):
    """产品 | Product: what is sold, with its list price."""

    __table_args__ = (Index("ix_product_name", "name"), Index("ix_product_name_key", "name_key"))

    name = text("名称 | Name", 120, required=True, searched=True, identity=True)
    series = text("系列 | Series", 80)
    price = money("标价 | List price", least=0)
    active = flag("在售 | On sale", default=True)
    name_key: Mapped[str] = mapped_column(String(120), nullable=False, server_default="", default="")
    """The name in normal form: an import finds it however the file spells it."""

    screen = Screen(
        icon="package",
        menu="管理 | Administration",
        plural="产品 | Products",
        columns=("name", "series", "price", "active"),
        order="name",
        form=("name", "series", "price", "active"),
        attachments=False,
    )


class Pipeline(Entity):
    """销售流程 | Pipeline: the way a kind of deal goes, as stages in order."""

    __table_args__ = (Index("ix_pipeline_name", "name"),)

    name = text("名称 | Name", 80, required=True, searched=True, identity=True)
    is_default = flag("新商机默认使用 | For new deals by default")

    screen = Screen(
        icon="git-merge",
        menu="管理 | Administration",
        plural="销售流程 | Pipelines",
        columns=("name", "is_default"),
        order="name",
        related=("stage",),
        attachments=False,
    )


class Stage(Entity):
    """商机阶段 | Stage: a step of a pipeline, how likely a deal there is won and how long it should stay."""

    __table_args__ = (Index("ix_stage_rank", "rank"),)

    name = text("名称 | Name", 80, required=True, searched=True, identity=True)
    pipeline_id = ref("销售流程 | Pipeline", "pipeline", required=True)
    rank = integer("顺序 | Order", required=True, least=0, most=1000)
    kind = choice("含义 | Means", StageKind, required=True, default=StageKind.OPEN.value)
    probability = integer("赢率 % | Probability %", required=True, least=0, most=100, default=50)
    stay_days = integer("停留天数上限 | Stays at most, days", least=1, most=3650)

    screen = Screen(
        icon="stack-2",
        menu="管理 | Administration",
        plural="商机阶段 | Stages",
        columns=("name", "pipeline_id", "rank", "kind", "probability", "stay_days"),
        filters=("pipeline_id", "kind"),
        order="rank",
        attachments=False,
    )


class Opportunity(Entity, Owned, Customisable):
    """商机 | Opportunity: something a customer may buy, with an amount, a stage and a day it should be decided."""

    __table_args__ = (
        search_index("opportunity", "name"),
        Index("ix_opportunity_created_at", "created_at", "id"),
        Index("ix_opportunity_owner_created", "owner_id", "created_at", "id"),
        Index("ix_opportunity_team_created", "team_id", "created_at", "id"),
        Index("ix_opportunity_customer_closed", "customer_id", "state", "closed_on"),
        Index("ix_opportunity_stage_created", "stage_id", "created_at", "id"),
        Index("ix_opportunity_number", "number"),
    )

    form_states = (OpportunityState.OPEN.value, OpportunityState.PAUSED.value)

    name = text("商机名称 | Opportunity", 200, required=True, searched=True, identity=True, slot="co")
    customer_id = ref("客户 | Customer", "customer", slot="sub", index=False, by_writers=True)
    product_id = ref("产品 | Product", "product")
    amount = money("金额 | Amount", slot="money", least=0)
    pipeline_id = ref("销售流程 | Pipeline", "pipeline", help="不填用默认流程；之后不能改。 | Empty: the default one. It stays.")
    stage_id = ref("阶段 | Stage", "stage", readonly=True, slot="grade", index=False)
    probability = integer("赢率 % | Probability %", readonly=True, least=0, most=100)
    state = states("状态 | State", OpportunityState, edges=OPPORTUNITY_EDGES)
    opened_on = date("立项日期 | Opened on")
    close_on = date("预计成交日 | Expected close", slot="next")
    closed_on = date("结束日期 | Closed on", readonly=True)
    stage_on = date("进入阶段 | In the stage since", readonly=True)
    paused_until = date("暂停到 | Paused until", readonly=True)
    outcome_reason = longtext("结果原因 | Reason of the outcome", readonly=True)
    competitor = text("竞争对手 | Competitor", 200)
    number = text("外部编号 | Number elsewhere", 64)
    note = longtext("备注 | Note")

    verbs = ("move", "won", "lost", "pause", "resume", "reopen", "hand_over", "share")
    screen = Screen(
        icon="briefcase",
        menu="客户 | Customers",
        rank=40,
        plural="商机 | Opportunities",
        columns=("name", "customer_id", "product_id", "amount", "stage_id", "state", "owner_id", "close_on", "closed_on", "created_at"),
        tabs=("mine", "team", "shared", "all"),
        filters=(
            "stage_id",
            "state",
            "owner_id",
            "customer_id",
            "product_id",
            "amount",
            "close_on",
            "closed_on",
            "pipeline_id",
            "competitor",
            "created_at",
        ),
        order="-created_at",
        form=("name", "customer_id", "product_id", "amount", "pipeline_id", "opened_on", "close_on", "competitor", "number", "note"),
        facts=(
            "owner_id",
            "customer_id",
            "product_id",
            "amount",
            "pipeline_id",
            "stage_id",
            "probability",
            "stage_on",
            "opened_on",
            "close_on",
            "closed_on",
            "paused_until",
            "outcome_reason",
            "competitor",
            "number",
            "created_at",
            "note",
        ),
        related=("contract", "stage_change", "participant"),
        board=Board(
            by="stage_id",
            verb="move",
            argument="to",
            within="pipeline_id",
            total="amount",
            card=("customer_id", "amount", "close_on", "owner_id"),
        ),
    )


class StageChange(Entity):
    """阶段变更 | Stage change: an opportunity went from one stage to another, and how long it had stood there."""

    __table_args__ = (Index("ix_stage_change_created_at", "created_at", "id"),)
    scope_parent = "opportunity_id"

    to_stage_id = ref("到 | To", "stage", readonly=True, identity=True)
    opportunity_id = ref("商机 | Opportunity", "opportunity", readonly=True)
    from_stage_id = ref("从 | From", "stage", readonly=True)
    days = integer("停留天数 | Days there", readonly=True)
    reason = longtext("原因 | Reason", readonly=True)

    screen = Screen(
        icon="history",
        plural="阶段变更 | Stage changes",
        columns=("to_stage_id", "opportunity_id", "from_stage_id", "days", "reason", "created_by_id", "created_at"),
        filters=("opportunity_id", "created_at"),
        facts=("opportunity_id", "from_stage_id", "to_stage_id", "days", "reason", "created_by_id", "created_at"),
        order="-created_at",
        attachments=False,
    )
