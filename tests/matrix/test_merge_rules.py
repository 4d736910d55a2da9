"""A merge over HTTP: what was merged is nowhere but at its own address, which tells where it went, to its readers only."""

from __future__ import annotations

from collections.abc import Callable

from portal import models
from tests.cast import Cast
from tests.matrix.http import Caller

Callers = Callable[[str, str], Caller]


def test_a_merged_customer_is_in_no_list_and_its_address_tells_where_it_went(callers: Callers, cast: Cast) -> None:
    stays, goes = (cast.customer(owner="rep", name=name) for name in ("留下的公司", "并走的公司"))
    rep, other, director = callers("rep", "token"), callers("other", "token"), callers("director", "token")
    answer = rep.send("POST", "/api/v1/customer/merge", {"ids": [stays], "merged_id": goes})
    assert answer.status == 200, answer.body
    for caller in (rep, director):
        gone = caller.get(f"/api/v1/customer/{goes}")
        assert gone.status == 410
        assert f"/customer/{stays}" in gone.body
    for door in ("/api/v1/customer/?limit=200", "/api/v1/customer/?q=并走的公司", "/api/v1/contact/pick?field=customer_id&q=并走的公司"):
        assert "并走的公司" not in rep.get(door).body, door
    assert other.get(f"/api/v1/customer/{goes}").body == other.get("/api/v1/customer/999999").body
    page = callers("rep", "cookie").get(f"/customer/{goes}")
    assert page.status == 200
    assert f'href="/customer/{stays}"' in page.body
    assert callers("other", "cookie").get(f"/customer/{goes}").status == 404


def test_its_former_reader_learns_no_name_of_a_survivor_he_may_not_see(callers: Callers, cast: Cast) -> None:
    stays, goes = cast.customer(owner="other", name="别人的秘密公司"), cast.customer(owner="rep", name="我的公司")
    director = callers("director", "token")
    assert director.send("POST", "/api/v1/customer/merge", {"ids": [stays], "merged_id": goes}).status == 200
    for answer in (callers("rep", "token").get(f"/api/v1/customer/{goes}"), callers("rep", "cookie").get(f"/customer/{goes}")):
        assert answer.status in (200, 410)
        assert "别人的秘密公司" not in answer.body
        assert f"/customer/{stays}" not in answer.body


def test_the_page_merges_as_chosen_and_the_merger_takes_it_back(callers: Callers, cast: Cast) -> None:
    left, right = (cast.customer(owner="rep", region=region, name=f"{region}公司") for region in ("北京", "上海"))
    rep = callers("rep", "cookie")
    assert "北京" in rep.get(f"/customer/{left}/merge?with={right}").body
    sent = {"with": str(right), "stays": "right", "f-region": "left", "f-name": "right", f"v-{left}": "1", f"v-{right}": "1"}
    assert rep.post(f"/customer/{left}/merge", {**sent, f"v-{left}": "7"}).status == 409
    assert rep.post(f"/customer/{left}/merge", sent).status == 303
    row = cast.row(models.Customer, right)
    assert (row.name, row.region) == ("上海公司", "北京")
    batch = cast.row(models.Customer, left).merge_id
    assert f"/customer/undo/{batch}" in rep.get(f"/customer/{right}/duplicates").body
    assert callers("other", "cookie").post(f"/customer/undo/{batch}").status == 404
    assert rep.post(f"/customer/undo/{batch}", **{"HX-Request": "true"}).status == 200
    assert cast.row(models.Customer, left).merged_into_id is None


def test_looking_past_ones_own_is_counted(callers: Callers, cast: Cast) -> None:
    number = "+8613955557777"
    mine = cast.customer(owner="rep", phone=number)
    cast.customer(owner="other", phone=number, name="看不到的公司")
    rep = callers("rep", "cookie")
    assert "13955557777" not in rep.get(f"/customer/{mine}/duplicates").body
    before = len(cast.rows(models.AuditEvent, models.AuditEvent.verb == "duplicate_check"))
    told = rep.post(f"/customer/{mine}/duplicates").body
    assert "看不到的公司" not in told
    assert "电话相同" in told or "same phone" in told
    assert len(cast.rows(models.AuditEvent, models.AuditEvent.verb == "duplicate_check")) == before + 1
