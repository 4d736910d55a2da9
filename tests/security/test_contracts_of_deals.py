"""From a deal to its contract: begun from the deal's page, each shows the other, as far as its reader sees it."""

from __future__ import annotations

import re
from decimal import Decimal
from html import unescape
from typing import Any

import pytest

from portal import models
from portal.engine import operations
from portal.engine.errors import Changed, Invalid, NotFound
from portal.engine.spec import spec_named
from tests.cast import NOW, Cast
from tests.domain.test_customers import do, make
from tests.domain.test_deals import change, deal
from tests.matrix.world import contract_of
from tests.security.web import Browser, Site

TERMS = {"kind": "sale", "start_on": NOW.date(), "end_on": NOW.date()}


def product(cast: Cast, name: str = "云端专业版") -> int:
    return cast.add(models.Product, name=name, name_key=name, price=48_000, active=True, version=1)


def begun(cast: Cast, deal_id: int, login: str = "rep", **values: Any) -> int:
    customer_id = cast.row(models.Opportunity, deal_id).customer_id
    return int(make(cast, login, "contract", **{**TERMS, "customer_id": customer_id, "opportunity_id": deal_id, "title": "合同", **values}))


def control(form: str, name: str) -> str:
    """What a control of a form holds: an input's value, or the option that is chosen."""
    found = re.search(rf'<input[^>]*name="{name}"[^>]*value="([^"]*)"|<input[^>]*value="([^"]*)"[^>]*name="{name}"', form)
    if found is None:
        found = re.search(rf'<select[^>]*name="{name}".*?<option value="([^"]+)" selected', form, re.DOTALL)
    assert found is not None, name
    return unescape(next(part for part in found.groups() if part is not None))


def page(browser: Browser, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200, answer.get_data(as_text=True)[:500]
    return answer.get_data(as_text=True)


def test_the_deals_page_begins_a_contract_with_what_it_knows(site: Site) -> None:
    cast, rep = site.cast, site.signed_in("rep")
    ours = deal(cast, name="专业版三套", amount=Decimal(120_000), product_id=product(cast))
    link = re.search(r'href="(/contract/new\?[^"]+)"', page(rep, f"/opportunity/{ours}"))
    assert link is not None
    form = page(rep, unescape(link.group(1)))
    held = {name: control(form, name) for name in ("customer_id", "opportunity_id", "title", "amount")}
    customer_id = cast.row(models.Opportunity, ours).customer_id
    assert held == {"customer_id": str(customer_id), "opportunity_id": str(ours), "title": "专业版三套", "amount": "120000"}
    sent = {**held, "kind": "sale", "start_on": "2026-05-12", "end_on": "2027-05-11", "clauses": "三个月交付"}
    answer = rep.post("/contract/new", sent)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    made = int(answer.headers["Location"].rsplit("/", 1)[-1])
    (line,) = cast.rows(models.ContractLine, models.ContractLine.contract_id == made)
    assert (line.product, line.quantity, line.amount, cast.row(models.Contract, made).amount) == ("云端专业版", 1, 120_000, 120_000)
    assert f"/contract/{made}" in page(rep, f"/opportunity/{ours}")
    assert "专业版三套" in page(rep, f"/contract/{made}").split("商机")[1]


def test_a_contract_is_of_a_deal_of_its_own_customer(cast: Cast) -> None:
    ours, other = deal(cast), cast.customer(owner="rep")
    with pytest.raises(Invalid) as wrong:
        begun(cast, ours, customer_id=other)
    assert set(wrong.value.errors) == {"opportunity_id"}
    with pytest.raises(NotFound):
        begun(cast, deal(cast, "other"), customer_id=other)
    begun(cast, ours)
    with pytest.raises(Invalid) as wrong:
        change(cast, "rep", ours, customer_id=other)
    assert set(wrong.value.errors) == {"customer_id"}


def test_without_a_product_it_begins_without_a_line(cast: Cast) -> None:
    made = begun(cast, deal(cast), amount=Decimal(700))
    assert cast.rows(models.ContractLine, models.ContractLine.contract_id == made) == []
    assert cast.row(models.Contract, made).amount == 700


def test_who_sees_one_of_the_two_sees_no_name_of_the_other(site: Site) -> None:
    cast = site.cast
    ours = deal(cast, name="看不见的商机")
    customer_id = cast.row(models.Opportunity, ours).customer_id
    theirs = contract_of(cast, "other", customer_id=customer_id, title="看不见的合同", opportunity_id=ours)
    assert "看不见的商机" not in page(site.signed_in("other"), f"/contract/{theirs}")
    assert "看不见的合同" not in page(site.signed_in("rep"), f"/opportunity/{ours}")
    token = {"Authorization": f"Bearer {site.browser().token('other').get_json()['access_token']}"}
    told = site.browser().client.get(f"/api/v1/contract/{theirs}", headers=token).get_json()["result"]
    assert told["opportunity_id"] is None
    stranger = page(site.signed_in("other"), f"/contract/new?opportunity_id={ours}")
    assert "看不见的商机" not in stranger


def test_a_next_version_and_a_merge_keep_it(cast: Cast) -> None:
    ours = deal(cast)
    customer_id = cast.row(models.Opportunity, ours).customer_id
    running = contract_of(cast, "rep", customer_id=customer_id, state="effective", effective_at=NOW, opportunity_id=ours)
    do(cast, "rep", "contract:change", [running], reason="加一套")
    assert [row.opportunity_id for row in cast.rows(models.Contract)] == [ours, ours]
    survivor = cast.customer(owner="rep", name="留下的")
    do(cast, "rep", "customer:merge", [survivor], merged_id=customer_id)
    assert {row.customer_id for row in cast.rows(models.Contract)} == {survivor}
    assert cast.row(models.Opportunity, ours).customer_id == survivor


def test_a_conversion_is_not_undone_under_a_contract_of_its_deal(cast: Cast) -> None:
    joined = cast.customer(owner="rep")
    lead = cast.lead(owner="rep", state="following")
    outcome = do(cast, "rep", "lead:convert", [lead], customer_id=joined, opportunity="首单")
    begun(cast, cast.rows(models.Opportunity)[0].id)
    with cast.act("rep") as session, pytest.raises(Changed):
        operations.undo(session, spec_named("lead"), outcome.batch_id or 0, acting_user=session.info["principal"], now=NOW)
