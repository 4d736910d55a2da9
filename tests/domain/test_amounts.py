"""What no column holds is refused in words: a typed number, and one that follows from others."""

from __future__ import annotations

from decimal import Decimal

import pytest

from portal.engine.errors import Refused
from portal.engine.fields import BadValue
from portal.engine.kinds.numbers import DecimalField, MoneyField
from tests.cast import Cast
from tests.domain.test_contracts import contract, create, edit

MOST = "9999999999999999.99"


@pytest.mark.parametrize("typed", ["1e16", "9999999999999999.995", "-9999999999999999.999", "NaN", "sNaN", "-Infinity", "1e999999"])
def test_a_number_that_is_too_large_when_it_is_rounded_is_refused(typed: str) -> None:
    with pytest.raises(BadValue):
        MoneyField("").parse(typed)


def test_the_largest_number_is_read() -> None:
    assert MoneyField("").parse(MOST) == Decimal(MOST)
    assert DecimalField("", digits=5, scale=2).parse("999.994") == Decimal("999.99")


@pytest.mark.parametrize(("quantity", "price"), [("1", MOST), ("999999999999", MOST), ("2", "5000000000000000")])
def test_lines_that_come_to_more_than_an_amount_can_be_are_refused(cast: Cast, quantity: str, price: str) -> None:
    made = contract(cast, price=1000)
    with pytest.raises(Refused, match="too large"):
        create(cast, "rep", "contract_line", contract_id=made, product="设备", quantity=Decimal(quantity), price=Decimal(price))


def test_a_contract_without_lines_may_have_the_largest_amount(cast: Cast) -> None:
    made = contract(cast, price=0)
    edit(cast, "rep", "contract", made, amount=Decimal(MOST))
