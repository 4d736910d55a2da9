"""A dry run of a flow: what it says of a record is what the engine then does, and what is odd about it is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from portal import models
from portal.domain import flow_desk, flow_rules, flow_trial, leaves
from portal.domain.flow_trial import Stop, Trial
from portal.engine.errors import Refused
from portal.engine.fields import View
from portal.engine.spec import spec_named
from portal.engine.verbs import verb_named
from portal.security.fields import Rights
from tests.cast import NOW, Cast
from tests.domain.test_approvals import ONE_DAY, THREE_DAYS, ask, publish, told, waiting
from tests.domain.test_contracts import contract

SUPERIOR = {"by": "superior", "level": 1}


def draft(cast: Cast, login: str = "rep", days: int = 3) -> int:
    first, last = THREE_DAYS if days > 1 else ONE_DAY
    return cast.add(models.Leave, kind="annual", first_on=first, last_on=last, days=days, state="draft", owner_id=cast.people[login])


def step(*who: dict[str, Any], mode: str = "any", when: Any = ()) -> dict[str, Any]:
    return {"label": "一步 | A step", "mode": mode, "who": list(who), **({"when": when} if when else {})}


def person(cast: Cast, login: str) -> dict[str, Any]:
    return {"by": "person", "id": cast.people[login]}


def role(name: str) -> dict[str, Any]:
    return {"by": "role", "role": name}


def tried(cast: Cast, steps: Any, record: int, name: str = "leave:submit", *, reader: Any = None, asked_by: int = 0) -> Trial:
    entity, _, verb = name.partition(":")
    declared = verb_named(entity, verb)
    assert declared is not None
    with cast.act("admin"):
        rights = Rights(reader or cast.principal("admin"))
        return flow_trial.run(declared, steps, record, now=NOW, view=View(now=NOW), rights=rights, asked_by=asked_by)


def who(cast: Cast, stop: Stop) -> list[str]:
    names = {each: login for login, each in cast.people.items()}
    return [names[each.user_id] for each in stop.people]


def said(stop: Stop, *, warn: bool | None = None) -> str:
    notes = [each.text for each in stop.notes if warn is None or each.warn is warn]
    return " ".join(text.in_("zh") for text in (*(each.text for each in stop.reasons), *notes))


def test_it_says_why_each_step_is_gone_through_or_skipped_and_tells_nobody(cast: Cast) -> None:
    long, short = (tried(cast, leaves.STEPS, draft(cast, days=days)) for days in (3, 1))
    assert [who(cast, stop) for stop in long.stops] == [["leader_a"], ["director"]]
    assert said(long.stops[1]) == "工作日数：3，满足“工作日数 ≥ 3”"
    assert [stop.applies for stop in short.stops] == [True, False]
    assert said(short.stops[1]) == "工作日数：1，不满足“工作日数 ≥ 3”"
    assert short.stops[1].reasons[0].text.in_("en") == "Working days: 1, does not meet “Working days ≥ 3”"
    assert long.asked_by == cast.people["rep"]
    assert [(label, value.in_("zh")) for label, value in long.facts] == [("工作日数 | Working days", "3")]
    assert (cast.rows(models.ApprovalTask), told(cast, "leader_a")) == ([], [])


@pytest.mark.parametrize(
    ("login", "steps"),
    [
        ("rep", [[SUPERIOR]]),
        ("leader_a", [[SUPERIOR]]),
        ("leader_a", [["leader_a"]]),
        ("rep", [["legal", "finance"]]),
        ("rep", [["service"], ["warehouse"]]),
        ("director", [["director"]]),
    ],
)
def test_whom_it_names_first_the_engine_asks_first(cast: Cast, login: str, steps: list[list[Any]]) -> None:
    made = [step(*(person(cast, each) if isinstance(each, str) else each for each in one), mode="all") for one in steps]
    trial = tried(cast, made, draft(cast, login))
    publish(cast, made, "leave", "submit")
    ask(cast, login)
    assert set(who(cast, trial.stops[0])) == set(waiting(cast))


def test_nobody_decides_his_own_and_where_nobody_is_found_an_administrator_does(cast: Cast) -> None:
    record = draft(cast, "leader_a")
    own = tried(cast, [step(person(cast, "leader_a"))], record).stops[0]
    assert who(cast, own) == ["director"] and said(own, warn=False) == "组长甲不审自己的，转给上级总监"
    cast.set(models.User, cast.people["leader_a"], active=False)
    gone = tried(cast, [step(person(cast, "leader_a"))], draft(cast)).stops[0]
    assert who(cast, gone) == ["admin"] and said(gone, warn=True) == "今天没有人能审，转给管理员管理员"
    for login in ("admin", "director"):
        cast.set(models.User, cast.people[login], active=False)
    trial = tried(cast, [step(person(cast, "leader_a"))], draft(cast))
    assert trial.stops == () and trial.problem is not None


def test_deputies_are_told_and_of_several_only_one_left_is_a_warning(cast: Cast) -> None:
    cast.add(
        models.Delegation,
        owner_id=cast.people["legal"],
        deputy_id=cast.people["finance"],
        version=1,
        first_on=date(2026, 5, 12),
        last_on=date(2026, 5, 12),
    )
    both = tried(cast, [step(person(cast, "legal"), person(cast, "finance"), mode="all")], draft(cast)).stops[0]
    assert who(cast, both) == ["finance"] and both.people[0].for_id == cast.people["legal"]
    assert said(both, warn=False) == "法务今天由财务代理"
    assert said(both, warn=True) == "财务一个人要同意两次：几个人的决定只剩他"
    alone = tried(cast, [step(role("legal"), mode="all")], draft(cast)).stops[0]
    assert said(alone, warn=True) == "要几个人都同意，今天只有财务一个人"
    publish(cast, [step(person(cast, "legal"), person(cast, "finance"), mode="all")], "leave", "submit")
    ask(cast, "rep")
    assert set(waiting(cast)) == {"finance"}


def test_who_agreed_before_is_not_asked_again(cast: Cast) -> None:
    steps = [step(SUPERIOR), step(SUPERIOR, role("director")), step(person(cast, "leader_a"), role("legal"), mode="all")]
    first, second, third = tried(cast, steps, draft(cast)).stops
    assert [who(cast, stop) for stop in (first, second, third)] == [["leader_a"], [], ["legal"]]
    assert said(second, warn=True) == "组长甲要同意两次：前面同意了，这一步就自动通过"
    assert said(third, warn=False) == "组长甲在前面已经同意，不再问"


def test_what_no_flow_leaves_out_comes_at_the_end(cast: Cast) -> None:
    steps = [step(role("legal"))]
    short, long = (tried(cast, steps, contract(cast, credit_days=days), "contract:submit").stops for days in (30, 90))
    assert [stop.always for stop in short] == [False]
    assert [(stop.always, who(cast, stop)) for stop in long] == [(False, ["legal"]), (True, ["finance"])]
    assert said(long[1]) == "账期（天）：90，满足“账期（天） ≥ 60”"


def test_values_that_the_reader_does_not_see_stay_untold(cast: Cast) -> None:
    admin = cast.principal("admin")
    blind = replace(admin, key="blind", levels={"leave": {"days": "none"}})
    stop = tried(cast, leaves.STEPS, draft(cast), reader=blind).stops[1]
    assert said(stop) == "工作日数：（看不到），满足“工作日数 ≥ 3”"


# conditions in words ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "zh", "en"),
    [
        (["days", "ge", "policy:leave.director_from_days"], "工作日数 ≥ 3", "Working days ≥ 3"),
        (["kind", "in", ["annual", "sick"]], "类型 是其中之一 年假、病假", "Kind is one of Annual leave, Sick leave"),
        (["first_on", "ge", "2026-05-01"], "开始日期 不早于 2026-05-01", "First day on or after 2026-05-01"),
        (["reason", "empty", ""], "事由 没有填", "Reason is empty"),
        (["days", "ge", "viele"], "工作日数 ≥ viele", "Working days ≥ viele"),
        (["gone", "ge", "1"], "gone ge 1", "gone ge 1"),
    ],
)
def test_a_condition_is_read_out_by_label_words_and_the_figure_in_force(cast: Cast, condition: Any, zh: str, en: str) -> None:
    with cast.act("admin"):
        text = flow_rules.told(spec_named("leave"), condition, NOW, View(now=NOW))
    assert (text.in_("zh"), text.in_("en")) == (zh, en)


def test_figures_of_policies_are_offered_where_they_count_the_same(cast: Cast) -> None:
    with cast.act("admin"):
        days = dict(flow_rules.figures(spec_named("contract").field("credit_days"), NOW))
        money = dict(flow_rules.figures(spec_named("contract").field("amount"), NOW))
        assert dict(flow_rules.figures(spec_named("contract").field("title"), NOW)) == {}
    assert days["policy:contract.finance_credit_days"].in_("zh").startswith("必经财务的账期（现在 60 天")
    assert set(money) == {"policy:contract.finance_from_amount"} and "policy:contract.finance_from_amount" not in days


def test_a_flow_that_somebody_else_put_in_use_meanwhile_is_not_overwritten_unseen(cast: Cast) -> None:
    def put(started: int | None) -> int:
        with cast.act("admin"):
            return flow_desk.publish("leave", "submit", [step(SUPERIOR)], acting_user=cast.principal("admin"), now=NOW, started=started)

    assert (put(0), put(1)) == (1, 2)
    with pytest.raises(Refused) as refused:
        put(1)
    assert refused.value.rule == "changed" and "第 2 版" in refused.value.in_("zh")
