"""Files as people really hand them in: every one is read, or refused in words that help."""

import csv
import tracemalloc
from collections import Counter
from pathlib import Path

import pytest

from portal.engine.intake import Limits, Shape, UnreadableFile, Values, rows, sniff
from portal.engine.text import is_bilingual
from tests.sample_data import COMPANIES, CRM, generated, sample_data

TABLE = "姓名,公司,电话\n张三,华为技术有限公司,13812345678\n李四,中兴通讯股份有限公司,13912345678\n"
TRADITIONAL = "姓名,公司,電話\n張三,台灣積體電路製造,0912345678\n李四,鴻海精密工業,0922345678\n"


@pytest.fixture(params=["at hand", "generated"])
def data(request: pytest.FixtureRequest) -> Path:
    return sample_data() if request.param == "at hand" else generated()


def made(folder: Path, content: str | bytes, encoding: str = "utf-8") -> Path:
    path = folder / "file.csv"
    path.write_bytes(content.encode(encoding) if isinstance(content, str) else content)
    return path


def read(path: Path) -> list[tuple[int, Values]]:
    return list(rows(path, sniff(path)))


def refusal(path: Path, limits: Limits | None = None) -> str:
    with pytest.raises(UnreadableFile) as caught:
        list(rows(path, sniff(path, limits=limits or Limits()), limits=limits or Limits()))
    assert is_bilingual(caught.value.text.template)
    assert caught.value.in_("zh") != caught.value.in_("en")
    return caught.value.in_("en")


def test_the_listed_companies_are_read_from_gbk_with_their_unnamed_row_numbers(data: Path) -> None:
    path = data / COMPANIES
    shape = sniff(path)
    assert (shape.encoding, shape.delimiter) == ("gb18030", ",")
    assert shape.header == ("#1", "TS代码", "股票代码", "股票名称", "行业")
    assert shape.row_count == 4347
    table = [values for _, values in rows(path, shape)]
    assert len(table) == 4347
    assert [values["#1"] for values in table] == [str(n) for n in range(4347)]
    assert len({values["股票代码"] for values in table}) == 4347
    assert all(len(values["股票代码"]) == 6 for values in table)
    assert any(values["股票名称"].startswith("*ST") for values in table)
    assert not any(values.problem for values in table)


@pytest.mark.parametrize(("name", "count"), [("sales_teams", 35), ("accounts", 85), ("products", 7), ("sales_pipeline", 8800)])
def test_the_sales_files_are_read_exactly(data: Path, name: str, count: int) -> None:
    path = data / CRM / f"{name}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        expected = list(csv.DictReader(file))
    shape = sniff(path)
    assert shape.row_count == len(expected) == count
    assert [dict(values) for _, values in rows(path, shape)] == expected


def test_the_sales_teams_are_35_agents_under_6_managers_in_3_offices(data: Path) -> None:
    teams = [values for _, values in read(data / CRM / "sales_teams.csv")]
    names = ("sales_agent", "manager", "regional_office")
    assert [len({values[name] for values in teams}) for name in names] == [35, 6, 3]


def test_the_pipeline_keeps_its_gaps_and_its_spelling(data: Path) -> None:
    table = [values for _, values in read(data / CRM / "sales_pipeline.csv")]
    assert sum(not values["account"] for values in table) == 1425
    assert "GTXPro" in Counter(values["product"] for values in table)


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-8", "utf-8-sig"),
        ("utf-8-sig", "utf-8-sig"),
        ("gbk", "gb18030"),
        ("gb18030", "gb18030"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
    ],
)
def test_simplified_chinese_is_read_in_every_usual_encoding(tmp_path: Path, encoding: str, found: str) -> None:
    path = made(tmp_path, TABLE, encoding)
    shape = sniff(path)
    assert shape.encoding == found
    assert shape.header == ("姓名", "公司", "电话")
    assert [values["公司"] for values in shape.sample] == ["华为技术有限公司", "中兴通讯股份有限公司"]


