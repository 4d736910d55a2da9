"""The record page as its template reads it: facts, timeline of children, changes and files, next step, why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import select

from portal.engine import store
from portal.engine.cell import Cell
from portal.engine.fields import Field, View
from portal.engine.kinds.dates import relative
from portal.engine.kinds.reference import ReferenceField
from portal.engine.query.listing import Listing, ListQuery, label_of
from portal.engine.spec import Spec, registry
from portal.engine.tables import AuditEvent
from portal.engine.text import pick
from portal.engine.verbs import verb_named, verbs_of
from portal.security import policy, scopes
from portal.security.fields import Rights
from portal.security.session import guarded
from portal.web import files, forms, related
from portal.web.approval_box import Box, box_of
from portal.web.forms import FormField
from portal.web.pickers import names
from portal.web.related import Panel

_MOST = 50
_VERB_WORDS = {
    "create": "新建 | created this",
    "edit": "修改了 | changed",
    "delete": "删除 | deleted this",
    "restore": "恢复 | restored this",
    "import": "导入 | imported this",
    "attach": "添加了文件 | added files",
    "reveal": "查看了隐藏的内容 | revealed a hidden value",
    "export": "导出 | exported",
    "convert": "由线索转入 | came from a lead",
    "undo": "撤销 | undone",
}


@dataclass(frozen=True, slots=True)
class Action:
    label: str
    icon: str
    href: str
    primary: bool = False
    method: str = "get"
    dialog: bool = False


@dataclass(frozen=True, slots=True)
class Fact:
    label: str
    cell: Cell
    key: str = ""
    reveal_href: str | None = None
    """Where who may see the masked value asks for it."""


@dataclass(frozen=True, slots=True)
class Entry:
    icon: str
    actor: str
    what: str
    at: datetime
    time: str
    exact: str
    body: str = ""
    meta: tuple[tuple[str, str], ...] = ()
    changes: tuple[tuple[str, str, str], ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    href: str = ""


@dataclass(frozen=True, slots=True)
class Day:
    label: str
    items: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Composer:
    post_href: str
    fields: tuple[FormField, ...]
    hidden: tuple[tuple[str, str], ...]
    hint: str
    submit_label: str


@dataclass(frozen=True, slots=True)
class DetailPage:
    record_id: int
    crumb: tuple[str, str]
    title: str
    state: Cell | None
    tags: tuple[Cell, ...]
    actions: tuple[Action, ...]
    more: tuple[Action, ...]
    facts: tuple[Fact, ...]
    facts_edit_href: str | None
    timeline: tuple[Day, ...]
    composer: Composer | None
    panels: tuple[Panel, ...]
    next: tuple[str, str, str] | None
    why: tuple[str, ...]
    file_list: tuple[tuple[str, str, str], ...]
    upload_href: str | None
    deleted: bool
    restore_href: str | None
    approval: Box | None = None


class DetailPageBuilder:
    """One reader's page of one record (`row` came through the gate)."""

    def __init__(self, spec: Spec, row: Mapping[str, Any], rights: Rights, view: View, revealed: Mapping[str, Any] | None = None) -> None:
        self.spec, self.row, self.rights, self.view = spec, row, rights, view
        self.revealed = revealed or {}
        self.id = row["id"]
        self.href = f"/{spec.name}/{self.id}"

    def t(self, text: str) -> str:
        return str(pick(text, self.view.language))

    def may(self, verb: str, spec: Spec | None = None) -> bool:
        return self.rights.principal.may(f"{(spec or self.spec).name}:{verb}")

    def build(self) -> DetailPage:
        spec = self.spec
        state = spec.state
        deleted = self.row.get("deleted_at") is not None
        writable = policy.writes(self.rights.principal, spec, self.row) and not deleted
        actions = () if deleted else self._actions()
        attachments = files.of_record(spec, self.id) if spec.screen.attachments else []
        return DetailPage(
            record_id=self.id,
            crumb=(self.t(spec.plural), f"/{spec.name}/"),
            title=self.rights.cell(spec, spec.identity, self.row, self.view).text,
            state=self.rights.cell(spec, state, self.row, self.view) if state else None,
            tags=tuple(self.rights.cell(spec, f, self.row, self.view) for f in spec.facts if f.kind == "derived"),
            actions=actions,
            more=self._more(writable=writable, deleted=deleted),
            facts=tuple(self._fact(f) for f in spec.facts if self.rights.sees(spec, f) and f is not state),
            facts_edit_href=f"{self.href}/edit" if writable and self.may("edit") and spec.form else None,
            timeline=self._timeline(attachments),
            composer=self._composer() if writable else None,
            panels=related.panels(spec, self.id, self.rights, self.view, writable=writable),
            next=self._next(),
            why=tuple(text.in_(self.view.language) for text in policy.explain(self.rights.principal, spec, self.row)),
            file_list=tuple((f.name, f"{self.href}/files/{f.id}", _size(f.size)) for f in attachments),
            upload_href=f"{self.href}/files" if writable and spec.screen.attachments else None,
            deleted=deleted,
            restore_href=f"{self.href}/restore" if deleted and self.may("delete") else None,
            approval=box_of(spec, self.id, self.rights, self.view, self.view.now) if self.view.now else None,
        )

    # head ------------------------------------------------------------------------------------
    def _actions(self) -> tuple[Action, ...]:
        state = self.row.get(self.spec.state.key) if self.spec.state else None
        offered = [
            v
            for v in verbs_of(self.spec)
            if v.offered(state)
            and self.may(v.name)
            and (self.spec.scope != "owner" or scopes.covers(self.spec, v.takes, self.rights.principal, {"pool_id": None, **self.row}))
        ]
        first = next((v for v in offered if v.primary), None)
        return tuple(Action(self.t(v.label), v.icon, f"/{self.spec.name}/verb/{v.name}", v is first, "post", dialog=True) for v in offered)

    def _more(self, *, writable: bool, deleted: bool) -> tuple[Action, ...]:
        if not writable or not self.may("delete") or deleted or not self.spec.archived:
            return ()
        return (Action(self.t("删除 | Delete"), "trash", f"{self.href}/delete", method="post"),)

    def _fact(self, each: Field) -> Fact:
        if each.key in self.revealed:
            return Fact(self.t(each.label), each.cell(self.revealed[each.key], self.view))
        hidden = self.rights.masks(each, self.row) and not each.is_blank(self.row.get(each.key))
        shown = self.rights.cell(self.spec, each, self.row, self.view)
        return Fact(self.t(each.label), shown, each.key, f"{self.href}/reveal" if hidden and self.may("reveal") else None)

    def _next(self) -> tuple[str, str, str] | None:
        at = self.row.get("next_at")
        if at is None:
            return None
        return self.t("下一步 | Next step"), relative(at, self.view), str(self.row.get("next_step") or "")

    def _composer(self) -> Composer | None:
        name = self.spec.screen.composer
        if not name or not self.may("create", registry()[name]):
            return None
        child = registry()[name]
        belongs = child.parent_to(self.spec.name)
        assert belongs is not None  # noqa: S101 - a composer writes a child
        fields = tuple(f for f in child.form if f not in child.parents and self.rights.edits(child, f))
        now = self.view.now
        return Composer(
            f"/{name}/new",
            forms.controls(fields, self.view, values={"contacted_at": now}, labels={}, lookup=f"/{name}/pick"),
            ((belongs.key, str(self.id)),),
            self.t("联系后 1 小时内记录 | Log within an hour of the contact"),
            self.t(f"记{child.label.split(' | ')[0]} | Log {child.label.split(' | ')[1].lower()}"),
        )

    # timeline -----------------------------------------------------------------------------------
    def _timeline(self, attachments: list[Any]) -> tuple[Day, ...]:
        history = audit_of(self.spec.name, self.id)
        entries = [*self._children(), *self._changes(history)]
        entries.sort(key=lambda entry: entry.at, reverse=True)
        by_day = groupby(entries, key=lambda entry: entry.at.astimezone(self.view.zone).date())
        today = self.view.now.astimezone(self.view.zone).date() if self.view.now else None
        return tuple(
            Day(
                self.t("今天 | Today")
                if day == today
                else (f"{day.month} 月 {day.day} 日" if self.view.language == "zh" else f"{day:%-d %B %Y}"),
                tuple(items),
            )
            for day, items in by_day
        )

    def _children(self) -> list[Entry]:
        found = []
        for name in (name for name in self.spec.screen.related if name == self.spec.screen.composer):
            child = registry()[name]
            belongs = child.parent_to(self.spec.name)
            if belongs is None or not self.may("read", child):
                continue
            fields = tuple(child.fields.values())
            query = ListQuery(
                filters=((belongs.key, "eq", self.id),), order=child.screen.order, limit=_MOST, columns=tuple(f.key for f in fields)
            )
            rows = Listing(child, self.rights, self.view, query).page(store.session()).rows
            found += [self._child_entry(child, row) for row in rows]
        return found

    def _child_entry(self, child: Spec, row: Mapping[str, Any]) -> Entry:
        key = child.screen.order.lstrip("-")
        at: datetime = value if isinstance(value := row.get(key), datetime) else row["created_at"]
        shown = [f for f in child.form if f is not child.identity and f not in child.parents]
        meta = tuple(
            (self.t(f.label), cell.title or cell.text)
            for f in shown
            if f.key != key and (cell := self.rights.cell(child, f, row, self.view)).kind != "mute"
        )
        return Entry(
            child.screen.icon,
            str(row.get("created_by_id__label") or ""),
            self.t(child.label),
            at,
            at.astimezone(self.view.zone).strftime("%H:%M"),
            at.astimezone(self.view.zone).strftime("%Y-%m-%d %H:%M"),
            body=str(label_of(row, child.identity) or ""),
            meta=meta,
            href=f"/{child.name}/{row['id']}",
        )

    def _changes(self, history: list[AuditEvent]) -> list[Entry]:
        people = names("user", {e.actor_id for e in history if e.actor_id})
        referred = self._referred(history)
        return [self._change(e, people, referred) for e in history]

    def _change(self, event: AuditEvent, people: Mapping[int, str], referred: Mapping[tuple[str, int], str]) -> Entry:
        declared = verb_named(self.spec.name, event.verb)
        words = declared.label if declared else _VERB_WORDS.get(event.verb, f"{event.verb} | {event.verb}")
        diff = []
        if event.verb != "create":
            for key in dict.fromkeys([*event.before, *event.after]):
                each = self.spec.fields.get(key)
                if each is not None and self.rights.sees(self.spec, each):
                    diff.append(
                        (
                            self.t(each.label),
                            self._old(each, event.before.get(key), referred),
                            self._old(each, event.after.get(key), referred),
                        )
                    )
        actor = people.get(event.actor_id or 0) or self.t("系统 | System")
        local = event.at.astimezone(self.view.zone)
        return Entry(
            "arrows-exchange" if diff else "point",
            actor,
            self.t(words),
            event.at,
            f"{local:%H:%M}",
            f"{local:%Y-%m-%d %H:%M}",
            body=event.reason,
            meta=self._of_field(event),
            changes=tuple(diff),
        )

    def _of_field(self, event: AuditEvent) -> tuple[tuple[str, str], ...]:
        """Which field a line is about that changed none (a reveal)."""
        each = self.spec.fields.get(str(event.after.get("field", "")))
        return ((self.t("字段 | Field"), self.t(each.label)),) if each and event.verb == "reveal" else ()

    def _old(self, each: Field, value: Any, referred: Mapping[tuple[str, int], str]) -> str:
        """A historic value as this reader may see it: names he may not see are dashes, masked stay masked."""
        if value in (None, ""):
            return "—"
        if isinstance(each, ReferenceField):
            return referred.get((each.target, int(value)), "—")
        if self.rights.masks(each, self.row):
            return self.rights.hidden(each, value)
        try:
            return each.words(each.parse(value), self.view)
        except ValueError:
            return str(value)

    def _referred(self, history: list[AuditEvent]) -> dict[tuple[str, int], str]:
        wanted: dict[str, set[int]] = {}
        for event in history:
            for key, value in [*event.before.items(), *event.after.items()]:
                each = self.spec.fields.get(key)
                if isinstance(each, ReferenceField) and value:
                    wanted.setdefault(each.target, set()).add(int(value))
        return {(target, key): name for target, ids in wanted.items() for key, name in names(target, ids).items()}


def audit_of(entity: str, record_id: int) -> list[AuditEvent]:
    """History of a record that came through the gate."""
    statement = (
        select(AuditEvent).where(AuditEvent.entity == entity, AuditEvent.record_id == record_id).order_by(AuditEvent.id.desc()).limit(_MOST)
    )
    return list(store.session().scalars(guarded(statement)))


def _size(size: int) -> str:
    return f"{size / 1024:,.0f} KB" if size < 1024 * 1024 else f"{size / 1024 / 1024:,.1f} MB"
