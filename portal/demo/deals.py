"""The demo company's deals: products, opportunities along the pipeline, won and lost ones of the last fifteen months."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

from sqlalchemy import select

from portal import models
from portal.demo.company import Company
from portal.demo.rows import Row, Stage, entity_row, write, write_audited
from portal.engine.mask import normalise_name

_SEED = 6_230
_PRODUCTS = (
    ("云端标准版", "云服务", 12_000),
    ("云端专业版", "云服务", 48_000),
    ("私有部署", "软件", 180_000),
    ("实施服务", "服务", 36_000),
)
_DEALS_OF_TEN = 6
"""Of ten customers somebody owns, how many have deals."""
_LOST_BECAUSE = ("价格高于预算", "选择了竞争对手", "项目取消", "决策人变动")
_RIVALS = ("销易", "纷享", "用友", "自研")


def write_deals(stage: Stage, company: Company) -> None:
    """Products and opportunities. Their dice are their own: what else is generated stays as it is."""
    dice = Random(_SEED)
    began = stage.now - timedelta(days=500)
    products = [
        entity_row(began, company.admin.id, name=name, series=series, price=Decimal(price), name_key=normalise_name(name), active=True)
        for name, series, price in _PRODUCTS
    ]
    ids = write_audited(stage, models.Product.__table__, "product", products)
    connection = stage.session.connection()
    ways = list(connection.execute(select(models.Stage.__table__).order_by(models.Stage.__table__.c.rank)))
    table = models.Customer.__table__
    held = connection.execute(select(table.c.id, table.c.name, table.c.owner_id, table.c.team_id).where(table.c.owner_id.is_not(None)))
    rows = [
        _deal(stage, dice, customer, ways, ids)
        for customer in held.all()
        if dice.random() * 10 < _DEALS_OF_TEN
        for _ in range(dice.choice((1, 1, 1, 2, 3)))
    ]
    found = write_audited(stage, models.Opportunity.__table__, "opportunity", rows)
    write(stage, models.StageChange.__table__, [step for row, key in zip(rows, found, strict=True) for step in _steps(row, key, ways)])


def _deal(stage: Stage, dice: Random, customer: Any, ways: list[Any], products: list[int]) -> Row:
    where = dice.choices(ways, (18, 14, 12, 8, 34, 14))[0]
    ended = where.kind != "open"
    number = dice.randrange(len(products))
    opened = stage.today - timedelta(days=dice.randint(20, 460) if ended else dice.randint(3, 90))
    since = opened + timedelta(days=dice.randint(1, max(1, (stage.today - opened).days)))
    return entity_row(
        stage.at(opened, dice.randint(9, 17)),
        customer.owner_id,
        name=f"{customer.name.removesuffix('有限公司')} {_PRODUCTS[number][0]}",
        customer_id=customer.id,
        product_id=products[number],
        amount=Decimal(_PRODUCTS[number][2]) * dice.randint(1, 6) * dice.choice((80, 90, 100)) / 100,
        pipeline_id=where.pipeline_id,
        stage_id=where.id,
        probability=where.probability,
        state=where.kind,
        opened_on=opened,
        close_on=since if ended else stage.today + timedelta(days=dice.randint(-5, 75)),
        closed_on=since if ended else None,
        stage_on=since,
        outcome_reason=dice.choice(_LOST_BECAUSE) if where.kind == "lost" else "",
        competitor=dice.choice(_RIVALS) if where.kind == "lost" else "",
        owner_id=customer.owner_id,
        team_id=customer.team_id,
        version=1,
    )


def _steps(row: Row, key: int, ways: list[Any]) -> list[Row]:
    """The one step that brought it where it stands, where it has left the first stage."""
    first = ways[0]
    if row["stage_id"] == first.id:
        return []
    days = (row["stage_on"] - row["opened_on"]).days
    step = {"opportunity_id": key, "from_stage_id": first.id, "to_stage_id": row["stage_id"], "days": days, "reason": row["outcome_reason"]}
    return [entity_row(row["created_at"] + timedelta(days=days), row["owner_id"], **step)]
