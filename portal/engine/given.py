"""What people and programs send, before any field reads it: ids, texts and JSON that the database can hold."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

from portal.engine.errors import BadRequest

MOST_ID = 2**31 - 1
"""The largest id a record can have: keys are PostgreSQL integers."""

_FILLERS = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\u034f")
"""Letters and signs by name, which nothing is drawn for."""
_UNKEPT = re.compile("[\x00\ud800-\udfff]")
# PostgreSQL keeps no NUL, and half of a surrogate pair is no character.


def id_of(raw: object) -> int | None:
    """The id this names, or None where it names none: plain digits within reach."""
    word = str(raw)
    if not (word.isascii() and word.isdecimal()) or len(word) > len(str(MOST_ID)) or int(word) > MOST_ID:
        return None
    return int(word)


def storable(text: str) -> bool:
    """Whether the database can hold every character of it."""
    return _UNKEPT.search(text) is None


def shows(text: str) -> bool:
    """Whether there is anything to see: blanks, marks of no width and fillers alone are nothing."""
    return any(unicodedata.category(each)[0] not in "CZ" and each not in _FILLERS for each in text)


class Unkept(ValueError):
    """JSON with a character that cannot be stored; `where`: in the value of which key, where that can be said."""

    def __init__(self, where: str) -> None:
        self.where = where
        super().__init__("it holds a character that cannot be stored")


def json_of(raw: str | bytes) -> Any:
    """The value of a JSON text. Raises `ValueError` also where it nests too deeply or holds what cannot be stored."""
    try:
        found = json.loads(raw)
        if all(map(storable, _texts(found))):
            return found
    except RecursionError as error:
        raise ValueError("it nests too deeply") from error
    at = found.items() if isinstance(found, dict) else ()
    raise Unkept(next((key for key, value in at if storable(key) and not all(map(storable, _texts(value)))), ""))


def _texts(found: Any) -> Iterator[str]:
    if isinstance(found, str):
        yield found
    elif isinstance(found, dict):
        yield from found
        for each in found.values():
            yield from _texts(each)
    elif isinstance(found, list):
        for each in found:
            if not isinstance(each, int):
                yield from _texts(each)


def refuse_unknown(given: Iterable[str], known: Iterable[str]) -> None:
    """What nobody knows is told by name, not passed over. Raises `BadRequest`."""
    if unknown := set(given) - set(known):
        raise BadRequest("不认识的参数：{names}。 | Unknown argument: {names}.", names=", ".join(sorted(unknown)))
