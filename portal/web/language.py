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
    own = g.get("language")
    return own if own in LANGUAGES else _of_browser()


def _of_browser() -> Language:
    """What neither changes during a request: the cookie, else the company's language."""
    if "browser_language" not in g:
        wanted = request.cookies.get(COOKIE)
        g.browser_language = wanted if wanted in LANGUAGES else current_app.extensions["portal_config"].language
    found: Language = g.browser_language
    return found


def view() -> View:
    """How this reader sees values."""
    return View(language(), ZoneInfo(current_app.extensions["portal_config"].time_zone), clock.now())
