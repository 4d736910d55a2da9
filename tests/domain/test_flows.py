"""Flows as an administrator keeps them: versions taken up and off, conditions that cannot be read, who could ask."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask_appbuilder.security.sqla.models import Role, assoc_user_role
from sqlalchemy import insert

from portal import models
from portal.domain import flow_desk, flow_versions, leaves
from portal.domain.approval_flows import flow_for
from portal.engine import custom
from portal.engine.errors import BadRequest, NotAllowed, NotFound, PortalError, Refused
from portal.engine.spec import spec_named
from portal.engine.verbs import Verb, verb_named
from portal.security.resolve import touch_access
from tests.cast import NOW, Cast
from tests.domain.test_approvals import ONE_DAY, ask, decide, do, waiting
from tests.domain.test_flow_trial import tried

LEGAL = {"label": "法务 | Legal", "mode": "any", "who": [{"by": "role", "role": "legal"}]}
FINANCE = {"label": "财务 | Finance", "mode": "any", "who": [{"by": "role", "role": "finance"}]}


def publish(cast: Cast, entity: str, verb: str, *steps: dict[str, Any]) -> int:
    with cast.act("admin"):
        return flow_desk.publish(entity, verb, steps, acting_user=cast.principal("admin"), now=NOW)


def switch(cast: Cast, how: Any, entity: str, verb: str, *number: int, login: str = "admin") -> int:
    with cast.act(login):
        return int(how(entity, verb, *number, acting_user=cast.principal(login), now=NOW))


def declared(entity: str, name: str) -> Verb:
    found = verb_named(entity, name)
    assert found is not None
    return found


def invalidated(cast: Cast) -> int:
    """A lead that its rep has asked to give up, or given up where nobody decides."""
    lead = cast.lead(owner="rep")
    assert do(cast, "rep", "lead:invalidate", lead, reason="空号").done == [lead]
    return lead


# versions -------------------------------------------------------------------------------------------


def test_an_approval_that_nobody_needs_any_more_is_switched_off_and_what_is_under_way_ends_as_it_began(cast: Cast) -> None:
    publish(cast, "lead", "invalidate", LEGAL)
    asked = invalidated(cast)
    assert switch(cast, flow_versions.switch_off, "lead", "invalidate") == 2
    assert cast.row(models.Lead, invalidated(cast)).state == "invalid", "done at once"
    assert cast.row(models.Lead, asked).state == "assigned"
    decide(cast, "legal")
    assert cast.row(models.Lead, asked).state == "invalid"


def test_what_was_shipped_with_a_flow_keeps_one(cast: Cast) -> None:
    publish(cast, "leave", "submit", FINANCE)
    with pytest.raises(Refused) as refused:
        switch(cast, flow_versions.switch_off, "leave", "submit")
    assert refused.value.rule == "shipped"


def test_the_shipped_flow_comes_back_as_a_version_of_its_own(cast: Cast) -> None:
    publish(cast, "leave", "submit", FINANCE)
    assert switch(cast, flow_versions.back_to_shipped, "leave", "submit") == 2
    with cast.act("admin"):
        flow = flow_for(declared("leave", "submit"))
    assert flow is not None
    assert (flow.number, flow.shipped, tuple(flow.steps)) == (2, True, leaves.STEPS)
    ask(cast, "rep")
    assert set(waiting(cast)) == {"leader_a"}
    with pytest.raises(Refused) as refused:
        switch(cast, flow_versions.back_to_shipped, "leave", "submit")
    assert refused.value.rule == "in_use"
    with pytest.raises(Refused) as refused:
        switch(cast, flow_versions.back_to_shipped, "lead", "invalidate")
    assert refused.value.rule == "no_shipped"


def test_an_earlier_version_is_taken_up_again_as_a_new_one(cast: Cast) -> None:
    publish(cast, "lead", "invalidate", LEGAL)
    publish(cast, "lead", "invalidate", FINANCE)
    assert switch(cast, flow_versions.take_up, "lead", "invalidate", 1) == 3
    invalidated(cast)
    assert set(waiting(cast)) == {"legal"}
    with cast.act("admin"):
        told = [(v.number, v.live, v.by, list(v.steps)) for v in flow_versions.versions(declared("lead", "invalidate"))]
    assert told == [(3, True, "管理员", [LEGAL["label"]]), (2, False, "管理员", [FINANCE["label"]]), (1, False, "管理员", [LEGAL["label"]])]


def test_a_version_in_use_or_that_never_was_is_not_taken_up(cast: Cast) -> None:
    publish(cast, "lead", "invalidate", LEGAL)
    with pytest.raises(Refused):
        switch(cast, flow_versions.take_up, "lead", "invalidate", 1)
    with pytest.raises(NotFound):
        switch(cast, flow_versions.take_up, "lead", "invalidate", 7)


def test_a_version_that_names_who_has_left_is_not_taken_up(cast: Cast) -> None:
    publish(cast, "lead", "invalidate", {**LEGAL, "who": [{"by": "person", "id": cast.people["legal"]}]})
    publish(cast, "lead", "invalidate", FINANCE)
    cast.set(models.User, cast.people["legal"], active=False)
    with pytest.raises(Refused) as refused:
        switch(cast, flow_versions.take_up, "lead", "invalidate", 1)
    assert refused.value.rule == "nobody"


def test_every_change_of_versions_stands_in_the_history(cast: Cast) -> None:
    publish(cast, "lead", "invalidate", LEGAL)
    switch(cast, flow_versions.switch_off, "lead", "invalidate")
    table = models.AuditEvent.__table__
    lines = cast.rows(models.AuditEvent, table.c.entity == "approval_flow")
    assert [(line.verb, line.after.get("number"), line.after.get("active")) for line in lines] == [
        ("create", 1, True),
        ("edit", None, False),
        ("create", 2, True),
    ]
    assert {line.actor_id for line in lines} == {cast.people["admin"]}


def test_nobody_else_switches_flows(cast: Cast) -> None:
    publish(cast, "lead", "invalidate", LEGAL)
    publish(cast, "leave", "submit", FINANCE)
    for how, entity, verb in ((flow_versions.switch_off, "lead", "invalidate"), (flow_versions.back_to_shipped, "leave", "submit")):
        with pytest.raises(NotAllowed):
            switch(cast, how, entity, verb, login="director")


# conditions that cannot be read ---------------------------------------------------------------------


@pytest.fixture
def vanished(cast: Cast) -> Iterator[None]:
    """A live flow on a choice of a custom field; then the choice goes by a way nobody thought of."""
    words = {"label_zh": "机型", "label_en": "Machine", "mask": "none", "rank": 10}
    field = cast.add(
        models.CustomField, entity="lead", key="machine", kind="choice", state="active", options="cnc = 数控 | CNC\nold = 旧 | Old", **words
    )
    publish(cast, "lead", "invalidate", LEGAL, {**FINANCE, "when": [[custom.PREFIX + "machine", "eq", "old"]]})
    cast.set(models.CustomField, field, options="cnc = 数控 | CNC")
    with cast.act("system") as session:
        touch_access(session)
    yield
    cast.set(models.CustomField, field, deleted_at=NOW)
    with cast.act("system") as session:
        touch_access(session)


@pytest.mark.usefixtures("vanished")
def test_a_condition_that_cannot_be_read_asks_for_the_step_and_tells_the_administrators_once(cast: Cast) -> None:
    lead = invalidated(cast)
    decide(cast, "legal")
    assert (set(waiting(cast)), cast.row(models.Lead, lead).state) == ({"finance"}, "assigned"), "the step is not skipped"
    invalidated(cast)
    notices = models.Notification.__table__
    told = cast.rows(models.Notification, notices.c.kind == "approval.unread")
    assert [(row.recipient_id, row.href) for row in told] == [(cast.people["admin"], "/flows/lead/invalidate")]
    assert "第 2 步" in told[0].title["zh"] and "step 2" in told[0].title["en"]


@pytest.mark.usefixtures("vanished")
def test_a_dry_run_says_which_condition_cannot_be_read_and_a_publication_is_refused(cast: Cast) -> None:
    lead = cast.lead(owner="rep")
    with cast.act("admin"):
        flow = flow_for(declared("lead", "invalidate"))
        assert flow is not None
        unread = flow_desk.unread(spec_named("lead"), flow.steps, now=NOW)
    trial = tried(cast, flow.steps, lead, "lead:invalidate")
    assert trial.stops == () and trial.problem is not None
    assert [number for number, _ in unread] == [2]
    with pytest.raises(BadRequest, match="step 2"):
        publish(cast, "lead", "invalidate", *flow.steps)
    assert cast.rows(models.Notification) == []


def test_a_policy_that_is_no_more_stops_nobody(cast: Cast) -> None:
    steps = [{**LEGAL, "when": [["days", "ge", "policy:leave.gone"]]}]
    cast.add(models.ApprovalFlow, title="t", entity="leave", verb="submit", number=1, active=True, definition={"steps": steps}, version=1)
    with cast.act("system") as session:
        touch_access(session)
    ask(cast, "rep")
    assert set(waiting(cast)) == {"legal"}


# what a draft may say -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "steps",
    [
        "x",
        "{}",
        "[1]",
        '[{"label": "x | x", "mode": "any", "who": ["x"]}]',
        '[{"label": "x | x", "mode": "any", "who": "x"}]',
        '[{"label": "x | x", "mode": "any", "who": [{"by": "superior", "level": "1"}]}]',
        '[{"label": "x | x", "mode": "any", "who": [{"by": "nobody"}]}]',
        '[{"label": "x | x", "mode": "most", "who": []}]',
        '[{"label": 1, "mode": "any", "who": []}]',
        '[{"label": "x | x", "mode": "any", "who": [], "when": "x"}]',
        '[{"label": "x | x", "mode": "any", "who": [], "when": [["amount"]]}]',
        '[{"label": "x | x", "mode": "any", "who": [], "when": [["amount", "ge", {"a": 1}]]}]',
        '[{"label": "x | x", "mode": "any", "who": [], "when": [[1, "ge", "3"]]}]',
    ],
)
def test_a_draft_of_another_shape_is_refused_in_words(steps: str) -> None:
    with pytest.raises(BadRequest):
        flow_desk.steps_from(steps)


@pytest.mark.parametrize("who", [{"by": "person", "id": 987_654}, {"by": "role", "role": "nope"}, {"by": "superior", "level": 9}])
def test_who_is_not_there_decides_nothing(cast: Cast, who: dict[str, Any]) -> None:
    with pytest.raises(PortalError) as refused:
        publish(cast, "lead", "invalidate", {**LEGAL, "who": [who]})
    assert refused.value.rule == "nobody"


def test_a_role_made_at_run_time_decides_like_the_shipped_ones(cast: Cast) -> None:
    with cast.act("system") as session:
        connection = session.connection()
        made = connection.execute(insert(Role.__table__).values(name="quality").returning(Role.__table__.c.id)).scalar_one()
        connection.execute(insert(assoc_user_role).values(user_id=cast.people["service"], role_id=made))
        touch_access(session)
    with cast.act("admin"):
        assert "role:quality" in dict(flow_desk.somebody())
    publish(cast, "lead", "invalidate", {**LEGAL, "who": [{"by": "role", "role": "quality"}]})
    invalidated(cast)
    assert set(waiting(cast)) == {"service"}


# who could ask --------------------------------------------------------------------------------------


def test_a_dry_run_is_asked_by_who_holds_the_verb_and_reaches_the_record(cast: Cast) -> None:
    """Classes are given by leaders: what the rep owns is asked for by his leader, and decided above him."""
    superior = [{"label": "上级 | Superior", "mode": "any", "who": [{"by": "superior", "level": 1}]}]
    customer = cast.customer(owner="rep")
    with cast.act("admin"):
        may_ask = dict(flow_desk.askers(declared("customer", "reclassify"), customer, now=NOW))
    first, other = (tried(cast, superior, customer, "customer:reclassify", asked_by=who) for who in (0, cast.people["director"]))
    assert next(iter(may_ask)) == cast.people["leader_a"]
    assert cast.people["rep"] not in may_ask and cast.people["leader_b"] not in may_ask
    assert (first.asked_by, [each.user_id for each in first.stops[0].people]) == (cast.people["leader_a"], [cast.people["director"]])
    assert (other.asked_by, [each.user_id for each in other.stops[0].people]) == (cast.people["director"], [cast.people["admin"]])


def test_the_owner_asks_where_he_may(cast: Cast) -> None:
    leave = cast.add(
        models.Leave, kind="annual", first_on=ONE_DAY[0], last_on=ONE_DAY[1], days=1, state="draft", owner_id=cast.people["rep"]
    )
    with cast.act("admin"):
        assert flow_desk.askers(declared("leave", "submit"), leave, now=NOW) == [(cast.people["rep"], "业务员甲")]
