"""Who owes a report as people come and go, and who hears of what is missing: always somebody who is there."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from flask_appbuilder.security.sqla.models import Role, assoc_user_role
from sqlalchemy import insert, select

from portal import models
from portal.entities.reports import NOT_OWED
from tests.cast import NOW, Cast
from tests.domain import test_approvals as verbs
from tests.domain.test_reminders import began, remind, shanghai, told
from tests.domain.test_reports import CLOSED, DUE, SECOND, opened, report_of, settle

LIST = shanghai("2026-05-13T09:00:00")


def missing_lists(cast: Cast) -> dict[str, list[str]]:
    """Who was told of whom, when the list of 12 May went out."""
    opened(cast)
    settle(cast, CLOSED)
    began(cast, LIST - timedelta(minutes=1))
    remind(cast, LIST)
    names = {login: told(cast, login) for login in cast.people}
    return {login: [row.body["zh"] for row in rows if row.kind == "report_list"] for login, rows in names.items() if rows}


def test_the_list_goes_to_the_teams_leader(cast: Cast) -> None:
    assert missing_lists(cast) == {"leader_a": ["业务员甲、同组乙"], "leader_b": ["外组丙"]}


def test_a_leader_who_left_is_passed_over_for_the_team_above(cast: Cast) -> None:
    cast.set(models.Team, cast.teams["a"], parent_id=cast.teams["b"])
    cast.set(models.User, cast.people["leader_a"], active=False)
    assert missing_lists(cast) == {"leader_b": ["业务员甲、同组乙、外组丙"]}


def test_without_a_leader_anywhere_the_next_superior_who_is_there_is_told(cast: Cast) -> None:
    cast.set(models.Team, cast.teams["a"], leader_id=None)
    cast.set(models.User, cast.people["leader_a"], active=False)
    assert missing_lists(cast)["director"] == ["业务员甲、同组乙"]


def test_a_leader_who_owes_one_himself_is_not_told_of_himself(cast: Cast) -> None:
    cast.add(models.Policy, key="report.day.roles", effective_on=date(2026, 1, 1), value="rep,leader", reason="test")
    found = missing_lists(cast)
    assert found["leader_a"] == ["业务员甲、同组乙"]
    assert found["director"] == ["组长甲、组长乙"]


def test_a_breach_reaches_somebody_though_the_leader_left(cast: Cast) -> None:
    due = NOW + timedelta(hours=24)
    cast.set(models.User, cast.people["leader_a"], active=False)
    began(cast, due - timedelta(minutes=1))
    cast.lead(owner="rep", first_response_due_at=due)
    remind(cast, due)
    assert [row.title["zh"] for row in told(cast, "director")] == ["业务员甲的 测试公司 超过 24 小时没有首次响应"]
    assert told(cast, "leader_a") == []


def test_who_is_deactivated_owes_nothing_from_that_moment(cast: Cast) -> None:
    opened(cast)
    verbs.do(cast, "admin", "user:deactivate", cast.people["rep"])
    assert (report_of(cast, "rep").state, report_of(cast, "rep").exempt_reason) == ("exempt", NOT_OWED)
    settle(cast, CLOSED)
    assert (report_of(cast, "rep").state, report_of(cast, "mate").state) == ("exempt", "missing")


def test_who_comes_back_on_the_day_owes_it_again(cast: Cast) -> None:
    opened(cast)
    cast.set(models.User, cast.people["rep"], active=False)
    settle(cast, NOW)
    assert report_of(cast, "rep").state == "exempt"
    cast.set(models.User, cast.people["rep"], active=True)
    settle(cast, NOW)
    assert (report_of(cast, "rep").state, report_of(cast, "rep").exempt_reason) == ("open", "")


def given_the_role(cast: Cast, login: str) -> None:
    with cast.session_factory() as session:
        role = session.connection().scalar(select(Role.id).where(Role.name == "rep"))
        session.connection().execute(insert(assoc_user_role).values(user_id=cast.people[login], role_id=role))
        session.commit()


@pytest.mark.parametrize(("at", "owes"), [(NOW, True), (DUE - SECOND, True), (DUE, False)])
def test_who_is_newly_given_the_role_on_a_due_day_gets_his_duty_until_it_is_due(cast: Cast, at: datetime, owes: bool) -> None:
    opened(cast)
    given_the_role(cast, "nobody")
    settle(cast, at)
    settle(cast, at)
    owned: Any = models.WorkReport.__table__.c.owner_id == cast.people["nobody"]
    assert len(cast.rows(models.WorkReport, owned)) == int(owes)


def test_who_loses_the_role_owes_nothing_any_more(cast: Cast) -> None:
    opened(cast)
    cast.add(models.Policy, key="report.day.roles", effective_on=date(2026, 1, 1), value="leader", reason="test")
    settle(cast, NOW)
    assert report_of(cast, "rep").exempt_reason == NOT_OWED
