"""What is said of a figure, and of an area of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from portal.engine.text import Language
from portal.handbook.kind import Kind

AT_ONCE = "从那天的下一次点击起算，已打开的页面刷新后也是。 | Counts from the next click of that day, open pages once they are reloaded."
BY_THE_PRODUCT = "产品给出 | By the product"
"""The handbook says nothing of it."""
FOR_SAFETY = "安全要求 | For safety"


def handbook(clause: str) -> str:
    """Where the handbook says it."""
    return f"手册 {clause} | Handbook {clause}"


@dataclass(frozen=True, slots=True)
class PolicyDefinition:
    """One figure: what it is called and what it does, which kind it is of, what it is until somebody writes another."""

    key: str
    default: str
    kind: Kind
    label: str
    about: str
    clause: str
    counts: str = AT_ONCE
    """From when on another value counts, and what keeps the one before."""

    def read(self, text: str) -> Any:
        """The value; raises `BadValue`, which says what may be written, for a text that makes no sense."""
        return self.kind.read(text)

    def tell(self, text: str, language: Language) -> str:
        """A value that makes sense, in words."""
        return self.kind.tell(self.kind.read(text), language)


@dataclass(frozen=True, slots=True)
class Beside:
    """A page with more of the same matter, for who holds the permission."""

    label: str
    href: str
    permission: str


@dataclass(frozen=True, slots=True)
class Area:
    """Figures that belong together, in the order they are read."""

    key: str
    label: str
    policies: tuple[PolicyDefinition, ...]
    beside: tuple[Beside, ...] = ()
