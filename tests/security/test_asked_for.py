"""What was filled in when something was asked for: told to who decides, as far as his field rights and reach go."""

from __future__ import annotations

import json
from typing import Any

import pytest

from portal import models
from tests.domain.test_approvals import do, publish, waiting
from tests.security.test_custom_fields import define
from tests.security.test_field_rights import limit
from tests.security.web import Browser, Site

STEPS = [{"label": "法务 | Legal", "mode": "any", "who": [{"by": "role", "role": "legal"}]}]
NAME, AMOUNT, REASON = "华北扩产项目", "1234567", "年采购额翻倍"


def page(browser: Browser, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200, answer.get_data(as_text=True)[:2000]
    return answer.get_data(as_text=True)


@pytest.fixture
def lead(site: Site) -> int:
    """A lead that its rep has asked to convert into a customer with an opportunity."""
    publish(site.cast, STEPS, "lead", "convert")
    made = site.cast.lead(owner="rep", state="following")
    assert do(site.cast, "rep", "lead:convert", made, opportunity=NAME, opportunity_amount=AMOUNT).done == [made]
    return made


def test_who_decides_sees_what_was_filled_in(site: Site, lead: int) -> None:
    legal = site.signed_in("legal")
    asked = page(legal, f"/approvals/{waiting(site.cast)['legal']}")
    assert "转为客户" in asked and NAME in asked and "1,234,567" in asked
    assert "并入已有客户" not in asked, "what was left empty is no news"
    desk = page(legal, "/approvals/")
    assert NAME in desk and "1,234,567" in desk
    for login in ("rep", "leader_a"):
        assert NAME in page(site.signed_in(login), f"/lead/{lead}"), "in the record's box, for who sees the record"


def test_it_is_told_in_the_readers_language(site: Site, lead: int) -> None:
    site.cast.set(models.User, site.cast.people["legal"], language="en")
    asked = page(site.signed_in("legal"), f"/approvals/{waiting(site.cast)['legal']}")
    assert "What is asked for · Convert" in asked and "Its amount" in asked


@pytest.mark.parametrize(("level", "shown"), [("none", ""), ("masked", "****")])
def test_what_he_may_not_see_where_it_goes_is_not_told_here(site: Site, lead: int, level: str, shown: str) -> None:
    for role in ("legal", "leader"):
        assert limit(site, role, opportunity__amount=level).status_code == 303
    legal, leader = site.signed_in("legal"), site.signed_in("leader_a")
    for told in (page(legal, f"/approvals/{waiting(site.cast)['legal']}"), page(legal, "/approvals/"), page(leader, f"/lead/{lead}")):
        assert NAME in told and "1,234,567" not in told and AMOUNT not in told
        assert shown in told


def test_a_record_out_of_his_reach_is_not_named(site: Site) -> None:
    publish(site.cast, [{**STEPS[0], "who": [{"by": "person", "id": site.cast.people["other"]}]}], "lead", "convert")
    made, customer = site.cast.lead(owner="rep", state="following"), site.cast.customer(owner="rep", name=NAME)
    assert do(site.cast, "rep", "lead:convert", made, customer_id=customer).done
    other = site.signed_in("other")
    assert other.get(f"/customer/{customer}").status_code == 404
    for path in (f"/approvals/{waiting(site.cast)['other']}", "/approvals/", f"/lead/{made}"):
        assert NAME not in page(other, path)
    assert NAME in page(site.signed_in("rep"), f"/lead/{made}")


def test_a_choice_and_its_grounds_are_told_in_words(site: Site) -> None:
    publish(site.cast, STEPS, "customer", "reclassify")
    customer = site.cast.customer(owner="rep", customer_class="b")
    assert do(site.cast, "leader_a", "customer:reclassify", customer, to="a", reason=REASON).done
    asked = page(site.signed_in("legal"), f"/approvals/{waiting(site.cast)['legal']}")
    assert "新分类" in asked and "A 类" in asked and REASON in asked


def test_notices_and_mails_name_nothing_of_it(site: Site, lead: int) -> None:
    told = json.dumps([[row.title, row.body] for row in site.cast.rows(models.Notification)], ensure_ascii=False)
    assert "转为客户" in told and NAME not in told and AMOUNT not in told


# at the end of the way ------------------------------------------------------------------------------


def test_who_agrees_is_told_which_value_is_taken_meanwhile(site: Site) -> None:
    cast, given = site.cast, {"label_zh": "税务编号", "label_en": "Tax file", "key": "tax"}
    define(site, entity="lead", **given)
    define(site, entity="customer", **given, is_unique="1")
    publish(cast, STEPS, "lead", "convert")
    made = cast.lead(owner="rep", state="following", extra={"x_tax": "T-1"})
    assert do(cast, "rep", "lead:convert", made).done
    cast.customer(owner="other", name="别家", extra={"x_tax": "T-1"})
    task = waiting(cast)["legal"]
    answer = site.signed_in("legal").post(
        "/approval_task/verb/approve", {"ids": str(task), "comment": ""}, page="/me/", headers={"HX-Request": "true"}
    )
    assert answer.status_code in (409, 422)
    assert "“税务编号”：已有记录是这个值。" in answer.get_data(as_text=True)
    assert (cast.row(models.Lead, made).state, cast.row(models.ApprovalTask, task).state) == ("following", "waiting")


# drafts that somebody has written by hand -----------------------------------------------------------


@pytest.mark.parametrize(
    "step",
    [
        {"who": ["x"]},
        {"when": "x"},
        {"when": [["amount"]]},
        {"who": [{"by": "person", "id": 987654}]},
        {"who": [{"by": "role", "role": "nope"}]},
        {"when": [["amount", "ge", "x"]]},
        {"label": "x"},
    ],
)
@pytest.mark.parametrize("do_", ["try", "publish"])
def test_a_tampered_flow_is_refused_in_words(site: Site, step: dict[str, Any], do_: str) -> None:
    given = {"steps": json.dumps([{**STEPS[0], **step}]), "do": do_}
    answer = site.signed_in("admin").post("/flows/contract/submit", given)
    assert answer.status_code in (400, 422), answer.get_data(as_text=True)[:500]
    assert "第 1 步" in answer.get_data(as_text=True) or "请重新打开这一页" in answer.get_data(as_text=True)
    assert site.cast.rows(models.ApprovalFlow) == []


def test_a_question_of_no_kind_is_refused_in_words(site: Site) -> None:
    given = {"questions": json.dumps({"questions": [{"key": "q1", "kind": "guess", "label": "甲 | A"}]}), "do": ""}
    assert site.signed_in("admin").post("/report-templates/new", given).status_code == 400


# the buttons of the flow page -----------------------------------------------------------------------


def press(site: Site, path: str, button: str) -> int:
    return int(site.signed_in("admin").post(path, {"steps": json.dumps(STEPS), "do": button}).status_code)


def test_a_flow_is_switched_off_taken_up_and_shipped_again_on_its_page(site: Site) -> None:
    publish(site.cast, STEPS)
    admin = site.signed_in("admin")
    assert "不再需要审批" in page(admin, "/flows/lead/invalidate")
    assert press(site, "/flows/lead/invalidate", "off") == 303
    assert "现在不需要审批" in page(admin, "/flows/lead/invalidate")
    assert press(site, "/flows/lead/invalidate", "off") == 422
    assert press(site, "/flows/lead/invalidate", "again:1") == 303
    assert press(site, "/flows/lead/invalidate", "again:99") == 422
    publish(site.cast, STEPS, "leave", "submit")
    assert "恢复出厂流程" in page(admin, "/flows/leave/submit")
    assert press(site, "/flows/leave/submit", "shipped") == 303
    assert [(row.entity, row.number, row.active) for row in site.cast.rows(models.ApprovalFlow)] == [
        ("lead", 1, False),
        ("lead", 2, False),
        ("lead", 3, True),
        ("leave", 1, False),
        ("leave", 2, True),
    ]


def test_a_flow_whose_condition_cannot_be_read_still_opens_and_says_so(site: Site) -> None:
    broken = [{**STEPS[0], "when": [["x_gone", "eq", "1"]]}]
    publish(site.cast, broken)
    lead = site.cast.lead(owner="rep")
    told = page(site.signed_in("admin"), "/flows/lead/invalidate")
    assert "第 1 步的条件读不出来" in told and f"#{lead}" in told


def test_the_dry_run_is_asked_by_whom_the_page_says(site: Site) -> None:
    publish(site.cast, [{"label": "上级 | Superior", "mode": "any", "who": [{"by": "superior", "level": 1}]}], "customer", "reclassify")
    site.cast.customer(owner="rep")
    asked = page(site.signed_in("admin"), f"/flows/customer/reclassify?asker={site.cast.people['director']}")
    assert f'<option value="{site.cast.people["director"]}" selected>' in asked
    assert "业务员甲</option>" not in asked.split('id="asker"')[1].split("</select>")[0]
