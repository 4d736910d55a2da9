"""The quarter's meeting pack: what it says, in both languages, and that it holds nothing of another team."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from portal import models
from portal.domain.packs import QUARTERS, Pack, quarter_named, quarters
from portal.domain.spans import SpanKind, span_of
from portal.engine.fields import View
from portal.engine.text import Language
from tests.cast import NOW, Cast
from tests.domain.test_receipts import TODAY, owing, receive
from tests.matrix.http import words_of

QUARTER = span_of(SpanKind.QUARTER, TODAY)


def packed(cast: Cast, login: str, language: Language = "zh") -> str:
    """Its words without any white space: where a line breaks is the paper's business."""
    with cast.act(login):
        return close(words_of(Pack(cast.principal(login), QUARTER, View(language, ZoneInfo("Asia/Shanghai"), NOW), NOW).pdf()))


def close(words: str) -> str:
    return "".join(words.split())


def deal(cast: Cast, owner: str, name: str, amount: int, *, state: str = "won", ago: int = 5) -> None:
    customer = cast.customer(owner=owner, name=f"{name}客户", customer_class="a", now=NOW - timedelta(days=300))
    whose = {"owner_id": cast.people[owner], "team_id": cast.team_of(owner), "customer_id": customer}
    closed = TODAY - timedelta(days=ago) if state == "won" else None
    dates = {"opened_on": TODAY - timedelta(days=ago), "closed_on": closed}
    cast.add(models.Opportunity, name=name, amount=Decimal(amount), state=state, **dates, **whose)


@pytest.fixture
def lived(cast: Cast) -> Cast:
    """Two teams sold; of ours nine of ten leads were answered in time in the quarter before, one of two in this one."""
    for n in range(10):
        due = NOW - timedelta(days=95, hours=n)
        cast.lead(owner="rep", now=due, first_response_due_at=due, first_response_at=due + timedelta(hours=1 if n == 0 else -1))
    for late in (-1, 1):
        due = NOW - timedelta(days=2)
        cast.lead(owner="rep", first_response_due_at=due, first_response_at=due + timedelta(hours=late))
    deal(cast, "rep", "甲组大单", 120_000)
    deal(cast, "rep", "甲组在谈", 340_000, state="open")
    deal(cast, "other", "乙组大单", 777_000)
    contract, _ = owing(cast, (1000, 0), (500, -20))
    cast.set(models.PaymentPlan, cast.rows(models.PaymentPlan)[1].id, overdue="3")
    receive(cast, contract, "300")
    return cast


def test_it_says_the_figures_the_funnel_the_people_the_classes_the_deals_and_the_money(lived: Cast) -> None:
    said = packed(lived, "leader_a")
    for words in (
        "2026-Q2 季度会议资料",
        "本期 2026-04-01 – 2026-05-12；环比 2026-01-01 – 2026-02-11；同比 2025-04-01 – 2025-05-12",
        "下降：首响按时率，90.0 % → 50.0 %（−40.0 点）",
        "50.0 % (1 / 2)",
        "赢单金额¥120,000",
        "业务员甲",
        "A 类 2 66.7 %",
        "甲组大单 甲组大单客户 ¥120,000",
        "甲组在谈",
        "本期到期 ¥1,500，期末前收到 ¥300，到期回款率 20.0 %",
        "逾期 16–30 天 1 ¥200",
        "第 1 页",
    ):
        assert close(words) in said, words


def test_a_leaders_pack_holds_nothing_of_another_team(lived: Cast) -> None:
    ours, theirs, all_of_it = (packed(lived, login) for login in ("leader_a", "leader_b", "director"))
    for words in ("外组丙", "乙组大单", "777,000"):
        assert words not in ours
    for words in ("业务员甲", "甲组大单", "120,000", "逾期16–30天1"):
        assert words not in theirs
    assert "乙组大单" in theirs and all(words in all_of_it for words in ("乙组大单", "甲组大单", "A组", "B组", "¥897,000"))


def test_it_is_in_the_readers_language(lived: Cast) -> None:
    said = packed(lived, "director", "en")
    for words in ("Meeting pack 2026-Q2", "Fell: First response in time, 90.0 % → 50.0 % (−40.0 pts)", "16–30 days overdue 1 ¥200"):
        assert close(words) in said, words
    assert "季度" not in said and "逾期" not in said and "赢单" not in said


def test_without_anything_to_tell_it_is_still_a_paper(cast: Cast) -> None:
    said = packed(cast, "leader_b")
    assert "¥0" in said and "—" in said and "没有。" in said


def test_eight_quarters_back_and_none_to_come() -> None:
    found = quarters(NOW)
    assert [found[0].key, found[-1].key, len(found)] == ["2026-Q2", "2024-Q3", QUARTERS]
    assert quarter_named("2024-Q3", NOW).first == date(2024, 7, 1)
    for key in ("2024-Q2", "2026-Q3", "2026-Q9", "2026-05", "x"):
        with pytest.raises(ValueError):  # noqa: PT011 - said by the door
            quarter_named(key, NOW)
