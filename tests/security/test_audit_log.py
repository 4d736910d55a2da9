"""The audit log tells who did what, when and from where, in words; never what a record held."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from portal import models
from portal.domain import people, role_changes, role_desk
from portal.domain.role_desk import RoleRights
from portal.engine.clock import clock
from portal.engine.tables import AuditEvent
from portal.security.principal import system_principal
from tests.cast import NOW, Cast
from tests.security.web import PASSWORD, Browser, Site

LOG = "/audit-log/"


def lines(browser: Browser, path: str = LOG) -> list[list[str]]:
    """The cells of each line: time, who, what, record, reason, from."""
    answer = browser.get(path)
    assert answer.status_code == 200, answer.get_data(as_text=True)[:400]
    page = answer.get_data(as_text=True)
    rows = re.findall(r'<tr><td class="num l-at">.*?</tr>', page, re.DOTALL)
    return [[_text(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)] for row in rows]


def _text(html: str) -> str:
    shown = re.sub(r"<span class=\"av.*?</span>", "", html)
    return " ".join(re.sub(r"<[^>]+>", " ", shown).split())


def older(browser: Browser, path: str) -> str:
    """The address of the page that goes on, if there is one."""
    found = re.search(r'rel="next" href="([^"]+)"', browser.get(path).get_data(as_text=True))
    return found[1].replace("&amp;", "&") if found else ""


def watcher(cast: Cast, login: str = "nobody") -> None:
    """Somebody whose role may read the log and nothing else."""
    with cast.act("admin") as session:
        made = role_changes.create(session, "审计", "Auditor")
        held = next(each for each in role_desk.cards(session) if each.id == made.id)
        rights = replace(RoleRights(), verbs=frozenset({"audit_log:read", "home:read"}))
        role_changes.save(session, made.id, rights, seen=held.rights.stamp, acting_user=cast.principal("admin"), reason="审计要求")
    with cast.act("admin") as session:
        person = session.get_one(models.User, cast.people[login])
        assert people.place([person], acting_user=cast.principal("admin"), now=NOW, role=made.name).done


def written(cast: Cast, count: int, **values: Any) -> None:
    """Lines of an act each, a minute apart, as they lie in the database."""
    given = {"actor_id": cast.people["rep"], "entity": "lead", "verb": "edit", "address": "10.0.0.9", **values}
    for number in range(count):
        cast.add(AuditEvent, **{"at": NOW + timedelta(minutes=number), "record_id": number + 1, **given})


# what it tells ----------------------------------------------------------------------------------


def test_it_tells_who_signed_in_and_who_failed_to_and_from_where(site: Site) -> None:
    site.browser("10.0.0.7").sign_in("rep", "not the password")
    site.signed_in("rep", "10.0.0.8")
    told = lines(site.signed_in("admin"))
    assert ["10:00:00", "业务员甲", "登录", "", "", "10.0.0.8"] in told
    assert ["10:00:00", "系统 · 登录", "登录失败", "员工 业务员甲", "", "10.0.0.7"] in told


def test_it_tells_who_asked_for_what_he_may_not(site: Site) -> None:
    lead, rep = site.cast.lead(owner="rep", company="海陆重工"), site.signed_in("rep", "10.0.0.8")
    assert rep.get("/user/").status_code == 403
    assert rep.post(f"/lead/{lead}/reveal", {"field": "phone", "reason": "x"}, page="/me/").status_code == 403
    told = lines(site.signed_in("admin"), f"{LOG}?verb=denied")
    assert told == [
        ["10:00:00", "业务员甲", "没有权限，被拒绝", "线索 海陆重工", f"POST /lead/{lead}/reveal", "10.0.0.8"],
        ["10:00:00", "业务员甲", "没有权限，被拒绝", "员工", "GET /user/", "10.0.0.8"],
    ]


def test_it_tells_an_export_with_its_columns_and_a_look_with_its_reason(site: Site) -> None:
    lead, director = site.cast.lead(company="远山制造", phone="+8613812345678"), site.signed_in("director")
    director.get("/lead/export.csv?columns=company,phone").get_data()
    director.post(f"/lead/{lead}/reveal", {"field": "phone", "reason": "客户来电核对"}, page="/me/")
    told = lines(site.signed_in("admin"), f"{LOG}?kind=taken")
    assert [line[2:5] for line in told] == [["查看了隐藏的内容 电话", "线索 远山制造", "客户来电核对"], ["导出 公司、电话", "线索", ""]]


def test_it_tells_a_change_of_roles_of_people_and_of_policies(site: Site) -> None:
    watcher(site.cast)
    site.cast.set(models.User, site.cast.people["admin"], language="en")
    admin = site.signed_in("admin")
    told = lines(admin, f"{LOG}?kind=rights")
    assert [line[1:4] for line in told] == [
        ["管理员", "role changed", "Person 无角色"],
        ["管理员", "changed what a role may do", f"Role #{role_id(site.cast)}"],
        ["管理员", "made a role", f"Role #{role_id(site.cast)}"],
    ]
    assert told[1][4] == "审计要求"
    assert f'href="/roles/{role_id(site.cast)}"' in admin.get(LOG).get_data(as_text=True)


def role_id(cast: Cast) -> int:
    return int(cast.rows(AuditEvent, AuditEvent.verb == "role:create")[0].record_id)


def test_it_tells_an_edit_by_the_names_of_its_fields(site: Site) -> None:
    lead = site.cast.lead(owner="rep", company="海陆重工", note="旧的备注")
    with site.cast.act("rep") as session:
        session.scalars(select(models.Lead).where(models.Lead.id == lead)).one().note = "新的备注"
    page = site.signed_in("admin").get(f"{LOG}?type=lead").get_data(as_text=True)
    assert lines(site.signed_in("admin"), f"{LOG}?type=lead")[0][1:4] == ["业务员甲", "修改了 备注", "线索 海陆重工"]
    assert f'href="/lead/{lead}"' in page and "旧的备注" not in page and "新的备注" not in page


def test_one_act_on_many_records_is_one_line_that_opens_into_its_parts(site: Site) -> None:
    leads = site.cast.leads(70, company="批量")
    token = site.browser().token("leader_a").get_json()["access_token"]
    asked = {"ids": leads, "to_id": site.cast.people["rep"]}
    answer = site.browser().client.post("/api/v1/lead/assign", json=asked, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    admin = site.signed_in("admin")
    [act] = lines(admin, f"{LOG}?verb=assign")
    assert act[:4] == ["10:00:00", "组长甲", "分配", "线索 70 条"]
    found = re.search(r'<a class="many" href="([^"]+)">70 条</a>', admin.get(f"{LOG}?verb=assign").get_data(as_text=True))
    assert found is not None
    parts = found[1].replace("&amp;", "&")
    names = [line[3] for line in (*lines(admin, parts), *lines(admin, older(admin, parts)))]
    assert sorted(names) == sorted(f"线索 批量{number}" for number in range(70))


def test_what_was_put_away_is_named_to_who_may_take_it_back(site: Site) -> None:
    lead = site.cast.lead(owner="rep", company="已收起公司")
    assert site.signed_in("rep").post(f"/lead/{lead}/delete", page="/me/").status_code == 303
    admin = site.signed_in("admin")
    assert lines(admin, f"{LOG}?type=lead")[0][2:4] == ["删除", "线索 已收起公司 已删除"]
    assert f'href="/lead/{lead}"' not in admin.get(f"{LOG}?type=lead").get_data(as_text=True)


def test_the_portal_itself_says_why_it_acted(site: Site) -> None:
    written(site.cast, 1, actor_id=None, actor_note="pool.recycle", verb="recycle")
    assert lines(site.signed_in("admin"), f"{LOG}?who=system&verb=recycle")[0][1:3] == ["系统 · 回收到公海", "回收到公海"]


# to whom ----------------------------------------------------------------------------------------


def test_without_the_right_there_is_no_page_no_file_and_no_entry(site: Site) -> None:
    for login in ("director", "leader_a", "rep", "legal", "nobody"):
        browser = site.signed_in(login)
        assert browser.get(LOG).status_code == browser.get(f"{LOG}export.csv").status_code == 403, login
        assert 'href="/audit-log/"' not in browser.get("/me/").get_data(as_text=True)
    assert site.browser().get(LOG).status_code == 302
    admin = site.signed_in("admin")
    assert 'href="/audit-log/"' in admin.get("/").get_data(as_text=True)
    assert [line[4] for line in lines(admin, f"{LOG}?verb=denied&singly=1&who={site.cast.people['rep']}")] == [
        "GET /audit-log/export.csv",
        "GET /audit-log/",
    ]


def test_who_may_only_read_the_log_learns_neither_names_nor_reasons_nor_fields_of_records(site: Site) -> None:
    lead = site.cast.lead(owner="rep", company="机密客户", phone="+8613812345678", note="机密备注")
    with site.cast.act("rep") as session:
        session.info["reason"] = "机密原因"
        session.scalars(select(models.Lead).where(models.Lead.id == lead)).one().note = "更机密"
    watcher(site.cast)
    browser = site.signed_in("nobody")
    for path in (LOG, f"{LOG}?type=lead", f"{LOG}?singly=1", f"{LOG}?record={lead}&type=lead"):
        page = browser.get(path).get_data(as_text=True)
        assert not [word for word in ("机密", "13812345678") if word in page], path
        assert f'href="/lead/{lead}"' not in page
    assert lines(browser, f"{LOG}?type=lead")[0][1:5] == ["业务员甲", "修改了", f"线索 #{lead}", ""]
    site.browser().sign_in("rep", "not the password")
    assert lines(browser, f"{LOG}?verb=sign_in_failed")[0][3] == "员工 业务员甲"
    assert browser.get(f"{LOG}export.csv").status_code == 403
    assert "导出" not in browser.get(LOG).get_data(as_text=True).split("<h1>")[1].split("<nav")[0]


def test_fields_are_named_as_far_as_ones_field_rights_go(site: Site) -> None:
    lead = site.cast.lead(owner="rep", company="海陆重工")
    written(site.cast, 1, record_id=lead, before={"note": "a", "phone": "b"}, after={"note": "c", "phone": "d"})
    admin = site.signed_in("admin")
    assert lines(admin, f"{LOG}?type=lead")[0][2] == "修改了 备注、电话"
    with site.cast.act("director") as session:
        held = next(each for each in role_desk.cards(session) if each.name == "admin")
        rights = replace(held.rights, fields={"lead": {"note": "none", "phone": "masked"}})
        role_changes.save(session, held.id, rights, seen=held.rights.stamp, acting_user=system_principal("test"), reason="")
    assert lines(admin, f"{LOG}?type=lead")[0][2:4] == ["修改了 电话", "线索 海陆重工"]


# found ------------------------------------------------------------------------------------------


def test_pages_go_back_line_by_line_without_a_gap_or_a_repetition(site: Site) -> None:
    written(site.cast, 120)
    admin, path, seen = site.signed_in("admin"), f"{LOG}?type=lead&verb=edit", []
    while path:
        seen += [line[3] for line in lines(admin, path)]
        path = older(admin, path)
    assert seen == [f"线索 #{number}" for number in range(120, 0, -1)]


def test_who_type_verb_id_and_days_narrow_it_and_stand_in_the_address(site: Site) -> None:
    rep, mate = site.cast.people["rep"], site.cast.people["mate"]
    for day in range(3):
        written(site.cast, 1, at=NOW - timedelta(days=2 - day), record_id=40 + day)
    written(site.cast, 1, actor_id=mate, entity="customer", verb="stage", record_id=41)
    admin = site.signed_in("admin")

    def found(query: str) -> list[str]:
        return [line[3] for line in lines(admin, f"{LOG}?{query}")]

    assert found(f"who={rep}&verb=edit") == ["线索 #42", "线索 #41", "线索 #40"]
    assert found(f"who={mate}") == ["客户 #41"]
    assert found("record=41") == ["客户 #41", "线索 #41"]
    assert found("record=%2341&type=lead") == ["线索 #41"]
    assert found("from=2026-05-11&to=2026-05-11") == ["线索 #41"]
    assert found("type=lead&to=2026-05-11") == ["线索 #41", "线索 #40"]
    assert found("verb=stage&type=lead") == []
    page = admin.get(f"{LOG}?type=lead&verb=edit&from=2026-05-11").get_data(as_text=True)
    assert '<option value="lead" selected' in page and '<option value="edit" selected' in page and 'value="2026-05-11"' in page


def test_a_day_is_the_companys_day(site: Site) -> None:
    """23:30 in Shanghai is 15:30 in UTC; half an hour later it is tomorrow."""
    late = NOW.replace(hour=15, minute=30)
    written(site.cast, 1, at=late, record_id=1)
    written(site.cast, 1, at=late + timedelta(minutes=30), record_id=2)
    clock.set(late + timedelta(hours=1))
    admin = site.signed_in("admin")
    assert [line[3] for line in lines(admin, f"{LOG}?type=lead&from=2026-05-12&to=2026-05-12")] == ["线索 #1"]
    assert [line[0] for line in lines(admin, f"{LOG}?type=lead&from=2026-05-13")] == ["00:00:00"]


_BAD = ("whom=1", "who=x", "who=١", "type=secret", "verb=fly", "record=abc", "from=soon", "kind=other", "after=-1", f"record={'9' * 40}")


@pytest.mark.parametrize("bad", _BAD)
def test_what_it_does_not_know_it_refuses(site: Site, bad: str) -> None:
    admin = site.signed_in("admin")
    for path in (LOG, f"{LOG}export.csv"):
        answer = admin.get(f"{path}?{bad}")
        assert answer.status_code == 400 and "SELECT" not in answer.get_data(as_text=True), bad


# taken out --------------------------------------------------------------------------------------


def test_the_file_holds_every_line_asked_for_escaped_and_is_itself_on_record(site: Site) -> None:
    lead = site.cast.lead(owner="rep", company="=1+1")
    written(site.cast, 60, record_id=lead)
    written(site.cast, 1, record_id=lead, verb="claim", reason="@cmd")
    admin = site.signed_in("admin")
    answer = admin.get(f"{LOG}export.csv?type=lead&who={site.cast.people['rep']}")
    rows = list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"))))
    assert rows[0] == ["时间", "谁", "做了什么", "类型", "编号", "名称", "字段", "原因", "来自"]
    assert rows[1] == ["2026-05-12 10:00:00", "业务员甲", "领取", "线索", str(lead), "'=1+1", "", "'@cmd", "10.0.0.9"]
    assert len(rows) == 62
    assert lines(admin, f"{LOG}?kind=taken")[0][1:4] == ["管理员", "导出", "操作日志"]


def test_through_anothers_eyes_nothing_is_kept_of_what_he_may_not(site: Site) -> None:
    admin = site.signed_in("admin")
    admin.post("/roles/view-as", {"person": site.cast.people["rep"], "reason": "核对"}, page="/roles/view-as")
    assert admin.get("/roles/").status_code == admin.get(LOG).status_code == 403
    assert not site.cast.rows(AuditEvent, AuditEvent.verb == "denied")


def test_by_token_a_denial_is_kept_as_well(site: Site) -> None:
    browser = site.browser()
    token = browser.token("rep", PASSWORD).get_json()["access_token"]
    answer = browser.get("/api/v1/user/12345678901234567890", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code in (403, 404)
    answer = browser.get("/api/v1/user/", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 403
    kept = site.cast.rows(AuditEvent, AuditEvent.verb == "denied")[-1]
    assert (kept.actor_id, kept.entity, kept.reason) == (site.cast.people["rep"], "user", "GET /api/v1/user/")
