"""For machines: alive, ready, and figures for Prometheus (to loopback or a token only)."""

from __future__ import annotations

import secrets
import time

from flask import Flask, Response, abort, current_app, g, jsonify, make_response, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from sqlalchemy import text

from portal.engine import store

_LOOPBACK = frozenset({"127.0.0.1", "::1"})
_HANDED_ON = ("X-Forwarded-For", "Forwarded", "X-Real-IP")
_registry = CollectorRegistry()
_requests = Counter("portal_requests_total", "Requests by door and status", ("endpoint", "status"), registry=_registry)
_seconds = Histogram("portal_request_seconds", "Time to answer by door", ("endpoint",), registry=_registry)


def install(app: Flask) -> None:
    """Three addresses and a stop-watch around every request."""

    @app.before_request
    def start() -> None:
        g.started = time.perf_counter()

    @app.after_request
    def measure(response: Response) -> Response:
        endpoint = request.endpoint or "none"
        _requests.labels(endpoint, response.status_code).inc()
        if "started" in g:
            _seconds.labels(endpoint).observe(time.perf_counter() - g.started)
        return response

    app.add_url_rule("/healthz", "healthz", lambda: jsonify(status="ok"))
    app.add_url_rule("/readyz", "readyz", _ready)
    app.add_url_rule("/metrics", "metrics", _metrics)


def _ready() -> Response:
    """The database answers and has our tables; Redis may be away, work then waits."""
    store.session().connection().execute(text("SELECT 1 FROM access_version"))
    return jsonify(status="ready")


def _metrics() -> Response:
    if not _may_read_metrics(current_app.extensions["portal_config"].metrics_token):
        abort(404)
    response = make_response(generate_latest(_registry))
    response.headers["Content-Type"] = CONTENT_TYPE_LATEST
    return response


def _may_read_metrics(token: str) -> bool:
    """By token where there is one, else from this machine: what a proxy hands on comes from elsewhere."""
    if token:
        return secrets.compare_digest(request.headers.get("X-Metrics-Token", "").encode(), token.encode())
    return request.remote_addr in _LOOPBACK and not any(name in request.headers for name in _HANDED_ON)
