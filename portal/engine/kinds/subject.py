"""A record type, told or chosen by its name."""

from __future__ import annotations

from functools import cache
from typing import Unpack

from sqlalchemy import String
from sqlalchemy.orm import Mapped

from portal.engine.fields import Field, Options
from portal.engine.kinds.choice import ChoiceField, Choices, choices_of
from portal.engine.kinds.reference import ReferenceField


class RecordTypeField(ChoiceField):
    """Its options are the record types, whichever are declared."""

    all_told = False

    def __init__(self, label: str, **rest: Unpack[Options]) -> None:
        Field.__init__(self, label, **rest)

    def sql_type(self) -> String:
        return String(64)

    @property
    def options(self) -> type[Choices]:  # type: ignore[override]
        return _record_types()

    @property
    def members(self) -> dict[str, Choices]:  # type: ignore[override]
        return {member.value: member for member in self.options}


class TargetField(RecordTypeField):
    """Its options are those that records refer to and people open: in a menu, no part of another, referred to already."""

    @property
    def options(self) -> type[Choices]:  # type: ignore[override]
        return _referred_to()


class SubjectField(RecordTypeField):
    """Its options are those that take custom fields."""

    def sql_type(self) -> String:
        return String(32)

    @property
    def options(self) -> type[Choices]:  # type: ignore[override]
        return _customisable()


@cache
def _record_types() -> type[Choices]:
    from portal.engine.spec import registry  # noqa: PLC0415 - the kinds are there before the first declaration

    return choices_of((spec.name, spec.label) for spec in registry().values())


@cache
def _customisable() -> type[Choices]:
    from portal.engine.spec import registry  # noqa: PLC0415 - the kinds are there before the first declaration

    return choices_of((spec.name, spec.label) for spec in registry().values() if spec.customisable)


@cache
def _referred_to() -> type[Choices]:
    from portal.engine.spec import registry  # noqa: PLC0415 - the kinds are there before the first declaration

    specs = registry().values()
    leading = {each.target for spec in specs for each in spec.fields.values() if isinstance(each, ReferenceField)}
    return choices_of((s.name, s.label) for s in specs if s.name in leading and s.screen.menu and not s.model.is_part)


def record_type(label: str, **options: Unpack[Options]) -> Mapped[str]:
    """The REST name of a record type."""
    return RecordTypeField(label, **options).column()


def target(label: str, **options: Unpack[Options]) -> Mapped[str]:
    """The REST name of a record type that a custom field may refer to."""
    return TargetField(label, **options).column()


def customisable(label: str, **options: Unpack[Options]) -> Mapped[str]:
    """The REST name of a record type that takes custom fields."""
    return SubjectField(label, **options).column()
