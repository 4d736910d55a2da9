"""An admin changes who decides about contracts: a condition by label, a figure of a policy, a person looked up, tried at once."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.pages.browser import Visitor, faults, too_wide

Visitors = Callable[[str], Visitor]


def test_a_step_gets_a_condition_and_a_person_and_the_dry_run_follows(visitors: Visitors) -> None:
    admin = visitors("admin01")
    admin.said.clear()
    with admin.page("/flows/contract/submit") as page:
        run, drawn = page.locator(".run"), page.locator("#canvas")
        expect(drawn).to_contain_text("法务：")
        page.get_by_role("button", name="加一个条件").click()
        page.get_by_label("条件 1：字段").select_option(label="账期（天）")
        page.get_by_label("条件 1：比较").select_option(label="小于")
        expect(page.get_by_label("条件 1：比较")).to_be_focused()
        page.get_by_label("条件 1：值").fill("0")
        expect(run).to_contain_text("不满足“账期（天） < 0”")
        expect(drawn.locator(".node.skip")).to_contain_text("法务")
        page.get_by_label("条件 1：和什么比").select_option(index=1)
        expect(page.get_by_label("条件 1：值")).to_have_count(0)
        page.get_by_role("button", name="去掉条件 1").click()
        expect(page.locator("#when")).to_contain_text("没有条件")
        page.locator(".chip", has_text="总监").click()
        page.locator("#who .ts-control").click()
        page.keyboard.type("徐")
        page.locator(".ts-dropdown .option", has_text="徐").first.click()
        expect(page.locator("#who .chip").last).to_contain_text("徐")
        page.locator(".seg label", has_text="会签").click()
        expect(drawn.locator(".node.pick")).to_contain_text("会签")
        expect(run.locator("li").first).to_contain_text("会签：都要同意")
        expect(page.locator("#today")).to_contain_text("徐")
        expect(page.locator("#mark")).to_contain_text("草稿")
        assert not faults(page)
        with page.expect_navigation():
            page.get_by_role("button", name="启用").click()
        expect(page.get_by_role("status").first).to_contain_text("已启用")
        expect(page.locator("#canvas .node.pick")).to_contain_text("徐")
    assert admin.said == []


def test_it_is_changed_on_a_phone_and_by_keyboard(visitors: Visitors) -> None:
    with visitors("admin01").page("/flows/leave/submit", width=390) as page:
        page.get_by_role("checkbox", name="财务").focus()
        page.keyboard.press("Space")
        expect(page.locator("#canvas .node.pick")).to_contain_text("财务：")
        page.get_by_role("button", name="加一个条件").focus()
        page.keyboard.press("Enter")
        page.get_by_label("条件 1：字段").select_option(label="类型")
        page.get_by_label("条件 1：值").select_option(label="病假")
        expect(page.locator("#canvas .lab").first).to_contain_text("类型 等于 病假")
        assert not faults(page) and not too_wide(page)
