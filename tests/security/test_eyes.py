"""Looking as somebody else: the same sight, no hand, on record, and over by itself; why somebody sees a record."""

from __future__ import annotations

from datetime import timedelta

import pytest

from portal import models
from portal.domain import role_changes, role_desk
from portal.engine.clock import clock
from tests.cast import NOW
from tests.security.web import Browser, Site


@pytest.fixture
def looking(site: Site) -> Browser:
    """The administrator, looking as the rep."""
    site.cast.lead(owner="rep", company="自己的公司")
    site.cast.lead(owner="other", company="别组的公司")
    browser = site.signed_in("admin")
    answer = browser.post("/roles/view-as", {"person": site.cast.people["rep"], "reason": "核对"}, page="/roles/view-as")
    assert answer.status_code == 303
    return browser


def test_one_sees_what_the_other_sees_under_a_banner(looking: Browser) -> None:
    page = looking.get("/lead/?tab=all").get_data(as_text=True)
    assert "自己的公司" in page
    assert "别组的公司" not in page
    assert "业务员甲" in page.split('class="looking"')[1].split("</div>")[0]
    assert looking.get("/roles/").status_code == 403


def test_every_write_is_refused(site: Site, looking: Browser) -> None:
    lead = site.cast.rows(models.Lead)[0]
    for path, data in (
        (f"/lead/{lead.id}/edit", {"company": "改名"}),
        ("/lead/new", {"company": "新公司"}),
        ("/lead/verb/release", {"ids": lead.id}),
        ("/roles/view-as", {"person": site.cast.people["director"]}),
        ("/preferences", {"language": "en"}),
    ):
        assert looking.post(path, data, page="/lead/").status_code == 409, path
    assert site.cast.row(models.Lead, lead.id).company == lead.company
    assert looking.get("/lead/export.csv").status_code in (200, 409)
    assert len(site.cast.rows(models.Lead)) == 2


def test_it_is_on_record_and_ends_when_asked(site: Site, looking: Browser) -> None:
    assert looking.post("/roles/view-as/end", page="/lead/").status_code == 303
    assert "别组的公司" in looking.get("/lead/?tab=all").get_data(as_text=True)
    events = [(e.verb, e.actor_id, e.reason) for e in site.cast.rows(models.AuditEvent) if e.verb.startswith("role_desk")]
    assert events == [("role_desk:view_as", site.cast.people["admin"], "核对"), ("role_desk:view_as_end", site.cast.people["admin"], "")]


def test_it_ends_by_itself_after_fifteen_minutes(looking: Browser) -> None:
    clock.set(NOW + timedelta(minutes=14))
    assert 'class="looking"' in looking.get("/").get_data(as_text=True)
    clock.set(NOW + timedelta(minutes=15))
    assert 'class="looking"' not in looking.get("/").get_data(as_text=True)


def test_it_ends_with_the_right_to_look(site: Site, looking: Browser) -> None:
    with site.cast.act("system") as session:
        admin = next(card for card in role_desk.cards(session) if card.name == "admin")
        less = role_desk.RoleRights(admin.rights.verbs - {"role_desk:view_as"}, admin.rights.scopes)
        role_changes.save(session, admin.id, less, seen=admin.rights.stamp, acting_user=session.info["principal"])
    assert 'class="looking"' not in looking.get("/").get_data(as_text=True)


@pytest.mark.parametrize("login", ["director", "leader_a", "rep", "nobody"])
def test_only_who_may_looks(site: Site, login: str) -> None:
    browser = site.signed_in(login)
    assert browser.get("/roles/view-as").status_code == 403
    assert browser.post("/roles/view-as", {"person": site.cast.people["mate"]}, page="/").status_code == 403
    assert browser.get("/roles/why").status_code == 403


def test_why_names_the_rule_the_role_and_whom_to_ask(site: Site) -> None:
    lead = site.cast.lead(owner="other", company="别组的公司")
    browser = site.signed_in("admin")
    told = {
        login: browser.get(f"/roles/why?person={site.cast.people[login]}&record=/lead/{lead}").get_data(as_text=True)
        for login in ("other", "leader_b", "rep")
    }
    assert "这个人就是负责人。" in told["other"]
    assert "记录属于这个人的团队或下级团队。" in told["leader_b"]
    assert "记录不在这个角色的范围内。" in told["rep"]
    assert "组长乙" in told["rep"]


@pytest.mark.parametrize("record", ["/lead/999999", "abc", "/nothing/1"])
def test_an_address_of_nothing_is_said_beside_it_and_stays_to_be_corrected(site: Site, record: str) -> None:
    answer = site.signed_in("admin").get(f"/roles/why?person={site.cast.people['rep']}&record={record}")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 404 and "贴过来" in page and f'value="{record}"' in page
