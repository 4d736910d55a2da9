"""The page of one custom field: choices as rows, roles as ticks, what saving changes; saved as the definition REST tells."""

from __future__ import annotations

import re
from typing import Any

import pytest
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from portal import models
from portal.domain import flow_desk
from tests.cast import NOW
from tests.security.forms import form_of, send
from tests.security.test_custom_fields import CHOICES, define, page, prepare
from tests.security.test_field_rights import limit, role_id
from tests.security.web import Browser, Site

MACHINES = {"label_zh": "设备", "label_en": "Machine", "kind": "choice", "options": CHOICES}
SOLD = ["admin", "director", "leader", "rep"]


def opened(browser: Browser, path: str) -> MultiDict[str, str]:
    return form_of(page(browser, path), "editor")


def told(answer: TestResponse) -> str:
    """What stands beside the form: how it looks, and what saving changes."""
    text = answer.get_data(as_text=True)
    return re.sub(r"<[^>]+>", " ", text[text.index('id="beside"') :])


def stored(site: Site, field_id: int) -> Any:
    return site.cast.row(models.CustomField, field_id)


def saved(answer: TestResponse) -> int:
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return int(re.fullmatch(r"/fields/(\d+)\?saved=1", answer.headers["Location"])[1])  # type: ignore[index]


def kept(answer: TestResponse, status: int) -> str:
    """The page came back with what was typed."""
    assert answer.status_code == status
    return answer.get_data(as_text=True)


# new ones -------------------------------------------------------------------------------------------


def test_a_new_field_begins_with_its_kind_and_its_choices_are_rows(site: Site) -> None:
    admin, rep = site.signed_in("admin"), site.signed_in("rep")
    assert "/fields/new?entity=lead&amp;kind=choices" in page(admin, "/fields/new?entity=lead").replace("&kind", "&amp;kind")
    form = opened(admin, "/fields/new?entity=lead&kind=choice")
    typed = {"label_zh": "设备", "label_en": "Machine", "choice_zh": ["数控机床", "", "注塑机"], "choice_en": ["CNC machine", "", ""]}
    field_id = saved(send(admin, "/fields/new", form, "save", **typed, choice_code=["", "", ""]))
    row = stored(site, field_id)
    assert (row.entity, row.kind, row.key) == ("lead", "choice", "machine")
    assert row.options == "cnc_machine = 数控机床 | CNC machine\noption = 注塑机 | 注塑机"
    assert (row.seen_by, row.edited_by, row.section, row.mask, row.rank) == ("", "", "", "none", 10)
    assert "注塑机" in page(rep, "/lead/new") and 'name="x_machine"' in page(rep, "/lead/new")


@pytest.mark.parametrize("kind", ["text", "longtext", "choices", "integer", "money", "flag", "date", "instant", "phone", "email"])
def test_every_kind_has_its_page_with_what_it_can_be_asked_for(site: Site, kind: str) -> None:
    admin = site.signed_in("admin")
    shown = page(admin, f"/fields/new?entity=lead&kind={kind}")
    assert ('name="is_sortable"' in shown) is (kind not in ("longtext", "choices"))
    assert ('name="is_searched"' in shown) is (kind in ("text", "longtext", "phone", "email"))
    assert ('name="choice_zh"' in shown) is (kind == "choices")
    field_id = saved(
        send(admin, "/fields/new", form_of(shown, "editor"), "save", label_zh="新栏", label_en="New one", choice_zh=["一", "二"])
    )
    assert stored(site, field_id).kind == kind
    assert page(admin, f"/fields/{field_id}")


def test_a_reference_says_where_it_leads(site: Site) -> None:
    admin = site.signed_in("admin")
    form = opened(admin, "/fields/new?entity=lead&kind=reference")
    labels = {"label_zh": "介绍人", "label_en": "Introduced by"}
    assert send(admin, "/fields/new", form, "save", **labels, target="").status_code == 422
    assert stored(site, saved(send(admin, "/fields/new", form, "save", **labels, target="customer"))).target == "customer"


