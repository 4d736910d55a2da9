"""The Chinese font of printed papers: read once per process, embedded as the few characters a paper uses.

Reading one weight takes about a second, nearly all of it for the order of its 30,000 glyphs and their widths. Both are
kept; each paper gets copies that count its own characters and cut its own subset.
"""

from __future__ import annotations

from copy import copy
from functools import cache
from logging import WARNING, getLogger
from pathlib import Path

from fontTools import ttLib
from fpdf import FPDF
from fpdf.fonts import SubsetMap, TTFFont

# It tells every glyph of every subset.
getLogger("fontTools").setLevel(WARNING)

FAMILY = "paper"
FOLDER = Path(__file__).resolve().parents[1] / "fonts"
"""Filled by `make setup`; outside what the web serves."""
_FILES = {"": "NotoSansSC_400Regular.ttf", "B": "NotoSansSC_700Bold.ttf"}
_UNUSED = ("vmtx", "vhea", "BASE", "STAT")
"""Of upright columns and of variable fonts: nothing on our papers, and a third of the time that a subset takes."""
UNKNOWN = "〓"
"""Stands for a character that the font lacks, as typesetters mark it."""


@cache
def _measured(style: str) -> TTFFont:
    """Widths and glyph order of one weight. Never printed with, so its subset stays empty."""
    reader = FPDF()
    reader.add_font(FAMILY, style, FOLDER / _FILES[style])
    found = reader.fonts[FAMILY + style]
    assert isinstance(found, TTFFont)  # noqa: S101 - the core fonts have other names
    return found


def lend(pdf: FPDF) -> None:
    """Give a paper the font in both weights."""
    for style, name in _FILES.items():
        known = _measured(style)
        own = copy(known)
        own.i = len(pdf.fonts) + 1
        own.missing_glyphs = []
        own.ttfont = ttLib.TTFont(FOLDER / name, recalcTimestamp=False, lazy=True)
        own.ttfont.setGlyphOrder(list(known.ttfont.getGlyphOrder()))
        for table in _UNUSED:
            if table in own.ttfont:
                del own.ttfont[table]
        own.subset = SubsetMap(own)
        pdf.fonts[FAMILY + style] = own


def width(text: str, style: str, size: float) -> float:
    """Of a text in points."""
    widths, cmap = _measured(style).cw, _measured(style).cmap
    return sum(widths[ord(each)] for each in text if ord(each) in cmap) * size / 1000


@cache
def _known(character: str) -> bool:
    return ord(character) in _measured("").cmap


def printable(text: str) -> str:
    """A text in characters that the font has; one that it lacks is shown to be missing, never dropped."""
    return "".join(each if each in "\n\t" or _known(each) else UNKNOWN for each in text.replace("\r", ""))
