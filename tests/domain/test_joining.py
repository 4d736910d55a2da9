"""A lead that joins a customer fills in what that does not say, and nothing else; what fits no field there stays behind."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from portal import models
from portal.engine import operations
from portal.engine.spec import spec_named
from portal.engine.tables import RoleScope
from portal.security.resolve import touch_access
from tests.cast import NOW, Cast
from tests.domain.test_customers import do

BLUE = "blue = 蓝 | Blue"
RED = "red = 红 | Red"


def fields(cast: Cast, *given: tuple[str, str, str, str]) -> None:
    """(record type, key, kind, choices) each."""
    for entity, key, kind, options in given:
        said = {"label_zh": key, "label_en": key, "state": "active", "mask": "none", "options": options}
        cast.add(models.CustomField, entity=entity, key=key, kind=kind, **said)
    with cast.act("system") as session:
        touch_access(session)


def limit(cast: Cast, entity: str, **levels: str) -> None:
    """How far reps go with these fields."""
    with cast.act("system") as session:
        of_reps = update(RoleScope).where(RoleScope.entity == entity, RoleScope.read == "own+pool")
        session.connection().execute(of_reps.values(fields=levels))
        touch_access(session)


def join(cast: Cast, customer_id: int, **lead: Any) -> int | None:
    lead_id = cast.lead(owner="rep", state="following", **lead)
    return do(cast, "rep", "lead:convert", [lead_id], customer_id=customer_id).batch_id


def test_blanks_are_filled_in_and_nothing_is_overwritten(cast: Cast) -> None:
    fields(cast, *((entity, key, "text", "") for entity in ("lead", "customer") for key in ("line", "floor")))
    ours = cast.customer(owner="rep", region="上海", extra={"x_line": "一号线"}, verified_at=NOW, verified_by_id=cast.people["leader_a"])
    told = {"region": "北京", "industry": "机械", "phone": "+8613800000001", "extra": {"x_line": "二号线", "x_floor": "高"}}
    batch = join(cast, ours, **told)
    row = cast.row(models.Customer, ours)
    assert (row.region, row.industry, row.phone) == ("上海", "机械", "+8613800000001")
    assert (row.extra, row.verified_at) == ({"x_line": "一号线", "x_floor": "高"}, None)
    with cast.act("rep") as session:
        operations.undo(session, spec_named("lead"), batch or 0, acting_user=session.info["principal"], now=NOW)
    row = cast.row(models.Customer, ours)
    assert (row.region, row.industry, row.phone, row.extra, row.verified_at) == ("上海", "", "", {"x_line": "一号线"}, NOW)


@pytest.mark.parametrize(("entity", "level"), [("lead", "none"), ("lead", "masked"), ("customer", "read")])
def test_only_what_one_reads_there_and_may_write_here_is_filled_in(cast: Cast, entity: str, level: str) -> None:
    limit(cast, entity, industry=level)
    ours = cast.customer(owner="rep")
    join(cast, ours, industry="机械", region="北京")
    row = cast.row(models.Customer, ours)
    assert (row.industry, row.region) == ("", "北京")


def test_choices_that_are_none_there_stay_behind(cast: Cast) -> None:
    both = f"{BLUE}\n{RED}"
    one = (("lead", "tint", "choice", both), ("customer", "tint", "choice", RED))
    many = (("lead", "tints", "choices", both), ("customer", "tints", "choices", RED))
    fields(cast, *one, *many)
    for tint, kept in (("blue", {"x_tints": ["red"]}), ("red", {"x_tint": "red", "x_tints": ["red"]})):
        lead = cast.lead(owner="rep", state="following", company=f"{tint}公司", extra={"x_tint": tint, "x_tints": ["blue", "red"]})
        do(cast, "rep", "lead:convert", [lead])
        assert cast.rows(models.Customer)[-1].extra == kept
