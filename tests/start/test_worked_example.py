"""The README's chapter on adding a record type, done to the letter in a copy of the code."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command

from portal.commands.upgrade import alembic_config
from tests import services

ROOT = Path(__file__).resolve().parents[2]
CHAPTER = re.compile(r"^## Adding a record type$.*?(?=^## )", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```(python|diff|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The code as somebody has it who follows the README."""
    for part in ("config.py", "alembic.ini", "portal", "jobs", "migrations", "tests"):
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, tmp_path / part, **({"ignore": shutil.ignore_patterns("__pycache__")} if copy is shutil.copytree else {}))
    return tmp_path


def test_the_readme_s_record_type_has_its_doors(checkout: Path, migrated: str, valkey: str) -> None:
    chapter = CHAPTER.search((ROOT / "README.md").read_text(encoding="utf-8"))
    assert chapter is not None
    steps = dict(BLOCK.findall(chapter[0]))
    write(checkout, steps["python"])
    edit(checkout, steps["diff"])
    with services.clone(migrated) as url:
        for line in steps["sh"].splitlines():
            run(checkout, url, valkey, *line.removeprefix("python ").replace('"', "").split(" ", 3))
        made = (checkout / "migrations/versions").glob("*add_competitor.py")
        touched = set(re.findall(r"op\.\w+\((?:op\.f\()?'([a-z_]+)'", next(iter(made)).read_text(encoding="utf-8")))
        assert touched == {"competitor", *(f"ix_competitor_{key}" for key in ("name", "owner_id", "team_id"))}, "nothing else is migrated"
        run(checkout, url, valkey, "-m", "tests.start.worked_example")


def test_the_declarations_and_the_migrations_agree(database: str) -> None:
    """Otherwise the next `portal migration` would write what nobody asked for."""
    command.check(alembic_config(database))


def write(checkout: Path, declaration: str) -> None:
    """The first line of a block names its file."""
    head, _, body = declaration.partition("\n")
    (checkout / head.removeprefix("# ")).write_text(body, encoding="utf-8")


def edit(checkout: Path, diff: str) -> None:
    """`# file`, then hunks divided by `@@`: each stands in the file exactly once."""
    for name, hunks in re.findall(r"^# (\S+)\n(.*?)(?=^# |\Z)", diff, re.MULTILINE | re.DOTALL):
        file = checkout / name
        for hunk in hunks.split("@@\n"):
            lines = hunk.splitlines(keepends=True)
            before = "".join(line[1:] for line in lines if line[0] in " -")
            after = "".join(line[1:] for line in lines if line[0] in " +")
            text = file.read_text(encoding="utf-8")
            assert text.count(before) == 1, f"{name} does not hold, exactly once:\n{before}"
            file.write_text(text.replace(before, after), encoding="utf-8")


def run(checkout: Path, database: str, broker: str, *arguments: str) -> None:
    given = {"DATABASE_URL": database, "REDIS_URL": broker, "PORTAL_HOME": str(checkout / "home"), "PORTAL_DEMO": "0"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=checkout, env={**os.environ, **given}, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
