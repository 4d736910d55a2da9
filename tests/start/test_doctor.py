"""`portal doctor`: everything that keeps work from being done, in a sentence with what to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from config import Config
from portal import models
from portal.cli import portal
from tests import services
from tests.cast import Cast


@pytest.fixture
def config(cast_database: str, valkey: str, tmp_path: Path) -> Config:
    return services.config_for(tmp_path, cast_database, valkey)


def told(config: Config) -> list[str]:
    done = CliRunner().invoke(portal.get_command(None, "doctor"), [], obj=replace(config, language="en"))  # type: ignore[arg-type]
    assert done.exit_code == 0, done.output
    return [line for line in done.output.splitlines() if "holidays" not in line]


def test_it_says_who_does_not_work(cast: Cast, config: Config) -> None:
    assert told(config) == [
        "! No worker takes from fast, mail, bulk: start `portal worker`.",
        "! The scheduler does not run: start `portal scheduler`.",
    ]


def test_redis_that_is_away_delays_work_and_is_told(cast: Cast, config: Config) -> None:
    found = told(replace(config, redis_url="redis://127.0.0.1:1/0"))
    assert found[0] == "! Redis cannot be reached: check REDIS_URL. Work is delayed, none is lost."


@pytest.mark.parametrize(("state", "said"), [("waiting", "! 1 jobs are overdue."), ("failed", "! 1 jobs failed; see the jobs page.")])
def test_work_that_waits_or_failed_is_counted(cast: Cast, config: Config, state: str, said: str) -> None:
    due = datetime.now(UTC) - timedelta(hours=1)
    with cast.act("system") as session:
        words = {"label": {"zh": "任务", "en": "Job"}, "arguments": {}, "queue": "bulk"}
        session.add(models.JobRun(kind="planned", period="p", subject="s", due_at=due, state=state, **words))
    assert said in told(config)
