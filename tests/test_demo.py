"""The demo company: the same every time, complete, and within the portal's own rules."""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import create_engine, func, select

from config import Config
from portal import demo, models
from portal.demo.accounts import ACCOUNTS, demo_password
from portal.engine import store
from portal.engine.clock import clock
from portal.engine.errors import Refused
from tests import services

LOADED_WITHIN = 20
"""Seconds."""


class Found:
    """What lies in a database."""

    def __init__(self, config: Config) -> None:
        self.engine = create_engine(store.with_driver(config.database_url))

    def rows(self, model: Any, *criteria: Any) -> list[Any]:
        with self.engine.connect() as connection:
            return list(connection.execute(select(model.__table__).where(*criteria).order_by(model.__table__.c.id)))

    def count(self, model: Any, *criteria: Any) -> int:
        with self.engine.connect() as connection:
            return int(connection.scalar(select(func.count()).select_from(model.__table__).where(*criteria)) or 0)


@pytest.fixture(scope="module")
def loaded(migrated: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Config, float]]:
    """A database with the demo company, and the processor seconds that loading took here (waiting for others is not ours)."""
    with services.clone(migrated) as url:
        config = services.config_for(tmp_path_factory.mktemp("home"), url, services.valkey_url("master"))
        clock.set(datetime(2026, 11, 19, 10, tzinfo=ZoneInfo(config.time_zone)))
        begun = time.process_time()
        assert demo.load(config)
        took = time.process_time() - begun
        clock.release()
        yield config, took


@pytest.fixture
def config(loaded: tuple[Config, float]) -> Config:
    """The portal on that database."""
    return loaded[0]


@pytest.fixture
def found(config: Config) -> Iterator[Found]:
    made = Found(config)
    yield made
    made.engine.dispose()


def test_it_is_loaded_quickly(loaded: tuple[Config, float]) -> None:
    assert loaded[1] < LOADED_WITHIN


def test_everybody_is_there_with_login_by_role_and_number() -> None:
    roles = Counter(account["role"] for account in ACCOUNTS)
    assert roles == {
        "admin": 1,
        "director": 1,
        "leader": 3,
        "rep": 12,
        "legal": 1,
        "finance": 1,
        "cashier": 1,
        "warehouse": 1,
        "service": 1,
    }
    assert {"rep07", "admin01", "leader03"} <= {account["login"] for account in ACCOUNTS}
    with pytest.raises(KeyError):
        demo_password("somebody")


def test_leads_lie_in_the_pool_or_with_somebody_and_each_has_its_tenure(found: Found) -> None:
    leads = found.rows(models.Lead)
    assert len(leads) == 2000
    pooled = [lead for lead in leads if lead.pool_id is not None]
    assert len(pooled) == 600
    assert all(lead.state == "pool" and lead.owner_id is None for lead in pooled)
    assert len({lead.company_key for lead in leads}) == 2000
    assert len({lead.phone for lead in leads}) == 2000
    assert {lead.grade for lead in leads} == {"qualified", "potential", "weak", "invalid"}
    last = {row.record_id: row for row in found.rows(models.Tenure) if row.entity == "lead"}
    assert all((last[lead.id].owner_id, last[lead.id].pool_id) == (lead.owner_id, lead.pool_id) for lead in leads)


def test_leads_agree_with_their_follow_ups(found: Found) -> None:
    latest: dict[int, Any] = {}
    for row in found.rows(models.FollowUp):
        latest[row.lead_id] = max(latest.get(row.lead_id, row), row, key=lambda each: each.contacted_at)
    for lead in found.rows(models.Lead):
        newest = latest.get(lead.id)
        assert lead.contacted_at == (newest.contacted_at if newest else None)
        assert newest is None or newest.created_by_id == lead.owner_id


def test_reports_stand_in_every_state_a_leader_meets(found: Found) -> None:
    reports = found.rows(models.WorkReport)
    assert {row.state for row in reports} == {"submitted", "late", "read", "commented", "missing", "exempt"}
    assert {row.period for row in reports} == {"day", "week", "month"}
    assert len({row.period_key for row in reports if row.period == "day"}) == 30
    assert len({(row.owner_id, row.period, row.period_key) for row in reports}) == len(reports)


def test_every_record_has_its_line_in_the_history(found: Found) -> None:
    audited = models.AuditEvent.__table__.c
    for model, name in ((models.Lead, "lead"), (models.FollowUp, "follow_up"), (models.WorkReport, "work_report"), (models.User, "user")):
        assert found.count(models.AuditEvent, audited.entity == name, audited.verb == "create") == found.count(model)


def test_it_is_loaded_once_and_never_over_data(found: Found, config: Config) -> None:
    assert not demo.load(config)
    assert found.count(models.Lead) == 2000


def test_it_is_the_same_every_time(found: Found) -> None:
    companies = [lead.company for lead in found.rows(models.Lead)]
    assert companies[0] != companies[1]
    names = {person.username: person.name for person in found.rows(models.User)}
    assert names["admin01"] == "夏静"


def test_it_does_not_exist_in_production(config: Config) -> None:
    with pytest.raises(Refused):
        demo.load(dataclasses.replace(config, env="production"))


def test_its_people_can_sign_in(found: Found, app: Flask) -> None:
    answer = app.test_client().post(
        "/api/v1/security/login", json={"username": "rep07", "password": demo_password("rep07"), "provider": "db"}
    )
    assert answer.status_code == 200


def test_the_newest_notice_was_written_last(found: Found) -> None:
    """An inbox is read in the order of writing."""
    told = [row.created_at for row in found.rows(models.Notification)]
    assert told == sorted(told)
