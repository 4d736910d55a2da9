"""An `Idempotency-Key`: one effect and one answer, however often and however close together it is sent."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import func, select

from portal.engine.tables import AuditEvent, IdempotencyKey
from tests.cast import Cast
from tests.security.web import Program


def test_the_same_key_at_the_same_moment_is_one_effect_and_one_answer(program: Program, cast: Cast) -> None:
    lead = cast.lead(owner="rep")
    body, key = {"ids": [lead], "reason": "not now"}, {"Idempotency-Key": "at once"}
    with ThreadPoolExecutor(6) as many:
        answers = list(many.map(lambda _: program.send("/api/v1/lead/release", body, **key), range(6)))
    assert [a.status_code for a in answers] == [200] * 6, [a.get_data(as_text=True) for a in answers]
    assert {a.get_data() for a in answers} == {answers[0].get_data()} and answers[0].get_json()["done"] == [lead]
    with cast.session_factory() as session:
        wanted = select(func.count()).where(AuditEvent.entity == "lead", AuditEvent.record_id == lead, AuditEvent.verb == "release")
        assert session.connection().scalar(wanted) == 1


def test_a_key_whose_request_failed_is_free_again(program: Program, cast: Cast) -> None:
    key = {"Idempotency-Key": "second try"}
    lead = cast.lead(owner="rep")
    assert program.send("/api/v1/lead/release", {"ids": [lead]}, **key).status_code == 422
    with cast.session_factory() as session:
        assert session.connection().scalar(select(func.count()).where(IdempotencyKey.key == "second try")) == 0
    assert program.send("/api/v1/lead/release", {"ids": [lead], "reason": "x"}, **key).get_json()["done"] == [lead]
