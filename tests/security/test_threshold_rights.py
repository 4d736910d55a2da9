"""What other thresholds would propose is counted over every customer and every deal: for who sees all of both."""

from __future__ import annotations

from dataclasses import replace

import pytest

from portal.domain import role_changes, role_desk
from tests.security.web import Site


@pytest.mark.parametrize("entity", ["customer", "opportunity"])
def test_who_does_not_see_all_of_it_is_not_told_what_it_comes_to(site: Site, entity: str) -> None:
    cast = site.cast
    assert site.signed_in("admin").get("/class-thresholds/").status_code == 200
    with cast.act("director") as session:
        held = next(each for each in role_desk.cards(session) if each.name == "director")
        scopes = {**held.rights.scopes, entity: replace(held.rights.to(entity), read="own", write="own", assign="own")}
        wanted = replace(held.rights, verbs=held.rights.verbs | {"policy_desk:read"}, scopes=scopes)
    with cast.act("admin") as session:
        role_changes.save(session, held.id, wanted, seen=held.rights.stamp, acting_user=cast.principal("admin"))
    assert site.signed_in("director").get("/class-thresholds/?points=1,2").status_code == 403
