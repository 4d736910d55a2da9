"""One sale in the browser: a lead becomes a customer with an opportunity, won, under contract, in effect, paid.

Legal sends the contract back once, and decides the second time by a deputy, because legal is away.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from portal.engine.clock import clock
from tests.pages.browser import Visitor
from tests.pages.lived import SHANGHAI, company, live_until

Visitors = Callable[[str], Visitor]
TITLE = "华东产线改造合同"
SIGNED = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


@pytest.fixture(scope="module")
def base(migrated: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The demo company on a Thursday morning."""
    with company(migrated, tmp_path_factory.mktemp("sale"), datetime(2026, 11, 19, 9, tzinfo=SHANGHAI)) as address:
        yield address


def test_a_lead_becomes_a_contract_that_is_paid(visitors: Visitors, tmp_path: Path) -> None:
    """One story, told in order: each step begins where the one before it ended."""
    customer = the_rep_converts_a_lead_with_an_opportunity(visitors("rep01"))
    the_opportunity_is_moved_and_won(visitors("rep01"), customer)
    contract = a_contract_is_drawn_up_for_the_customer(visitors("rep01"), customer)
    the_rep_sees_who_will_decide_before_submitting(visitors("rep01"), contract)
    legal_sends_it_back_with_what_to_change(visitors("legal01"))
    the_rep_changes_it_and_submits_again(visitors("rep01"), contract)
    legal_goes_away_and_names_a_deputy(visitors("legal01"))
    the_deputy_decides(visitors("director01"))
    finance_decides_because_credit_is_long(visitors("finance01"))
    the_signed_paper_is_put_there_and_sealed(visitors, contract, tmp_path)
    the_cashier_books_what_comes_in(visitors("cashier01"), contract)
    the_rep_closes_what_is_paid(visitors("rep01"), contract)


def verb(page: Page, name: str) -> None:
    page.locator(".head").get_by_role("button", name=name, exact=True).click()
    page.locator("dialog[open]").wait_for()


def pick(page: Page, field: str, words: str) -> None:
    """Type into a look-up and take what it finds."""
    box = page.locator(f"[name={field}] ~ .ts-wrapper")
    box.click()
    box.locator("input").fill(words)
    page.locator(".ts-dropdown .option", has_text=words).first.click()


def follow(page: Page, link: Locator) -> None:
    """Click what leads elsewhere, and arrive there."""
    with page.expect_navigation():
        link.click()


def sent(page: Page) -> None:
    """The dialog's own button; when all went well the page is shown anew."""
    follow(page, page.locator("dialog[open] .dlg-f .btn-primary"))


def the_rep_converts_a_lead_with_an_opportunity(rep: Visitor) -> str:
    with rep.page('/lead/?tab=mine&filter=[["state","eq","following"]]') as page:
        follow(page, page.locator("tbody .link").first)
        verb(page, "转为客户")
        page.fill("dialog[open] [name=opportunity]", "产线改造")
        page.fill("dialog[open] [name=opportunity_amount]", "180000")
        sent(page)
        page.wait_for_url(re.compile(r"/customer/\d+"))
        expect(page.get_by_role("link", name="产线改造")).to_be_visible()
        return page.url.removeprefix(rep.base).partition("?")[0]


def the_opportunity_is_moved_and_won(rep: Visitor, customer: str) -> None:
    with rep.page(customer) as page:
        follow(page, page.get_by_role("link", name="产线改造"))
        verb(page, "变更阶段")
        pick(page, "to", "方案报价")
        sent(page)
        verb(page, "赢单")
        page.fill("dialog[open] [name=reason]", "方案和交期都合适")
        sent(page)
        expect(page.locator(".head .state")).to_have_text("赢单")


def a_contract_is_drawn_up_for_the_customer(rep: Visitor, customer: str) -> str:
    with rep.page(customer) as page:
        follow(page, page.get_by_role("link", name="新建合同"))
        page.fill("[name=title]", TITLE)
        page.fill("[name=credit_days]", "60")
        page.fill("[name=clauses]", "一、交付：签订后 30 天内到货。\n二、验收：到货 7 天内。")
        follow(page, page.get_by_role("button", name="保存", exact=True))
        expect(page.locator("h1")).to_have_text(TITLE)
        contract = page.url.removeprefix(rep.base).partition("?")[0]
        follow(page, page.get_by_role("link", name="新建合同明细"))
        page.fill("[name=product]", "标准型控制器")
        page.fill("[name=quantity]", "10")
        page.fill("[name=price]", "18000")
        follow(page, page.get_by_role("button", name="保存", exact=True))
        page.goto(rep.base + contract)
        expect(page.locator(".dl")).to_contain_text("180,000")
        return contract


