"""Every page kind, for the role that lives in it: accessible, quiet under the strict policy, no sideways scroll."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest
from PIL import Image

from tests.pages.browser import Visitor, faults, too_wide

PAGES = {
    "rep07": (
        "/",
        "/lead/",
        "/lead/?tab=pool",
        "/lead/new",
        "/lead/first",
        "/report-desk/",
        "/report-desk/first",
        "/inbox/",
        "/me/",
        "/lead/?q=没有这家公司",
        "/follow_up/charts",
    ),
    "leader01": ("/", "/lead/charts", "/lead/?tab=pool", "/report-desk/board", "/report-desk/board?period=week", "/work_report/?q=客户"),
    "director01": ("/", "/customer/charts"),
    "admin01": (
        "/",
        "/user/",
        "/jobs/",
        "/audit-log/",
        "/audit-log/?kind=denied&from=2020-01-01",
        "/lead/import",
        "/pool/",
        "/policy/",
        "/policies/",
        "/policies/?q=没有这一项",
        "/policies/contract.payment_terms",
        "/policies/class.amount",
        "/policies/report.week.remind",
        "/policies/report.week.roles",
        "/policies/report.day.on",
        "/report-templates/",
        "/report-templates/2",
        "/print-templates/",
        "/print-templates/contract",
        "/roles/",
        "/roles/4",
        "/roles/4/fields?tab=1",
        "/roles/why",
        "/fields/?entity=customer",
        "/fields/new?entity=lead",
        "/fields/new?entity=lead&kind=reference",
        "/fields/1",
        "/fields/3",
        "/flows/",
        "/flows/contract/submit",
        "/custom_field/",
        "/custom_field/1",
    ),
    "legal01": ("/", "/lead/"),
}
Visitors = Callable[[str], Visitor]


def first_of(visitor: Visitor, path: str) -> str:
    """`/lead/first` is the first record of the person's own list."""
    if not path.endswith("/first"):
        return path
    entity = path.split("/")[1]
    lists = {"lead": "/lead/?tab=mine", "report-desk": "/report-desk/"}
    with visitor.page(lists[entity]) as page:
        found = page.locator(f"main a[href^='/{entity}/']").evaluate_all("links => links.map(a => a.getAttribute('href'))")
    return next(href for href in found if href.rsplit("/", 1)[1].isdigit())


@pytest.mark.parametrize(
    ("width", "theme", "language"), [(1440, "light", "zh"), (1440, "dark", "en"), (390, "light", "en"), (390, "dark", "zh")]
)
@pytest.mark.parametrize("login", PAGES)
def test_pages_are_accessible_and_quiet(login: str, width: int, theme: str, language: str, visitors: Visitors) -> None:
    visitor = visitors(login)
    visitor.said.clear()
    wrong = []
    for each in PAGES[login]:
        path = first_of(visitor, each)
        with visitor.page(path, width=width, theme=theme, language=language) as page:
            wrong += [f"{path}: {fault}" for fault in faults(page)]
            if too_wide(page):
                wrong.append(f"{path}: scrolls sideways at {width}")
    said = [line for line in visitor.said if "403" not in line and "404" not in line]
    assert not wrong + said, "\n".join(wrong + said)


def test_a_leader_assigns_from_the_pool_and_takes_it_back(visitors: Visitors) -> None:
    with visitors("leader01").page("/lead/?tab=pool") as page:
        before = page.locator(".count").inner_text()
        for row in range(3):
            page.locator("[data-tick]").nth(row).click()
        page.locator("[data-bulk-verb$='/assign']").click()
        page.locator("dialog[open] .tbl tbody tr").first.wait_for()
        page.locator("dialog[open] .dlg-f .btn-primary").click()
        page.locator(".toast-x button").wait_for()
        assert int(page.locator(".count").inner_text()) == int(before) - 3
        page.locator(".toast-x button").click()
        page.locator(".count", has_text=before).wait_for()


def test_the_bulk_bar_tells_how_many_of_the_ticked_rows_a_verb_fits(visitors: Visitors) -> None:
    """None of the opportunities that are going on can be resumed; those that can be lost are counted."""
    going_on = quote('[["state","eq","open"]]')
    with visitors("leader01").page(f"/opportunity/?filter={going_on}") as page:
        for row in range(3):
            page.locator("[data-tick]").nth(row).click()
        resume, lose = (page.locator(f"[data-bulk-verb$='/{verb}']") for verb in ("resume", "lost"))
        assert resume.is_disabled() and resume.locator("[data-count]").inner_text() == "0"
        assert lose.is_enabled() and lose.locator("[data-count]").inner_text() == "3"


