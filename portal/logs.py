"""Structured logs: one JSON line an event (readable in development), never with values of variables."""

from __future__ import annotations

import logging

import structlog


def configure(*, production: bool) -> None:
    """Set up structlog and the standard library's logging alike."""
    traces = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([traces, structlog.processors.JSONRenderer()] if production else [plain]),
        ],
        logger_factory=structlog.PrintLoggerFactory(),
    )
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    logging.getLogger("flask_appbuilder").setLevel(logging.WARNING)
