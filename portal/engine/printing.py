"""What is printed of a record: sections in order, each of a few kinds; placeholders name declared fields only."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from portal.engine.errors import Refused
from portal.engine.kinds.numbers import MoneyField

if TYPE_CHECKING:
    from portal.engine.fields import Field
    from portal.engine.spec import Spec

KINDS = {"text": "文字 | Text", "facts": "字段表 | Fields", "table": "明细表 | Lines", "signatures": "签章栏 | Signatures"}
CAPITALS = "capitals"
"""`{amount:capitals}`: an amount of money written out."""
_MOST = 40
_PLACE = re.compile(r"\{([^{}]*)\}")
_STRAY = re.compile(r"[{}]")


@dataclass(frozen=True, slots=True)
class Section:
    """`heading` and `body` are bilingual; `fields` are those of the record, or of the part that `of` names."""

    kind: str
    heading: str = ""
    body: str = ""
    of: str = ""
    fields: tuple[str, ...] = ()
    when: str = ""
    """Printed only where this field of the record has a value; empty: always."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A whole paper. Texts are bilingual; all of them may hold placeholders."""

    title: str
    sections: tuple[Section, ...]
    head: str = ""
    foot: str = ""


@dataclass(frozen=True, slots=True)
class Prints:
    """Offers a record on paper in this layout, until an administrator publishes another.

    In the states `drafts` it is marked as one that nobody has agreed to yet.
    """

    layout: Layout
    drafts: tuple[str, ...] = ()


def document(layout: Layout) -> dict[str, Any]:
    """As kept in a JSON column."""
    return asdict(layout)


def read(kept: Mapping[str, Any]) -> Layout:
    """Raises KeyError, TypeError or ValueError where it is none."""
    sections = tuple(_section(each) for each in kept["sections"])
    return Layout(str(kept["title"]), sections, str(kept.get("head", "")), str(kept.get("foot", "")))


def _section(kept: Mapping[str, Any]) -> Section:
    if kept["kind"] not in KINDS:
        raise ValueError(kept["kind"])
    heading, body, of = (str(kept.get(key, "")) for key in ("heading", "body", "of"))
    return Section(kept["kind"], heading, body, of, tuple(str(key) for key in kept.get("fields", ())), str(kept.get("when", "")))


def check(spec: Spec, layout: Layout) -> None:
    """Raises `Refused` with the first thing that an administrator has to put right."""
    if not layout.title.strip():
        raise Refused("请写标题。 | Write the title.", rule="print_title")
    if not 0 < len(layout.sections) <= _MOST:
        raise Refused("要有 1 到 {most} 节。 | There are 1 to {most} sections.", rule="print_sections", most=_MOST)
    for text in (layout.title, layout.head, layout.foot):
        check_places(spec, text)
    for number, section in enumerate(layout.sections, 1):
        _check_section(spec, section, number)


def _check_section(spec: Spec, section: Section, number: int) -> None:
    for text in (section.heading, section.body):
        check_places(spec, text)
    if section.when and section.when not in spec.fields:
        raise Refused("第 {n} 节：没有字段 {key}。 | Section {n}: there is no field {key}.", rule="print_field", n=number, key=section.when)
    if section.kind == "text" and not (section.body.strip() or section.heading.strip()):
        raise Refused("第 {n} 节没有文字。 | Section {n} has no words.", rule="print_empty", n=number)
    if section.kind in ("facts", "table"):
        found = part_of(spec, section)
        if found is None:
            raise Refused("第 {n} 节没有选明细。 | Section {n} names no lines.", rule="print_part", n=number)
        if not section.fields:
            raise Refused("第 {n} 节没有字段。 | Section {n} has no fields.", rule="print_fields", n=number)
        for key in section.fields:
            if key not in found.fields:
                raise Refused("第 {n} 节：没有字段 {key}。 | Section {n}: there is no field {key}.", rule="print_field", n=number, key=key)
    if section.kind == "signatures" and not section.body.strip():
        raise Refused("签章栏要写各方，一行一方。 | Signatures need the parties, one a line.", rule="print_parties")


def part_of(spec: Spec, section: Section) -> Spec | None:
    """Whose fields a section shows."""
    return spec if section.kind == "facts" else next((each for each in spec.parts() if each.name == section.of), None)


def check_places(spec: Spec, text: str) -> None:
    """Placeholders of a text name fields of the record, and only money can be written out."""
    for place in _PLACE.findall(text):
        key, _, how = place.partition(":")
        field = spec.fields.get(key)
        if field is None:
            raise Refused(
                "占位符 {place} 不对：没有字段 {key}。 | The placeholder {place} is wrong: there is no field {key}.",
                rule="print_place",
                place=f"{{{place}}}",
                key=key or "?",
            )
        if how and (how != CAPITALS or not isinstance(field, MoneyField)):
            raise Refused(
                "占位符 {place} 不对：只有金额可以写成大写（:{how}）。"
                " | The placeholder {place} is wrong: only money can be written out (:{how}).",
                how=CAPITALS,
                rule="print_place",
                place=f"{{{place}}}",
            )
    if _STRAY.search(_PLACE.sub("", text)):
        raise Refused("花括号要成对，里面只写字段的代号。 | Braces come in pairs with the key of a field between them.", rule="print_place")


def filled(text: str, say: Callable[[str, str], str]) -> str:
    """A checked text with its placeholders said: `say(key, how)`."""
    return _PLACE.sub(lambda found: say(*found[1].partition(":")[::2]), text)


def keys_of(layout: Layout) -> set[str]:
    """The record's fields that a layout shows anywhere."""
    texts = [layout.title, layout.head, layout.foot]
    shown: set[str] = set()
    for section in layout.sections:
        texts += [section.heading, section.body]
        shown.update(section.fields if section.kind == "facts" else ())
    return shown | {place.partition(":")[0] for text in texts for place in _PLACE.findall(text)}


def placeable(spec: Spec) -> Sequence[Field]:
    """Fields that a paper can show."""
    return [each for each in spec.fields.values() if each.kind not in ("json", "answers")]
