"""What is hidden from somebody answers no question of his: by a flow's dry run, a column's name, a picker, a threshold, a reason."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from typing import Any

import pytest

from portal import models
from portal.domain import role_changes, role_desk
from portal.security.resolve import touch_access
from tests.cast import NOW
from tests.domain.test_approvals import do
from tests.domain.test_contracts import contract
from tests.matrix.world import contract_of, receipt_of, review_of
from tests.security.web import Browser, Site

CANARY = "reason-canary"


def set_role(site: Site, name: str, *, more: tuple[str, ...] = (), fields: dict[str, dict[str, str]] | None = None) -> None:
    """The role with these rights besides its own, and these limits of fields."""
    with site.cast.act("admin") as session:
        held = next(each for each in role_desk.cards(session) if each.name == name)
        wanted = replace(held.rights, verbs=held.rights.verbs | set(more), fields=fields or {})
        role_changes.save(session, held.id, wanted, seen=held.rights.stamp, acting_user=site.cast.principal("admin"))


def text(browser: Browser, path: str, status: int = 200, **query: str) -> str:
    answer = browser.get(path, query_string=query)
    assert answer.status_code == status, f"{path}: {answer.status_code}"
    return str(answer.get_data(as_text=True))


# a flow's dry run -----------------------------------------------------------------------------------


STEP = {"label": "一步 | One", "mode": "any", "who": [{"by": "role", "role": "finance"}]}


def tried(browser: Browser, record: int, when: list[list[Any]]) -> tuple[int, str]:
    form = {"steps": json.dumps([{**STEP, "when": when}]), "record": str(record), "do": "try"}
    answer = browser.post("/flows/contract/submit", form, page="/")
    return answer.status_code, answer.get_data(as_text=True)


@pytest.mark.parametrize("level", ["none", "masked"])
def test_a_dry_run_does_not_tell_a_hidden_amount_by_halving(site: Site, level: str) -> None:
    record = contract(site.cast, price=987654)
    set_role(site, "leader", more=("flow_desk:read",))
    leader = site.signed_in("leader_a")
    asked = [[["amount", "ge", bound]] for bound in ("900000", "990000")]
    assert [tried(leader, record, when)[0] for when in asked] == [200, 200]
    assert tried(leader, record, asked[0])[1] != tried(leader, record, asked[1])[1], "the control: it tells where the field is seen"
    set_role(site, "leader", fields={"contract": {"amount": level}})
    answers = [tried(leader, record, when) for when in asked]
    assert {status for status, _ in answers} <= {400, 422}
    assert _plain(answers[0][1], "900000") == _plain(answers[1][1], "990000")


def _plain(page: str, bound: str) -> str:
    """A page without what differs each time, and without the bound that its author wrote himself."""
    alike = re.sub(r'(nonce|csrf[-_]token"[^>]*?(?:content|value))="[^"]+"', "", page).replace(bound, "…")
    return alike.replace(f"{int(bound):,}", "…") if len(bound) > 4 and bound.isdecimal() else alike


def test_a_dry_run_does_not_tell_masked_digits(site: Site) -> None:
    cast = site.cast
    cast.customer(name="公海客户", phone="+8613812345678")
    set_role(site, "leader", more=("flow_desk:read",))
    leader, record = site.signed_in("leader_a"), cast.rows(models.Customer)[0].id

    def goes(digits: str) -> str:
        form = {"steps": json.dumps([{**STEP, "when": [["phone", "contains", digits]]}]), "record": str(record), "do": "try"}
        return _plain(leader.post("/flows/customer/merge", form, page="/").get_data(as_text=True), digits)

    assert goes("1234") == goes("9876"), "hidden digits"
    assert goes("5678") != goes("9876"), "the control: those that the mask shows"


def test_a_flow_that_asks_of_a_hidden_field_is_not_tried_by_who_opens_its_page(site: Site) -> None:
    cast = site.cast
    contract(cast, price=987654)
    definition = {"steps": [{**STEP, "when": [["amount", "ge", "900000"]]}]}
    given = {"entity": "contract", "verb": "submit", "number": 1, "active": True, "title": "contract:submit", "version": 1}
    cast.add(models.ApprovalFlow, definition=definition, **given)
    with cast.act("system") as session:
        touch_access(session)
    set_role(site, "leader", more=("flow_desk:read",), fields={"contract": {"amount": "none"}})
    assert "法务" in text(site.signed_in("admin"), "/flows/contract/submit")
    before = text(site.signed_in("leader_a"), "/flows/contract/submit")
    cast.set(models.Contract, cast.rows(models.Contract)[0].id, amount=1)
    assert _plain(before, "") == _plain(text(site.signed_in("leader_a"), "/flows/contract/submit"), "")


# columns, filters, order ----------------------------------------------------------------------------


@pytest.fixture
def secret(site: Site) -> str:
    """A field of leads that is meant for directors only."""
    words = {"label_zh": "机密标题", "label_en": "Secret label", "mask": "none", "rank": 10, "is_listed": True, "is_filterable": True}
    site.cast.add(models.CustomField, entity="lead", key="sec", kind="text", state="active", seen_by="director", **words)
    with site.cast.act("system") as session:
        touch_access(session)
    return "x_sec"


@pytest.mark.parametrize("query", ["columns={key}", "order={key}", 'filter=[["{key}","eq","1"]]', 'filter=[["{key}","nonsense","1"]]'])
@pytest.mark.parametrize("door", ["/lead/", "/api/v1/lead/", "/lead/export.csv", "/lead/count", "/lead/charts"])
def test_a_field_for_others_answers_like_one_that_is_not_there(site: Site, secret: str, query: str, door: str) -> None:
    leader = site.signed_in("leader_a")

    def answer(key: str) -> tuple[int, str]:
        given = leader.get(f"{door}?{query.format(key=key)}")
        return given.status_code, _plain(given.get_data(as_text=True), key)

    assert answer(secret) == answer("x_nix")
    assert "机密标题" not in answer(secret)[1] and "Secret label" not in answer(secret)[1]


def test_a_list_whose_every_column_is_hidden_shows_what_its_records_are_called(site: Site) -> None:
    site.cast.lead(owner="rep", company="甲公司")
    set_role(site, "rep", fields={"lead": {"name": "none", "phone": "none"}})
    rep = site.signed_in("rep")
    assert rep.get("/lead/?columns=name,phone").status_code == 400
    assert "甲公司" in text(rep, "/lead/")


# pickers --------------------------------------------------------------------------------------------


def test_people_are_searched_by_name_alone_by_who_may_not_view_them(site: Site) -> None:
    rep, admin = site.signed_in("rep"), site.signed_in("admin")
    path = "/lead/pick?field=created_by_id&q="
    assert [each["text"] for each in rep.get(path + "外组丙").get_json()] == ["外组丙"]
    for login in ("other", "leader_b", "director", "test.example"):
        assert rep.get(path + login).get_json() == [], login
    assert [each["text"] for each in admin.get(path + "leader_b").get_json()] == ["组长乙"]


# thresholds -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entity", "field"),
    [("opportunity", "amount"), ("opportunity", "probability"), ("opportunity", "closed_on"), ("customer", "customer_class")],
)
def test_who_does_not_see_a_figure_tries_no_threshold_on_it(site: Site, entity: str, field: str) -> None:
    set_role(site, "director", more=("policy_desk:read",))
    director = site.signed_in("director")
    assert director.get("/class-thresholds/").status_code == 200
    set_role(site, "director", fields={entity: {field: "none"}})
    assert director.get("/class-thresholds/?amount=1,2").status_code == 403


# reasons --------------------------------------------------------------------------------------------


def told(site: Site, path: str, entity: str, field: str) -> list[bool]:
    """Whether the leader's page tells the reason: while he sees the field that keeps it, masked, and hidden."""
    found = []
    for level in ("", "masked", "none"):
        set_role(site, "leader", fields={entity: {field: level}} if level else {})
        found.append(CANARY in text(site.signed_in("leader_a"), path))
    return found


