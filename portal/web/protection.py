"""What every response carries and every unsafe request must show: strict policy headers, CSRF, no store; shut doors."""

from __future__ import annotations

from itertools import chain
from urllib.parse import urlsplit

from flask import Flask, Response, abort, current_app, g, request
from flask_appbuilder.api.manager import OpenApi

from portal.engine.given import storable

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
_TLS_ONLY = "max-age=31536000; includeSubDomains"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OF_FAB = "flask_appbuilder."


def install(app: Flask) -> None:
    """FAB's own doors shut, CSRF before the view, headers after it."""

    @app.before_request
    def check_characters() -> None:
        told = (text for values in (request.args, request.form) for _, text in values.items(multi=True))
        named = (each.filename or "" for _, each in request.files.items(multi=True))
        if not all(map(storable, chain(told, named))):
            abort(400)

    @app.before_request
    def shut() -> None:
        if is_shut(app, request.endpoint):
            abort(404)

    @app.before_request
    def check_origin() -> None:
        if request.method not in _SAFE and not request.headers.get("Authorization") and not _is_token_login():
            current_app.extensions["portal_csrf"].protect()

    @app.after_request
    def protect(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers.extend({k: v for k, v in HEADERS.items() if k not in response.headers})
        if current_app.extensions["portal_config"].env == "production":
            response.headers["Strict-Transport-Security"] = _TLS_ONLY
        if request.endpoint != "static" and (getattr(g, "signed_in", None) is not None or "Cache-Control" not in response.headers):
            response.headers["Cache-Control"] = "no-store"
        return response


def is_shut(app: Flask, endpoint: str | None) -> bool:
    """Whether a route is one that Flask-AppBuilder brings along and we replaced: all but its OpenAPI document."""
    if endpoint is None:
        return False
    if endpoint == "appbuilder.static":
        return True
    owner = type(getattr(app.view_functions.get(endpoint), "__self__", None))
    return owner.__module__.startswith(_OF_FAB) and owner is not OpenApi


def local_path(target: str | None) -> str:
    """A `next` that stays here: a path of ours, never another host or scheme; else the home page."""
    text = target or "/"
    if not text.startswith("/") or text.startswith("//") or "\\" in text or any(ord(letter) < 32 for letter in text):  # noqa: PLR2004
        return "/"
    parts = urlsplit(text)
    return "/" if parts.scheme or parts.netloc else text


def _is_token_login() -> bool:
    """The password in the body is the proof; no cookie is read, so nothing can be forged."""
    return request.path in {"/api/v1/security/login", "/api/v1/security/refresh"}
