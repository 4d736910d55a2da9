"""An admin makes and changes custom fields by hand, keyboard and drag; a rep has them at his next click."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.pages.browser import Visitor, faults, too_wide

Visitors = Callable[[str], Visitor]


def choices(page: Page) -> list[str]:
    return [each.input_value() for each in page.locator("[name=choice_zh]").all()]


def save(page: Page) -> None:
    with page.expect_navigation():
        page.get_by_role("button", name="保存", exact=True).first.click()
    expect(page.get_by_role("status").first).to_contain_text("已保存")


def test_choices_and_roles_are_changed_and_their_effect_is_told_as_it_is_typed(visitors: Visitors) -> None:
    admin = visitors("admin01")
    admin.said.clear()
    with admin.page("/fields/?entity=customer") as page:
        with page.expect_navigation():
            page.get_by_role("link", name="主要设备").click()
        effects = page.locator(".effects")
        page.get_by_role("button", name="加一个选项").click()
        expect(page.locator("[name=choice_zh]").nth(3)).to_be_focused()
        page.keyboard.type("冲压机")
        page.locator("[name=choice_en]").nth(3).fill("Press")
        expect(effects).to_contain_text("多 1 个选项")
        expect(page.locator(".pv .hot option")).to_contain_text(["冲压机"])
        page.get_by_role("button", name="去掉：注塑机").click()
        expect(effects).to_contain_text("条记录还填着“注塑机”")
        page.get_by_role("button", name="放回：注塑机").click()
        expect(effects).not_to_contain_text("注塑机")
        page.locator(".opts .grip").nth(3).drag_to(page.locator(".opts li").nth(0))
        expect(page.locator("[name=choice_zh]").nth(0)).to_have_value("注塑机")
        page.get_by_role("button", name="下移：注塑机").focus()
        page.keyboard.press("Enter")
        expect(page.locator("[name=choice_zh]").nth(1)).to_have_value("注塑机")
        expect(page.get_by_role("button", name="下移：注塑机")).to_be_focused()
        page.get_by_role("row", name="业务员").get_by_label("能填").uncheck()
        page.get_by_role("row", name="组长").get_by_label("看得到").uncheck()
        expect(effects).to_contain_text("人不再看到它")
        assert not faults(page)
        save(page)
        assert choices(page) == ["数控机床", "注塑机", "激光切割", "冲压机"]
        expect(page.get_by_role("row", name="业务员").get_by_label("能填")).not_to_be_checked()
    assert admin.said == []
    with visitors("rep07").page("/customer/new") as page:
        assert not page.locator("[name=x_machine]").count(), "reps see it and no longer fill it in"
    with visitors("director01").page("/customer/new") as page:
        expect(page.locator("[name=x_machine] option")).to_contain_text(["数控机床", "注塑机", "激光切割", "冲压机"])


def test_a_new_field_is_made_on_a_phone_put_away_and_taken_back(visitors: Visitors) -> None:
    admin = visitors("admin01")
    with admin.page("/fields/?entity=lead", width=390) as page:
        page.get_by_role("link", name="新建字段").click()
        page.get_by_role("link", name="金额").click()
        page.fill("#f-label_zh", "年度预算")
        page.fill("#f-label_en", "Yearly budget")
        page.select_option("#f-section", "+")
        page.fill("#section-zh", "采购")
        page.get_by_label("列表显示").check()
        expect(page.locator(".effects")).to_contain_text("线索列表多一列")
        assert not faults(page) and not too_wide(page)
        with page.expect_navigation():
            page.locator(".foot .btn-primary").click()
        expect(page.locator("h1")).to_have_text("年度预算")
        with page.expect_navigation():
            page.get_by_role("button", name="收起").click()
        expect(page.get_by_role("status").first).to_contain_text("“年度预算”已收起")
        with page.expect_navigation():
            page.get_by_role("button", name="撤销").click()
        expect(page.locator("#f-section")).to_have_value("采购 | 采购")


def test_control_s_saves_and_what_is_typed_guards_the_page(visitors: Visitors) -> None:
    with visitors("admin01").page("/fields/2") as page:
        page.fill("#f-help_zh", "在用的产线。")
        asked: list[str] = []
        page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
        page.get_by_role("link", name="返回").first.click()
        page.wait_for_function("true")
        assert asked == ["beforeunload"]
        with page.expect_navigation():
            page.press("#f-help_zh", "Control+s")
        expect(page.locator("#f-help_zh")).to_have_value("在用的产线。")
        expect(page.get_by_role("status").first).to_contain_text("已保存")