def test_a_rep_claims_logs_a_follow_up_and_sees_it_in_the_timeline(visitors: Visitors) -> None:
    rep = visitors("rep08")
    with rep.page("/lead/?tab=pool") as page:
        name = page.locator("tbody tr .link").first.inner_text()
        page.locator("[data-tick]").first.click()
        page.locator("[data-bulk-verb$='/claim']").click()
        page.locator("dialog[open] .dlg-f .btn-primary").click()
        page.locator(".toast-x").wait_for()
        page.goto(rep.base + f"/lead/?tab=mine&q={name}")
        page.locator("tbody tr .link").first.click()
        page.fill("[name=content]", "电话里谈了交期，下周给报价。")
        page.locator(".composer button[type=submit]").click()
        page.locator(".tl-card", has_text="下周给报价").wait_for()


def test_on_a_phone_a_contact_is_logged_with_a_photo_and_leads_to_its_entry(visitors: Visitors) -> None:
    rep = visitors("rep08")
    rep.said.clear()
    mine = quote('[["state","in",["assigned","following"]]]')
    with rep.page(f"/lead/?tab=mine&filter={mine}", width=390) as page:
        page.locator("tbody tr .link").first.click()
        page.fill("[name=content]", "见面谈了方案，附上现场照片。")
        photo = io.BytesIO()
        Image.new("RGB", (40, 30)).save(photo, "PNG")
        page.locator("[capture=environment]").set_input_files([{"name": "现场.png", "mimeType": "image/png", "buffer": photo.getvalue()}])
        page.locator("[data-file-names]", has_text="现场.png").wait_for()
        page.locator(".composer button[type=submit]").click()
        page.locator(".tl-card", has_text="现场照片").locator("a", has_text="现场.png").wait_for()
        assert not faults(page) and not too_wide(page)
        page.locator(".toast-x a").click()
        page.locator("form[action$='/remove'] button").click()
        page.locator(".toast-x form button").click()
        page.locator(".toast-x", has_text="已恢复").wait_for()
        assert not faults(page) and not too_wide(page)
    assert not rep.said


def test_what_a_bulk_verb_left_is_listed_on_a_page_of_its_own(visitors: Visitors) -> None:
    leader, done = visitors("leader01"), quote('[["state","eq","converted"]]')
    with leader.page(f"/lead/?filter={done}", width=390, theme="dark", language="en") as page:
        ids = page.locator("[data-tick]").evaluate_all("ticks => ticks.slice(0, 2).map(tick => tick.value)")
        token = page.locator("meta[name=csrf-token]").get_attribute("content") or ""
        form = {"ids": ",".join(ids), "reason": "x", "csrf_token": token}
        told = page.request.post(f"{leader.base}/lead/verb/invalidate", form=form, headers={"HX-Request": "true"})
        page.goto(leader.base + json.loads(told.headers["hx-trigger"])["portal:toast"]["href"])
        assert page.locator(".left a").count() == 2
        assert not faults(page) and not too_wide(page)


def test_a_verb_that_is_sent_wrong_stays_as_it_was_typed_and_the_policy_silent(visitors: Visitors) -> None:
    """What a script or a dragged corner has sized is swapped as well, and no style is written into the markup."""
    leader = visitors("leader01")
    leader.said.clear()
    with leader.page("/lead/?tab=pool") as page:
        page.locator("[data-tick]").nth(0).click()
        page.locator("[data-tick]").nth(1).click()
        page.locator("[data-bulk-verb$='/assign']").click()
        first = page.locator("dialog[open] [name=_first]")
        first.evaluate("input => { input.style.height = '44px'; }")
        first.fill("two")
        with page.expect_response(lambda answer: "preview" not in answer.url and "/verb/assign" in answer.url):
            first.press("Enter")
        page.locator("dialog[open] .note-bad").wait_for()
        assert first.input_value() == "two"
    assert [line for line in leader.said if "style" in line] == []


@pytest.mark.parametrize(("login", "path"), [("cashier01", "/receipt/"), ("legal01", "/contract/"), ("leader01", "/class_review/")])
def test_a_list_shows_its_words_where_there_is_room_for_them(login: str, path: str, visitors: Visitors) -> None:
    with visitors(login).page(path, language="en") as page:
        cut = page.locator(".dt :is(th, td:not(:first-child))").evaluate_all(
            "cells => cells.filter(cell => cell.scrollWidth > cell.clientWidth).map(cell => cell.innerText)"
        )
        assert cut == []


