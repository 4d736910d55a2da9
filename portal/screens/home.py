"""The home of each user: what to do today, the team's day, the company's day, or what will come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import render_template, request

from portal.domain import approval_desk, company_bench, contract_bench, house_bench, workbench, worklists
from portal.domain.calendar import company_day
from portal.domain.job_desk import MAIL_LATE_AFTER
from portal.domain.report_draft import Draft
from portal.domain.spans import SpanKind, span_of
from portal.engine.clock import clock
from portal.engine.query.measuring import Holder
from portal.engine.text import pick
from portal.entities.leads import LeadGrade, LeadState
from portal.screens import audit_log, figures
from portal.screens.jobs_page import lateness
from portal.security.principal import Principal
from portal.security.roles import ROLES
from portal.web import records
from portal.web.language import language, view

_WAITING = {
    "warehouse": "已收款、待发货的订单会出现在这里。 | Paid orders to ship will come here.",
    "service": "客户反馈和投诉会出现在这里，处理结果会回到业务员。"
    " | Feedback and complaints will come here; the result goes back to the rep.",
}
_NEWEST = 10
_SHORTCUTS = (
    ("/user/new", "plus", "新建员工 | New person", "user:create"),
    ("/lead/import", "upload", "导入线索 | Import leads", "lead:import"),
    ("/roles/why", "help-circle", "为什么看得到 | Why seen", "role_desk:read"),
    ("/policies/", "adjustments", "制度参数 | Policies", "policy:edit"),
)
_NO_ROLE = "你的账号还没有角色，请联系管理员。 | Your account has no role yet. Ask an administrator."


def render() -> str:
    """The home of whoever is signed in, by the widest of his roles."""
    who = records.principal()
    for role, screen in (("director", _director), ("leader", _leader), ("rep", _rep), ("admin", _admin)):
        if role in who.roles:
            return screen(who)
    if fitting := _by_rights(who):
        return fitting(who)
    if who.may("contract:read"):
        return _duty(who)
    role = next((name for name in who.roles if name in _WAITING), "")
    label = ROLES[role].label if role else ""
    return render_template(
        "home_waiting.html", who=who, decisions=approval_desk.how_many_wait(who), role=label, text=_WAITING.get(role, _NO_ROLE)
    )


def _by_rights(who: Principal) -> Callable[[Principal], str] | None:
    """The home that fits a role an admin has made: by the leads it works, else by the house it keeps."""
    write = who.to("lead").write if who.may("lead:read") else ()
    if "all" in write:
        return _director
    if write:
        return _rep if write == ("own",) else _leader if who.team_ids else _director
    return _admin if who.may("job:read") else None


def _duty(who: Principal) -> str:
    """Legal, finance, the cashier, and whoever else reads contracts without selling."""
    now = clock.now()
    role = next((ROLES[name].label for name in who.roles if name in ROLES), "")
    lines = approval_desk.waiting_for(who)
    return render_template("home_duty.html", who=who, role=role, lines=lines, day=contract_bench.duty_day(who, now=now))


def _rep(who: Principal) -> str:
    now = clock.now()
    return render_template(
        "home_rep.html",
        who=who,
        decisions=approval_desk.how_many_wait(who),
        day=workbench.today(who, now=now),
        now=now,
        draft_words=draft_words,
        grades=LeadGrade,
    )


def _figures(who: Principal, title: str, *, holder: Holder, usual: SpanKind | None) -> str | None:
    """The figures of the span that the address names; None where it is the day that is asked for."""
    now = clock.now()
    span = figures.asked(request.args, usual=usual, now=now)
    if span is None:
        return None
    page = figures.page(who, span, request.args, holder=holder, now=now)
    return render_template("home_figures.html", title=title, page=page, decisions=approval_desk.how_many_wait(who))


def _leader(who: Principal) -> str:
    now = clock.now()
    if told := _figures(who, figures.say("团队 | The team"), holder="owner_id", usual=None):
        return told
    month = span_of(SpanKind.MONTH, company_day(now))
    return render_template(
        "home_leader.html",
        who=who,
        decisions=approval_desk.how_many_wait(who),
        day=workbench.team_day(who, now=now),
        now=now,
        mine=worklists.reports_to_send(who, now=now),
        month=figures.page(who, month, {}, holder="owner_id", now=now),
        switch=figures.switch(None),
    )


def _director(who: Principal) -> str:
    now = clock.now()
    if told := _figures(who, figures.say("公司 | The company"), holder="team_id", usual=SpanKind.MONTH):
        return told
    day = company_bench.company_day(who, now=now)
    funnel = [(LeadState(key).in_(language()), key, count) for key, count in day.states.items()]
    return render_template(
        "home_director.html",
        who=who,
        decisions=approval_desk.how_many_wait(who),
        day=day,
        funnel=funnel,
        most=max([1, *day.states.values()]),
        switch=figures.switch(None),
        now=now,
    )


def _admin(who: Principal) -> str:
    now = clock.now()
    day = house_bench.house_day(who, now=now)
    return render_template(
        "home_admin.html",
        who=who,
        decisions=approval_desk.how_many_wait(who),
        day=day,
        log=audit_log.latest(who, _NEWEST, view()),
        late_mail=day.health.mail_since is not None and now - day.health.mail_since > MAIL_LATE_AFTER,
        late=lambda due: lateness(due, now),
        shortcuts=[(href, sign, label) for href, sign, label, needs in _SHORTCUTS if who.may(needs)],
    )


def draft_words(draft: Draft | None) -> dict[str, list[dict[str, Any]]]:
    """The draft's lines in the reader's language."""
    if draft is None:
        return {"done": [], "plan": []}
    return {
        part: [{"text": line.text.in_(language()), "href": line.href, "note": pick(line.note, language())} for line in lines]
        for part, lines in (("done", draft.done), ("plan", draft.plan))
    }
