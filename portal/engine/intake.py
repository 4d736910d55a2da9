"""Reading the CSV file a person hands in: what it is written in, its columns, its rows one by one.

Memory stays constant however long the file is. Whatever stops the reading is said in the user's
words (`UnreadableFile`); what is wrong with one row is said on that row and the next one follows.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from portal.engine.charset import charset_of
from portal.engine.csv_out import unescaped
from portal.engine.errors import PortalError
from portal.engine.text import Text, say

DELIMITERS = (",", ";", "\t", "|")
SAMPLE_ROWS = 10
_LOOK_AHEAD = 50
_NO_QUOTE_LEFT_OPEN = "\x1fend of file\x1f"
_DECLARED_DELIMITER = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
_SPREADSHEETS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


class UnreadableFile(PortalError):
    """The file cannot be read; the text says why and what to do."""

    status = 422
    rule = "unreadable_file"


@dataclass(frozen=True)
class Limits:
    """How much one file may bring: bytes, rows, columns, and characters in one line."""

    bytes: int = 200 * 1024 * 1024
    rows: int = 1_000_000
    columns: int = 300
    line: int = 1_000_000


LIMITS = Limits()


class Values(dict[str, str]):
    """One row by column name. `problem` is what is wrong with its shape, None when nothing is."""

    problem: Text | None = None


@dataclass(frozen=True)
class Shape:
    """How a file is to be read, as guessed; a person may replace encoding and delimiter.

    `header_row` is the header's row as a spreadsheet counts (1 = first). `row_count` is an
    estimate: lines with content after the header. `sample` are the first rows.
    """

    encoding: str
    delimiter: str
    header: tuple[str, ...]
    header_row: int = 1
    row_count: int = 0
    sample: tuple[Values, ...] = field(default=(), compare=False)


def sniff(path: Path, *, encoding: str | None = None, delimiter: str | None = None, limits: Limits = LIMITS) -> Shape:
    """Guess how to read the file; what the caller names is taken instead of guessed.

    Reads the whole file up to three times, so that a wrong character on the last line is told now
    and not in the middle of an import. Raises UnreadableFile.
    """
    _refuse_by_size_and_kind(path, limits)
    encoding = encoding or charset_of(path)
    if encoding is None:
        raise UnreadableFile(
            "认不出文件的文字编码。请在表格软件里另存为“CSV UTF-8”再上传。"
            " | The text encoding of the file is unknown. Save it as “CSV UTF-8” and upload again."
        )
    _refuse_unknown(encoding, delimiter)
    lines_with_content = _count_lines(path, encoding, limits)
    declared = _declared_delimiter(path, encoding, limits)
    delimiter = delimiter or declared or _likeliest_delimiter(path, encoding, limits)
    number, cells = _header_record(path, encoding, delimiter, limits, after_declaration=bool(declared))
    row_count = max(0, lines_with_content - 1 - bool(declared))
    shape = Shape(encoding, delimiter, _named(cells, limits), number, row_count)
    first = islice(rows(path, shape, limits=limits), SAMPLE_ROWS)
    return replace(shape, sample=tuple(values for _, values in first))


def rows(path: Path, shape: Shape, *, limits: Limits = LIMITS) -> Iterator[tuple[int, Values]]:
    """Each row with its number as a spreadsheet shows it; blank rows are skipped.

    A row with too few or too many cells comes with a `problem`; missing cells are empty. Raises
    UnreadableFile when the rest of the file makes no sense.
    """
    delivered = 0
    for number, cells in _records(path, shape.encoding, shape.delimiter, limits):
        if number <= shape.header_row or not any(cell.strip() for cell in cells):
            continue
        delivered += 1
        if delivered > limits.rows:
            raise UnreadableFile(
                "文件超过 {most} 行，请分成几个文件。 | The file has more than {most} rows. Split it into several files.", most=limits.rows
            )
        yield number, _values(shape.header, cells)


def _refuse_unknown(encoding: str, delimiter: str | None) -> None:
    """What a person chose must be something that can be used."""
    try:
        io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    except LookupError as error:
        raise UnreadableFile(
            "没有名为 {encoding} 的编码。请从列表中选择。 | There is no encoding named {encoding}. Choose one from the list.",
            encoding=encoding,
        ) from error
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n'):
        raise UnreadableFile("分隔符必须是一个字符，例如逗号。 | The delimiter must be one character, such as a comma.")


def _refuse_by_size_and_kind(path: Path, limits: Limits) -> None:
    size = path.stat().st_size
    if size > limits.bytes:
        raise UnreadableFile(
            "文件有 {size} MB，最多 {most} MB。请分成几个文件。 | The file has {size} MB; at most {most} MB. Split it into several files.",
            size=-(-size // 1024**2),
            most=limits.bytes // 1024**2,
        )
    with path.open("rb") as file:
        head = file.read(8)
    if not head:
        raise UnreadableFile("文件是空的。请选择有表头和数据的文件。 | The file is empty. Choose one with a header and rows.")
    if head.startswith(_SPREADSHEETS):
        raise UnreadableFile(
            "这是 Excel 工作簿，不是 CSV。请在 Excel 里另存为“CSV UTF-8”再上传。"
            " | This is an Excel workbook, not a CSV file. Save it as “CSV UTF-8” and upload again."
        )


def _lines(path: Path, encoding: str, limits: Limits) -> Iterator[str]:
    """The decoded lines with their ends. Raises UnreadableFile and names the line."""
    number = 0
    with path.open(encoding=encoding, newline="") as file:
        try:
            while line := file.readline(limits.line + 1):
                number += 1
                _refuse_line(line, number, limits)
                yield line
        except UnicodeError as error:
            raise UnreadableFile(
                "第 {line} 行有不符合 {encoding} 编码的字符。请换一种编码，或另存为“CSV UTF-8”。"
                " | Line {line} holds a character that is not {encoding}."
                " Choose another encoding or save as “CSV UTF-8”.",
                line=number + 1 + _lines_before(error),
                encoding=encoding,
            ) from error


def _lines_before(error: UnicodeError) -> int:
    """How many lines of the piece that was being decoded come before the wrong character."""
    if isinstance(error, UnicodeDecodeError):
        return error.object[: error.start].count(b"\n")
    return 0


def _refuse_line(line: str, number: int, limits: Limits) -> None:
    if "\x00" in line:
        raise UnreadableFile(
            "第 {line} 行有空字符（NUL），文件可能已损坏，或者不是 CSV。请重新导出。"
            " | Line {line} holds a NUL character: the file is damaged or no CSV. Export it again.",
            line=number,
        )
    if len(line) > limits.line:
        raise UnreadableFile(
            "第 {line} 行超过 {most} 个字，这不像表格。请检查文件。"
            " | Line {line} has more than {most} characters and is no table row. Check the file.",
            line=number,
            most=limits.line,
        )


def _count_lines(path: Path, encoding: str, limits: Limits) -> int:
    count = sum(bool(line.strip()) for line in _lines(path, encoding, limits))
    if count == 0:
        raise UnreadableFile(
            "文件里只有空行。请选择有表头和数据的文件。 | The file holds blank lines only. Choose one with a header and rows."
        )
    return count


def _declared_delimiter(path: Path, encoding: str, limits: Limits) -> str | None:
    """What Excel writes above the header when asked: `sep=;`."""
    first = next(line for line in _lines(path, encoding, limits) if line.strip())
    declared = _DECLARED_DELIMITER.fullmatch(first)
    return declared[1] if declared else None


def _header_record(path: Path, encoding: str, delimiter: str, limits: Limits, *, after_declaration: bool) -> tuple[int, Sequence[str]]:
    records = _records(path, encoding, delimiter, limits)
    filled = ((number, cells) for number, cells in records if any(map(str.strip, cells)))
    if after_declaration:
        next(filled)
    for record in filled:
        return record
    raise UnreadableFile(
        "文件里没有表头。请在第一行写上各列的名称。 | The file has no header. Put the names of the columns in its first row."
    )


def _likeliest_delimiter(path: Path, encoding: str, limits: Limits) -> str:
    """The one that cuts the first rows into the same number of cells, and into more than one."""

    def evenness(delimiter: str) -> tuple[float, int]:
        widths: Counter[int] = Counter()
        trust = 1.0
        try:
            for _, cells in islice(_records(path, encoding, delimiter, limits), _LOOK_AHEAD):
                widths[len(cells)] += bool(cells)
        except UnreadableFile:  # perhaps a quote that only this delimiter leaves open
            trust = 0.5
        width, times = widths.most_common(1)[0] if widths else (1, 0)
        return (trust * times / widths.total(), width) if width > 1 else (0.0, 1)

    return max(DELIMITERS, key=evenness)


def _records(path: Path, encoding: str, delimiter: str, limits: Limits) -> Iterator[tuple[int, Sequence[str]]]:
    """Every record with its row number. Raises UnreadableFile where a quote is never closed."""

    def closed() -> Iterator[str]:
        yield from _lines(path, encoding, limits)
        yield _NO_QUOTE_LEFT_OPEN

    number = 0
    reader = csv.reader(closed(), delimiter=delimiter)
    try:
        for number, cells in enumerate(reader, start=1):
            if cells and cells[-1].endswith(_NO_QUOTE_LEFT_OPEN):
                if cells == [_NO_QUOTE_LEFT_OPEN]:
                    return
                raise _open_quote(number)
            yield number, cells
    except csv.Error as error:
        raise _open_quote(number + 1) from error


def _open_quote(number: int) -> UnreadableFile:
    return UnreadableFile(
        '第 {row} 行有一个没有结束的引号（"），后面的行无法分开。请改正后再上传。'
        ' | Row {row} opens a quote (") that never ends, so the rows after it cannot be told apart.'
        " Correct it and upload again.",
        row=number,
    )


def _named(cells: Sequence[str], limits: Limits) -> tuple[str, ...]:
    """Names that occur once each: `#1` for an unnamed first column, `Name (2)` for a second."""
    if len(cells) > limits.columns:
        raise UnreadableFile(
            "表头有 {now} 列，最多 {most} 列。请删去不需要的列。 | The header has {now} columns; at most {most}. Remove those not needed.",
            now=len(cells),
            most=limits.columns,
        )
    names: list[str] = []
    for position, cell in enumerate(cells, start=1):
        plain = " ".join(cell.split()) or f"#{position}"
        name, copy = plain, 1
        while name in names:
            copy += 1
            name = f"{plain} ({copy})"
        names.append(name)
    return tuple(names)


def _values(header: tuple[str, ...], cells: Sequence[str]) -> Values:
    values = Values(zip(header, map(unescaped, cells), strict=False))
    surplus = any(cell.strip() for cell in cells[len(header) :])
    if surplus or len(cells) < len(header):
        values.problem = say(
            "这一行有 {now} 列，表头有 {most} 列，可能少了或多了分隔符。"
            " | This row has {now} cells, the header {most}: a delimiter is missing or too many.",
            now=len(cells),
            most=len(header),
        )
    for name in header[len(cells) :]:
        values[name] = ""
    return values
