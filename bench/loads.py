"""A file of leads, imported by the portal and bare: validated, deduplicated, the refused rows in a file of their own."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy.orm import Session

from bench.world import World
from portal.domain import imports
from portal.engine import store
from portal.engine.fields import View
from portal.engine.importing import read_mapping
from portal.engine.intake import sniff
from portal.security.principal import system_principal

HEADER = ("公司", "电话", "联系人", "预计金额")
STAGED = "CREATE TEMP TABLE staged (company text, phone text, name text, amount text, line serial)"
GOOD = "length(trim(company)) BETWEEN 1 AND 200 AND phone ~ '^\\+861[0-9]{10}$' AND amount ~ '^[0-9]+$'"
KNOWN = """SELECT FROM lead l WHERE l.deleted_at IS NULL AND (l.phone = s.phone OR l.company_key = s.company)"""
FIRST = "s.line = (SELECT min(o.line) FROM staged o WHERE o.company = s.company)"
INSERT = f"""
WITH made AS (
INSERT INTO lead (company, name, phone, source_id, expected_amount, state, company_key, pool_id, pooled_at, created_at, changed_at)
SELECT company, name, phone, %(source)s, amount::numeric, 'pool', company, %(pool)s, now(), now(), now() FROM staged s
WHERE {GOOD} AND {FIRST} AND NOT EXISTS ({KNOWN}) RETURNING id)
INSERT INTO tenure (entity, record_id, at, pool_id, how) SELECT 'lead', id, now(), %(pool)s, 'import' FROM made"""


@dataclass
class _Work:
    """The run an import works in, without a worker."""

    principal: Any = field(default_factory=lambda: system_principal("bench"))
    memo: dict[str, Any] = field(default_factory=dict)
    id: int = 1

    @property
    def now(self) -> datetime:
        return datetime.now(UTC)

    @contextmanager
    def unit_of_work(self) -> Iterator[Session]:
        with store.fresh(self.principal, self.now), store.unit_of_work(self.principal, self.now) as session:
            yield session

    def progress(self, done: int, total: int | None = None) -> None:
        """Nobody watches."""

    def cancelled(self) -> bool:
        return False


class Imports:
    """Files of as many new leads as wanted: one in a hundred has no phone that could be, one in fifty is there twice."""

    def __init__(self, connection: psycopg.Connection[Any], world: World, rows: int, folder: Path) -> None:
        self.connection, self.world, self.rows, self.folder = connection, world, rows, folder
        self._files = self._written()

    def ours(self) -> int:
        path, work = next(self._files), _Work()
        mapping = {
            "targets": [
                {
                    "entity": "lead",
                    "columns": dict(zip(("company", "phone", "name", "expected_amount"), HEADER, strict=True)),
                    "constants": {"source_id": "官网", "pool_id": "公海"},
                }
            ]
        }
        refused = path.with_suffix(".refused")
        done = imports.run(work, path, sniff(path), read_mapping(mapping), acting_user=work.principal, refused=refused, view=View())
        assert done.counts.made["lead"] > self.rows * 0.95, done.counts
        return path.stat().st_size

    def bare(self) -> int:
        path = next(self._files)
        self.connection.execute("DROP TABLE IF EXISTS staged")
        self.connection.execute(STAGED)
        cursor = self.connection.cursor()
        with path.open("rb") as file, cursor.copy("COPY staged (company, phone, name, amount) FROM STDIN (FORMAT csv, HEADER)") as rows:
            while block := file.read(1 << 16):
                rows.write(block)
        self.connection.execute("CREATE INDEX ON staged (company, line)")
        self.connection.execute("ANALYZE staged")
        wrong = f"COPY (SELECT * FROM staged s WHERE NOT ({GOOD} AND {FIRST}) OR EXISTS ({KNOWN})) TO STDOUT (FORMAT csv)"
        with path.with_suffix(".refused").open("wb") as file, cursor.copy(wrong) as refused:
            file.writelines(refused)
        self.connection.execute(INSERT, {"source": self.world.source, "pool": self.world.pool})
        self.connection.commit()
        return path.stat().st_size

    def _written(self) -> Iterator[Path]:
        """A file at a time, none with a lead of another."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for n in count():
            path = self.folder / f"leads-{n}.csv"
            with path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(HEADER)
                writer.writerows(self._row(n, line) for line in range(self.rows))
            yield path

    def _row(self, n: int, line: int) -> tuple[Any, ...]:
        same = line - 1 if line % 50 == 1 else line
        phone = "12" if line % 100 == 7 else f"+861{5_000_000_000 + n * 1_000_000 + same}"
        return f"导入{n}第{same}号公司", phone, f"联系人{line % 97}", line % 1000
