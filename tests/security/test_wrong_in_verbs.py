"""What is wrong in a verb's dialog is said beside its field, on the page and over REST, whichever rule found it."""

from __future__ import annotations

import re
from typing import Any

from portal import models
from tests.cast import NOW
from tests.domain.test_receipts import TODAY
from tests.matrix.world import contract_of
from tests.security.test_custom_fields import api, define
from tests.security.web import Browser, Site


def press(browser: Browser, entity: str, verb: str, record_id: int, **form: Any) -> Any:
    return browser.post(f"/{entity}/verb/{verb}", {"ids": str(record_id), **form}, page="/me/", headers={"HX-Request": "true"})


def beside(dialog: str, key: str) -> str:
    """The words under a control of the dialog."""
    found = re.search(rf'<div class="err" id="v-{key}-e">(.*?)</div>', dialog)
    return found.group(1) if found else ""


def owing(site: Site) -> int:
    made = contract_of(site.cast, "rep", state="effective", effective_at=NOW)
    site.cast.add(
        models.PaymentPlan, contract_id=made, name="全款", percent=100, days=3, amount=1000, due_on=TODAY, state="open", version=1
    )
    return made


def test_a_receipt_of_nothing_or_of_tomorrow_is_marked_in_the_dialog(site: Site) -> None:
    made, cashier = owing(site), site.signed_in("cashier")
    answer = press(cashier, "contract", "receive", made, amount="0", received_on="2999-01-01", method="transfer")
    dialog = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert (beside(dialog, "amount"), beside(dialog, "received_on")) == ("金额要大于 0。", "收款日期不能在将来。")
    assert 'value="2999-01-01"' in dialog and "请改正" not in dialog


def test_over_rest_a_refusal_names_its_fields(site: Site) -> None:
    made = owing(site)
    given = {"ids": [made], "amount": "0", "received_on": TODAY.isoformat(), "method": "transfer"}
    answer = site.browser().client.post("/api/v1/contract/receive", json=given, headers=api(site, "cashier"))
    (refused,) = answer.get_json()["refused"]
    assert answer.status_code == 409
    assert refused["fields"] == {"amount": "金额要大于 0。"}
    assert refused["message"] == "请改正：金额要大于 0。"


def test_letting_somebody_in_until_yesterday_is_marked_too(site: Site) -> None:
    ours, form = site.cast.customer(owner="rep"), {"to_id": str(site.cast.people["mate"]), "level": "read", "until": "2020-01-01"}
    answer = press(site.signed_in("leader_a"), "customer", "share", ours, **form)
    assert answer.status_code == 422
    assert "以内的一天" in beside(answer.get_data(as_text=True), "until")
    sent = {"ids": [ours], **form, "to_id": site.cast.people["mate"]}
    told = site.browser().client.post("/api/v1/customer/share", json=sent, headers=api(site, "leader_a"))
    assert (told.status_code, list(told.get_json()["fields"])) == (422, ["until"])


def test_a_value_that_must_be_unique_is_named_when_a_lead_is_converted(site: Site) -> None:
    for entity in ("lead", "customer"):
        define(
            site, entity=entity, label_zh="税务编号", label_en="Tax file", key="tax", **({"is_unique": "1"} if entity == "customer" else {})
        )
    site.cast.customer(owner="other", name="别家", extra={"x_tax": "T-1"})
    lead = site.cast.lead(owner="rep", state="following", extra={"x_tax": "T-1"})
    answer = press(site.signed_in("rep"), "lead", "convert", lead)
    assert answer.status_code == 422
    assert "“税务编号”：已有记录是这个值。" in answer.get_data(as_text=True)
    told = site.browser().client.post("/api/v1/lead/convert", json={"ids": [lead]}, headers=api(site, "rep"))
    assert (told.status_code, told.get_json()["fields"]) == (422, {"x_tax": "“税务编号”：已有记录是这个值。"})
    assert site.cast.row(models.Lead, lead).state == "following"
