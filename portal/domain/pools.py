"""A pool keeps its kind while something lies in it or came from it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import exists, select

from portal import models
from portal.domain.pooling import poolings
from portal.engine import store
from portal.engine.errors import Refused
from portal.engine.operations import operation
from portal.security.principal import Principal
from portal.security.session import guarded


@operation("pool", "change")
def change(record: models.Pool, values: Mapping[str, Any], *, acting_user: Principal, now: datetime) -> models.Pool:
    """Change the rules of a pool. Refused: another kind while it holds records."""
    session = store.session()
    if values.get("kind", record.kind) != record.kind and record.kind in poolings:
        table = poolings[record.kind].model.__table__
        if session.scalar(guarded(select(exists().where(table.c.pool_id == record.id)))):
            raise Refused(
                "公海里还有记录，不能改存放的类型。 | There are records in this pool; what it holds cannot change.", rule="pool_in_use"
            )
    for key, value in values.items():
        setattr(record, key, value)
    session.flush()
    return record
