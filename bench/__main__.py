"""`python -m bench 10k,100k`: a table on the terminal and build/bench/<date>.json. 1M on request."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from bench.measure import Measured, compare
from bench.workloads import Bench
from bench.world import plant
from config import Config
from portal.commands.upgrade import upgrade
from portal.factory import create_app
from portal.services import ensure

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / "build" / "bench-services"
HEAD = ("workload", "rows", "ours p50", "p95", "bare p50", "ratio", "CPU", "bare CPU", "ratio", "goal", "SQL", "bytes", "MB", "")
COLUMNS = "{:16}{:>9}{:>10}{:>9}{:>10}{:>7}{:>9}{:>9}{:>7}{:>6}{:>5}{:>10}{:>7} {}"


def main() -> None:
    sizes = [_number(word) for word in (sys.argv[1] if len(sys.argv) > 1 else "10k,100k").split(",")]
    print(COLUMNS.format(*HEAD))
    found = [each for rows in sizes for each in run(rows)]
    file = ROOT / "build" / "bench" / f"{datetime.now(UTC):%Y-%m-%d_%H%M}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps([asdict(each) for each in found], ensure_ascii=False, indent=1))


def run(rows: int) -> list[Measured]:
    """Every workload on a database made for it, which goes afterwards."""
    base = ensure(Config(home=HOME))
    name = f"bench_{rows}"
    with psycopg.connect(base.database_url, autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        server.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    url = base.database_url.replace("@/portal?", f"@/{name}?")
    secrets = {"secret_key": "b" * 40, "jwt_secret_key": "b" * 41}
    config = Config(home=HOME, database_url=url, redis_url=base.redis_url, demo=False, language="zh", env="production", **secrets)
    upgrade(config)
    found = []
    with psycopg.connect(url) as connection:
        world = plant(connection, rows)
        app = create_app(config)
        app.config["PREFERRED_URL_SCHEME"] = "https"  # production's cookies are for https alone
        with app.app_context():
            engine = app.extensions["sqlalchemy"].engine
        for each in Bench(app, connection, world, rows, HOME / "files").workloads():
            sides = (engine, each.ours, each.bare)
            found.append(compare(each.name, rows, each.goal, *sides, times=each.times, memory=each.memory))
            _show(found[-1])
        engine.dispose()
    return found


def _show(m: Measured) -> None:
    times = (m.p50, m.p95, m.bare_p50, m.ratio, m.cpu, m.bare_cpu, m.cpu_ratio)
    memory = "" if m.memory is None else m.memory
    print(COLUMNS.format(m.workload, m.rows, *times, m.goal, m.sql, m.size, memory, "ok" if m.met else "MISSED"), flush=True)


def _number(word: str) -> int:
    return int(word.lower().replace("k", "000").replace("m", "000000"))


if __name__ == "__main__":
    main()
