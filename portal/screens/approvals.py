"""The desk of decisions: what waits for me, what I asked for, what I decided; one decision with all it needs."""

from __future__ import annotations

from collections.abc import Sequence

from flask import render_template, request
from flask_appbuilder import BaseView, expose

from portal import models
from portal.domain import approval_desk
from portal.engine.clock import clock
from portal.engine.errors import BadRequest, NotFound
from portal.engine.spec import spec_of
from portal.engine.verbs import verbs_of
from portal.entities.approvals import TaskState
from portal.web import records
from portal.web.approval_asked import Asked, shortly, told
from portal.web.approval_box import drawn
from portal.web.language import view

_TABS = {"waiting": approval_desk.waiting_for, "mine": approval_desk.asked_by, "done": approval_desk.decided_by}


class ApprovalDeskView(BaseView):  # type: ignore[misc]
    """Rows come through the gate; deciding is the verbs of the tasks."""

    route_base = "/approvals"
    endpoint = "ApprovalDeskView"
    default_view = "desk"

    @expose("/")
    def desk(self) -> str:
        who = records.admit("approval_desk:read")
        tab = request.args.get("tab", "waiting")
        if tab not in _TABS:
            raise BadRequest("没有这个页签。 | There is no such tab.")
        lines = _TABS[tab](who)
        return render_template(
            "approvals.html",
            tab=tab,
            lines=lines,
            asked=_asked(lines),
            waiting=approval_desk.how_many_wait(who),
            counted=who.may("approval:read"),
            bulk=[v for v in verbs_of(spec_of(models.ApprovalTask)) if v.bulk and who.may(v.permission)],
            now=clock.now(),
        )

    @expose("/<int:task_id>")
    def decide(self, task_id: int) -> str:
        who = records.admit("approval_desk:read")
        spec = spec_of(models.ApprovalTask)
        task = records.find(spec, task_id)
        found = approval_desk.standing_of(task.approval_id, reader=who, now=clock.now())
        if found is None:
            raise NotFound
        if not approval_desk.still_told(found, who):
            return render_template("approval_past.html", task=task, kind=approval_desk.kind_of(found.entity), task_state=TaskState)
        return render_template(
            "approval.html",
            task=task,
            box=drawn(found, records.rights(), view()),
            verbs=[v for v in verbs_of(spec) if v.offered(task.state) and task.owner_id == who.user_id and who.may(v.permission)],
            said=approval_desk.history(found.id, now=clock.now()),
            record_href=f"/{found.entity}/{found.record_id}" if who.may(f"{found.entity}:read") else "",
        )


def _asked(lines: Sequence[approval_desk.Line]) -> dict[int, str]:
    """What each line asks for, shortly, as its reader may know it."""
    given = [(line.id, Asked(*line.asked, whole=True)) for line in lines if line.asked is not None]
    words = told([asked for _, asked in given], records.rights(), view())
    return {key: shortly(found, view()) for (key, _), found in zip(given, words, strict=True) if found}
