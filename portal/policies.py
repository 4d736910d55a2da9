"""Every handbook figure once: key, default, unit, words, clause. A `policy` row from a day on replaces the default."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.engine import store
from portal.entities.organisation import Policy


@dataclass(frozen=True, slots=True)
class PolicyDefinition:
    """`read` turns the stored text into a value and raises ValueError for one that makes no sense."""

    key: str
    default: str
    unit: str
    label: str
    clause: str
    read: Callable[[str], Any]


_MOST_WHOLE, _MOST_YUAN, _MOST_QUARTERS = 1_000_000, 10**12, 40
"""Beyond these a figure is a slip of the pen that days and columns cannot hold."""
_LONGEST_NUMBER, _CHANGE_ROOM = 40, 12
"""What the column of a contract's number holds, and what of it a change may add."""


def _whole(text: str, most: int = _MOST_WHOLE) -> int:
    value = int(text)
    if not 0 <= value <= most:
        raise ValueError("not negative, and not beyond reason")
    return value


def _yuan(text: str) -> int:
    return _whole(text, _MOST_YUAN)


def _quarters(text: str) -> int:
    return _positive(text, _MOST_QUARTERS)


def _positive(text: str, most: int = _MOST_WHOLE) -> int:
    value = _whole(text, most)
    if value < 1:
        raise ValueError("at least 1")
    return value


def _wholes(text: str) -> tuple[int, ...]:
    return tuple(_whole(part) for part in text.split(",") if part.strip())


def _clock(text: str) -> time:
    return time(0) if text.strip() == "24:00" else time.fromisoformat(text.strip())


def _reminders(text: str) -> tuple[time | timedelta, ...]:
    """`17:30` is a time of the due day, `-180` minutes before it is due."""
    return tuple(timedelta(minutes=_whole(part[1:])) if part.startswith("-") else _clock(part) for part in _words(text))


def _on(text: str) -> bool:
    if text not in ("on", "off"):
        raise ValueError("on or off")
    return text == "on"


