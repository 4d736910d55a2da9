"""A record type that takes custom fields, chosen by its name."""

from __future__ import annotations

from functools import cache
from typing import Unpack

from sqlalchemy.orm import Mapped

from portal.engine.fields import Field, Options
from portal.engine.kinds.choice import ChoiceField, Choices, choices_of


class SubjectField(ChoiceField):
    """Its options are the Customisable record types, whichever are declared."""

    def __init__(self, label: str, **rest: Unpack[Options]) -> None:
        Field.__init__(self, label, **rest)

    @property
    def options(self) -> type[Choices]:  # type: ignore[override]
        return _subjects()

    @property
    def members(self) -> dict[str, Choices]:  # type: ignore[override]
        return {member.value: member for member in _subjects()}


@cache
def _subjects() -> type[Choices]:
    from portal.engine.spec import registry  # noqa: PLC0415 - the kinds are there before the first declaration

    return choices_of((spec.name, spec.label) for spec in registry().values() if spec.customisable)


def customisable(label: str, **options: Unpack[Options]) -> Mapped[str]:
    """The REST name of a record type that takes custom fields."""
    return SubjectField(label, **options).column()
