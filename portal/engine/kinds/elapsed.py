"""How long something took: the hours between two instants of a record, worked out by the database."""

from __future__ import annotations

from typing import Any, Unpack

from sqlalchemy import Computed
from sqlalchemy.orm import Mapped, mapped_column

from portal.engine.fields import Options
from portal.engine.kinds.numbers import DecimalField

_SECONDS = 3600


class ElapsedField(DecimalField):
    """Hours from `since` to `until`, to a tenth (`GENERATED ALWAYS AS … STORED`); blank until both are there."""

    def __init__(self, label: str, *, since: str, until: str, **options: Unpack[Options]) -> None:
        super().__init__(label, digits=10, scale=1, **options)
        self.readonly = True
        self.since, self.until = since, until

    def column(self, **_: Any) -> Any:
        sql = f"round(extract(epoch from {self.until} - {self.since}) / {_SECONDS}, {self.scale})"
        return mapped_column(self.sql_type(), Computed(sql, persisted=True), info={"field": self}, nullable=True)


def elapsed(label: str, *, since: str, until: str, **options: Unpack[Options]) -> Mapped[Any]:
    """The hours between two instants."""
    made: Mapped[Any] = ElapsedField(label, since=since, until=until, **options).column()
    return made