def _words(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _channels(text: str) -> tuple[str, ...]:
    """`bell,mail`, `bell` or `off`."""
    found = _words(text)
    if set(found) - {"bell", "mail", "off"}:
        raise ValueError("bell, mail or off")
    return found


def _number_rule(text: str) -> str:
    """`HT-{year}-{seq:4}`: the year, and the number in it with at least so many digits."""
    if re.search(r"[{}]", re.sub(r"\{year\}|\{seq(:\d)?\}", "", text)):
        raise ValueError("only {year} and {seq:4}")
    rule = re.sub(r"\{seq(?::(\d))?\}", lambda found: f"{{seq:0{found[1] or 1}d}}", text)
    first, second = (rule.format(year=2026, seq=number) for number in (1, 2))
    if first == second or "{year}" not in rule:
        raise ValueError("it must hold {year} and {seq}")
    if len(rule.format(year=2026, seq=10**9)) > _LONGEST_NUMBER - _CHANGE_ROOM:
        raise ValueError("the numbers would be too long")
    return rule


def _pair(text: str) -> tuple[int, int]:
    """`80000,300000`: the lower edge, then the higher."""
    low, high = (_yuan(part) for part in text.split(","))
    if low >= high:
        raise ValueError("the lower first")
    return low, high


def _change_rule(text: str) -> str:
    """`{number}-V{n}`: the contract's own number, and which version it is."""
    if re.search(r"[{}]", re.sub(r"\{(number|n)\}", "", text)):
        raise ValueError("only {number} and {n}")
    first, second, other = (text.format(number=number, n=n) for number, n in (("1", 2), ("1", 3), ("2", 2)))
    if first in (second, other):
        raise ValueError("it must hold {number} and {n}")
    if len(text.format(number="", n=999)) > _CHANGE_ROOM or text.count("{number}") > 1:
        raise ValueError("the numbers would be too long")
    return text


def _terms(text: str) -> tuple[tuple[int, int], ...]:
    """`30:3,70:30`: 30 per cent within 3 days, 70 within 30; together 100."""
    found = tuple((_positive(share), _whole(days)) for share, _, days in (part.partition(":") for part in _words(text)))
    if sum(share for share, _ in found) != 100:  # noqa: PLR2004 - per cent
        raise ValueError("the shares must make 100")
    return found


def _month_end(text: str) -> str:
    if text not in ("calendar", "working"):
        raise ValueError("calendar or working")
    return text


def _d(key: str, default: str, unit: str, label: str, clause: str, read: Callable[[str], Any] = _whole) -> PolicyDefinition:
    return PolicyDefinition(key, default, unit, label, clause, read)


Rows = dict[str, list[tuple[date, str]]]
_kept: list[tuple[str, Rows]] = []
"""The rows of the newest stamp this process has seen."""

_KINDS = (
    ("day", "日报 | daily report", "58", "17:30"),
    ("week", "周报 | weekly report", "59", "-180,-30"),
    ("month", "月报 | monthly report", "60", "-180,-30"),
)

POLICIES: dict[str, PolicyDefinition] = {
    found.key: found
    for found in (
        _d("lead.first_response_hours", "24", "小时 | hours", "首次响应时限 | First response within", "handbook 7"),
        _d("lead.first_response_reminders", "12,20", "小时 | hours", "首响提醒 | First response reminders at", "records C", _wholes),
        _d("follow_up.log_within_minutes", "60", "分钟 | minutes", "联系后多久内记录 | Log a contact within", "handbook 25"),
        _d("follow_up.remind_before_minutes", "15", "分钟 | minutes", "跟进前提醒 | Remind before a follow-up", "records C"),
        _d("recycle.warn_days", "7,3,1", "天 | days", "回收前提醒 | Warn before recycling", "records, pool defaults", _wholes),
        _d("recycle.no_deal_days", "90", "天 | days", "未成交回收 | Recycle without a deal after", "records, pool defaults"),
        _d("pool.unclaimed_days", "3", "天 | days", "公海无人领取 | Unclaimed in the pool for", "records C"),
        _d("share.most_days", "366", "天 | days", "参与最长期限 | Shared for at most", "handbook 18", _positive),
        _d("share.most_records", "500", "条 | records", "每人最多参与 | Let one person into at most", "handbook 18", _positive),
        _d("duplicate.checks_per_hour", "60", "次 | times", "每人每小时查重 | Duplicate checks a person an hour", "security"),
        _d("bulk.job_above", "200", "条 | records", "多于此数转后台 | Run as a job above", "screens"),
        _d("session.idle_minutes", "480", "分钟 | minutes", "闲置后退出 | Sign out when idle for", "security", _positive),
        _d("session.absolute_hours", "72", "小时 | hours", "最长登录 | Sign out after at most", "security", _positive),
        _d("login.failures", "10", "次 | times", "登录失败上限 | Failed sign-ins before waiting", "security", _positive),
        _d("login.wait_minutes", "15", "分钟 | minutes", "失败后等待 | Wait after them", "security"),
        _d("leave.director_from_days", "3", "天 | days", "几天起还要总监批 | Days from which the director decides too", "handbook 75"),
        _d("class.amount", "80000,300000", "元 | yuan", "成交额得 1 分、2 分 | Bought for 1 point, for 2", "handbook 17", _pair),
        _d("class.deals", "1,4", "次 | deals", "成交次数得 1 分、2 分 | Deals for 1 point, for 2", "handbook 17", _pair),
        _d("class.potential", "50000,200000", "元 | yuan", "在谈金额得 1 分、2 分 | In talks for 1 point, for 2", "handbook 17", _pair),
        _d("class.points", "2,4", "分 | points", "几分起为 B、A | Points from which B, A", "handbook 17", _pair),
        _d("class.quarters", "4", "季度 | quarters", "看之前几个季度的成交 | Quarters of purchases looked at", "handbook 17", _quarters),
        _d("class.due_days", "10", "天 | days", "分类评估几天内决定 | Decide a class review within", "records C"),
        _d("class.remind_days", "10,3,0", "天 | days", "到期前几天提醒 | Remind before it is due", "records C", _wholes),
        _d("notify.class_review", "bell,mail", "", "分类评估提醒发到 | Class review reminders go to", "records C", _channels),
        _d("contract.number", "HT-{year}-{seq:4}", "", "合同编号规则 | Numbers of contracts", "records, number rule", _number_rule),
        _d(
            "contract.change_number",
            "{number}-V{n}",
            "",
            "合同变更的编号 | Numbers of changed contracts",
            "records, number rule",
            _change_rule,
        ),
        _d("contract.payment_terms", "30:3,70:30", "%:天 | %:days", "默认付款条款 | Usual payment terms", "handbook 39, 53", _terms),
        _d("payment.overdue_days", "7,15,30", "天 | days", "逾期分级到 | Overdue levels end at", "handbook 55", _wholes),
        _d("payment.remind_days", "7,0", "天 | days", "到期前内部提醒 | Tell the owner and finance before", "handbook 54", _wholes),
        _d("payment.customer_days", "5", "天 | days", "到期前提醒客户 | Remind the customer before", "handbook 54"),
        _d("payment.remind_at", "09:00", "", "回款与到期提醒时间 | Reminders of payments and ends at", "records C", _clock),
        _d("contract.end_days", "90,30,7", "天 | days", "合同到期前提醒 | Remind before a contract ends", "records C", _wholes),
        _d("contract.finance_from_amount", "0", "元 | yuan", "多少金额起财务审批 | Finance decides from", "handbook 40", _yuan),
        _d(
            "contract.finance_credit_days",
            "60",
            "天 | days",
            "必经财务的账期 | Credit that always passes finance",
            "handbook 41",
            _positive,
        ),
        _d(
            "contract.finance_credit_added",
            "1",
            "天 | days",
            "变更时账期延长多少必经财务 | Credit added by a change that passes finance",
            "handbook 41",
            _positive,
        ),
        _d("approval.remind_hours", "4,24", "小时 | hours", "审批提醒 | Remind of a decision after", "records C", _wholes),
        _d("approval.escalate_hours", "48", "小时 | hours", "审批超时升级 | Escalate a decision after", "records C"),
        _d("notify.approval", "bell,mail", "", "审批提醒发到 | Approval reminders go to", "records C", _channels),
        _d("report.month_end", "calendar", "", "月报截止日 | Monthly report due on the last … day", "handbook 60", _month_end),
        _d("notify.follow_up", "bell", "", "跟进提醒发到 | Follow-up reminders go to", "records C", _channels),
        _d("notify.first_response", "bell,mail", "", "首响提醒发到 | First-response reminders go to", "records C", _channels),
        _d("notify.report", "bell,mail", "", "报告提醒发到 | Report reminders go to", "records C", _channels),
        _d("notify.report_list", "bell,mail", "", "缺报名单发到 | Missing lists go to", "records C", _channels),
        _d("report.fall_points", "5", "百分点 | points", "降多少点要标出 | Mark a fall from", "records C"),
        _d("report.weekly_figures_at", "09:00", "", "周一发周数字 | Weekly figures on Monday at", "records C", _clock),
        _d("notify.payment", "bell", "", "回款提醒发到 | Payment reminders go to", "records C", _channels),
        _d("opportunity.stay_days", "30", "天 | days", "商机在一个阶段最多停留 | Stays in a stage at most", "records, Stage", _positive),
        _d("opportunity.late_days", "1,7", "天 | days", "过预计成交日几天提醒 | Remind after the expected close", "records C", _wholes),
        _d("opportunity.remind_at", "09:00", "", "商机提醒时间 | Opportunity reminders at", "records C", _clock),
        _d("notify.opportunity", "bell", "", "商机提醒发到 | Opportunity reminders go to", "records C", _channels),
        _d("notify.contract", "bell", "", "合同到期提醒发到 | Contract reminders go to", "records C", _channels),
        _d("notify.weekly_figures", "bell,mail", "", "周数字发到 | Weekly figures go to", "records C", _channels),
        _d("report.score_most", "5", "分 | points", "报告最高评分 | Highest score of a report", "features 84", _positive),
        *(
            made
            for kind, words, clause, remind in _KINDS
            for made in (
                _d(f"report.{kind}.on", "on", "", f"{words}", f"handbook {clause}", _on),
                _d(f"report.{kind}.roles", "rep", "角色 | roles", f"{words}", f"handbook {clause}", _words),
                _d(f"report.{kind}.remind", remind, "", f"{words}", "records C", _reminders),
                _d(f"report.{kind}.due", "18:00", "", f"{words}", f"handbook {clause}", _clock),
                _d(f"report.{kind}.chase", "20:00", "", f"{words}", "records C", _clock),
                _d(f"report.{kind}.late_until", "24:00", "", f"{words}", "records C", _clock),
                _d(f"report.{kind}.list_at", "09:00", "", f"{words}", "records C", _clock),
            )
        ),
    )
}


def stamp() -> Any:
    """A scalar subquery that moves with every change of a policy; identity reads it with the person."""
    table = Policy.__table__
    return select(
        func.concat_ws(":", func.current_database(), func.count(table.c.id), func.max(table.c.changed_at), func.sum(table.c.version))
    ).scalar_subquery()


def policy(key: str, *, on: date) -> Any:
    """The value in force on a day. Rows are kept per process while the stamp of the request stands, else per session."""
    return POLICIES[key].read(policy_text(key, on=on))


def policy_text(key: str, *, on: date) -> str:
    """The same as it is written."""
    text = POLICIES[key].default
    for effective_on, value in _rows(store.session()).get(key, ()):
        if effective_on <= on:
            text = value
    return text


def makes_sense(key: str, text: str) -> bool:
    """Whether a policy can say this. What cannot, whichever door it came by, counts as if it were not there."""
    try:
        POLICIES[key].read(text)
    except (KeyError, ValueError):
        return False
    return True


def _rows(session: Session) -> Rows:
    stood: str | None = session.info.get("policy_stamp")
    for kept, rows in tuple(_kept):
        if kept == stood:
            return rows
    if "policies" not in session.info:
        session.info["policies"] = _read(session)
        if stood is not None:
            _kept[:] = [(stood, session.info["policies"])]
    found: Rows = session.info["policies"]
    return found


def _read(session: Session) -> Rows:
    rows: Rows = {}
    found = select(Policy.key, Policy.effective_on, Policy.value).where(Policy.deleted_at.is_(None))
    for name, effective_on, value in session.execute(found.order_by(Policy.effective_on)):
        if effective_on is not None and makes_sense(name, value):
            rows.setdefault(name, []).append((effective_on, value))
    return rows
