"""What an address is made of: ids that can be, and rules that learn to write one out when they are first asked to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask
from werkzeug.exceptions import NotFound
from werkzeug.routing import IntegerConverter, Rule

from portal.engine.given import id_of

_Built = Callable[..., tuple[str, str]]


class RecordId(IntegerConverter):
    """An id in an address; beyond the largest there is no such page."""

    def to_python(self, value: str) -> int:
        found = id_of(value)
        if found is None:
            raise NotFound
        return found


class LateRule(Rule):
    """A rule that compiles how its address is written at the first `url_for`: of the thousand of a portal a handful are
    ever asked, and to compile them all is half of its start."""

    def _compile_builder(self, append_unknown: bool = True) -> _Built:
        compiled: list[_Built] = []

        def build(rule: Rule, **values: Any) -> tuple[str, str]:
            if not compiled:
                compiled.append(Rule._compile_builder(rule, append_unknown))  # noqa: SLF001 - there is no public way to put it off
            return compiled[0](rule, **values)

        return build


def install(app: Flask) -> None:
    """Before the first view is added."""
    app.url_rule_class = LateRule
    app.url_map.converters["int"] = RecordId
