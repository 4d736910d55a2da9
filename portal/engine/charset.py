"""Which character set a person's file is written in. Reads the file once, in constant memory."""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Callable
from pathlib import Path

from charset_normalizer import from_bytes

_CHUNK = 1 << 20
_EVIDENCE = 1 << 16
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
# Common characters lie together in both old Chinese sets: rows B0-D7 of GB 2312 (level 1) and
# A4-C6 of Big5 (frequently used). Text read in the wrong set falls outside them far more often.
_COMMON = {"gb18030": ("gb2312", 0xB0, 0xD7), "big5": ("big5", 0xA4, 0xC6)}
_SURE = 0.6


def charset_of(path: Path) -> str | None:
    """A Python codec name that reads the file, or None when it is not text we know.

    The order is: byte order mark, UTF-16 without one, UTF-8, then the better of GB18030 and Big5,
    and only for what fits none of them the opinion of charset-normalizer.
    """
    with path.open("rb") as file:
        head = file.read(_EVIDENCE)
    for bom, name in _BOMS:
        if head.startswith(bom):
            return name
    if b"\x00" in head and (wide := _utf16_of(head)):
        return wide
    is_utf8, evidence = _read_once(path)
    if is_utf8:
        return "utf-8-sig"
    return _old_chinese_of(evidence) or _opinion_on(evidence)


def _utf16_of(head: bytes) -> str | None:
    """UTF-16 without byte order mark shows itself by ends of lines in one byte order only."""
    even = head[: len(head) // 2 * 2]
    for name in ("utf-16-le", "utf-16-be"):
        text = even.decode(name, errors="replace")
        strange = sum(unicodedata.category(char) in {"Cn", "Co", "Cs"} for char in text)
        if "\n" in text and "\x00" not in text and strange <= len(text) * 0.01:
            return name
    return None


def _read_once(path: Path) -> tuple[bool, bytes]:
    """Whether it is UTF-8 throughout, and its first lines that are not plain ASCII."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_utf8, evidence, kept, rest = True, [], 0, b""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            is_utf8 = is_utf8 and _accepts(decoder.decode, chunk)
            if kept < _EVIDENCE:
                *lines, rest = (rest + chunk).split(b"\n")
                telling = [line for line in lines if not line.isascii()]
                evidence += telling
                kept += sum(map(len, telling)) + len(rest)
    is_utf8 = is_utf8 and _accepts(lambda end: decoder.decode(end, final=True), b"")
    return is_utf8, b"\n".join([*evidence, rest])[:_EVIDENCE]


def _accepts(decode: Callable[[bytes], str], data: bytes) -> bool:
    try:
        decode(data)
    except UnicodeDecodeError:
        return False
    return True


def _old_chinese_of(evidence: bytes) -> str | None:
    """GB18030 or Big5, whichever yields more everyday characters; None where neither does."""
    scores = {name: _everyday_share(evidence, name) for name in _COMMON}
    best = max(scores, key=lambda name: scores[name])
    return best if scores[best] >= _SURE else None


def _everyday_share(evidence: bytes, name: str) -> float:
    """Share (0 to 1) of the Chinese characters that are everyday ones, read in this set."""
    charset, first, last = _COMMON[name]
    # The evidence may be cut within a character: what is left of the last one is dropped.
    decoder = codecs.getincrementaldecoder(name)()
    try:
        text = decoder.decode(evidence)
    except UnicodeDecodeError:
        return 0.0
    letters = [char for char in text if not char.isascii() and char.isalpha()]
    common = 0
    for char in letters:
        code = char.encode(charset, errors="ignore")
        common += bool(code) and first <= code[0] <= last
    return common / len(letters) if letters else 0.0


def _opinion_on(evidence: bytes) -> str | None:
    """What charset-normalizer holds most likely, e.g. cp1252 or shift_jis."""
    best = from_bytes(evidence).best()
    return best.encoding if best else None
