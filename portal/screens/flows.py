"""The flow page: draws who decides about a verb, edits a draft step by step, tries it on a record, puts it in use."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from flask import Response, g, make_response, redirect, render_template, request
from flask_appbuilder import BaseView, expose
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import Unauthorized

from portal.domain import flow_desk
from portal.domain.approval_flows import MODES, approvable, figure, flow_for
from portal.domain.approvers import People
from portal.engine.clock import clock
from portal.engine.errors import NotAllowed, PortalError
from portal.engine.given import id_of
from portal.engine.spec import Spec, spec_named
from portal.engine.verbs import Verb
from portal.screens.flow_versions import past, taken_up
from portal.web import records
from portal.web.language import language, view

_OPERATORS = {"eq": "=", "ne": "≠", "ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
_KINDS = ("integer", "decimal", "money", "choice", "flag", "text", "derived")
_CONDITIONS = 2
_NEW = {"label": "新的一步 | New step", "mode": "any", "who": [{"by": "superior", "level": 1}]}
Steps = list[dict[str, Any]]


class FlowDeskView(BaseView):  # type: ignore[misc]
    """A draft lives in the page's form until it is put in use."""

    route_base = "/flows"
    endpoint = "FlowDeskView"
    default_view = "flows"

    @expose("/")
    def flows(self) -> Response | str:
        _reader()
        if asked := request.args.get("verb", ""):
            entity, _, name = asked.partition(":")
            approvable(entity, name)
            return make_response(redirect(f"/flows/{entity}/{name}"))
        flows = [(spec_named(verb.entity), verb, flow) for verb, flow in flow_desk.with_flow()]
        others = [(spec_named(verb.entity), verb) for verb in flow_desk.candidates()]
        return render_template("flows.html", flows=flows, others=others)

    @expose("/<entity>/<name>", methods=("GET", "POST"))
    def flow(self, entity: str, name: str) -> Response | str:
        _reader()
        verb, spec = approvable(entity, name), spec_named(entity)
        current = flow_for(verb)
        if request.method == "GET":
            return _page(spec, verb, [dict(step) for step in current.steps] if current else [dict(_NEW)], 0)
        steps, chosen = flow_desk.steps_from(request.form.get("steps", "[]")), _number(request.form.get("chosen", "0"))
        error = ""
        try:
            if taken_up(entity, name, request.form.get("do", "")):
                return make_response(redirect(f"/flows/{entity}/{name}", 303))
            steps, chosen = _edited(steps, chosen, request.form)
            flow_desk.check(spec, steps, now=clock.now())
            if request.form.get("do") == "publish":
                with records.writing() as (_session, now):
                    flow_desk.publish(entity, name, steps, acting_user=records.principal(), now=now)
                return make_response(redirect(f"/flows/{entity}/{name}", 303))
        except PortalError as refusal:
            error = refusal.in_(language())
        return make_response(_page(spec, verb, steps, chosen, error), 422 if error else 200)


def _reader() -> None:
    if g.signed_in is None:
        raise Unauthorized
    if not records.principal().may("flow_desk:read"):
        raise NotAllowed


def _number(raw: str) -> int:
    return id_of(raw) or 0


def _edited(steps: Steps, chosen: int, form: MultiDict[str, str]) -> tuple[Steps, int]:
    """The draft after what the button said; what was typed for the chosen step is kept whatever it was."""
    if 0 <= chosen < len(steps) and "label_zh" in form:
        steps[chosen] = _step(form)
    what, _, place = form.get("do", "").partition(":")
    at = min(_number(place), len(steps))
    match what:
        case "add":
            steps.insert(at, dict(_NEW))
            return steps, at
        case "remove" if len(steps) > 1 and at < len(steps):
            del steps[at]
            return steps, max(at - 1, 0)
        case "up" if 0 < at < len(steps):
            steps[at - 1], steps[at] = steps[at], steps[at - 1]
            return steps, at - 1
        case "choose":
            return steps, at
    return steps, chosen


def _step(form: MultiDict[str, str]) -> dict[str, Any]:
    zh = form.get("label_zh", "").replace("|", " ").strip()
    en = form.get("label_en", "").replace("|", " ").strip()
    when = [
        [form[f"field{n}"], form.get(f"op{n}", "eq"), form.get(f"value{n}", "").strip()]
        for n in range(_CONDITIONS)
        if form.get(f"field{n}") and form.get(f"value{n}", "").strip()
    ]
    made = {"label": f"{zh} | {en or zh}", "mode": form.get("mode", "any"), "who": flow_desk.who_from(form.getlist("who"))}
    return {**made, "when": when} if when else made


def _shown(value: Any, now: datetime) -> Any:
    """A condition's figure as it is today; one that names no policy as it was written."""
    try:
        return figure(value, now)
    except PortalError:
        return value


def _page(spec: Spec, verb: Verb, steps: Steps, chosen: int, error: str = "") -> str:
    now, samples = clock.now(), flow_desk.samples(spec, view())
    given = _number(request.values.get("record", "0"))
    record = given if given in dict(samples) else (samples[0][0] if samples else 0)
    may_ask = flow_desk.askers(verb, record, now=now) if record else []
    asked_by = _number(request.values.get("asker", "0"))
    asked_by = asked_by if asked_by in dict(may_ask) else may_ask[0][0] if may_ask else 0
    run = flow_desk.dry_run(verb.entity, verb.name, steps, record, now=now, asked_by=asked_by)[0] if record and not error else []
    current = flow_for(verb)
    steps = steps or [dict(_NEW)]
    chosen = max(0, min(chosen, len(steps) - 1))
    fields = [f for f in spec.fields.values() if f.kind in _KINDS and f.filterable]
    return render_template(
        "flow.html",
        spec=spec,
        verb=verb,
        steps=steps,
        draft=json.dumps(steps, ensure_ascii=False),
        chosen=chosen,
        error=error,
        current=current if current and current.steps else None,
        past=past(verb),
        unread=[] if error else flow_desk.unread(spec, steps, now=now),
        under_way=flow_desk.under_way(verb.entity, verb.name),
        changed=current is None or [dict(s) for s in current.steps] != steps,
        samples=samples,
        record=record,
        run=run,
        asked_by=asked_by,
        askers=may_ask,
        names=People(now).name,
        modes=MODES,
        operators=_OPERATORS,
        fields=fields,
        somebody=flow_desk.somebody(now),
        picked=flow_desk.who_values(steps[chosen].get("who", ())),
        conditions=range(_CONDITIONS),
        figure=lambda value: _shown(value, now),
    )