def test_why_a_deal_was_lost_is_told_with_the_fields_that_keep_it(site: Site) -> None:
    cast = site.cast
    stages = {each.kind: each for each in reversed(cast.rows(models.Stage))}
    here = stages["open"]
    whose = {"owner_id": cast.people["rep"], "team_id": cast.team_of("rep"), "version": 1}
    deal = cast.add(models.Opportunity, name="大单", stage_id=here.id, pipeline_id=here.pipeline_id, state="open", **whose)
    assert do(cast, "rep", "opportunity:lost", deal, reason=CANARY, competitor="").done
    said = text(site.signed_in("leader_a"), f"/opportunity/{deal}").count(CANARY)
    hidden = {"opportunity": {"outcome_reason": "none"}, "stage_change": {"reason": "none"}}
    for entity, fields in hidden.items():
        set_role(site, "leader", fields={entity: fields})
        assert text(site.signed_in("leader_a"), f"/opportunity/{deal}").count(CANARY) < said, entity
    set_role(site, "leader", fields=hidden)
    assert CANARY not in text(site.signed_in("leader_a"), f"/opportunity/{deal}")


def test_why_a_receipt_was_reversed_is_told_with_the_field_that_keeps_it(site: Site) -> None:
    cast = site.cast
    made = contract_of(cast, "rep", state="effective")
    plan = cast.add(models.PaymentPlan, contract_id=made, name="首款", percent=100, days=3, amount=1000, state="open", version=1)
    receipt, _ = receipt_of(cast, made, plan)
    assert do(cast, "cashier", "receipt:reverse", receipt, reason=CANARY).done
    for path in (f"/receipt/{receipt}", f"/contract/{made}", f"/payment_plan/{plan}"):
        found = told(site, path, "receipt", "reason")
        assert found[1:] == [False, False], path
    assert told(site, f"/receipt/{receipt}", "receipt", "reason")[0]


