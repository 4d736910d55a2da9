"""Phones are hidden and compared, company names are compared, two characters find a name."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portal.engine.mask import FOLD_SQL, MASK_PHONE_SQL, PAIRS_SQL, fold, mask_phone, normalise_name, pairs, phone_digits


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("13812345678", "138****5678"),
        ("+8613812345678", "138****5678"),
        ("138 1234 5678", "138****5678"),
        ("+862162341234x802", "21****1234"),
        ("+14155550123", "+141****0123"),
        ("62341234", "****1234"),
        ("95588", "****"),
        ("nothing here", "****"),
        ("", ""),
    ],
)
def test_a_phone_in_the_pool_shows_its_ends_only(number: str, shown: str) -> None:
    assert mask_phone(number) == shown


@given(st.text(alphabet="0123456789+-() x", max_size=24))
def test_at_least_four_digits_of_any_phone_stay_hidden(number: str) -> None:
    digits = sum(char.isdigit() for char in number.partition("x")[0])
    shown = sum(char.isdigit() for char in mask_phone(number))
    assert shown <= max(0, digits - 4)


@pytest.mark.parametrize(
    "raw",
    [
        "13812345678",
        "138 1234 5678",
        "138-1234-5678",
        "138—1234—5678",
        "+86 13812345678",
        "0086 138 1234 5678",
        "8613812345678",
        "013812345678",
        "１３８１２３４５６７８",
        "13812345678.0",
        "'+8613812345678",
    ],
)
def test_however_a_mobile_is_written_it_is_one_value(raw: str) -> None:
    assert phone_digits(raw) == "+8613812345678"


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        ("021-62341234", "+862162341234"),
        ("(021) 6234 1234 转 802", "+862162341234x802"),
        ("021-62341234-802", "+862162341234x802"),
        ("021-62341234 ext. 802", "+862162341234x802"),
        ("62341234", "62341234"),
        ("95588", "95588"),
        ("400-820-8820", "+864008208820"),
        ("19912345678", "+8619912345678"),
        ("+1 415 555 0123", "+14155550123"),
        ("+49 30 901820", "+4930901820"),
    ],
)
def test_other_numbers_keep_what_can_be_told_of_them(raw: str, kept: str) -> None:
    assert phone_digits(raw) == kept


@pytest.mark.parametrize("raw", ["", "张三", "1.38E+10", "13812345678/13912345678", "138 1234 567", "138123456789", "1", "+"])
def test_what_is_no_phone_number_is_refused_and_not_guessed(raw: str) -> None:
    assert phone_digits(raw) is None


def test_a_number_without_country_code_is_dialled_in_the_region() -> None:
    assert phone_digits("030 901820", region="DE") == "+4930901820"


@given(st.text(max_size=30))
@example("0ÀC:O")
@example("华为 C.O")
def test_a_normal_form_is_its_own_normal_form(raw: str) -> None:
    digits = phone_digits(raw)
    assert digits is None or phone_digits(digits) == digits
    assert normalise_name(normalise_name(raw)) == normalise_name(raw)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("华为技术有限公司", "华为技术股份有限公司"),
        ("华为技术", " 华为 技术有限责任公司 "),
        ("华为（深圳）有限公司", "华为(深圳)"),
        ("Acme Corporation", "ACME, Inc."),
        ("Acme Co., Ltd.", "acme"),
        ("＊ＳＴ中华Ａ", "*st中华a"),
        ("ＴＣＬ集团", "tcl集团"),
    ],
)
def test_two_spellings_of_one_company_are_one_name(one: str, other: str) -> None:
    assert normalise_name(one) == normalise_name(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("*ST中华A", "ST中华A"),
        ("ST星源", "星源"),
        ("华为集团", "华为"),
        ("华为(深圳)", "华为(北京)"),
        ("深振业A", "深振业B"),
        ("Zinc", "Z"),
    ],
)
def test_what_tells_companies_apart_stays(one: str, other: str) -> None:
    assert normalise_name(one) != normalise_name(other)


@pytest.mark.parametrize("name", ["有限公司", "Ltd.", "Inc", "A公司"])
def test_a_name_that_is_hardly_more_than_a_legal_form_is_kept(name: str) -> None:
    assert normalise_name(name)


def test_a_name_is_found_by_two_neighbouring_characters() -> None:
    assert pairs("华为技术") == ["华为", "为技", "技术"]
    assert set(pairs("华为")) <= set(pairs("深圳市华为技术有限公司"))
    assert not set(pairs("华技")) <= set(pairs("华为技术"))


def test_width_case_and_spaces_do_not_hinder_the_search() -> None:
    assert pairs("ＴＣＬ") == pairs("tcl") == pairs("T C L")
    assert pairs("Ä\u3000b") == ["äb"]


@pytest.mark.parametrize("text", ["", "华", " 华 "])
def test_fewer_than_two_characters_have_no_pair(text: str) -> None:
    assert pairs(text) == []


@given(st.text(max_size=20), st.text(min_size=2, max_size=6), st.text(max_size=20))
def test_a_text_holds_every_pair_of_what_it_contains(before: str, wanted: str, after: str) -> None:
    assert set(pairs(wanted)) <= set(pairs(before + wanted + after))
    assert fold(wanted) in fold(before + wanted + after)


@pytest.mark.parametrize("source", [FOLD_SQL, PAIRS_SQL, MASK_PHONE_SQL])
def test_the_sql_sources_pass_through_any_driver(source: str) -> None:
    assert source.isascii()
    assert "%" not in source  # psycopg would take it for a parameter
