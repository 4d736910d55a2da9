"""May 2026 in the browser: reports of every kind through holidays and a leave, while an admin changes the portal under way.

1–5 May are holidays, Saturday 9 May is worked for them; the month's last day is a Sunday.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta

import pytest
from playwright.sync_api import Page, expect

from portal.engine.clock import clock
from tests.pages.browser import Visitor, signed_in
from tests.pages.lived import SHANGHAI, company, live_until

Visitors = Callable[[str], Visitor]
FIRST, LAST = date(2026, 5, 6), date(2026, 5, 31)
AWAY = (date(2026, 5, 18), date(2026, 5, 20))
WORKED = [date(2026, 5, n) for n in (6, 7, 8, 9, 11, 12, 13, 14, 15, 18, 19, 20, 21, 22, 25, 26, 27, 28, 29)]


@pytest.fixture(scope="module")
def base(migrated: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The demo company on the last holiday of Labour Day."""
    with company(migrated, tmp_path_factory.mktemp("may"), datetime(2026, 5, 5, 20, tzinfo=SHANGHAI)) as address:
        yield address


def test_a_month_of_reports(visitors: Visitors) -> None:
    """One story, told in order: each step begins where the one before it ended. A night signs everybody out."""
    again: Visitors = lambda login: signed_in(visitors(login), login)  # noqa: E731
    for day in (FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)):
        to(day, time(8, 30))
        if step := MEANWHILE.get(day):
            step(again)
        if day in WORKED:
            to(day, time(17, 30))
            the_rep_sends_what_is_due(again("rep01"))
        if day == LAST:
            to(day, time(17, 30))
            the_rep_sends_what_is_due(again("rep01"))
        to(day, time(18, 1))
    to(LAST + timedelta(days=1), time(9))
    the_rep_has_sent_every_report(again("rep01"))
    nothing_was_asked_of_who_was_away(again("leader01"))
    the_leader_reads_the_month(again("leader01"))


def to(day: date, hour: time) -> None:
    live_until(datetime.combine(day, hour, SHANGHAI))


def follow(page: Page, name: str) -> None:
    with page.expect_navigation():
        page.get_by_role("button", name=name, exact=True).first.click()


# what the rep does --------------------------------------------------------------------------------


def the_rep_sends_what_is_due(rep: Visitor) -> None:
    """On a phone: the draft is written, one line is added, and it is sent; the week's and the month's after the day's."""
    with rep.page("/report-desk/", width=390) as page:
        while (waiting := page.get_by_role("link", name="写", exact=True)).count():
            with page.expect_navigation():
                waiting.first.click()
            page.fill("[name=problems]", "缺样机")
            for answer in page.locator("textarea[name^='a.'], input[name^='a.']").all():
                if answer.is_visible() and not answer.input_value():
                    answer.fill("12")
            follow(page, "提交")
            page.goto(rep.base + "/report-desk/")
        expect(page.get_by_text("都交了。")).to_be_visible()


def the_rep_has_sent_every_report(rep: Visitor) -> None:
    for period, due in (("day", len(WORKED)), ("week", 4), ("month", 1)):
        condition = (
            f'["period","eq","{period}"],["first_on","between",["2026-05-01","2026-05-31"]],["state","in",["submitted","read","commented"]]'
        )
        with rep.page(f"/work_report/?tab=mine&filter=[{condition}]") as page:
            assert int(re.sub(r"\D", "", page.locator(".count").inner_text())) == due, period


# what others do meanwhile -------------------------------------------------------------------------


def an_admin_adds_fields(visitors: Visitors) -> None:
    """One to filter by, one that the pool hides; both are there at the rep's next click."""
    admin = visitors("admin01")
    for given, ticked in (
        ({"label_zh": "产线数量", "label_en": "Production lines", "kind": "integer"}, ("is_filterable", "is_listed")),
        ({"label_zh": "采购热线", "label_en": "Buyer hotline", "kind": "text", "mask": "pool"}, ()),
    ):
        with admin.page("/custom_field/new") as page:
            page.select_option("[name=entity]", "lead")
            for name in ("kind", "mask"):
                if name in given:
                    page.select_option(f"[name={name}]", given[name])
            page.fill("[name=label_zh]", given["label_zh"])
            page.fill("[name=label_en]", given["label_en"])
            for name in ticked:
                page.check(f"[name={name}]")
            follow(page, "保存")
            expect(page.locator("h1")).to_have_text(given["label_zh"])
    to(clock.now().astimezone(SHANGHAI).date(), time(8, 40))
    with visitors("rep01").page('/lead/?tab=mine&filter=[["x_production_lines","ge",3]]') as page:
        expect(page.locator(".pill")).to_contain_text("产线数量")
        page.goto(visitors("rep01").base + "/lead/?tab=mine")
        with page.expect_navigation():
            page.locator("tbody .link").first.click()
        page.goto(page.url + "/edit")
        page.fill("[name=x_production_lines]", "4")
        page.fill("[name=x_buyer_hotline]", "400-820-1234")
        follow(page, "保存")
        expect(page.locator(".dl")).to_contain_text("400-820-1234")
        page.goto(visitors("rep01").base + '/lead/?tab=mine&filter=[["x_production_lines","ge",3]]')
        assert page.locator("tbody .link").count() == 1