def test_a_section_is_picked_or_named_in_both_languages(site: Site) -> None:
    admin = site.signed_in("admin")
    form = opened(admin, "/fields/new?entity=customer&kind=text")
    labels = {"label_zh": "甲", "label_en": "A"}
    text = kept(send(admin, "/fields/new", form, "save", **labels, section="+"), 422)
    assert "写下新分组的名称" in text and form_of(text, "editor")["section"] == "+"
    named = send(admin, "/fields/new", form, "save", **labels, section="+", section_zh="设备", section_en="Equipment")
    assert stored(site, saved(named)).section == "设备 | Equipment"
    other = opened(admin, "/fields/new?entity=customer&kind=text")
    again = send(admin, "/fields/new", other, "save", label_zh="乙", label_en="B", section="设备 | Equipment")
    assert stored(site, saved(again)).section == "设备 | Equipment"


# choices ----------------------------------------------------------------------------------------------


def test_rows_are_added_moved_and_removed_before_anything_is_saved(site: Site) -> None:
    field_id, admin = define(site, **MACHINES), site.signed_in("admin")
    path = f"/fields/{field_id}"
    before, form = stored(site, field_id), opened(admin, path)
    form = form_of(kept(send(admin, path, form, "add", label_zh="主力设备"), 200), "editor")
    assert (form["label_zh"], form.getlist("choice_zh")) == ("主力设备", ["数控机床", "注塑机", ""])
    form.setlist("choice_zh", ["数控机床", "注塑机", "冲压"])
    form = form_of(kept(send(admin, path, form, "up:2"), 200), "editor")
    form = form_of(kept(send(admin, path, form, "move:0:2"), 200), "editor")
    assert form.getlist("choice_zh") == ["冲压", "注塑机", "数控机床"]
    removed = send(admin, path, form, "remove:1")
    assert "没有记录填着它" in told(removed)
    form = form_of(kept(removed, 200), "editor")
    back = form_of(kept(send(admin, path, form, "back:injection_moulding"), 200), "editor")
    assert back.getlist("choice_code") == ["", "cnc_machine", "injection_moulding"]
    for nonsense in ("up:9", "move:0:9", "remove:x", "fly:1", "back:nothing"):
        assert form_of(kept(send(admin, path, form, nonsense), 200), "editor").getlist("choice_zh") == ["冲压", "数控机床"], nonsense
    assert stored(site, field_id) == before
    saved(send(admin, path, form, "save"))
    assert stored(site, field_id).options == "option = 冲压 | 冲压\ncnc_machine = 数控机床 | CNC machine"


def test_who_removes_a_choice_is_told_how_many_records_hold_it(site: Site) -> None:
    field_id, admin = define(site, **MACHINES), site.signed_in("admin")
    several = define(site, label_zh="标准", label_en="Standards", kind="choices", options="甲 | A\n乙 | B")
    for _ in range(3):
        site.cast.lead(owner="rep", extra={"x_machine": "injection_moulding", "x_standards": ["a", "b"]})
    assert "3 条记录填着它" in page(admin, f"/fields/{field_id}")
    answer = send(admin, f"/fields/{field_id}", opened(admin, f"/fields/{field_id}"), "remove:1")
    assert "3 条记录还填着“注塑机”" in told(answer)
    assert "3 条记录还填着“甲”" in told(send(admin, f"/fields/{several}", opened(admin, f"/fields/{several}"), "remove:0"))


def test_a_choice_without_a_name_a_repeated_one_and_a_bar_are_told(site: Site) -> None:
    field_id, admin = define(site, **MACHINES), site.signed_in("admin")
    path = f"/fields/{field_id}"
    form = opened(admin, path)
    for zh, en, why in ((["", "注塑机"], ["", "Moulding"], "每个选项都要有名称"), (["一样", "一样"], ["Same", "Same"], "选项重复")):
        text = kept(send(admin, path, form, "save", choice_zh=zh, choice_en=en), 422)
        assert why in text and form_of(text, "editor").getlist("choice_zh") == zh
    saved(send(admin, path, form, "save", choice_zh=["甲|乙", "丙"], choice_en=["A | B", "C"]))
    assert stored(site, field_id).options.splitlines()[0] == "cnc_machine = 甲｜乙 | A ｜ B"
    assert "code = 一 | 二 | 三" in kept(
        admin.post("/custom_field/new", {**MACHINES, "entity": "lead", "options": "code = 一 | 二 | 三"}), 422
    )


