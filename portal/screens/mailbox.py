"""Mail caught in development, to be read on a page instead of sent."""

from __future__ import annotations

from flask import Response, current_app, render_template
from flask_appbuilder import BaseView, expose

from portal.engine.errors import NotFound
from portal.engine.mailbox import Mailbox
from portal.web import records


class MailboxView(BaseView):  # type: ignore[misc]
    """Only where no mail server is set, and never in production."""

    route_base = "/mailbox"
    endpoint = "MailboxView"
    default_view = "mails"

    @expose("/")
    def mails(self) -> Response | str:
        records.admit("mailbox:read")
        config = current_app.extensions["portal_config"]
        if config.is_production or config.smtp_url:
            raise NotFound
        return render_template("mailbox.html", mails=Mailbox(config.home / "mail").mails(limit=50))
