"""The sales portal: record types are declared once, everything else is derived."""

from portal.factory import create_app

__all__ = ["create_app"]
