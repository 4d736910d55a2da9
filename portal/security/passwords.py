"""Passwords: long, not one of the common ones, kept as Flask-AppBuilder keeps them (Werkzeug's scrypt)."""

from __future__ import annotations

import hmac
import re
import secrets
import unicodedata
from collections.abc import Set as AbstractSet
from functools import cache
from pathlib import Path

from werkzeug.security import check_password_hash, generate_password_hash

from portal.engine.text import Text, say

SHORTEST = 12
LONGEST = 256
"""Characters. More would only give an attacker hashing work to order."""

TOO_SHORT = "密码至少 {least} 位。 | A password needs at least {least} characters."
TOO_LONG = "密码最多 {most} 位。 | A password has at most {most} characters."
TOO_COMMON = "这个密码太常见，请换一句别人想不到的话。 | This password is too common. Use a phrase that nobody would guess."
TOO_CLOSE = "密码不能由姓名、登录名或邮箱拼成。 | A password must not be made of the name, login or e-mail."

_LIST = Path(__file__).with_name("common_passwords.txt")
_LOOKALIKES = str.maketrans({"@": "a", "4": "a", "3": "e", "1": "i", "!": "i", "0": "o", "$": "s", "5": "s", "7": "t"})
_ROWS = ("abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "1qaz2wsx3edc4rfv5tgb6yhn7ujm")
_LEAST_OWN = 4
"""Characters that must remain when everything common is taken out of a password."""
_SHORTEST_OWN_WORD = 3

DEMO_PASSWORD = "portal-demo-2026"  # noqa: S105 - printed for everybody who starts the demo


def normal(password: str) -> str:
    """One spelling of the same password, whatever keyboard typed it."""
    return unicodedata.normalize("NFKC", password)


def hashed(password: str) -> str:
    """The stored form."""
    return generate_password_hash(normal(password))


def matches(stored: str | None, given: str) -> bool:
    """Whether the password is right. Without a stored one the same work is done and the answer is no."""
    known = check_password_hash(stored or _nobodys(), normal(given)[:LONGEST])
    return known and bool(stored)


def problem(password: str, *, about: tuple[str, ...] = ()) -> Text | None:
    """Why this password is refused. `about`: the person's name, login, e-mail."""
    typed = normal(password)
    if len(typed) < SHORTEST:
        return say(TOO_SHORT, least=SHORTEST)
    if len(typed) > LONGEST:
        return say(TOO_LONG, most=LONGEST)
    own = {word for text in about for word in re.split(r"[\W_]+", text.casefold()) if len(word) >= _SHORTEST_OWN_WORD}
    used = {word for word in own if any(word in reading for reading in _readings(typed))}
    if _is_made_of(typed, _common()):
        return say(TOO_COMMON)
    if used and _is_made_of(typed, used | _common()):
        return say(TOO_CLOSE)
    return None


def is_demo_password(given: str) -> bool:
    """Whether it opens the demo company's accounts; production refuses it whoever has it."""
    return hmac.compare_digest(DEMO_PASSWORD.encode(), normal(given).encode())


def _is_made_of(password: str, words: AbstractSet[str]) -> bool:
    """Whether too little remains without the words, runs, years and repetitions."""
    return min(len(_remainder(text, words)) for text in _readings(password)) < _LEAST_OWN


def _readings(password: str) -> tuple[str, ...]:
    plain = password.casefold()
    return plain, plain.translate(_LOOKALIKES)


def _remainder(text: str, words: AbstractSet[str]) -> str:
    for word in sorted(words, key=len, reverse=True):
        text = text.replace(word, " ")
    text = re.sub(r"(?:19|20)\d\d", " ", text)
    text = re.sub(r"(.+?)\1{2,}", " ", _without_runs(text))
    return re.sub(r"[\W_]+", "", text)


def _without_runs(text: str) -> str:
    """Take out runs of four and more along the alphabet, the digits or the keyboard, both ways."""
    for row in (*_ROWS, *(row[::-1] for row in _ROWS)):
        for length in range(len(row), 3, -1):
            for start in range(len(row) - length + 1):
                text = text.replace(row[start : start + length], " ")
    return text


@cache
def _common() -> frozenset[str]:
    lines = _LIST.read_text(encoding="utf-8").splitlines()
    return frozenset(line.strip() for line in lines if line.strip() and not line.startswith("#"))


@cache
def _nobodys() -> str:
    """A hash to compare with when there is no such account: as much work as for one that exists."""
    return generate_password_hash(secrets.token_hex())
