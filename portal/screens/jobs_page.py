"""Long work: one's own runs for the tray, and the admin's page of everything that runs by itself."""

from __future__ import annotations

from typing import Any

from flask import Response, g, jsonify, make_response, redirect, render_template
from flask_appbuilder import BaseView, expose
from werkzeug.exceptions import Unauthorized

from portal.domain import job_desk
from portal.engine import store, work
from portal.engine.clock import clock
from portal.engine.errors import NotAllowed, NotFound
from portal.engine.text import pick
from portal.security.refusals import REFUSED
from portal.web import records, results
from portal.web.language import language, view


class JobsView(BaseView):  # type: ignore[misc]
    """Everybody sees his own runs; the page of all is the admin's."""

    route_base = "/jobs"
    endpoint = "JobsView"
    default_view = "overview"

    @expose("/")
    def overview(self) -> str:
        _require_admin()
        return render_template("jobs.html", desk=job_desk.overview(now=clock.now()), here=view())

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
        _require_admin()
        with records.writing() as (_, now):
            job_desk.retry(run_id, now=now)
        return make_response(redirect("/jobs/", 303))


def _own(run_id: int) -> Any:
    if g.signed_in is None:
        raise Unauthorized
    found = work.run_of(store.session(), run_id, records.principal().user_id)
    if found is None:
        raise NotFound
    return found


def _require_admin() -> None:
    if g.signed_in is None:
        raise Unauthorized
    if not records.principal().may("job:read"):
        raise NotAllowed


def _told(run: Any) -> dict[str, Any]:
    """A run as the tray shows it."""
    result = run.result or {}
    open_ = run.state in work.OPEN_STATES
    return {
        "id": run.id,
        "name": pick(run.label, language()) or run.kind,
        "done": run.done,
        "total": run.total,
        "state": run.state,
        "result_text": pick(result.get("text", ""), language()) or run.error[:200],
        "result_href": f"/jobs/{run.id}" if result.get(REFUSED) else result.get("href", ""),
        "refused_href": f"/jobs/{run.id}/refused.csv" if result.get(REFUSED) else result.get("refused_href", ""),
        "undo_href": result.get("undo_href", ""),
        "cancel_href": f"/jobs/{run.id}/cancel" if open_ else "",
    }
