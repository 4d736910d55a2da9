"""The page of an approval flow: conditions by label and kind, figures of policies, deciders as ticks, and how it would go."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any

from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from portal import models
from tests.cast import Cast
from tests.domain.test_approvals import publish
from tests.security.forms import form_of, send
from tests.security.test_custom_fields import define, page
from tests.security.web import Browser, Site

FLOW = "/flows/leave/submit"
CONTRACT = "/flows/contract/submit"


def opened(browser: Browser, path: str = FLOW) -> MultiDict[str, str]:
    return form_of(page(browser, path), "flow")


def shown(answer: TestResponse, status: int = 200) -> str:
    text = answer.get_data(as_text=True)
    assert answer.status_code == status, text[:3000]
    return text


def again(answer: TestResponse, status: int = 200) -> MultiDict[str, str]:
    return form_of(shown(answer, status), "flow")


def part(text: str, mark: str) -> str:
    """The words from this id to the next part of the page."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text[text.index(f'id="{mark}"') :].split("</aside>", maxsplit=1)[0]))


def stored(cast: Cast) -> list[dict[str, Any]]:
    return list(cast.rows(models.ApprovalFlow)[-1].definition["steps"])


def draft_leave(cast: Cast) -> int:
    days = {"first_on": date(2026, 5, 18), "last_on": date(2026, 5, 20), "days": 3}
    return cast.add(models.Leave, kind="annual", state="draft", owner_id=cast.people["rep"], **days)


def test_cards_name_who_decides_and_conditions_are_read_out(site: Site) -> None:
    draft_leave(site.cast)
    text = page(site.signed_in("admin"), FLOW)
    drawn = part(text, "canvas").split("中文名称")[0]
    assert "或签 · 上级" in drawn and "总监：总监" in drawn and "工作日数 ≥ 3" in drawn
    tried = part(text, "beside")
    assert "组长甲" in tried and "工作日数：3，满足“工作日数 ≥ 3”" in tried and "没有条件，每次都走" in tried
    assert "policy:" not in re.sub(r'(value|name)="[^"]*"', "", text)


def test_a_condition_is_built_from_labels_words_and_the_kinds_own_control(site: Site) -> None:
    admin = site.signed_in("admin")
    form = again(send(admin, FLOW, opened(admin), "more:0"))
    assert "field0" in form and "op0" not in form
    text = shown(send(admin, FLOW, form, field0="kind"))
    form = form_of(text, "flow")
    assert (form["op0"], form["value0"]) == ("eq", "") and '<option value="sick">病假</option>' in text
    text = shown(send(admin, FLOW, form, op0="in"))
    assert 'type="checkbox" name="value0" value="sick"' in text and "policy:" not in text.split('id="when"')[1].split("</fieldset>")[0]
    text = shown(send(admin, FLOW, form_of(text, "flow"), field0="first_on"))
    form = form_of(text, "flow")
    assert (form["op0"], form["value0"]) == ("ge", "") and 'type="date"' in text and "不早于" in text
    text = shown(send(admin, FLOW, form, field0="days", op0="lt"))
    assert form_of(text, "flow")["op0"] == "lt" and 'inputmode="decimal"' in text
    assert "请假几天起总监也批（现在 3 天）" in text and "多少金额起财务审批" not in text
    form = again(send(admin, FLOW, form_of(text, "flow"), op0="ge", figure0="policy:leave.director_from_days"))
    assert "value0" not in form and form["figure0"] == "policy:leave.director_from_days"
    answer = send(admin, FLOW, form, "publish")
    assert answer.status_code == 303 and "已启用" in page(admin, answer.headers["Location"])
    assert stored(site.cast)[0]["when"] == [["days", "ge", "policy:leave.director_from_days"]]
    gone = again(send(admin, FLOW, opened(admin), "less:0"))
    assert "field0" not in gone
    send(admin, FLOW, gone, "publish")
    assert "when" not in stored(site.cast)[0]


def test_each_kind_of_value_is_kept_in_the_format_flows_have(site: Site) -> None:
    admin = site.signed_in("admin")
    define(site, label_zh="加急", label_en="Urgent", kind="flag", entity="contract")
    define(site, label_zh="标准", label_en="Standards", kind="choices", options="甲 | A\n乙 | B", entity="contract")
    form = opened(admin, CONTRACT)
    asked = [("title", "contains", "框架"), ("start_on", "le", "2026-12-31"), ("x_urgent", "eq", "true"), ("kind", "not_empty", "")]
    for n, (key, how, value) in enumerate(asked):
        form = again(send(admin, CONTRACT, form, "more:0"))
        form = again(send(admin, CONTRACT, form, **{f"field{n}": key}))
        form = again(send(admin, CONTRACT, form, **{f"op{n}": how, f"value{n}": value}))
    form = again(send(admin, CONTRACT, form, "more:0"))
    form = again(send(admin, CONTRACT, form, field4="x_standards"))
    assert send(admin, CONTRACT, form, "publish", value4=["a", "b"]).status_code == 303
    assert stored(site.cast)[0]["when"] == [*map(list, asked), ["x_standards", "in", ["a", "b"]]]
    form = opened(admin, CONTRACT)
    assert (form["field2"], form["value2"], form.getlist("value4")) == ("x_urgent", "true", ["a", "b"])


