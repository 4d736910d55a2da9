"""The demo company's people, teams, dictionaries, pool, templates and leave."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask_appbuilder.security.sqla.models import Role, assoc_user_role
from sqlalchemy import insert, select, update

from portal.demo.accounts import ACCOUNTS, SALES, TEAMS, Account
from portal.demo.rows import Stage, entity_row, write_audited
from portal.domain.starting import REPORTS, SOURCES
from portal.engine.questions import document
from portal.entities.organisation import LeaveState
from portal.models import Leave, Policy, Pool, ReportTemplate, SourceChannel, Tag, Team, User
from portal.security.passwords import DEMO_PASSWORD, hashed

TAGS = ("重点客户", "展会跟进", "价格敏感", "老客户推荐", "需要方案", "年底预算")


@dataclass
class Person:
    """One employee as the other parts need him."""

    id: int
    login: str
    role: str
    name: str
    team_id: int | None
    leader_id: int | None
    away: tuple[tuple[date, date], ...] = ()

    def is_away(self, day: date) -> bool:
        return any(first <= day <= last for first, last in self.away)


@dataclass
class Company:
    """What the leads, follow-ups and reports refer to."""

    people: list[Person]
    sources: list[int]
    tags: list[int]
    pool_id: int
    customer_pool_id: int
    templates: dict[str, int]

    def of_role(self, role: str) -> list[Person]:
        return [person for person in self.people if person.role == role]

    @property
    def admin(self) -> Person:
        return self.of_role("admin")[0]


def found(stage: Stage) -> Company:
    """Write the company itself; leads come after."""
    people = _people(stage)
    admin = next(person for person in people if person.role == "admin")
    began = stage.now - timedelta(days=400)
    sources = _sources(stage, admin.id)
    tags = write_audited(stage, Tag.__table__, "tag", [entity_row(began, admin.id, name=name) for name in TAGS])
    pools = write_audited(stage, Pool.__table__, "pool", [entity_row(began, admin.id, **each) for each in (_POOL, _CUSTOMER_POOL)])
    templates = write_audited(
        stage,
        ReportTemplate.__table__,
        "report_template",
        [
            entity_row(began, admin.id, name=name, period=period.value, active=True, number=1, questions=document(asked))
            for period, (name, asked) in REPORTS.items()
        ],
    )
    # Leaders write the week and the month too, gathered from their people's (handbook 59, 60).
    reason = "组长也写周报、月报"
    rows = [
        entity_row(began, admin.id, key=f"report.{kind}.roles", effective_on=stage.today, value="rep,leader", reason=reason)
        for kind in ("week", "month")
    ]
    write_audited(stage, Policy.__table__, "policy", rows)
    company = Company(people, sources, tags, pools[0], pools[1], dict(zip((period.value for period in REPORTS), templates, strict=True)))
    _leave(stage, company)
    return company


_POOL: dict[str, Any] = {
    "name": "公海",
    "kind": "lead",
    "daily_quota": 20,
    "holding_cap": 200,
    "cool_down_days": 7,
    "freeze_days": 0,
    "recycle_qualified_days": 30,
    "recycle_potential_days": 45,
    "recycle_weak_days": 60,
    "recycling": True,
}
_CUSTOMER_POOL = {
    **_POOL,
    "name": "客户公海",
    "kind": "customer",
    "recycle_qualified_days": 90,
    "recycle_potential_days": 120,
    "recycle_weak_days": 180,
}


def _people(stage: Stage) -> list[Person]:
    """Accounts, teams and who leads whom. One password hash serves all: the demo password is no secret."""
    began = stage.now - timedelta(days=400)
    teams = _teams(stage)
    stored = hashed(DEMO_PASSWORD)
    names = {account["login"]: stage.fake.unique.name() for account in ACCOUNTS}
    ids = write_audited(
        stage,
        User.__table__,
        "user",
        [_user(account, names[account["login"]], teams, stored, began, number) for number, account in enumerate(ACCOUNTS, 1)],
    )
    by_login = dict(zip(names, ids, strict=True))
    _roles(stage, by_login)
    people = [Person(by_login[a["login"]], a["login"], a["role"], names[a["login"]], teams.get(a["team"]), None) for a in ACCOUNTS]
    _chain_of_command(stage, people)
    return people


def _user(account: Account, name: str, teams: dict[str, int], stored: str, began: Any, number: int) -> dict[str, Any]:
    return {
        "username": account["login"],
        "name": name,
        "first_name": name[1:],
        "last_name": name[0],
        "email": f"{account['login']}@demo.example",
        "phone": f"+861380000{number:04}",
        "password": stored,
        "active": True,
        "team_id": teams.get(account["team"]),
        "invited_at": began,
        "password_changed_at": began,
        "created_on": began.replace(tzinfo=None),
        "created_at": began,
        "created_by_id": None,
    }


def _teams(stage: Stage) -> dict[str, int]:
    began = stage.now - timedelta(days=400)
    root = write_audited(stage, Team.__table__, "team", [entity_row(began, None, name=SALES)])[0]
    ids = write_audited(stage, Team.__table__, "team", [entity_row(began, None, name=name, parent_id=root) for name in TEAMS])
    return {SALES: root, **dict(zip(TEAMS, ids, strict=True))}


def _roles(stage: Stage, by_login: dict[str, int]) -> None:
    connection = stage.session.connection()
    roles = {name: role_id for name, role_id in connection.execute(select(Role.name, Role.id))}  # noqa: C416 - rows are no pairs to mypy
    connection.execute(
        insert(assoc_user_role), [{"user_id": by_login[account["login"]], "role_id": roles[account["role"]]} for account in ACCOUNTS]
    )


def _chain_of_command(stage: Stage, people: list[Person]) -> None:
    """Reps report to their team's leader, leaders and the other duties to the director."""
    connection = stage.session.connection()
    director = next(person for person in people if person.role == "director")
    leaders = {person.team_id: person.id for person in people if person.role == "leader"}
    for team_id, leader_id in {**leaders, director.team_id: director.id}.items():
        connection.execute(update(Team.__table__).where(Team.id == team_id).values(leader_id=leader_id))  # type: ignore[arg-type]
    for person in people:
        if person is director or person.role == "admin":
            continue
        person.leader_id = leaders[person.team_id] if person.role == "rep" else director.id
        connection.execute(update(User.__table__).where(User.id == person.id).values(superior_id=person.leader_id))  # type: ignore[arg-type]