def test_a_choice_that_a_flow_asks_for_stays(site: Site) -> None:
    field_id, admin = define(site, **MACHINES, entity="contract"), site.signed_in("admin")
    step = {"label": "法务 | Legal", "mode": "any", "who": [{"by": "role", "role": "legal"}], "when": [["x_machine", "eq", "cnc_machine"]]}
    with site.cast.act("admin"):
        flow_desk.publish("contract", "submit", [step], acting_user=site.cast.principal("admin"), now=NOW)
    path = f"/fields/{field_id}"
    fewer = form_of(kept(send(admin, path, opened(admin, path), "remove:0"), 200), "editor")
    assert "审批流" in kept(send(admin, path, fewer, "save"), 422)
    other = form_of(kept(send(admin, path, opened(admin, path), "remove:1"), 200), "editor")
    saved(send(admin, path, other, "save"))
    refused = send(admin, path, opened(admin, path), "archive")
    assert "先改审批流" in kept(refused, 409) and stored(site, field_id).deleted_at is None


def test_the_default_is_picked_from_the_rows_and_kept_as_the_choice_it_is(site: Site) -> None:
    admin = site.signed_in("admin")
    form = opened(admin, "/fields/new?entity=lead&kind=choice")
    typed = {"label_zh": "设备", "label_en": "Machine", "choice_zh": ["数控机床", "注塑机"], "choice_en": ["CNC machine", "Moulding"]}
    drafted = form_of(kept(send(admin, "/fields/new", form, **typed), 200), "editor")
    assert '<option value="注塑机">注塑机</option>' in page_of(send(admin, "/fields/new", form, **typed))
    field_id = saved(send(admin, "/fields/new", drafted, "save", initial="注塑机"))
    assert stored(site, field_id).initial == "moulding"
    again = opened(admin, f"/fields/{field_id}")
    assert again["initial"] == "moulding"
    fewer = form_of(page_of(send(admin, f"/fields/{field_id}", again, "remove:1")), "editor")
    saved(send(admin, f"/fields/{field_id}", fewer, "save"))
    assert stored(site, field_id).initial == "", "it goes with its choice"


def page_of(answer: TestResponse) -> str:
    return answer.get_data(as_text=True)


# roles ------------------------------------------------------------------------------------------------


def test_roles_are_ticked_and_everybody_is_meant_where_all_are(site: Site) -> None:
    field_id, admin = define(site, label_zh="底价", label_en="Floor", kind="money"), site.signed_in("admin")
    path = f"/fields/{field_id}"
    form = opened(admin, path)
    assert form.getlist("sees") == form.getlist("edits") == SOLD
    fewer = send(admin, path, form, "", sees=["admin", "director", "leader"])
    assert "3 人不再看到它" in told(fewer), "the three reps"
    saved(send(admin, path, form, "save", sees=["director", "leader"], edits=["director", "rep"]))
    assert (stored(site, field_id).seen_by, stored(site, field_id).edited_by) == ("director,leader", "director")
    assert "底价" not in page(site.signed_in("rep"), "/lead/new")
    form = opened(admin, path)
    assert (form.getlist("sees"), form.getlist("edits")) == (["director", "leader"], ["director"])
    saved(send(admin, path, form, "save", edits=["director", "leader"]))
    assert stored(site, field_id).edited_by == "", "whoever sees it fills it in"
    saved(send(admin, path, opened(admin, path), "save", sees=SOLD, edits=SOLD))
    assert (stored(site, field_id).seen_by, stored(site, field_id).edited_by) == ("", "")


def test_a_field_that_nobody_sees_or_fills_in_is_told(site: Site) -> None:
    field_id, admin = define(site, label_zh="底价", label_en="Floor", kind="money"), site.signed_in("admin")
    path = f"/fields/{field_id}"
    form = opened(admin, path)
    for ticks, why in (({"sees": []}, "至少要有一个角色看得到"), ({"sees": ["rep"], "edits": ["leader"]}, "至少要有一个能填")):
        text = kept(send(admin, path, form, "save", label_zh="新名", **ticks), 422)
        assert why in text and form_of(text, "editor")["label_zh"] == "新名"
        assert form_of(text, "editor").getlist("sees") == ticks["sees"]
    assert "0 人看得到它" in told(send(admin, path, form, "", sees=[]))
    assert stored(site, field_id).label_zh == "底价"


