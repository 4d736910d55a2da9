"""Pictures of every page kind for each role, both widths, themes and languages, into build/screens with an index.

`--guides` takes those that README and guides show, into docs/pictures.
"""

from __future__ import annotations

import sys
import tempfile
from html import escape
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import portal.demo  # noqa: E402
from portal.factory import create_app  # noqa: E402
from tests import services  # noqa: E402
from tests.matrix.http import served  # noqa: E402
from tests.pages.browser import WIDTHS, launch, sign_in  # noqa: E402
from tests.pages.test_pages import PAGES, first_of  # noqa: E402

TARGET = ROOT / "build" / "screens"
GUIDES = ROOT / "docs" / "pictures"
SHOWN = (
    ("rep-home", "rep07", "/", 1440, "light", "en"),
    ("pool", "leader01", "/lead/?tab=pool", 1440, "light", "en"),
    ("record", "rep07", "/lead/first", 1440, "light", "zh"),
    ("leader-home", "leader01", "/", 1440, "dark", "en"),
    ("report-phone", "rep07", "/report-desk/first", 390, "light", "zh"),
    ("import", "admin01", "/lead/import", 1440, "light", "zh"),
    ("fields", "admin01", "/fields/1", 1440, "light", "zh"),
    ("flow", "admin01", "/flows/contract/submit", 1440, "light", "zh"),
)


def main() -> None:
    """A demo company of its own, served and photographed."""
    TARGET.mkdir(parents=True, exist_ok=True)
    with services.clone(services.migrated_template()) as url, tempfile.TemporaryDirectory() as home:
        config = services.config_for(Path(home), url, services.valkey_url("screens"))
        app = create_app(config)
        portal.demo.load(config)
        with served(app) as port:
            base = f"http://127.0.0.1:{port}"
            taken = _for_guides(base) if "--guides" in sys.argv else _photograph(base)
    if "--guides" not in sys.argv:
        _index(taken)
    print(f"{len(taken)} pictures")


def _index(taken: list[str]) -> None:
    rows = "".join(
        f'<figure><figcaption>{escape(name)}</figcaption><img src="{name}" loading="lazy" width="480"></figure>' for name in taken
    )
    (TARGET / "index.html").write_text(f"<!DOCTYPE html><title>Screens</title>{rows}", encoding="utf-8")


def _for_guides(base: str) -> list[str]:
    GUIDES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = launch(playwright)
        visitors = {login: sign_in(browser, base, login) for login in {each[1] for each in SHOWN}}
        for name, login, path, width, theme, language in SHOWN:
            visitor = visitors[login]
            with visitor.page(first_of(visitor, path), width=width, theme=theme, language=language) as page:
                page.screenshot(path=str(GUIDES / f"{name}.png"))
        browser.close()
    return [name for name, *_ in SHOWN]


def _photograph(base: str) -> list[str]:
    taken = []
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for login, paths in PAGES.items():
            visitor = sign_in(browser, base, login)
            for number, path in enumerate(paths):
                there = first_of(visitor, path)
                for width in WIDTHS:
                    for theme in ("light", "dark"):
                        for language in ("zh", "en"):
                            name = f"{login}-{number:02}-{width}-{theme}-{language}.png"
                            with visitor.page(there, width=width, theme=theme, language=language) as page:
                                page.screenshot(path=str(TARGET / name), full_page=width < max(WIDTHS))
                            taken.append(name)
        browser.close()
    return taken


if __name__ == "__main__":
    main()
