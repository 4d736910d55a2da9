"""Who takes part in a record that is somebody else's."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Index
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from portal.engine.entity import Entity
from portal.engine.kinds import Choices, choice, date, ref, text
from portal.engine.screen import Screen

PARENTS = ("lead_id", "customer_id", "opportunity_id", "contract_id")
"""Record types that others may be let into. One more joins with a reference of its own, named here."""


class Level(Choices):
    """How far a participant goes. Nobody gives away or removes what is not his."""

    READ = "read", "只看 | Read"
    WRITE = "write", "可改、可跟进 | Edit and log", "accent"


class Participant(Entity):
    """参与人 | Participant: a colleague whom a superior let into one record, until the end of a day (handbook 18).

    He sees it and what belongs to it as if it were in his scope. Whom one may let in is whom one may assign to.
    """

    __table_args__ = (
        CheckConstraint(f"num_nonnulls({', '.join(PARENTS)}) = 1", name="participant_one_parent"),
        *(Index(f"ix_participant_{key}", key, postgresql_where=sql(f"{key} IS NOT NULL")) for key in PARENTS),
        Index("ix_participant_user", "user_id", "ends_at", postgresql_where=sql("deleted_at IS NULL")),
        Index("ix_participant_created_at", "created_at"),
    )
    scope_parent = PARENTS
    scope_except = ("pool", "joined")

    user_id = ref("参与人 | Participant", "user", required=True, identity=True, readonly=True, index=False)
    lead_id = ref("线索 | Lead", "lead", readonly=True, index=False)
    customer_id = ref("客户 | Customer", "customer", readonly=True, index=False)
    opportunity_id = ref("商机 | Opportunity", "opportunity", readonly=True, index=False)
    contract_id = ref("合同 | Contract", "contract", readonly=True, index=False)
    level = choice("权限 | May", Level, required=True, default="read")
    until = date("到这一天为止 | Until the end of", required=True, in_days=30)
    note = text("说明 | Note", 200)
    ends_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), nullable=False)
    """The first instant of the company's day after `until`."""
    batch_id: Mapped[int | None] = mapped_column(BigInteger)
    """The click that let him in, for its Undo."""

    screen = Screen(
        icon="users",
        plural="参与人 | Participants",
        columns=("user_id", *PARENTS, "level", "until", "note", "created_by_id", "created_at"),
        filters=("user_id", "level", "until", *PARENTS, "created_at"),
        order="-created_at",
        form=("level", "until", "note"),
        attachments=False,
    )
