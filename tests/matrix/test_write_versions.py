"""A save says which version of the record it was made on, by every door; without that nothing is compared."""

from __future__ import annotations

from portal import models
from tests.cast import Cast
from tests.matrix.ledger import untouched
from tests.matrix.test_write_rules import HOW, Callers


@HOW
def test_a_save_says_what_it_was_made_on(how: str, callers: Callers, cast: Cast) -> None:
    """Without a version nothing is compared, so nothing is saved."""
    caller, own = callers("rep", how), cast.lead(owner="rep")
    with untouched(cast, "a save without a version"):
        blind = caller.send("PUT", f"/api/v1/lead/{own}", {"note": "three"})
        assert (blind.status, blind.json()["error"]) == (428, "version_required"), blind.body  # type: ignore[index]
        for wrong in ("1", True, 1.0, [1]):
            assert caller.send("PUT", f"/api/v1/lead/{own}", {"note": "x", "version": wrong}).status == 400
        form = {"company": "测试公司", "source_id": str(cast.source_id), "note": "three"}
        page = caller.post(f"/lead/{own}/edit", form)
        assert page.status == 428 and "three" in page.body and 'name="_version" value="1"' in page.body


def test_a_late_save_stays_late_while_it_is_corrected(callers: Callers, cast: Cast) -> None:
    caller, own = callers("rep", "cookie"), cast.lead(owner="rep")
    assert caller.send("PUT", f"/api/v1/lead/{own}", {"note": "theirs", "version": 1}).status == 200
    wrong = caller.post(f"/lead/{own}/edit", {"company": "", "source_id": str(cast.source_id), "_version": "1"})
    assert wrong.status == 422 and 'name="_version" value="1"' in wrong.body


def test_people_are_saved_like_every_record(callers: Callers, cast: Cast) -> None:
    """Of two who change one person, the later is shown the name that the earlier gave, and loses nothing."""
    caller, person = callers("admin", "cookie"), cast.people["mate"]
    version = cast.row(models.User, person).version
    page = caller.get(f"/user/{person}/edit").body
    assert f'name="_version" value="{version}"' in page
    typed = {"email": "mate@test.example", "phone": ""}
    assert caller.post(f"/user/{person}/edit", {**typed, "name": "先改的名字", "_version": str(version)}).status == 303
    late = caller.post(f"/user/{person}/edit", {**typed, "name": "后改的名字", "_version": str(version)})
    assert late.status == 409 and "先改的名字" in late.body and "后改的名字" in late.body
    assert cast.row(models.User, person).name == "先改的名字"


def test_the_description_of_the_api_asks_for_it(callers: Callers) -> None:
    """OpenAPI: the version is read with the record, required for a save, and its absence has an answer of its own."""
    described = callers("rep", "cookie").get("/api/v1/_openapi").json()
    put = described["paths"]["/api/v1/lead/{record_id}"]["put"]  # type: ignore[index,call-overload]
    given = put["requestBody"]["content"]["application/json"]["schema"]["allOf"]
    assert given[1]["required"] == ["version"] and "428" in put["responses"]
    schemas = described["components"]["schemas"]  # type: ignore[index,call-overload]
    assert "version" in schemas["lead"]["properties"] and "required" not in schemas["lead_update"]
