"""One's own page, for phones: navigation, language, theme, password, sign out."""

from __future__ import annotations

from flask import render_template
from flask_appbuilder import BaseView, expose

from portal.web import records


class MeView(BaseView):  # type: ignore[misc]
    """Shows nothing but what the shell knows of the reader."""

    route_base = "/me"
    endpoint = "MeView"
    default_view = "me"

    @expose("/")
    def me(self) -> str:
        records.admit()
        return render_template("me.html")
