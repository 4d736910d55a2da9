"""Commands that cannot work say what to do, never with a traceback."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from config import Config
from portal import models
from portal.cli import portal
from portal.commands import accounts
from portal.commands.up import _sign_in_lines
from portal.domain import starting
from tests.cast import Cast


@pytest.mark.parametrize(
    ("url", "says"),
    [("nonsense", "postgresql://user:password@host:port/name"), ("postgresql://x@127.0.0.1:1/y", "does not answer; check DATABASE_URL")],
)
@pytest.mark.parametrize("command", [["upgrade"], ["doctor"]])
def test_a_database_that_is_none_is_told_in_a_sentence(url: str, says: str, command: list[str], tmp_path: Path) -> None:
    environ = {"PORTAL_HOME": str(tmp_path), "DATABASE_URL": url, "REDIS_URL": "redis://127.0.0.1:1/0"}
    done = CliRunner().invoke(portal, command, env=environ)
    assert done.exit_code == 1 and says in done.output and "Traceback" not in done.output


def test_an_empty_company_says_how_the_first_account_is_made_and_is_furnished_with_it(config: Config) -> None:
    assert "create-admin" in "".join(_sign_in_lines(config))
    given = {"login": "boss", "name": "高远", "email": "gao@test.example", "password": "a quiet green lamp"}
    accounts.make_admin(config, **given)
    assert "create-admin" not in "".join(_sign_in_lines(replace(config, demo=False)))


@pytest.mark.parametrize("wrong", [{"email": "not-an-address"}, {"login": "bo ss<>"}, {"name": ""}])
def test_the_first_account_is_checked_like_everybodys(config: Config, wrong: dict[str, str]) -> None:
    given = {"login": "boss", "name": "高远", "email": "gao@test.example", **wrong}
    words = [word for key, value in given.items() for word in (f"--{key}", value)]
    done = CliRunner().invoke(portal.get_command(None, "create-admin"), [*words, "--password", "a quiet green lamp"], obj=config)  # type: ignore[arg-type]
    assert done.exit_code == 1 and done.output.startswith("Error: ")


def test_what_a_company_begins_with_is_there_once(cast: Cast) -> None:
    pools = len(cast.rows(models.Pool))
    for _ in range(2):
        with cast.act("admin") as session:
            starting.furnish(session)
    assert len(cast.rows(models.Pool)) == pools
    assert sorted(each.period for each in cast.rows(models.ReportTemplate)) == ["day", "month", "week"]