def test_why_a_contract_changes_is_told_with_the_field_that_keeps_it(site: Site) -> None:
    cast = site.cast
    running = contract_of(cast, "rep", state="effective", number="HT-1", revision=1)
    assert do(cast, "rep", "contract:change", running, reason=CANARY).done
    changed = max(row.id for row in cast.rows(models.Contract))
    assert told(site, f"/contract/{changed}", "contract", "change_reason") == [True, False, False]


def test_why_a_class_was_decided_otherwise_is_told_with_the_field_that_keeps_it(site: Site) -> None:
    cast = site.cast
    customer = cast.customer(owner="rep", name="老客户", customer_class="a")
    review = review_of(cast, customer)
    assert do(cast, "leader_a", "class_review:override", review, to="b", reason=CANARY).done
    for path in (f"/class_review/{review}", f"/customer/{customer}"):
        assert told(site, path, "class_review", "reason") == [True, False, False], path


# odd values -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("operator", ["lt", "le", "gt", "ge"])
@pytest.mark.parametrize("value", [None, "", "  "])
@pytest.mark.parametrize(("entity", "key"), [("contract", "amount"), ("lead", "next_at"), ("contract", "end_on"), ("lead", "owner_id")])
def test_nothing_is_neither_more_nor_less_than_anything(site: Site, operator: str, value: Any, entity: str, key: str) -> None:
    rep = site.signed_in("rep")
    for door in (f"/{entity}/", f"/{entity}/export.csv"):
        assert rep.get(door, query_string={"filter": json.dumps([[key, operator, value]])}).status_code == 400


@pytest.mark.parametrize("value", ["1e99999", "1e400", "NaN", "sNaN", "-Infinity", "9" * 40, "1e16"])
def test_a_place_in_a_list_that_no_number_has_is_refused(site: Site, value: str) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps([value, 1]).encode()).decode()
    rep = site.signed_in("rep")
    for way in ("after", "before"):
        assert rep.get("/contract/", query_string={"order": "amount", way: cursor}).status_code == 400


@pytest.mark.parametrize(
    ("came", "goes"),
    [
        ("http://localhost/lead/?tab=pool", "/lead/?tab=pool"),
        ("https://evil.example/lead/", "/"),
        ("http://localhost//evil.example/", "/"),
        ("//evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("", "/"),
    ],
)
def test_without_a_script_one_goes_back_to_a_page_of_ours(site: Site, came: str, goes: str) -> None:
    lead = site.cast.lead(owner="rep")
    rep = site.signed_in("rep")
    form = {"ids": str(lead), "reason": "不合适", "seen_at": NOW.isoformat()}
    answer = rep.post("/lead/verb/release", form, page="/lead/", headers={"Referer": came} if came else {})
    assert answer.status_code == 303
    assert answer.headers["Location"] == goes
