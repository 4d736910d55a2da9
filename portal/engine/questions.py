"""Questions asked at run time, and what was answered: each answer keeps the words it was asked with.

A document `{"questions": [...]}` says what is asked; a document `{"items": [...]}` what was said. An answer stands
beside its question's label, so it reads the same after the questions have changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from portal.engine.errors import BadRequest, Refused
from portal.engine.given import storable
from portal.engine.text import Language, Text, is_bilingual, pick, say

TEXT, NUMBER, CHOICE, TABLE = "text", "number", "choice", "table"
KINDS: Mapping[str, str] = {TEXT: "文本 | Text", NUMBER: "数字 | Number", CHOICE: "选择 | Choice", TABLE: "表格 | Table"}
MOST_QUESTIONS = 20
MOST_PARTS = 30
MOST_ROWS = 50
_LONGEST = {TEXT: 5000, NUMBER: 40, CHOICE: 200}
_LONGEST_CELL = 500
_MISSING = say("请填写。 | Please answer.")


@dataclass(frozen=True, slots=True)
class Question:
    """One question. `parts` are a choice's options or a table's columns; all words are bilingual."""

    key: str
    kind: str
    label: str
    required: bool = False
    help: str = ""
    parts: tuple[str, ...] = ()


def read(document: Mapping[str, Any] | None) -> tuple[Question, ...]:
    """The questions of a document, in their order. Raises `ValueError` where one is of no kind there is."""
    return tuple(_question(each) for each in (document or {}).get("questions", ()))


def _question(each: Mapping[str, Any]) -> Question:
    kind = str(each.get("kind", TEXT))
    if kind not in KINDS:
        raise ValueError(f"there is no kind of question {kind!r}")
    return Question(
        str(each["key"]),
        kind,
        str(each.get("label", "")),
        bool(each.get("required")),
        str(each.get("help", "")),
        tuple(map(str, each.get("parts", ()))),
    )


def document(questions: Iterable[Question]) -> dict[str, Any]:
    """The other way round."""
    return {"questions": [{**asdict(each), "parts": list(each.parts)} for each in questions]}


def check(questions: Sequence[Question]) -> None:
    """Refuses what nobody could answer, in words that say which question and why."""
    if len(questions) > MOST_QUESTIONS:
        raise Refused("最多 {most} 个问题。 | At most {most} questions.", rule="questions", most=MOST_QUESTIONS)
    if len({each.key for each in questions}) < len(questions):
        raise Refused("两个问题用了同一个键。 | Two questions have the same key.", rule="question_key")
    for number, each in enumerate(questions, 1):
        if each.kind not in KINDS or not is_bilingual(each.label):
            raise Refused("第 {n} 个问题要有名称。 | Question {n} needs a name.", rule="question_name", n=number)
        least = {CHOICE: 2, TABLE: 1}.get(each.kind, 0)
        if not least <= len(each.parts) <= MOST_PARTS or not all(map(is_bilingual, each.parts)):
            raise Refused(
                "第 {n} 个问题要有选项（至少两个）或列（至少一个）。 | Question {n} needs choices (two or more) or columns (one or more).",
                rule="question_parts",
                n=number,
            )
        if len(set(each.parts)) < len(each.parts):
            raise Refused("第 {n} 个问题有重复的选项或列。 | Question {n} names a choice or column twice.", rule="question_twice", n=number)


# answers ------------------------------------------------------------------------------------------


def answered(questions: Sequence[Question], given: Mapping[str, Any]) -> dict[str, Any]:
    """What was said, as typed, beside its question: `{key: text}`, for a table `{key: [[cell, …], …]}`.

    Raises BadRequest for an answer to nothing, or one that cannot be kept.
    """
    if strays := sorted(set(given) - {each.key for each in questions}):
        raise BadRequest("没有问题 {key}。 | There is no question {key}.", key=strays[0])
    found = [(each, _kept(each, given.get(each.key))) for each in questions]
    return {"items": [_item(each, value) for each, value in found if value]}


def _item(each: Question, value: Any) -> dict[str, Any]:
    kept = {"key": each.key, "kind": each.kind, "label": each.label, "value": value}
    return {**kept, "columns": list(each.parts)} if each.kind == TABLE else kept


def _kept(each: Question, raw: Any) -> Any:
    if each.kind != TABLE:
        return _words("" if raw is None else raw, _LONGEST[each.kind], each)
    rows = raw or []
    if (
        not isinstance(rows, list)
        or len(rows) > MOST_ROWS
        or not all(isinstance(row, list) and len(row) <= len(each.parts) for row in rows)
    ):
        raise BadRequest("“{label}”要一行一行地写。 | “{label}” is answered row by row.", label=Text(each.label))
    cells = [[_words(cell, _LONGEST_CELL, each) for cell in row] for row in rows]
    return [[*row, *[""] * (len(each.parts) - len(row))] for row in cells if any(row)]


def _words(raw: Any, longest: int, each: Question) -> str:
    if isinstance(raw, (dict, list)):
        raise BadRequest("“{label}”的回答不是一段文字。 | The answer to “{label}” is no text.", label=Text(each.label))
    text = str(raw).strip()
    if len(text) > longest or not storable(text):
        raise BadRequest(
            "“{label}”最多 {most} 个字，且不能有控制字符。 | “{label}” takes at most {most} characters, none of them a control character.",
            label=Text(each.label),
            most=longest,
        )
    return text


def values(answers: Mapping[str, Any] | None) -> dict[str, Any]:
    """Key → what was said, to fill a form with."""
    return {each["key"]: each["value"] for each in (answers or {}).get("items", ())}


def faults(questions: Sequence[Question], answers: Mapping[str, Any] | None) -> dict[str, Text]:
    """What stands in the way of sending these answers, by question: missing, no number, no such choice."""
    said = values(answers)
    return {each.key: fault for each in questions if (fault := _fault(each, said.get(each.key))) is not None}


def _fault(each: Question, value: Any) -> Text | None:
    if not value:
        return _MISSING if each.required else None
    if each.kind == NUMBER and number(value) is None:
        return say("请写数字。 | Please write a number.")
    if each.kind == CHOICE and value not in each.parts:
        return say("请从列出的选项里选。 | Please choose one of the options.")
    return None


def number(text: str) -> Decimal | None:
    """The number a person wrote, thousands commas and all; None where it is none."""
    try:
        found = Decimal(text.replace(",", "").replace("，", "").strip())
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def in_words(item: Mapping[str, Any], language: Language) -> str:
    """An answer as one line of plain words, without its question."""
    if item.get("kind") == TABLE:
        comma, end = ("，", "；") if language == "zh" else (", ", "; ")
        return end.join(comma.join(filter(None, row)) for row in item["value"])
    return str(pick(item["value"], language)) if item.get("kind") == CHOICE else str(item["value"])
