"""A paper of A4 pages as PDF: title, headings, paragraphs, facts, tables, signatures; knows no record.

A table that runs over a page repeats its head; a row is not torn unless it is higher than a page. Lines break as
Chinese type does: anywhere between characters, never inside a Latin word or a figure, never before 。 or after （.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from fpdf import FPDF, XPos, YPos

from portal.engine import paper_fonts

_MARGIN, _TOP, _BOTTOM = 20.0, 24.0, 20.0
_WIDE = 210.0 - 2 * _MARGIN
_MM = 72 / 25.4
_SIZE, _SMALL = 10.5, 8.5
_LEADING = 0.6
"""Line height in mm per point of type."""
_PADDING = 1.4
_INK, _PALE, _RULE, _SHADE = 25, 110, 185, 243
_NEVER_FIRST = "。，、；：！？）】》」』”’％%…·,.;:!?)]}"
_NEVER_LAST = "（【《「『“‘([{¥$€"
_TOKEN = re.compile(r"[A-Za-z0-9¥$€%.,:/@#&_+\-'*()]+|\s|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Column:
    """`share` is its part of the table's width; figures stand to the right."""

    label: str
    share: float = 1.0
    right: bool = False


class _Pages(FPDF):
    """What every page carries."""

    def __init__(self, head: str, foot: str, mark: str, count: str) -> None:
        super().__init__(format="A4")
        self.head, self.foot, self.mark, self.count = head, foot, mark, count

    def header(self) -> None:
        if self.mark:
            self.set_font(paper_fonts.FAMILY, "B", 96)
            self.set_text_color(232)
            wide = self.get_string_width(self.mark)
            with self.rotation(45, 105, 148.5):
                self.text(105 - wide / 2, 160, self.mark)
        self._small(12, self.head, "L")

    def footer(self) -> None:
        self._small(-14, self.foot, "L")
        self._small(-14, self.count.format(page=self.page_no(), pages=self.str_alias_nb_pages), "R")

    def _small(self, at: float, words: str, align: str) -> None:
        self.set_font(paper_fonts.FAMILY, "", _SMALL)
        self.set_text_color(_PALE)
        self.set_xy(_MARGIN, at)
        self.cell(_WIDE, 5, words, align=align)


