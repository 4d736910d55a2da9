"""What goes on while something is being decided: contacts are logged, and neither locked nor what is decided on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from portal import models
from portal.engine import operations
from portal.engine.errors import Refused
from portal.engine.spec import spec_named
from tests.cast import NOW, Cast
from tests.domain.test_approvals import decide, do, publish, rule
from tests.domain.test_follow_ups import log

LEGAL = [{"label": "法务 | Legal", "mode": "any", "who": [{"by": "role", "role": "legal"}]}]


def note(cast: Cast, lead: int) -> None:
    with cast.act("rep") as session:
        found = session.scalar(select(models.Lead).where(models.Lead.id == lead))
        operations.change(session, spec_named("lead"), found, {"note": "x"}, version=None, acting_user=session.info["principal"], now=NOW)


def test_who_waits_for_a_decision_goes_on_logging_what_was_said(cast: Cast) -> None:
    """A contact is logged within the hour: what follows from it is neither locked nor what is decided on."""
    publish(cast, LEGAL)
    lead = cast.lead(owner="rep")
    assert do(cast, "rep", "lead:invalidate", lead, reason="空号").done
    log(cast, "rep", lead, next_at=NOW + timedelta(days=1), next_step="再打")
    row = cast.row(models.Lead, lead)
    assert (row.state, row.contacted_at, row.next_step) == ("following", NOW, "再打")
    with pytest.raises(Refused) as refused:
        note(cast, lead)
    assert refused.value.rule == "locked"
    assert decide(cast, "legal").done
    assert cast.row(models.Lead, lead).state == "invalid"


def test_a_customer_that_is_decided_about_is_visited_too(cast: Cast) -> None:
    publish(cast, LEGAL, "customer", "reclassify")
    customer = cast.customer(owner="rep", customer_class="b")
    assert do(cast, "leader_a", "customer:reclassify", customer, to="a", reason="大单").done
    log(cast, "rep", None, customer_id=customer)
    assert cast.row(models.Customer, customer).contacted_at == NOW
    assert decide(cast, "legal").done
    assert cast.row(models.Customer, customer).customer_class == "a"


def test_a_choice_that_is_none_any_more_is_rejected_in_words(cast: Cast) -> None:
    publish(cast, LEGAL, "customer", "reclassify")
    customer = cast.customer(owner="rep", customer_class="b")
    assert do(cast, "leader_a", "customer:reclassify", customer, to="a", reason="大单").done
    cast.set(models.Approval, cast.rows(models.Approval)[0].id, form={"to": "z", "reason": "大单"})
    assert rule(decide(cast, "legal")) == "form"
    assert decide(cast, "legal", "reject", reason="请重新提交").done


def test_what_was_kept_before_activities_were_left_out_is_still_decided(cast: Cast) -> None:
    publish(cast, LEGAL)
    lead = cast.lead(owner="rep")
    do(cast, "rep", "lead:invalidate", lead, reason="空号")
    (asked,) = cast.rows(models.Approval)
    cast.set(models.Approval, asked.id, snapshot={**asked.snapshot, "contacted_at": None, "next_step": ""})
    assert decide(cast, "legal").done