def test_what_has_no_control_here_stays_as_it_was(site: Site) -> None:
    admin = site.signed_in("admin")
    who = [{"by": "role", "role": "legal"}]
    steps = [{"label": "法务 | Legal", "mode": "any", "who": who, "when": [["customer_id", "in", [1, 2]], ["amount", "ge", "5"]]}]
    publish(site.cast, steps, "contract", "submit")
    form = opened(admin, CONTRACT)
    assert (form["field0"], form["value1"]) == ("customer_id", "5") and "op0" not in form
    assert send(admin, CONTRACT, form, "publish", value1="7").status_code == 303
    assert stored(site.cast)[0]["when"] == [["customer_id", "in", [1, 2]], ["amount", "ge", "7"]]


def test_deciders_are_ticked_and_a_person_is_added(site: Site) -> None:
    admin, people = site.signed_in("admin"), site.cast.people
    form = opened(admin)
    assert form.getlist("who") == ["superior:1"]
    looked_up = admin.get("/approval_task/pick", query_string={"verb": "transfer", "field": "to_id", "q": "外组"}).get_json()
    assert looked_up == [{"value": str(people["other"]), "text": "外组丙"}]
    form = again(send(admin, FLOW, form, who=["role:legal", "role:warehouse"], person=str(people["other"])))
    assert form.getlist("who") == ["role:legal", "role:warehouse", f"person:{people['other']}"]
    text = shown(send(admin, FLOW, form, mode="all"))
    assert "会签 · 法务：法务、仓库：仓库、外组丙" in part(text, "canvas")
    assert send(admin, FLOW, form_of(text, "flow"), "publish").status_code == 303
    first = stored(site.cast)[0]
    assert first["mode"] == "all" and first["who"][-1] == {"by": "person", "id": people["other"]}


def test_steps_are_added_moved_and_removed_in_the_draft_alone(site: Site) -> None:
    admin = site.signed_in("admin")
    form = again(send(admin, FLOW, opened(admin), "add:2", label_zh="直属上级"))
    labels = [each["label"].split(" | ")[0] for each in json.loads(form["steps"])]
    assert (labels, form["chosen"]) == (["直属上级", "总监", "新的一步"], "2")
    form = again(send(admin, FLOW, form, "up:2", label_zh="法务", who="role:legal"))
    form = again(send(admin, FLOW, form, "choose:0"))
    form = again(send(admin, FLOW, form, "remove:0"))
    assert [each["label"].split(" | ")[0] for each in json.loads(form["steps"])] == ["法务", "总监"]
    for nonsense in ("up:9", "remove:x", "fly:1", "less:7", "choose:99"):
        assert [each["label"].split(" | ")[0] for each in json.loads(again(send(admin, FLOW, form, nonsense))["steps"])] == ["法务", "总监"]
    assert site.cast.rows(models.ApprovalFlow) == []
    only = again(send(admin, FLOW, again(send(admin, FLOW, form, "remove:1")), "remove:0"))
    assert len(json.loads(only["steps"])) == 1, "one step is the least"


# what was typed, versions, rights ---------------------------------------------------------------------


def test_wrong_input_is_told_and_nothing_typed_is_lost(site: Site) -> None:
    admin = site.signed_in("admin")
    form = again(send(admin, FLOW, opened(admin), "more:0"))
    form = again(send(admin, FLOW, form, field0="days"))
    unfinished = send(admin, FLOW, form, "publish", label_zh="上级领导", value0="")
    text = shown(unfinished, 422)
    assert "第 1 步有条件还没写完" in text and form_of(text, "flow")["label_zh"] == "上级领导"
    wrong = send(admin, FLOW, form, "try", value0="viele")
    text = shown(wrong, 422)
    assert "请输入整数" in text and form_of(text, "flow")["value0"] == "viele" and "改正后再试走" in text
    nobody = send(admin, FLOW, form, "try", who=[], value0="2")
    assert "第 1 步要有人审批" in shown(nobody, 422) and again(nobody, 422)["value0"] == "2"
    nameless = send(admin, FLOW, form, "publish", label_zh="", label_en="", value0="2")
    assert "第 1 步要有名称" in shown(nameless, 422)
    assert site.cast.rows(models.ApprovalFlow) == []
    for steps in ("{", "[1]", '[{"label": 1}]', '[{"label": "a | b", "mode": "any", "who": [{}]}]', "null", '"x"'):
        assert send(admin, FLOW, form, "try", steps=steps).status_code == 400, steps


def test_who_put_another_version_in_use_meanwhile_is_told(site: Site) -> None:
    admin = site.signed_in("admin")
    mine = opened(admin)
    assert send(admin, FLOW, opened(admin), "publish", label_zh="别人的").status_code == 303
    text = shown(send(admin, FLOW, mine, "publish", label_zh="我的"), 422)
    assert "别人刚启用了第 1 版" in text and form_of(text, "flow")["label_zh"] == "我的"
    mine.poplist("number")
    assert send(admin, FLOW, mine, "publish").status_code == 422
    assert [each.number for each in site.cast.rows(models.ApprovalFlow)] == [1]


def test_only_who_may_opens_and_publishes(site: Site) -> None:
    form, director = opened(site.signed_in("admin")), site.signed_in("director")
    assert director.get(FLOW).status_code == 403
    assert send(director, FLOW, form, "publish", csrf_token=director.csrf()).status_code == 403
    assert site.cast.rows(models.ApprovalFlow) == []