def _sources(stage: Stage, admin_id: int) -> list[int]:
    """The leaves of the source tree."""
    began = stage.now - timedelta(days=400)
    table = SourceChannel.__table__
    parents = write_audited(stage, table, "source_channel", [entity_row(began, admin_id, name=name) for name in SOURCES])
    return write_audited(
        stage,
        table,
        "source_channel",
        [
            entity_row(began, admin_id, name=name, parent_id=parent)
            for parent, names in zip(parents, SOURCES.values(), strict=True)
            for name in names
        ],
    )


def _leave(stage: Stage, company: Company) -> None:
    """Somebody is away today, somebody will be, and some were."""
    today, reps = stage.today, company.of_role("rep")
    plans = [
        (reps[4], "annual", today - timedelta(days=1), today + timedelta(days=2), "回老家"),
        (reps[8], "personal", today + timedelta(days=7), today + timedelta(days=9), "家里有事"),
        (reps[1], "sick", today - timedelta(days=13), today - timedelta(days=12), "感冒"),
        (reps[10], "annual", today - timedelta(days=25), today - timedelta(days=20), "年假"),
    ]
    rows = []
    for person, kind, first, last, reason in plans:
        person.away = (*person.away, (first, last))
        asked = stage.at(min(first, today) - timedelta(days=3), 10)
        rows.append(
            entity_row(
                asked,
                person.id,
                kind=kind,
                first_on=first,
                last_on=last,
                reason=reason,
                state=LeaveState.APPROVED.value,
                owner_id=person.id,
                team_id=person.team_id,
            )
        )
    write_audited(stage, Leave.__table__, "leave", rows)
