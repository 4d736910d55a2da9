"""The door to a record's paper: the reader's own view of it as PDF, noted in the record's history."""

from __future__ import annotations

from urllib.parse import quote

from flask import Response, make_response

from portal.domain.print_templates import in_use
from portal.domain.prints import Print
from portal.engine import audit
from portal.engine.spec import Spec
from portal.web import records
from portal.web.language import view as reader

PDF = "application/pdf"


def of_record(spec: Spec, record_id: int) -> Response:
    """A paper leaves the portal like an export does, so it stands in the history before it is handed out."""
    view, rights = reader(), records.rights()
    row = records.row_of(spec, record_id, view)
    template = in_use(spec)
    content = Print(spec, template.layout, rights, view, row).pdf()
    with records.writing() as (session, _now):
        audit.write(session, verb="print", entity=spec.name, record_id=record_id, after={"template": template.number})
    name = rights.cell(spec, spec.identity, row, view).text
    return answer(content, f"{name}.pdf")


def answer(content: bytes, name: str, how: str = "attachment") -> Response:
    """`how`: attachment, or inline for who looks at it in the browser."""
    response = make_response(content)
    response.headers["Content-Type"] = PDF
    response.headers["Content-Disposition"] = f"{how}; filename*=UTF-8''{quote(name)}"
    response.headers["Cache-Control"] = "no-store"
    return response
