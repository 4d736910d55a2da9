"""The meeting pack over HTTP: for who leads, of what he leads, noted each time it leaves the portal."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from portal.engine.tables import AuditEvent
from tests.cast import Cast
from tests.matrix.http import Caller, found_in
from tests.matrix.test_write_rules import EVERYBODY
from tests.matrix.world import World

Callers = Callable[[str, str], Caller]
PACK = "/meeting-pack/2026-Q2.pdf"
LEADING = ("director", "leader_a", "leader_b")


@pytest.mark.parametrize("how", ["cookie", "token"])
def test_the_pack_is_for_who_leads(how: str, callers: Callers) -> None:
    for actor in EVERYBODY:
        wanted = 200 if actor in LEADING else 403
        assert {callers(actor, how).get(path).status for path in ("/meeting-pack/", PACK)} == {wanted}, actor
    assert callers("", "cookie").get(PACK).status == 302


@pytest.mark.parametrize("actor", LEADING)
def test_it_holds_no_hidden_value_and_is_noted_once(actor: str, callers: Callers, cast: Cast, world: World) -> None:
    def noted() -> list[dict[str, str]]:
        return [row.after for row in cast.rows(AuditEvent, AuditEvent.entity == "meeting_pack", AuditEvent.actor_id == cast.people[actor])]

    before = len(noted())
    answer = callers(actor, "cookie").get(PACK)
    assert "2026-Q2" in answer.body and answer.headers["Cache-Control"] == "no-store"
    assert not found_in(answer, world.hidden_from(actor))
    assert noted()[before:] == [{"quarter": "2026-Q2"}]


def test_each_reader_has_his_own_team(callers: Callers) -> None:
    ours, theirs = (callers(actor, "cookie").get(PACK).body for actor in ("leader_a", "leader_b"))
    assert "业务员甲" in ours and "外组丙" not in ours
    assert "外组丙" in theirs and "业务员甲" not in theirs


@pytest.mark.parametrize("key", ["2026-Q3", "2024-Q1", "2026-05", "x"])
def test_a_quarter_that_has_no_pack_is_refused_in_words(key: str, callers: Callers) -> None:
    answer = callers("director", "cookie").get(f"/meeting-pack/{key}.pdf")
    assert answer.status == 400 and key in answer.body