def test_traditional_chinese_is_read_from_big5_and_not_taken_for_gbk(tmp_path: Path) -> None:
    shape = sniff(made(tmp_path, TRADITIONAL, "big5"))
    assert shape.encoding == "big5"
    assert shape.sample[0]["公司"] == "台灣積體電路製造"


def test_western_european_text_is_read_too(tmp_path: Path) -> None:
    text = "Name;Ort;Straße\nJürgen Müller;Köln;Große Straße 1\nRené Weiß;Düsseldorf;Königsallee\n"
    shape = sniff(made(tmp_path, text, "cp1252"))
    assert shape.sample[0]["Name"] == "Jürgen Müller"


def test_characters_that_appear_only_far_down_decide_too(tmp_path: Path) -> None:
    content = "code,name\n" + "1,plain\n" * 200_000 + "2,上海浦东发展银行\n"
    path = made(tmp_path, content, "gbk")
    *_, (number, last) = rows(path, sniff(path))
    assert (number, last["name"]) == (200_002, "上海浦东发展银行")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    shape = sniff(made(tmp_path, TABLE.replace(",", delimiter)))
    assert (shape.delimiter, len(shape.header)) == (delimiter, 3)


def test_commas_inside_the_cells_do_not_outvote_the_delimiter(tmp_path: Path) -> None:
    shape = sniff(made(tmp_path, "name;price\na;1,50\nb;2,75\nc;3\n"))
    assert shape.delimiter == ";"
    assert shape.sample[0] == {"name": "a", "price": "1,50"}


def test_a_quote_that_only_another_delimiter_would_leave_open_is_no_hindrance(tmp_path: Path) -> None:
    shape = sniff(made(tmp_path, 'name,size\nscreen,13|"\nscreen,15|"\n'))
    assert shape.delimiter == ","


def test_excel_s_declared_delimiter_is_believed_and_is_no_row(tmp_path: Path) -> None:
    path = made(tmp_path, "sep=;\r\na;b\r\n1,5;2\r\n")
    shape = sniff(path)
    assert (shape.delimiter, shape.header, shape.header_row) == (";", ("a", "b"), 2)
    assert read(path) == [(3, {"a": "1,5", "b": "2"})]
    assert shape.row_count == 1


def test_a_single_column_is_a_table(tmp_path: Path) -> None:
    assert read(made(tmp_path, "name\n华为\n中兴\n")) == [(2, {"name": "华为"}), (3, {"name": "中兴"})]


def test_a_person_s_choice_wins_over_the_guess(tmp_path: Path) -> None:
    shape = sniff(made(tmp_path, "a,b;c\n1,2;3\n"), encoding="gb18030", delimiter=";")
    assert (shape.encoding, shape.header) == ("gb18030", ("a,b", "c"))


def test_unnamed_and_repeated_columns_can_be_told_apart(tmp_path: Path) -> None:
    shape = sniff(made(tmp_path, ",name, name ,,phone\n1,a,b,c,d\n"))
    assert shape.header == ("#1", "name", "name (2)", "#4", "phone")
    assert shape.sample[0] == {"#1": "1", "name": "a", "name (2)": "b", "#4": "c", "phone": "d"}


def test_blank_rows_are_passed_over_and_still_counted_in_the_row_numbers(tmp_path: Path) -> None:
    path = made(tmp_path, "\n\na,b\n\n1,2\n , \n3,4\n\n\n")
    assert sniff(path).header_row == 3
    assert read(path) == [(5, {"a": "1", "b": "2"}), (7, {"a": "3", "b": "4"})]


def test_quotes_keep_commas_line_breaks_and_quotes(tmp_path: Path) -> None:
    path = made(tmp_path, 'a,b\r\n"x, ""y""","two\r\nlines"\r\n13" screen,z\r\n')
    assert read(path) == [(2, {"a": 'x, "y"', "b": "two\r\nlines"}), (3, {"a": '13" screen', "b": "z"})]


