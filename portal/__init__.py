"""The sales portal: record types are declared once, everything else is derived."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from config import Config


def create_app(config: Config) -> Flask:
    """The portal as a WSGI application. The parts are read here, so that a lower room can be imported alone."""
    from portal.factory import create_app as plug_together  # noqa: PLC0415

    return plug_together(config)
