"""A role made like a shipped one has its duties too, and what names a role keeps naming it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from portal import models
from portal.domain import flow_desk, reports, role_changes, role_desk
from portal.domain.approval_flows import People
from portal.domain.calendar import company_day
from portal.domain.periods import PeriodKind
from portal.engine.errors import BadRequest, Refused
from portal.security.roles import ROLES
from tests.cast import NOW, Cast
from tests.security.test_people import do, refusals


def made_like(cast: Cast, shipped: str, chinese: str, english: str) -> Any:
    """A role that an administrator cloned, as its page does it."""
    with cast.act("admin") as session:
        like = next(card.id for card in role_desk.cards(session) if card.name == shipped)
        return role_changes.create(session, chinese, english, like=like)


def test_a_clone_leads_its_team_owes_reports_and_decides(cast: Cast) -> None:
    leader, rep, finance = (made_like(cast, name, f"区域{n}", f"Region {n}") for n, name in enumerate(("leader", "rep", "finance")))
    assert (leader.acts_as, rep.acts_as, finance.acts_as) == ("leader", "rep", "finance")
    before = cast.row(models.Team, cast.teams["a"]).leader_id
    for login, role in (("leader_a", leader), ("rep", rep), ("finance", finance)):
        assert refusals(do(cast, "place", login, role=role.name)) == []
    assert cast.row(models.Team, cast.teams["a"]).leader_id == before == cast.people["leader_a"]
    with cast.act("admin"):
        owing = {duty.user_id for duty in reports.duties(PeriodKind.DAY, on=company_day(NOW))}
        assert cast.people["rep"] in owing
        assert People(NOW).with_role("finance") == [cast.people["finance"]]
    assert refusals(do(cast, "place", "nobody", role=rep.name)) == ["team"]


def test_duties_are_chosen_and_given_up(cast: Cast) -> None:
    made = made_like(cast, "rep", "外包", "Outside")
    with cast.act("admin") as session:
        role_changes.act_as(session, made.id, "")
        assert role_desk.card(session, made.id).acts_as == ""
        role_changes.act_as(session, made.id, "service")
        with pytest.raises(BadRequest):
            role_changes.act_as(session, made.id, "king")
        shipped = next(card for card in role_desk.cards(session) if card.name == "rep")
        with pytest.raises(Refused):
            role_changes.act_as(session, shipped.id, "leader")
    with cast.act("admin") as session:
        assert {card.name: card.acts_as for card in role_desk.cards(session)} == {**{name: name for name in ROLES}, made.name: "service"}


def test_what_names_a_role_names_it_by_its_new_name_and_keeps_it_from_going(cast: Cast) -> None:
    made = made_like(cast, "rep", "外包", "Outside")
    cast.add(
        models.CustomField, entity="lead", key="k", label_zh="密", label_en="K", kind="text", state="active", seen_by=f"{made.name}、rep"
    )
    cast.add(models.ReportTemplate, name="外包日报", period="day", for_role=made.name, number=1, active=True, questions={"items": []})
    cast.add(models.Policy, key="report.day.roles", value=f"rep,{made.name}", effective_on=company_day(NOW), reason="试")
    with cast.act("admin"):
        step = {"label": "外包 | Outside", "mode": "any", "who": [{"by": "role", "role": "rep"}]}
        flow_desk.publish("leave", "submit", [step], acting_user=cast.principal("admin"), now=NOW)
    cast.set(
        models.ApprovalFlow,
        cast.rows(models.ApprovalFlow)[0].id,
        definition={"steps": [{**step, "who": [{"by": "role", "role": made.name}]}]},
    )
    with pytest.raises(Refused) as refused, cast.act("admin") as session:
        role_changes.remove(session, made.id)
    words = refused.value.in_("zh")
    assert all(each in words for each in ("字段“密”", "报告模板“外包日报”", "report.day.roles", "leave:submit"))
    with cast.act("admin") as session:
        role_changes.rename(session, made.id, "外协", "Partner")
    with cast.act("admin") as session:
        assert session.scalars(select(models.CustomField.seen_by)).one() == "外协 | Partner、rep"
        assert session.scalars(select(models.ReportTemplate.for_role)).one() == "外协 | Partner"
        assert session.scalars(select(models.Policy.value)).one() == "rep,外协 | Partner"
        assert session.scalars(select(models.ApprovalFlow.definition)).one()["steps"][0]["who"] == [
            {"by": "role", "role": "外协 | Partner"}
        ]
