"""Every handbook figure on one page, and an editor for each; what is written goes through the operations of `policy`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Response, make_response, redirect, render_template, request
from flask_appbuilder import BaseView, expose

from portal.domain import policy_desk as desk
from portal.engine.clock import clock
from portal.engine.errors import BadRequest, Changed, Invalid, NotAllowed
from portal.engine.given import id_of, refuse_unknown
from portal.engine.text import Text
from portal.security.principal import Principal
from portal.web import records

READ = "policy:read"
_WRITE = ("policy:create", "policy:edit")
_LIST, _EDITOR = {"q", "show"}, {"value", "saved"}


@dataclass(frozen=True, slots=True)
class Typed:
    """What the controls of an editor hold."""

    parts: Sequence[str]
    effective_on: str
    reason: str = ""


class PolicyDeskView(BaseView):  # type: ignore[misc]
    """What holds, what is planned, what was; the list of `policy` stays the history of all of them."""

    route_base = "/policies"
    endpoint = "PolicyDeskView"
    default_view = "policies"

    @expose("/")
    def policies(self) -> str:
        who = _reader(_LIST)
        words, shown = request.args.get("q", "").strip(), request.args.get("show", "all")
        if shown not in desk.SHOWN:
            raise BadRequest("不认识的参数：{name}。 | Unknown argument: {name}.", name=shown[:40])
        found = desk.desk(who, now=clock.now(), words=words[:100], shown=shown)
        return render_template("policies.html", desk=found, words=words[:100], shown=shown)

    @expose("/<key>", methods=("GET", "POST"))
    def policy(self, key: str) -> Response | str:
        who = _reader(_EDITOR)
        if request.method == "GET":
            return _page(key)
        if not any(map(who.may, _WRITE)):
            raise NotAllowed
        line = desk.line_of(key, now=clock.now())[1]
        form = request.form
        typed = Typed(form.getlist("value"), form.get("effective_on", ""), form.get("reason", ""))
        if form.get("do") == "default":
            return _page(key, Typed(line.policy.kind.parts(line.policy.default), typed.effective_on, typed.reason))
        given = {"value": line.policy.kind.gathered(typed.parts), "effective_on": typed.effective_on, "reason": typed.reason}
        try:
            with records.writing() as (_session, now):
                row_id = desk.put(key, given, form.get("seen", ""), acting_user=who, now=now)
        except Invalid as wrong:
            return make_response(_page(key, typed, wrong.errors), wrong.status)
        except Changed as changed:
            return make_response(_page(key, typed, {"": changed.text}), changed.status)
        return make_response(redirect(f"/policies/{key}?saved={row_id}", 303))

    @expose("/<key>/take-back", methods=("POST",))
    def take_back(self, key: str) -> Response:
        who = _reader(set())
        with records.writing() as (_session, now):
            desk.take_back(key, id_of(request.form.get("id", "")) or 0, acting_user=who, now=now)
        return make_response(redirect(f"/policies/{key}?saved=0", 303))


def _reader(known: set[str]) -> Principal:
    """Who reads policies; an argument that nobody knows is refused."""
    who = records.admit(READ)
    refuse_unknown(request.args, known)
    return who


def _page(key: str, typed: Typed | None = None, errors: dict[str, Text] | None = None) -> str:
    area, line = desk.line_of(key, now=clock.now())
    kind, may = line.policy.kind, records.principal().may
    typed = typed or Typed(kind.parts(request.args.get("value", line.text)), line.today.isoformat())
    saved = id_of(request.args.get("saved", ""))
    return render_template(
        "policy.html",
        area=area,
        line=line,
        typed=typed,
        beside=desk.beside(area, records.principal()),
        options=desk.options(line.policy, kind.parts(line.text)),
        errors=errors or {},
        saved=next((row for row in line.rows if row.id == saved), None),
        taken=saved == 0,
        edits=any(may(each) for each in _WRITE),
        takes=may("policy:delete"),
    )
