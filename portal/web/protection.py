"""What every response carries and every unsafe request must show: strict policy headers, CSRF, no store."""

from __future__ import annotations

from flask import Flask, Response, current_app, g, request

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def install(app: Flask) -> None:
    """CSRF before the view, headers after it."""

    @app.before_request
    def check_origin() -> None:
        if request.method not in _SAFE and not request.headers.get("Authorization") and not _is_token_login():
            current_app.extensions["portal_csrf"].protect()

    @app.after_request
    def protect(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        if request.endpoint != "static" and getattr(g, "signed_in", None) is not None:
            response.headers["Cache-Control"] = "no-store"
        return response


def _is_token_login() -> bool:
    """The password in the body is the proof; no cookie is read, so nothing can be forged."""
    return request.path in {"/api/v1/security/login", "/api/v1/security/refresh"}
