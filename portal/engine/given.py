"""What people and programs send, before any field reads it: ids, texts and JSON that the database can hold."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

MOST_ID = 2**31 - 1
"""The largest id a record can have: keys are PostgreSQL integers."""

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


def json_of(raw: str | bytes) -> Any:
    """The value of a JSON text. Raises `ValueError` also where it nests too deeply or holds what cannot be stored."""
    try:
        found = json.loads(raw)
        if all(map(storable, _texts(found))):
            return found
    except RecursionError as error:
        raise ValueError("it nests too deeply") from error
    raise ValueError("it holds a character that cannot be stored")


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
