"""What a report counts of one's own work: whatever became of the record, and each figure with the list that holds it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from portal import models
from portal.domain.periods import PeriodKind, period_of
from portal.domain.report_draft import Draft, draft, figures_of, frozen
from portal.domain.report_figures import Figure
from portal.domain.weekly_figures import week_of
from tests.cast import NOW, Cast
from tests.domain import test_approvals as verbs
from tests.domain.test_customers import converted, worked
from tests.domain.test_report_rollup import sent
from tests.domain.test_reports import do, opened, report_of
from tests.domain.test_weekly_figures import LAST, WEEK
from tests.matrix.world import contract_of, receipt_of

DAY = period_of(PeriodKind.DAY, date(2026, 5, 12))
MONTH = period_of(PeriodKind.MONTH, date(2026, 5, 12))


def drafted(cast: Cast, login: str = "rep", period: Any = DAY) -> Draft:
    with cast.act(login):
        return draft(cast.people[login], period)


def figures(cast: Cast, login: str = "rep", period: Any = DAY) -> dict[str, Figure]:
    return {figure.key: figure for figure in drafted(cast, login, period).figures}


def follow_up(cast: Cast, login: str = "rep", *, kind: str = "call", at: datetime = NOW, content: str = "谈了价格", **target: int) -> int:
    words = {"content": content, "need": "", "next_step": "", "logged_late": 0}
    return cast.add(models.FollowUp, now=at, **target, **words, kind=kind, contacted_at=at, created_by_id=cast.people[login])


def test_ones_own_contacts_count_whatever_became_of_the_record_and_say_nothing_of_it(cast: Cast) -> None:
    mine = cast.lead(owner="rep", company="留下的公司")
    gone = [cast.lead(owner=login, company=f"别人的公司{login}") for login in ("mate", "other")]
    follow_up(cast, lead_id=mine)
    for lead in gone:
        follow_up(cast, lead_id=lead, content="说了秘密", kind="visit")
    found, made = figures(cast), drafted(cast)
    assert (found["follow_ups"].value, found["call"].value, found["visit"].value, found["unseen"].value) == (3, 1, 2, 2)
    assert found["leads_contacted"].value == 3
    said = [line.text.in_("zh") for line in made.done]
    assert said == ["留下的公司：谈了价格", "另有 2 次跟进在你不再持有的记录上"]
    assert made.done[-1].text.in_("en") == "2 more on records you no longer hold"
    assert "秘密" not in str(said) and "别人" not in str(said)


def test_a_frozen_report_keeps_the_contact_of_a_lead_that_was_released_and_taken(cast: Cast) -> None:
    opened(cast)
    lead = cast.lead(owner="rep")
    follow_up(cast, lead_id=lead)
    assert verbs.do(cast, "rep", "lead:release", lead, reason="不合适").done
    assert verbs.do(cast, "other", "lead:claim", lead).done
    do(cast, "rep", "submit", report_of(cast, "rep").id)
    assert report_of(cast, "rep").figures["follow_ups"] == 1


def test_nobody_counts_what_a_colleague_did_with_records_he_cannot_see(cast: Cast) -> None:
    follow_up(cast, "other", lead_id=cast.lead(owner="other"))
    with cast.act("rep"):
        assert draft(cast.people["other"], DAY).figures[0].value == 0


def test_a_deleted_contact_is_none(cast: Cast) -> None:
    cast.set(models.FollowUp, follow_up(cast, lead_id=cast.lead(owner="other")), deleted_at=NOW)
    assert figures(cast)["follow_ups"].value == 0


def test_leads_and_customers_are_counted_apart(cast: Cast) -> None:
    follow_up(cast, lead_id=cast.lead(owner="rep"))
    customer = cast.customer(owner="rep")
    for minutes in (0, 1):
        follow_up(cast, customer_id=customer, at=NOW + timedelta(minutes=minutes))
    found = figures(cast)
    assert (found["leads_contacted"].value, found["customers_contacted"].value) == (1, 1)


def results(cast: Cast, owner: str, amount: str, day: date = DAY.first, at: datetime = NOW) -> None:
    """A deal won, a contract that took effect, money that came in."""
    deal = {"pipeline_id": None, "stage_id": None, "probability": 100, "state": "won", "closed_on": day, "version": 1}
    whose = {"owner_id": cast.people[owner], "team_id": cast.team_of(owner)}
    cast.add(models.Opportunity, name="产线改造", amount=Decimal(amount), **deal, **whose)
    made = contract_of(cast, owner, state="effective", effective_at=at, amount=Decimal(amount))
    plan = {"contract_id": made, "percent": 50, "days": 3, "state": "open", "version": 1}
    receipt_of(cast, made, cast.add(models.PaymentPlan, **plan, name="首付", amount=400, due_on=day), received_on=day)


def test_deals_contracts_and_receipts_are_results_of_day_week_and_month(cast: Cast) -> None:
    results(cast, "rep", "120000.50")
    results(cast, "mate", "7")
    results(cast, "rep", "5", DAY.first - timedelta(days=60), NOW - timedelta(days=60))
    for period in (DAY, WEEK, MONTH):
        found = figures(cast, period=period)
        assert (found["deals_won"].value, found["contracts"].value, found["receipts"].value) == (1, 1, 1), period.key
        assert (found["won_amount"].words, found["received_amount"].words) == ("¥120,000.50", "¥400.00")
    said = [line.text.in_("zh") for line in drafted(cast).done]
    assert said[:3] == ["赢单：产线改造 ¥120,000.50", "合同生效：合同 ¥120,000.50", "回款：付款方 ¥400.00"]


def test_amounts_are_frozen_exactly_and_summed_for_the_leader(cast: Cast) -> None:
    results(cast, "rep", "120000.50")
    with cast.act("rep"):
        kept = frozen(draft(cast.people["rep"], DAY), NOW)
    assert kept["won_amount"] == "120000.50"
    assert {figure.key: figure.words for figure in figures_of(kept)}["won_amount"] == "¥120,000.50"
    for login in ("rep", "mate"):
        sent(cast, login, "2026-05-12", figures=kept)
    summed = drafted(cast, "leader_a").team.figures
    assert summed is not None and (summed["won_amount"], summed["deals_won"]) == (Decimal("240001.00"), 2)


def test_what_was_claimed_is_told_by_kind(cast: Cast) -> None:
    for entity, pool in (("lead", cast.pool_id), ("customer", cast.customer_pool_id)):
        change = {"entity": entity, "at": NOW, "owner_id": cast.people["rep"], "former_pool_id": pool, "how": "claim"}
        cast.add(models.Tenure, record_id=1, **change)
    found = figures(cast)
    assert (found["claimed"].value, found["customers_claimed"].value, found["received"].value) == (1, 1, 0)


def test_a_converted_lead_counts_in_the_week_of_its_conversion_whatever_happens_to_it_later(cast: Cast) -> None:
    _, lead = converted(cast, worked(cast))
    assert lead.converted_at == NOW
    cast.set(models.Lead, lead.id, changed_at=NOW + timedelta(days=7))
    with cast.act("leader_a"):
        now, later = (week_of(week, [cast.teams["a"]]) for week in (WEEK, WEEK.next))
    assert [c.now for c in now.changes if c.label.startswith("转为客户")] == [1]
    assert [c.now for c in later.changes if c.label.startswith("转为客户")] == [0]
    assert LAST.next == WEEK