# what saving changes --------------------------------------------------------------------------------


def test_the_page_says_what_saving_changes_and_writes_nothing(site: Site) -> None:
    field_id, admin = define(site, label_zh="税号", label_en="Tax no"), site.signed_in("admin")
    for n, owner in enumerate(("rep", "mate", "other")):
        site.cast.lead(owner=owner, extra={"x_tax_no": "7"} if n else {})
    path, before = f"/fields/{field_id}", stored(site, field_id)
    answer = send(
        admin, path, opened(admin, path), label_zh="税务号", is_required="1", is_unique="1", is_listed="1", is_filterable="1", initial="0"
    )
    said = told(answer)
    for words in ("3 条线索", "2 条有值", "处处改叫“税务号”", "1 条记录还没有值", "1 个值在几条记录里重复", "线索列表多一列"):
        assert words in said, words
    for words in ("线索列表多一个筛选", "索引在后台建", "新记录先填“0”", "税务号"):
        assert words in said, words
    assert stored(site, field_id) == before
    assert "还没有改动" in told(admin.get(path))


def test_an_index_is_being_built_and_one_that_cannot_be_says_why(site: Site) -> None:
    field_id, admin = define(site, label_zh="税号", label_en="Tax no"), site.signed_in("admin")
    for owner in ("rep", "mate"):
        site.cast.lead(owner=owner, extra={"x_tax_no": "7"})
    path = f"/fields/{field_id}"
    answer = send(admin, path, opened(admin, path), "save", is_unique="1")
    assert "索引正在后台建" in page(admin, answer.headers["Location"])
    prepare()
    assert "重复，请先改正" in page(admin, path)


# what was typed, versions, rights ---------------------------------------------------------------------


def test_wrong_input_is_told_beside_its_control_and_nothing_typed_is_lost(site: Site) -> None:
    field_id, admin = define(site, label_zh="产线数", label_en="Lines", kind="integer"), site.signed_in("admin")
    path = f"/fields/{field_id}"
    text = kept(send(admin, path, opened(admin, path), "save", label_zh="", help_zh="在用的", initial="三", is_listed="1"), 422)
    form = form_of(text, "editor")
    assert (form["label_zh"], form["help_zh"], form["initial"], form["is_listed"]) == ("", "在用的", "三", "1")
    assert 'id="f-label_zh-e"' in text and "必填" in text
    text = kept(send(admin, path, opened(admin, path), "save", initial="三"), 422)
    assert 'id="f-initial-e"' in text and "请输入整数" in text


def test_who_saved_meanwhile_is_told_and_not_overwritten_unseen(site: Site) -> None:
    field_id, admin = define(site, label_zh="产线数", label_en="Lines", kind="integer"), site.signed_in("admin")
    path = f"/fields/{field_id}"
    mine = opened(admin, path)
    saved(send(admin, path, opened(admin, path), "save", help_zh="在用的"))
    text = kept(send(admin, path, mine, "save", help_zh="不含备用"), 409)
    assert "别人刚改过" in text and "在用的" in text and form_of(text, "editor")["help_zh"] == "不含备用"
    saved(send(admin, path, form_of(text, "editor"), "save"))
    assert stored(site, field_id).help_zh == "不含备用"
    mine.poplist("_version")
    assert send(admin, path, mine, "save").status_code == 428


def test_kind_key_and_record_type_are_no_longer_asked_for(site: Site) -> None:
    field_id, admin = define(site, label_zh="产线数", label_en="Lines", kind="integer"), site.signed_in("admin")
    path = f"/fields/{field_id}"
    form = opened(admin, path)
    assert not {"kind", "key", "entity", "target", "rank"} & set(form)
    before = stored(site, field_id)
    saved(send(admin, path, form, "save", kind="text", key="other", entity="customer", rank="7", state="refused"))
    row = stored(site, field_id)
    assert (row.kind, row.key, row.entity, row.rank, row.state) == (before.kind, before.key, before.entity, before.rank, "active")


