"""How records look on paper, as an administrator has set it."""

from __future__ import annotations

from sqlalchemy import Index, UniqueConstraint

from portal.engine.entity import Entity
from portal.engine.kinds import flag, integer, json, text
from portal.engine.screen import Screen


class PrintTemplate(Entity):
    """打印模板 | Print template: one version of the layout in which records of one type are printed."""

    __table_args__ = (UniqueConstraint("entity", "number"), Index("ix_print_template_entity", "entity", "active"))

    entity = text("数据类型 | Record type", 64, required=True, identity=True, readonly=True)
    number = integer("版本 | Version", required=True, readonly=True)
    active = flag("在用 | In use", default=True, readonly=True)
    layout = json("版式 | Layout")

    screen = Screen(
        whole=True,
        icon="printer",
        plural="打印模板 | Print templates",
        columns=("entity", "number", "active", "created_by_id", "created_at"),
        order="entity",
        attachments=False,
    )
