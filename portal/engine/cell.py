"""What a value looks like: the one shape that lists, record pages and histories show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CellKind = Literal["text", "link", "num", "money", "tag", "state", "person", "instant", "date", "phone", "flag", "mute"]


@dataclass(frozen=True, slots=True)
class Cell:
    """A shown value. `tone` is one of ok, warn, bad, go, new, accent or empty."""

    kind: CellKind
    text: str
    tone: str = ""
    href: str = ""
    title: str = ""
    phone_slot: str = ""
    initial: str = ""


EMPTY = Cell("mute", "—")
