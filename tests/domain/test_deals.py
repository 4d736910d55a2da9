"""Opportunities: where one begins, how it is moved, won, lost and paused, and what its history says."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from portal import models
from portal.engine import operations
from portal.engine.errors import Changed, Invalid, NotAllowed, NotFound, Refused
from portal.engine.spec import spec_named
from portal.engine.tables import AuditEvent
from portal.engine.verbs import Outcome
from portal.security.resolve import touch_access
from portal.security.session import OutOfScope
from tests.cast import NOW, Cast
from tests.domain.test_customers import do, make
from tests.matrix.attempts import stages


def deal(cast: Cast, login: str = "rep", **values: object) -> int:
    given = {"customer_id": values.pop("customer_id", None) or cast.customer(owner=login), **values}
    return int(make(cast, login, "opportunity", **{"name": "一笔生意", "amount": Decimal(1000), **given}))


def stage_of(cast: Cast, deal_id: int) -> str:
    row = cast.row(models.Opportunity, deal_id)
    return next(name for name, key in stages(cast).items() if key == row.stage_id)


def test_a_deal_begins_in_the_first_stage_and_is_its_makers(cast: Cast) -> None:
    row = cast.row(models.Opportunity, deal(cast))
    assert (row.owner_id, row.team_id, row.state, row.probability) == (cast.people["rep"], cast.team_of("rep"), "open", 10)
    assert (row.opened_on, row.stage_on) == (date(2026, 5, 12), date(2026, 5, 12))


def test_forward_needs_no_reason_back_does(cast: Cast) -> None:
    one, to = deal(cast), stages(cast)
    assert do(cast, "rep", "opportunity:move", [one], to=to["方案报价"]).done == [one]
    outcome = do(cast, "rep", "opportunity:move", [one], to=to["需求确认"])
    assert outcome.refused[0][1].rule == "reason_needed"
    later = NOW + timedelta(days=6)
    assert do(cast, "rep", "opportunity:move", [one], now=later, to=to["需求确认"], reason="要重新摸底").done == [one]
    steps = cast.rows(models.StageChange, models.StageChange.opportunity_id == one)
    assert [(s.to_stage_id, s.days, s.reason) for s in steps] == [(to["方案报价"], 0, ""), (to["需求确认"], 6, "要重新摸底")]
    assert stage_of(cast, one) == "需求确认"


def test_the_same_stage_and_another_pipelines_stage_are_refused(cast: Cast) -> None:
    one, to = deal(cast), stages(cast)
    other = cast.add(
        models.Stage, name="别处", pipeline_id=cast.add(models.Pipeline, name="大客户流程"), rank=1, kind="open", probability=5
    )
    assert do(cast, "rep", "opportunity:move", [one], to=to["初步接洽"]).refused[0][1].rule == "same_stage"
    assert do(cast, "rep", "opportunity:move", [one], to=other).refused[0][1].rule == "other_pipeline"


def test_the_pipeline_stays(cast: Cast) -> None:
    one, other = deal(cast), cast.add(models.Pipeline, name="大客户流程")
    with cast.act("rep") as session:
        record, who = session.scalar(select(models.Opportunity).where(models.Opportunity.id == one)), session.info["principal"]
        with pytest.raises(Invalid):
            operations.change(session, spec_named("opportunity"), record, {"pipeline_id": other}, version=1, acting_user=who, now=NOW)


def test_won_and_lost_end_it_and_a_reason_brings_it_back(cast: Cast) -> None:
    one, two = deal(cast), deal(cast)
    do(cast, "rep", "opportunity:won", [one], reason="老客户")
    row = cast.row(models.Opportunity, one)
    assert (row.state, row.probability, row.closed_on, row.outcome_reason) == ("won", 100, date(2026, 5, 12), "老客户")
    do(cast, "rep", "opportunity:lost", [two], reason="价格", competitor="别家")
    row = cast.row(models.Opportunity, two)
    assert (row.state, row.probability, row.competitor) == ("lost", 0, "别家")
    assert do(cast, "rep", "opportunity:won", [two]).refused[0][1].rule == "ended"
    assert do(cast, "rep", "opportunity:move", [two], to=stages(cast)["商务谈判"], reason="对方又找来").done == [two]
    row = cast.row(models.Opportunity, two)
    assert (row.state, row.closed_on, row.outcome_reason) == ("open", None, "")


def change(cast: Cast, login: str, deal_id: int, **values: object) -> None:
    with cast.act(login) as session:
        record, who = session.scalar(select(models.Opportunity).where(models.Opportunity.id == deal_id)), session.info["principal"]
        operations.change(session, spec_named("opportunity"), record, values, version=None, acting_user=who, now=NOW)


def take_back(cast: Cast, login: str, batch_id: int | None, now: datetime = NOW) -> Outcome:
    with cast.act(login, now) as session:
        who = session.info["principal"]
        found: Outcome = operations.undo(session, spec_named("opportunity"), batch_id or 0, acting_user=who, now=now)
        return found


@pytest.mark.parametrize("verb", ["won", "lost"])
def test_a_deal_that_ended_stands_still_until_it_is_reopened(cast: Cast, verb: str) -> None:
    one, to = deal(cast), stages(cast)
    do(cast, "rep", "opportunity:move", [one], to=to["商务谈判"])
    do(cast, "rep", f"opportunity:{verb}", [one], reason="定了")
    for values in ({"amount": Decimal(999_999)}, {"opened_on": date(2026, 5, 1)}, {"note": "补一句"}):
        with pytest.raises(Refused) as refused:
            change(cast, "rep", one, **values)
        assert refused.value.rule == "ended"
    assert do(cast, "rep", "opportunity:reopen", [one], reason="客户改主意").done == [one]
    row = cast.row(models.Opportunity, one)
    assert (stage_of(cast, one), row.state, row.closed_on, row.outcome_reason) == ("商务谈判", "open", None, "")
    change(cast, "rep", one, amount=Decimal(500))
    assert do(cast, "rep", "opportunity:reopen", [one], reason="再来").refused[0][1].rule == "not_ended"
    told = cast.rows(AuditEvent, AuditEvent.entity == "opportunity", AuditEvent.verb == "reopen")
    assert [line.reason for line in told] == ["客户改主意"]


def test_one_that_came_in_ended_is_reopened_in_the_first_stage(cast: Cast) -> None:
    one, to = deal(cast), stages(cast)
    cast.set(models.Opportunity, one, state="lost", stage_id=to["输单"], closed_on=date(2026, 5, 1))
    do(cast, "rep", "opportunity:reopen", [one], reason="又来电话")
    assert stage_of(cast, one) == "初步接洽"


def test_leaving_an_end_needs_a_reason_whichever_way(cast: Cast) -> None:
    one, to = deal(cast), stages(cast)
    do(cast, "rep", "opportunity:lost", [one], reason="价格")
    assert do(cast, "rep", "opportunity:move", [one], to=to["赢单"]).refused[0][1].rule == "reason_needed"


def test_no_amount_is_below_nothing(cast: Cast) -> None:
    with pytest.raises(Invalid):
        deal(cast, amount=Decimal(-5))
    one = deal(cast)
    with pytest.raises(Invalid):
        change(cast, "rep", one, amount=Decimal(-5))
    lead = cast.lead(owner="rep", state="following", expected_amount=Decimal(-5))
    with pytest.raises(Invalid):
        do(cast, "rep", "lead:convert", [lead], opportunity="首单")


def test_a_deal_is_won_with_a_customer_and_not_before_it_opens(cast: Cast) -> None:
    nobodys, early = deal(cast), deal(cast, opened_on=date(2026, 6, 1))
    change(cast, "rep", nobodys, customer_id=None)
    assert do(cast, "rep", "opportunity:won", [nobodys]).refused[0][1].rule == "no_customer"
    assert do(cast, "rep", "opportunity:move", [nobodys], to=stages(cast)["赢单"]).refused[0][1].rule == "no_customer"
    assert do(cast, "rep", "opportunity:lost", [nobodys], reason="没有下文").done == [nobodys]
    assert do(cast, "rep", "opportunity:won", [early]).refused[0][1].rule == "not_opened"


def test_moves_ends_and_pauses_are_undone_where_nothing_happened_since(cast: Cast) -> None:
    one, two, to = deal(cast), deal(cast), stages(cast)
    moved = do(cast, "rep", "opportunity:move", [one, two], to=to["方案报价"])
    do(cast, "rep", "opportunity:pause", [two], until=date(2026, 6, 1), reason="等预算")
    outcome = take_back(cast, "rep", moved.batch_id)
    assert (outcome.done, [(each, type(why)) for each, why in outcome.refused]) == ([one], [(two, Changed)])
    assert (stage_of(cast, one), stage_of(cast, two)) == ("初步接洽", "方案报价")
    steps = cast.rows(models.StageChange)
    assert [(step.opportunity_id, step.deleted_at is None) for step in steps] == [(one, False), (two, True)]
    for verb, form in (("won", {"reason": "好"}), ("lost", {"reason": "贵"}), ("pause", {"until": date(2026, 6, 1), "reason": "等"})):
        before = cast.row(models.Opportunity, one)
        batch = do(cast, "rep", f"opportunity:{verb}", [one], **form).batch_id
        assert take_back(cast, "rep", batch).done == [one]
        after = cast.row(models.Opportunity, one)
        assert all(getattr(after, key) == getattr(before, key) for key in ("state", "stage_id", "stage_on", "closed_on", "paused_until"))
    with pytest.raises(NotFound):
        take_back(cast, "mate", moved.batch_id)


def test_who_takes_part_takes_his_own_move_back(cast: Cast) -> None:
    one, form = deal(cast), {"to_id": cast.people["mate"], "level": "write", "until": date(2026, 6, 1), "note": ""}
    do(cast, "leader_a", "opportunity:share", [one], **form)
    moved = do(cast, "mate", "opportunity:move", [one], to=stages(cast)["方案报价"])
    assert take_back(cast, "mate", moved.batch_id).done == [one]


def test_losing_by_moving_needs_the_reason_too(cast: Cast) -> None:
    one = deal(cast)
    assert do(cast, "rep", "opportunity:move", [one], to=stages(cast)["输单"]).refused[0][1].rule == "reason_needed"


def test_a_pause_lasts_until_a_day_ahead(cast: Cast) -> None:
    one = deal(cast)
    with pytest.raises(Invalid):
        do(cast, "rep", "opportunity:pause", [one], until=date(2026, 5, 12), reason="预算冻结")
    assert do(cast, "rep", "opportunity:pause", [one], until=date(2026, 5, 13), reason="预算冻结").done == [one]
    assert do(cast, "rep", "opportunity:pause", [one], until=date(2026, 6, 1), reason="再等").refused[0][1].rule == "not_open"
    assert do(cast, "rep", "opportunity:resume", [one]).done == [one]
    assert cast.row(models.Opportunity, one).paused_until is None


def test_a_leader_moves_what_his_team_owns_and_nobody_elses(cast: Cast) -> None:
    one = deal(cast)
    assert do(cast, "leader_a", "opportunity:won", [one]).done == [one]
    assert do(cast, "leader_b", "opportunity:won", [deal(cast)]).done == []
    with pytest.raises(NotAllowed):
        do(cast, "finance", "opportunity:won", [one])


def test_a_deal_at_somebody_elses_customer_is_refused(cast: Cast) -> None:
    theirs = cast.customer(owner="other")
    with pytest.raises(OutOfScope):
        deal(cast, customer_id=theirs)


def test_a_conversion_may_begin_a_deal_and_undo_takes_it_back(cast: Cast) -> None:
    lead = cast.lead(owner="rep", state="following", expected_amount=Decimal(5000))
    outcome = do(cast, "rep", "lead:convert", [lead], opportunity="首单", opportunity_close_on=date(2026, 6, 30))
    made = cast.rows(models.Opportunity)[0]
    customer = cast.row(models.Lead, lead).customer_id
    assert (made.name, made.customer_id, made.amount, made.close_on) == ("首单", customer, Decimal(5000), date(2026, 6, 30))
    assert (made.owner_id, stage_of(cast, made.id)) == (cast.people["rep"], "初步接洽")
    with cast.act("rep") as session:
        operations.undo(session, spec_named("lead"), outcome.batch_id or 0, acting_user=session.info["principal"], now=NOW)
    assert cast.row(models.Opportunity, made.id).deleted_at == NOW
    assert cast.row(models.Lead, lead).state == "following"


def test_a_conversion_whose_deal_went_on_is_not_taken_back(cast: Cast) -> None:
    outcome = do(cast, "rep", "lead:convert", [cast.lead(owner="rep", state="following")], opportunity="首单")
    do(cast, "rep", "opportunity:won", [cast.rows(models.Opportunity)[0].id])
    with cast.act("rep") as session, pytest.raises(Changed):
        operations.undo(session, spec_named("lead"), outcome.batch_id or 0, acting_user=session.info["principal"], now=NOW)


def test_a_contact_is_not_logged_with_a_converted_lead(cast: Cast) -> None:
    lead = cast.lead(owner="rep", state="converted")
    with pytest.raises(Refused) as refused:
        make(cast, "rep", "follow_up", lead_id=lead, kind="call", contacted_at=NOW, content="还记在线索上")
    assert refused.value.rule == "converted"


def test_values_of_fields_that_both_have_move_with_the_lead(cast: Cast) -> None:
    for entity, key, kind in (
        ("lead", "line", "text"),
        ("customer", "line", "text"),
        ("lead", "floor", "text"),
        ("customer", "floor", "integer"),
    ):
        cast.add(models.CustomField, entity=entity, key=key, kind=kind, label_zh="线", label_en="Line", state="active", mask="none")
    with cast.act("system") as session:
        touch_access(session)
    lead = cast.lead(owner="rep", state="following", extra={"x_line": "一号线", "x_floor": "低"})
    do(cast, "rep", "lead:convert", [lead])
    assert cast.row(models.Customer, cast.row(models.Lead, lead).customer_id).extra == {"x_line": "一号线"}
