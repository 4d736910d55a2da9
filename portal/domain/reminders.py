"""What people are told because a time has come (records.md, C): follow-ups, first responses, reports.

A watermark row says up to which instant everybody has been told. Each run tells what fell into the time since then
and moves the mark in the same transaction, so nothing is told twice or never. When the portal was down for longer
than the grace time, each person gets one digest of that time instead of a flood.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import literal, select, update
from sqlalchemy.dialects.postgresql import insert

from portal import models
from portal.domain.approval_reminders import move_on, waiting_too_long
from portal.domain.calendar import company_day, company_zone
from portal.domain.care_reminders import care_due
from portal.domain.class_review import reviews_due
from portal.domain.deal_upkeep import deals_due
from portal.domain.leaders import leaders
from portal.domain.payment_reminders import money_due
from portal.domain.periods import Moments, Period, PeriodKind, period_of
from portal.domain.pooling import Pooling, poolings
from portal.domain.reminder_events import Event
from portal.domain.report_draft import one_line
from portal.domain.reports import UNSENT, plan
from portal.domain.weekly_figures import Rate, due
from portal.engine import store
from portal.engine.outbox import Notice, notify_many
from portal.engine.text import Text, say
from portal.entities.leads import LeadState
from portal.entities.reports import REPORT_PAGE, ReportState
from portal.policies import policy
from portal.security.seeing import told

GRACE = timedelta(hours=1)
MARK = ("reminders", "watermark")
_LIVE = (LeadState.ASSIGNED.value, LeadState.FOLLOWING.value, LeadState.NEW.value)
_LEADER_HEARS = 2
"""Of the first-response marks the last two: the last reminder and the breach (records C)."""
_LIST_WITHIN = timedelta(days=15)
"""A missing list comes on the next working day; no holiday of any calendar is longer than this."""

_runs: Any = models.JobRun.__table__

CATEGORIES: Mapping[str, str] = {
    "follow_up": "跟进到期 {n} | {n} follow-ups due",
    "potential": "潜在线索待联系 {n} | {n} potential leads to contact",
    "missed": "错过的跟进 {n} | {n} follow-ups missed",
    "over_contact": "联系过密 {n} | {n} contacted too often",
    "pool_unclaimed": "公海无人领取 {n} | {n} unclaimed in the pool",
    "hand_over": "待交接 {n} | {n} records to hand over",
    "first_response": "首次响应 {n} | {n} first responses",
    "approval": "待审批 {n} | {n} for your decision",
    "report": "待补交报告 {n} | {n} reports to send",
    "report_list": "团队未交报告 {n} | {n} reports of the team not in",
    "payment": "回款 {n} | {n} payments",
    "class_review": "分类评估 {n} | {n} class reviews",
    "opportunity": "商机 {n} | {n} opportunities",
    "contract": "合同到期 {n} | {n} contracts ending",
    "weekly_figures": "周数字 {n} | {n} weekly figures",
}


def remind_due(*, now: datetime) -> int:
    """Tell everybody what came due since the last run; returns how many notices were new."""
    since = _lock_mark(now)
    if now <= since:
        return 0
    late = now - since > GRACE
    events = [
        *follow_ups_due(since, now, late=late),
        *first_responses(since, now),
        *reports_due(since, now, late=late),
        *decisions_waited_for(since, now),
        *weekly_figures_due(since, now),
        *money_due(since, now),
        *reviews_due(since, now),
        *deals_due(since, now),
        *care_due(since, now),
    ]
    note_breaches(now)
    move_on(now=now)
    told = notify_many(store.session(), list(_digests(events, since) if late else _single(events, now)), now=now)
    store.session().connection().execute(
        update(_runs).where(_runs.c.kind == MARK[0], _runs.c.period == MARK[1]).values(arguments={"until": now.isoformat()})
    )
    return told


def _lock_mark(now: datetime) -> datetime:
    """Up to when people have been told; the lock makes two runs at once follow each other."""
    connection = store.session().connection()
    first = {"kind": MARK[0], "period": MARK[1], "state": "done", "due_at": now, "arguments": {"until": now.isoformat()}}
    connection.execute(insert(_runs).values(first).on_conflict_do_nothing())
    kept = connection.scalar(select(_runs.c.arguments).where(_runs.c.kind == MARK[0], _runs.c.period == MARK[1]).with_for_update())
    return datetime.fromisoformat((kept or {})["until"])


def _single(events: Iterable[Event], now: datetime) -> Iterator[Notice]:
    """One notice an event, by the channels of its policy row (`notify.<category>`: bell, mail, or nothing)."""
    for event in events:
        channels = policy(f"notify.{event.category}", on=company_day(now))
        if "bell" in channels:
            yield event.notice(mail="mail" in channels)


def _digests(events: Iterable[Event], since: datetime) -> Iterator[Notice]:
    """One notice a person for the whole time of silence."""
    counted: dict[int, Counter[str]] = {}
    for event in events:
        counted.setdefault(event.recipient_id, Counter())[event.category] += event.count
    at = since.astimezone(company_zone()).strftime("%m-%d %H:%M")
    for recipient_id, numbers in counted.items():
        parts = [say(CATEGORIES[category], n=numbers[category]) for category in CATEGORIES if numbers[category]]
        zh, en = "，".join(part.in_("zh") for part in parts), ", ".join(part.in_("en") for part in parts)
        title = say("{at} 以来：{zh} | Since {at}: {en}", at=at, zh=zh, en=en)
        body = "系统停了一段时间，这是其间到期的事。 | The portal was down for a while; this is what came due meanwhile."
        yield Notice(recipient_id, f"digest:{since.isoformat()}", "digest", title, body, href="/")


# follow-ups -------------------------------------------------------------------------------------


def follow_ups_due(since: datetime, now: datetime, *, late: bool = False) -> list[Event]:
    """Next contacts at their time and (policy) 15 minutes before; after a silence only those whose time has come."""
    before = timedelta(minutes=policy("follow_up.remind_before_minutes", on=company_day(now)))
    found = []
    promised = (_promised(pooling, since, now if late else now + before) for pooling in poolings.values())
    for row, steps in _readers(promised, now):
        if row.next_at <= now:
            found.append(_follow_up(row, "due", "该跟进了：{company} {step} | Follow-up due: {company} {step}", steps))
        elif row.next_at - before > since:
            found.append(_follow_up(row, "soon", "{at} 跟进：{company} {step} | {at} follow up: {company} {step}", steps))
    return found


def _readers(promised: Iterable[Sequence[Any]], now: datetime) -> Iterator[tuple[Any, frozenset[int]]]:
    """Each row with those of its record type's owners who may read what the next step is."""
    for rows in (rows for rows in promised if rows):
        steps = told(store.session(), rows[0].entity, "next_step", {row.owner_id for row in rows}, now)
        yield from ((row, steps) for row in rows)


