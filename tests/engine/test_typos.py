"""A misspelt word in a declaration is found by the type checker, before anything runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

DECLARATION = '''
from portal import models
from portal.engine.entity import Entity, Owned
from portal.engine.kinds import choice, date, flag, integer, longtext, money, phone, ref, text
from portal.engine.kinds import txt  # typo
from portal.engine.screen import Screen
from portal.entities.leads import until_claimed


class Thing(Entity, Owned):
    """东西 | Thing: to be misspelt."""

    right = text("对的 | Right", 80, required=True, searched=True, identity=True)
    name = text("名称 | Name", 80, requird=True)  # typo
    number = text("编号 | Number", "80")  # typo
    body = longtext("内容 | Body", serched=True)  # typo
    phone = phone("电话 | Phone", masked=until_claimed, idenity=True)  # typo
    secret = text("密 | Secret", masked="pool_id")  # typo
    count = integer("数量 | Count", lest=0)  # typo
    amount = money("金额 | Amount", curency="CNY")  # typo
    on = date("日期 | Day", requred=True)  # typo
    ready = flag("好了 | Ready", defult=True)  # typo
    kind = choice("类型 | Kind", ("a", "b"))  # typo
    lead_id = ref("线索 | Lead", "lead", indexed=False)  # typo
    tag_id = ref("标签 | Tag", target="tag", on_delte="CASCADE")  # typo
    verbs = "claim"  # typo
    screen = Screen(icon="tag", columns=("name",), tab=("mine",))  # typo


def reads(lead: models.Lead, thing: Thing) -> None:
    print(lead.company, thing.right, thing.owner_id, thing.version)
    print(lead.compny)  # typo
    print(thing.onwer_id)  # typo
    print(models.Leed)  # typo
    lead.company = 3  # typo
'''


def test_the_type_checker_finds_every_typo_of_a_declaration_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "thing.py"
    file.write_text(DECLARATION, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", "--no-error-summary", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    found = {int(line) for line in re.findall(r"thing\.py:(\d+): error", run.stdout)}
    meant = {number for number, line in enumerate(DECLARATION.splitlines(), 1) if line.endswith("# typo")}
    assert found == meant, run.stdout + run.stderr
