"""Fields added at run time in what a report quotes: listed, filled in, and seen in full by every role that may read it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import update

from portal import models
from portal.domain.report_draft import draft
from portal.engine.tables import RoleScope
from portal.security.resolve import touch_access
from tests.cast import Cast
from tests.domain.test_report_figures import DAY, MONTH, drafted, follow_up


def field(cast: Cast, key: str = "rival", entity: str = "lead", **more: Any) -> None:
    words = {"label_zh": "竞品", "label_en": "Rival"}
    given = {"kind": "text", "state": "active", "mask": "none", "is_listed": True, **words, **more}
    cast.add(models.CustomField, entity=entity, key=key, **given)
    with cast.act("system") as session:
        touch_access(session)


def notes(cast: Cast, period: Any = DAY) -> list[tuple[str, str]]:
    found = [line.note for line in drafted(cast, period=period).done]
    return [(note.in_("zh"), note.in_("en")) if note else ("", "") for note in found]


def test_a_day_quotes_the_listed_fields_of_whom_one_talked_to(cast: Cast) -> None:
    field(cast)
    field(cast, "budget", kind="money", label_zh="预算", label_en="Budget")
    field(cast, "quiet", is_listed=False, label_zh="不列出", label_en="Quiet")
    extra = {"x_rival": "甲 | 公司\n二部", "x_budget": "5000.00", "x_quiet": "没有列出"}
    follow_up(cast, lead_id=cast.lead(owner="rep", extra=extra))
    follow_up(cast, lead_id=cast.lead(owner="rep"), kind="visit")
    assert notes(cast) == [
        ("电话 · 竞品：甲 | 公司 二部 · 预算：¥5,000", "Call · Rival: 甲 | 公司 二部 · Budget: ¥5,000"),
        ("拜访", "Visit"),
    ]


def test_a_month_quotes_them_once_for_each_customer_and_each_deal(cast: Cast) -> None:
    field(cast, entity="customer")
    field(cast, entity="opportunity", label_zh="打法", label_en="Play")
    customer = cast.customer(owner="rep", extra={"x_rival": "乙公司"})
    for _ in range(2):
        follow_up(cast, customer_id=customer)
    deal = {"pipeline_id": None, "stage_id": None, "probability": 100, "state": "won", "closed_on": date(2026, 5, 12), "version": 1}
    whose = {"owner_id": cast.people["rep"], "team_id": cast.teams["a"]}
    cast.add(models.Opportunity, name="十台", extra={"x_rival": "先试用"}, **deal, **whose)
    assert notes(cast, MONTH) == [("打法：先试用", "Play: 先试用"), ("竞品：乙公司", "Rival: 乙公司")]


@pytest.mark.parametrize(
    "kept_from_some",
    [{"seen_by": "director,leader,rep"}, {"mask": "pool"}, {"kind": "reference", "target": "customer"}],
    ids=["roles", "mask", "reference"],
)
def test_what_not_everybody_sees_is_not_quoted(cast: Cast, kept_from_some: dict[str, str]) -> None:
    field(cast, **kept_from_some)
    value: Any = cast.customer(owner="rep") if "target" in kept_from_some else "暗牌"
    follow_up(cast, lead_id=cast.lead(owner="rep", extra={"x_rival": value}))
    assert notes(cast) == [("电话", "Call")]


@pytest.mark.parametrize(("level", "quoted"), [("none", False), ("masked", False), ("read", True)])
def test_nor_is_what_an_admin_hides_from_some_role(cast: Cast, level: str, quoted: bool) -> None:
    field(cast)
    follow_up(cast, lead_id=cast.lead(owner="rep", extra={"x_rival": "暗牌"}))
    with cast.act("system") as session:
        session.connection().execute(update(RoleScope).where(RoleScope.entity == "lead").values(fields={"x_rival": level}))
        touch_access(session)
    with cast.act("rep"):
        line = draft(cast.people["rep"], DAY).done[0]
    assert ("暗牌" in str(line.note.in_("zh") if line.note else "")) is quoted