def the_rep_sees_who_will_decide_before_submitting(rep: Visitor, contract: str) -> None:
    with rep.page(contract) as page:
        verb(page, "送审")
        expect(page.locator("dialog[open]")).to_contain_text("法务")
        expect(page.locator("dialog[open]")).to_contain_text("财务")
        sent(page)
        expect(page.locator(".head .state")).to_have_text("待法务")
        expect(page.get_by_role("link", name="编辑")).to_have_count(0)
        expect(page.locator(".steps-x .now")).to_contain_text("法务")


def the_matter(page: Page) -> None:
    follow(page, page.get_by_role("link", name=re.compile(TITLE)).first)


def legal_sends_it_back_with_what_to_change(legal: Visitor) -> None:
    with legal.page("/approvals/") as page:
        the_matter(page)
        verb(page, "退回")
        page.locator("dialog[open] .dlg-f .btn-primary").click()
        page.fill("dialog[open] [name=reason]", "请写明违约责任")
        sent(page)


def the_rep_changes_it_and_submits_again(rep: Visitor, contract: str) -> None:
    with rep.page("/inbox/") as page:
        page.get_by_text("请写明违约责任").or_(page.get_by_text("退回")).first.wait_for()
        page.goto(rep.base + contract)
        expect(page.locator(".head .state")).to_have_text("草稿")
        expect(page.locator("body")).to_contain_text("请写明违约责任")
        follow(page, page.get_by_role("link", name="编辑"))
        page.fill("[name=clauses]", "一、交付：签订后 30 天内到货。\n二、验收：到货 7 天内。\n三、违约：每日万分之五。")
        follow(page, page.get_by_role("button", name="保存", exact=True))
        verb(page, "送审")
        sent(page)


def legal_goes_away_and_names_a_deputy(legal: Visitor) -> None:
    today = clock.now().date()
    with legal.page("/delegation/new") as page:
        pick(page, "deputy_id", "王成")
        page.fill("[name=first_on]", today.isoformat())
        page.fill("[name=last_on]", (today + timedelta(days=3)).isoformat())
        follow(page, page.get_by_role("button", name="保存", exact=True))
        expect(page.locator("h1")).to_be_visible()
    live_until(clock.now() + timedelta(minutes=20))


def the_deputy_decides(deputy: Visitor) -> None:
    with deputy.page("/approvals/") as page:
        the_matter(page)
        expect(page.locator("body")).to_contain_text("每日万分之五")
        verb(page, "同意")
        sent(page)


def finance_decides_because_credit_is_long(finance: Visitor) -> None:
    with finance.page("/") as page:
        the_matter(page)
        verb(page, "同意")
        page.fill("dialog[open] [name=comment]", "账期 60 天可以")
        sent(page)


def the_signed_paper_is_put_there_and_sealed(visitors: Visitors, contract: str, folder: Path) -> None:
    paper = folder / "signed.pdf"
    paper.write_bytes(SIGNED)
    with visitors("rep01").page(contract) as page:
        expect(page.locator(".head .state")).to_have_text("待客户签章")
        verb(page, "客户已签章")
        sent(page)
        expect(page.locator(".toast-x")).to_contain_text("PDF")
        page.set_input_files("[name=file]", str(paper))
        follow(page, page.get_by_role("button", name="上传"))
        page.get_by_role("link", name="signed.pdf").wait_for()
        verb(page, "客户已签章")
        sent(page)
    with visitors("legal01").page("/") as page:
        the_matter(page)
        verb(page, "盖章生效")
        sent(page)
        expect(page.locator(".head .state")).to_have_text("生效")


def the_cashier_books_what_comes_in(cashier: Visitor, contract: str) -> None:
    with cashier.page(contract) as page:
        verb(page, "登记回款")
        page.fill("dialog[open] [name=amount]", "180001")
        page.locator("dialog[open] .dlg-f .btn-primary").click()
        expect(page.locator("dialog[open] [role=alert]")).to_contain_text("180,000.00")
        page.fill("dialog[open] [name=amount]", "60000")
        page.press("dialog[open] [name=amount]", "Tab")
        expect(page.locator("dialog[open] .tbl tbody tr").first).to_contain_text("¥54,000.00")
        expect(page.locator("dialog[open] .tbl tbody tr").last).to_contain_text("¥6,000.00")
        sent(page)
        verb(page, "登记回款")
        page.fill("dialog[open] [name=amount]", "120000")
        sent(page)
        expect(page.locator("main")).to_contain_text("已完成")


def the_rep_closes_what_is_paid(rep: Visitor, contract: str) -> None:
    with rep.page(contract) as page:
        verb(page, "履行完毕")
        sent(page)
        expect(page.locator(".head .state")).to_have_text("履行完毕")
