"""A small document, for what a special screen owns (report answers, mappings)."""

from __future__ import annotations

from typing import Any, ClassVar, Unpack

from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped
from sqlalchemy.types import TypeEngine

from portal.engine.fields import Field, Options


class JsonField(Field):
    kind = "json"
    json_type: ClassVar[dict[str, Any]] = {"type": "object"}
    json_takes: ClassVar[tuple[type[Any], ...]] = (dict, str)

    def __init__(self, label: str, **options: Any) -> None:
        super().__init__(label, readonly=True, filterable=False, sortable=False, **options)

    def sql_type(self) -> TypeEngine[Any]:
        return JSONB()

    def column(self, **options: Any) -> Any:
        return super().column(nullable=False, default=dict, server_default="{}", **options)


def json(label: str, **options: Unpack[Options]) -> Mapped[dict[str, Any]]:
    """A JSON object that no generated form edits."""
    made: Mapped[dict[str, Any]] = JsonField(label, **options).column()
    return made
