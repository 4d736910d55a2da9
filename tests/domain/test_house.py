"""The administrator's home names what is left to configure, where it is mended, and stops when it is."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from flask_appbuilder.security.sqla.models import Role, assoc_user_role
from sqlalchemy import delete, insert, select, update

from portal import models
from portal.domain import handover, house_bench, job_desk
from portal.domain.house_people import Gap
from portal.engine.tables import RoleScope
from portal.security.resolve import touch_access
from tests.cast import NOW, Cast

DUTIES = ("legal", "finance", "cashier", "warehouse", "service")


def gaps(cast: Cast, login: str = "admin") -> dict[str, Gap]:
    """What the home says, by the English title up to its number."""
    with cast.act(login):
        found = house_bench.gaps(cast.principal(login), now=NOW)
    return {gap.title.in_("en").partition(":")[0]: gap for gap in found}


def names(gap: Gap) -> list[str]:
    return [name for name, _ in gap.names]


def change(cast: Cast, statement: Any) -> None:
    with cast.session_factory() as session:
        session.connection().execute(statement)
        touch_access(session)
        session.commit()


@pytest.fixture
def settled(cast: Cast) -> Cast:
    """The cast with everything that it lacks."""
    for login in DUTIES:
        cast.set(models.User, cast.people[login], superior_id=cast.people["director"])
    cast.set(models.User, cast.people["nobody"], active=False, invited_at=NOW)
    for kind in ("day", "week", "month"):
        cast.add(models.ReportTemplate, name=f"模板{kind}", period=kind, for_role="", questions={}, active=True, number=1, version=1)
    return cast


def test_a_house_in_order_has_nothing_to_configure(settled: Cast) -> None:
    """But the holidays of next year, which nobody has published."""
    assert list(gaps(settled)) == ["The holidays of 2027 are missing"]
    settled.add(models.WorkCalendar, day=date(2027, 1, 1), working=False, region="CN")
    assert gaps(settled) == {}


def test_people_without_a_role_a_team_or_a_superior(settled: Cast) -> None:
    settled.set(models.User, settled.people["nobody"], active=True)
    settled.set(models.User, settled.people["rep"], team_id=None)
    settled.set(models.User, settled.people["mate"], superior_id=None)
    settled.set(models.User, settled.people["leader_b"], active=False)
    found = gaps(settled)
    assert names(found["Without a role"]) == ["无角色"] and found["Without a role"].href == f"/user/{settled.people['nobody']}"
    assert names(found["Without a team"]) == ["业务员甲"]
    superior = found["Without an active superior"]
    assert sorted(names(superior)) == sorted(["同组乙", "外组丙"]) and superior.href == "/user/"
    settled.set(models.User, settled.people["nobody"], active=False)
    settled.set(models.User, settled.people["rep"], team_id=settled.teams["a"])
    settled.set(models.User, settled.people["leader_b"], active=True)
    settled.set(models.User, settled.people["mate"], superior_id=settled.people["leader_a"])
    assert list(gaps(settled)) == ["The holidays of 2027 are missing"]


def test_people_who_were_never_invited(settled: Cast) -> None:
    settled.set(models.User, settled.people["service"], password=None, invited_at=None)
    assert names(gaps(settled)["Not invited yet"]) == ["客服"]
    settled.set(models.User, settled.people["service"], invited_at=NOW)
    assert "Not invited yet" not in gaps(settled)


def test_a_role_that_may_look_and_reaches_nothing(settled: Cast) -> None:
    with settled.session_factory() as session:
        rep = session.scalar(select(Role.id).where(Role.name == "rep"))
    mine = (RoleScope.role_id == rep, RoleScope.entity == "lead")
    change(settled, update(RoleScope.__table__).where(*mine).values(read="none"))  # type: ignore[arg-type]
    found = gaps(settled)["Role Rep may look and sees nothing"]
    assert found.why.in_("zh") == "范围是“无”：线索" and found.href == f"/roles/{rep}" and len(found.names) == 3
    change(settled, update(RoleScope.__table__).where(*mine).values(read="own"))  # type: ignore[arg-type]
    assert "Role Rep may look and sees nothing" not in gaps(settled)


def test_reports_that_are_owed_and_have_no_template(settled: Cast) -> None:
    table = models.ReportTemplate.__table__
    change(settled, update(table).where(table.c.period == "week").values(for_team_id=settled.teams["a"]))  # type: ignore[arg-type]
    found = gaps(settled)
    assert names(found["Weekly without a template"]) == ["外组丙"] and "Daily without a template" not in found
    settled.add(models.Policy, key="report.week.on", value="off", reason="x", effective_on=NOW.date())
    assert "Weekly without a template" not in gaps(settled)


def test_flows_that_name_roles_nobody_holds_or_people_who_left(settled: Cast) -> None:
    change(settled, delete(assoc_user_role).where(assoc_user_role.c.user_id == settled.people["legal"]))
    found = gaps(settled)["Approval flow Contract · Submit lacks people"]
    assert (found.tone, found.href) == ("bad", "/flows/contract/submit")
    assert "没有人是“法务”" in found.why.in_("zh") and "Nobody holds the role Legal" in found.why.in_("en")
    steps = [{"label": "审 | Check", "mode": "any", "who": [{"by": "person", "id": settled.people[who]} for who in ("legal", "finance")]}]
    flow = {"entity": "contract", "verb": "submit", "title": "contract:submit", "number": 1, "active": True}
    settled.add(models.ApprovalFlow, **flow, definition={"steps": steps}, version=1)
    assert not [title for title in gaps(settled) if title.startswith("Approval flow")]
    settled.set(models.User, settled.people["legal"], active=False)
    left = gaps(settled)["Approval flow Contract · Submit lacks people"]
    assert (left.tone, left.why.in_("zh")) == ("warn", "法务 已停用。")


def test_pools_and_sources_that_records_need(settled: Cast) -> None:
    settled.set(models.Pool, settled.pool_id, daily_quota=0)
    settled.set(models.Pool, settled.customer_pool_id, recycling=False)
    found = gaps(settled)
    assert names(found["Pools that nobody can claim from"]) == ["公海"]
    assert names(found["Pools without recycling"]) == ["客户公海"]
    settled.set(models.Pool, settled.customer_pool_id, deleted_at=NOW)
    settled.set(models.SourceChannel, settled.source_id, deleted_at=NOW)
    found = gaps(settled)
    assert found["No pool for Customers yet"].href == "/pool/new" and found["No source channels yet"].tone == "bad"
    assert "Pools without recycling" not in found


def test_custom_fields_that_are_not_ready(settled: Cast) -> None:
    made = {"entity": "lead", "kind": "text", "label_zh": "直线", "label_en": "Line", "version": 1}
    first = settled.add(models.CustomField, key="a", state="refused", **made)
    second = settled.add(models.CustomField, key="b", state="preparing", **made)
    found = gaps(settled)
    assert found["Fields that cannot be indexed"].href == f"/custom_field/{first}"
    assert (found["Fields being prepared"].tone, found["Fields being prepared"].href) == ("", f"/custom_field/{second}")
    for each in (first, second):
        settled.set(models.CustomField, each, state="active")
    assert list(gaps(settled)) == ["The holidays of 2027 are missing"]


def test_only_what_the_reader_can_mend_is_named(cast: Cast) -> None:
    assert gaps(cast) and gaps(cast, "director") == gaps(cast, "nobody") == {}


def test_who_left_records_behind_is_told_by_record_type(cast: Cast) -> None:
    cast.leads(3, owner="rep")
    cast.customer(owner="rep")
    cast.lead(owner="mate")
    cast.set(models.User, cast.people["rep"], active=False)
    with cast.act("admin"):
        [left] = handover.leavers()
    assert (left.name, left.total) == ("业务员甲", 4)
    assert {each.words.in_("zh") for each in left.left} == {"1 条客户", "3 条线索"}
    assert {each.href.partition("=")[0] for each in left.left} == {"/lead/?filter", "/customer/?filter"}
    with cast.act("leader_b"):
        assert handover.leavers() == [], "through the gate"


def test_imports_that_refused_rows_lately(cast: Cast) -> None:
    result = {"counts": {"refused": 3, "rows": 10}}
    run = {"kind": "import", "queue": "bulk", "state": "done", "due_at": NOW, "label": {"zh": "导入 a.csv", "en": "Import a.csv"}}
    about = {"entity": "lead", "dry_run": False}
    given = {**run, "result": result, "arguments": about, "asked_by_id": cast.people["admin"]}
    mine = cast.add(models.JobRun, **given, period="1", ended_at=NOW)
    cast.add(models.JobRun, **{**given, "asked_by_id": cast.people["director"]}, period="2", ended_at=NOW - timedelta(days=1))
    cast.add(models.JobRun, **given, period="3", ended_at=NOW - timedelta(days=8))
    cast.add(models.JobRun, **{**given, "arguments": {**about, "dry_run": True}}, period="4", ended_at=NOW)
    cast.add(models.JobRun, **{**given, "result": {"counts": {"refused": 0}}}, period="5", ended_at=NOW)
    with cast.act("admin"):
        found = house_bench.imports(cast.principal("admin"), now=NOW)
    assert [(each.who, each.refused, each.href) for each in found] == [("总监", 3, ""), ("管理员", 3, f"/lead/import/{mine}")]


def test_the_health_of_the_jobs_is_one_answer(cast: Cast) -> None:
    with cast.act("admin"):
        assert job_desk.health(now=NOW).silent
    run = {"kind": "x", "queue": "fast", "label": {}, "arguments": {}}
    cast.add(models.JobRun, **run, period="1", state="failed", due_at=NOW)
    cast.add(models.JobRun, **run, period="2", state="waiting", due_at=NOW - timedelta(minutes=6))
    cast.add(models.JobRun, **run, period="3", state="waiting", due_at=NOW + timedelta(minutes=6))
    change(
        cast,
        insert(models.Outbox.__table__).values(  # type: ignore[arg-type]
            recipient_id=cast.people["rep"], event_key="x", subject={}, body={}, created_at=NOW, due_at=NOW - timedelta(hours=1)
        ),
    )
    with cast.act("admin"):
        found = job_desk.health(now=NOW)
    assert (found.failures, found.late, found.mails_waiting) == (1, 1, 1)
    assert (found.oldest_due_at, found.mail_since) == (NOW - timedelta(minutes=6), NOW - timedelta(hours=1))
