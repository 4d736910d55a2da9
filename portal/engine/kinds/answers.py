"""Answers to questions asked at run time; a special screen or a program fills them in."""

from __future__ import annotations

from typing import Any, ClassVar, Unpack

from sqlalchemy import ColumnElement, func
from sqlalchemy.orm import Mapped

from portal.engine import csv_out
from portal.engine.fields import BadValue, Options, View
from portal.engine.given import json_of
from portal.engine.kinds.structured import JsonField
from portal.engine.questions import in_words
from portal.engine.text import pick

IN_WORDS_SQL = r"""
CREATE FUNCTION portal_answers(answers jsonb, half integer) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT string_agg(label || CASE half WHEN 1 THEN '：' ELSE ': ' END || said, E'\n' ORDER BY place)
  FROM jsonb_array_elements(answers -> 'items') WITH ORDINALITY AS items (item, place),
    LATERAL (SELECT item ->> 'label' AS title, item ->> 'value' AS plain) AS given,
    LATERAL (SELECT CASE WHEN title LIKE '% ' || '| %' THEN split_part(title, ' ' || '| ', half) ELSE title END AS label) AS asked,
    LATERAL (SELECT CASE item ->> 'kind'
      WHEN 'table' THEN (
        SELECT string_agg(line, CASE half WHEN 1 THEN '；' ELSE '; ' END ORDER BY number)
        FROM jsonb_array_elements(item -> 'value') WITH ORDINALITY AS lines (cells, number), LATERAL (
          SELECT string_agg(cell, CASE half WHEN 1 THEN '，' ELSE ', ' END ORDER BY at) AS line
          FROM jsonb_array_elements_text(cells) WITH ORDINALITY AS parts (cell, at) WHERE cell <> '') AS told)
      WHEN 'choice' THEN CASE WHEN plain LIKE '% ' || '| %' THEN split_part(plain, ' ' || '| ', half) ELSE plain END
      ELSE plain END AS said) AS answered
$$
"""
"""`AnswersField.words` in the database, for files; `half`: 1 for Chinese, 2 for English."""


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

    def exported(self, column: ColumnElement[Any], view: View) -> ColumnElement[Any]:
        return csv_out.escaped(func.portal_answers(column, 1 if view.language == "zh" else 2))


def answers(label: str, **options: Unpack[Options]) -> Mapped[dict[str, Any]]:
    """Answers to a document of questions."""
    made: Mapped[dict[str, Any]] = AnswersField(label, **options).column()
    return made
