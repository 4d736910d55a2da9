"""Custom fields of a record type: where they stand in its form, one of them worded and previewed, new ones, and those put away."""

from __future__ import annotations

from typing import Any

from flask import Response, make_response, redirect, render_template, request
from flask_appbuilder import BaseView, expose

from portal import models
from portal.domain import field_desk, field_order
from portal.domain.custom_fields import KINDS
from portal.engine import operations, store
from portal.engine.errors import BadRequest, Refused
from portal.engine.given import id_of
from portal.engine.spec import Spec, spec_named, spec_of
from portal.entities.custom import FieldKind, FieldState
from portal.screens import drafts
from portal.screens.field_editor import NEW_SECTION, Editor, pictured
from portal.web import records
from portal.web.language import language, view

READ, EDIT, CREATE, DELETE = (f"custom_field:{verb}" for verb in ("read", "edit", "create", "delete"))
_UNKNOWN = "不认识的操作。 | Unknown action."


class FieldDeskView(BaseView):  # type: ignore[misc]
    """One record type a page, one field at a time beside it."""

    route_base = "/fields"
    endpoint = "FieldDeskView"
    default_view = "fields"

    @expose("/", methods=("GET", "POST"))
    def fields(self) -> Response | str:
        records.admit(READ)
        if request.method == "POST":
            return _moved()
        spec = _subject(request.args.get("entity", ""))
        away = id_of(request.args.get("archived", "")) or 0
        return _page(spec, form=_whole(spec), put_away=next((each for each in _archived(spec) if each.id == away), None))

    @expose("/new", methods=("GET", "POST"))
    def new(self) -> Response | str:
        """First the kind, which is never changed afterwards; then everything else."""
        records.admit(CREATE)
        spec, kind = _subject(request.values.get("entity", "")), request.values.get("kind", "")
        if kind not in {each.value for each in FieldKind}:
            return _page(spec, form=_whole(spec), choosing=True)
        return _edited(Editor(spec, FieldKind(kind), None))

    @expose("/<int:field_id>", methods=("GET", "POST"))
    def edit(self, field_id: int) -> Response | str:
        records.admit(READ if request.method == "GET" else EDIT)
        record = records.find(spec_of(models.CustomField), field_id)
        if request.method == "POST" and request.form.get("do") == "archive":
            return _archive(record)
        return _edited(Editor(spec_named(record.entity), FieldKind(record.kind), record))


def _edited(editor: Editor) -> Response | str:
    do = request.form.get("do", "")
    if request.method == "POST" and do == "save":
        if field_id := editor.save():
            return make_response(redirect(f"/fields/{field_id}?saved=1", 303))
    elif request.method == "POST":
        editor.rearrange(do)
    return make_response(_page(editor.of, editor=editor), editor.status)


def _moved() -> Response:
    """`up:7`, `down:7`, `move:7:9` (to the place of field 9), `move:7:s1` (to the top of the second section), `restore:7`."""
    how, _, rest = request.form.get("do", "").partition(":")
    number, _, target = rest.partition(":")
    field_id = id_of(number)
    records.admit(DELETE if how == "restore" else EDIT)
    if field_id is None or how not in ("up", "down", "move", "restore"):
        raise BadRequest(_UNKNOWN)
    if how == "restore":
        return _restore(field_id)
    with records.writing() as (session, now):
        who = records.principal()
        if how == "move":
            record = field_order.move(session, field_id, target, acting_user=who, now=now)
        else:
            record = field_order.shift(session, field_id, -1 if how == "up" else 1, acting_user=who, now=now)
        at = id_of(request.form.get("at", ""))
        where = f"/fields/{at}?moved={record.id}&by={how}" if at else f"/fields/?entity={record.entity}&moved={record.id}&by={how}"
    return make_response(redirect(where, 303))


def _archive(record: models.CustomField) -> Response:
    """Put away with all its values; a flow that asks for it keeps it."""
    records.admit(DELETE)
    try:
        with records.writing() as (session, now):
            spec = spec_of(models.CustomField)
            found = records.find(spec, record.id)
            operations.remove(session, spec, found, acting_user=records.principal(), now=now)
            where = f"/fields/?entity={found.entity}&archived={found.id}"
    except Refused as refusal:
        editor = Editor(spec_named(record.entity), FieldKind(record.kind), records.find(spec_of(models.CustomField), record.id))
        return make_response(_page(editor.of, editor=editor, error=refusal.in_(language())), refusal.status)
    return make_response(redirect(where, 303))


def _restore(field_id: int) -> Response:
    spec = spec_of(models.CustomField)
    with records.writing() as (session, now):
        record = records.find(spec, field_id, with_deleted=True)
        operations.restore(session, spec, record, acting_user=records.principal(), now=now)
    return make_response(redirect(f"/fields/{field_id}", 303))


def _subject(name: str) -> Spec:
    """The record type that is asked for; the first one that takes fields where none is."""
    offered = field_order.subjects()
    return next((each for each in offered if each.name == name), offered[0])


def _archived(spec: Spec) -> list[models.CustomField]:
    return field_desk.archived(store.session(), spec.name)


def _whole(spec: Spec) -> list[tuple[str, list[Any]]]:
    """The form as it is, section by section."""
    titles = dict.fromkeys(each.section for each in spec.form)
    return [(title, pictured([each for each in spec.form if each.section == title], view())) for title in titles]


def _page(spec: Spec, *, editor: Editor | None = None, error: str = "", **more: Any) -> str:
    may = records.principal().may
    return render_template(
        "field_editor.html" if editor else "field_desk.html",
        subjects=field_order.subjects(),
        spec=spec,
        parts=field_order.parts(store.session(), spec),
        archived=_archived(spec),
        editor=editor,
        chosen=editor.record.id if editor and editor.record else 0,
        target=spec_named(editor.stored.target).label if editor and editor.stored.target else "",
        error=error,
        kinds={kind.value: kind.label for kind in FieldKind},
        made_of={kind.value: made for kind, made in KINDS.items()},
        states={state.value: state for state in FieldState},
        halves=drafts.halves,
        new_section=NEW_SECTION,
        general=field_desk.GENERAL,
        moved=id_of(request.args.get("moved", "")) or 0,
        by=request.args.get("by", ""),
        edits=may(EDIT),
        writes=may(EDIT if editor and editor.record else CREATE),
        creates=may(CREATE),
        deletes=may(DELETE),
        **more,
    )
