"""Every way to a report ends where it is written; every figure and count leads to the records it counts. Over HTTP."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from portal import models
from tests.cast import NOW, Cast
from tests.domain.test_report_figures import figures, follow_up, results
from tests.domain.test_reports import do, opened, report_of
from tests.security.web import Browser, Site


def hrefs(page: str) -> list[str]:
    return [html.unescape(found) for found in re.findall(r'href="([^"]+)"', page)]


def listed(browser: Browser, href: str, token: str) -> int:
    """How many records the list behind an address holds, asked of REST with the same conditions."""
    assert browser.get(href).status_code == 200, href
    parts = urlsplit(href)
    given = {key: value[0] for key, value in parse_qs(parts.query).items()}
    answer = browser.client.get(f"/api/v1{parts.path}", query_string={**given, "limit": 200}, headers={"Authorization": f"Bearer {token}"})
    return len(answer.get_json()["result"])


def test_rows_and_record_page_lead_to_the_desk_and_nothing_offers_the_generic_form(site: Site, cast: Cast) -> None:
    opened(cast)
    report = report_of(cast, "rep").id
    rep = site.signed_in("rep")
    assert f"/report-desk/{report}" in hrefs(rep.get("/work_report/?tab=mine").text)
    record = hrefs(rep.get(f"/work_report/{report}").text)
    assert f"/report-desk/{report}" in record and f"/work_report/{report}/edit" not in record
    edit = rep.get(f"/work_report/{report}/edit")
    assert (edit.status_code, edit.headers["Location"]) == (303, f"/report-desk/{report}")
    assert 'name="send"' in rep.get(f"/report-desk/{report}").text


def test_a_sent_report_and_a_colleagues_are_edited_nowhere(site: Site, cast: Cast) -> None:
    opened(cast)
    report = report_of(cast, "rep").id
    leader = site.signed_in("leader_a")
    assert leader.get(f"/work_report/{report}/edit").headers["Location"] == f"/report-desk/{report}"
    assert 'name="send"' not in leader.get(f"/report-desk/{report}").text
    do(cast, "rep", "submit", report)
    rep = site.signed_in("rep")
    assert rep.get(f"/work_report/{report}/edit").status_code == 409
    assert 'name="send"' not in rep.get(f"/report-desk/{report}").text


def test_who_has_no_desk_reads_the_record(site: Site, cast: Cast) -> None:
    opened(cast)
    report = report_of(cast, "rep").id
    admin = site.signed_in("admin")
    assert f"/work_report/{report}" in hrefs(admin.get("/work_report/").text)
    assert f"/report-desk/{report}" not in hrefs(admin.get(f"/work_report/{report}").text)


def test_notices_and_mails_lead_to_the_desk(site: Site, cast: Cast) -> None:
    opened(cast)
    report = report_of(cast, "rep").id
    do(cast, "rep", "submit", report)
    do(cast, "leader_a", "comment", report, comment="很好")
    assert [row.href for row in cast.rows(models.Notification)] == [f"/report-desk/{report}"]
    assert [row.body["href"] for row in cast.rows(models.Outbox)] == [f"/report-desk/{report}"]


def test_the_board_links_every_person_to_his_report(site: Site, cast: Cast) -> None:
    opened(cast)
    board = hrefs(site.signed_in("leader_a").get("/report-desk/board?key=2026-05-12").text)
    assert {f"/report-desk/{report_of(cast, login).id}" for login in ("rep", "mate")} <= set(board)


def test_every_figure_leads_to_exactly_what_it_counts(site: Site, cast: Cast) -> None:
    day = NOW.date()
    answered = cast.lead(owner="rep", first_response_at=NOW, created_by_id=cast.people["rep"])
    for minutes, late in ((0, 0), (1, 5)):
        made = follow_up(cast, lead_id=answered, at=NOW + timedelta(minutes=minutes))
        cast.set(models.FollowUp, made, logged_late=late)
    follow_up(cast, customer_id=cast.customer(owner="rep"), kind="visit")
    for how, former in (("claim", {"former_pool_id": cast.pool_id}), ("assign", {"former_owner_id": cast.people["mate"]})):
        lead = cast.lead(owner="rep", created_at=NOW - timedelta(days=90))
        cast.add(models.Tenure, entity="lead", record_id=lead, at=NOW, owner_id=cast.people["rep"], how=how, **former)
    back = cast.lead(created_at=NOW - timedelta(days=90))
    cast.add(models.Tenure, entity="lead", record_id=back, at=NOW, former_owner_id=cast.people["rep"], pool_id=cast.pool_id, how="release")
    results(cast, "rep", "100", day)
    results(cast, "mate", "100", day)
    rep = site.signed_in("rep")
    token = site.browser().token("rep").get_json()["access_token"]
    found: dict[str, Any] = figures(cast)
    counted = {key: figure for key, figure in found.items() if figure.value and not key.endswith("_amount")}
    assert {"leads_contacted", "customers_contacted", "logged_late", "claimed", "received", "released", "first_responses"} <= set(counted)
    for key, figure in counted.items():
        assert listed(rep, figure.href, token) == figure.value, key


def test_chosen_records_are_told_in_words_and_nonsense_is_refused(site: Site, cast: Cast) -> None:
    ids = [cast.lead(owner="rep"), cast.lead(owner="rep"), cast.lead(owner="other")]
    rep = site.signed_in("rep")
    page = rep.get(f'/lead/?filter=[["id","in",{ids}]]'.replace(" ", "")).text
    assert "指定的记录" in page and "3 条" in page
    for bad in ('"x"', '["x"]', str(list(range(1, 302)))):
        assert rep.get(f'/lead/?filter=[["id","in",{bad}]]').status_code == 400
    assert rep.get('/lead/?filter=[["id","eq",1]]').status_code == 400


@pytest.mark.parametrize(("count", "said"), [(20, "20"), (33, "前 20 条，共 33 条")])
def test_the_home_tells_how_many_wait_in_truth_and_leads_to_them_all(site: Site, cast: Cast, count: int, said: str) -> None:
    cast.leads(count, owner="rep", next_at=NOW, first_response_due_at=NOW + timedelta(hours=1))
    rep = site.signed_in("rep")
    page = rep.get("/").text
    assert f">{said}<" in page
    assert f"今天还有 {2 * count} 件事" in page
    token = site.browser().token("rep").get_json()["access_token"]
    ways = {href for href in hrefs(page) if href.startswith("/lead/?filter")}
    assert [listed(rep, way, token) for way in ways].count(count) >= 2


def test_a_leaders_breaches_are_counted_in_truth_without_the_running_clocks(site: Site, cast: Cast) -> None:
    cast.leads(23, owner="rep", first_response_due_at=NOW - timedelta(seconds=1))
    cast.leads(4, owner="mate", first_response_due_at=NOW + timedelta(hours=1))
    leader = site.signed_in("leader_a")
    token = site.browser().token("leader_a").get_json()["access_token"]
    page = leader.get("/").text
    (way,) = {href for href in hrefs(page) if "first_response_due_at" in href and "not_empty" in href and "owner_id%22,%22eq" not in href}
    assert ">23<" in page and listed(leader, way, token) == 23


def test_reasons_and_summaries_are_told_in_the_readers_language(site: Site, cast: Cast) -> None:
    cast.lead(owner="rep", owned_at=NOW - timedelta(days=85), contacted_at=NOW)
    follow_up(cast, lead_id=cast.lead(owner="rep", company="华锐"))
    opened(cast)
    do(cast, "rep", "submit", report_of(cast, "rep").id)
    rep, leader = site.signed_in("rep"), site.signed_in("leader_a")
    assert "90 天没有成交" in rep.get("/").text and "很久没有跟进" not in rep.get("/").text
    for browser in (rep, leader):
        browser.post("/preferences", {"language": "en"})
    assert "no deal for 90 days" in rep.get("/").text
    assert "华锐: 谈了价格" in leader.get("/report-desk/board?key=2026-05-12").text


def test_programs_get_what_a_report_says_once(site: Site, cast: Cast) -> None:
    opened(cast)
    report = report_of(cast, "rep").id
    do(cast, "rep", "submit", report, problems="缺样机")
    headers = {"Authorization": f"Bearer {site.browser().token('rep').get_json()['access_token']}"}
    client = site.browser().client
    told = client.get(f"/api/v1/work_report/{report}", headers=headers).get_json()["result"]
    assert "full_text" not in told and told["problems"] == "缺样机"
    listed_rows = client.get("/api/v1/work_report/?columns=title,full_text", headers=headers).get_json()["result"]
    assert "full_text" not in listed_rows[0]
    assert len(client.get("/api/v1/work_report/?q=缺样机", headers=headers).get_json()["result"]) == 1
    assert "full_text" not in str(client.get("/api/v1/_openapi", headers=headers).get_json())


def test_a_converted_lead_stays_as_it_is(site: Site, cast: Cast) -> None:
    lead = cast.lead(owner="rep", state="converted", converted_at=NOW)
    rep = site.signed_in("rep")
    assert f"/lead/{lead}/edit" not in hrefs(rep.get(f"/lead/{lead}").text)
    assert rep.get(f"/lead/{lead}/edit").status_code == 409
    headers = {"Authorization": f"Bearer {site.browser().token('rep').get_json()['access_token']}"}
    answer = site.browser().client.put(f"/api/v1/lead/{lead}", json={"company": "改名", "version": 1}, headers=headers)
    assert answer.status_code == 409, answer.text
