"""What goes with a contract into its new version: who takes part in it, and lines that are told apart by what they are."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from portal import models
from portal.domain.calendar import company_day
from portal.engine.fields import View
from portal.engine.spec import spec_named
from portal.engine.text import pick
from portal.security.fields import Rights
from portal.web.approval_box import differences, paired
from tests.cast import NOW, Cast
from tests.domain.test_approvals import do
from tests.domain.test_contract_versions import change, money, more, plan, running, sealed, to_seal
from tests.domain.test_sharing import let_in, sees

SOON, LATER = (company_day(NOW) + timedelta(days=days) for days in (20, 30))
SEALED = NOW + timedelta(days=10)


def parts(cast: Cast, contract_id: int) -> dict[int, tuple[str, Any]]:
    """Person → level and last day, of those who take part in a contract."""
    table = models.Participant.__table__
    return {each.user_id: (each.level, each.until) for each in cast.rows(models.Participant, table.c.contract_id == contract_id)}


def test_who_takes_part_goes_with_the_contract_into_its_new_version(cast: Cast) -> None:
    old = running(cast)
    assert let_in(cast, "contract", [old], level="write", until=LATER).done
    new = change(cast, old)
    more(cast, new)
    assert sees(cast, "mate", models.Contract) == [old], "not before it is in force"
    sealed(cast, new)
    assert sees(cast, "mate", models.Contract, SEALED) == [new]
    assert parts(cast, new) == {cast.people["mate"]: ("write", LATER)}
    assert sees(cast, "mate", models.ContractLine, SEALED), "with what belongs to it"
    said = cast.rows(models.AuditEvent, models.AuditEvent.__table__.c.entity == "participant")[-1]
    assert (said.before["contract_id"], said.after["contract_id"]) == (old, new)


def test_who_was_let_into_the_new_one_keeps_whichever_goes_further_and_lasts_longer(cast: Cast) -> None:
    old = running(cast)
    let_in(cast, "contract", [old], level="write", until=SOON)
    new = change(cast, old)
    more(cast, new)
    assert let_in(cast, "contract", [new], level="read", until=LATER).done
    sealed(cast, new)
    assert parts(cast, new) == {cast.people["mate"]: ("write", LATER)}


def test_a_share_that_is_over_is_not_carried(cast: Cast) -> None:
    old = running(cast)
    let_in(cast, "contract", [old], until=company_day(NOW) + timedelta(days=5))
    new = change(cast, old)
    more(cast, new)
    sealed(cast, new)
    assert parts(cast, new) == {}


def test_lines_are_compared_by_what_they_are_and_not_by_their_place() -> None:
    part = spec_named("contract_line")
    a, b, c = ({"id": n, "product": name} for n, name in enumerate("甲乙丙", 1))
    assert paired(part, [c, a, b], [a, b]) == {1: 0, 2: 1}, "one put on top leaves the others as they were"
    assert paired(part, [b], [a, b]) == {0: 1}
    assert paired(part, [{"id": 1, "product": "改名"}], [a]) == {0: 0}, "the same line under another name"
    assert paired(part, [{"id": 9, "product": "甲"}], [{"product": "甲"}]) == {0: 0}, "of another version: by product"
    assert paired(part, [{"product": "甲"}, {"product": "甲"}], [{"product": "甲"}]) == {0: 0}
    assert paired(part, [{"id": 4, "product": None}], [{"product": None}]) == {}


def test_the_approver_is_told_only_of_the_lines_that_are_new_or_gone(cast: Cast) -> None:
    old = running(cast)
    new = change(cast, old)
    cast.set(models.ContractLine, _lines(cast, new)[0].id, product="先付的样机", description="现场安装")
    more(cast, new, 1200)
    do(cast, "rep", "contract:submit", new)
    approval = cast.rows(models.Approval)[-1]
    rights, view = Rights(cast.principal("admin")), View("zh", now=NOW)
    with cast.act("admin"):
        lines = differences(spec_named("contract"), approval.snapshot, approval.earlier, rights, view)
    label = pick(spec_named("contract_line").label, "zh")
    assert [(name, now == "—", was == "—") for name, now, was in lines if label in name] == [
        (f"{label} 1", False, True),
        (f"{label} 2", False, True),
        (f"原{label} 1", True, False),
    ]


def _lines(cast: Cast, contract_id: int) -> list[Any]:
    return cast.rows(models.ContractLine, models.ContractLine.__table__.c.contract_id == contract_id)


def test_a_reversal_and_the_seal_at_the_same_moment_leave_one_truth(cast: Cast) -> None:
    old = running(cast, paid="300")
    new = change(cast, old)
    more(cast, new)
    to_seal(cast, new)
    receipt = cast.rows(models.Receipt)[-1]
    with ThreadPoolExecutor(2) as threads:
        seal = threads.submit(do, cast, "legal", "contract:seal", new, NOW + timedelta(days=10))
        reversal = threads.submit(do, cast, "cashier", "receipt:reverse", receipt.id, reason="付错")
    assert seal.result().done and reversal.result().done
    assert [(each[0], each[2]) for each in plan(cast, new)] == [("open", 0), ("open", 0)]
    assert (money(cast, old), money(cast, new)) == ((0, 0), (0, 0))
