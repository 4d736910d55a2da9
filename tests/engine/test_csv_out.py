"""An exported cell is shown by a spreadsheet and never run by it."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.engine.csv_out import BOM, escape, line, lines, unescaped


@pytest.mark.parametrize("formula", ["=1+1", "+cmd", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "＋1", "－1", "＠x"])
def test_what_begins_like_a_formula_gets_an_apostrophe(formula: str) -> None:
    assert escape(formula) == f"'{formula}"


@pytest.mark.parametrize("plain", ["", "华为技术", "*ST中华A", "a=b", "5-2", "'quoted'", "O'Hara"])
def test_other_text_is_left_alone(plain: str) -> None:
    assert escape(plain) == plain
    assert unescaped(plain) == plain


@given(st.one_of(st.text(), st.from_regex(r"'{0,3}[=+\-@\t].{0,5}", fullmatch=True)))
def test_what_was_exported_comes_back_as_it_was(text: str) -> None:
    assert unescaped(escape(text)) == text
    assert not escape(text).startswith(("=", "+", "-", "@", "\t", "\r"))


def test_a_line_keeps_commas_quotes_and_line_breaks_in_their_cells() -> None:
    cells = ["华为, 深圳", 'the "big" one', "two\nlines", "", "=1+1"]
    assert next(csv.reader(io.StringIO(line(cells).decode()))) == [*cells[:4], "'=1+1"]


def test_numbers_are_no_formulas_and_nothing_is_an_empty_cell() -> None:
    assert line([-5, None, 1.5]) == b"-5,,1.5\n"


def test_the_file_begins_with_a_byte_order_mark_when_asked() -> None:
    assert b"".join(lines([["名称"]])) == BOM + "名称\n".encode()
    assert b"".join(lines([["名称"]], bom=False)) == "名称\n".encode()
    assert b"".join(lines([], bom=False)) == b""


def test_a_long_export_comes_in_chunks() -> None:
    chunks = list(lines(([n] for n in range(1200)), bom=False))
    assert len(chunks) == 3
    assert b"".join(chunks).decode().split() == [str(n) for n in range(1200)]
