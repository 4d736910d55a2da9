"""An amount of money as a Chinese contract writes it out: 壹万贰仟元整."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("", "拾", "佰", "仟")
_GROUP = 10**4
_HUNDRED_MILLION = 10**8
_NAMES = {"CNY": "人民币", "HKD": "港币"}


def in_capitals(amount: Decimal, currency: str = "CNY") -> str:
    """What nobody can alter with a stroke of the pen; empty where the currency has no yuan.

    A run of noughts is one 零; whole yuan and whole jiao end with 整; fen after no jiao follow a 零 (支付结算办法, annex 1).
    """
    name = _NAMES.get(currency)
    if name is None:
        return ""
    cents = int(abs(amount).quantize(Decimal("0.01"), ROUND_HALF_UP) * 100)
    yuan, jiao, fen = cents // 100, cents // 10 % 10, cents % 10
    said = f"{_whole(yuan)}元" if yuan or not cents else ""
    if jiao:
        said += f"{_DIGITS[jiao]}角"
    elif fen and yuan:
        said += "零"
    said += f"{_DIGITS[fen]}分" if fen else "整"
    return f"{name}{'负' if amount < 0 and cents else ''}{said}"


def _whole(number: int) -> str:
    """A whole number; 亿 counts in 万 of itself, so 万亿 needs no name of its own."""
    for size, name in ((_HUNDRED_MILLION, "亿"), (_GROUP, "万")):
        if number >= size:
            high, low = divmod(number, size)
            gap = "零" if 0 < low < size // 10 else ""
            return f"{_whole(high)}{name}{gap}{_whole(low) if low else ''}"
    return _thousands(number)


def _thousands(number: int) -> str:
    if number == 0:
        return _DIGITS[0]
    said, gap = "", False
    for place in (3, 2, 1, 0):
        digit = number // 10**place % 10
        if digit:
            said += ("零" if gap and said else "") + _DIGITS[digit] + _PLACES[place]
        gap = not digit
    return said
