"""What the pages have in common on which something is put together before it is saved: its draft lives in the page's form."""

from __future__ import annotations

from typing import TypeVar

from portal.engine.given import id_of
from portal.engine.text import SEPARATOR

Row = TypeVar("Row")


def pair(chinese: str, english: str, most: int) -> str:
    """Both languages of what an administrator wrote; where he wrote one, it stands for both."""
    zh, en = (half.replace("\r", "").replace("|", "｜").strip()[:most] for half in (chinese, english))
    return f"{zh or en}{SEPARATOR}{en or zh}" if zh or en else ""


def one_line(text: str) -> str:
    """Without breaks, and with one blank where there were several."""
    return " ".join(text.split())


def halves(text: str) -> tuple[str, str]:
    """The other way round: what stands in the Chinese and in the English control."""
    chinese, _, english = text.partition(SEPARATOR)
    return chinese, english


def rearranged(rows: list[Row], do: str) -> int | None:
    """What a button of the list said: `choose:2`, `up:2`, `down:2`, `move:2:5`, `remove:2`.

    Returns the place that is looked at afterwards; None for what is no such button, and for a place outside the list.
    """
    what, *places = do.split(":")
    at, to = (*(id_of(place) for place in places), None, None)[:2]
    if at is None or at >= len(rows):
        return None
    if what in ("up", "down"):
        to = at - 1 if what == "up" else at + 1
    if what == "remove":
        del rows[at]
        return max(at - 1, 0)
    if what == "choose":
        return at
    if what in ("up", "down", "move") and to is not None and 0 <= to < len(rows):
        rows.insert(to, rows.pop(at))
        return to
    return None
