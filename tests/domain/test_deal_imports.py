"""Customers, products and deals from files: what is spelt otherwise is still the same, what is unknown says so."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from portal import models
from portal.domain import class_review
from portal.engine.mask import normalise_name
from portal.engine.verbs import verb_named
from portal.security.perform import perform
from tests.cast import NOW, Cast
from tests.domain.test_imports import Desk, Work, shipped
from tests.sample_data import CRM, sample_data

STAGES = (("Prospecting", "open", 10), ("Engaging", "open", 40), ("Won", "won", 100), ("Lost", "lost", 0))


@pytest.fixture
def desk(cast: Cast, tmp_path: Path) -> Desk:
    """With a pipeline as the file's own system has it."""
    way = cast.add(models.Pipeline, name="CRM")
    for rank, (name, kind, probability) in enumerate(STAGES):
        cast.add(models.Stage, name=name, pipeline_id=way, rank=rank, kind=kind, probability=probability)
    return Desk(cast, tmp_path)


def rows_of(name: str) -> list[dict[str, str]]:
    with (sample_data() / CRM / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_sales_data_becomes_customers_products_and_deals(desk: Desk, cast: Cast) -> None:
    for file, mapping in (("sales_teams", "sales_teams"), ("accounts", "crm_accounts"), ("products", "crm_products")):
        assert desk.run(sample_data() / CRM / f"{file}.csv", shipped(f"{mapping}.json")).counts.refused == 0
    done = desk.run(sample_data() / CRM / "sales_pipeline.csv", shipped("crm_pipeline.json"))
    given = rows_of("sales_pipeline.csv")
    assert (done.counts.made, done.counts.refused) == ({"opportunity": len(given)}, 0), desk.refused[:3]
    found = cast.rows(models.Opportunity)
    products = {row.id: row.name for row in cast.rows(models.Product)}
    spelt = Counter(normalise_name(row["product"]) for row in given)
    assert Counter(normalise_name(products[row.product_id]) for row in found) == spelt
    assert sum(row.customer_id is None for row in found) == sum(not row["account"] for row in given)
    assert Counter(row.state for row in found)["won"] == sum(row["deal_stage"] == "Won" for row in given)
    assert sum(row.amount or 0 for row in found if row.state == "won") == sum(
        Decimal(row["close_value"]) for row in given if row["deal_stage"] == "Won"
    )
    assert all((row.closed_on is not None) == (row.state in ("won", "lost")) for row in found)
    people = {row.id: (row.name, row.team_id) for row in cast.rows(models.User)}
    agents = {row["opportunity_id"]: row["sales_agent"] for row in given}
    assert all((people[row.owner_id][0], row.team_id) == (agents[row.number], people[row.owner_id][1]) for row in found)


def test_a_quarter_is_reviewed_on_the_sales_data(desk: Desk, cast: Cast) -> None:
    """The customers of the file, given to somebody, judged at the turn of its last year as a query of one's own judges them."""
    for file, mapping in (("sales_teams", "sales_teams"), ("accounts", "crm_accounts"), ("products", "crm_products")):
        desk.run(sample_data() / CRM / f"{file}.csv", shipped(f"{mapping}.json"))
    desk.run(sample_data() / CRM / "sales_pipeline.csv", shipped("crm_pipeline.json"))
    now = datetime(2018, 1, 1, 0, tzinfo=UTC)
    ids = [row.id for row in cast.rows(models.Customer)]
    assign = verb_named("customer", "assign")
    assert assign is not None
    with cast.act("director", now) as session:
        assert len(perform(session, assign, ids, acting_user=session.info["principal"], now=now).done) == len(ids)
    with cast.session_factory() as session:
        session.connection().execute(update(models.Customer.__table__).values(created_at=datetime(2016, 1, 1, tzinfo=UTC)))
        session.commit()
    with cast.act("system", now):
        proposed = class_review.propose(now)
    bought: dict[str, list[int]] = {}
    for row in rows_of("sales_pipeline.csv"):
        if row["account"] and row["deal_stage"] == "Won" and row["close_date"].startswith("2017"):
            bought.setdefault(row["account"], []).append(int(float(row["close_value"])))
    names = {row.id: row.name for row in cast.rows(models.Customer)}
    found = {names[row.customer_id]: (row.amount, row.deals, row.proposed) for row in cast.rows(models.ClassReview)}
    assert proposed == len(found) == len(ids)
    assert found == {name: (sum(sums), len(sums), _class_of(sum(sums), len(sums))) for name, sums in bought.items()}
    assert {each for _, _, each in found.values()} == {"a", "b"}


def _class_of(amount: int, deals: int) -> str:
    points = (amount >= 80_000) + (amount >= 300_000) + (deals >= 1) + (deals >= 4)
    return "a" if points >= 4 else "b" if points >= 2 else "c"


def test_a_deal_is_met_again_by_its_number(desk: Desk, cast: Cast) -> None:
    path = desk.file(("号", "名"), ("A1", "第一单"))
    mapping: dict[str, Any] = {"targets": [{"entity": "opportunity", "columns": {"number": "号", "name": "名"}}]}
    desk.run(path, mapping)
    assert desk.run(path, mapping).counts.skipped == 1
    (row,) = cast.rows(models.Opportunity)
    assert (row.owner_id, row.state, row.probability) == (cast.people["admin"], "open", 10)


def test_names_that_nothing_has_are_refused_and_other_spellings_found(desk: Desk, cast: Cast) -> None:
    ours = cast.customer(owner="rep", name="启明 科技有限公司", company_key=normalise_name("启明 科技有限公司"))
    path = desk.file(("名", "客户", "产品"), ("甲", "启明科技", ""), ("乙", "没有这家", ""), ("丙", "", "没有这个"))
    columns = {"name": "名", "customer_id": "客户", "product_id": "产品"}
    done = desk.run(path, {"targets": [{"entity": "opportunity", "columns": columns}]})
    assert [row.customer_id for row in cast.rows(models.Opportunity)] == [ours]
    assert done.counts.refused == 2
    assert all("没有叫" in row[-1] for row in desk.refused)


def test_two_records_of_one_normal_form_cannot_be_told_apart(desk: Desk, cast: Cast) -> None:
    for name in ("启明 科技", "启明-科技"):
        cast.customer(owner="rep", name=name, company_key=normalise_name(name))
    path = desk.file(("名", "客户"), ("甲", "启明科技"))
    done = desk.run(path, {"targets": [{"entity": "opportunity", "columns": {"name": "名", "customer_id": "客户"}}]})
    assert done.counts.refused == 1
    assert "无法分辨" in desk.refused[0][-1]


def test_a_file_brings_no_amount_below_nothing_and_no_end_before_its_beginning(desk: Desk, cast: Cast) -> None:
    rows = (("甲", "-5", "", ""), ("乙", "5", "2026-03-02", "2026-03-01"), ("丙", "5", "", "2026-03-01"))
    path = desk.file(("名", "金额", "立项", "结束"), *rows)
    columns = {"name": "名", "amount": "金额", "opened_on": "立项", "closed_on": "结束"}
    desk.run(path, {"targets": [{"entity": "opportunity", "columns": columns, "constants": {"stage_id": "Won"}}]})
    assert [row[-1] for row in desk.refused] == ["金额：不能小于 0。", "结束日期早于立项日期。"]
    (row,) = cast.rows(models.Opportunity)
    assert (row.name, row.opened_on, row.closed_on) == ("丙", date(2026, 3, 1), date(2026, 3, 1))


def test_a_file_changes_no_deal_that_has_ended(desk: Desk, cast: Cast) -> None:
    columns = {"number": "号", "name": "名", "stage_id": "阶段", "amount": "金额"}
    mapping: dict[str, Any] = {"targets": [{"entity": "opportunity", "columns": columns, "on_duplicate": "update"}]}
    head, later = ("号", "名", "阶段", "金额"), Work(cast.principal("admin"), now=NOW + timedelta(days=1))
    desk.run(desk.file(head, ("A1", "第一单", "Won", "10"), ("A2", "第二单", "Engaging", "10")), mapping)
    done = desk.run(desk.file(head, ("A1", "第一单", "Won", "99"), ("A2", "第二单", "Engaging", "99")), mapping, work=later)
    assert (done.counts.refused, [row.amount for row in cast.rows(models.Opportunity)]) == (1, [10, 99])
    assert "现在的状态不能修改" in desk.refused[0][-1]
