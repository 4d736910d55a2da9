"""What every entity has, and what it can take on: Owned, Pooled, Child, Customisable."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, Index, Integer, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from portal.engine.kinds.dates import InstantField
from portal.engine.kinds.reference import ReferenceField, ref
from portal.engine.screen import Screen

if TYPE_CHECKING:
    from sqlalchemy.orm import DeclarativeBase

    class _Base(DeclarativeBase):
        """A typed stand-in: Flask-AppBuilder's base is untyped and would hide every typo."""
else:
    # The one Flask-AppBuilder name the engine takes: entities share its metadata with users and roles.
    from flask_appbuilder.models.sqla import Model as _Base


def snake(name: str) -> str:
    """`SourceChannel` → `source_channel`, the REST name."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def entity_name(model: type[Any]) -> str:
    """The REST name of a declared class."""
    return model.entity_name or snake(model.__name__)


def parent_keys(model: type[Any]) -> tuple[str, ...]:
    """The references that `scope_parent` names, one or several."""
    named = model.scope_parent
    return named if isinstance(named, tuple) else (named,) if named else ()


class Declared:
    """Marks a mapped class as an entity with generated doors."""

    screen: ClassVar[Screen]
    verbs: ClassVar[tuple[str, ...]] = ()
    scope_parent: ClassVar[str | tuple[str, ...]] = ""
    """For children: the reference whose record decides who sees this one; several where it belongs to one of several."""
    scope_except: ClassVar[tuple[str, ...]] = ()
    """For children: branches of the parent's read scope through which this one is not seen."""
    scope_states: ClassVar[Mapping[str, tuple[str, tuple[str, ...]]]] = {}
    """Parts of the rows by state that a role's reach may name beside `own` and `all`: name → (words, states)."""
    is_part: ClassVar[bool] = False
    """For children: it is part of what is decided on with its parent; locked with it, lent with it, in its snapshot."""
    form_states: ClassVar[tuple[str, ...]] = ()
    """The states in which its form may be changed; empty: any. The domain says why not, the screens do not offer it."""
    moved_by_activity: ClassVar[tuple[str, ...]] = ()
    """What follows from its contacts by itself (last contact, next step): no part of what is decided on, and not locked with it."""
    entity_name: ClassVar[str] = ""
    """The REST name where the class may not be called so."""
    extra_fields: ClassVar[Mapping[str, Any]] = {}
    """Fields of columns that a library's base class declares."""


class Entity(Declared, _Base):
    """A record type: identity, version for optimistic locking, who and when, soft delete."""

    __abstract__ = True

    @declared_attr.directive
    def __tablename__(cls) -> str:  # noqa: N805
        return snake(cls.__name__)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805
        return {"version_id_col": cls.version}

    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True, sort_order=-10)
    version: Mapped[int] = mapped_column(Integer, nullable=False, server_default="1", sort_order=80)
    created_at: Mapped[dt.datetime] = mapped_column(
        DateTime(timezone=True), nullable=False, info={"field": InstantField("创建时间 | Created", readonly=True)}, sort_order=81
    )
    created_by_id: Mapped[int | None] = mapped_column(
        ForeignKey("ab_user.id"), info={"field": ReferenceField("创建人 | Created by", "user", readonly=True)}, sort_order=82
    )
    changed_at: Mapped[dt.datetime] = mapped_column(
        DateTime(timezone=True), nullable=False, info={"field": InstantField("修改时间 | Changed", readonly=True)}, sort_order=83
    )
    changed_by_id: Mapped[int | None] = mapped_column(
        ForeignKey("ab_user.id"), info={"field": ReferenceField("修改人 | Changed by", "user", readonly=True)}, sort_order=84
    )
    deleted_at: Mapped[dt.datetime | None] = mapped_column(DateTime(timezone=True), sort_order=85)
    import_id: Mapped[int | None] = mapped_column(BigInteger, sort_order=86)
    """The import that made the row, for tracing and a later undo."""


class Owned:
    """Has one owner, and the owner's team at that time; only `change_owner()` sets them."""

    owner_id = ref("负责人 | Owner", "user", readonly=True, slot="own")
    team_id = ref("团队 | Team", "team", readonly=True)


class Pooled(Owned):
    """Is either somebody's or in a public pool, never both. Declares `pooled_indexes()`."""

    owner_id = ref("负责人 | Owner", "user", readonly=True, slot="own", index=False)
    team_id = ref("团队 | Team", "team", readonly=True, index=False)
    pool_id = ref("公海 | Pool", "pool", readonly=True)
    pooled_at: Mapped[dt.datetime | None] = mapped_column(
        DateTime(timezone=True), info={"field": InstantField("进入公海 | In pool since", readonly=True)}
    )
    owned_at: Mapped[dt.datetime | None] = mapped_column(
        DateTime(timezone=True), info={"field": InstantField("归属时间 | Owned since", readonly=True)}
    )
    contacted_at: Mapped[dt.datetime | None] = mapped_column(
        DateTime(timezone=True), info={"field": InstantField("最近跟进 | Last contact", readonly=True)}
    )


def pooled_indexes(entity: str) -> tuple[Index, ...]:
    """For the newest first of an owner, a team, the pool and the company, and for counting them without touching a row:
    what a scope asks besides is in the index too."""
    alive = "deleted_at IS NULL"

    def held(by: str, *besides: str) -> Index:
        keys = (f"{by}_id", "created_at", "id")
        return Index(f"ix_{entity}_{by}_created", *keys, postgresql_where=text(alive), postgresql_include=besides)

    return (
        Index(f"ix_{entity}_created_at", "created_at", "id"),
        held("owner", "team_id", "pool_id"),
        held("team", "owner_id", "pool_id"),
        Index(f"ix_{entity}_pool_created", "created_at", "id", postgresql_where=text(f"pool_id IS NOT NULL AND {alive}")),
    )


class Mergeable:
    """Two records of it can become one: the merged one lies in the bin and says which record it went into."""

    @declared_attr
    def merged_into_id(cls) -> Mapped[int | None]:  # noqa: N805
        return ref("已并入 | Merged into", snake(cls.__name__), readonly=True)  # type: ignore[attr-defined]

    merge_id: Mapped[int | None] = mapped_column(BigInteger)
    """The batch that holds what taking the merge back needs."""


DOCUMENT = "extra"
"""The column of a Customisable record that holds what was added at run time."""


class Customisable:
    """Takes fields that an admin adds at run time; their values live in one JSONB column."""

    extra: Mapped[dict[str, Any]] = mapped_column(JSONB, nullable=False, default=dict, server_default="{}")
