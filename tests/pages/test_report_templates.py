"""An admin edits a report's questions by hand, keyboard and drag; a rep answers them on a phone and loses nothing."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.pages.browser import Visitor, faults, too_wide

Visitors = Callable[[str], Visitor]
SENT = re.compile("已提交|已读|已点评|迟交")


def asked(page: Page) -> list[str]:
    return [each.strip(" *") for each in page.locator(".qline .pick").all_inner_texts()]


def test_an_admin_orders_words_and_saves_the_questions(visitors: Visitors) -> None:
    with visitors("admin01").page("/report-templates/") as page:
        page.get_by_role("link", name="销售日报").click()
        page.get_by_role("button", name="文本").click()
        page.fill("#label-zh", "今天学到什么")
        page.get_by_role("button", name="表格").click()
        page.fill("#label-zh", "竞品")
        page.fill("#label-en", "Rivals")
        page.fill("#parts", "名称 | Name\n报价 | Price")
        page.get_by_role("button", name="看看效果").click()
        expect(page.locator(".preview legend")).to_contain_text("竞品")
        assert asked(page) == ["今天进展", "今天学到什么", "竞品"]
        page.locator(".qline").nth(2).drag_to(page.locator(".qline").nth(0))
        expect(page.locator(".qline .pick").first).to_contain_text("竞品")
        page.get_by_role("button", name="下移：竞品").focus()
        page.keyboard.press("Enter")
        expect(page.locator(".qline .pick").nth(1)).to_contain_text("竞品")
        assert not faults(page)
        page.get_by_role("button", name="存为新版").click()
        row = page.locator("tbody tr", has_text="销售日报")
        expect(row).to_contain_text("今天进展、竞品、今天学到什么")
        expect(row.locator("td").last).to_have_text("2")


def test_a_rep_completes_a_returned_report_on_a_phone(visitors: Visitors) -> None:
    rep, director = visitors("rep07"), visitors("director01")
    with rep.page('/work_report/?tab=mine&filter=[["period","eq","week"]]') as page:
        row = page.locator("tbody tr").filter(has_text=SENT).first
        path = row.locator("a[href^='/report-desk/']").first.get_attribute("href") or ""
    with director.page(path) as page:
        page.get_by_role("button", name="退回补充").click()
        page.locator("dialog[open] [name=reason]").fill("重点客户请写全")
        page.locator("dialog[open] .dlg-f .btn-primary").click()
        page.locator(".toast-x").wait_for()
    with rep.page(path, width=390) as page:
        assert not faults(page) and not too_wide(page)
        page.fill("[name='a.q1']", "")
        page.locator("[name='a.q2.0']").nth(1).fill("启辰精密")
        page.get_by_role("button", name="提交").click()
        expect(page.locator("#q-q1-e")).to_be_visible()
        expect(page.locator("[name='a.q2.0']").nth(1)).to_have_value("启辰精密")
        page.get_by_role("button", name="加一行").click()
        page.locator("[name='a.q2.0']").last.fill("恒远电气")
        page.fill("[name='a.q1']", "补上了")
        expect(page.locator("[data-saved]")).to_contain_text("已自动保存", timeout=15_000)
        page.goto(rep.base + path)
        expect(page.locator("[name='a.q1']")).to_have_value("补上了")
        page.get_by_role("button", name="提交").click()
        page.wait_for_url("**/report-desk/")
    with director.page(path) as page:
        expect(page.get_by_text("恒远电气").first).to_be_visible()
        expect(page.get_by_text("补上了")).to_be_visible()