def test_only_who_may_opens_and_saves(site: Site) -> None:
    field_id = define(site, label_zh="产线数", label_en="Lines", kind="integer")
    form, director = opened(site.signed_in("admin"), f"/fields/{field_id}"), site.signed_in("director")
    assert [director.get(path).status_code for path in (f"/fields/{field_id}", "/fields/new?entity=lead&kind=text")] == [403, 403]
    token = {"csrf_token": director.csrf()}
    for path, do in ((f"/fields/{field_id}", "save"), (f"/fields/{field_id}", "archive"), ("/fields/new", "save")):
        assert send(director, path, form, do, **token).status_code == 403, do
    assert director.post("/fields/", {"do": f"restore:{field_id}"}).status_code == 403
    assert stored(site, field_id).deleted_at is None
    assert site.signed_in("admin").get("/fields/987654").status_code == 404


# put away, and the other doors ----------------------------------------------------------------------


def test_a_field_is_put_away_and_comes_back_with_its_values(site: Site) -> None:
    field_id, admin = define(site, label_zh="预算", label_en="Budget", kind="money"), site.signed_in("admin")
    lead_id = site.cast.lead(owner="rep", extra={"x_budget": "5.00"})
    path, rep = f"/fields/{field_id}", site.signed_in("rep")
    answer = send(admin, path, opened(admin, path), "archive")
    shown = page(admin, answer.headers["Location"])
    assert "“预算”已收起" in shown and shown.count(f'value="restore:{field_id}"') == 2
    assert "预算" not in page(rep, f"/lead/{lead_id}") and admin.get(path).status_code == 404
    back = admin.post("/fields/", {"do": f"restore:{field_id}"}, page="/fields/?entity=lead")
    assert back.headers["Location"] == path
    assert "¥5" in page(rep, f"/lead/{lead_id}") and "预算" in page(admin, path)


def test_the_generated_pages_lead_here_and_programs_keep_their_format(site: Site) -> None:
    field_id, admin = define(site, **MACHINES), site.signed_in("admin")
    assert 'href="/fields/new"' in page(admin, "/custom_field/")
    assert f'href="/fields/{field_id}"' in page(admin, f"/custom_field/{field_id}")
    headers = {"Authorization": f"Bearer {site.browser().token('admin').get_json()['access_token']}"}
    row = admin.client.get(f"/api/v1/custom_field/{field_id}", headers=headers).get_json()["result"]
    assert row["options"] == "cnc_machine = 数控机床 | CNC machine\ninjection_moulding = 注塑机 | Injection moulding"
    changed = {"options": row["options"] + "\n冲压 | Press", "version": row["version"]}
    assert admin.client.put(f"/api/v1/custom_field/{field_id}", json=changed, headers=headers).status_code == 200
    assert opened(admin, f"/fields/{field_id}").getlist("choice_code") == ["cnc_machine", "injection_moulding", "press"]


def test_a_role_limited_in_the_field_by_its_own_rights_is_told(site: Site) -> None:
    field_id = define(site, label_zh="预算", label_en="Budget", kind="money")
    assert limit(site, "rep", lead__x_budget="none").status_code == 303
    shown = page(site.signed_in("admin"), f"/fields/{field_id}")
    assert f"/roles/{role_id(site, 'rep')}/fields" in shown and "字段权限：看不到" in shown
    assert "4 人看得到它" in shown


def test_what_an_administrator_s_own_rights_leave_out_is_not_asked_for(site: Site) -> None:
    field_id = define(site, label_zh="预算", label_en="Budget", kind="money", mask="pool", help_zh="含税")
    limits = {"mask": "read", "help_zh": "none", "seen_by": "read", "edited_by": "read"}
    assert limit(site, "admin", **{f"custom_field__{key}": level for key, level in limits.items()}).status_code == 303
    admin, path = site.signed_in("admin"), f"/fields/{field_id}"
    form = opened(admin, path)
    assert not {"mask", "help_zh", "sees", "edits"} & set(form)
    saved(send(admin, path, form, "save", label_zh="年度预算", mask="none", help_zh="不含税", sees=["admin"]))
    row = stored(site, field_id)
    assert (row.label_zh, row.mask, row.help_zh, row.seen_by) == ("年度预算", "pool", "含税", "")
