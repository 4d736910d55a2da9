"""The real data sets, or a generated set with the same defects where they are absent.

`PORTAL_SAMPLE_DATA` names the folder (default ../shared/data beside the project). Tests never skip:
what they state holds for both sets.
"""

from __future__ import annotations

import csv
import os
import random
import tempfile
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import cache
from pathlib import Path

COMPANIES = Path("listed-companies/listed_companies_gbk.csv")
CRM = Path("crm-sales-opportunities")
_PROJECT = Path(__file__).resolve().parents[1]
_OFFICES = ("Central", "East", "West")
_SECTORS = ("technolgy", "medical", "retail", "software", "finance", "telecommunications")
_PRODUCTS = (
    ("GTX Basic", "GTX", 550),
    ("GTX Pro", "GTX", 4821),
    ("MG Special", "MG", 55),
    ("MG Advanced", "MG", 3393),
    ("GTX Plus Pro", "GTX", 5482),
    ("GTX Plus Basic", "GTX", 1096),
    ("GTK 500", "GTK", 26768),
)


def sample_data() -> Path:
    """The folder that holds COMPANIES and CRM."""
    named = os.environ.get("PORTAL_SAMPLE_DATA")
    folder = Path(named) if named else _PROJECT.parent / "shared" / "data"
    return folder if (folder / COMPANIES).exists() and (folder / CRM).exists() else generated()


@cache
def _home() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="portal-sample-")


@cache
def generated() -> Path:
    """The same shapes, counts and defects with made-up names; removed when the process ends."""
    folder = Path(_home().name)
    dice = random.Random(4347)
    _write(folder / COMPANIES, _companies(dice), "gbk")
    agents = [f"{first} {last}" for first in _FIRST for last in _LAST][:35]
    managers = [f"{name} Lead" for name in _FIRST[:6]]
    teams = [(agent, managers[n % 6], _OFFICES[n % 6 // 2]) for n, agent in enumerate(agents)]
    accounts = [f"{a}{b} {dice.choice(('Corporation', 'Inc', ''))}".strip() for a in _A for b in _B]
    _write(folder / CRM / "sales_teams.csv", [("sales_agent", "manager", "regional_office"), *teams])
    _write(folder / CRM / "accounts.csv", _accounts(accounts[:85], dice))
    _write(folder / CRM / "products.csv", [("product", "series", "sales_price"), *_PRODUCTS])
    _write(folder / CRM / "sales_pipeline.csv", _pipeline(agents, accounts[:85], dice))
    return folder


_FIRST = ("Anna", "Bert", "Cecily", "Dora", "Elias", "Farah", "Goran")
_LAST = ("Adler", "Brandt", "Castle", "Dunn", "Evers")
_A = ("Acme", "Beta", "Con", "Dal", "Finna", "Gene", "Hot", "Iso", "Kin", "Lex")
_B = ("soloin", "tech", "dax", "code", "fix", "mart", "zim", "plex", "gate")
_CITY = "华南深北东神中国长江海天金新大广平安万科"
_TRADE = "电气银行地产软件环保酒店运输建筑玻璃家电石化医药机械通信"


def _companies(dice: random.Random) -> Iterable[Sequence[object]]:
    """An unnamed column of row numbers, codes with leading noughts, *ST and a trailing A."""
    yield "", "TS代码", "股票代码", "股票名称", "行业"
    for number in range(4347):
        code = f"{number * 3 + 1:06}"
        name = "".join(dice.sample(_CITY, 2)) + "".join(dice.sample(_TRADE, 2))
        warned = "*ST" if number % 37 == 5 else "ST" if number % 90 == 3 else ""
        share = "A" if number % 8 == 1 else ""
        trade = "".join(dice.sample(_TRADE, 2))
        yield number, f"{code}.SZ", code, f"{warned}{name[: 3 if share else 4]}{share}", trade


def _accounts(names: Sequence[str], dice: random.Random) -> Iterable[Sequence[object]]:
    yield (*("account", "sector", "year_established", "revenue", "employees"), *("office_location", "subsidiary_of"))
    for number, name in enumerate(names):
        parent = names[0] if number % 6 == 5 else ""
        revenue = f"{dice.uniform(5, 12_000):.2f}"
        year, staff = dice.randint(1979, 2017), dice.randint(9, 34_000)
        yield name, _SECTORS[number % 6], year, revenue, staff, "United States", parent


def _pipeline(agents: Sequence[str], accounts: Sequence[str], dice: random.Random) -> Iterable[Sequence[object]]:
    """8,800 opportunities: 1,425 without account, GTX Pro spelt GTXPro, open ones without value."""
    yield (*("opportunity_id", "sales_agent", "product", "account"), *("deal_stage", "engage_date", "close_date", "close_value"))
    stages = ("Won", "Won", "Lost", "Engaging", "Prospecting")
    for number in range(8800):
        product, _, price = dice.choice(_PRODUCTS)
        stage = stages[number % 5]
        begun = date(2016, 10, 20) + timedelta(days=dice.randrange(400))
        closed = stage in {"Won", "Lost"}
        yield (
            f"{number:08X}",
            dice.choice(agents),
            "GTXPro" if product == "GTX Pro" else product,
            "" if number < 1425 else dice.choice(accounts),
            stage,
            "" if stage == "Prospecting" else begun,
            begun + timedelta(days=dice.randrange(1, 130)) if closed else "",
            (price if stage == "Won" else 0) if closed else "",
        )


def _write(path: Path, rows: Iterable[Sequence[object]], encoding: str = "utf-8") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)
