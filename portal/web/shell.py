"""What every page has around it: navigation by permission, language, theme, bell; and the templates' helpers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from flask import Flask, g, request
from flask_wtf.csrf import generate_csrf

from portal.engine.kinds.dates import relative, relative_day, urgency
from portal.engine.text import LANGUAGES, Language, Text, pick
from portal.security.principal import Principal
from portal.security.view_as import Looking
from portal.web import cells
from portal.web.language import language, view
from portal.web.navigation import NOTHING, Navigation, navigation
from portal.web.said import said_once

APP_NAME = "销售门户 | Sales portal"
_TONES = 6


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    initial: str
    tone: int


@dataclass(frozen=True, slots=True)
class Shell:
    brand: str
    language: str
    theme: str
    density: str
    user: Person | None
    nav: Navigation
    bell: int
    csrf: str
    path: str
    looking: Looking | None = None


def install(app: Flask) -> None:
    """Give templates the shell and their few helpers."""
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    static = _static_versions(Path(app.static_folder or ""))
    if not app.config["TEMPLATES_AUTO_RELOAD"]:
        static = cache(static)
    app.jinja_env.globals.update(
        t=_t, icon=cells.icon, static=static, when=_when, due=_due, said_once=said_once, day_words=_day_words, avatar_tone=tone
    )
    app.jinja_env.filters.update(cell=cells.cell, table_rows=cells.table_rows)

    @app.context_processor
    def helpers() -> dict[str, Any]:
        return {"shell": _shell(), "t": _in[language()]}


def _said(chosen: Language, text: str | Text, **facts: Any) -> str:
    found = str(pick(text, chosen))
    return found.format(**facts) if facts else found


_in = {each: partial(_said, each) for each in LANGUAGES}
"""`t` of a page, which has one language."""


def _t(text: str | Text, **facts: Any) -> str:
    """`t` of imported macros, which see nothing of the page."""
    return _said(language(), text, **facts)


def _day_words(day: Any) -> str:
    return relative_day(day, view())


def _when(instant: Any) -> tuple[str, str]:
    here = view()
    return relative(instant, here), instant.astimezone(here.zone).strftime("%Y-%m-%d %H:%M")


def _due(instant: Any) -> tuple[str, str]:
    return urgency(instant, view())


def tone(name: str) -> int:
    """One of six avatar colours, the same for a name everywhere."""
    return sum(map(ord, name)) % _TONES + 1


def _shell() -> Shell:
    who: Principal = g.get("principal")
    signed_in = g.get("signed_in") is not None
    name = who.name if signed_in else ""
    return Shell(
        brand=_t(APP_NAME),
        language=language(),
        theme=g.get("theme") or request.cookies.get("theme", "auto"),
        density=request.cookies.get("density", "compact"),
        user=Person(name, name[-1:] if name else "", tone(name)) if signed_in else None,
        nav=navigation(who, language(), request.path) if signed_in else NOTHING,
        bell=g.get("bell", 0),
        csrf=generate_csrf(),
        path=request.full_path.rstrip("?"),
        looking=g.get("looking"),
    )


def _static_versions(folder: Path) -> Any:
    def static(path: str) -> str:
        """A static file's address with its version, so that it may be cached for good."""
        file = folder / path
        version = int(file.stat().st_mtime) if file.exists() else 0
        return f"/static/{path}?v={version}"

    return static
