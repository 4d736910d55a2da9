"""Logins proposed from names: 林晓雯 → lin.xiaowen, Jane Doe → jane.doe, with a number where one is taken."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container
from itertools import count

_SURNAMES_OF_TWO = frozenset(
    {
        "欧阳",
        "司马",
        "上官",
        "诸葛",
        "东方",
        "皇甫",
        "尉迟",
        "公孙",
        "慕容",
        "令狐",
        "长孙",
        "宇文",
        "司徒",
        "司空",
        "夏侯",
        "端木",
        "独孤",
        "南宫",
        "西门",
        "轩辕",
    }
)
_READ_DIFFERENTLY = {
    "单": "shan",
    "曾": "zeng",
    "仇": "qiu",
    "解": "xie",
    "查": "zha",
    "区": "ou",
    "朴": "piao",
    "盖": "ge",
    "尉迟": "yuchi",
}
"""Surnames that are not read as the character usually is."""
_USABLE = re.compile(r"[\w.@+-]{1,100}")
_HAN = re.compile(r"[一-鿿]")
_LONGEST = 100
_NOBODY = "user"


def usable(login: str) -> bool:
    """Letters, digits, dots, lines and @: what can be typed again without a doubt."""
    return _USABLE.fullmatch(login) is not None


def name_parts(name: str) -> tuple[str, str]:
    """(given name, family name), as Flask-AppBuilder's two columns want them; neither is empty."""
    plain = name.strip()
    if _HAN.match(plain) and " " not in plain:
        family = plain[:2] if plain[:2] in _SURNAMES_OF_TWO and len(plain) > 2 else plain[:1]  # noqa: PLR2004
        return plain[len(family) :] or plain, family
    first, _, last = plain.rpartition(" ")
    return (first or last or plain)[:64], (last or plain)[:64]


def proposed(name: str) -> str:
    """The login of a name, in lower-case letters, digits and dots."""
    from pypinyin import lazy_pinyin  # noqa: PLC0415 - its dictionary takes most of a second to read

    given, family = name_parts(name)
    if _HAN.search(name):
        surname = _READ_DIFFERENTLY.get(family) or "".join(lazy_pinyin(family))
        words = [surname, "".join(lazy_pinyin(given))] if given != name.strip() else [surname]
    else:
        words = name.split()
    plain = unicodedata.normalize("NFKD", ".".join(words)).casefold()
    return re.sub(r"\.{2,}", ".", re.sub(r"[^a-z0-9.]", "", plain)).strip(".")[:_LONGEST] or _NOBODY


def free(name: str, taken: Container[str]) -> str:
    """The proposed login, or the first free one with a number behind."""
    base = proposed(name)
    return next(login for number in count(1) if (login := base if number == 1 else f"{base}{number}") not in taken)
