"""An admin words a contract's paper, tries it, is told of a wrong placeholder, saves; the paper is printed from the record."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.matrix.http import words_of
from tests.pages.browser import Visitor, faults

Visitors = Callable[[str], Visitor]


def said_by(page: Page, press: str) -> str:
    """What the PDF says that a button or link gives."""
    with page.expect_download() as waited:
        page.get_by_text(press, exact=True).click()
    return words_of(Path(waited.value.path()).read_bytes())


def test_an_admin_words_the_paper_tries_it_and_saves_it(visitors: Visitors) -> None:
    with visitors("admin01").page("/print-templates/") as page:
        page.get_by_role("link", name="合同").last.click()
        page.locator(".qline .pick", has_text="四、一致").click()
        page.fill("#heading-zh", "四、本公司条款")
        page.fill("#body-zh", "付款期 {credit_dayz} 天。")
        page.get_by_role("button", name="存为新版").click()
        expect(page.get_by_role("alert")).to_contain_text("没有字段 credit_dayz")
        page.fill("#body-zh", "付款期 {credit_days} 天，总价 {amount:capitals}。")
        assert "付款期 〔账期（天）〕 天" in said_by(page, "试印 PDF")
        page.get_by_role("button", name="存为新版").click()
        expect(page.get_by_text("第 1 版在用")).to_be_visible()
        assert not faults(page)
        page.goto(page.url.replace("/print-templates/contract", "/contract/"))
        page.locator("tbody a").first.click()
        printed = said_by(page, "打印")
        assert "四、本公司条款" in printed
        assert "元" in printed.partition("总价")[2][:40]
