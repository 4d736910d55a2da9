"""Every figure of the handbook says in both languages what it is, what it is by default, and what may be written instead."""

from __future__ import annotations

from collections import Counter

import pytest

from portal.engine.fields import BadValue
from portal.engine.text import LANGUAGES, Language, is_bilingual, pick
from portal.handbook.areas import AREAS
from portal.handbook.definition import PolicyDefinition
from portal.policies import POLICIES

EVERY = pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES.keys())


@EVERY
def test_it_is_told_in_both_languages(policy: PolicyDefinition) -> None:
    assert all(is_bilingual(text) for text in (policy.label, policy.about, policy.clause, policy.counts))
    assert all(is_bilingual(label) for _, label in policy.kind.options)
    for language in LANGUAGES:
        assert policy.tell(policy.default, language).strip()
        assert "{" not in policy.tell(policy.default, language)
        assert policy.kind.help.in_(language).strip()
    assert policy.kind.help.in_("zh") != policy.kind.help.in_("en")


@EVERY
def test_its_controls_hold_its_default(policy: PolicyDefinition) -> None:
    assert policy.kind.gathered(policy.kind.parts(policy.default)) == policy.default


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_are_called_alike(language: Language) -> None:
    labels = Counter(pick(policy.label, language) for policy in POLICIES.values())
    assert [label for label, times in labels.items() if times > 1] == []


def test_every_one_belongs_to_one_area() -> None:
    keys = [policy.key for area in AREAS for policy in area.policies]
    assert len(keys) == len(set(keys)) == len(POLICIES)
    assert len({pick(area.label, language) for area in AREAS for language in LANGUAGES}) == 2 * len(AREAS)


@pytest.mark.parametrize(
    ("key", "text", "zh", "en"),
    [
        ("contract.payment_terms", "30:3,70:30", "30% 在 3 天内、70% 在 30 天内", "30% within 3 days, 70% within 30 days"),
        ("class.amount", "80000,300000", "80,000 元起得 1 分、300,000 元起得 2 分", "1 point from 80,000 yuan, 2 points from 300,000 yuan"),
        ("notify.report", "bell,mail", "站内+邮件", "bell+mail"),
        ("notify.report", "off", "不提醒", "nobody is told"),
        ("report.day.on", "off", "关", "off"),
        ("report.week.remind", "-180,-30", "提前 3 小时、提前 30 分钟", "3 hours before, 30 minutes before"),
        ("report.week.remind", "17:30,-90", "17:30、提前 1 小时 30 分钟", "17:30, 1 hour 30 minutes before"),
        ("report.week.remind", "off", "不提醒", "no reminder"),
        ("report.day.late_until", "24:00", "24:00（当天结束）", "24:00, the end of that day"),
        ("report.week.roles", "rep,leader", "业务员、组长", "Rep, Leader"),
        ("report.week.roles", "华东 | East", "华东", "East"),
        ("payment.overdue_days", "7,15,30", "1–7 天、8–15 天、16–30 天、超过 30 天", "1–7 days, 8–15 days, 16–30 days, more than 30 days"),
        ("payment.remind_days", "7,0", "提前 7 天、当天", "7 days before, on the day"),
        ("session.idle_minutes", "480", "480 分钟（8 小时）", "480 minutes (8 hours)"),
        ("contract.finance_credit_added", "1", "1 天起", "1 day and more"),
    ],
)
def test_a_value_is_told_as_people_say_it(key: str, text: str, zh: str, en: str) -> None:
    assert (POLICIES[key].tell(text, "zh"), POLICIES[key].tell(text, "en")) == (zh, en)


@pytest.mark.parametrize(
    ("key", "typed", "stored"),
    [
        ("recycle.warn_days", ["7，3、1"], "7,3,1"),
        ("recycle.warn_days", [" "], "off"),
        ("report.day.due", ["18：30"], "18:30"),
        ("report.day.late_until", ["00:00"], "24:00"),
        ("report.day.remind", ["17:30", "-180，30"], "17:30,-180,-30"),
        ("report.day.remind", ["", ""], "off"),
        ("report.day.on", [], "off"),
        ("notify.report", [], "off"),
        ("contract.payment_terms", ["30", "3", "70", "30", "", ""], "30:3,70:30"),
        ("class.points", ["", ""], ""),
    ],
)
def test_what_is_typed_is_stored_in_one_way(key: str, typed: list[str], stored: str) -> None:
    assert POLICIES[key].kind.gathered(typed) == stored


@pytest.mark.parametrize(
    ("key", "text", "said"),
    [
        ("lead.first_response_hours", "many", "0 到 1,000,000"),
        ("class.quarters", "41", "1 到 40"),
        ("recycle.warn_days", "7;x", "7,3,1"),
        ("recycle.warn_days", ",", "7,3,1"),
        ("class.points", "4,2", "后一个比前一个大"),
        ("class.points", "4", "2 个整数"),
        ("contract.payment_terms", "30:3,60:30", "现在是 90"),
        ("contract.payment_terms", "30", "30:3,70:30"),
        ("report.day.due", "25:00", "00:00 到 23:59"),
        ("report.day.on", "yes", "on"),
        ("report.month_end", "friday", "calendar, working"),
        ("notify.report", "mail", "邮件随站内通知发出"),
        ("report.day.roles", "", "至少选一个角色"),
        ("contract.number", "HT-{seq:4}", "{year}"),
        ("contract.change_number", "{number}", "{n}"),
        ("contract.change_number", "{number} changed again {n}", "40"),
    ],
)
def test_a_refusal_says_what_may_be_written(key: str, text: str, said: str) -> None:
    with pytest.raises(BadValue) as refused:
        POLICIES[key].read(text)
    assert said in refused.value.text.in_("zh")
