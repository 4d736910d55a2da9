"""Field rights that an admin gives a role while the portal runs: stored, on record, at every door from the next request on."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import pytest
from flask_appbuilder.security.sqla.models import Role
from sqlalchemy import select

from portal import models
from portal.domain import imports, reminders
from portal.engine.errors import NotAllowed
from portal.engine.importing import read_mapping
from portal.security import levels
from portal.security.resolve import touch_access
from tests.cast import NOW
from tests.matrix.http import words_of
from tests.matrix.world import contract_of
from tests.security.web import Browser, Site

PHONE = "+8613812345678"


def role_id(site: Site, name: str) -> int:
    return int(next(row.id for row in site.cast.rows(Role) if row.name == name))


def limit(site: Site, role: str, by: str = "admin", reason: str = "", **given: str) -> Any:
    """`limit(site, "rep", lead__phone="none")`, as an admin does it on the page."""
    admin, path = site.signed_in(by), f"/roles/{role_id(site, role)}/fields"
    seen = re.search(r'name="seen" value="([^"]+)"', admin.get(path).get_data(as_text=True))
    assert seen is not None
    form = {f"level.{name.replace('__', '.', 1)}": level for name, level in given.items()}
    return admin.post(path, {**form, "seen": seen[1], "reason": reason}, page=path)


def kept(site: Site) -> dict[int, dict[str, str]]:
    """Role → what is kept of its fields of leads."""
    with site.cast.act("system") as session:
        rows = session.scalars(select(models.RoleScope).where(models.RoleScope.entity == "lead"))
        return {row.role_id: row.fields for row in rows if row.fields}


def api(site: Site, login: str = "rep") -> dict[str, str]:
    return {"Authorization": f"Bearer {site.browser().token(login).get_json()['access_token']}"}


def page(browser: Browser, path: str, **query: str) -> str:
    answer = browser.get(path, query_string=query)
    assert answer.status_code == 200, answer.get_data(as_text=True)[:2000]
    return answer.get_data(as_text=True)


def effect(site: Site, role: str, **given: str) -> str:
    admin, path = site.signed_in("admin"), f"/roles/{role_id(site, role)}/fields"
    form = {f"level.{name.replace('__', '.', 1)}": level for name, level in given.items()}
    return str(admin.post(f"{path}/effect", form, page=path).get_data(as_text=True))


def test_each_level_is_what_it_says_from_the_next_request_of_an_open_session_on(site: Site) -> None:
    lead_id = site.cast.lead(owner="rep", company="甲公司", phone=PHONE, note="保密的话")
    rep, token = site.signed_in("rep"), api(site)
    assert "138 1234 5678" in page(rep, f"/lead/{lead_id}") or "13812345678" in page(rep, f"/lead/{lead_id}").replace(" ", "")
    for level, whole, part, form in (("masked", False, True, False), ("none", False, False, False), ("read", True, False, False)):
        assert limit(site, "rep", lead__phone=level).status_code == 303
        shown = [page(rep, door).replace(" ", "") for door in ("/lead/", f"/lead/{lead_id}", "/lead/export.csv", f"/api/v1/lead/{lead_id}")]
        assert [("13812345678" in each, "138****5678" in each) for each in shown] == [(whole, part)] * 4, level
        assert ('name="phone"' in page(rep, f"/lead/{lead_id}/edit")) is form
        told = rep.client.get(f"/api/v1/lead/{lead_id}", headers=token).get_json()["result"].get("phone")
        assert told == {"masked": "138****5678", "none": None, "read": PHONE}[level]
        assert rep.client.put(f"/api/v1/lead/{lead_id}", json={"phone": "13900001111"}, headers=token).status_code == 422
    assert limit(site, "rep", lead__phone="edit").status_code == 303
    assert 'name="phone"' in page(rep, f"/lead/{lead_id}/edit")
    assert not kept(site), "as declared again: nothing is kept"


def test_what_is_seen_in_part_answers_no_question_about_the_rest(site: Site) -> None:
    site.cast.lead(owner="rep", company="甲公司", phone=PHONE, industry="机床")
    limit(site, "rep", lead__phone="masked", lead__industry="masked")
    rep, headers = site.signed_in("rep"), api(site)

    def asked(**query: Any) -> Any:
        return rep.client.get("/api/v1/lead/", query_string=query, headers=headers)

    for key in ("phone", "industry"):
        for operator, value in (("eq", PHONE), ("contains", "机"), ("empty", None), ("not_empty", None)):
            assert asked(filter=json.dumps([[key, operator, value]])).status_code == 400, (key, operator)
        assert asked(order=key).status_code == 400
    assert asked(q="13812345678").get_json()["count"] == 0
    assert asked(q="5678").get_json()["count"] == 1, "the digits that the mask shows are searchable"
    assert "****" in page(rep, "/lead/", columns="company,industry") and "机床" not in page(rep, "/lead/", columns="company,industry")
    assert "industry" not in str(re.findall(r'data-field="([^"]+)"', page(rep, "/lead/")))


def test_a_search_finds_only_by_what_is_seen(site: Site) -> None:
    site.cast.lead(owner="rep", company="甲公司", name="王小明")
    rep, headers = site.signed_in("rep"), api(site)
    limit(site, "rep", lead__name="none")
    for words, found in (("王小明", 0), ("小明", 0), ("王", 0), ("甲公司", 1), ("甲公", 1), ("甲", 1)):
        assert rep.client.get("/api/v1/lead/", query_string={"q": words}, headers=headers).get_json()["count"] == found, words


def test_no_right_given_here_goes_beyond_a_law(site: Site) -> None:
    lead_id = site.cast.lead(phone=PHONE)
    refused = [
        limit(site, "rep", **{name: level}).status_code
        for name, level in (
            ("lead__company", "none"),  # what a record is called by
            ("lead__state", "none"),
            ("lead__owner_id", "none"),
            ("lead__first_response_at", "edit"),  # the system's own
            ("lead__source_id", "masked"),  # a name has no part
            ("lead__nothing", "none"),
            ("nothing__phone", "none"),
            ("lead__phone", "everything"),
            ("work_report__problems", "none"),  # read as a whole
        )
    ]
    assert set(refused) == {400}
    limit(site, "rep", lead__phone="read")
    limit(site, "rep", lead__phone="edit")
    shown = page(site.signed_in("rep"), f"/lead/{lead_id}")
    assert "138****5678" in shown and "13812345678" not in shown.replace(" ", ""), "in the pool it stays masked"


def test_an_admin_narrows_his_own_role_and_cannot_widen_it(site: Site) -> None:
    assert limit(site, "admin", lead__note="none").status_code == 303
    assert limit(site, "admin", lead__note="edit").status_code == 409
    assert limit(site, "admin", user__email="none").status_code == 409, "people are managed by what is known of them"


def test_only_who_changes_roles_changes_their_fields(site: Site) -> None:
    rep, path = site.signed_in("rep"), f"/roles/{role_id(site, 'rep')}/fields"
    assert rep.get(path).status_code == 403
    assert rep.post(path, {"level.lead.phone": "edit"}).status_code == 403
    assert rep.post(f"{path}/effect", {"level.lead.phone": "none"}).status_code == 403


def test_two_admins_at_once_do_not_overwrite_each_other(site: Site) -> None:
    admin, path = site.signed_in("admin"), f"/roles/{role_id(site, 'rep')}/fields"
    seen = re.search(r'name="seen" value="([^"]+)"', page(admin, path))
    limit(site, "rep", lead__phone="none")
    assert seen is not None
    assert admin.post(path, {"level.lead.note": "none", "seen": seen[1]}, page=path).status_code == 409
    main = f"/roles/{role_id(site, 'rep')}"
    assert admin.post(main, {"seen": seen[1]}, page=main).status_code == 409


def test_the_effect_is_said_in_people_before_it_is_saved(site: Site) -> None:
    said = effect(site, "rep", lead__phone="none", lead__note="masked", lead__wechat="read", lead__company="edit")
    assert "3 人不再看到“线索 · 电话”" in said
    assert "3 人只看到部分“线索 · 备注”" in said
    assert "3 人不再能改“线索 · 微信”" in said
    assert "可改" in said and "看不到" in said
    required = effect(site, "rep", lead__source_id="read")
    assert "必填" in required and "不能新建" in required
    assert not kept(site)


def test_a_change_is_on_record_and_goes_along_with_a_clone_and_a_comparison(site: Site) -> None:
    limit(site, "rep", lead__phone="none", reason="试点")
    event = site.cast.rows(models.AuditEvent)[-1]
    assert (event.verb, event.reason) == ("role:save", "试点")
    assert (event.before, event.after) == ({"fields": {"lead.phone": "edit"}}, {"fields": {"lead.phone": "none"}})
    admin, rep = site.signed_in("admin"), role_id(site, "rep")
    assert "改了 1 个字段的权限" in page(admin, f"/roles/{rep}")
    made = admin.post("/roles/new", {"zh": "外包", "en": "Outside", "like": rep}, page="/roles/new")
    clone = int(made.headers["Location"].rsplit("/", 1)[-1])
    assert kept(site) == {clone: {"phone": "none"}, rep: {"phone": "none"}}
    against = page(admin, "/roles/compare", a=str(rep), b=str(role_id(site, "leader")))
    assert "字段：电话" in against
    saved = admin.post(f"/roles/{clone}", {"seen": _seen(admin, f"/roles/{clone}"), "verb": "home:read"}, page=f"/roles/{clone}")
    assert saved.status_code == 303
    assert kept(site)[clone] == {"phone": "none"}


def _seen(browser: Browser, path: str) -> str:
    found = re.search(r'name="seen" value="([^"]+)"', page(browser, path))
    assert found is not None
    return found[1]


def test_why_a_field_is_not_seen_is_told_to_its_reader_and_to_the_admin(site: Site) -> None:
    lead_id = site.cast.lead(owner="rep", phone=PHONE)
    limit(site, "rep", lead__phone="none", lead__note="read")
    own = page(site.signed_in("rep"), f"/lead/{lead_id}")
    assert "“电话”：看不到（角色的字段权限）" in own and "“备注”：只看（角色的字段权限）" in own
    why = page(site.signed_in("admin"), "/roles/why", person=str(site.cast.people["rep"]), record=f"/lead/{lead_id}")
    assert "看不全的字段" in why and "“电话”：看不到（角色的字段权限）" in why


def test_figures_papers_boards_and_history_follow(site: Site) -> None:
    cast = site.cast
    contract = contract_of(cast, "rep", title="采购合同", amount=Decimal("987654.00"), state="effective")
    cast.add(
        models.AuditEvent,
        at=NOW,
        actor_id=cast.people["rep"],
        entity="contract",
        record_id=contract,
        verb="edit",
        before={"amount": "876543.00"},
        after={"amount": "987654.00"},
    )
    rep = site.signed_in("rep")
    paper = words_of(rep.get(f"/contract/{contract}/print.pdf").get_data())
    assert "987,654" in paper and "876,543" in page(rep, f"/contract/{contract}")
    for level in (levels.MASKED, levels.NONE):
        limit(site, "rep", contract__amount=level)
        for door in (f"/contract/{contract}", "/contract/", "/contract/export.csv", f"/api/v1/contract/{contract}"):
            assert not re.search("987,?654|876,?543|98.77", page(rep, door)), f"{level} {door}"
        paper = words_of(rep.get(f"/contract/{contract}/print.pdf").get_data())
        assert "987,654" not in paper and "玖拾捌万" not in paper


def test_charts_and_boards_sum_only_what_is_seen_whole(site: Site) -> None:
    stage = site.cast.rows(models.Stage)[0]
    whose = {"owner_id": site.cast.people["rep"], "team_id": site.cast.team_of("rep")}
    given = {"name": "大单", "stage_id": stage.id, "pipeline_id": stage.pipeline_id, "state": "open", "amount": 765432, "version": 1}
    site.cast.add(models.Opportunity, **whose, **given)
    rep = site.signed_in("rep")
    assert "765,432" in page(rep, "/opportunity/board")
    for level in (levels.MASKED, levels.NONE):
        limit(site, "rep", opportunity__amount=level)
        for door in ("/opportunity/", "/opportunity/board"):
            assert not re.search("765,?432", page(rep, door)), f"{level} {door}"
    limit(site, "rep", opportunity__amount="edit", opportunity__stage_id="none")
    assert rep.get("/opportunity/board").status_code == 403
    assert "/opportunity/board" not in page(rep, "/opportunity/")
    site.cast.lead(owner="rep")
    drawn = page(rep, "/lead/charts").count("data-chart=")
    limit(site, "rep", lead__source_id="none")
    assert 0 < page(rep, "/lead/charts").count("data-chart=") < drawn


def test_the_home_and_the_notices_follow(site: Site) -> None:
    cast = site.cast
    cast.lead(owner="rep", company="甲公司", next_at=NOW, next_step="保密的一步", state="following")
    rep = site.signed_in("rep")
    assert "保密的一步" in page(rep, "/")
    limit(site, "rep", lead__next_step="none")
    assert "甲公司" in page(rep, "/") and "保密的一步" not in page(rep, "/")
    with cast.act("system"):
        titles = [event.title.in_("zh") for event in reminders.follow_ups_due(NOW.replace(hour=0), NOW)]
    assert titles and not any("保密的一步" in each for each in titles)


def test_a_file_brings_nothing_into_a_field_that_its_importer_does_not_edit(site: Site) -> None:
    limit(site, "director", lead__note="read")
    director = site.signed_in("director")
    mapping = {"targets": [{"entity": "lead", "columns": {"company": "公司", "note": "备注"}, "constants": {"source_id": "官网"}}]}

    with site.cast.act("director"), pytest.raises(NotAllowed, match="Note"):
        imports.require(read_mapping(mapping), site.cast.principal("director"))
    assert director.get("/lead/import").status_code == 200


def test_of_several_roles_the_one_that_gives_the_rows_decides(site: Site) -> None:
    lead_id = site.cast.lead(owner="rep", phone=PHONE)
    limit(site, "rep", lead__phone="none")
    with site.cast.act("admin") as session:
        person = session.get_one(models.User, site.cast.people["rep"])
        person.roles = [*person.roles, session.get_one(Role, role_id(site, "leader"))]
        touch_access(session)
    assert "13812345678" in page(site.signed_in("rep"), f"/lead/{lead_id}").replace(" ", "")
    limit(site, "leader", lead__phone="none")
    assert "13812345678" not in page(site.signed_in("rep"), f"/lead/{lead_id}").replace(" ", "")
