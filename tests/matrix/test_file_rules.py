"""Files of records: read through their record only, taken away by who may change it."""

from __future__ import annotations

from portal import models
from tests.cast import Cast
from tests.matrix.ledger import untouched
from tests.matrix.test_write_rules import HOW, Callers
from tests.matrix.world import World


@HOW
def test_a_file_is_read_through_its_record_only(how: str, callers: Callers, cast: Cast, world: World) -> None:
    own = world.one("lead", "rep").id
    assert callers("rep", how).upload(f"/lead/{own}/files", content="file-canary").status == 303
    files = models.Attachment.__table__
    file_id = cast.rows(models.Attachment, files.c.entity == "lead", files.c.record_id == own)[-1].id  # type: ignore[attr-defined]
    assert "file-canary" in callers("rep", how).get(f"/lead/{own}/files/{file_id}").body
    assert callers("leader_a", how).get(f"/lead/{own}/files/{file_id}").status == 200
    others = world.one("lead", "other").id
    follow_up = world.one("follow_up", "rep").id
    for actor, path in (
        *((actor, f"/lead/{own}/files/{file_id}") for actor in ("mate", "other", "leader_b", "legal", "nobody")),
        ("other", f"/lead/{others}/files/{file_id}"),
        ("rep", f"/follow_up/{follow_up}/files/{file_id}"),
        ("admin", f"/lead/{others}/files/{file_id}"),
    ):
        for door in (path, f"/api/v1{path}", f"/api/v1{path.rsplit('/', 1)[0]}"):
            answer = callers(actor, how).get(door)
            assert answer.status in (403, 404) or door.endswith("/files"), f"{actor} {door}: {answer.status}"
            assert "file-canary" not in answer.body and "words.txt" not in answer.body, f"{actor} {door}: {answer.status}"
    for door in (f"/lead/{own}/files/{file_id}", f"/api/v1/lead/{own}/files/{file_id}", f"/api/v1/lead/{own}/files"):
        assert callers("", "cookie").get(door).status in (302, 401), door


@HOW
def test_a_file_is_taken_away_by_who_may_change_its_record_only(how: str, callers: Callers, cast: Cast, world: World) -> None:
    own, others = cast.lead(owner="rep"), world.one("lead", "other").id
    rep = callers("rep", how)
    file_id = rep.upload(f"/api/v1/lead/{own}/files").json()["result"][0]["id"]  # type: ignore[index]
    for actor in ("mate", "other", "leader_b", "legal", "nobody"):
        with untouched(cast, actor):
            for doors in (f"/lead/{own}/files/{file_id}", f"/lead/{others}/files/{file_id}"):
                assert callers(actor, how).post(f"{doors}/remove").status in (403, 404), actor
                assert callers(actor, how).send("DELETE", f"/api/v1{doors}", {}).status in (403, 404), actor
    assert rep.send("DELETE", f"/api/v1/lead/{own}/files/{file_id}", {}).status == 204
    for door in (f"/lead/{own}/files/{file_id}", f"/api/v1/lead/{own}/files/{file_id}"):
        assert callers("leader_a", how).get(door).status == 404, "what was taken away is read by nobody"
    for actor in ("mate", "other", "leader_b", "legal", "nobody"):
        with untouched(cast, actor):
            assert callers(actor, how).post(f"/lead/{own}/files/{file_id}/restore").status in (403, 404), actor
            assert callers(actor, how).send("POST", f"/api/v1/lead/{own}/files/{file_id}/restore", {}).status in (403, 404), actor
    assert rep.post(f"/lead/{own}/files/{file_id}/restore").status == 303
    assert rep.get(f"/lead/{own}/files/{file_id}").status == 200
