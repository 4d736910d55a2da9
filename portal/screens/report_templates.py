"""The report template page: its questions are added, ordered and worded here, and each save is a new version."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from flask import Response, make_response, redirect, render_template, request
from flask_appbuilder import BaseView, expose
from werkzeug.datastructures import MultiDict

from portal import models
from portal.domain import report_templates as desk
from portal.engine import questions as asking
from portal.engine.clock import clock
from portal.engine.errors import BadRequest, NotFound, PortalError
from portal.engine.given import id_of, json_of
from portal.engine.questions import Question
from portal.entities.reports import Period
from portal.screens import drafts
from portal.security.roles import role_label
from portal.web import records
from portal.web.language import language

_READ, _CREATE, _EDIT = (f"report_template:{verb}" for verb in ("read", "create", "edit"))
_NEW = {"name": "", "period": Period.DAY.value, "for_role": "", "for_team_id": None}


@dataclass(slots=True)
class Draft:
    """What the page holds until it is saved: the template's own facts, its questions, and which one is being worded."""

    about: dict[str, Any]
    questions: list[Question]
    chosen: int = 0


class TemplateDeskView(BaseView):  # type: ignore[misc]
    """A draft lives in the page's form until it is saved."""

    route_base = "/report-templates"
    endpoint = "TemplateDeskView"
    default_view = "templates"

    @expose("/")
    def templates(self) -> str:
        records.admit(_READ, _EDIT)
        found = [(each, asking.read(each.questions)) for each in desk.in_use()]
        return render_template("report_templates.html", templates=found, periods=Period, role_label=role_label, teams=dict(desk.teams()))

    @expose("/new", methods=("GET", "POST"))
    def new(self) -> Response | str:
        records.admit(_CREATE, _EDIT)
        return _edited(None, Draft(dict(_NEW), []))

    @expose("/<int:template_id>", methods=("GET", "POST"))
    def edit(self, template_id: int) -> Response | str:
        records.admit(_EDIT)
        found = next((each for each in desk.in_use() if each.id == template_id), None)
        if found is None:
            raise NotFound
        about = {key: getattr(found, key) for key in _NEW}
        return _edited(found, Draft(about, list(asking.read(found.questions))))


def _edited(template: models.ReportTemplate | None, draft: Draft) -> Response | str:
    if request.method == "GET":
        return _page(template, draft)
    records.admit(_CREATE, _EDIT)
    draft, error = _drafted(draft), ""
    try:
        _apply(draft, request.form.get("do", ""))
        if request.form.get("do") == "publish":
            with records.writing() as (_session, now):
                desk.publish(template.id if template else None, draft.about, draft.questions, acting_user=records.principal(), now=now)
            return make_response(redirect("/report-templates/", 303))
    except PortalError as refusal:
        error = refusal.in_(language())
    return make_response(_page(template, draft, error), 422 if error else 200)


def _drafted(stored: Draft) -> Draft:
    """The draft as the form carries it; what was typed for the chosen question is kept whatever it was."""
    form = request.form
    try:
        questions = list(asking.read(json_of(form.get("questions", "{}"))))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadRequest("问题的内容不对，请重新打开这一页。 | The questions cannot be read; open the page again.") from error
    chosen = id_of(form.get("chosen", "0")) or 0
    if chosen < len(questions) and "label_zh" in form:
        questions[chosen] = _worded(questions[chosen], form)
    period = form.get("period", "")
    team = id_of(form.get("for_team_id", ""))
    about = {
        "name": form.get("name", "").strip()[:80],
        "period": period if period in {kind.value for kind in Period} else stored.about["period"],
        "for_role": form.get("for_role", "") if form.get("for_role", "") in desk.roles_that_report() else "",
        "for_team_id": team if team in dict(desk.teams()) else None,
    }
    return Draft(about, questions, chosen)


def _worded(question: Question, form: MultiDict[str, str]) -> Question:
    return replace(
        question,
        label=_pair(form.get("label_zh", ""), form.get("label_en", "")),
        help=_pair(form.get("help_zh", ""), form.get("help_en", "")),
        required=bool(form.get("required")),
        parts=tuple(_part(line) for line in form.get("parts", "").splitlines() if line.strip()),
    )


def _part(line: str) -> str:
    chinese, _, english = line.partition("|")
    return _pair(chinese, english)


def _pair(chinese: str, english: str) -> str:
    return drafts.pair(drafts.one_line(chinese), drafts.one_line(english), 200)


def _apply(draft: Draft, do: str) -> None:
    """What the button said; a place outside the list changes nothing."""
    what, _, kind = do.partition(":")
    if what == "add" and kind in asking.KINDS:
        draft.questions.append(Question(_free_key(draft.questions), kind, "", required=True))
        draft.chosen = len(draft.questions) - 1
    elif (at := drafts.rearranged(draft.questions, do)) is not None:
        draft.chosen = at


def _free_key(questions: list[Question]) -> str:
    """q1, q2 …: one no question of the draft has had."""
    used = [int(each.key[1:]) for each in questions if each.key[:1] == "q" and each.key[1:].isdecimal()]
    return f"q{max([*used, len(questions)]) + 1}"


def _page(template: models.ReportTemplate | None, draft: Draft, error: str = "") -> str:
    chosen = draft.questions[draft.chosen] if draft.chosen < len(draft.questions) else None
    return render_template(
        "report_template.html",
        template=template,
        about=draft.about,
        questions=draft.questions,
        chosen=draft.chosen,
        question=chosen,
        halves=drafts.halves,
        carried=json.dumps(asking.document(draft.questions), ensure_ascii=False),
        changed=template is None or asking.document(draft.questions) != asking.document(asking.read(template.questions)),
        kept=desk.opened_with(template.id) if template else 0,
        error=error,
        kinds=asking.KINDS,
        periods=Period,
        roles=[(name, role_label(name)) for name in desk.roles_that_report()],
        teams=desk.teams(),
        now=clock.now(),
    )
