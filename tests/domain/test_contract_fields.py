"""Fields that an admin adds to contracts: written, decided on by conditions, compared, signed and carried like declared ones."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from portal import models
from portal.engine import operations
from portal.engine.errors import Refused
from portal.engine.fields import View
from portal.engine.spec import spec_named
from portal.security.fields import Rights
from portal.security.resolve import touch_access
from portal.web.approval_box import differences
from tests.cast import NOW, Cast
from tests.domain.test_approvals import decide, do, publish, rule, waiting
from tests.domain.test_contract_versions import change, running, sealed
from tests.domain.test_contracts import contract, pdf, state

KEY = "x_deposit"
STEPS: list[dict[str, Any]] = [
    {"label": "法务 | Legal", "mode": "any", "who": [{"by": "role", "role": "legal"}]},
    {"label": "总监 | Director", "mode": "any", "who": [{"by": "role", "role": "director"}], "when": [[KEY, "ge", "50000"]]},
    {"label": "财务 | Finance", "mode": "any", "who": [{"by": "role", "role": "finance"}]},
]


def define(cast: Cast, key: str = KEY, kind: str = "money", **more: Any) -> int:
    names = {"key": key.removeprefix("x_"), "label_zh": "保证金", "label_en": "Deposit"}
    made = cast.add(models.CustomField, entity="contract", kind=kind, state="active", **names, **{"is_filterable": True, **more})
    with cast.act("system") as session:
        touch_access(session)
    return made


def fill(cast: Cast, contract_id: int, deposit: str | None) -> None:
    with cast.act("rep") as session:
        spec, who = spec_named("contract"), cast.principal("rep")
        record = session.scalars(select(models.Contract).where(models.Contract.id == contract_id)).one()
        values = {KEY: spec.field(KEY).parse(deposit)}
        operations.change(session, spec, record, values, version=None, acting_user=who, now=NOW)


@pytest.mark.parametrize(("deposit", "asked"), [("49999.99", False), ("50000", True)])
def test_a_flow_asks_for_it(cast: Cast, deposit: str, asked: bool) -> None:
    define(cast)
    publish(cast, STEPS, "contract", "submit")
    made = contract(cast)
    fill(cast, made, deposit)
    assert do(cast, "rep", "contract:submit", made).done
    decide(cast, "legal")
    assert set(waiting(cast)) == {"director" if asked else "finance"}


def test_it_is_asked_for_while_its_index_is_built_as_well(cast: Cast) -> None:
    field_id = define(cast)
    publish(cast, STEPS, "contract", "submit")
    cast.set(models.CustomField, field_id, state="preparing")
    with cast.act("system") as session:
        touch_access(session)
    assert do(cast, "rep", "contract:submit", contract(cast)).done


def test_what_a_flow_asks_for_is_not_deleted(cast: Cast) -> None:
    field_id = define(cast)

    def remove() -> None:
        with cast.act("admin") as session:
            record = session.get_one(models.CustomField, field_id)
            operations.remove(session, spec_named("custom_field"), record, acting_user=cast.principal("admin"), now=NOW)

    publish(cast, STEPS, "contract", "submit")
    with pytest.raises(Refused) as refused:
        remove()
    assert refused.value.rule == "in_flow"
    cast.set(models.ApprovalFlow, cast.rows(models.ApprovalFlow)[0].id, active=False)
    remove()


def test_what_was_approved_stays_what_is_signed_whatever_fields_come_and_go(cast: Cast) -> None:
    field_id, made = define(cast), contract(cast)
    fill(cast, made, "800")
    assert do(cast, "rep", "contract:submit", made).done
    decide(cast, "legal")
    define(cast, "x_other", "text")
    decide(cast, "finance")
    cast.set(models.CustomField, field_id, deleted_at=NOW)
    with cast.act("system") as session:
        touch_access(session)
    pdf(cast, made)
    assert do(cast, "rep", "contract:mark_signed", made).done
    cast.set(models.Contract, made, extra={KEY: "1.00"})
    assert rule(do(cast, "legal", "contract:seal", made)) == "edited"
    cast.set(models.Contract, made, extra={KEY: "800.00"})
    assert do(cast, "legal", "contract:seal", made).done
    assert state(cast, made) == "effective"


def test_the_difference_names_it_and_a_new_version_carries_it(cast: Cast) -> None:
    define(cast)
    old = running(cast)
    cast.set(models.Contract, old, extra={KEY: "800.00"})
    new = change(cast, old)
    assert cast.row(models.Contract, new).extra == {KEY: "800.00"}
    fill(cast, new, None)
    sealed(cast, new)
    approval = cast.rows(models.Approval)[-1]
    rights, view = Rights(cast.principal("admin")), View("zh", now=NOW + timedelta(days=1))
    with cast.act("admin"):
        lines = differences(spec_named("contract"), approval.snapshot, approval.earlier, rights, view)
    assert [(now, was) for name, now, was in lines if name == "保证金"] == [("—", "¥800")]
