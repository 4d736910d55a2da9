"""What the next page tells once: something was done by a form that leads on to another page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from flask import session as cookie

from portal.engine.text import Text
from portal.web.language import language

_KEY = "said"


@dataclass(frozen=True, slots=True)
class Said:
    """A toast: its words, where they lead, and the address that takes it back."""

    text: str
    href: str = ""
    label: str = ""
    undo_href: str = ""


def say_next(text: Text, *, href: str = "", label: str = "查看 | Open", undo_href: str = "") -> None:
    """Tell it on the page that comes next, whichever that is."""
    cookie[_KEY] = asdict(Said(text.in_(language()), href, Text(label).in_(language()) if href else "", undo_href))


def say_toast(toast: Mapping[str, Any] | None) -> None:
    """The same of what htmx would have been told."""
    if toast:
        keys = ("text", "href", "label", "undo_href")
        cookie[_KEY] = asdict(Said(**{key: str(toast.get(key) or "") for key in keys}))


def said_once() -> Said | None:
    """What there is to tell, which is told by this."""
    found: Any = cookie.pop(_KEY, None)
    return Said(**found) if found else None
