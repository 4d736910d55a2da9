"""Templates of reports: whose questions are asked, versions that keep old answers, and what is missing at submission."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from portal import models
from portal.domain import report_templates
from portal.engine.errors import BadRequest, Refused
from portal.engine.fields import View
from portal.engine.kinds.answers import AnswersField
from portal.engine.questions import Question, answered, faults, number
from portal.engine.spec import spec_of
from tests.cast import NOW, Cast
from tests.domain.test_reports import do, opened, report_of

HOW = Question("q1", "choice", "进展 | How it went", required=True, parts=("顺利 | Well", "受阻 | Held up"))
PLAN = Question("q2", "table", "客户 | Customers", parts=("名称 | Name", "金额 | Amount"))
AMOUNT = Question("q3", "number", "金额 | Amount")
WHY = Question("q4", "text", "原因 | Why", required=True)


def published(cast: Cast, questions: Sequence[Question], former: int | None = None, **about: Any) -> int:
    given = {"name": "日报", "period": "day", "for_role": "", "for_team_id": None, **about}
    with cast.act("admin") as session:
        return report_templates.publish(former, given, questions, acting_user=session.info["principal"], now=NOW)


def submit(cast: Cast, login: str, **answers: Any) -> Any:
    return do(cast, login, "submit", report_of(cast, login).id, problems="没有", answers=answers)


def test_the_closest_template_asks_team_before_role_before_everybody(cast: Cast) -> None:
    general = published(cast, [HOW])
    for_reps = published(cast, [HOW], for_role="rep")
    published(cast, [HOW], for_role="director")
    for_team = published(cast, [HOW], for_team_id=cast.teams["b"])
    published(cast, [HOW], period="week", for_team_id=cast.teams["a"])
    opened(cast)
    assert [report_of(cast, login).template_id for login in ("rep", "mate", "other")] == [for_reps, for_reps, for_team]
    assert general not in {report_of(cast, login).template_id for login in ("rep", "other")}


def test_a_required_question_holds_the_report_back_until_it_is_answered(cast: Cast) -> None:
    published(cast, [HOW, PLAN, AMOUNT, WHY])
    opened(cast)
    refused = submit(cast, "rep", q1="受阻 | Held up").refused
    assert [refusal.rule for _, refusal in refused] == ["answers"]
    assert "原因" in refused[0][1].in_("zh") and "Why" in refused[0][1].in_("en")
    assert report_of(cast, "rep").state == "open"
    assert submit(cast, "rep", q1="受阻 | Held up", q2=[["启辰", "12"], ["", ""]], q3="1,200.5", q4="预算").done
    kept = report_of(cast, "rep").answers["items"]
    assert [(each["key"], each["value"]) for each in kept] == [
        ("q1", "受阻 | Held up"),
        ("q2", [["启辰", "12"]]),
        ("q3", "1,200.5"),
        ("q4", "预算"),
    ]


def test_a_new_version_leaves_open_and_old_reports_their_questions(cast: Cast) -> None:
    first = published(cast, [HOW])
    opened(cast)
    assert submit(cast, "rep", q1="顺利 | Well").done
    second = published(cast, [WHY], former=first)
    assert report_of(cast, "rep").answers["items"][0]["label"] == HOW.label
    assert report_of(cast, "mate").template_id == first and submit(cast, "mate", q1="顺利 | Well").done
    rows = {row.id: (row.number, row.active, row.replaces_id) for row in cast.rows(models.ReportTemplate)}
    assert rows == {first: (1, False, None), second: (2, True, first)}
    table = models.AuditEvent.__table__
    verbs = [row.verb for row in cast.rows(models.AuditEvent, table.c.entity == "report_template", table.c.record_id == second)]
    assert verbs == ["create"]


def test_the_second_of_two_admins_is_told_that_there_is_a_newer_version(cast: Cast) -> None:
    first = published(cast, [HOW])
    published(cast, [WHY], former=first)
    with pytest.raises(Refused, match="newer version"):
        published(cast, [AMOUNT], former=first)


@pytest.mark.parametrize(
    ("question", "rule"),
    [
        (Question("q1", "text", ""), "question_name"),
        (Question("q1", "guess", "甲 | A"), "question_name"),
        (Question("q1", "choice", "甲 | A", parts=("一 | One",)), "question_parts"),
        (Question("q1", "table", "甲 | A"), "question_parts"),
        (Question("q1", "choice", "甲 | A", parts=("一 | One", "一 | One")), "question_twice"),
    ],
)
def test_a_question_nobody_could_answer_is_not_saved(cast: Cast, question: Question, rule: str) -> None:
    with pytest.raises(Refused) as caught:
        published(cast, [question])
    assert caught.value.rule == rule
    assert not cast.rows(models.ReportTemplate)


@pytest.mark.parametrize(
    ("text", "is_number"), [("12", True), ("1,200.5", True), ("-3", True), ("十二", False), ("NaN", False), ("", False)]
)
def test_a_number_is_written_as_people_write_it(text: str, is_number: bool) -> None:
    assert (number(text) is not None) is is_number
    assert ("q3" in faults([AMOUNT], answered([AMOUNT], {"q3": text}))) is (bool(text) and not is_number)


def test_an_answer_to_nothing_or_of_another_shape_is_refused() -> None:
    for given in ({"nope": "x"}, {"q2": "text"}, {"q2": [["a", "b", "c"]]}, {"q1": ["x"]}, {"q4": "\x00"}, {"q4": "x" * 5001}):
        with pytest.raises(BadRequest):
            answered([HOW, PLAN, WHY], given)
    assert "q1" in faults([HOW], answered([HOW], {"q1": "别的 | Else"}))


def test_answers_read_as_words_in_the_readers_language() -> None:
    said = answered([HOW, PLAN], {"q1": "顺利 | Well", "q2": [["启辰", "12"], ["恒远", ""]]})
    field = spec_of(models.WorkReport).fields["answers"]
    assert isinstance(field, AnswersField)
    assert field.words(said, View("zh")) == "进展：顺利\n客户：启辰，12；恒远"
    assert field.words(said, View("en")) == "How it went: Well\nCustomers: 启辰, 12; 恒远"
    assert field.words({}, View("zh")) == ""


@pytest.mark.parametrize("score", [1, 5, None])
def test_a_score_runs_from_one_to_the_policys_highest(cast: Cast, score: int | None) -> None:
    opened(cast)
    do(cast, "rep", "submit", report_of(cast, "rep").id)
    assert do(cast, "leader_a", "comment", report_of(cast, "rep").id, comment="很好", score=score).done
    assert report_of(cast, "rep").score == score


@pytest.mark.parametrize("score", [0, 6])
def test_a_score_outside_is_refused_and_changes_nothing(cast: Cast, score: int) -> None:
    opened(cast)
    do(cast, "rep", "submit", report_of(cast, "rep").id)
    with pytest.raises(Refused, match="1 to 5"):
        do(cast, "leader_a", "comment", report_of(cast, "rep").id, comment="很好", score=score)
    assert (report_of(cast, "rep").state, report_of(cast, "rep").score) == ("submitted", None)
