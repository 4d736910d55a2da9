"""The reader: language, company time zone and now, for everything a page shows."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from flask import current_app, g, request

from portal.engine.clock import clock
from portal.engine.fields import View
from portal.engine.text import LANGUAGES, Language

COOKIE = "language"


def language() -> Language:
    """The person's setting, else the cookie, else the company's language."""
    for wanted in (g.get("language"), request.cookies.get(COOKIE), current_app.extensions["portal_config"].language):
        if wanted in LANGUAGES:
            return wanted
    return "zh"


def view() -> View:
    """How this reader sees values."""
    return View(language(), ZoneInfo(current_app.extensions["portal_config"].time_zone), clock.now())
