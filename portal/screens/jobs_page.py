"""Long work: one's own runs for the tray, and the admin's page of everything that runs by itself."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from flask import Response, jsonify, make_response, redirect, render_template, request
from flask_appbuilder import BaseView, expose

import jobs
from jobs.schedule import SCHEDULE, next_run
from portal.domain import job_desk
from portal.domain.job_desk import RunState
from portal.engine import store, work
from portal.engine.clock import clock
from portal.engine.errors import NotFound, Refused
from portal.engine.text import pick, say
from portal.security.refusals import REFUSED
from portal.web import records, results
from portal.web.language import language

QUEUES = {"fast": "即时 | Quick", "mail": "邮件 | Mail", "bulk": "大批 | Bulk"}
_NOT_FAILED = "这项任务已经不在失败里，请刷新页面。 | This job is not among the failed ones any more: reload the page."
_AGAIN = "“{name}”重新排队了，很快会再跑一次。 | “{name}” is queued again and runs in a moment."
_LONGEST_CAUSE = 300


class JobsView(BaseView):  # type: ignore[misc]
    """Everybody sees his own runs; the page of all is the admin's."""

    route_base = "/jobs"
    endpoint = "JobsView"
    default_view = "overview"

    @expose("/")
    def overview(self) -> str:
        records.admit("job:read")
        now = clock.now()
        return render_template(
            "jobs.html",
            desk=job_desk.overview(now=now),
            following={each.kind: next_run(each, now) for each in SCHEDULE},
            takers=jobs.workers(),
            states={state.value: state for state in RunState},
            queues=QUEUES,
            name_of=_name,
            cause_of=_cause,
            late=lambda due: lateness(due, now),
        )

    @expose("/<int:run_id>.json")
    def run(self, run_id: int) -> Response:
        return jsonify(_told(_own(run_id)))

    @expose("/<int:run_id>")
    def result(self, run_id: int) -> str:
        """Which rows a run left as they were, and why."""
        return render_template("run.html", page=results.page_of(_own(run_id)))

    @expose("/<int:run_id>/refused.csv")
    def refused(self, run_id: int) -> Response:
        return results.csv_of(_own(run_id))

    @expose("/<int:run_id>/cancel", methods=("POST",))
    def cancel(self, run_id: int) -> Response:
        _own(run_id)
        with records.writing() as (session, now):
            work.cancel(session, run_id, asked_by_id=records.principal().user_id, now=now)
        return jsonify(_told(_own(run_id)))

    @expose("/<int:run_id>/retry", methods=("POST",))
    def retry(self, run_id: int) -> Response:
        records.admit("job:read")
        with records.writing() as (_, now):
            again = job_desk.retry(run_id, now=now)
            if again is None:
                raise Refused(_NOT_FAILED, rule="not_failed")
        jobs.enqueue(again.id, again.queue, lease=again.lease)
        if not request.headers.get("HX-Request"):
            return make_response(redirect("/jobs/", 303))
        told = say(_AGAIN, name=_name(again)).in_(language())
        happens = json.dumps({"portal:toast": {"text": told}, "portal:refresh": True})
        return make_response("", 200, {"HX-Trigger": happens, "HX-Reswap": "none"})


def _own(run_id: int) -> Any:
    found = work.run_of(store.session(), run_id, records.admit().user_id)
    if found is None:
        raise NotFound
    return found


def _name(run: Any) -> str:
    """What a run does, in the reader's words."""
    return str(pick(run.label, language()) if run.label else run.kind)


def _cause(run: Any) -> tuple[str, str]:
    """Why a run failed: what its asker was told, and the first line of the fault, without the values it names."""
    told = str(pick((run.result or {}).get("text", ""), language()) or "")
    return told, run.error.replace("\\n", "\n").partition("\n")[0][:_LONGEST_CAUSE]


def lateness(due_at: datetime, now: datetime) -> str:
    """How late something is: minutes, hours or days."""
    late = max(now - due_at, timedelta())
    minutes = int(late.total_seconds()) // 60
    for count, words in ((late.days, "{n} 天 | {n} days"), (minutes // 60, "{n} 小时 | {n} h"), (minutes, "{n} 分钟 | {n} min")):
        if count:
            return say(words, n=count).in_(language())
    return say("不到一分钟 | under a minute").in_(language())


def _told(run: Any) -> dict[str, Any]:
    """A run as the tray shows it."""
    result = run.result or {}
    open_ = run.state in work.OPEN_STATES
    return {
        "id": run.id,
        "name": _name(run),
        "done": run.done,
        "total": run.total,
        "state": run.state,
        "result_text": pick(result.get("text", ""), language()) or ("" if open_ else RunState(run.state).in_(language())),
        "result_href": f"/jobs/{run.id}" if result.get(REFUSED) else result.get("href", ""),
        "refused_href": f"/jobs/{run.id}/refused.csv" if result.get(REFUSED) else result.get("refused_href", ""),
        "undo_href": result.get("undo_href", ""),
        "cancel_href": f"/jobs/{run.id}/cancel" if open_ else "",
    }