def _promised(pooling: Pooling, since: datetime, until: datetime) -> Sequence[Any]:
    """Owned records that are worked, whose next contact lies between these instants."""
    model = pooling.model
    wanted = (
        select(
            literal(pooling.name).label("entity"), model.id, model.owner_id, pooling.title.label("company"), model.next_at, model.next_step
        )
        .where(
            model.owner_id.is_not(None),
            model.state.in_(pooling.open_states),
            model.next_at > since,
            model.next_at <= until,
            model.deleted_at.is_(None),
        )
        .order_by(model.next_at, model.id)
    )
    return store.session().execute(wanted).all()


def _follow_up(row: Any, rule: str, words: str, steps: frozenset[int]) -> Event:
    """`steps`: who may read what the next step is."""
    at = row.next_at.astimezone(company_zone()).strftime("%H:%M")
    return Event(
        row.owner_id,
        "follow_up",
        f"follow_up.{rule}:{row.entity}:{row.id}:{row.next_at.isoformat()}",
        say(words, at=at, company=one_line(row.company), step=one_line(row.next_step) if row.owner_id in steps else ""),
        row.entity,
        row.id,
        f"/{row.entity}/{row.id}",
    )


# decisions --------------------------------------------------------------------------------------


def decisions_waited_for(since: datetime, now: datetime) -> list[Event]:
    """Tasks that have been waiting for 4 and for 24 hours (policy)."""
    words = "还在等你审批：{what}（{hours} 小时） | Still waiting for you: {what} ({hours} hours)"
    return [
        Event(
            task.owner_id,
            "approval",
            f"approval.wait.{hours}:{task.id}:{task.waiting_since.isoformat()}",
            say(words, what=one_line(task.title), hours=hours),
            "approval_task",
            task.id,
            f"/approvals/{task.id}",
        )
        for task, hours in waiting_too_long(since, now)
    ]


