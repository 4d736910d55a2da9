"""A record on paper as its reader may see it: fields he does not see are dashes, masked ones stay masked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from portal.domain.calendar import company_day
from portal.domain.print_templates import prints_of
from portal.engine import printing, store
from portal.engine.capitals import in_capitals
from portal.engine.fields import Field, View
from portal.engine.kinds.numbers import MoneyField
from portal.engine.paper import Column, Paper
from portal.engine.printing import Layout, Section
from portal.engine.query.listing import Listing, ListQuery
from portal.engine.spec import Spec
from portal.engine.text import pick
from portal.security.fields import Rights

_PAGE = 200
"""Parts of a record are read by so many at a time."""
_FIGURES = frozenset({"integer", "decimal", "money"})
_NONE = "—"
_COUNT = "第 {page} 页，共 {pages} 页 | Page {page} of {pages}"
_SIGN = ("签章： | Signed:", "日期： | Date:")
_DRAFT = "草稿 | DRAFT"
SAMPLE = "样稿 | SAMPLE"


@dataclass(frozen=True, slots=True)
class Print:
    """One record (`row` came through the gate; without one: a sample that shows the fields' names) for one reader."""

    spec: Spec
    layout: Layout
    rights: Rights
    view: View
    row: Mapping[str, Any] | None = None

    def pdf(self) -> bytes:
        """Takes about half a second, the first one of a process two (portal/engine/paper_fonts.py)."""
        assert self.view.now is not None  # noqa: S101 - a door's view has its moment
        layout = self.layout
        head, foot = self._text(layout.head), self._text(layout.foot)
        day = f"{company_day(self.view.now):%Y-%m-%d}"
        foot = " · ".join(part for part in (foot, self._t("打印于 {day} | Printed {day}").format(day=day)) if part)
        paper = Paper(self._text(layout.title), now=self.view.now, head=head, foot=foot, mark=self._mark(), count=self._t(_COUNT))
        for section in filter(self._is_printed, layout.sections):
            self._section(paper, section)
        return paper.pdf()

    def _t(self, text: str) -> str:
        return str(pick(text, self.view.language))

    def _mark(self) -> str:
        if self.row is None:
            return self._t(SAMPLE)
        state = self.spec.state
        return self._t(_DRAFT) if state and self.row.get(state.key) in prints_of(self.spec).drafts else ""

    def _is_printed(self, section: Section) -> bool:
        """A sample shows every section; a field that was archived since has no value."""
        if self.row is None or not section.when:
            return True
        field = self.spec.fields.get(section.when)
        return field is not None and not field.is_blank(self.row.get(section.when))

    def _section(self, paper: Paper, section: Section) -> None:
        if section.heading:
            paper.heading(self._text(section.heading))
        body = self._text(section.body)
        if section.kind == "signatures":
            paper.signatures([(line, [self._t(each) for each in _SIGN]) for line in body.splitlines() if line.strip()])
            return
        if body:
            paper.paragraph(body)
        if section.kind == "facts":
            found = [self.spec.fields[key] for key in section.fields if key in self.spec.fields]
            paper.facts([(self._t(f.label), self._written(f)) for f in found if self.rights.sees(self.spec, f)])
        elif section.kind == "table":
            self._table(paper, section)

    def _table(self, paper: Paper, section: Section) -> None:
        part = printing.part_of(self.spec, section)
        if part is None or not self.rights.principal.may(f"{part.name}:read"):
            return
        keys = [key for key in section.fields if key in part.fields]
        fields = [part.fields[key] for key in keys if self.rights.sees(part, part.fields[key])]
        columns = [Column(self._t(f.label), 1.0 if f.kind in _FIGURES else 2.0, f.kind in _FIGURES) for f in fields]
        if columns:
            paper.table(columns, [[self._said(part, f, row) for f in fields] for row in self._parts(part)])

    def _parts(self, part: Spec) -> Iterator[Mapping[str, Any]]:
        belongs = part.parent_to(self.spec.name)
        if self.row is None or belongs is None:
            yield {}
            return
        query = ListQuery(filters=((belongs.key, "eq", self.row["id"]),), limit=_PAGE, columns=tuple(part.fields))
        while True:
            page = Listing(part, self.rights, self.view, query).page(store.session())
            yield from page.rows
            if page.next is None:
                return
            query = replace(query, after=page.next)

    # values ------------------------------------------------------------------------------------
    def _text(self, text: str) -> str:
        return printing.filled(self._t(text), self._placed)

    def _placed(self, key: str, how: str) -> str:
        """A field that was archived since the template was published is a dash too."""
        field = self.spec.fields.get(key)
        if field is None:
            return _NONE
        return self._capitals(field) or _NONE if how else self._said(self.spec, field, self.row or {})

    def _said(self, spec: Spec, field: Field, row: Mapping[str, Any]) -> str:
        if self.row is None:
            return f"〔{self._t(field.label)}〕"
        cell = self.rights.cell(spec, field, row, self.view)
        return cell.text if self.rights.masks(spec, field, row) else cell.title or cell.text

    def _written(self, field: Field) -> str:
        """Money in a Chinese paper is written out as well."""
        said = self._said(self.spec, field, self.row or {})
        capitals = self._capitals(field) if self.view.language == "zh" and isinstance(field, MoneyField) else ""
        return f"{said}（{capitals}）" if capitals else said

    def _capitals(self, field: Field) -> str:
        if self.row is None:
            return f"〔{self._t(field.label)}〕" if self.view.language == "zh" else ""
        amount = self.row.get(field.key)
        hidden = not self.rights.sees(self.spec, field) or self.rights.masks(self.spec, field, self.row)
        return "" if amount is None or hidden or not isinstance(field, MoneyField) else in_capitals(amount, field.currency)
