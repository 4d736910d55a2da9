"""What the quarter says about a customer's class."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index, Integer, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.engine.charts import Chart
from portal.engine.entity import Entity
from portal.engine.kinds import Choices, choice, date, derived, instant, integer, money, ref, states, text
from portal.engine.screen import Screen
from portal.entities.customers import CustomerClass


class ReviewState(Choices):
    PROPOSED = "proposed", "待决定 | To decide", "go"
    ACCEPTED = "accepted", "已接受 | Accepted", "ok"
    OVERRIDDEN = "overridden", "已改定 | Decided otherwise", "ok"
    KEPT = "kept", "保持原类 | Kept"


REVIEW_EDGES = {ReviewState.PROPOSED: (ReviewState.ACCEPTED, ReviewState.OVERRIDDEN, ReviewState.KEPT)}


class Direction(Choices):
    UP = "up", "升 | Up", "ok"
    DOWN = "down", "降 | Down", "warn"
    FIRST = "first", "首次 | First"


class Trend(Choices):
    MORE = "more", "多了 | More", "ok"
    SAME = "same", "持平 | The same"
    LESS = "less", "少了 | Less", "warn"


_DIRECTION = "CASE WHEN current_class = '' THEN 'first' WHEN proposed < current_class THEN 'up' ELSE 'down' END"
_AMOUNT = "opportunity.amount"
"""What the figures are counted from: who may not read it there does not read it here."""
_TREND = "CASE WHEN amount > earlier THEN 'more' WHEN amount < earlier THEN 'less' ELSE 'same' END"


class ClassReview(Entity):
    """分类评估 | Class review: the class that a customer's purchases say he is of, against the one he has (handbook 17).

    One a customer and quarter, where the two differ. It is seen and decided with the customer.
    """

    __table_args__ = (
        UniqueConstraint("origin_id", "quarter"),
        Index("ix_class_review_customer", "customer_id", "id"),
        Index("ix_class_review_quarter", "quarter", "id"),
        Index("ix_class_review_state", "state", "due_on"),
    )
    scope_parent = "customer_id"
    scope_except = ("pool", "shared", "joined")

    customer_id = ref("客户 | Customer", "customer", required=True, identity=True, readonly=True, index=False)
    quarter = text("季度 | Quarter", 7, required=True, readonly=True)
    current_class = choice("现在 | Now", CustomerClass, readonly=True, slot="sub")
    proposed = choice("建议 | Proposed", CustomerClass, required=True, readonly=True, slot="grade")
    direction = derived("方向 | Direction", Direction, from_=("current_class", "proposed"), sql=_DIRECTION)
    amount = money("成交额 | Bought", readonly=True, taken_from=_AMOUNT)
    earlier = money("上一期成交额 | The time before", readonly=True, taken_from=_AMOUNT)
    trend = derived("趋势 | Trend", Trend, from_=("amount", "earlier"), sql=_TREND, taken_from=_AMOUNT)
    deals = integer("成交次数 | Deals", readonly=True)
    potential = money("在谈（按赢率） | In talks, by likelihood", readonly=True, taken_from=_AMOUNT)
    points = integer("得分（0–6） | Points (0–6)", readonly=True)
    state = states("状态 | State", ReviewState, edges=REVIEW_EDGES)
    due_on = date("决定期限 | Decide by", readonly=True)
    decided_class = choice("决定为 | Decided", CustomerClass, readonly=True)
    decided_by_id = ref("决定人 | Decided by", "user", readonly=True, index=False)
    decided_at = instant("决定时间 | Decided at", readonly=True)
    reason = text("理由 | Reason", 500, readonly=True)
    origin_id: Mapped[int] = mapped_column(Integer, nullable=False)
    """The customer it was written for: that stays when two customers become one, so that a quarter proposes once each."""
    batch_id: Mapped[int | None] = mapped_column(BigInteger)
    """The click that decided it, for its Undo."""

    verbs = ("accept", "override")
    screen = Screen(
        icon="star",
        menu="客户 | Customers",
        rank=25,
        plural="分类评估 | Class reviews",
        columns=(
            "customer_id",
            "quarter",
            "current_class",
            "proposed",
            "amount",
            "trend",
            "deals",
            "potential",
            "points",
            "state",
            "due_on",
        ),
        filters=("quarter", "state", "direction", "current_class", "proposed", "amount", "deals", "points", "due_on", "customer_id"),
        order="-quarter",
        facts=(
            "customer_id",
            "quarter",
            "current_class",
            "proposed",
            "amount",
            "earlier",
            "deals",
            "potential",
            "points",
            "due_on",
            "decided_class",
            "decided_by_id",
            "decided_at",
            "reason",
        ),
        charts=(Chart("direction", "评估方向 | Which way", by="direction"), Chart("state", "评估进度 | How far", by="state")),
        attachments=False,
    )
