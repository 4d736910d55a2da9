"""The flow page: draws who decides about a verb, edits a draft step by step, tries it on a record, puts it in use."""

from __future__ import annotations

import json
from typing import Any

from flask import Response, make_response, redirect, render_template, request
from flask_appbuilder import BaseView, expose

from portal.domain import flow_desk, flow_rules, flow_trial
from portal.domain.approval_flows import MODES, approvable, flow_for
from portal.domain.approvers import People
from portal.engine.clock import clock
from portal.engine.errors import PortalError
from portal.engine.fields import View
from portal.engine.given import id_of
from portal.engine.spec import Spec, spec_named
from portal.engine.verbs import Verb
from portal.screens import drafts, flow_form
from portal.screens.flow_versions import past, taken_up
from portal.web import records
from portal.web.language import language, view

_NEW = {"label": "新的一步 | New step", "mode": "any", "who": [{"by": "superior", "level": 1}]}
Steps = list[dict[str, Any]]


class FlowDeskView(BaseView):  # type: ignore[misc]
    """A draft lives in the page's form until it is put in use."""

    route_base = "/flows"
    endpoint = "FlowDeskView"
    default_view = "flows"

    @expose("/")
    def flows(self) -> Response | str:
        records.admit("flow_desk:read")
        if asked := request.args.get("verb", ""):
            entity, _, name = asked.partition(":")
            approvable(entity, name)
            return make_response(redirect(f"/flows/{entity}/{name}"))
        flows = [(spec_named(verb.entity), verb, flow) for verb, flow in flow_desk.with_flow()]
        others = [(spec_named(verb.entity), verb) for verb in flow_desk.candidates()]
        return render_template("flows.html", flows=flows, others=others)

    @expose("/<entity>/<name>", methods=("GET", "POST"))
    def flow(self, entity: str, name: str) -> Response | str:
        records.admit("flow_desk:read")
        verb, spec = approvable(entity, name), spec_named(entity)
        current = flow_for(verb)
        if request.method == "GET":
            return _page(spec, verb, [dict(step) for step in current.steps] if current else [dict(_NEW)], 0)
        steps, chosen, error = flow_desk.steps_from(request.form.get("steps", "[]")), id_of(request.form.get("chosen", "0")) or 0, ""
        try:
            if taken_up(entity, name, request.form.get("do", "")):
                return make_response(redirect(f"/flows/{entity}/{name}?saved=1", 303))
            chosen = flow_form.edited(spec, steps, chosen, request.form, _NEW)
            if request.form.get("do") == "publish":
                with records.writing() as (_session, now):
                    started = id_of(request.form.get("number", ""))
                    started = -1 if started is None else started
                    flow_desk.publish(entity, name, _named(steps), acting_user=records.principal(), now=now, started=started)
                return make_response(redirect(f"/flows/{entity}/{name}?saved=1", 303))
            flow_desk.check(spec, [flow_rules.finished(step) for step in steps], now=clock.now())
        except PortalError as refusal:
            error = refusal.in_(language())
        return make_response(_page(spec, verb, steps, chosen, error), 422 if error else 200)


def _looked_at(step: dict[str, Any]) -> str:
    """The control that has the focus when a part of the page comes back: the one that asked for it, a new row, the way to one."""
    match request.form.get("do", "").partition(":")[0]:
        case "more":
            return f"field{len(step.get('when', ())) - 1}"
        case "less":
            return "more"
    return request.headers.get("HX-Trigger-Name", "")


def _named(steps: Steps) -> Steps:
    """Without rows in which nothing was chosen."""
    kept = [(step, [each for each in step.get("when", ()) if each[0]]) for step in steps]
    return [{**{key: step[key] for key in ("label", "mode", "who")}, **({"when": when} if when else {})} for step, when in kept]


def _tried(spec: Spec, verb: Verb, steps: Steps, how: View, *, wrong: bool) -> dict[str, Any]:
    """The dry run: on which record, asked for by whom, and how it goes; a draft that is wrong is not tried."""
    now, samples = how.now or clock.now(), flow_desk.samples(spec, how)
    given, asked_by = (id_of(request.values.get(key, "0")) or 0 for key in ("record", "asker"))
    record = given if given in dict(samples) else (samples[0][0] if samples else 0)
    trial = None
    if record and not wrong:
        trial = flow_trial.run(verb, steps, record, now=now, view=how, rights=records.rights(), asked_by=asked_by)
    return {
        "samples": samples,
        "record": record,
        "trial": trial,
        "askers": flow_desk.askers(verb, record, now=now) if record else [],
        "asked_by": trial.asked_by if trial else asked_by,
    }


def _page(spec: Spec, verb: Verb, steps: Steps, chosen: int, error: str = "") -> str:
    now, how = clock.now(), view()
    people, current = People(now), flow_for(verb)
    steps = steps or [dict(_NEW)]
    chosen = max(0, min(chosen, len(steps) - 1))
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
        unread=[] if error else flow_desk.unread(spec, [flow_rules.finished(step) for step in steps], now=now),
        number=request.form.get("number", current.number if current else 0),
        under_way=flow_desk.under_way(verb.entity, verb.name),
        changed=current is None or [dict(s) for s in current.steps] != _named(steps),
        **_tried(spec, verb, steps, how, wrong=bool(error)),
        names=people.name,
        modes=MODES,
        halves=drafts.halves,
        cards=[flow_form.deciders(step, people) for step in steps],
        today=[people.name[each] for each in people.listed(steps[chosen].get("who", ()), 0)],
        rules=[[flow_rules.told(spec, each, now, how) for each in step.get("when", ()) if each[0]] for step in steps],
        fields=flow_rules.askable(spec),
        rows=flow_form.rows(spec, steps[chosen], how, now),
        most=flow_form.MOST,
        focus=_looked_at(steps[chosen]),
        somebody=flow_desk.somebody(),
        picked=flow_desk.who_values(steps[chosen].get("who", ())),
    )
