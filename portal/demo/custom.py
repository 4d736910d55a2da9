"""Fields that the demo's administrator has added: four for customers, one for leads, with values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, literal, select, update

from portal.demo.company import Company
from portal.demo.rows import Stage, entity_row, write_audited
from portal.entities.custom import FieldKind, FieldState
from portal.models import Customer, CustomField, Lead

_EVERY = 5
"""Every fifth record has no value yet."""
MACHINES = {"cnc": "数控机床 | CNC machine", "moulding": "注塑机 | Injection moulding", "laser": "激光切割 | Laser cutting"}
STANDARDS = {
    "iso9001": "ISO 9001 质量体系 | ISO 9001 quality",
    "ce": "CE 认证 | CE mark",
    "iatf": "IATF 16949 汽车 | IATF 16949 automotive",
}
FIELDS: Sequence[Mapping[str, Any]] = (
    {
        "entity": "customer",
        "key": "machine",
        "kind": FieldKind.CHOICE.value,
        "label_zh": "主要设备",
        "label_en": "Main machine",
        "section": "设备 | Equipment",
        "options": "\n".join(f"{code} = {words}" for code, words in MACHINES.items()),
        "is_listed": True,
    },
    {
        "entity": "customer",
        "key": "line_count",
        "kind": FieldKind.INTEGER.value,
        "label_zh": "产线数",
        "label_en": "Production lines",
        "section": "设备 | Equipment",
        "help_zh": "在用的，不含备用。",
        "help_en": "Those in use, without spares.",
    },
    {
        "entity": "customer",
        "key": "standards",
        "kind": FieldKind.CHOICES.value,
        "label_zh": "资质要求",
        "label_en": "Standards asked for",
        "section": "设备 | Equipment",
        "options": "\n".join(f"{code} = {words}" for code, words in STANDARDS.items()),
    },
    {
        "entity": "customer",
        "key": "introduced_by",
        "kind": FieldKind.REFERENCE.value,
        "target": "customer",
        "label_zh": "介绍人",
        "label_en": "Introduced by",
        "help_zh": "哪家客户介绍来的。",
        "help_en": "The customer who sent them to us.",
    },
    {
        "entity": "lead",
        "key": "tender",
        "kind": FieldKind.DATE.value,
        "label_zh": "招标日",
        "label_en": "Tender on",
        "help_zh": "客户公布的开标日期。",
        "help_en": "The day the customer has announced.",
    },
)


def fields(stage: Stage, company: Company) -> None:
    """Defined by the administrator, and filled in for four records of five."""
    by_id = company.of_role("admin")[0].id
    rows = [entity_row(stage.now, by_id, **{**_BLANK, **each, "rank": (rank + 1) * 10}) for rank, each in enumerate(FIELDS)]
    write_audited(stage, CustomField.__table__, "custom_field", rows)
    machines = func.jsonb_build_array(*MACHINES)
    customer: Any = Customer.__table__
    machine = machines.op("->>")(customer.c.id % 7 % 3)
    standards = func.jsonb_build_array(*STANDARDS).op("-")(customer.c.id % 7 % 4)
    given = {"x_machine": machine, "x_line_count": customer.c.id % 7 + 1, "x_standards": standards}
    _fill(stage, customer, func.jsonb_build_object(*(part for pair in given.items() for part in pair)))
    _introduce(stage, customer)
    lead: Any = Lead.__table__
    _fill(stage, lead, func.jsonb_build_object("x_tender", func.to_char(literal(stage.today) + (lead.c.id % 90 + 20), "YYYY-MM-DD")))


def _introduce(stage: Stage, customer: Any) -> None:
    """Every seventh customer came through the one that his owner had before him."""
    before = func.lag(customer.c.id).over(partition_by=customer.c.owner_id, order_by=customer.c.id).label("before")
    known = select(customer.c.id, before).where(customer.c.owner_id.is_not(None)).subquery()
    told = customer.c.extra.op("||")(func.jsonb_build_object("x_introduced_by", known.c.before))
    chosen = (customer.c.id == known.c.id, known.c.before.is_not(None), customer.c.id % 7 == 1)
    stage.session.connection().execute(update(customer).where(*chosen).values(extra=told))


def _fill(stage: Stage, table: Any, values: Any) -> None:
    stage.session.connection().execute(update(table).where(table.c.id % _EVERY != 0).values(extra=table.c.extra.op("||")(values)))


_BLANK: Mapping[str, Any] = {
    **dict.fromkeys(("options", "target", "help_zh", "help_en", "initial", "section", "seen_by", "edited_by", "problem"), ""),
    **dict.fromkeys(("is_required", "is_unique", "is_listed", "is_filterable", "is_sortable", "is_searched"), False),
    "mask": "none",
    "state": FieldState.ACTIVE.value,
    "version": 1,
}
