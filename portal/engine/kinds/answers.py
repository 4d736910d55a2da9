"""Answers to questions asked at run time; a special screen or a program fills them in."""

from __future__ import annotations

from typing import Any, ClassVar, Unpack

from sqlalchemy.orm import Mapped

from portal.engine.fields import BadValue, Options, View
from portal.engine.given import json_of
from portal.engine.kinds.structured import JsonField
from portal.engine.questions import in_words
from portal.engine.text import pick


class AnswersField(JsonField):
    """Shown and exported as words with their questions; told to programs as it is kept."""

    kind = "answers"
    widget: ClassVar[str] = ""

    def is_blank(self, value: Any) -> bool:
        return not (value or {}).get("items")

    def read(self, raw: Any) -> dict[str, Any]:
        """`{key: answer}`, as a program sends it."""
        try:
            found = json_of(raw) if isinstance(raw, str) else raw
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise BadValue("请按问题的键给出回答。 | Give the answers by the keys of their questions.")
        return found

    def words(self, value: Any, view: View) -> str:
        if self.is_blank(value):
            return ""
        colon, end = ("：", "\n") if view.language == "zh" else (": ", "\n")
        return end.join(f"{pick(item['label'], view.language)}{colon}{in_words(item, view.language)}" for item in value["items"])


def answers(label: str, **options: Unpack[Options]) -> Mapped[dict[str, Any]]:
    """Answers to a document of questions."""
    made: Mapped[dict[str, Any]] = AnswersField(label, **options).column()
    return made
