"""Each workload twice: through the portal, and bare. The goals are times bare.

Pages and REST go through the whole WSGI application in this process, signed in as a rep: no sockets, so that what
differs between the two sides is the portal. Bulk assignment runs the verb as the job does, as a leader.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from flask import Flask
from flask.testing import FlaskClient

from bench import bare
from bench.loads import Imports
from bench.world import PASSWORD, World
from portal.engine import store
from portal.engine.spec import registry
from portal.engine.verbs import verb_named
from portal.security.bulk import Selection, perform_selection
from portal.security.principal import system_principal
from portal.security.resolve import access_version, resolve

REFERER = {"Referer": "https://localhost/login/"}
FILTER = '[["state","eq","pool"],["source_id","eq",%d],["expected_amount","between",[100,5000]]]'


@dataclass(frozen=True, slots=True)
class Workload:
    """`times` it is repeated on each side. `memory`: what it needs over idle is measured too."""

    name: str
    goal: float
    ours: Callable[[], int]
    bare: Callable[[], int]
    times: int
    memory: bool = False


class Bench:
    """The portal and the bare application on the same planted database."""

    def __init__(self, app: Flask, connection: psycopg.Connection[Any], world: World, rows: int, folder: Path) -> None:
        self.app, self.connection, self.world, self.rows, self.folder = app, connection, world, rows, folder
        self.client = app.test_client()
        answer = self.client.post("/api/v1/security/login", json={"username": "rep0", "password": PASSWORD})
        self.token = {"Authorization": f"Bearer {answer.get_json()['access_token']}"}
        page = self.client.get("/login/").get_data(as_text=True)
        csrf = page.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
        given = {"username": "rep0", "password": PASSWORD, "csrf_token": csrf}
        self.client.post("/login/", data=given, headers=REFERER)
        cursor, at, last = self._thousandth()
        self.cursor = cursor
        values = {"rep": world.reps[0], "source": world.source, "lead": world.lead, "at": at, "id": last}
        self.values, self.limit = values, bare.make(connection, values).test_client()

    def workloads(self) -> Iterator[Workload]:
        """In the order of the table; those that move leads come last."""
        yield self._page("list", 4, "/lead/", "list")
        yield self._page("filtered", 4, f"/lead/?filter={FILTER % self.world.source}", "filtered")
        yield self._page("deep page", 4, f"/lead/?after={self.cursor}", "deep")
        yield self._page("search 华为", 4, "/lead/?q=华为", "search")
        yield Workload("detail", 4, lambda: self._get(f"/lead/{self.world.lead}"), lambda: size(self.limit.get("/lead")), 30)
        yield Workload("REST list", 2.5, lambda: self._get("/api/v1/lead/"), lambda: size(self.limit.get("/api")), 30)
        yield self._follow_up()
        pool, other = self._pool(), self._pool()
        one = lambda: bare.move(self.connection, [next(other)], self.world.reps[:1])  # noqa: E731
        yield Workload("claim", 4, lambda: self._claim(next(pool)), one, 20)
        out = lambda: bare.export(self.connection, self.values)  # noqa: E731
        yield Workload("export", 3, lambda: self._get("/lead/export.csv"), out, 3, memory=True)
        many = 50_000 if self.rows >= 100_000 else 5_000
        files = Imports(self.connection, self.world, many, self.folder)
        yield Workload(f"import {many}", 3, files.ours, files.bare, 2, memory=True)
        yield self._assign(500, 2, 5 if self.rows >= 100_000 else 1)
        if self.rows >= 100_000:
            yield self._assign(10_000, 1.5, 2 if self.rows >= 1_000_000 else 1)  # a pool of 30,000 is soon empty

    def _page(self, name: str, goal: float, path: str, which: str) -> Workload:
        return Workload(name, goal, lambda: self._get(path), lambda: size(self.limit.get(f"/page/{which}")), 30)

    def _get(self, path: str) -> int:
        client: FlaskClient = self.client
        return size(client.get(path, headers=self.token if path.startswith("/api/") else None))

    def _follow_up(self) -> Workload:
        """The form of the page, on both sides."""
        page = self.client.get(f"/follow_up/new?lead_id={self.world.lead}").get_data(as_text=True)
        ours = {"csrf_token": page.split('name="csrf_token"')[1].split('value="')[1].split('"')[0], "lead_id": self.world.lead}
        bare = {"csrf_token": self.limit.get("/form").get_data(as_text=True), "content": "谈了价格"}
        zone, later = ZoneInfo("Asia/Shanghai"), count(10)

        def post() -> int:
            now = datetime.now(zone)
            following = now + timedelta(minutes=next(later))  # so that the lead changes each time
            contact = {
                "kind": "call",
                "contacted_at": f"{now:%Y-%m-%dT%H:%M}",
                "content": "谈了价格",
                "next_at": f"{following:%Y-%m-%dT%H:%M}",
            }
            return size(self.client.post("/follow_up/new", data={**ours, **contact}, headers=REFERER))

        return Workload("add a follow-up", 3, post, lambda: size(self.limit.post("/follow-up", data=bare)), 20)

    def _claim(self, lead: int) -> int:
        return size(self.app.test_client().post("/api/v1/lead/claim", json={"ids": [lead]}, headers=self.token))

    def _assign(self, many: int, goal: float, times: int) -> Workload:
        mine, other = self._pool(), self._pool()
        take = lambda ids: [next(ids) for _ in range(many)]  # noqa: E731
        people = self.world.reps[::3]
        return Workload(
            f"assign {many}", goal, lambda: self._deal(take(mine)), lambda: bare.move(self.connection, take(other), people), times
        )

    def _deal(self, ids: list[int]) -> int:
        spec, verb, now = registry()["lead"], verb_named("lead", "assign"), datetime.now(UTC)
        assert verb is not None
        with store.fresh(system_principal("bench"), now) as session:
            leader = self.connection.execute("SELECT id FROM ab_user WHERE username = 'leader0'").fetchone()
            self.connection.rollback()
            who = resolve(session, leader[0] if leader else 0, access_version(session), now)
        with store.fresh(who, now), store.unit_of_work(who, now) as session:
            outcome = perform_selection(session, spec, verb, Selection(ids=tuple(ids)), acting_user=who, now=now, form={})
        assert len(outcome.done) == len(ids), outcome.refused[:1]
        return 0

    def _pool(self) -> Iterator[int]:
        """Leads of the pool that no workload has had yet."""
        return (self._next_of_pool() for _ in count())

    def _next_of_pool(self) -> int:
        if not hasattr(self, "_left"):
            found = self.connection.execute("SELECT id FROM lead WHERE pool_id IS NOT NULL ORDER BY id").fetchall()
            self.connection.rollback()
            self._left = iter([row[0] for row in found])
        return int(next(self._left))

    def _thousandth(self) -> tuple[str, Any, int]:
        """The cursor of the rep's thousandth page (or half way down a smaller list), with its instant and id."""
        reached = min(25_000, self.rows // 6)
        statement = f"SELECT l.created_at, l.id FROM lead l WHERE {bare.SCOPE} ORDER BY 1 DESC, 2 DESC OFFSET {reached} LIMIT 1"
        found = self.connection.execute(statement, {"rep": self.world.reps[0]}).fetchone()
        self.connection.rollback()
        assert found is not None
        return store_cursor(found[0], found[1]), found[0], found[1]


def store_cursor(at: datetime, record_id: int) -> str:
    """A page's `after`, as the list writes it."""
    return base64.urlsafe_b64encode(json.dumps([at.isoformat(), record_id]).encode()).decode()


def size(answer: Any) -> int:
    """The bytes of an answer that must be a good one."""
    assert answer.status_code < 400, (answer.status_code, answer.get_data(as_text=True)[:300])
    return len(answer.get_data())
