"""What people do with a report: write, submit, read, comment, send back, remind, exempt (handbook 58–60, 62)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from portal import models
from portal.domain.calendar import company_day, company_zone
from portal.domain.leaders import leaders
from portal.domain.periods import period_named
from portal.domain.report_draft import draft, frozen
from portal.domain.report_templates import asked
from portal.domain.reports import UNSENT
from portal.engine import store
from portal.engine.errors import Refused
from portal.engine.kinds.answers import AnswersField
from portal.engine.kinds.numbers import IntegerField
from portal.engine.kinds.texts import LongTextField
from portal.engine.operations import operation
from portal.engine.outbox import notify
from portal.engine.questions import answered, faults
from portal.engine.text import Text, say
from portal.engine.verbs import Outcome, one_by_one, verb
from portal.entities.reports import REPORT_PAGE, ReportState
from portal.policies import policy
from portal.security.principal import Principal

_IN = ("submitted", "late", "read", "commented")
_WRITTEN = ("problems", "plan", "extra_work")
_NUDGE, _NUDGE_EVERY = "report.remind", timedelta(hours=1)


@verb(
    "work_report:submit",
    "提交 | Submit",
    icon="send",
    takes=("own",),
    primary=True,
    columns=("problems", "plan", "extra_work", "answers", "state", "submitted_at", "figures"),
    states=("open", "draft", "returned"),
    form=(
        ("problems", LongTextField("问题 | Problems", required=True, help="没有就写“没有”。 | Write “none” if there are none.")),
        ("plan", LongTextField("计划 | Plan")),
        ("extra_work", LongTextField("补充 | Anything else")),
        ("answers", AnswersField("模板问题的回答 | Answers to the template's questions")),
    ),
    help="数字和今日工作取自系统，提交后不再变动。 | Figures and work done come from the system and stay as they are once submitted.",
)
def submit(
    reports: Sequence[models.WorkReport],
    *,
    acting_user: Principal,
    now: datetime,
    problems: str | None = None,
    plan: str | None = None,
    extra_work: str | None = None,
    answers: Mapping[str, Any] | None = None,
) -> Outcome:
    """Send a report with the figures of this moment; after its due time it is late, after its closing time refused.

    The due instant itself is in time, the closing instant (24:00) is too late. A returned report may be sent again
    at any time and stays as punctual as it first was. A plan nobody wrote is the one the system knows: next contacts.
    """
    outcome = Outcome()
    written = {"problems": problems, "plan": plan, "extra_work": extra_work}
    for report in reports:
        if refusal := _may_submit(report, acting_user, now):
            outcome.refused.append((report.id, refusal))
            continue
        if refusal := _answer(report, answers):
            outcome.refused.append((report.id, refusal))
            continue
        again = report.state == ReportState.RETURNED.value
        for key, value in written.items():
            if value is not None:
                setattr(report, key, value.strip())
        report.submitted_at = report.submitted_at or now
        made = draft(acting_user.user_id, period_named(report.period_key))
        report.plan = report.plan or made.plan_text
        in_time = report.due_at is None or report.submitted_at <= report.due_at
        report.state = (ReportState.SUBMITTED if in_time else ReportState.LATE).value
        report.figures = frozen(made, now)
        outcome.done.append(report.id)
        if again:
            _tell_leader(report, acting_user, now)
    outcome.message = say("报告已提交。 | The report is sent.") if outcome.done else None
    return outcome


def _may_submit(report: models.WorkReport, acting_user: Principal, now: datetime) -> Refused | None:
    if report.owner_id != acting_user.user_id:
        return Refused("只能提交自己的报告。 | Only one's own report can be sent.", rule="own")
    if report.state == ReportState.MISSING.value or (report.state in UNSENT and report.late_until is not None and now >= report.late_until):
        return Refused(
            "补交时间已过，这份报告记为缺报。请找组长。 | The time for late reports is over and this one counts as missing."
            " Talk to your leader.",
            rule="closed",
        )
    if report.state not in (*UNSENT, ReportState.RETURNED.value):
        return Refused("这份报告已经交了，或者不用交。 | This report is sent already, or not owed.", rule="state")
    return None


def _answer(report: models.WorkReport, given: Mapping[str, Any] | None) -> Refused | None:
    """Take the answers given now, else those of the draft; refuses while a required one is missing."""
    questions = asked(report.template_id)
    said = report.answers if given is None else answered(questions, given)
    if found := faults(questions, said):
        first = next(each for each in questions if each.key in found)
        return Refused(
            "还有 {n} 个问题没有答好，先看“{label}”：{why}请在报告台填写。"
            " | {n} questions are not answered yet. First “{label}”: {why} Answer at the report desk.",
            rule="answers",
            n=len(found),
            label=Text(first.label),
            why=found[first.key],
        )
    report.answers = said
    return None


@operation("work_report", "change")
def write(report: models.WorkReport, values: Mapping[str, Any], *, acting_user: Principal, now: datetime) -> models.WorkReport:
    """Keep a draft: only one's own, only while it is unsent or returned."""
    if refusal := _may_submit(report, acting_user, now):
        raise refusal
    for key in _WRITTEN:
        if key in values:
            setattr(report, key, values[key] or "")
    if "answers" in values:
        report.answers = answered(asked(report.template_id), values["answers"] or {})
    if report.state == ReportState.OPEN.value:
        report.state = ReportState.DRAFT.value
    store.session().flush()
    return report