def test_a_line_break_in_the_header_is_a_space(tmp_path: Path) -> None:
    assert sniff(made(tmp_path, '"phone\nnumber",b\n1,2\n')).header == ("phone number", "b")


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_lines_of_every_system_are_lines(tmp_path: Path, ends: str) -> None:
    assert len(read(made(tmp_path, TABLE.replace("\n", ends)))) == 2


def test_a_ragged_row_says_what_is_wrong_with_it_and_the_next_one_follows(tmp_path: Path) -> None:
    short, long, padded, good = read(made(tmp_path, "a,b\n1\n1,2,3\n1,2,,\n1,2\n"))
    for number, values in (short, long):
        assert values.problem is not None, number
        assert is_bilingual(values.problem.template)
    assert long[1].problem is not None
    assert long[1].problem.in_("en").startswith("This row has 3 cells, the header 2")
    assert short[1] == {"a": "1", "b": ""}
    assert padded[1].problem is None
    assert good == (5, {"a": "1", "b": "2"})


def test_our_own_export_comes_back_without_its_apostrophes(tmp_path: Path) -> None:
    path = made(tmp_path, "a,b\n'=1+1,'+8613812345678\n")
    assert read(path)[0][1] == {"a": "=1+1", "b": "+8613812345678"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The file is empty"),
        (b"\n \r\n\n", "blank lines only"),
        (b"sep=;\n", "no header"),
        (b"a,b\n1,2\n3,\x004\n", "Line 3 holds a NUL"),
        (b"PK\x03\x04\x14\x00", "Excel workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "Excel workbook"),
        (b'a,b\n1,2\n3,"4\n5,6\n', "Row 3 opens a quote"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(tmp_path: Path, content: bytes, words: str) -> None:
    assert words in refusal(made(tmp_path, content))


def test_a_quote_left_open_in_a_long_file_is_named_by_its_row(tmp_path: Path) -> None:
    content = "a,b\n" + "1,2\n" * 5 + '3,"open\n' + "1,2\n" * 100_000
    assert "Row 7 opens a quote" in refusal(made(tmp_path, content))


def test_one_wrong_character_is_named_by_its_line(tmp_path: Path) -> None:
    good = "1,上海浦东发展银行\n".encode("gbk")
    content = "编号,名称\n".encode("gbk") + good * 5000 + b"2,\xff\xff\n" + good * 10
    path = made(tmp_path, content)
    with pytest.raises(UnreadableFile, match="Line 5002 holds a character that is not gb18030"):
        sniff(path, encoding="gb18030")


def test_an_encoding_that_a_person_chose_wrongly_is_refused(tmp_path: Path) -> None:
    path = made(tmp_path, TABLE, "gbk")
    for wrong in ("utf-8", "utf-16", "hex", "no such"):
        with pytest.raises(UnreadableFile):
            sniff(path, encoding=wrong)
    with pytest.raises(UnreadableFile, match="one character"):
        sniff(path, delimiter="::")


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(bytes=20), "at most 0 MB"),
        (Limits(rows=1), "more than 1 rows"),
        (Limits(columns=2), "has 3 columns; at most 2"),
        (Limits(line=15), "Line 2 has more than 15 characters"),
    ],
)
def test_a_file_beyond_the_limits_is_refused(tmp_path: Path, limits: Limits, words: str) -> None:
    assert words in refusal(made(tmp_path, TABLE), limits)


def test_a_long_file_is_read_in_constant_memory(tmp_path: Path) -> None:
    path = made(tmp_path, "code,name\n" + "600000,上海浦东发展银行股份有限公司\n" * 60_000, "gbk")
    shape = sniff(path)
    tracemalloc.start()
    try:
        count = sum(1 for _ in rows(path, shape))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 60_000
    assert peak < 1_000_000


def test_a_shape_that_was_stored_reads_the_file_again(tmp_path: Path) -> None:
    path = made(tmp_path, TABLE, "gbk")
    stored = Shape("gb18030", ",", ("姓名", "公司", "电话"))
    assert [values["姓名"] for _, values in rows(path, stored)] == ["张三", "李四"]
