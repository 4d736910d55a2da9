"""The report desk: write one's own report in two minutes; the board of who is in, late, missing, exempt."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from flask import Response, make_response, redirect, render_template, request
from flask_appbuilder import BaseView, expose
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from portal import models
from portal.domain import workbench, worklists
from portal.domain.periods import PeriodKind, period_named
from portal.domain.report_draft import draft, figures_of, gathered, gathered_of
from portal.domain.report_figures import LABELS, Figure, read
from portal.domain.report_templates import asked, teams
from portal.domain.weekly_figures import week_of
from portal.engine import operations, store
from portal.engine.clock import clock
from portal.engine.errors import BadRequest, Changed, NotAllowed, PortalError, Refused, Unseen
from portal.engine.given import id_of
from portal.engine.questions import TABLE, Question, faults, values
from portal.engine.spec import spec_of
from portal.engine.text import Text
from portal.engine.verbs import verb_named, verbs_of
from portal.screens.home import draft_words
from portal.security.bulk import Selection, perform_selection
from portal.web import records
from portal.web.form_page import VERSION
from portal.web.language import language, view

_FIELDS = ("problems", "plan", "extra_work")
_MOST = 30


class ReportDeskView(BaseView):  # type: ignore[misc]
    """Rows come through the gate; what happens to them are the verbs of `work_report`."""

    route_base = "/report-desk"
    endpoint = "ReportDeskView"
    default_view = "mine"

    @expose("/")
    def mine(self) -> str:
        who = records.admit("report_desk:read").user_id
        now = clock.now()
        report = models.WorkReport
        past = list(
            store.session().scalars(
                select(report).where(report.owner_id == who).order_by(report.first_on.desc(), report.id.desc()).limit(_MOST)
            )
        )
        waiting = worklists.reports_to_send(records.principal(), now=now)
        return render_template(
            "report_desk.html",
            waiting=waiting,
            past=past,
            now=now,
            here=view(),
            rights=records.rights(),
            spec=spec_of(report),
            judges=records.principal().may("work_report:comment"),
        )

    @expose("/<int:report_id>", methods=("GET", "POST"))
    def write(self, report_id: int) -> Response | str:
        records.admit("report_desk:read")
        report = records.find(spec_of(models.WorkReport), report_id)
        if request.method == "GET":
            return _page(report)
        if report.owner_id != records.principal().user_id:
            raise NotAllowed
        questions = asked(report.template_id)
        given = {**{key: request.form.get(key, "").strip() for key in _FIELDS}, "answers": _answers(questions, request.form)}
        try:
            kept = _submit(report, given) if request.form.get("send") else _keep(report, given)
        except PortalError as error:
            if error.status >= 500:  # noqa: PLR2004
                raise
            anew = isinstance(error, (Changed, Unseen))
            return make_response(_page(report, given, error.in_(language()), version=None if anew else _seen()), error.status)
        if request.headers.get("X-Autosave"):
            return make_response("", 204, {"X-Version": str(kept)})
        return make_response(redirect("/report-desk/" if request.form.get("send") else f"/report-desk/{report_id}", 303))

    @expose("/board")
    def board(self) -> str:
        records.admit("report_desk:read", "work_report:comment")
        now = clock.now()
        try:
            kind = PeriodKind(request.args.get("period", "day"))
            period = period_named(request.args["key"]) if request.args.get("key") else workbench.board_period(kind, now=now)
        except ValueError as error:
            raise BadRequest("没有这一期报告。 | There is no such period.") from error
        week = week_of(period, _teams()) if period.kind is PeriodKind.WEEK else None
        return render_template("report_board.html", board=workbench.board(period), kinds=list(PeriodKind), now=now, here=view(), week=week)


def _teams() -> list[int]:
    """Whose figures the reader compares: his teams with all below, else every team."""
    return list(records.principal().team_ids) or [key for key, _ in teams()]


def _answers(questions: Sequence[Question], form: MultiDict[str, str]) -> dict[str, Any]:
    """What was typed for each question; a table's columns come side by side."""
    found: dict[str, Any] = {}
    for each in questions:
        if each.kind == TABLE:
            columns = [form.getlist(f"a.{each.key}.{n}") for n in range(len(each.parts))]
            found[each.key] = [[cell.strip() for cell in row] for row in zip_longest(*columns, fillvalue="") if any(map(str.strip, row))]
        else:
            found[each.key] = form.get(f"a.{each.key}", "")
    return found


def _seen() -> int | None:
    """The version of the report that the page shows."""
    return id_of(request.form.get(VERSION, ""))


def _keep(report: Any, given: dict[str, Any]) -> int:
    """Save the draft; returns its new version."""
    spec = spec_of(models.WorkReport)
    records.require(spec, "edit")
    with records.writing() as (session, now):
        record, seen = records.find(spec, report.id), operations.seen(spec, _seen())
        operations.change(session, spec, record, dict(given), version=seen, acting_user=records.principal(), now=now)
        session.flush()
        return int(record.version)


def _submit(report: Any, given: dict[str, Any]) -> int:
    if not given["problems"]:
        raise Refused(
            "“问题”写一句就行；没有请点“今天没有”。 | One line of problems will do; tap “Nothing today” if there are none.",
            rule="problems_missing",
        )
    spec = spec_of(models.WorkReport)
    verb = verb_named("work_report", "submit")
    assert verb is not None  # noqa: S101 - check_verbs has seen it
    with records.writing() as (session, now):
        record = records.find(spec, report.id)
        if operations.seen(spec, _seen()) != record.version:
            raise Changed
        outcome = perform_selection(session, spec, verb, Selection((report.id,)), acting_user=records.principal(), now=now, form=given)
        if outcome.refused:
            raise outcome.refused[0][1]
        return int(record.version)


def _faults(questions: Sequence[Question], given: dict[str, Any]) -> dict[str, Text]:
    return faults(questions, {"items": [{"key": key, "value": value} for key, value in given["answers"].items()]})


def _page(report: Any, given: dict[str, Any] | None = None, error: str = "", *, version: int | None = None) -> str:
    is_mine = report.owner_id == records.principal().user_id
    is_open = report.state in ("open", "draft", "returned")
    made = draft(report.owner_id, period_named(report.period_key)) if is_mine and is_open else None
    spec, questions = spec_of(models.WorkReport), asked(report.template_id)
    owner = store.session().scalar(select(models.User.name).where(models.User.id == report.owner_id))
    verbs = [v for v in verbs_of(spec) if not is_mine and v.offered(report.state) and records.principal().may(v.permission)]
    return render_template(
        "report_form.html",
        report=report,
        owner=owner,
        is_mine=is_mine,
        is_open=is_mine and is_open,
        error=error,
        version=version or report.version,
        given=given or {**{key: getattr(report, key) for key in _FIELDS}, "answers": values(report.answers)},
        questions=questions,
        faults=_faults(questions, given) if given and error else {},
        words=draft_words(made),
        figures=made.figures if made else figures_of(report.figures or {}),
        lines=(report.figures or {}).get("lines", []),
        gathered={part: gathered(getattr(made, part)) if made else gathered_of(report.figures or {}, part) for part in ("own", "team")},
        labels=LABELS,
        told=lambda key, value: Figure(key, LABELS[key], read(key, value)).words,
        verbs=verbs,
        now=clock.now(),
        state=records.rights().cell(spec, spec.fields["state"], {"state": report.state}, view()),
    )
