"""Custom fields as they stand in their form: dragged, or moved by keyboard, within a section and from one to another."""

from __future__ import annotations

from flask import Response, g, make_response, redirect, render_template, request
from flask_appbuilder import BaseView, expose
from werkzeug.exceptions import Unauthorized

from portal.domain import field_order
from portal.engine import store
from portal.engine.errors import BadRequest, NotAllowed
from portal.engine.given import id_of
from portal.entities.custom import FieldKind, FieldState
from portal.web import records

READ, EDIT, CREATE = "custom_field:read", "custom_field:edit", "custom_field:create"


class FieldDeskView(BaseView):  # type: ignore[misc]
    """One record type a page."""

    route_base = "/fields"
    endpoint = "FieldDeskView"
    default_view = "fields"

    @expose("/", methods=("GET", "POST"))
    def fields(self) -> Response | str:
        _require(READ)
        if request.method == "POST":
            return _moved()
        offered = field_order.subjects()
        spec = next((each for each in offered if each.name == request.args.get("entity")), offered[0])
        may = records.principal().may
        return render_template(
            "field_desk.html",
            subjects=offered,
            spec=spec,
            parts=field_order.parts(store.session(), spec),
            kinds={kind.value: kind.label for kind in FieldKind},
            states={state.value: state for state in FieldState},
            moved=id_of(request.args.get("moved", "")) or 0,
            by=request.args.get("by", ""),
            edits=may(EDIT),
            creates=may(CREATE),
        )


def _moved() -> Response:
    """`up:7`, `down:7`, `move:7:9` (to the place of field 9), `move:7:s1` (to the top of the second section)."""
    _require(EDIT)
    how, _, rest = request.form.get("do", "").partition(":")
    number, _, target = rest.partition(":")
    field_id = id_of(number)
    if field_id is None or how not in ("up", "down", "move"):
        raise BadRequest("不认识的操作。 | Unknown action.")
    with records.writing() as (session, now):
        who = records.principal()
        if how == "move":
            record = field_order.move(session, field_id, target, acting_user=who, now=now)
        else:
            record = field_order.shift(session, field_id, -1 if how == "up" else 1, acting_user=who, now=now)
        where = f"/fields/?entity={record.entity}&moved={record.id}&by={how}"
    return make_response(redirect(where, 303))


def _require(permission: str) -> None:
    if g.signed_in is None:
        raise Unauthorized
    if not records.principal().may(permission):
        raise NotAllowed
