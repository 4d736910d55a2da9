"""A working day in the browser, on the two real files: from the import to the list of missing reports."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
from playwright.sync_api import Page

from tests.pages.browser import Visitor
from tests.pages.lived import SHANGHAI, company, live_until, work_off
from tests.sample_data import COMPANIES, CRM, sample_data

Visitors = Callable[[str], Visitor]
SHARE = 1000


def at(hour: int, minute: int = 0, *, day: int = 19) -> None:
    """Thursday 19 November 2026 unless told otherwise, in Shanghai."""
    live_until(datetime(2026, 11, day, hour, minute, tzinfo=SHANGHAI))


@pytest.fixture(scope="module")
def base(migrated: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The demo company on a Thursday morning."""
    with company(migrated, tmp_path_factory.mktemp("day"), datetime(2026, 11, 19, 8, tzinfo=SHANGHAI)) as address:
        yield address


def test_a_working_day(visitors: Visitors) -> None:
    """One story, told in order: each step begins where the one before it ended."""
    the_real_files_become_people_and_leads(visitors)
    the_director_deals_a_thousand_of_them_in_turn(visitors)
    for login in ("rep01", "rep05", "rep12"):
        each_rep_sees_exactly_his_own_and_the_pool(visitors(login))
    follow_ups_write_the_report_and_it_is_handed_in_on_a_phone(visitors)
    the_leader_gets_the_list_of_who_is_missing(visitors)
    who_has_no_role_has_seen_nothing(visitors)


def count(page: Page) -> int:
    """The figure beside the list's title; above the limit of counting it says how many at least."""
    return int(re.sub(r"\D", "", page.locator(".count").inner_text()))


def import_file(admin: Visitor, entity: str, file: str, mapping: str) -> str:
    """Through the import screen: upload, look, dry run, import. Returns what it says at the end."""
    with admin.page(f"/{entity}/import") as page:
        page.set_input_files("[name=upload]", str(sample_data() / file))
        page.select_option("[name=mapping]", label=mapping)
        page.get_by_role("button", name="上传并查看").click()
        page.get_by_role("button", name="试运行").click()
        work_off()
        page.get_by_role("button", name="现在导入").wait_for()
        page.get_by_role("button", name="现在导入").click()
        page.wait_for_url(re.compile(r"/import/\d+$"))
        work_off()
        page.locator("#run p.strong").wait_for()
        return page.locator("#run p.strong").inner_text()


def the_real_files_become_people_and_leads(visitors: Visitors) -> None:
    at(8, 30)
    admin = visitors("admin01")
    said = import_file(admin, "user", str(CRM / "sales_teams.csv"), "销售团队 Sales teams")
    assert "41" in said, said
    with admin.page("/user/") as page:
        assert count(page) == 22 + 41
    said = import_file(admin, "lead", str(COMPANIES), "上市公司名单 Listed companies")
    assert "43" in said, said
    with admin.page("/lead/?tab=pool") as page:
        assert count(page) >= SHARE


def the_director_deals_a_thousand_of_them_in_turn(visitors: Visitors) -> None:
    at(9)
    director = visitors("director01")
    with director.page("/lead/?tab=pool") as page:
        before = count(page)
        page.goto(director.base + f'/lead/?tab=pool&filter=[["source_id","eq",{source_id(visitors("admin01"))}]]')
        page.locator("[data-tick-all]").check()
        page.locator("[data-select-all]").click()
        page.locator("[data-bulk-verb$='/assign']").click()
        page.fill("dialog[open] [name=_first]", str(SHARE))
        page.press("dialog[open] [name=_first]", "Tab")
        go = page.locator("dialog[open] .dlg-f .btn-primary", has_text=str(SHARE))
        go.wait_for()
        dealt = [int(text) for text in page.locator("dialog[open] .tbl tbody td:nth-child(2)").all_inner_texts()]
        away = page.locator("dialog[open] .why li", has_text="请假").count()
        assert (len(dealt) + away, sum(dealt)) == (12, SHARE)
        go.click()
        page.locator("dialog[open]").wait_for(state="detached")
        work_off()
        page.goto(director.base + "/lead/?tab=pool")
        assert count(page) == before - SHARE


def source_id(admin: Visitor) -> str:
    """The channel that the import has made."""
    with admin.page("/source_channel/?q=上市公司") as page:
        return str(page.locator("tbody .link").first.get_attribute("href")).rsplit("/", 1)[1]


def each_rep_sees_exactly_his_own_and_the_pool(rep: Visitor) -> None:
    with rep.page("/lead/?tab=all") as page:
        everything = count(page)
        pool, own = seen_in(page, rep, "pool"), seen_in(page, rep, "mine")
        assert everything == pool + own
        assert len(set(page.locator("tbody .who").all_inner_texts())) == 1, "only his own name stands beside a lead"


def seen_in(page: Page, rep: Visitor, tab: str) -> int:
    page.goto(f"{rep.base}/lead/?tab={tab}")
    return count(page)


def follow_ups_write_the_report_and_it_is_handed_in_on_a_phone(visitors: Visitors) -> None:
    at(15)
    rep = visitors("rep01")
    with rep.page("/lead/?tab=mine", width=390) as page:
        for number in range(3):
            page.goto(f"{rep.base}/lead/?tab=mine")
            page.locator("tbody .link").nth(number).click()
            page.fill("[name=content]", f"第 {number + 1} 家：约了下周的演示。")
            page.locator(".composer button[type=submit]").click()
            page.locator(".tl-card", has_text="约了下周的演示").wait_for()
    at(17, 30)
    with rep.page("/", width=390) as page:
        assert re.search(r"\d", page.locator(".topbar .bell").get_attribute("aria-label") or ""), "the bell has rung"
        page.get_by_role("link", name="看一眼并提交").click()
        page.get_by_text("约了下周的演示").first.wait_for()
        page.fill("[name=problems]", "没有问题。")
        page.get_by_role("button", name="提交").click()
        page.get_by_text("已提交").first.wait_for()


def the_leader_gets_the_list_of_who_is_missing(visitors: Visitors) -> None:
    for hour in (18, 20):
        at(hour)
    at(0, 1, day=20)
    at(9, day=20)
    leader = visitors("leader01")
    with leader.page("/inbox/") as page:
        page.get_by_text("缺报").first.wait_for()
        page.goto(leader.base + "/report-desk/board?key=2026-11-19")
        states = page.locator("tbody .state").all_inner_texts()
        assert sorted(states) == ["已交", "缺报", "缺报", "缺报"]


def who_has_no_role_has_seen_nothing(visitors: Visitors) -> None:
    with visitors("warehouse01").page("/") as page:
        assert page.locator(".nav a[href='/lead/']").count() == 0
        answer = page.goto(visitors("warehouse01").base + "/lead/")
        assert answer is not None
        assert answer.status == 403
