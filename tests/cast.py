"""The people of the tests: a director, two teams, the waiting duties, and somebody without any role."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from flask_appbuilder.security.sqla.models import Role, assoc_user_role
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from portal import models
from portal.engine import store
from portal.security.principal import Principal, system_principal
from portal.security.resolve import access_version, resolve, touch_access

NOW = datetime(2026, 5, 12, 2, 0, tzinfo=UTC)
"""A Tuesday, 10:00 in Shanghai."""

_PEOPLE = (
    # login, role, team, name
    ("admin", "admin", "", "管理员"),
    ("director", "director", "", "总监"),
    ("leader_a", "leader", "a", "组长甲"),
    ("leader_b", "leader", "b", "组长乙"),
    ("rep", "rep", "a", "业务员甲"),
    ("mate", "rep", "a", "同组乙"),
    ("other", "rep", "b", "外组丙"),
    ("legal", "legal", "", "法务"),
    ("finance", "finance", "", "财务"),
    ("cashier", "cashier", "", "出纳"),
    ("warehouse", "warehouse", "", "仓库"),
    ("service", "service", "", "客服"),
    ("nobody", "", "", "无角色"),
)


@dataclass
class Cast:
    """Ids of who and what is there. `session_factory` makes a new session on the same database."""

    session_factory: Any
    people: dict[str, int] = field(default_factory=dict)
    teams: dict[str, int] = field(default_factory=dict)
    pool_id: int = 0
    customer_pool_id: int = 0
    source_id: int = 0

    def principal(self, login: str, now: datetime = NOW) -> Principal:
        """Resolved anew from the database, as at the next request."""
        with self.session_factory() as session:
            session.info["principal"] = system_principal("test")
            return resolve(session, self.people[login], access_version(session), now)

    def act(self, login: str, now: datetime = NOW) -> Any:
        """`with cast.act("rep") as session:` one unit of work of this person (`system` for the portal itself)."""
        who = system_principal("test") if login == "system" else self.principal(login, now)
        return _Acting(self, who, now)

    def lead(self, *, owner: str | None = None, now: datetime = NOW, **values: Any) -> int:
        """A lead as it lies in the database, in the pool unless it has an owner."""
        return self.leads(1, owner=owner, now=now, **values)[0]

    def leads(self, count: int, *, owner: str | None = None, now: datetime = NOW, **values: Any) -> list[int]:
        given: dict[str, Any] = {
            "company": "测试公司",
            "source_id": self.source_id,
            "created_at": now,
            "changed_at": now,
            "created_by_id": None,
            **(
                {"pool_id": self.pool_id, "pooled_at": now, "state": "pool"}
                if owner is None
                else {"owner_id": self.people[owner], "team_id": self.team_of(owner), "owned_at": now, "state": "assigned"}
            ),
            **values,
        }
        rows = [{**given, "company": f"{given['company']}{n}" if count > 1 else given["company"]} for n in range(count)]
        with self.session_factory() as session:
            session.info["principal"] = system_principal("test")
            found = session.connection().execute(
                insert(models.Lead.__table__).returning(models.Lead.__table__.c.id, sort_by_parameter_order=True), rows
            )
            ids = list(found.scalars())
            session.commit()
        return ids

    def customer(self, *, owner: str | None = None, now: datetime = NOW, **values: Any) -> int:
        """A customer as it lies in the database, in the pool unless it has an owner."""
        whose = (
            {"pool_id": self.customer_pool_id, "pooled_at": now}
            if owner is None
            else {"owner_id": self.people[owner], "team_id": self.team_of(owner), "owned_at": now}
        )
        return self.add(models.Customer, now=now, **{"name": "测试客户", "state": "potential", **whose, **values})

    def set(self, model: Any, record_id: int, **values: Any) -> None:
        """Change a row behind the portal's back."""
        table = model.__table__
        with self.session_factory() as session:
            session.connection().execute(update(table).where(table.c.id == record_id).values(**values))
            if table.name in ("ab_user", "team"):
                touch_access(session)
            session.commit()

    def add(self, model: Any, now: datetime = NOW, **values: Any) -> int:
        with self.session_factory() as session:
            made = {key: now for key in ("created_at", "changed_at") if key in model.__table__.c}
            given = {**made, **values}
            found = session.connection().execute(insert(model.__table__).values(**given).returning(model.__table__.c.id))
            record_id = int(found.scalar_one())
            session.commit()
        return record_id

    def row(self, model: Any, record_id: int) -> Any:
        """A row as it lies in the database."""
        return self.rows(model, model.__table__.c.id == record_id)[0]

    def rows(self, model: Any, *criteria: Any) -> list[Any]:
        table = model.__table__
        with self.session_factory() as session:
            return list(session.connection().execute(select(table).where(*criteria).order_by(table.c.id)))

    def team_of(self, login: str) -> int | None:
        team = next(team for name, _, team, _ in _PEOPLE if name == login)
        return self.teams.get(team)


