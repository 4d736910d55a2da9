"""The paper: characters, breaks, repeated heads, marks, size, and what placeholders may name."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

import pytest
from pypdf import PdfReader

from portal.engine import printing
from portal.engine.errors import Refused
from portal.engine.paper import Column, Paper, lines
from portal.engine.printing import Layout, Section
from portal.engine.spec import spec_named

NOW = datetime(2026, 5, 12, 2, tzinfo=UTC)
CLAUSE = "甲方应在合同生效后三日内向乙方支付预付款 ¥36,000（30%），余款在验收后三十日内付清。The Buyer shall pay within thirty days."
_MOST_SECONDS = 4.0
"""Half a second on a quiet machine; room for a busy one."""


def pages(paper: Paper) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(paper.pdf())).pages]


def long_contract() -> Paper:
    paper = Paper("销售合同", now=NOW, head="XS-1", mark="草稿", count="第 {page} 页，共 {pages} 页")
    columns = [Column("产品", 4), Column("小计", 1, right=True)]
    paper.table(columns, [[f"企业版 Enterprise {n}（含实施、培训与一年维护），版本 v3.{n}", "¥12,000.50"] for n in range(150)])
    for n in range(60):
        paper.paragraph(f"{n}. {CLAUSE * 3}")
    paper.signatures([("甲方：三方科技", ["签章：", "日期："]), ("乙方：", ["签章：", "日期："])])
    return paper


def test_rare_names_latin_money_and_percent_are_printed() -> None:
    said = pages_of("堃喆镕䶮㛃翀 Smith & Co. ¥1,200 € 12.5% ① ㎡")
    assert said == "堃喆镕䶮㛃翀 Smith & Co. ¥1,200 € 12.5% ① ㎡"


def pages_of(words: str) -> str:
    paper = Paper("标题", now=NOW)
    paper.paragraph(words)
    return pages(paper)[0].splitlines()[-2]


def test_a_character_that_the_font_lacks_is_shown_to_be_missing() -> None:
    assert pages_of("𠮷野家") == "〓野家"


def test_twelve_pages_repeat_the_head_carry_the_mark_and_keep_the_signatures_together() -> None:
    long_contract().pdf()
    began = perf_counter()
    content = long_contract().pdf()
    took = perf_counter() - began
    found = [page.extract_text() for page in PdfReader(io.BytesIO(content)).pages]
    assert len(found) >= 12
    assert took < _MOST_SECONDS
    assert len(content) < 200_000
    for number, said in enumerate(found, 1):
        assert f"第 {number} 页，共 {len(found)} 页" in said
        assert "草稿" in said
        assert ("产品" in said) == ("企业版" in said), "a table's head is on each of its pages and on no other"
    assert all(each in found[-1] for each in ("甲方：三方科技", "乙方：", "签章："))


def test_the_font_is_embedded_as_a_subset() -> None:
    fonts: Any = PdfReader(io.BytesIO(long_contract().pdf())).pages[0]["/Resources"]["/Font"]  # type: ignore[index]
    for name in fonts:
        inner = fonts[name].get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
        assert "/FontFile2" in inner
        assert "+" in str(inner["/FontName"])


def test_a_row_higher_than_a_page_goes_on_under_the_head() -> None:
    paper = Paper("标题", now=NOW)
    paper.table([Column("说明", 1)], [["很长的说明。" * 900]])
    found = pages(paper)
    assert len(found) > 1
    assert all("说明" in said.splitlines()[0] or "说明" in said for said in found)


def test_lines_break_as_chinese_type_does() -> None:
    found = lines(CLAUSE * 4, 60, "", 10.5)
    assert "".join(found).replace(" ", "") == (CLAUSE * 4).replace(" ", "")
    assert not [line for line in found if line[0] in "。，、；：）％" or line[-1] in "（《“"]
    assert all(word in " ".join(found) for word in ("¥36,000", "within", "thirty")), "a word and a figure are not torn"


@pytest.mark.parametrize(
    "text",
    ["{nope}", "{customer_id.name}", "{owner.password}", "{title:capitals}", "{amount:upper}", "{}", "{amount", "amount}", "{{amount}}"],
)
def test_a_bad_placeholder_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(Refused) as refused:
        printing.check(spec_named("contract"), Layout("标题 | Title", (Section("text", body=f"{text} | {text}"),)))
    assert refused.value.in_("zh")
    assert refused.value.in_("en")


@pytest.mark.parametrize(
    "section",
    [
        Section("text"),
        Section("facts"),
        Section("facts", fields=("password",)),
        Section("table", of="user", fields=("name",)),
        Section("table", of="contract_line", fields=("party",)),
        Section("signatures"),
    ],
)
def test_a_section_names_what_the_record_has(section: Section) -> None:
    with pytest.raises(Refused):
        printing.check(spec_named("contract"), Layout("标题 | Title", (section,)))


def test_a_layout_is_read_as_it_was_kept() -> None:
    declared = spec_named("contract").screen.prints
    assert declared is not None
    assert printing.read(printing.document(declared.layout)) == declared.layout