@verb(
    "work_report:mark_read",
    "已读 | Mark as read",
    icon="eye",
    takes=("reach",),
    columns=("state", "read_at", "read_by_id"),
    bulk=True,
    states=("submitted", "late"),
)
def mark_read(reports: Sequence[models.WorkReport], *, acting_user: Principal, now: datetime) -> Outcome:
    """A superior has read it; a second reading changes nothing."""

    def one(report: models.WorkReport) -> None:
        _judge(report, acting_user, ("submitted", "late"))
        _note_reader(report, acting_user, now)
        report.state = ReportState.READ.value

    return one_by_one(reports, one)


@verb(
    "work_report:comment",
    "点评 | Comment",
    icon="message",
    takes=("reach",),
    states=_IN,
    columns=("state", "comment", "score", "read_at", "read_by_id"),
    form=(
        ("comment", LongTextField("点评 | Comment", required=True)),
        (
            "score",
            IntegerField(
                "评分 | Score", help="可不填；1 最低，5 最高（制度参数可改）。 | Optional; 1 is the lowest, 5 the highest (a policy)."
            ),
        ),
    ),
)
def comment(
    reports: Sequence[models.WorkReport], *, acting_user: Principal, now: datetime, comment: str, score: int | None = None
) -> Outcome:
    """A superior's words and, where he gives one, his score (1 to `report.score_most`), told to the author."""
    most = policy("report.score_most", on=company_day(now))
    if score is not None and not 1 <= score <= most:
        raise Refused("评分是 1 到 {most} 的整数。 | The score is a whole number from 1 to {most}.", rule="score", most=most)

    def one(report: models.WorkReport) -> None:
        _judge(report, acting_user, _IN)
        _note_reader(report, acting_user, now)
        report.state, report.comment = ReportState.COMMENTED.value, comment.strip()
        report.score = report.score if score is None else score
        _tell_author(
            report,
            f"report.comment:{report.id}:{report.version}",
            "report.comment",
            now,
            say("{who}点评了你的{title} | {who} commented on your {title}", who=acting_user.name, title=report.title),
            report.comment,
        )

    return one_by_one(reports, one)


@verb(
    "work_report:send_back",
    "退回补充 | Send back",
    icon="arrow-back-up",
    takes=("reach",),
    states=_IN,
    columns=("state", "comment", "read_at", "read_by_id"),
    form=(("reason", LongTextField("要补充什么 | What is missing", required=True)),),
)
def send_back(reports: Sequence[models.WorkReport], *, acting_user: Principal, now: datetime, reason: str) -> Outcome:
    """The author is asked to complete it; the reason stays on the report as its comment."""

    def one(report: models.WorkReport) -> None:
        _judge(report, acting_user, _IN)
        _note_reader(report, acting_user, now)
        report.state, report.comment = ReportState.RETURNED.value, reason.strip()
        _tell_author(
            report,
            f"report.returned:{report.id}:{report.version}",
            "report.returned",
            now,
            say("请补充你的{title} | Please complete your {title}", title=report.title),
            report.comment,
        )

    return one_by_one(reports, one)


