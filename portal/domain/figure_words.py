"""Figures in words: shares with a decimal, amounts short or exact, changes in points or per cent."""

from __future__ import annotations

from decimal import Decimal

from portal.domain.figures import Figure, Told
from portal.engine.text import Language, pick

_WAN, _YI, _THOUSAND, _MILLION = 10_000, 100_000_000, 1_000, 1_000_000
_TENFOLD = 900
"""Per cent more."""
NONE = "—"


def value_words(figure: Figure, value: Decimal | None, language: Language, *, exactly: bool = False) -> str:
    if value is None:
        return NONE
    if figure.kind == "share":
        return f"{value:.1f} %"
    return (exact(value) if exactly else amount(value, language)) if figure.kind == "money" else f"{value:,.0f}"


def exact(value: Decimal) -> str:
    return f"¥{value:,.2f}".removesuffix(".00")


def amount(value: Decimal, language: Language) -> str:
    """Short enough for a card."""
    big, small, signs = (_YI, _WAN, ("亿", "万")) if language == "zh" else (_MILLION, _THOUSAND, ("M", "K"))
    if value >= big:
        return f"¥{value / big:,.2f} {signs[0]}"
    return f"¥{value / small:,.1f} {signs[1]}" if value >= small else exact(value)


def change_words(told: Told, then: Decimal | None, language: Language) -> str:
    """How it went since then: points of a share, per cent of all else, how many times as much from tenfold on; a dash for nothing."""
    found = told.change(then)
    if found is None:
        return NONE
    shown = round(found, 1)
    if told.figure.kind != "share" and shown >= _TENFOLD:
        return f"×{1 + shown / 100:,.0f}"
    unit = pick("点 | pts", language) if told.figure.kind == "share" else "%"
    return f"{'+' if shown > 0 else '−' if shown < 0 else ''}{abs(shown)} {unit}"