def test_the_first_column_stays_readable_where_a_list_is_wider_than_the_screen(visitors: Visitors) -> None:
    with visitors("leader01").page("/lead/", language="en") as page:
        page.set_viewport_size({"width": 1024, "height": 800})
        page.locator(".grid-wrap").evaluate("list => list.scrollTo(9999, 0)")
        name = page.locator(".dt .link").first.bounding_box()
        assert name and name["x"] >= 220 and name["width"] > 80


def test_a_card_on_a_phone_tells_what_its_record_is_and_in_which_state(visitors: Visitors) -> None:
    """Whatever the record type declares: a name alone tells nobody which of five leaves to open."""
    with visitors("leader01").page("/leave/", width=390, language="en") as page:
        card = page.locator(".dt tbody tr").first
        assert card.locator(".state").is_visible() and card.locator(".who").is_visible()


def test_an_empty_list_offers_only_what_its_reader_may_do(visitors: Visitors) -> None:
    with visitors("service01").page("/leave/") as page:
        words = page.locator(".empty-x").inner_text()
        assert "新建" in words and "导入" not in words
        page.goto(page.url + "?deleted=1")
        assert "回收站是空的" in page.locator(".empty-x").inner_text()


def test_a_report_is_named_in_the_language_of_who_reads_it(visitors: Visitors) -> None:
    for language, name in (("zh", "日报 20"), ("en", "Daily report 20")):
        with visitors("rep07").page("/report-desk/", language=language) as page:
            assert page.locator("main a", has_text=name).count()


def test_amounts_side_by_side_say_what_each_is(visitors: Visitors) -> None:
    running = quote('[["state","eq","effective"]]')
    director = visitors("director01")
    with director.page(f"/contract/?filter={running}", language="en") as page:
        page.locator("tbody .link").first.click()
        lines = page.locator("aside .panel", has_text="Contract lines").locator(".soft")
        lines.first.wait_for()
        parts = lines.all_inner_texts()
        assert all("Price ¥" in each and "Amount ¥" in each for each in parts), parts


def test_a_leader_reaches_every_report_of_the_board_on_a_phone(visitors: Visitors) -> None:
    """What a report says in a line leaves the button beside it on the screen."""
    with visitors("leader01").page("/report-desk/board", width=390) as page:
        board = page.locator(".scroll-x:has(td.cut)")
        assert board.evaluate("board => board.scrollWidth <= board.clientWidth + 1")


def test_on_a_phone_the_log_keeps_its_filters_folded_and_says_how_many_count(visitors: Visitors) -> None:
    with visitors("admin01").page("/audit-log/?verb=sign_in&from=2020-01-01", width=390, language="en") as page:
        fold = page.locator("label[for=log-more]")
        assert fold.inner_text().split() == ["Filters", "2"] and not page.locator(".log-bar [name=who]").is_visible()
        fold.click()
        page.select_option(".log-bar [name=type]", "user")
        page.locator(".log-bar [type=submit]").click()
        page.wait_for_url("**type=user**")
        assert page.locator("label[for=log-more]").inner_text().split() == ["Filters", "3"]
        assert not faults(page) and not too_wide(page)


def test_ones_own_menu_and_where_one_is_stay_in_sight_however_long_the_navigation(visitors: Visitors) -> None:
    with visitors("admin01").page("/work_calendar/") as page:
        height = (page.viewport_size or {})["height"]
        for part in (".side .me", ".side .on"):
            box = page.locator(part).bounding_box()
            assert box and box["y"] >= 0 and box["y"] + box["height"] <= height, part
        assert page.evaluate("document.documentElement.scrollHeight") <= height


def test_what_was_sent_is_read_on_a_phone_without_scrolling_sideways(visitors: Visitors) -> None:
    with visitors("rep07").page("/report-desk/", width=390) as page:
        cells = page.locator(".tbl-past td:visible")
        assert cells.count() and all((box := cell.bounding_box()) and box["x"] + box["width"] <= 390 for cell in cells.all())


def test_what_is_wrong_in_a_form_is_said_by_the_names_of_its_fields_and_nothing_typed_is_lost(visitors: Visitors) -> None:
    with visitors("rep07").page("/lead/new") as page:
        page.locator("form.page-form").evaluate("form => { form.noValidate = true; }")
        page.fill("[name=phone]", "123")
        page.locator(".foot .btn-primary").click()
        words = page.locator(".page-form > .note-bad").inner_text()
        assert "公司：必填" in words and "来源：必填" in words and "电话：" in words
        assert page.input_value("[name=phone]") == "123"