@verb("work_report:remind", "提醒 | Remind", icon="bell-ringing", takes=("reach",), bulk=True, states=("open", "draft", "returned"))
def remind(reports: Sequence[models.WorkReport], *, acting_user: Principal, now: datetime) -> Outcome:
    """Tell those whose report is still out; at most once in 60 minutes per report, whoever clicks."""
    outcome = Outcome()
    told = _told_lately(reports, now)
    for report in reports:
        if report.state not in (*UNSENT, ReportState.RETURNED.value):
            outcome.refused.append(
                (report.id, Refused("这份报告已经交了、已截止，或者不用交。 | This report is sent, closed, or not owed.", rule="state"))
            )
        elif at := told.get(report.id):
            clock = at.astimezone(company_zone()).strftime("%H:%M")
            refusal = Refused(
                "{at} 已经提醒过，一小时内不再提醒。 | Already reminded at {at}; once an hour is enough.", rule="reminded", at=clock
            )
            outcome.refused.append((report.id, refusal))
        else:
            outcome.done.append(report.id)
            _tell_author(
                report,
                f"report.nudge:{report.id}:{now.isoformat()}",
                _NUDGE,
                now,
                say("{who}提醒你交{title} | {who} asks for your {title}", who=acting_user.name, title=report.title),
                "",
            )
    outcome.message = say("已提醒 {n} 人。 | {n} reminded.", n=len(outcome.done)) if outcome.done else None
    return outcome


def _told_lately(reports: Sequence[models.WorkReport], now: datetime) -> dict[int, datetime]:
    """When each author was last reminded by somebody within the hour. The reports are held, so that two clicks follow each other."""
    connection = store.session().connection()
    report, notice = models.WorkReport, models.Notification
    ids, authors = {each.id for each in reports}, {each.owner_id for each in reports}
    about = (notice.recipient_id.in_(authors), notice.entity == "work_report", notice.record_id.in_(ids), notice.kind == _NUDGE)
    connection.execute(select(report.id).where(report.id.in_(ids)).order_by(report.id).with_for_update(key_share=True))
    wanted = (
        select(notice.record_id, func.max(notice.created_at).label("at"))
        .where(*about, notice.created_at > now - _NUDGE_EVERY)
        .group_by(notice.record_id)
    )
    return {row.record_id: row.at for row in connection.execute(wanted)}


@verb(
    "work_report:exempt",
    "豁免 | Exempt",
    icon="circle-minus",
    takes=("reach",),
    bulk=True,
    states=("open", "draft", "missing"),
    columns=("state", "exempt_reason"),
    form=(("reason", LongTextField("原因 | Reason", required=True)),),
    reason_in=("work_report.exempt_reason",),
)
def exempt(reports: Sequence[models.WorkReport], *, acting_user: Principal, now: datetime, reason: str) -> Outcome:
    """Not owed after all, with the reason; the superior decides."""

    def one(report: models.WorkReport) -> None:
        _judge(report, acting_user, ("open", "draft", "missing"))
        report.state, report.exempt_reason = ReportState.EXEMPT.value, reason.strip()[:200]

    return one_by_one(reports, one)


def _judge(report: models.WorkReport, acting_user: Principal, states: Sequence[str]) -> None:
    """Refuse who may not, and what is not in these states."""
    if report.owner_id == acting_user.user_id:
        raise Refused("自己的报告要由上级处理。 | One's own report is for the superior to judge.", rule="own")
    if report.state not in states:
        raise Refused("报告现在的状态不能这样做。 | The report's state does not allow this now.", rule="state")


def _note_reader(report: models.WorkReport, acting_user: Principal, now: datetime) -> None:
    if report.read_at is None:
        report.read_at, report.read_by_id = now, acting_user.user_id


def _tell_author(report: models.WorkReport, key: str, kind: str, now: datetime, title: Any, body: str) -> None:
    assert report.owner_id is not None  # noqa: S101 - a report is always somebody's
    quoted = say("{said} | {said}", said=body.replace(" | ", " ｜ ")) if body else ""
    notify(
        store.session(),
        recipient_ids=report.owner_id,
        event_key=key,
        kind=kind,
        title=title,
        body=quoted,
        entity="work_report",
        record_id=report.id,
        href=REPORT_PAGE.format(id=report.id),
        now=now,
    )


def _tell_leader(report: models.WorkReport, acting_user: Principal, now: datetime) -> None:
    """Who sent it back, or the team's leader, hears that it came again."""
    tree = leaders()
    recipient = report.read_by_id if tree.is_active(report.read_by_id) else tree.of(report.owner_id)
    if recipient and recipient != acting_user.user_id:
        notify(
            store.session(),
            recipient_ids=recipient,
            event_key=f"report.again:{report.id}:{report.version}",
            kind="report.again",
            entity="work_report",
            record_id=report.id,
            href=REPORT_PAGE.format(id=report.id),
            now=now,
            title=say("{who}补交了{title} | {who} completed {title}", who=acting_user.name, title=report.title),
            mail=False,
        )
