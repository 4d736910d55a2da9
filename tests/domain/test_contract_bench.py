"""The queues of legal, finance and the cashier say how many there are in truth, and lead to exactly those."""

from __future__ import annotations

from urllib.parse import unquote

from portal.domain.contract_bench import duty_day
from portal.domain.worklists import MOST
from tests.cast import NOW, Cast
from tests.domain.test_receipts import owing


def test_a_queue_that_is_longer_than_its_page_says_so(cast: Cast) -> None:
    owing(cast, *[(100, day) for day in range(MOST + 5)])
    with cast.act("finance"):
        due = duty_day(cast.principal("finance"), now=NOW).due
    assert due is not None and due.cut and (len(due), due.total) == (MOST, MOST + 5)


def test_the_way_to_them_all_asks_for_what_is_still_owed(cast: Cast) -> None:
    owing(cast, (100, 1))
    with cast.act("cashier"):
        due = duty_day(cast.principal("cashier"), now=NOW).due
    assert due is not None and [unquote(href) for _, href in due.ways] == ['/payment_plan/?filter=[["state","in",["open","partly"]]]']
