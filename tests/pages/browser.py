"""A real Chromium on a served demo company: signed-in pages in any width, theme and language."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, Playwright

from portal.demo.accounts import demo_password

AXE = Path(__file__).resolve().parents[2] / "build" / "vendor" / "axe.min.js"
WIDTHS = {1440: 900, 390: 844}
_ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync")

_FAULTS = """axe.run(document, {resultTypes: ["violations"]}).then((result) => result.violations.map(
  (fault) => fault.id + ": " + fault.nodes.slice(0, 3).map((node) => node.target.join(" ")).join(", ")))"""


def launch(playwright: Playwright) -> Browser:
    """Debian's Chromium; no browser of Playwright's own is downloaded."""
    program = shutil.which("chromium") or "/usr/bin/chromium"
    return playwright.chromium.launch(executable_path=program, args=list(_ARGUMENTS))


@dataclass
class Visitor:
    """One signed-in person; `said` is what the console said (a strict policy must stay silent)."""

    context: BrowserContext
    base: str
    said: list[str] = field(default_factory=list)

    @contextmanager
    def page(self, path: str, *, width: int = 1440, theme: str = "light", language: str = "zh") -> Iterator[Page]:
        self.context.add_cookies(
            [{"name": name, "value": value, "url": self.base} for name, value in (("theme", theme), ("language", language))]
        )
        page = self.context.new_page()
        page.set_viewport_size({"width": width, "height": WIDTHS[width]})
        page.on("console", lambda message: self.said.append(f"{path}: {message.text}") if message.type == "error" else None)
        page.on("pageerror", lambda error: self.said.append(f"{path}: {error}"))
        page.goto(self.base + path)
        try:
            yield page
        finally:
            page.close()


def sign_in(browser: Browser, base: str, login: str) -> Visitor:
    """Through the sign-in page, as a person does."""
    return signed_in(Visitor(browser.new_context(), base), login)


def signed_in(visitor: Visitor, login: str) -> Visitor:
    """The same person, signed in again if the session has ended meanwhile."""
    with visitor.page("/login/") as page:
        if page.locator("[name=username]").count():
            page.fill("[name=username]", login)
            page.fill("[name=password]", demo_password(login))
            page.press("[name=password]", "Enter")
            page.wait_for_url(visitor.base + "/")
    return visitor


def faults(page: Page) -> list[str]:
    """What axe-core finds wrong."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate(_FAULTS)
    return [str(each) for each in found]


def too_wide(page: Page) -> bool:
    """Whether the page scrolls sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth + 1"))
