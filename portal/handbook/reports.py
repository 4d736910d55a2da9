"""Figures of daily, weekly and monthly reports. The three differ in nothing but these (handbook 58, 59, 60)."""

from dataclasses import replace

from portal.handbook.choices import OneOf, Roles, Switch
from portal.handbook.definition import BY_THE_PRODUCT, Area, Beside, handbook
from portal.handbook.definition import PolicyDefinition as Policy
from portal.handbook.kind import PERCENT_POINTS, POINTS
from portal.handbook.numbers import FROM, Whole
from portal.handbook.times import Clock, Closing, Reminders

_FROM_ITS_PERIOD = (
    "期末在那天或以后的报告都按新值，已开、还没交的也跟着变；已交的不变。"
    " | For reports whose period ends on that day or later, also those open and not sent yet; what is sent stays."
)
_OWED = "以后新开的报告用新值，已经开的不变。 | For reports opened later; those already open stay with whom they are."
_SWITCHED = (
    "关掉后，期末在那天或以后、还没交的都免交；再打开，没过补交时间的又要交。"
    " | Switched off, whatever is unsent of periods that end on that day or later is exempt;"
    " switched on again, what can still be sent is owed again."
)
_EACH = (
    Policy(
        "report.{kind}.on",
        "on",
        Switch(),
        "要写{zh} | {En} reports are written",
        "关掉后不再开、不再催{zh}。 | Switched off, no {en} report is opened or chased.",
        "{clause}",
        _SWITCHED,
    ),
    Policy(
        "report.{kind}.roles",
        "rep",
        Roles(),
        "谁写{zh} | Who writes {en} reports",
        "这些角色的人每期开一份{zh}。 | Everybody of these roles has a {en} report opened for each period.",
        "{clause}",
        _OWED,
    ),
    Policy(
        "report.{kind}.remind",
        "{remind}",
        Reminders(),
        "提醒写{zh} | Reminders to write {en} reports",
        "截止之前提醒还没交{zh}的人；落在截止之后的不发。"
        " | Who has not sent the {en} report is reminded before it is due; what falls after that is left out.",
        BY_THE_PRODUCT,
        _FROM_ITS_PERIOD,
    ),
    Policy(
        "report.{kind}.due",
        "18:00",
        Clock(),
        "{zh}截止 | {En} reports are due at",
        "到点之后交的{zh}算迟交。 | A {en} report sent after it is late.",
        "{clause}",
        _FROM_ITS_PERIOD,
    ),
    Policy(
        "report.{kind}.chase",
        "20:00",
        Clock(),
        "催交{zh} | {En} reports are chased at",
        "截止那天几点再催没交{zh}的人；早于截止就在截止时催。"
        " | When who owes the {en} report is told again on the day it is due; never before it is.",
        BY_THE_PRODUCT,
        _FROM_ITS_PERIOD,
    ),
    Policy(
        "report.{kind}.late_until",
        "24:00",
        Closing(),
        "{zh}补交到 | {En} reports accepted until",
        "截止那天几点之后不能再交{zh}，记为缺报。"
        " | After this time of the day it is due a {en} report cannot be sent and counts as missing.",
        BY_THE_PRODUCT,
        _FROM_ITS_PERIOD,
    ),
    Policy(
        "report.{kind}.list_at",
        "09:00",
        Clock(),
        "{zh}缺报名单 | Missing {en} reports listed at",
        "下一个工作日几点把缺{zh}的名单发给组长。 | When leaders get the list of missing {en} reports on the next working day.",
        BY_THE_PRODUCT,
        _FROM_ITS_PERIOD,
    ),
)
"""What is said of every kind of report, with the kind left open."""
_SAID = ("key", "default", "label", "about", "clause")


def _of(kind: str, name: str, clause: str, remind: str, *more: Policy) -> Area:
    """The figures of one kind of report; `more` are its own."""
    chinese, _, english = name.partition(" | ")
    facts = {"kind": kind, "zh": chinese, "En": english, "en": english.lower(), "clause": handbook(clause), "remind": remind}
    filled = (replace(each, **{part: getattr(each, part).format(**facts) for part in _SAID}) for each in _EACH)
    return Area(f"reports_{kind}", f"{chinese} | {english} reports", (*filled, *more))


DAILY = _of("day", "日报 | Daily", "58", "17:30")
WEEKLY = _of("week", "周报 | Weekly", "59", "-180,-30")
MONTHLY = _of(
    "month",
    "月报 | Monthly",
    "60",
    "-180,-30",
    Policy(
        "report.month_end",
        "calendar",
        OneOf((("calendar", "当月最后一天 | the last day of the month"), ("working", "当月最后一个工作日 | its last working day"))),
        "月报在哪天截止 | Day on which monthly reports are due",
        "最后一天是假日时，按日历还是提前到工作日。 | Where the last day is a holiday: that day all the same, or the working day before.",
        handbook("60"),
        _FROM_ITS_PERIOD,
    ),
)
REPORTS = Area(
    "reports",
    "点评与周数字 | Reading reports",
    (
        Policy(
            "report.score_most",
            "5",
            Whole(POINTS, least=1),
            "报告最高评分 | Highest score of a report",
            "主管点评时可以给 1 到几分。 | A superior who comments may give from 1 up to so many points.",
            BY_THE_PRODUCT,
            "以后的点评用新值，已给的分不变。 | For comments made later; scores once given stay.",
        ),
        Policy(
            "report.fall_points",
            "5",
            Whole(PERCENT_POINTS, said=FROM),
            "下降多少要标出 | Falls that are marked",
            "一个比例比上一期降了多少，就在周数字、工作台和会议资料里标红。"
            " | By how much a rate has to fall against the period before to be marked in weekly figures, homes and meeting packs.",
            handbook("63"),
        ),
        Policy(
            "report.weekly_figures_at",
            "09:00",
            Clock(),
            "周一几点发周数字 | Weekly figures on Monday at",
            "每周一几点把上一周的数字发给组长。 | At what time on Monday leaders get the figures of the week before.",
            BY_THE_PRODUCT,
        ),
    ),
    (Beside("报告模板 | Report templates", "/report-templates/", "report_template:edit"),),
)
