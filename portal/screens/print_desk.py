"""The print template page: sections are added, ordered and worded here, tried on a record, and each save is a new version."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from flask import Response, make_response, redirect, render_template, request
from flask_appbuilder import BaseView, expose
from werkzeug.datastructures import MultiDict

from portal.domain import flow_desk
from portal.domain import print_templates as desk
from portal.domain.prints import Print
from portal.engine import printing
from portal.engine.errors import BadRequest, PortalError
from portal.engine.given import id_of, json_of
from portal.engine.printing import Layout, Section
from portal.engine.spec import Spec, spec_named
from portal.screens import drafts
from portal.web import prints, records
from portal.web.language import language, view

_BODY, _LINE = 10_000, 200
Sections = list[Section]


class PrintDeskView(BaseView):  # type: ignore[misc]
    """A draft lives in the page's form until it is put in use."""

    route_base = "/print-templates"
    endpoint = "PrintDeskView"
    default_view = "templates"

    @expose("/")
    def templates(self) -> str:
        records.admit("print_desk:read")
        return render_template("print_templates.html", templates=[desk.in_use(spec) for spec in desk.printed()])

    @expose("/<entity>", methods=("GET", "POST"))
    def template(self, entity: str) -> Response | str:
        records.admit("print_desk:read")
        spec = spec_named(entity)
        current = desk.in_use(spec)
        if request.method == "GET":
            return _page(current, current.layout, 0)
        layout, chosen = _drafted(request.form)
        error = ""
        try:
            layout, chosen = _applied(spec, layout, chosen, request.form.get("do", ""))
            if request.form.get("do") == "preview":
                return _preview(spec, layout)
            if request.form.get("do") == "publish":
                started = id_of(request.form.get("number", "0")) or 0
                with records.writing() as (_session, now):
                    desk.publish(spec, layout, started, acting_user=records.principal(), now=now)
                return make_response(redirect(f"/print-templates/{entity}", 303))
        except PortalError as refusal:
            error = refusal.in_(language())
        return make_response(_page(current, layout, chosen, error), 422 if error else 200)


def _preview(spec: Spec, layout: Layout) -> Response:
    """On a record that the administrator may see, or with the fields' names in place of values."""
    printing.check(spec, layout)
    how, sample = view(), id_of(request.form.get("sample", "0")) or 0
    row = records.row_of(spec, sample, how) if sample else None
    return prints.answer(Print(spec, layout, records.rights(), how, row).pdf(), f"{spec.name}.pdf")


def _drafted(form: MultiDict[str, str]) -> tuple[Layout, int]:
    """The draft as the form carries it; what was typed for the chosen section is kept whatever it was."""
    try:
        layout = printing.read(json_of(form.get("layout", "{}")))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadRequest("版式的内容不对，请重新打开这一页。 | The layout cannot be read; open the page again.") from error
    texts = {key: _pair(form, key, _LINE) for key in ("title", "head", "foot")}
    sections, chosen = list(layout.sections), id_of(form.get("chosen", "0")) or 0
    if chosen < len(sections) and "heading_zh" in form:
        fields = tuple(dict.fromkeys(form.getlist("field")))
        known = sections[chosen]
        # A field ticked later comes last; the others keep the order they are printed in.
        kept = tuple(key for key in known.fields if key in fields)
        sections[chosen] = replace(
            known,
            heading=_pair(form, "heading", _LINE),
            body=_pair(form, "body", _BODY),
            fields=(*kept, *(key for key in fields if key not in kept)),
            when=form.get("when", ""),
        )
    return Layout(sections=tuple(sections), **texts), chosen


def _pair(form: MultiDict[str, str], key: str, most: int) -> str:
    return drafts.pair(form.get(f"{key}_zh", ""), form.get(f"{key}_en", ""), most)


def _applied(spec: Spec, layout: Layout, chosen: int, do: str) -> tuple[Layout, int]:
    """What the button said; a place outside the list changes nothing."""
    what, *rest = do.split(":")
    found: Sections = list(layout.sections)
    at: int | None
    if what == "add" and rest[:1] and rest[0] in printing.KINDS:
        of = rest[1] if len(rest) > 1 and rest[1] in {part.name for part in spec.parts()} else ""
        found.append(Section(rest[0], of=of))
        at = len(found) - 1
    else:
        at = drafts.rearranged(found, do)
    return replace(layout, sections=tuple(found)), chosen if at is None else at


def _page(current: desk.InUse, layout: Layout, chosen: int, error: str = "") -> str:
    spec = current.spec
    section = layout.sections[chosen] if chosen < len(layout.sections) else None
    part = printing.part_of(spec, section) if section and section.kind in ("facts", "table") else None
    given: dict[str, Any] = {
        "carried": json.dumps(printing.document(layout), ensure_ascii=False),
        "changed": printing.document(layout) != printing.document(current.layout),
        "halves": drafts.halves,
        "named": {each.name: each.label for each in spec.parts()},
    }
    return render_template(
        "print_template.html",
        spec=spec,
        number=id_of(request.form.get("number", "")) if request.method == "POST" else current.number,
        layout=layout,
        chosen=chosen,
        section=section,
        fields=printing.placeable(part) if part else (),
        places=printing.placeable(spec),
        samples=flow_desk.samples(spec, view()),
        kinds=printing.KINDS,
        capitals=printing.CAPITALS,
        error=error,
        **given,
    )
