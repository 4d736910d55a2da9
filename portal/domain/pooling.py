"""What a pooled entity says about itself, so that claim, release, assignment and return work for it.

An entity joins by one `Pooling`, given to `pool_verbs.declare` and `assignment.declare` in its own module.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from portal import models
from portal.engine.entity import entity_name
from portal.engine.errors import Refused
from portal.engine.query.among import among
from portal.engine.spec import spec_of
from portal.engine.text import Text
from portal.security.session import reachable

OWNER_COLUMNS = ("owner_id", "pool_id", "team_id", "owned_at", "pooled_at")
"""What every owner change writes; `Pooling.carried` names what moves along."""


@dataclass(frozen=True, slots=True, eq=False)
class Pooling:
    """How an entity lives with its pools. Its pools are those whose kind is its REST name."""

    model: type[Any]
    noun: Text
    plural: Text
    open_states: tuple[str, ...]
    """In these it is worked, and may be given, released and recycled."""
    counted: tuple[str, ...]
    """In these it counts against the holding cap and must come to a deal in time."""
    rank: str
    """The column whose value decides after how many days without a contact it returns."""
    ranks: tuple[str, str]
    """The value for the pool's first number of days and for its second; any other takes the third."""
    pool_state: str = ""
    """The state in which it lies in a pool; empty where the pool leaves the state alone."""
    carried: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The REST name."""
        return entity_name(self.model)

    @property
    def title(self) -> Any:
        """The column a record is called by."""
        return spec_of(self.model).column(spec_of(self.model).identity.key)

    @property
    def columns(self) -> tuple[str, ...]:
        return (*OWNER_COLUMNS, *self.carried)

    @property
    def words(self) -> dict[str, Text]:
        """Facts for sentences that name the entity."""
        return {"noun": self.noun, "plural": self.plural}


poolings: dict[str, Pooling] = {}
"""Every pooled entity by REST name."""


def pools_by_id(session: Session, pooling: Pooling) -> dict[int, models.Pool]:
    """Every pool of the entity and its rules, the default one (the first) first; deleted ones too, for what lies there."""
    found = session.scalars(
        select(models.Pool).where(models.Pool.kind == pooling.name).order_by(models.Pool.deleted_at.is_not(None), models.Pool.id)
    )
    return {pool.id: pool for pool in found}


def default_pool(session: Session, pooling: Pooling) -> int:
    """The first pool. Refused while there is none."""
    return first_open(pooling, pools_by_id(session, pooling))


def first_open(pooling: Pooling, pools: Mapping[int, models.Pool]) -> int:
    """The first of these pools that is not deleted. Refused while there is none."""
    for pool in pools.values():
        if pool.deleted_at is None:
            return pool.id
    raise Refused(
        "还没有{noun}公海，请管理员先建一个。 | There is no {noun} pool yet. Ask an administrator to add one.",
        rule="no_pool",
        **pooling.words,
    )


def home_pools(session: Session, pooling: Pooling, ids: Sequence[int]) -> dict[int, int]:
    """Where each record goes back to: the pool it last lay in while that is open, else the default (first) pool."""
    tenure = models.Tenure
    last = (
        select(tenure.record_id, tenure.former_pool_id)
        .ext(distinct_on(tenure.record_id))
        .where(tenure.entity == pooling.name, among(tenure.record_id, ids), tenure.former_pool_id.is_not(None))
        .order_by(tenure.record_id, tenure.id.desc())
    )
    came_from = dict(session.execute(last).all())
    pools = pools_by_id(session, pooling)
    default = first_open(pooling, pools)
    open_pools = {pool.id for pool in pools.values() if pool.deleted_at is None}
    return {each: found if (found := came_from.get(each)) in open_pools else default for each in ids}


def locked(session: Session, pooling: Pooling, ids: Sequence[int], *criteria: ColumnElement[bool], skip: bool = False) -> list[Any]:
    """The rows of the running verb, locked in the order of their ids; rows it does not take are not among them.

    `skip` leaves out what another transaction is changing at the moment.
    """
    model = pooling.model
    statement = (
        select(model.id, model.version, model.owner_id, model.pool_id, model.state, model.created_at)
        .where(among(model.id, ids), reachable(session, model), *criteria)
        .order_by(model.id)
        .with_for_update(key_share=True, skip_locked=skip)
    )
    return list(session.execute(statement).all())


def closed(pooling: Pooling, row: Any) -> Refused | None:
    """What is closed (a converted or invalid lead) stays where it is."""
    if row.state in (*pooling.open_states, pooling.pool_state):
        return None
    return Refused("已转化或无效的{noun}不能变更负责人。 | A closed {noun} keeps its owner.", rule="closed", **pooling.words)


def ids_of(records: Sequence[Any]) -> list[int]:
    """Ids, in order and once, of records or of ids."""
    return sorted({each if isinstance(each, int) else each.id for each in records})
