"""Who once held a decision and does not see its record keeps what he did himself, and nothing of the record or of others."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from portal import models
from portal.domain import reminders
from tests.cast import NOW
from tests.domain.test_approvals import do, waiting
from tests.domain.test_contracts import contract
from tests.security.web import Site

SECRETS = ("采购合同甲", "clauses-canary", "987,654", "987654", "said-later-canary", "业务员甲")


def submitted(site: Site) -> None:
    made = contract(site.cast, title="采购合同甲", clauses="clauses-canary", price=987654)
    assert do(site.cast, "rep", "contract:submit", made).done


@pytest.fixture
def asked(site: Site) -> int:
    """A contract that waits for legal."""
    submitted(site)
    return int(waiting(site.cast)["legal"])


def step(site: Site, login: str, verb: str, **form: Any) -> int:
    """Decide what waits for this person; which task it was."""
    task = int(waiting(site.cast)[login])
    assert do(site.cast, login, f"approval_task:{verb}", task, **form).done
    return task


def leaks(site: Site, login: str, task: int, secrets: tuple[str, ...] = SECRETS) -> list[str]:
    browser = site.signed_in(login)
    pages = [browser.get(path) for path in (f"/approvals/{task}", "/approvals/?tab=done", "/")]
    assert {page.status_code for page in pages} == {200}
    return [f"{page.request.path}: {each}" for page in pages for each in secrets if each in page.get_data(as_text=True)]


def test_while_it_waits_everything_is_told(site: Site, asked: int) -> None:
    step(site, "legal", "transfer", to_id=site.cast.people["service"], reason="请看一下")
    page = site.signed_in("service").get(f"/approvals/{waiting(site.cast)['service']}").get_data(as_text=True)
    assert "采购合同甲" in page and "clauses-canary" in page and "请看一下" in page


@pytest.mark.parametrize(
    ("verb", "form"),
    [
        ("transfer", {"reason": "my-own-words"}),
        ("send_back", {"reason": "my-own-words"}),
        ("reject", {"reason": "my-own-words"}),
        ("approve", {"comment": "my-own-words"}),
    ],
)
def test_afterwards_only_his_own_part_is_told(site: Site, asked: int, verb: str, form: dict[str, Any]) -> None:
    step(site, "legal", "transfer", to_id=site.cast.people["service"], reason="said-later-canary")
    given = {**form, "to_id": site.cast.people["legal"]} if verb == "transfer" else form
    task = step(site, "service", verb, **given)
    for login in ("legal", "finance"):
        if login in waiting(site.cast):
            step(site, login, "approve", comment="said-later-canary")
    assert leaks(site, "service", task) == []
    page = site.signed_in("service").get(f"/approvals/{task}").get_data(as_text=True)
    assert "my-own-words" in page and "合同" in page


def test_a_deputy_whose_time_is_over_keeps_his_own_part(site: Site) -> None:
    with site.cast.act("system"):
        reminders.remind_due(now=NOW)
    days = {"first_on": NOW.date(), "last_on": NOW.date()}
    site.cast.add(models.Delegation, owner_id=site.cast.people["legal"], deputy_id=site.cast.people["service"], version=1, **days)
    submitted(site)
    task = int(waiting(site.cast)["service"])
    later = NOW + timedelta(days=1)
    with site.cast.act("system", later):
        reminders.remind_due(now=later)
    assert "service" not in waiting(site.cast)
    assert leaks(site, "service", task) == []


def test_who_reads_the_record_reads_its_approval_as_before(site: Site, asked: int) -> None:
    task = step(site, "legal", "approve", comment="看过了")
    browser = site.signed_in("legal")
    assert "采购合同甲" in browser.get(f"/approvals/{task}").get_data(as_text=True)
    assert "采购合同甲" in browser.get("/approvals/?tab=done").get_data(as_text=True)
