"""Report templates are the administrators'; the search over reports finds nothing that its reader may not open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from portal import models
from portal.engine.questions import Question, answered, document
from tests.cast import Cast
from tests.matrix.http import Caller
from tests.matrix.ledger import untouched
from tests.matrix.rules import reaches
from tests.matrix.test_write_rules import EVERYBODY
from tests.matrix.world import World

Callers = Callable[[str, str], Caller]
HOW = pytest.mark.parametrize("how", ["cookie", "token"])
ASKED = Question("q1", "text", "进展 | How it went")


@HOW
def test_report_templates_are_the_admins(how: str, callers: Callers, cast: Cast) -> None:
    made = cast.add(models.ReportTemplate, name="日报", period="day", active=True, questions=document([ASKED]), number=1)
    for actor in EVERYBODY:
        caller = callers(actor, how)
        assert {caller.get(f"/report-templates/{page}").status for page in ("", "new", made)} == {200 if actor == "admin" else 403}, actor
        if actor != "admin":
            with untouched(cast, actor):
                assert {caller.post(f"/report-templates/{page}", {"do": "publish", "name": "甲"}).status for page in ("new", made)} == {403}
    for page in ("", "new", made):
        assert callers("", "cookie").get(f"/report-templates/{page}").status == 302


def found(caller: Caller, words: str) -> set[Any]:
    """Ids that the search of the list's own door gives this reader."""
    answer = caller.get(f"/api/v1/work_report/?q={words}")
    assert answer.status == 200, answer.body[:300]
    return {row["id"] for row in answer.json()["result"]}  # type: ignore[index]


@HOW
def test_the_search_finds_what_was_written_answered_or_quoted_only_in_reports_one_may_see(
    how: str, callers: Callers, cast: Cast, world: World
) -> None:
    reports = world.of("work_report")
    for report in reports:
        answers = answered([ASKED], {"q1": f"洽谈 answer-canary-{report.owner}"})
        figures = {"lines": [{"text": {"zh": f"quote-canary-{report.owner} 验收", "en": "x"}, "href": "", "note": ""}]}
        cast.set(models.WorkReport, report.id, answers=answers, figures=figures)
    for actor in ("rep", "mate", "other", "leader_a", "leader_b", "director", "admin"):
        caller, seen = callers(actor, how), {report.id for report in reports if reaches(actor, report)}
        for words in ("洽谈", "验收", "canary"):
            assert found(caller, words) == seen, f"{actor} {words}"
        for report in reports:
            for words in (f"answer-canary-{report.owner}", f"quote-canary-{report.owner}", f"problem-canary-{report.owner}"):
                assert found(caller, words) == {report.id} & seen, f"{actor} {words}"
