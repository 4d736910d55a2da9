"""Bilingual text: one notation, `"中文 | English"`, complete in both languages by construction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
SEPARATOR = " | "


@dataclass(frozen=True, slots=True, init=False)
class Text:
    """A bilingual template with its facts; facts may be texts themselves."""

    template: str
    facts: Mapping[str, Any]

    def __init__(self, template: str, /, _facts: Mapping[str, Any] | None = None, **facts: Any) -> None:
        object.__setattr__(self, "template", template)
        object.__setattr__(self, "facts", {**(_facts or {}), **facts})

    def in_(self, language: Language) -> str:
        half = _half(self.template, language)
        if not self.facts:
            return half
        return half.format(**{key: pick(value, language) for key, value in self.facts.items()})

    def stored(self) -> dict[str, str]:
        """Both languages, as kept in a JSON column."""
        return {language: self.in_(language) for language in LANGUAGES}


def say(template: str, /, **facts: Any) -> Text:
    """Bind facts to a bilingual template."""
    return Text(template, **facts)


def pick(value: Any, language: Language) -> Any:
    """The half of a bilingual string or text in this language; anything else as it is."""
    if isinstance(value, Text):
        return value.in_(language)
    if isinstance(value, Mapping) and "zh" in value:
        return value.get(language) or value["zh"]
    if isinstance(value, str) and SEPARATOR in value:
        return _half(value, language)
    return value


def shortened(words: str, most: int) -> str:
    """In one line of at most so many characters."""
    line = " ".join(words.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def is_bilingual(value: str) -> bool:
    """Whether both halves are there."""
    halves = value.split(SEPARATOR)
    return len(halves) == 2 and all(half.strip() for half in halves)  # noqa: PLR2004


@lru_cache(maxsize=4096)
def _half(template: str, language: Language) -> str:
    chinese, _, english = template.partition(SEPARATOR)
    return english if language == "en" and english else chinese
