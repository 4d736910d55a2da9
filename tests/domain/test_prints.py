"""A contract on paper: what its reader sees, the mark of a draft, the layout that an administrator publishes."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from portal import models
from portal.domain.print_templates import in_use, publish
from portal.domain.prints import Print
from portal.engine.errors import Refused
from portal.engine.fields import View
from portal.engine.printing import Layout, Section
from portal.engine.query.listing import Listing
from portal.engine.spec import spec_named
from portal.engine.text import Language
from portal.security.fields import Rights
from tests.cast import NOW, Cast
from tests.domain.test_contracts import contract, create, effective
from tests.matrix.http import words_of

SHORT = Layout("{title} | {title}", (Section("text", "约定 | Terms", "价 {amount}，即{amount:capitals}。 | Price {amount}."),))


def printed(cast: Cast, login: str, record_id: int, language: Language = "zh") -> str:
    spec = spec_named("contract")
    view = View(language, ZoneInfo("Asia/Shanghai"), NOW)
    with cast.act(login) as session:
        rights = Rights(cast.principal(login))
        row = Listing(spec, rights, view).record(session, record_id)
        assert row is not None
        return words_of(Print(spec, in_use(spec).layout, rights, view, row).pdf())


def put_in_use(cast: Cast, layout: Layout, replaces: int = 0) -> int:
    with cast.act("admin"):
        return publish(spec_named("contract"), layout, replaces, acting_user=cast.principal("admin"), now=NOW)


def test_a_contract_says_its_parties_lines_terms_and_its_amount_in_capitals(cast: Cast) -> None:
    made = contract(cast, price=12000)
    said = printed(cast, "rep", made)
    for words in ("年度供货", "测试客户", "设备", "¥12,000", "人民币壹万贰仟元整", "交付、验收、违约、知识产权", "甲方（买方）：测试客户"):
        assert words in said, words
    english = printed(cast, "rep", made, "en")
    assert "¥12,000" in english
    assert "人民币" not in english


def test_every_line_of_a_long_contract_is_printed(cast: Cast) -> None:
    made = contract(cast)
    for n in range(230):
        cast.add(models.ContractLine, contract_id=made, product=f"第{n:03}项", quantity=1, price=Decimal(1), amount=Decimal(1), version=1)
    said = printed(cast, "rep", made)
    assert all(f"第{n:03}项" in said for n in range(230))


def test_a_draft_is_marked_until_it_was_agreed_to(cast: Cast) -> None:
    made = contract(cast)
    assert "草稿" in printed(cast, "rep", made)
    assert "DRAFT" in printed(cast, "rep", made, "en")
    effective(cast, made)
    assert "草稿" not in printed(cast, "rep", made)


def test_who_may_not_see_the_lines_gets_none(cast: Cast) -> None:
    made = contract(cast)
    effective(cast, made)
    assert "设备" in printed(cast, "finance", made)
    assert "设备" not in printed(cast, "cashier", made)


def test_a_published_layout_holds_from_the_next_paper_on_and_earlier_ones_are_kept(cast: Cast) -> None:
    made = contract(cast, price=500)
    assert put_in_use(cast, SHORT) == 1
    said = printed(cast, "rep", made)
    assert "价 ¥500，即人民币伍佰元整。" in said
    assert "签约方" not in said
    assert put_in_use(cast, replace(SHORT, head="新页眉 | New head"), 1) == 2
    assert "新页眉" in printed(cast, "rep", made)
    table = models.PrintTemplate.__table__
    kept = cast.rows(models.PrintTemplate, table.c.entity == "contract")
    assert sorted((row.number, row.active) for row in kept) == [(1, False), (2, True)]
    events = models.AuditEvent.__table__
    assert len(cast.rows(models.AuditEvent, events.c.entity == "print_template")) >= 2


def test_two_who_changed_the_same_layout_do_not_overwrite_each_other(cast: Cast) -> None:
    put_in_use(cast, SHORT)
    with pytest.raises(Refused, match="newer"):
        put_in_use(cast, SHORT)


def test_a_layout_with_a_bad_placeholder_is_not_published(cast: Cast) -> None:
    with pytest.raises(Refused):
        put_in_use(cast, Layout("{nope} | {nope}", SHORT.sections))
    assert not cast.rows(models.PrintTemplate)


def test_a_sample_shows_the_names_of_fields(cast: Cast) -> None:
    spec = spec_named("contract")
    with cast.act("admin"):
        said = words_of(Print(spec, in_use(spec).layout, Rights(cast.principal("admin")), View("zh", now=NOW)).pdf())
    assert "〔合同名称〕" in said
    assert "样稿" in said


def test_an_empty_contract_prints(cast: Cast) -> None:
    customer = cast.customer(owner="rep", name="空客户")
    day = NOW.date()
    made = create(cast, "rep", "contract", customer_id=customer, title="空", kind="sale", amount=Decimal(0), start_on=day, end_on=day)
    assert "零元整" in printed(cast, "rep", made)
