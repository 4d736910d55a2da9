"""What an approval keeps of a record tells nobody more than the record itself would."""

from __future__ import annotations

import pytest

from portal import models
from portal.security.resolve import touch_access
from tests.domain.test_approvals import do, waiting
from tests.domain.test_contracts import contract
from tests.security.web import Site

FLOOR = "floor-canary-7"


@pytest.fixture
def asked(site: Site) -> tuple[int, int]:
    """A contract that waits for legal and an approval of it, with a value that only the director is shown."""
    cast = site.cast
    words = {"label_zh": "底价", "label_en": "Floor", "mask": "none", "rank": 10}
    cast.add(models.CustomField, entity="contract", key="floor", kind="text", state="active", seen_by="director", **words)
    with cast.act("system") as session:
        touch_access(session)
    made = contract(cast)
    cast.set(models.Contract, made, extra={"x_floor": FLOOR})
    assert do(cast, "rep", "contract:submit", made).done
    return made, cast.rows(models.Approval)[-1].id


@pytest.mark.parametrize("login", ["rep", "leader_a", "legal"])
def test_a_kept_version_shows_what_its_reader_may_see(site: Site, asked: tuple[int, int], login: str) -> None:
    contract_id, approval_id = asked
    token = {"Authorization": f"Bearer {site.browser().token(login).get_json()['access_token']}"}
    browser = site.signed_in(login)
    doors = ["/api/v1/approval/", f"/api/v1/approval/{approval_id}", f"/api/v1/contract/{contract_id}"]
    pages = ["/approval/", f"/approval/{approval_id}", f"/contract/{contract_id}"]
    if login == "legal":
        pages.append(f"/approvals/{waiting(site.cast)['legal']}")
    answers = [browser.get(each, headers=token) for each in doors] + [browser.get(each) for each in pages]
    assert {each.status_code for each in answers} == {200}
    assert not [each.request.path for each in answers if FLOOR in each.get_data(as_text=True)]


def test_who_is_shown_the_value_reads_it_in_the_kept_version(site: Site, asked: tuple[int, int]) -> None:
    assert FLOOR in site.signed_in("director").get(f"/contract/{asked[0]}").get_data(as_text=True)


def test_no_program_gets_a_kept_version_whole(site: Site, asked: tuple[int, int]) -> None:
    """Whose rights it would have to be cut by is the record's to know, not the approval's."""
    token = {"Authorization": f"Bearer {site.browser().token('director').get_json()['access_token']}"}
    told = site.browser().get(f"/api/v1/approval/{asked[1]}", headers=token).get_json()["result"]
    assert told["title"]
    assert not {"snapshot", "earlier", "form", "plan"} & told.keys()