@dataclass
class _Acting:
    cast: Cast
    principal: Principal
    now: datetime

    def __enter__(self) -> Session:
        self._fresh = store.fresh(self.principal, self.now)
        self._fresh.__enter__()
        self._work = store.unit_of_work(self.principal, self.now)
        return self._work.__enter__()

    def __exit__(self, *exc: object) -> None:
        try:
            self._work.__exit__(*exc)  # type: ignore[arg-type]
        finally:
            self._fresh.__exit__(None, None, None)


def assemble(session_factory: Any, now: datetime = NOW) -> Cast:
    """Write the cast into an upgraded, empty database."""
    cast = Cast(session_factory)
    with session_factory() as session:
        session.info["principal"] = system_principal("test")
        connection = session.connection()
        made = {"created_at": now, "changed_at": now}
        for team in ("a", "b"):
            cast.teams[team] = connection.execute(
                insert(models.Team.__table__).values(name=f"{team.upper()} 组", **made).returning(models.Team.__table__.c.id)
            ).scalar_one()
        roles = dict(connection.execute(select(Role.name, Role.id)).all())
        for login, role, team, name in _PEOPLE:
            cast.people[login] = connection.execute(
                insert(models.User.__table__)
                .values(
                    username=login,
                    name=name,
                    first_name=name[1:],
                    last_name=name[0],
                    email=f"{login}@test.example",
                    password="-",
                    active=True,
                    team_id=cast.teams.get(team),
                )
                .returning(models.User.__table__.c.id)
            ).scalar_one()
            if role:
                connection.execute(insert(assoc_user_role).values(user_id=cast.people[login], role_id=roles[role]))
        people = models.User.__table__
        for team in ("a", "b"):
            leader = cast.people[f"leader_{team}"]
            connection.execute(update(models.Team.__table__).where(models.Team.__table__.c.id == cast.teams[team]).values(leader_id=leader))
            connection.execute(update(people).where(people.c.team_id == cast.teams[team], people.c.id != leader).values(superior_id=leader))
            connection.execute(update(people).where(people.c.id == leader).values(superior_id=cast.people["director"]))
        cast.pool_id, cast.customer_pool_id = (
            connection.execute(
                insert(models.Pool.__table__)
                .values(
                    name=name,
                    kind=kind,
                    daily_quota=20,
                    holding_cap=200,
                    cool_down_days=7,
                    freeze_days=0,
                    recycle_qualified_days=30,
                    recycle_potential_days=45,
                    recycle_weak_days=60,
                    recycling=True,
                    **made,
                )
                .returning(models.Pool.__table__.c.id)
            ).scalar_one()
            for name, kind in (("公海", "lead"), ("客户公海", "customer"))
        )
        cast.source_id = connection.execute(
            insert(models.SourceChannel.__table__).values(name="官网", **made).returning(models.SourceChannel.__table__.c.id)
        ).scalar_one()
        touch_access(session)
        session.commit()
    return cast
