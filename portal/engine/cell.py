"""What a value looks like: the one shape that lists, record pages and histories show."""

from __future__ import annotations

from typing import Literal, NamedTuple

CellKind = Literal["text", "link", "num", "money", "tag", "state", "person", "instant", "date", "phone", "flag", "mute"]


class Cell(NamedTuple):
    """A shown value. `tone` is one of ok, warn, bad, go, new, accent or empty.

    A tuple because a list makes hundreds: it is built in a third of a frozen dataclass's time.
    """

    kind: CellKind
    text: str
    tone: str = ""
    href: str = ""
    title: str = ""
    phone_slot: str = ""
    initial: str = ""


EMPTY = Cell("mute", "—")
