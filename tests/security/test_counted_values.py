"""A value that is counted from another record's field is told no further than that field."""

from __future__ import annotations

import json
from typing import Any

import pytest

from portal.engine.checks import check_together
from portal.engine.errors import WrongDeclaration
from portal.engine.spec import registry, spec_named
from tests.domain.test_class_review import QUARTER, customer, deal, propose
from tests.security.test_field_rights import limit, page, role_id
from tests.security.web import Browser, Site

DOORS = ("/class_review/", "/class_review/export.csv", "/api/v1/class_review/")


@pytest.fixture
def leader(site: Site) -> Browser:
    judged = customer(site.cast)
    deal(site.cast, judged, 87654)
    deal(site.cast, judged, 43210, on="2025-01-31")
    assert propose(site.cast, QUARTER) == 1
    return site.signed_in("leader_a")


def read(browser: Browser) -> str:
    made = browser.get("/api/v1/class_review/").get_json()["result"][0]["id"]
    return "".join(page(browser, door) for door in (*DOORS, f"/class_review/{made}", f"/api/v1/class_review/{made}")).replace(",", "")


@pytest.mark.parametrize("level", ["none", "masked"])
def test_who_may_not_read_amounts_of_deals_reads_none_in_class_reviews(site: Site, leader: Browser, level: str) -> None:
    assert "87654" in read(leader) and "43210" in read(leader), "the positive control"
    assert limit(site, "leader", opportunity__amount=level).status_code == 303
    told = read(leader)
    assert "87654" not in told and "43210" not in told
    for key in ("amount", "earlier", "potential", "trend"):
        probe: Any = {"filter": json.dumps([[key, "not_empty", None]])}
        assert leader.get("/api/v1/class_review/", query_string=probe).status_code == 400, key
    assert "87654" in read(site.signed_in("director")), "of another role"
    assert limit(site, "leader", opportunity__amount="edit").status_code == 303
    assert "87654" in read(leader)


def test_its_own_right_may_be_less_but_never_more(site: Site, leader: Browser) -> None:
    assert limit(site, "leader", opportunity__amount="masked", class_review__amount="none").status_code == 303
    row = leader.get("/api/v1/class_review/").get_json()["result"][0]
    assert (row.get("amount"), row["earlier"]) == (None, "****")
    assert limit(site, "leader", opportunity__amount="none", class_review__amount="read").status_code == 303
    assert leader.get("/api/v1/class_review/").get_json()["result"][0].get("amount") is None


def test_the_page_of_the_role_says_what_it_follows(site: Site) -> None:
    admin, path = site.signed_in("admin"), f"/roles/{role_id(site, 'leader')}/fields"
    assert "不超过“商机 · 金额”" in "".join(page(admin, path, tab=str(tab)) for tab in range(4))


def test_a_declaration_that_names_no_field_is_refused_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spec_named("class_review").fields["amount"], "taken_from", "opportunity.sum")
    with pytest.raises(WrongDeclaration, match=r"amount is taken from 'opportunity\.sum'"):
        check_together(list(registry().values()))
