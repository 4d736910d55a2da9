"""What somebody leaves behind, on the home of his leader: each kind of record with its own list."""

from __future__ import annotations

import re
from html import unescape

from portal import models
from portal.domain import handover
from tests.domain.test_reassignment import NAMES, made
from tests.security.web import Site


def test_each_kind_is_listed_with_what_the_leader_may_hand_over(site: Site) -> None:
    cast = site.cast
    for name in NAMES:
        made(cast, name)
    cast.lead(owner="rep")
    cast.set(models.User, cast.people["rep"], active=False)
    with cast.act("leader_b"):
        assert handover.leavers() == []
    home = site.signed_in("leader_a").get("/").get_data(as_text=True)
    panel = home.split('id="hand-over"')[1].split("</section>")[0]
    hrefs = [unescape(each) for each in re.findall('href="([^"]+)"', panel)]
    assert [each.split("/")[1] for each in hrefs] == ["lead", "customer", "opportunity", "contract"]
    for href in hrefs:
        rows = site.signed_in("leader_a").get(f"/api/v1{href.replace('/?', '/?limit=50&')}").get_json()
        assert rows["count"] >= 1, href
