"""Two worlds that differ only in fields that an admin has hidden from a role: their homes, drafts and boards say the same.

Days, states and kinds have no canary of their own: what tells one of them at all tells the worlds apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import update

from portal import models
from portal.domain import role_changes, role_desk
from portal.engine.fields import Field
from portal.engine.kinds.choice import ChoiceField
from portal.engine.spec import Spec, registry
from portal.security import levels
from tests.cast import NOW, Cast
from tests.matrix.http import Caller
from tests.matrix.test_field_rights import every
from tests.matrix.world import ROLE, World

Callers = Callable[[str, str], Caller]
WORKED = ("lead", "customer", "contact", "opportunity", "contract", "payment_plan", "receipt", "allocation", "follow_up", "class_review")
DOORS = (
    "/",
    *(f"/?period={period}" for period in ("day", "week", "month", "quarter")),
    "/report-desk/",
    "/report-desk/board",
    "/report-desk/board?kind=week",
    "/meeting-pack/",
    "/approvals/",
    *(f"/{entity}/" for entity in WORKED),
    *(f"/{entity}/charts" for entity in WORKED),
)
ACTORS = ("rep", "leader_a", "director", "finance", "cashier", "legal")


def hide(cast: Cast, role: str, chosen: dict[str, dict[str, str]]) -> None:
    with cast.act("system") as session:
        held = next(each for each in role_desk.cards(session) if each.name == role)
        wanted = replace(held.rights, fields=chosen)
        role_changes.save(session, held.id, wanted, seen=held.rights.stamp, acting_user=cast.principal("admin"))


def other(field: Field, value: Any) -> Any:
    """Another value of the same kind, the same for all records so that nothing is unique by it."""
    if isinstance(value, datetime):
        return value - timedelta(days=2, hours=3)
    if isinstance(value, date):
        return value - timedelta(days=3)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | Decimal):
        return value + 7
    if isinstance(field, ChoiceField):
        return next(each.value for each in field.options if each.value != value)
    return f"{value[:-1]}{'y' if value.endswith('x') else 'x'}"


def lived(cast: Cast, world: World) -> None:
    """What homes are made of: something is late, due, running out, planned and written, of everybody who sells."""
    hour = timedelta(hours=1)
    for record in world.records:
        if record.entity == "lead" and record.owner:
            given = {"state": "following", "next_at": NOW - hour, "next_step": "step", "first_response_due_at": NOW - hour}
            cast.set(models.Lead, record.id, owned_at=NOW - timedelta(days=28), contacted_at=NOW - timedelta(days=28), **given)
        if record.entity == "lead" and not record.owner:
            cast.set(models.Lead, record.id, pooled_at=NOW - timedelta(days=4))
        if record.entity == "customer" and record.owner:
            cast.set(models.Customer, record.id, next_at=NOW + hour, next_step="step", owned_at=NOW - timedelta(days=28))
        if record.entity == "payment_plan" and record.state == "effective":
            cast.set(models.PaymentPlan, record.id, due_on=NOW.date() - timedelta(days=2), overdue="remind", state="partly")
        if record.entity == "contract" and record.state == "effective":
            cast.set(models.Contract, record.id, end_on=NOW.date() + timedelta(days=40), effective_at=NOW - timedelta(days=3))
    for owner in ("rep", "leader_a"):
        owned = {"owner_id": cast.people[owner], "team_id": cast.team_of(owner), "title": "日报", "version": 1}
        days = {"period": "day", "period_key": "2026-05-12", "first_on": NOW.date(), "last_on": NOW.date()}
        texts = dict.fromkeys(("problems", "plan", "extra_work", "comment", "exempt_reason"), "")
        cast.add(models.WorkReport, state="open", due_at=NOW + 8 * hour, late_until=NOW + 14 * hour, **owned, **days, **texts)


def changed(cast: Cast, chosen: dict[str, dict[str, str]]) -> None:
    """Every hidden value of every record is another one."""
    for entity in WORKED:
        spec = registry()[entity]
        fields = [field for field in spec.fields.values() if field.key in chosen.get(entity, {}) and _plain(spec, field)]
        for row in cast.rows(spec.model):
            values = {field.key: other(field, getattr(row, field.key)) for field in fields if getattr(row, field.key) is not None}
            if values:
                with cast.session_factory() as session:
                    table = spec.table
                    session.connection().execute(update(table).where(table.c.id == row.id).values(**values))
                    session.commit()


def _plain(spec: Spec, field: Field) -> bool:
    """Its own column, with no rule of the database on it."""
    column = spec.table.c.get(field.key)
    return column is not None and not column.foreign_keys and column.computed is None and field.kind not in ("json", "tags", "choices")


def said(page: str) -> str:
    return re.sub(r'(nonce|csrf[-_]token"[^>]*?(?:content|value)|name="(?:seen|key)" value)="[^"]*"', "", page)


def told(caller: Caller, drafts: list[str]) -> dict[str, str]:
    answers = {door: caller.get(door) for door in (*DOORS, *drafts)}
    assert not [door for door, answer in answers.items() if answer.status >= 500]
    return {door: said(answer.body) for door, answer in answers.items()}


def test_worlds_that_differ_in_hidden_fields_alone_look_alike(callers: Callers, cast: Cast, world: World) -> None:
    lived(cast, world)
    chosen = every(cast, levels.NONE)
    drafts = [f"/report-desk/{row.id}" for row in cast.rows(models.WorkReport) if row.state == "open"]
    open_to_all = {actor: told(callers(actor, "cookie"), drafts) for actor in ACTORS}
    for role in {ROLE[actor] for actor in ACTORS}:
        hide(cast, role, chosen)
    before = {actor: told(callers(actor, "cookie"), drafts) for actor in ACTORS}
    changed(cast, chosen)
    after = {actor: told(callers(actor, "cookie"), drafts) for actor in ACTORS}
    assert [(actor, door) for actor in ACTORS for door in before[actor] if before[actor][door] != after[actor][door]] == []
    for role in {ROLE[actor] for actor in ACTORS}:
        hide(cast, role, {})
    control = {actor: told(callers(actor, "cookie"), drafts) for actor in ACTORS}
    for actor in ACTORS:
        assert open_to_all[actor]["/"] != control[actor]["/"], f"the control: the worlds do differ for {actor}"