# first responses --------------------------------------------------------------------------------


def first_responses(since: datetime, now: datetime) -> list[Event]:
    """Qualified leads nobody has contacted: 12 and 20 hours into the 24 (policies) and at their end.

    The owner is told each time, whoever answers for him from the last reminder on.
    """
    day = company_day(now)
    total = policy("lead.first_response_hours", on=day)
    marks = sorted({*(h for h in policy("lead.first_response_reminders", on=day) if h < total), total})
    lead = models.Lead
    wanted = (
        select(lead.id, lead.owner_id, lead.company, lead.first_response_due_at.label("due_at"))
        .where(
            lead.first_response_at.is_(None),
            lead.owner_id.is_not(None),
            lead.state.in_(_LIVE),
            lead.deleted_at.is_(None),
            lead.first_response_due_at > since,
            lead.first_response_due_at <= now + timedelta(hours=total),
        )
        .order_by(lead.first_response_due_at, lead.id)
    )
    rows = list(store.session().execute(wanted))
    found, tree = [], leaders() if rows else None
    for row in rows:
        passed = [hours for hours in marks if since < row.due_at - timedelta(hours=total - hours) <= now]
        if passed and tree is not None:
            leader = tree.of(row.owner_id) if passed[-1] in marks[-_LEADER_HEARS:] and len(marks) >= _LEADER_HEARS else None
            found += _response(row, passed[-1], total, leader, tree.name(row.owner_id))
    return found


def _response(row: Any, hours: int, total: int, leader: int | None, owner: str) -> list[Event]:
    """The rep is told of his lead, the leader of whose it is."""
    left = "首次响应还剩 {left} 小时 | {left} hours left for the first response"
    over = "超过 {total} 小时没有首次响应 | no first response within {total} hours"
    what = say(left if hours < total else over, left=total - hours, total=total)
    company = one_line(row.company)
    told = {row.owner_id: say("{company} {what} | {company}: {what}", company=company, what=what)}
    if leader is not None:
        told[leader] = say("{owner}的 {company} {what} | {company} ({owner}): {what}", owner=owner, company=company, what=what)
    key = f"first_response.{hours}:{row.id}:{row.due_at.isoformat()}"
    return [Event(each, "first_response", key, words, "lead", row.id, f"/lead/{row.id}") for each, words in sorted(told.items())]


def note_breaches(now: datetime) -> int:
    """Flag leads whose first-response time has ended; the due instant itself is no breach."""
    lead: Any = models.Lead.__table__
    ended = (
        lead.c.first_response_at.is_(None),
        lead.c.breached_at.is_(None),
        lead.c.owner_id.is_not(None),
        lead.c.state.in_(_LIVE),
        lead.c.deleted_at.is_(None),
        lead.c.first_response_due_at < now,
    )
    change = update(lead).where(*ended).values(breached_at=lead.c.first_response_due_at)
    return store.session().connection().execute(change).rowcount


# figures ----------------------------------------------------------------------------------------


def weekly_figures_due(since: datetime, now: datetime) -> list[Event]:
    """On Monday each leader's week beside the one before; a rate that fell by 5 points (policy) stands in the title."""
    found = []
    for leader_id, week in ((each.leader_id, each.week) for each in due(since, now)):
        fallen = [
            say("{name} 降 {n} 点 | {name} down {n} points", name=Text(rate.label), n=f"{float(rate.fall):.1f}") for rate in week.fallen
        ]
        zh, en = "".join(f"，{each.in_('zh')}" for each in fallen), "".join(f", {each.in_('en')}" for each in fallen)
        title = say("{key} 团队周数字{zh} | Team figures of {key}{en}", key=week.period.key, zh=zh, en=en)
        lines = [
            say("{name} {now}（上周 {then}） | {name} {now} (last week {then})", name=Text(c.label), now=c.now, then=c.then)
            for c in week.changes
        ]
        lines += [
            say(
                "{name} {now}（上周 {then}） | {name} {now} (last week {then})",
                name=Text(r.label),
                now=Rate.words(r.now),
                then=Rate.words(r.then),
            )
            for r in week.rates
        ]
        body = say("{zh} | {en}", zh="；".join(line.in_("zh") for line in lines), en="; ".join(line.in_("en") for line in lines))
        key = f"weekly_figures:{week.period.key}"
        found.append(
            Event(
                leader_id, "weekly_figures", key, title, "work_report", None, f"/report-desk/board?period=week&key={week.period.key}", body
            )
        )
    return found


