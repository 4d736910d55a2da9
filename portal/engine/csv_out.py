"""Writing CSV that a spreadsheet shows and never runs.

A cell that begins like a formula gets an apostrophe in front; so does one that already begins with
apostrophes before such a sign, which makes the escape exactly reversible (`unescaped`).
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Text, cast, func

BOM = codecs.BOM_UTF8
# = + - @ tab CR; LF and the full-width signs are formulas to some East Asian spreadsheets.
_SIGNS = "=+@\t\r\n＝＋－＠-"
_FORMULA = re.compile(f"'*[{_SIGNS}]")
_ESCAPED = re.compile(f"'+[{_SIGNS}]")
_CHUNK_ROWS = 500


def escape(value: str) -> str:
    """The text as a spreadsheet shows it unchanged instead of running it."""
    return f"'{value}" if _FORMULA.match(value) else value


def unescaped(value: str) -> str:
    """What `escape` was given."""
    return value[1:] if _ESCAPED.match(value) else value


def escaped(column: ColumnElement[Any]) -> ColumnElement[str]:
    """`escape` as SQL, for text that people write; nothing is NULL, which a file shows as nothing."""
    return func.nullif(func.regexp_replace(cast(column, Text), f"^'*[{_SIGNS}]", r"'\&"), "")


def line(cells: Sequence[object]) -> bytes:
    """One CSV line, UTF-8: text escaped, None empty, numbers and dates as they print."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow([escape(cell) if isinstance(cell, str) else cell for cell in cells])
    return buffer.getvalue().encode()


def lines(rows: Iterable[Sequence[object]], *, bom: bool = True) -> Iterator[bytes]:
    """The file in chunks as it is made; `bom` lets Excel see that it is UTF-8."""
    chunk = [BOM] if bom else []
    for row in rows:
        chunk.append(line(row))
        if len(chunk) >= _CHUNK_ROWS:
            yield b"".join(chunk)
            chunk = []
    if chunk:
        yield b"".join(chunk)
