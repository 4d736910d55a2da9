"""What imports mean for customers, products and opportunities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Date, Integer, String, Table, case, cast, func, literal, select, update
from sqlalchemy.orm import Session

from portal import models
from portal.domain.calendar import company_day
from portal.domain.customers import CUSTOMERS
from portal.domain.pooling import default_pool
from portal.engine.fields import BadValue, Field
from portal.engine.importing import Importer, Staged, importer
from portal.engine.mask import normalise_name
from portal.engine.query.among import among
from portal.engine.spec import Spec
from portal.engine.text import Text
from portal.entities.customers import CustomerState
from portal.entities.deals import OpportunityState, StageKind

_ENDED = "已有同样的记录，它现在的状态不能修改。 | There is such a record already, and it cannot be changed in its present state."


@importer("customer")
class Customers(Importer):
    """New customers lie in a pool; the same name however it is spelt, or the same phone, is the same customer."""

    changes = True
    match = (("company_key",), ("phone",))
    derived: Mapping[str, Any] = {"company_key": String(200)}
    alike = "company_key"

    def fields(self, spec: Spec) -> dict[str, Field]:
        return {**super().fields(spec), "pool_id": spec.fields["pool_id"]}

    def derive(self, values: dict[str, Any]) -> None:
        values["company_key"] = self.key_of(values.get("name") or "")

    def key_of(self, name: str) -> str:
        return normalise_name(name)[:200]

    def defaults(self, session: Session) -> dict[str, Any]:
        return {"pool_id": default_pool(session, CUSTOMERS)}

    def fixed(self, spec: Spec, *, acting_user: Any, now: datetime) -> dict[str, Any]:
        return {"state": CustomerState.POTENTIAL.value, "pooled_at": now}

    def changed(self, session: Session, ids: Sequence[int], *, now: datetime) -> None:
        """What a file has changed nobody has checked."""
        table: Any = models.Customer.__table__
        unchecked = update(table).where(table.c.id.in_(ids), table.c.verified_at.is_not(None))
        session.connection().execute(unchecked.values(verified_by_id=None, verified_at=None))


@importer("product")
class Products(Importer):
    """The same name however it is spelt is the same product."""

    changes = True
    match = (("name_key",),)
    derived: Mapping[str, Any] = {"name_key": String(120)}
    alike = "name_key"

    def derive(self, values: dict[str, Any]) -> None:
        values["name_key"] = self.key_of(values.get("name") or "")

    def key_of(self, name: str) -> str:
        return normalise_name(name)[:120]

    def fixed(self, spec: Spec, *, acting_user: Any, now: datetime) -> dict[str, Any]:
        return {"active": True}


@importer("opportunity")
class Opportunities(Importer):
    """Deals as another system knows them: in any stage, ended or not, of any owner; the same number is the same deal."""

    changes = True
    match = (("number",),)

    def fields(self, spec: Spec) -> dict[str, Field]:
        more = {key: spec.fields[key] for key in ("stage_id", "owner_id", "closed_on")}
        return {**{key: each for key, each in super().fields(spec).items() if key != "pipeline_id"}, **more}

    def derive(self, values: dict[str, Any]) -> None:
        """Nothing is derived; a deal that ended before it began is refused."""
        opened, closed = values.get("opened_on"), values.get("closed_on")
        if opened is not None and closed is not None and closed < opened:
            raise BadValue("结束日期早于立项日期。 | It closed before it opened.")

    def defaults(self, session: Session) -> dict[str, Any]:
        """The first stage of the default pipeline, the importer as owner."""
        stage, way = models.Stage, models.Pipeline
        open_ones = select(stage.id).join(way, way.id == stage.pipeline_id)
        open_ones = open_ones.where(stage.kind == StageKind.OPEN.value, stage.deleted_at.is_(None), way.deleted_at.is_(None))
        first = session.scalar(open_ones.order_by(way.is_default.desc(), way.id, stage.rank).limit(1))
        return {"stage_id": first, "owner_id": session.info["principal"].user_id or None}

    def fixed(self, spec: Spec, *, acting_user: Any, now: datetime) -> dict[str, Any]:
        return {"state": OpportunityState.OPEN.value}

    def after(self, session: Session, staged: Table, target: Staged, *, acting_user: Any, now: datetime) -> None:
        """What follows from the stage and the owner, for all new deals at once."""
        deal: Any = models.Opportunity.__table__
        stage: Any = models.Stage.__table__
        person: Any = models.User.__table__
        new = select(target.id).where(target.is_new)
        team = select(person.c.team_id).where(person.c.id == deal.c.owner_id).scalar_subquery()
        today = cast(literal(company_day(now), Date), Date)
        ended = stage.c.kind != StageKind.OPEN.value
        opened = func.coalesce(deal.c.opened_on, func.least(deal.c.closed_on, today))
        closed = case((ended, func.coalesce(deal.c.closed_on, func.greatest(deal.c.opened_on, today))))
        session.connection().execute(
            update(deal)
            .where(deal.c.id.in_(new), stage.c.id == deal.c.stage_id)
            .values(
                pipeline_id=stage.c.pipeline_id,
                probability=stage.c.probability,
                state=stage.c.kind,
                team_id=cast(team, Integer),
                opened_on=opened,
                closed_on=closed,
                stage_on=func.coalesce(closed, opened),
            )
        )

    def closed(self, session: Session, ids: Sequence[int], acting_user: Any) -> Mapping[int, Text]:
        """What has ended stands still; what this file brought a moment ago it may complete."""
        deal: Any = models.Opportunity.__table__
        ended = deal.c.state.in_((OpportunityState.WON.value, OpportunityState.LOST.value))
        wanted = select(deal.c.id).where(among(deal.c.id, ids), ended, deal.c.created_at < session.info["now"])
        return dict.fromkeys(session.connection().scalars(wanted), Text(_ENDED))

    def changed(self, session: Session, ids: Sequence[int], *, now: datetime) -> None:
        """Stage and owner of a deal that is here already are its verbs' matter; nothing follows from the rest."""