# reports ----------------------------------------------------------------------------------------


def reports_due(since: datetime, now: datetime, *, late: bool = False) -> list[Event]:
    """Remind, chase and the missing list, of all three kinds of report."""
    marks: dict[str, datetime] = {}
    listed: set[str] = set()
    for period, when in _plans(since, now):
        if since < when.list_at <= now:
            listed.add(period.key)
        passed = [at for at in (*when.remind_at, when.chase_at) if since < at <= now]
        if late and since < when.due_at <= now:
            marks[period.key] = when.due_at
        elif passed and (now < when.due_at or (passed[-1] == when.chase_at and now < when.late_until)):
            marks[period.key] = passed[-1]
    return [*_unsent(marks, now), *_missing({*listed, *marks} if late else listed, late=late)]


def _plans(since: datetime, now: datetime) -> Iterator[tuple[Period, Moments]]:
    """Every period whose moments may lie between the two instants."""
    first, last = company_day(since - _LIST_WITHIN), company_day(now)
    for kind in PeriodKind:
        period = period_of(kind, first)
        while period.first <= last:
            when = plan(period)
            if when is not None:
                yield period, when
            period = period.next


def _unsent(marks: Mapping[str, datetime], now: datetime) -> list[Event]:
    if not marks:
        return []
    report = models.WorkReport
    wanted = select(report.id, report.owner_id, report.title, report.due_at, report.late_until, report.period_key).where(
        report.state.in_(UNSENT), report.late_until > now, report.period_key.in_(list(marks)), report.deleted_at.is_(None)
    )
    return [_report_event(row, marks[row.period_key], now) for row in store.session().execute(wanted.order_by(report.id))]


def _report_event(row: Any, mark: datetime, now: datetime) -> Event:
    at = row.due_at if now < row.due_at else row.late_until - timedelta(minutes=1)
    clock = at.astimezone(company_zone()).strftime("%H:%M")
    if now < row.due_at:
        words = "{title} 草稿已写好，{at} 截止 | {title}: the draft is written, due {at}"
    else:
        words = "{title} 还没交，今天 {at} 前可补交 | {title} is late; it can be sent until {at}"
    key = f"report.due:{row.id}:{mark.isoformat()}"
    return Event(row.owner_id, "report", key, say(words, title=row.title, at=clock), "work_report", row.id, REPORT_PAGE.format(id=row.id))


def _missing(keys: set[str], *, late: bool) -> list[Event]:
    """Per leader (`leaders`: never the missing one himself) and period one list of who is missing, without those on leave;
    after a silence also who still may send."""
    if not keys:
        return []
    report = models.WorkReport
    wanted = (
        select(report.period, report.period_key, report.title, report.owner_id)
        .where(
            report.state.in_((ReportState.MISSING.value, *(UNSENT if late else ()))),
            report.period_key.in_(keys),
            report.deleted_at.is_(None),
        )
        .order_by(report.period_key, report.owner_id)
    )
    tree = leaders()
    lists: dict[tuple[int, str, str, str], list[str]] = {}
    for row in store.session().execute(wanted):
        if (leader := tree.of(row.owner_id)) is not None:
            lists.setdefault((leader, row.period, row.period_key, row.title), []).append(tree.name(row.owner_id))
    return [
        Event(
            leader_id,
            "report_list",
            f"report.list:{period}:{key}",
            say("{title} 缺报 {n} 人 | {title}: {n} missing", title=title, n=len(people)),
            "work_report",
            None,
            f"/report-desk/board?period={period}&key={key}",
            say("{zh} | {en}", zh="、".join(people), en=", ".join(people)),
            len(people),
        )
        for (leader_id, period, key, title), people in lists.items()
    ]
