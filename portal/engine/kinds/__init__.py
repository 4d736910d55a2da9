"""The field kinds. Adding one is one file here and its name in this list."""

from portal.engine.kinds.answers import answers
from portal.engine.kinds.choice import Choices, choice, derived, states
from portal.engine.kinds.dates import date, instant
from portal.engine.kinds.elapsed import elapsed
from portal.engine.kinds.filled import filled
from portal.engine.kinds.numbers import decimal, flag, integer, money
from portal.engine.kinds.reference import ref
from portal.engine.kinds.said import pair, said
from portal.engine.kinds.several import several
from portal.engine.kinds.structured import json
from portal.engine.kinds.subject import customisable, record_type, target
from portal.engine.kinds.texts import email, longtext, phone, text

__all__ = [
    "Choices",
    "answers",
    "choice",
    "customisable",
    "date",
    "decimal",
    "derived",
    "elapsed",
    "email",
    "filled",
    "flag",
    "instant",
    "integer",
    "json",
    "longtext",
    "money",
    "pair",
    "phone",
    "record_type",
    "ref",
    "said",
    "several",
    "states",
    "target",
    "text",
]
