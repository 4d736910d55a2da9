"""The policy desk in a browser: every figure is found, changed, planned and taken back there; nothing typed is lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html import escape, unescape

import pytest

from portal import models
from portal.domain import role_changes, role_desk
from portal.engine.clock import clock
from portal.engine.text import Language, pick
from portal.handbook.areas import AREAS
from portal.policies import POLICIES
from tests.cast import NOW
from tests.security.web import Browser, Site

TODAY = date(2026, 5, 12)
POINTS, HOURS = "/policies/class.points", "/policies/lead.first_response_hours"


def stamp(browser: Browser, page: str) -> str:
    """What the open editor has seen."""
    return browser.get(page).get_data(as_text=True).partition('name="seen" value="')[2].partition('"')[0]


def put(browser: Browser, page: str, *value: str, on: date = TODAY, reason: str = "年度调整", **more: str) -> tuple[int, str]:
    given = {"value": list(value), "effective_on": on.isoformat(), "reason": reason, "seen": stamp(browser, page), **more}
    answer = browser.post(page, given, page=page)
    return answer.status_code, unescape(answer.get_data(as_text=True))


def read(browser: Browser, page: str) -> str:
    answer = browser.get(page)
    assert answer.status_code == 200
    return unescape(answer.get_data(as_text=True))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_figure_is_on_the_desk_with_its_default_and_its_clause(site: Site, language: Language) -> None:
    admin = site.signed_in("admin")
    admin.client.set_cookie("language", language)
    page = admin.get("/policies/").get_data(as_text=True)
    for policy in POLICIES.values():
        row = page.partition(f'href="/policies/{policy.key}"')[2].partition("</li>")[0]
        for words in (pick(policy.label, language), pick(policy.about, language), pick(policy.clause, language)):
            assert escape(words, quote=False).replace('"', "&#34;") in row, policy.key
        assert escape(policy.tell(policy.default, language), quote=False) in row, policy.key
        assert admin.get(f"/policies/{policy.key}").status_code == 200
    assert all(f">{escape(pick(area.label, language))}</h2>" in page for area in AREAS)
    assert all(href in page for href in ("/policy/", "/pool/", "/class-thresholds/", "/flows/"))


def test_it_is_searched_by_name_value_clause_and_key(site: Site) -> None:
    admin = site.signed_in("admin")
    for words, found, not_found in (
        ("payment terms", "contract.payment_terms", "contract.number"),
        ("手册 55", "payment.overdue_days", "payment.remind_days"),
        ("notify.", "notify.payment", "payment.remind_days"),
        ("周报 站内", "", "notify.report"),
        ("提前 3 小时", "report.week.remind", "report.day.remind"),
    ):
        page = read(admin, f"/policies/?q={words}")
        assert not found or f'href="/policies/{found}"' in page
        assert f'href="/policies/{not_found}"' not in page


def test_a_value_written_there_counts_on_the_next_request(site: Site) -> None:
    admin = site.signed_in("admin")
    assert 'name="points" value="2,4"' in read(admin, "/class-thresholds/")
    status, _ = put(admin, POINTS, "1", "3")
    assert status == 303 and 'name="points" value="1,3"' in read(admin, "/class-thresholds/")
    (row,) = site.cast.rows(models.Policy, models.Policy.key == "class.points")
    assert (row.value, row.effective_on, row.reason, row.created_by_id) == ("1,3", TODAY, "年度调整", site.cast.people["admin"])
    line = read(admin, "/policies/?show=changed")
    assert "1 分起为 B 类、3 分起为 A 类" in line and "管理员" in line and "年度调整" in line
    assert 'href="/policies/class.deals"' not in line


def test_another_one_on_the_same_day_replaces_it_and_the_default_ends_the_change(site: Site) -> None:
    admin = site.signed_in("admin")
    assert put(admin, HOURS, "48")[0] == 303 and put(admin, HOURS, "36", reason="再想想")[0] == 303
    (row,) = site.cast.rows(models.Policy, models.Policy.key == "lead.first_response_hours")
    assert (row.value, row.reason, row.version) == ("36", "再想想", 2)
    assert put(admin, HOURS, "24", reason="还是默认")[0] == 303
    assert 'href="/policies/lead.first_response_hours"' not in read(admin, "/policies/?show=changed")


@pytest.mark.parametrize(
    ("key", "typed", "words"),
    [
        ("lead.first_response_hours", ["abc"], "写一个 0 到 1,000,000 的整数"),
        ("lead.first_response_hours", [""], "写一个 0 到 1,000,000 的整数"),
        ("class.points", ["4", "2"], "后一个比前一个大"),
        ("contract.payment_terms", ["30", "3", "60", "30"], "现在是 90"),
        ("report.day.remind", ["soon", ""], "截止前的分钟数"),
        ("report.day.roles", [], "至少选一个角色"),
        ("notify.report", ["mail"], "邮件随站内通知发出"),
        ("contract.number", ["HT"], "{year}"),
        ("lead.first_response_hours", ["24"], "本来就是这个值"),
    ],
)
def test_a_wrong_value_is_refused_in_words_beside_it_and_kept(site: Site, key: str, typed: list[str], words: str) -> None:
    admin = site.signed_in("admin")
    status, page = put(admin, f"/policies/{key}", *typed, reason="写错了")
    beside = page.partition('class="err" id="value-e">')[2].partition("</div>")[0]
    assert status == 422 and words in beside, beside
    assert all(f'value="{each}"' in page for each in typed if each) and 'value="写错了"' in page
    assert site.cast.rows(models.Policy) == []


def test_all_that_is_wrong_is_told_at_once(site: Site) -> None:
    admin = site.signed_in("admin")
    status, page = put(admin, HOURS, "48", on=TODAY - timedelta(days=1), reason=" ")
    assert status == 422 and all(f'class="err" id="{key}-e"' in page for key in ("effective_on", "reason"))
    assert 'id="value-e"' not in page and 'value="48"' in page


def test_a_planned_value_counts_from_its_day_on(site: Site) -> None:
    admin = site.signed_in("admin")
    later = TODAY + timedelta(days=3)
    assert put(admin, POINTS, "1", "3", on=later)[0] == 303
    assert 'name="points" value="2,4"' in read(admin, "/class-thresholds/")
    planned = read(admin, "/policies/?show=planned")
    assert "5月15日起：1 分起为 B 类、3 分起为 A 类" in planned and "2 分起为 B 类、4 分起为 A 类" in planned
    clock.set(NOW + timedelta(days=3))
    assert 'name="points" value="1,3"' in read(site.signed_in("admin"), "/class-thresholds/")


def test_its_day_is_the_companys_and_begins_at_its_midnight(site: Site) -> None:
    """Also for how long one stays signed in, which is asked before anything else."""
    clock.set(datetime(2026, 5, 12, 15, 50, tzinfo=UTC))
    admin = site.signed_in("admin")
    assert put(admin, "/policies/session.idle_minutes", "30", on=TODAY + timedelta(days=1))[0] == 303
    clock.set(datetime(2026, 5, 12, 16, 25, tzinfo=UTC))
    assert not admin.inside()


def test_what_is_planned_is_taken_back_and_can_be_planned_again(site: Site) -> None:
    admin = site.signed_in("admin")
    later = TODAY + timedelta(days=3)
    assert put(admin, HOURS, "48", on=later)[0] == 303
    (row,) = site.cast.rows(models.Policy)
    assert admin.post(f"{HOURS}/take-back", {"id": row.id}, page=HOURS).status_code == 303
    assert 'href="/policies/lead.first_response_hours"' not in read(admin, "/policies/?show=planned")
    assert put(admin, HOURS, "36", on=later)[0] == 303
    (row,) = site.cast.rows(models.Policy)
    assert (row.value, row.deleted_at) == ("36", None)


def test_what_counts_already_is_not_taken_back(site: Site) -> None:
    admin = site.signed_in("admin")
    put(admin, HOURS, "48")
    (row,) = site.cast.rows(models.Policy)
    answer = admin.post(f"{HOURS}/take-back", {"id": row.id}, page=HOURS)
    assert answer.status_code == 409 and "已经起算" in answer.get_data(as_text=True)
    assert admin.post("/policies/class.points/take-back", {"id": row.id}, page=HOURS).status_code == 404


def test_what_somebody_else_has_written_meanwhile_is_not_lost(site: Site) -> None:
    admin = site.signed_in("admin")
    before = stamp(admin, HOURS)
    assert put(admin, HOURS, "48", reason="先到")[0] == 303
    status, page = put(admin, HOURS, "36", reason="后到", seen=before)
    assert status == 409 and 'value="36"' in page and "先到" in page and 'value="后到"' in page
    assert [row.value for row in site.cast.rows(models.Policy)] == ["48"]


def test_the_default_is_one_click_away_and_keeps_what_else_was_typed(site: Site) -> None:
    admin = site.signed_in("admin")
    put(admin, POINTS, "1", "3")
    status, page = put(admin, POINTS, "5", "6", reason="回到手册", do="default")
    assert status == 200 and 'value="2"' in page and 'value="4"' in page and 'value="回到手册"' in page
    assert [row.value for row in site.cast.rows(models.Policy)] == ["1,3"]


def test_the_history_tells_every_value_with_who_and_why(site: Site) -> None:
    admin = site.signed_in("admin")
    put(admin, HOURS, "48", reason="人手不够")
    put(admin, HOURS, "12", on=TODAY + timedelta(days=30), reason="招到人了")
    page = read(admin, HOURS)
    told = [page.index(words) for words in ("招到人了", "人手不够", "出厂默认")]
    assert told == sorted(told) and "2026-06-11 起" in page


def test_who_only_reads_them_finds_no_form_and_writes_nothing(site: Site) -> None:
    cast = site.cast
    with cast.act("director") as session:
        held = next(each for each in role_desk.cards(session) if each.name == "director")
        wanted = replace(held.rights, verbs=held.rights.verbs | {"policy:read"})
    with cast.act("admin") as session:
        role_changes.save(session, held.id, wanted, seen=held.rights.stamp, acting_user=cast.principal("admin"))
    director = site.signed_in("director")
    page = read(director, HOURS)
    assert 'href="/policies/"' in page and "24 小时" in page and 'name="reason"' not in page
    assert put(director, HOURS, "48")[0] == 403
    assert director.post(f"{HOURS}/take-back", {"id": 1}).status_code == 403


def test_one_that_makes_no_sense_is_shown_and_counts_for_nothing(site: Site) -> None:
    site.cast.add(models.Policy, key="class.points", value="nine", effective_on=date(2026, 1, 1), reason="手滑", version=1)
    admin = site.signed_in("admin")
    page = read(admin, POINTS)
    assert "nine" in page and "不起作用" in page and "2 分起为 B 类、4 分起为 A 类" in page
    assert 'href="/policies/class.points"' not in read(admin, "/policies/?show=changed")
