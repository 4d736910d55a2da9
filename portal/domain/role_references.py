"""Where roles are named. One that gets another name keeps what is said of it; one that is named nowhere can go."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import models
from portal.engine.text import Text, say

_PARTED = re.compile("[,，、]")


@dataclass(frozen=True, slots=True)
class Mention:
    """A record that names a role: how it is told, and how it names another one instead."""

    told: Text
    rename: Callable[[str], None]


def mentions(session: Session, role: str) -> list[Mention]:
    """Custom fields, report templates, policies and flows in force that name this role."""
    return [*_fields(session, role), *_templates(session, role), *_policies(session, role), *_flows(session, role)]


def _fields(session: Session, role: str) -> Iterator[Mention]:
    field = models.CustomField
    named = field.seen_by.contains(role, autoescape=True) | field.edited_by.contains(role, autoescape=True)
    for each in session.scalars(select(field).where(named, field.deleted_at.is_(None)).order_by(field.id)):
        for key in ("seen_by", "edited_by"):
            if role in _names(getattr(each, key)):
                label = f"{each.label_zh} | {each.label_en}"
                yield Mention(say("字段“{name}” | field “{name}”", name=label), _in_list(each, key, role, "、"))


def _templates(session: Session, role: str) -> Iterator[Mention]:
    template = models.ReportTemplate
    named = select(template).where(template.for_role == role, template.deleted_at.is_(None))
    for each in session.scalars(named.order_by(template.id)):
        yield Mention(say("报告模板“{name}” | report template “{name}”", name=each.name), partial(setattr, each, "for_role"))


def _policies(session: Session, role: str) -> Iterator[Mention]:
    policy = models.Policy
    told = select(policy).where(policy.key.endswith(".roles"), policy.value.contains(role, autoescape=True), policy.deleted_at.is_(None))
    for each in session.scalars(told.order_by(policy.id)):
        if role in _names(each.value):
            yield Mention(say("制度“{name}” | policy “{name}”", name=each.key), _in_list(each, "value", role, ","))


def _flows(session: Session, role: str) -> Iterator[Mention]:
    flow = models.ApprovalFlow
    for each in session.scalars(select(flow).where(flow.active.is_(True), flow.deleted_at.is_(None)).order_by(flow.id)):
        steps = (each.definition or {}).get("steps", [])
        if any(who.get("role") == role for step in steps for who in step.get("who", [])):
            yield Mention(say("审批流“{name}” | approval flow “{name}”", name=each.title), _in_flow(each, role))


def _names(listed: str) -> list[str]:
    return [part.strip() for part in _PARTED.split(listed or "") if part.strip()]


def _in_list(record: Any, key: str, role: str, joint: str) -> Callable[[str], None]:
    def rename(new: str) -> None:
        setattr(record, key, joint.join(new if name == role else name for name in _names(getattr(record, key))))

    return rename


def _in_flow(flow: models.ApprovalFlow, role: str) -> Callable[[str], None]:
    def rename(new: str) -> None:
        steps = [
            {**step, "who": [{**who, "role": new} if who.get("role") == role else who for who in step.get("who", [])]}
            for step in flow.definition["steps"]
        ]
        flow.definition = {**flow.definition, "steps": steps}

    return rename
