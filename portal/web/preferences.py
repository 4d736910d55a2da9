"""How a person likes it: language, theme, density. Kept with the person where he is signed in, else in cookies."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app, g, make_response, redirect, request
from flask_appbuilder import BaseView, expose
from sqlalchemy import update

from portal.engine import store
from portal.engine.clock import clock
from portal.engine.errors import BadRequest
from portal.engine.spec import registry
from portal.engine.text import LANGUAGES
from portal.web.protection import local_path

CHOICES = {"language": LANGUAGES, "theme": ("auto", "light", "dark"), "density": ("compact", "comfortable")}
_KEPT_WITH_PERSON = frozenset({"language", "theme"})
_A_YEAR = 365 * 24 * 3600


class PreferencesView(BaseView):  # type: ignore[misc]
    """`POST /preferences`; a fetch gets 204, a form goes back to `back`."""

    route_base = ""
    default_view = "save"
    endpoint = "PreferencesView"

    @expose("/preferences", methods=["POST"])
    def save(self) -> Response:
        """Only known keys and values; the sign-in page may set them too."""
        wanted = _wanted()
        kept = {key: value for key, value in wanted.items() if key in _KEPT_WITH_PERSON}
        if kept and g.signed_in is not None:
            people: Any = registry()["user"].table
            with store.unit_of_work(g.principal, clock.now()) as session:
                session.connection().execute(update(people).where(people.c.id == g.principal.user_id).values(kept))
        return _with_cookies(_answer(), wanted)


def _wanted() -> dict[str, str]:
    given: Any = request.get_json(silent=True) if request.is_json else request.form.to_dict()
    if not isinstance(given, dict):
        raise BadRequest("设置不对。 | These settings are not valid.")
    wanted = {key: str(given.get(key)) for key in CHOICES if given.get(key) is not None}
    if not wanted or any(value not in CHOICES[key] for key, value in wanted.items()):
        raise BadRequest("设置不对。 | These settings are not valid.")
    return wanted


def _answer() -> Response:
    if back := request.form.get("back") or request.form.get("next"):
        return make_response(redirect(local_path(back), 303))
    return make_response("", 204)


def _with_cookies(response: Response, wanted: dict[str, str]) -> Response:
    """The pages before sign-in, and the first paint, read them from here."""
    secure = bool(current_app.config["SESSION_COOKIE_SECURE"])
    for key, value in wanted.items():
        response.set_cookie(key, value, max_age=_A_YEAR, secure=secure, httponly=True, samesite="Lax")
    return response
