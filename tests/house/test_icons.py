"""Every icon that the code names is in the sprite."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_NAMED = re.compile(r"""\bicon\s*[=(]\s*["']([a-z0-9-]+)["']|menu_entry\([^"]*"[^"]*",\s*"[^"]*",\s*"([a-z0-9-]+)\"""")


def test_every_icon_the_code_names_is_in_the_list_the_sprite_is_made_of() -> None:
    known = set((ROOT / "portal/static/icons.txt").read_text().split())
    named = {
        (name, file.name)
        for suffix in ("*.py", "*.html")
        for file in (ROOT / "portal").rglob(suffix)
        for found in _NAMED.finditer(file.read_text(encoding="utf-8"))
        if (name := found[1] or found[2])
    }
    assert len(named) > 20, "the pattern finds them no longer"
    assert not {(name, where) for name, where in named if name not in known}
