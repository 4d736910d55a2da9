"""What the README's new record type can do once it is declared; run by its test inside the copy that declares it."""

from __future__ import annotations

import json
import os
from pathlib import Path

from portal.engine import store
from tests.cast import assemble
from tests.conftest import _sessions
from tests.security.web import Site, make_site
from tests.services import config_for


def main() -> None:
    """A rep makes one and finds it at every door; a team mate finds none."""
    dispose, factory = _sessions(os.environ["DATABASE_URL"])
    store.use_factory(factory)
    site = make_site(assemble(factory), config_for(Path.cwd() / "home", os.environ["DATABASE_URL"], os.environ["REDIS_URL"]))
    rep, mate = site.signed_in("rep"), site.signed_in("mate")
    assert 'href="/competitor/"' in rep.get("/").text, "the menu names it"
    answer = rep.post("/competitor/new", {"name": "对手甲", "strength": "便宜"})
    assert answer.status_code in (302, 303), answer.text
    assert "对手甲" in rep.get("/competitor/").text, "the list shows it"
    assert "对手甲" in rep.get("/competitor/?q=对手").text, "the search finds it"
    assert "便宜" in rep.get(answer.location).text, "it has a page"
    assert "对手甲" in rep.get("/competitor/export.csv").text, "it is exported"
    for door in ("/competitor/", "/competitor/export.csv", "/competitor/?tab=all"):
        assert "对手甲" not in mate.get(door).text, f"a team mate sees it at {door}"
    assert mate.get(answer.location).status_code == 404
    by_program(site)
    dispose()


def by_program(site: Site) -> None:
    token = site.browser().token("rep").get_json()["access_token"]
    client, headers = site.app.test_client(), {"Authorization": f"Bearer {token}"}
    listed = client.get("/api/v1/competitor/", headers=headers).get_json()
    assert [row["name"] for row in listed["result"]] == ["对手甲"], listed
    described = client.get("/api/v1/_openapi", headers=headers).get_json()
    assert "/api/v1/competitor/" in json.dumps(described)
    made = client.post("/api/v1/competitor/", json={"name": "对手乙"}, headers=headers)
    assert made.status_code == 201, made.text
    assert client.get("/api/v1/competitor/", headers=headers).get_json()["count"] == 2


if __name__ == "__main__":
    main()
