"""The quarter's meeting pack: pick the quarter, take the PDF. It leaves the portal like an export, so it stands in the audit."""

from __future__ import annotations

from flask import Response, render_template
from flask_appbuilder import BaseView, expose

from portal.domain.packs import Pack, quarter_named, quarters
from portal.engine import audit
from portal.engine.clock import clock
from portal.engine.errors import BadRequest
from portal.engine.text import pick
from portal.web import records
from portal.web.language import language, view
from portal.web.prints import answer

PERMISSION = "work_report:comment"
"""Whoever reads and answers the reports of others leads them, and takes their figures to the meeting."""
_FILE = "季度会议资料 | Meeting pack"
_NO_QUARTER = "没有这个季度的资料：{key}。 | There is no pack of {key}."


class PackView(BaseView):  # type: ignore[misc]
    """What a pack holds is within its reader's own scope."""

    route_base = "/meeting-pack"
    endpoint = "PackView"
    default_view = "packs"

    @expose("/")
    def packs(self) -> str:
        records.admit(PERMISSION)
        now = clock.now()
        return render_template("packs.html", quarters=quarters(now), today=view().now)

    @expose("/<key>.pdf")
    def pack(self, key: str) -> Response:
        who, now = records.admit(PERMISSION), clock.now()
        try:
            span = quarter_named(key, now)
        except ValueError as error:
            raise BadRequest(_NO_QUARTER, key=key) from error
        content = Pack(who, span, view(), now).pdf()
        with records.writing() as (session, _now):
            audit.write(session, verb="print", entity="meeting_pack", record_id=None, after={"quarter": span.key})
        return answer(content, f"{pick(_FILE, language())} {span.key}.pdf")
