"""What a browser sends with a form of a page, as it stands there or with some controls filled in otherwise."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from tests.security.web import Browser

Attributes = dict[str, str | None]


class _Form(HTMLParser):
    """The controls of one form: of the one with this id, or of the one that posts to this address."""

    def __init__(self, wanted: str) -> None:
        super().__init__()
        self.wanted, self.inside, self.found = wanted, False, MultiDict[str, str]()
        self.select, self.area = "", ""
        self.first: str | None = None
        self.chosen = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given: Attributes = dict(attrs)
        if tag == "form":
            self.inside = self.wanted in (given.get("id"), given.get("action"))
        if not self.inside:
            return
        name = given.get("name") or ""
        match tag:
            case "input" if name and (given.get("type") not in ("checkbox", "radio") or "checked" in given):
                self.found.add(name, given.get("value") or "")
            case "select":
                self.select, self.first, self.chosen = name, None, "multiple" in given
            case "option" if self.select:
                self._option(given)
            case "textarea":
                self.area = name
                self.found.add(name, "")

    def _option(self, given: Attributes) -> None:
        value = given.get("value") or ""
        if "selected" in given:
            self.found.add(self.select, value)
            self.chosen = True
        elif self.first is None:
            self.first = value

    def handle_data(self, data: str) -> None:
        if self.area:
            self.found[self.area] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = False
        if tag == "textarea":
            self.area = ""
        if tag == "select" and self.select:
            if not self.chosen and self.first is not None:
                self.found.add(self.select, self.first)
            self.select = ""


def form_of(html: str, wanted: str) -> MultiDict[str, str]:
    """The form's controls as they stand in the page."""
    parser = _Form(wanted)
    parser.feed(html)
    assert parser.found, f"the page has no form {wanted}"
    return parser.found


def send(browser: Browser, path: str, form: MultiDict[str, str], do: str = "", **typed: Any) -> TestResponse:
    """The form with what is typed instead (a list for several controls of one name), and the button that is pressed."""
    given = form.copy()
    for name, value in {**typed, **({"do": do} if do else {})}.items():
        given.setlist(name, value if isinstance(value, list) else [value])
    return browser.client.post(path, data=given)
