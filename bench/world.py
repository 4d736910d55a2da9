"""A company of reps in teams and as many leads as wanted, planted by the database itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from werkzeug.security import generate_password_hash

PASSWORD = "a quiet green lamp"
A_TEAM, FEWEST, EACH = 4, 12, 2_500
"""Reps of a team, reps of the smallest company, and leads for each rep of a larger one: 400 reps at a million."""

LEADS = """
INSERT INTO lead (company, name, phone, source_id, industry, region, expected_amount, money, authority, need, state, company_key,
                  owner_id, team_id, pool_id, owned_at, pooled_at, contacted_at, created_at, changed_at)
SELECT c, '联系人' || n %% 97, '+861' || 3000000000 + n, %(source)s, (ARRAY['软件','通信','机械','医药'])[1 + n %% 4], '上海',
       n %% 1000 * 10,
       n %% 2 = 0, n %% 3 = 0, n %% 5 = 0, CASE WHEN p THEN 'pool' WHEN n %% 2 = 0 THEN 'following' ELSE 'assigned' END, c,
       CASE WHEN NOT p THEN o.id END, CASE WHEN NOT p THEN o.team_id END, CASE WHEN p THEN %(pool)s END,
       CASE WHEN NOT p THEN t END, CASE WHEN p THEN t END, CASE WHEN NOT p THEN t END, t, t
FROM (SELECT n, n %% 10 < 3 AS p, %(now)s::timestamptz - n * interval '37 seconds' AS t,
             (ARRAY['华为','中兴','海天','金新','长江'])[1 + n / 7 %% 5] || '第' || n || '号' AS c
      FROM generate_series(1, %(rows)s) AS n) AS s
JOIN ab_user AS o ON o.id = (%(reps)s::int[])[1 + n / 10 %% cardinality(%(reps)s::int[])]
"""
FOLLOW_UPS = """
INSERT INTO follow_up (lead_id, kind, contacted_at, content, created_by_id, created_at, changed_at)
SELECT id, 'call', owned_at, '谈了交期', owner_id, owned_at, owned_at FROM lead WHERE owner_id IS NOT NULL
"""
TENURES = """
INSERT INTO tenure (entity, record_id, at, owner_id, former_pool_id, how, version)
SELECT 'lead', id, owned_at, owner_id, %(pool)s, 'assign', 1 FROM lead WHERE owner_id IS NOT NULL
"""
FIFTY_FOLLOW_UPS = """
INSERT INTO follow_up (lead_id, kind, contacted_at, content, created_by_id, created_at, changed_at)
SELECT %(lead)s, 'call', now() - n * interval '1 day', '谈了 ' || n, %(rep)s, now(), now() FROM generate_series(1, 50) AS n
"""


@dataclass(frozen=True, slots=True)
class World:
    """What the workloads need to know of it: the first rep, a lead of his, the pool."""

    reps: list[int]
    pool: int
    source: int
    lead: int = 0


def plant_leads(connection: psycopg.Connection[Any], world: World, rows: int, now: Any) -> None:
    """Leads (30 % in the pool), a follow-up and a tenure for each that has an owner."""
    values = {"rows": rows, "reps": world.reps, "pool": world.pool, "source": world.source, "now": now}
    for statement in (LEADS, FOLLOW_UPS, TENURES):
        connection.execute(statement, values)
    connection.execute("ANALYZE")


def plant(connection: psycopg.Connection[Any], rows: int) -> World:
    """The company in an upgraded, empty database. Caps are out of the way: what is measured is the work."""
    secret = generate_password_hash(PASSWORD, method="scrypt:256:8:1")
    one = lambda statement, *values: connection.execute(statement, values).fetchone()[0]  # type: ignore[index]  # noqa: E731
    many = max(FEWEST, rows // EACH)
    team = "INSERT INTO team (name, created_at, changed_at) VALUES (%s, now(), now()) RETURNING id"
    teams = [one(team, f"{n} 组") for n in range(many // A_TEAM)]
    person = """INSERT INTO ab_user (username, name, first_name, last_name, email, password, active, team_id, password_changed_at)
                VALUES (%s, %s, '员', '业', %s, %s, true, %s, now()) RETURNING id"""

    def hire(login: str, role: str, team: int) -> int:
        made = one(person, login, login, f"{login}@bench.example", secret, team)
        connection.execute("INSERT INTO ab_user_role (user_id, role_id) SELECT %s, id FROM ab_role WHERE name = %s", (made, role))
        return int(made)

    leaders = [hire(f"leader{n}", "leader", team) for n, team in enumerate(teams)]
    for team, leader in zip(teams, leaders, strict=True):
        connection.execute("UPDATE team SET leader_id = %s WHERE id = %s", (leader, team))
    reps = [hire(f"rep{n}", "rep", teams[n % len(teams)]) for n in range(many)]
    pool = one(
        """INSERT INTO pool (name, kind, daily_quota, holding_cap, cool_down_days, freeze_days, recycle_qualified_days,
           recycle_potential_days, recycle_weak_days, recycling, created_at, changed_at)
           VALUES ('公海', 'lead', 1000, 1000000, 0, 0, 30, 45, 60, true, now(), now()) RETURNING id"""
    )
    source = one("INSERT INTO source_channel (name, created_at, changed_at) VALUES ('官网', now(), now()) RETURNING id")
    world = World(reps, pool, source)
    plant_leads(connection, world, rows, one("SELECT now()"))
    lead = one("SELECT id FROM lead WHERE owner_id = %s ORDER BY id LIMIT 1", reps[0])
    connection.execute(FIFTY_FOLLOW_UPS, {"lead": lead, "rep": reps[0]})
    connection.execute("UPDATE access_version SET version = version + 1")
    connection.commit()
    connection.autocommit = True
    connection.execute("VACUUM ANALYZE")  # as a running database's autovacuum leaves it
    connection.autocommit = False
    return World(reps, pool, source, lead)