class Paper:
    """Written from top to bottom; `pdf()` ends it. `mark` stands large and pale behind the words of every page."""

    def __init__(
        self, title: str, *, now: datetime, head: str = "", foot: str = "", mark: str = "", count: str = "{page} / {pages}"
    ) -> None:
        clean = paper_fonts.printable
        self._pdf = _Pages(clean(head), clean(foot), clean(mark), count)
        paper_fonts.lend(self._pdf)
        self._pdf.set_margins(_MARGIN, _TOP, _MARGIN)
        self._pdf.set_auto_page_break(auto=False)
        self._pdf.set_title(title)
        self._pdf.set_creation_date(now)
        self._pdf.add_page()
        self._pdf.set_y(_TOP)
        self._title(title)

    def pdf(self) -> bytes:
        return bytes(self._pdf.output())

    # parts -------------------------------------------------------------------------------------
    def heading(self, words: str) -> None:
        """Stays with what follows."""
        self._need(20)
        self._down(3)
        self._lines(lines(words, _WIDE, "B", 12), style="B", size=12)
        self._down(1)

    def paragraph(self, words: str) -> None:
        """Its own line breaks are kept."""
        self._lines(lines(words, _WIDE, "", _SIZE))
        self._down(1.5)

    def facts(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Labels and what they say, two columns of a ruled table."""
        self.table((Column("", 0.26), Column("", 0.74)), [list(pair) for pair in pairs], heads=False)

    def table(self, columns: Sequence[Column], rows: Sequence[Sequence[str]], *, heads: bool = True) -> None:
        total = sum(column.share for column in columns)
        wide = [_WIDE * column.share / total for column in columns]
        head = [lines(column.label, room - 2 * _PADDING, "B", _SIZE) for column, room in zip(columns, wide, strict=True)] if heads else []
        bold = [heads is False and at == 0 and len(columns) > 1 for at in range(len(columns))]
        if head:
            self._need(_height(head) + _high(_SIZE) + 2 * _PADDING)
            self._row(columns, wide, head, bold=[True] * len(columns), shaded=True)
        for row in rows:
            cells = [lines(words, room - 2 * _PADDING, "", _SIZE) for words, room in zip(row, wide, strict=True)]
            for part in self._fitting(cells, _height(head) if head else 0):
                if self._full(_height(part)):
                    self._page()
                    if head:
                        self._row(columns, wide, head, bold=[True] * len(columns), shaded=True)
                self._row(columns, wide, part, bold=bold)
        self._down(3)

    def signatures(self, parties: Sequence[tuple[str, Sequence[str]]]) -> None:
        """Side by side, each with the lines to be filled in; never torn."""
        room = _WIDE / max(len(parties), 1)
        named = [lines(name, room - 6, "B", _SIZE) for name, _ in parties]
        blanks = max((len(entries) for _, entries in parties), default=0)
        self._need(max(map(len, named), default=0) * _high(_SIZE) + blanks * 12 + 8)
        self._down(4)
        top = self._pdf.get_y()
        for at, (_, entries) in enumerate(parties):
            x, y = _MARGIN + at * room, top
            for line in named[at]:
                self._say(x, y, line, room - 6, "B")
                y += _high(_SIZE)
            for entry in entries:
                y += 12
                self._say(x, y - 6, entry, room - 6)
                self._pdf.set_draw_color(_RULE)
                self._pdf.line(x + paper_fonts.width(entry, "", _SIZE) / _MM + 2, y, x + room - 10, y)
        self._pdf.set_y(top + max(map(len, named), default=0) * _high(_SIZE) + blanks * 12 + 4)

    # layout ------------------------------------------------------------------------------------
    def _title(self, words: str) -> None:
        self._lines(lines(words, _WIDE, "B", 18), style="B", size=18, align="C")
        self._down(4)

    def _lines(self, found: Sequence[str], *, style: str = "", size: float = _SIZE, align: str = "L") -> None:
        for line in found:
            self._need(_high(size))
            self._say(_MARGIN, self._pdf.get_y(), line, _WIDE, style, size, align)
            self._down(_high(size))

    def _say(self, x: float, y: float, line: str, wide: float, style: str = "", size: float = _SIZE, align: str = "L") -> None:
        self._pdf.set_font(paper_fonts.FAMILY, style, size)
        self._pdf.set_text_color(_INK)
        self._pdf.set_xy(x, y)
        self._pdf.cell(wide, _high(size), line, align=align, new_x=XPos.LEFT, new_y=YPos.TOP)

    def _row(
        self,
        columns: Sequence[Column],
        wide: Sequence[float],
        cells: Sequence[Sequence[str]],
        *,
        bold: Sequence[bool],
        shaded: bool = False,
    ) -> None:
        pdf, high, x, top = self._pdf, _height(cells), _MARGIN, self._pdf.get_y()
        pdf.set_draw_color(_RULE)
        pdf.set_fill_color(_SHADE)
        for column, room, words, strong in zip(columns, wide, cells, bold, strict=True):
            # A rule, and no filled ground where nothing is shaded: the mark behind stays readable.
            pdf.rect(x, top, room, high, style="DF" if shaded else "D")
            for at, line in enumerate(words):
                y = top + _PADDING + at * _high(_SIZE)
                align = "R" if column.right else "L"
                # The library pads a cell by a millimetre of its own on each side.
                self._say(x + _PADDING - pdf.c_margin, y, line, room - 2 * (_PADDING - pdf.c_margin), "B" if strong else "", align=align)
            x += room
        pdf.set_y(top + high)

    def _fitting(self, cells: Sequence[Sequence[str]], head: float) -> Iterator[list[list[str]]]:
        """A row whole, or in parts where it is higher than a page."""
        most = int((297 - _TOP - _BOTTOM - head - 2 * _PADDING) // _high(_SIZE))
        for start in range(0, max(map(len, cells), default=1) or 1, most):
            yield [list(cell[start : start + most]) for cell in cells]

    def _need(self, high: float) -> None:
        if self._full(high):
            self._page()

    def _full(self, high: float) -> bool:
        return self._pdf.get_y() + high > 297 - _BOTTOM and self._pdf.get_y() > _TOP

    def _page(self) -> None:
        self._pdf.add_page()
        self._pdf.set_y(_TOP)

    def _down(self, by: float) -> None:
        self._pdf.set_y(self._pdf.get_y() + by)


def _high(size: float) -> float:
    return size * _LEADING


def _height(cells: Sequence[Sequence[str]]) -> float:
    return max((len(cell) for cell in cells), default=1) * _high(_SIZE) + 2 * _PADDING


def lines(words: str, wide: float, style: str, size: float) -> list[str]:
    """The lines of a text in a column of this width in mm."""
    room, found = wide * _MM, []
    for paragraph in paper_fonts.printable(words).split("\n"):
        line, used = "", 0.0
        for token in _tokens(paragraph, room, style, size):
            long = paper_fonts.width(token, style, size)
            if used + long > room and line.strip():
                found.append(line.rstrip())
                line, used = "", 0.0
                if token.isspace():
                    continue
            line, used = line + token, used + long
        found.append(line.rstrip())
    return found


def _tokens(paragraph: str, room: float, style: str, size: float) -> Iterator[str]:
    """What is not torn: a character with the marks that must stay beside it, a Latin word, a figure."""
    held = ""
    for token in _TOKEN.findall(paragraph):
        if held and token[0] not in _NEVER_FIRST and held[-1] not in _NEVER_LAST:
            yield from _pieces(held, room, style, size)
            held = ""
        held += token
    yield from _pieces(held, room, style, size)


def _pieces(token: str, room: float, style: str, size: float) -> Iterator[str]:
    """A word longer than a line is torn after all."""
    while len(token) > 1 and paper_fonts.width(token, style, size) > room:
        keep = next(n for n in range(len(token) - 1, 0, -1) if n == 1 or paper_fonts.width(token[:n], style, size) <= room)
        yield token[:keep]
        token = token[keep:]
    if token:
        yield token
