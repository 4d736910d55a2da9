"""The bell: one's own notices, newest first; opening one marks it read."""

from __future__ import annotations

from flask import Response, make_response, redirect, render_template, request
from flask_appbuilder import BaseView, expose

from portal.engine import outbox, store
from portal.engine.errors import NotFound
from portal.engine.given import id_of
from portal.engine.text import pick
from portal.web import records
from portal.web.language import language, view
from portal.web.protection import local_path

_PAGE = 50


class InboxView(BaseView):  # type: ignore[misc]
    """Rows are found by their recipient; nobody can name another's."""

    route_base = "/inbox"
    endpoint = "InboxView"
    default_view = "inbox"

    @expose("/")
    def inbox(self) -> str:
        who = records.admit("inbox:read").user_id
        rows = outbox.inbox(store.session(), who, before_id=id_of(request.args.get("before", "")), limit=_PAGE + 1)
        notices = [
            {
                "id": r.id,
                "title": pick(r.title, language()),
                "body": pick(r.body, language()) or "",
                "at": r.created_at,
                "read": r.read_at is not None,
                "href": r.href,
            }
            for r in rows[:_PAGE]
        ]
        older = f"/inbox/?before={rows[_PAGE - 1].id}" if len(rows) > _PAGE else ""
        return render_template("inbox.html", notices=notices, older=older, here=view())

    @expose("/read", methods=("POST",))
    def read_all(self) -> Response:
        who = records.admit("inbox:read").user_id
        with records.writing() as (session, now):
            outbox.mark_read(session, who, now=now)
        return make_response(redirect("/inbox/", 303))

    @expose("/<int:notice_id>", methods=("POST",))
    def open(self, notice_id: int) -> Response:
        who = records.admit("inbox:read").user_id
        mine = outbox.inbox(store.session(), who, before_id=notice_id + 1, limit=1)
        if not mine or mine[0].id != notice_id:
            raise NotFound
        with records.writing() as (session, now):
            outbox.mark_read(session, who, ids=[notice_id], now=now)
        return make_response(redirect(local_path(mine[0].href or "/inbox/"), 303))
