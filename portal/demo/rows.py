"""Writing many rows with one statement each, and the history that belongs to them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Any

from faker import Faker
from sqlalchemy import insert
from sqlalchemy.orm import Session

from portal.domain.worktime import WorkCalendar
from portal.engine.audit import plain
from portal.engine.tables import AuditEvent

Row = dict[str, Any]
_SEED = 20_260_401
_SILENT = frozenset({"version", "created_at", "created_by_id", "changed_at", "changed_by_id", "password", "grade"})


def _seeded() -> Faker:
    fake = Faker("zh_CN")
    fake.seed_instance(_SEED)
    return fake


@dataclass
class Stage:
    """What the parts of the demo company share while it is written."""

    session: Session
    now: datetime
    calendar: WorkCalendar
    files: Path
    """Where the portal keeps files."""
    dice: Random = field(default_factory=lambda: Random(_SEED))
    fake: Faker = field(default_factory=_seeded)

    @property
    def today(self) -> date:
        return self.now.astimezone(self.calendar.zone).date()

    def at(self, day: date, hour: int, minute: int = 0) -> datetime:
        """An instant of a company day."""
        return self.calendar.at(day, time(hour, minute)).astimezone(UTC)

    def working_moment(self, earliest: datetime, latest: datetime) -> datetime | None:
        """A moment of a working day's office hours between two instants; None where hardly any fits."""
        span = max(1, int((latest - earliest).total_seconds()))
        for _ in range(12):
            moment = earliest + timedelta(seconds=self.dice.randrange(span))
            day = moment.astimezone(self.calendar.zone).date()
            found = self.at(day, self.dice.randint(9, 17), self.dice.randrange(60))
            if earliest <= found <= latest and self.calendar.is_working(day):
                return found
        return None


def entity_row(at: datetime, by_id: int | None, **values: Any) -> Row:
    """A row of an entity with who and when."""
    return {**values, "created_at": at, "changed_at": at, "created_by_id": by_id, "changed_by_id": by_id}


def write(stage: Stage, table: Any, rows: Sequence[Row]) -> list[int]:
    """Insert rows in one go; their ids in the order given."""
    if not rows:
        return []
    returning = insert(table).returning(table.c.id, sort_by_parameter_order=True)
    return list(stage.session.connection().execute(returning, list(rows)).scalars())


def write_audited(stage: Stage, table: Any, entity: str, rows: Sequence[Row], *, later: Sequence[str] = ()) -> list[int]:
    """Insert rows of an entity, each with its line in the history; columns named `later` were not set at first."""
    ids = write(stage, table, rows)
    silent = _SILENT.union(later)
    history(
        stage,
        (
            {
                "at": row["created_at"],
                "actor_id": row["created_by_id"],
                "entity": entity,
                "record_id": record_id,
                "verb": "create",
                "before": {},
                "after": {key: plain(value) for key, value in row.items() if key not in silent and value not in (None, "")},
            }
            for record_id, row in zip(ids, rows, strict=True)
        ),
    )
    return ids


def history(stage: Stage, events: Iterable[Row]) -> None:
    """Append lines to the history, oldest first."""
    rows = [{"actor_note": "", "reason": "", "address": "", **event} for event in events]
    if rows:
        stage.session.connection().execute(insert(AuditEvent.__table__), sorted(rows, key=lambda row: row["at"]))  # type: ignore[arg-type]