def somebody_asks_for_leave(visitors: Visitors) -> None:
    with visitors("rep02").page("/leave/new") as page:
        page.select_option("[name=kind]", "annual")
        page.fill("[name=first_on]", AWAY[0].isoformat())
        page.fill("[name=last_on]", AWAY[1].isoformat())
        follow(page, "保存")
        page.locator(".head").get_by_role("button", name="提交审批", exact=True).click()
        with page.expect_navigation():
            page.locator("dialog[open] .dlg-f .btn-primary").click()
    for login in ("leader01", "director01"):
        with visitors(login).page("/approvals/") as page:
            with page.expect_navigation():
                page.get_by_role("link", name=re.compile("请假")).last.click()
            page.locator(".head").get_by_role("button", name="同意", exact=True).click()
            with page.expect_navigation():
                page.locator("dialog[open] .dlg-f .btn-primary").click()


def an_admin_makes_a_role_for_one_region(visitors: Visitors) -> None:
    """Its holder sees the customers of one team, at his next click, and of no other."""
    admin = visitors("admin01")
    with admin.page("/roles/new") as page:
        page.fill("[name=zh]", "华东观察")
        page.fill("[name=en]", "East watcher")
        follow(page, "建立")
        page.check("[name=verb][value='customer:read']")
        page.select_option("[name='read.customer']", "chosen")
        page.locator("[name='read.customer'] >> xpath=ancestor::fieldset").locator("summary").click()
        page.locator("label", has_text="华东一组").locator("[name='teams.customer']").check()
        follow(page, "生效")
        expect(page.get_by_role("status").first).to_contain_text("已生效")
    with admin.page("/user/?q=service01") as page:
        with page.expect_navigation():
            page.locator("tbody .link").first.click()
        page.locator(".head").get_by_role("button", name="安排").click()
        page.select_option("dialog[open] [name=role]", label="华东观察")
        with page.expect_navigation():
            page.locator("dialog[open] .dlg-f .btn-primary").click()
    with visitors("service01").page("/customer/?columns=name,team_id") as page:
        assert set(page.locator("tbody td:last-child").all_inner_texts()) == {"华东一组"}


def an_admin_adds_a_question_to_the_week(visitors: Visitors) -> None:
    with visitors("admin01").page("/report-templates/") as page:
        with page.expect_navigation():
            page.get_by_role("link", name="销售周报").first.click()
        follow(page, "数字")
        page.fill("#label-zh", "下周预计（万元）")
        page.fill("#label-en", "Expected next week")
        follow(page, "存为新版")
        expect(page.locator("tbody tr", has_text="销售周报")).to_contain_text("下周预计")


MEANWHILE: dict[date, Callable[[Visitors], None]] = {
    date(2026, 5, 7): an_admin_adds_fields,
    date(2026, 5, 12): somebody_asks_for_leave,
    date(2026, 5, 14): an_admin_makes_a_role_for_one_region,
    date(2026, 5, 21): an_admin_adds_a_question_to_the_week,
}


# what the leader sees -----------------------------------------------------------------------------


def nothing_was_asked_of_who_was_away(leader: Visitor) -> None:
    for day in (AWAY[0] + timedelta(days=n) for n in range(3)):
        with leader.page(f"/report-desk/board?key={day}") as page:
            expect(page.locator("tbody")).to_contain_text("豁免")


def the_leader_reads_the_month(leader: Visitor) -> None:
    with leader.page('/work_report/?tab=team&filter=[["period","eq","month"],["state","eq","submitted"]]') as page:
        with page.expect_navigation():
            page.locator("tbody a[href^='/report-desk/']").first.click()
        expect(page.locator("body")).to_contain_text("缺样机")
