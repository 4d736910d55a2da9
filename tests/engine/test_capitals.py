"""Amounts as a Chinese contract writes them out, noughts, jiao and fen included (支付结算办法, annex 1)."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.engine.capitals import in_capitals

KNOWN = {
    "0": "零元整",
    "0.004": "零元整",
    "0.05": "伍分",
    "0.50": "伍角整",
    "0.55": "伍角伍分",
    "1": "壹元整",
    "10": "壹拾元整",
    "10.05": "壹拾元零伍分",
    "101": "壹佰零壹元整",
    "1001": "壹仟零壹元整",
    "1010": "壹仟零壹拾元整",
    "325.04": "叁佰贰拾伍元零肆分",
    "1409.50": "壹仟肆佰零玖元伍角整",
    "6007.14": "陆仟零柒元壹角肆分",
    "10000": "壹万元整",
    "10010": "壹万零壹拾元整",
    "12000": "壹万贰仟元整",
    "16409.02": "壹万陆仟肆佰零玖元零贰分",
    "20300": "贰万零叁佰元整",
    "100000": "壹拾万元整",
    "1000001": "壹佰万零壹元整",
    "12345678.90": "壹仟贰佰叁拾肆万伍仟陆佰柒拾捌元玖角整",
    "100000000": "壹亿元整",
    "100010000": "壹亿零壹万元整",
    "1000000000000": "壹万亿元整",
    "1000000000001": "壹万亿零壹元整",
    "9999999999999999.99": "玖仟玖佰玖拾玖万玖仟玖佰玖拾玖亿玖仟玖佰玖拾玖万玖仟玖佰玖拾玖元玖角玖分",
    "-5": "负伍元整",
    "-0.001": "零元整",
}


@pytest.mark.parametrize(("amount", "said"), KNOWN.items())
def test_an_amount_is_written_out(amount: str, said: str) -> None:
    assert in_capitals(Decimal(amount)) == f"人民币{said}"


def test_a_currency_without_yuan_is_not_written_out() -> None:
    assert in_capitals(Decimal(5), "USD") == ""
    assert in_capitals(Decimal(5), "HKD") == "港币伍元整"


_SIZES = {"拾": 10, "佰": 100, "仟": 1000}


def number(said: str) -> Decimal:
    """The amount that the words mean, read by a rule of its own."""
    whole, _, rest = said.removeprefix("人民币").partition("元") if "元" in said else ("", "", said.removeprefix("人民币"))
    cents = 0
    for digit, unit in pairwise(rest):
        cents += "零壹贰叁肆伍陆柒捌玖".index(digit) * {"角": 10, "分": 1}[unit] if unit in "角分" else 0
    return Decimal(read(whole)) + Decimal(cents) / 100


def read(said: str) -> int:
    for mark, size in (("亿", 10**8), ("万", 10**4)):
        if mark in said:
            high, _, low = said.rpartition(mark)
            return read(high) * size + read(low)
    total, digit = 0, 0
    for each in said:
        if each in _SIZES:
            total, digit = total + digit * _SIZES[each], 0
        else:
            digit = "零壹贰叁肆伍陆柒捌玖".index(each)
    return total + digit


@given(st.integers(min_value=0, max_value=10**18 - 1))
def test_what_is_written_out_means_the_amount_and_has_no_two_noughts_together(cents: int) -> None:
    amount = Decimal(cents) / 100
    said = in_capitals(amount)
    assert number(said) == amount
    assert "零零" not in said
    assert said.endswith(("整", "分"))
