"""Phones and names: how they are hidden, brought into normal form, and found by two characters.

The SQL functions say exactly what the Python ones say; a migration creates them from the constants.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise
from typing import Any

import phonenumbers
from sqlalchemy import ColumnElement, func

_TAIL, _HIDDEN, _HEAD = 4, 4, 3
_STARS = "*" * _HIDDEN


def mask_phone(value: str) -> str:
    """138****5678: at most the first three and the last four digits, at least four hidden.

    A Chinese number is shown without +86, a foreign one with its plus; an extension is dropped.
    Fewer than eight digits are hidden altogether. Empty stays empty.
    """
    if not value:
        return ""
    number = re.sub(r"^\+86", "", re.sub(r"[xX].*$", "", value, flags=re.DOTALL))
    digits = re.sub(r"[^0-9]", "", number)
    if len(digits) < _TAIL + _HIDDEN:
        return _STARS
    plus = "+" if number.startswith("+") else ""
    head = min(_HEAD, len(digits) - _TAIL - _HIDDEN)
    return f"{plus}{digits[:head]}{_STARS}{digits[-_TAIL:]}"


# `mask_phone` in SQL, so that a list never reads the number it must not show.
MASK_PHONE_SQL = r"""
CREATE FUNCTION portal_mask_phone(value text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE
    WHEN value = '' THEN ''
    WHEN length(digits) < 8 THEN '****'
    ELSE CASE WHEN left(number, 1) = '+' THEN '+' ELSE '' END
      || left(digits, least(3, length(digits) - 8)) || '****' || right(digits, 4)
  END
  FROM (SELECT regexp_replace(regexp_replace(value, '[xX].*$', ''), '^\+86', '') AS number) AS n,
    LATERAL (SELECT regexp_replace(number, '[^0-9]', '', 'g') AS digits) AS d
$$
"""


def masked_phone(column: Any) -> ColumnElement[str]:
    """`mask_phone` as a SQL expression; NULL stays NULL."""
    return func.portal_mask_phone(column)


_PHONE = re.compile(r"\+?[0-9 ().\-/]*[0-9][0-9 ().\-/]*(x[0-9]{1,6})?")
_EXTENSION = re.compile(r"\s*(?:转|轉|分机|分機|ext\.?|extension|x|#)[ :.]*(?=[0-9]+\s*$)")
_DASHED_EXTENSION = re.compile(r"^(\(?0[0-9]{2,3}\)?[- ]?[0-9]{7,8})-(?=[0-9]{1,6}$)")
_WITHOUT_AREA_CODE = (7, 8)
_CHINESE_MOBILE = re.compile(r"1[0-9]{10}")
_SHORTEST = 5


def phone_digits(raw: str, region: str = "CN") -> str | None:
    """One number as one value, or None when it is no phone number.

    E.164 where that can be told (+8613812345678), with an extension as x802; digits only where the
    area code is missing (62341234) or the number is a short one of the region (95588). `region` is
    where a number without country code is dialled. Two numbers in one cell are no phone number,
    nor is one with a digit too few.
    """
    text = _plain_phone(raw)
    if not _PHONE.fullmatch(text):
        return None
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    extension = f"x{number.extension}" if number.extension else ""
    if _is_whole(number, region):
        whole = f"+{number.country_code}{phonenumbers.national_significant_number(number)}"
        return whole + extension
    digits = re.sub(r"[^0-9]", "", text.partition("x")[0])
    is_local = len(digits) in _WITHOUT_AREA_CODE and not text.startswith(("0", "+", "(0"))
    is_short = len(digits) >= _SHORTEST and phonenumbers.is_valid_short_number_for_region(number, region)
    return digits + extension if is_local or is_short else None


def _plain_phone(raw: str) -> str:
    """Half-width digits and signs, an extension as x802, no apostrophe and no decimals of Excel."""
    text = unicodedata.normalize("NFKC", raw).strip().lstrip("'").casefold()
    text = re.sub(r"[\u2010-\u2015\u2212]", "-", text)  # the many dashes of office programs
    text = re.sub(r"(?<=[0-9])\.0$", "", text)
    return _DASHED_EXTENSION.sub(r"\1x", _EXTENSION.sub("x", text))


def _is_whole(number: phonenumbers.PhoneNumber, region: str) -> bool:
    """Valid at home (or a Chinese mobile of a range too new to be known), possible abroad."""
    if phonenumbers.is_valid_number(number):
        return True
    if number.country_code != phonenumbers.country_code_for_region(region):
        return phonenumbers.is_possible_number(number)
    national = phonenumbers.national_significant_number(number)
    return region == "CN" and _CHINESE_MOBILE.fullmatch(national) is not None


_CHINESE_FORM = re.compile(r"(?:股份)?有限(?:责任|責任)?公司$")
_ENGLISH_FORM = re.compile(
    r"(?<![a-z0-9])(?:co|company|corp|corporation|inc|incorporated|ltd|limited|llc|llp|plc|gmbh|pte"
    r"|pty|pvt)[\s.,]*$"
)
_WARNING = re.compile(r"\*\s*(?=st)")
_LEAST_NAME = 2


def normalise_name(raw: str) -> str:
    """A company's name as it is compared: two spellings of one company become one text.

    Width, case, spaces and punctuation do not count, nor does the legal form at the end
    (有限公司, 股份有限公司, Ltd, Inc …) unless hardly a name were left. What tells companies apart
    stays: 集团, a place in brackets, and the exchange's ST or *ST.
    """
    found = _without_form(raw)
    while (again := _without_form(found)) != found:  # without its punctuation a name may end in a form: C:O
        found = again
    return found


def _without_form(raw: str) -> str:
    text = unicodedata.normalize("NFKC", raw).casefold().strip()
    star = "*" if _WARNING.match(text) else ""
    while True:
        bare = _squeezed(shorter := _ENGLISH_FORM.sub("", _CHINESE_FORM.sub("", text.rstrip())))
        if shorter == text or len(bare) < _LEAST_NAME:
            return star + _squeezed(text)
        text = shorter


def _squeezed(text: str) -> str:
    """Letters and digits only."""
    return "".join(char for char in text if char.isalnum())


# Upper to lower case and full width to half width, by an explicit table and not by a collation or a
# Unicode version: an index keeps its meaning on every server, and Python and SQL agree for good.
_UPPER = [
    char
    for char in map(chr, [*range(0x41, 0x5B), *range(0xC0, 0xDF), *range(0x391, 0x430)])
    if len(char.lower()) == 1 and char.lower() != char
]
_WIDE = [chr(code) for code in range(0xFF01, 0xFF5F)]
_DROPPED = " \t\n\r\u00a0\u3000"
_FOLD = {ord(char): char.lower() for char in _UPPER}
_FOLD |= {ord(char): chr(ord(char) - 0xFEE0).lower() for char in _WIDE}


def fold(text: str) -> str:
    """The text as search sees it: lower case, half width, no spaces."""
    return text.translate(_FOLD | dict.fromkeys(map(ord, _DROPPED)))


def pairs(text: str) -> list[str]:
    """Each pair of neighbouring characters, in order: the two-character search index.

    A text holds every pair of each text it contains; so `pairs(name) @> pairs(wanted)` by index,
    then `fold(wanted) in fold(name)` on what is left. Fewer than two characters have no pair.
    """
    return ["".join(pair) for pair in pairwise(fold(text))]


def _quoted(chars: str) -> str:
    """A SQL literal in ASCII, with nothing in it that a driver would take for a parameter."""
    return "E'" + "".join(f"\\u{ord(char):04X}" for char in chars) + "'"


# The long table costs 30 microseconds a name, so plain ASCII and Chinese text goes past it.
_FOLD_EXPRESSION = f"""CASE WHEN value COLLATE "C" ~ E'[^!-~\\u4E00-\\u9FFF]'
    THEN translate(value COLLATE "C",
      {_quoted("".join(map(chr, _FOLD)) + _DROPPED)},
      {_quoted("".join(_FOLD.values()))})
    ELSE lower(value COLLATE "C") END"""

# `fold` in SQL.
FOLD_SQL = f"""
CREATE FUNCTION portal_fold(value text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT {_FOLD_EXPRESSION}
$$
"""

# `pairs` in SQL (NULL has none); calls no function of ours, so that a restored dump can build its
# index; a plain loop, because it is eight times as fast as a query for each name.
PAIRS_SQL = f"""
CREATE FUNCTION portal_pairs(value text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 1000 AS $$
DECLARE
  folded text := {_FOLD_EXPRESSION};
  found_pairs text[] := ARRAY[]::text[];
BEGIN
  FOR place IN 1 .. coalesce(char_length(folded), 0) - 1 LOOP
    found_pairs := found_pairs || substr(folded, place, 2);
  END LOOP;
  RETURN found_pairs;
END
$$
"""
