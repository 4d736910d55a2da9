"""Assigning: whom, how many each, who is skipped, what is refused, and taking it back."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, text, update

from portal import models
from portal.domain.assignment import preview
from portal.domain.leads import LEADS
from portal.engine import operations
from portal.engine.errors import NotFound, Refused
from portal.engine.spec import spec_named
from portal.engine.verbs import Outcome, verb_named
from portal.security.perform import perform
from portal.security.principal import system_principal
from tests.cast import NOW, Cast
from tests.domain.test_claim import do, rules

DAY = timedelta(days=1)


def owners(cast: Cast, leads: list[int]) -> dict[str, int]:
    """How many of these leads each person (`pool` for nobody) has."""
    names = {user_id: login for login, user_id in cast.people.items()}
    found: dict[str, int] = {}
    for row in cast.rows(models.Lead, models.Lead.__table__.c.id.in_(leads)):
        name = names.get(row.owner_id, "pool")
        found[name] = found.get(name, 0) + 1
    return found


def take_back(cast: Cast, login: str, batch_id: int, now: datetime = NOW) -> Outcome:
    with cast.act(login, now) as session:
        done: Outcome = operations.undo(session, spec_named("lead"), batch_id, acting_user=session.info["principal"], now=now)
        return done


def away(cast: Cast, login: str, first: datetime, last: datetime) -> None:
    cast.add(
        models.Leave,
        kind="annual",
        state="approved",
        owner_id=cast.people[login],
        team_id=cast.team_of(login),
        first_on=first.date(),
        last_on=last.date(),
    )


def test_a_leader_deals_out_to_the_reps_of_his_group_only(cast: Cast) -> None:
    leads = cast.leads(7)
    outcome = do(cast, "leader_a", "assign", leads)
    assert len(outcome.done) == 7 and outcome.batch_id
    assert owners(cast, leads) == {"rep": 4, "mate": 3}
    [batch] = cast.rows(models.AssignBatch)
    assert (batch.done, batch.refused, batch.method) == (7, 0, "round_robin")
    assert {t.batch_id for t in cast.rows(models.Tenure)} == {batch.id}
    assert sorted(n.recipient_id for n in cast.rows(models.Notification)) == sorted([cast.people["rep"], cast.people["mate"]])


def test_the_leftover_goes_to_who_holds_least(cast: Cast) -> None:
    cast.lead(owner="rep")
    leads = cast.leads(3)
    do(cast, "leader_a", "assign", leads)
    assert owners(cast, leads) == {"mate": 2, "rep": 1}


def test_the_director_deals_out_to_a_team_or_to_all(cast: Cast) -> None:
    leads = cast.leads(6)
    do(cast, "director", "assign", leads[:3])
    assert owners(cast, leads[:3]) == {"rep": 1, "mate": 1, "other": 1}
    do(cast, "director", "assign", leads[3:], team_id=cast.teams["b"])
    assert owners(cast, leads[3:]) == {"other": 3}


def test_to_one_person(cast: Cast) -> None:
    leads = cast.leads(3)
    assert do(cast, "leader_a", "assign", leads, to_id=cast.people["mate"]).done == leads
    assert rules(do(cast, "leader_a", "assign", leads[:1], to_id=cast.people["mate"])) == ["same_owner"]


@pytest.mark.parametrize(("who", "rule"), [("other", "out_of_reach"), ("legal", "out_of_reach"), ("nobody", "out_of_reach")])
def test_nobody_outside_the_reach_gets_anything(cast: Cast, who: str, rule: str) -> None:
    with pytest.raises(Refused) as refused:
        do(cast, "leader_a", "assign", [cast.lead()], to_id=cast.people[who])
    assert refused.value.rule == rule


def test_even_the_director_cannot_give_a_lead_to_the_legal_desk(cast: Cast) -> None:
    with pytest.raises(Refused):
        do(cast, "director", "assign", [cast.lead()], to_id=cast.people["legal"])


def test_a_hidden_lead_is_refused_like_a_missing_one(cast: Cast) -> None:
    hidden = cast.lead(owner="other")
    outcome = do(cast, "leader_a", "assign", [hidden, 99999, cast.lead()])
    assert len(outcome.done) == 1
    assert len({error.in_("zh") for _, error in outcome.refused}) == 1
    assert all(isinstance(error, NotFound) for _, error in outcome.refused)


def test_a_rep_may_not_assign(cast: Cast) -> None:
    with pytest.raises(Exception, match="permission"):
        do(cast, "rep", "assign", [cast.lead()], to_id=cast.people["rep"])


def test_people_on_leave_are_skipped_on_the_companys_day(cast: Cast) -> None:
    away(cast, "mate", NOW, NOW)
    leads = cast.leads(2)
    do(cast, "leader_a", "assign", leads)
    assert owners(cast, leads) == {"rep": 2}
    evening = datetime(2026, 5, 12, 15, 59, tzinfo=UTC)  # 23:59 in Shanghai
    with pytest.raises(Refused) as refused:
        do(cast, "leader_a", "assign", cast.leads(1), evening, to_id=cast.people["mate"])
    assert refused.value.rule == "on_leave"
    assert do(cast, "leader_a", "assign", cast.leads(1), evening + timedelta(minutes=1), to_id=cast.people["mate"]).done


def test_inactive_people_are_skipped(cast: Cast) -> None:
    cast.set(models.User, cast.people["mate"], active=False)
    leads = cast.leads(2)
    do(cast, "leader_a", "assign", leads)
    assert owners(cast, leads) == {"rep": 2}


def test_nobody_goes_above_the_cap(cast: Cast) -> None:
    cast.set(models.Pool, cast.pool_id, holding_cap=2)
    cast.lead(owner="rep")
    leads = cast.leads(5)
    outcome = do(cast, "leader_a", "assign", leads)
    assert owners(cast, leads) == {"rep": 1, "mate": 2, "pool": 2}
    assert rules(outcome) == ["holding_cap", "holding_cap"]


def test_the_preview_tells_what_the_run_then_does(cast: Cast) -> None:
    away(cast, "other", NOW, NOW)
    leads = [*cast.leads(5), cast.lead(owner="rep", state="converted")]
    with cast.act("director") as session:
        shown = preview(LEADS, leads, acting_user=session.info["principal"], now=NOW)
    assert [(row[0], row[1]) for row in shown.rows] == [("业务员甲", "3"), ("同组乙", "2")]
    assert [who for who, _ in shown.skipped] == ["外组丙"]
    assert [count for _, count in shown.refused] == [1]
    assert not cast.rows(models.Tenure)
    do(cast, "director", "assign", leads)
    assert owners(cast, leads[:5]) == {"rep": 3, "mate": 2}


def test_a_preview_of_an_impossible_choice_says_so(cast: Cast) -> None:
    with cast.act("leader_a") as session:
        shown = preview(LEADS, cast.leads(2), acting_user=session.info["principal"], now=NOW, to_id=cast.people["other"])
    assert [count for _, count in shown.refused] == [2]
    assert not shown.rows


def test_stage_and_contact_stay_when_a_lead_changes_hands(cast: Cast) -> None:
    lead = cast.lead(owner="rep", state="following", contacted_at=NOW - DAY)
    do(cast, "leader_a", "assign", [lead], to_id=cast.people["mate"])
    row = cast.row(models.Lead, lead)
    assert (row.state, row.contacted_at, row.owned_at) == ("following", NOW - DAY, NOW)


def test_undo_restores_what_was_not_touched_since(cast: Cast) -> None:
    pooled = cast.leads(3)
    owned = cast.lead(owner="other", state="following", now=NOW - 3 * DAY)
    batch = do(cast, "director", "assign", [*pooled, owned], to_id=cast.people["rep"]).batch_id
    assert batch is not None
    cast.set(models.Lead, pooled[0], note="rep wrote something", version=3)
    outcome = take_back(cast, "director", batch, NOW + DAY)
    assert sorted(outcome.done) == sorted([*pooled[1:], owned])
    assert [lead for lead, _ in outcome.refused] == pooled[:1]
    row = cast.row(models.Lead, owned)
    assert (row.owner_id, row.state, row.owned_at, row.team_id) == (cast.people["other"], "following", NOW - 3 * DAY, cast.teams["b"])
    back = cast.row(models.Lead, pooled[1])
    assert (back.pool_id, back.state, back.pooled_at) == (cast.pool_id, "pool", NOW)
    with pytest.raises(Refused):
        take_back(cast, "director", batch)


def test_only_who_made_a_batch_takes_it_back(cast: Cast) -> None:
    batch = do(cast, "leader_a", "assign", cast.leads(2)).batch_id
    assert batch is not None
    with pytest.raises(NotFound):
        take_back(cast, "leader_b", batch)


def test_two_managers_deal_out_the_same_leads_at_once(cast: Cast) -> None:
    leads = cast.leads(400)
    cast.set(models.Pool, cast.pool_id, holding_cap=120)
    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(lambda login: do(cast, login, "assign", leads), ["director", "leader_a"])
    assert not set(first.done) & set(second.done)
    held = owners(cast, leads)
    assert all(count <= 120 for name, count in held.items() if name != "pool")
    assert len(cast.rows(models.Tenure)) == len(first.done) + len(second.done)


def test_a_row_under_another_hand_is_refused_and_not_waited_for(cast: Cast) -> None:
    busy, free = cast.leads(2)
    with cast.session_factory() as holder:
        holder.info["principal"] = system_principal("test")
        holder.connection().execute(text("SELECT 1 FROM lead WHERE id = :id FOR UPDATE"), {"id": busy})
        outcome = do(cast, "leader_a", "assign", [busy, free])
    assert outcome.done == [free]
    assert rules(outcome) == ["changed"]


def test_chunks_of_one_job_are_one_batch(cast: Cast) -> None:
    leads = cast.leads(4)
    batch = do(cast, "leader_a", "assign", leads[:2]).batch_id
    with cast.act("leader_a") as session:
        session.info["batch_id"] = batch
        verb: Any = verb_named("lead", "assign")
        assert perform(session, verb, leads[2:], acting_user=session.info["principal"], now=NOW).batch_id == batch
    assert owners(cast, leads) == {"rep": 2, "mate": 2}
    assert len(take_back(cast, "leader_a", batch or 0).done) == 4


def test_thousands_cost_little_more_than_the_bare_update(cast: Cast) -> None:
    """Against one UPDATE with its history: the limit is wide here, bench/ measures it."""
    cast.set(models.Pool, cast.pool_id, holding_cap=100_000)
    leads = cast.leads(3_000)
    began = time.perf_counter()
    outcome = do(cast, "director", "assign", leads)
    ours = time.perf_counter() - began
    assert len(outcome.done) == 3_000
    lead, tenure = models.Lead.__table__, models.Tenure.__table__
    bare_leads = cast.leads(3_000)
    with cast.session_factory() as session:
        session.info["principal"] = system_principal("test")
        connection = session.connection()
        began = time.perf_counter()
        connection.execute(
            insert(tenure).from_select(
                ["entity", "record_id", "at", "how"],
                text(f"SELECT 'lead', id, now(), 'bare' FROM lead WHERE id BETWEEN {bare_leads[0]} AND {bare_leads[-1]}").columns(),
            )
        )
        connection.execute(
            update(lead)
            .where(lead.c.id.between(bare_leads[0], bare_leads[-1]))
            .values(owner_id=cast.people["rep"], pool_id=None, team_id=cast.teams["a"], state="assigned", version=2, owned_at=NOW)
        )
        session.commit()
        bare = time.perf_counter() - began
    assert ours < 4 * bare + 1, f"assign 3,000: {ours:.2f} s, bare {bare:.2f} s"
