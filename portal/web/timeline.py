"""A record's timeline: what was logged on it and what was changed in it, newest first, by day.

Written here and not in a template for the same reason as table rows: a hundred entries, a dozen values each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from html import escape
from itertools import groupby
from typing import Any

from markupsafe import Markup
from sqlalchemy import BigInteger, ColumnElement, Select, bindparam, cast, func, select

from portal.engine import store
from portal.engine.cell import Cell
from portal.engine.fields import Field, View
from portal.engine.kinds.reference import ReferenceField
from portal.engine.query.listing import Listing, ListQuery
from portal.engine.spec import Spec, registry
from portal.engine.tables import Attachment, AuditEvent
from portal.engine.text import pick
from portal.security.fields import Rights
from portal.security.session import guarded
from portal.web.cells import icon
from portal.web.happened import FILED, Referred, happened, value_then
from portal.web.pickers import names

_MOST = 50
_WHICH = "which_record"
_WHEN_AND_WHO = ("created_at", "created_by_id")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the timeline. `at` is in the company's time zone; `changes` are (field, old, new)."""

    icon: str
    actor: str
    what: str
    at: datetime
    body: str = ""
    meta: tuple[tuple[str, str], ...] = ()
    changes: tuple[tuple[str, str, str], ...] = ()
    href: str = ""
    files: tuple[tuple[str, str], ...] = ()
    """Name and address of what is attached."""


Shown = Callable[[Mapping[str, Any]], Cell]
"""What the reader sees of one field in a row."""


class Timeline:
    """One reader's timeline of one record (`row` came through the gate)."""

    def __init__(self, spec: Spec, row: Mapping[str, Any], rights: Rights, view: View, attached: Sequence[Attachment] = ()) -> None:
        self.spec, self.row, self.rights, self.view, self.attached = spec, row, rights, view, attached
        self.id = row["id"]

    def t(self, text: str) -> str:
        return str(pick(text, self.view.language))

    def html(self) -> Markup:
        entries = [*self._logged(), *self._changed(audit_of(self.spec, self.id))]
        entries.sort(key=lambda entry: entry.at, reverse=True)
        return Markup("".join(self._day(day, items) for day, items in groupby(entries, key=lambda entry: entry.at.date())))  # noqa: S704 - its parts are escaped

    def _day(self, day: date, entries: Any) -> str:
        if self.view.now and day == self.view.now.astimezone(self.view.zone).date():
            label = self.t("今天 | Today")
        else:
            label = f"{day.month} 月 {day.day} 日" if self.view.language == "zh" else f"{day:%-d %B %Y}"
        return f'<li class="tl-day">{label}</li>{"".join(map(_written, entries))}'

    # what was logged on it -----------------------------------------------------------------
    def _logged(self) -> list[Entry]:
        found = []
        for name in (name for name in self.spec.screen.related if name == self.spec.screen.composer):
            child = registry()[name]
            belongs = child.parent_to(self.spec.name)
            if belongs is None or not self.rights.principal.may(f"{name}:read"):
                continue
            shown = [
                f for f in child.form if f is not child.identity and f not in child.parents and f.key != child.screen.order.lstrip("-")
            ]
            keys = (child.identity.key, *(f.key for f in shown), *_WHEN_AND_WHO, child.screen.order.lstrip("-"))
            query = ListQuery(limit=_MOST, columns=tuple(key for key in dict.fromkeys(keys) if key in child.fields))
            rows = Listing(child, self.rights, self.view, query).children(store.session(), belongs, self.id)
            columns = [(self.t(f.label), self.rights.showing(child, f, self.view)) for f in shown]
            said = self.rights.showing(child, child.identity, self.view)
            found += [self._child(child, row, said, columns) for row in rows]
        return found

    def _child(self, child: Spec, row: Mapping[str, Any], said: Shown, columns: Sequence[tuple[str, Shown]]) -> Entry:
        key = child.screen.order.lstrip("-")
        told = key in child.fields and self.rights.finds(child, child.fields[key])
        at = value if told and isinstance(value := row.get(key), datetime) else row["created_at"]
        cells = ((label, show(row)) for label, show in columns)
        return Entry(
            child.screen.icon,
            str(row.get("created_by_id__label") or ""),
            self.t(child.label),
            at.astimezone(self.view.zone),
            body="" if (body := said(row)).kind == "mute" else body.title or body.text,
            meta=tuple((label, cell.title or cell.text) for label, cell in cells if cell.kind != "mute"),
            href=self.rights.href(child, row["id"]),
            files=tuple(
                (each.name, f"/{child.name}/{row['id']}/files/{each.id}")
                for each in reversed(self.attached)
                if (each.entity, each.record_id) == (child.name, row["id"])
            ),
        )

    # what was changed in it ------------------------------------------------------------------
    def _changed(self, history: Sequence[Any]) -> list[Entry]:
        referred = self._referred(history)
        return [self._change(e, referred) for e in history]

    def _change(self, event: Any, referred: Referred) -> Entry:
        keys = dict.fromkeys([*event.before, *event.after]) if event.before else ()  # a new record's page shows what it began with
        told = (f for key in keys if (f := self.spec.fields.get(key)) is not None and not f.silent)
        seen = [f for f in told if self.rights.sees(self.spec, f)]
        changes = tuple(self._difference(f, event, referred) for f in seen)
        return Entry(
            "arrows-exchange" if changes else "point",
            event.actor or self.t("系统 | System"),
            self.t(happened(self.spec.name, event.verb)) + (f" #{event.record_id}" if event.record_id != self.id else ""),
            event.at.astimezone(self.view.zone),
            body=(event.reason if self.rights.hears(event.verb) else "") or self._files(event),
            meta=self._of_field(event),
            changes=changes,
        )

    def _difference(self, each: Field, event: Any, referred: Referred) -> tuple[str, str, str]:
        rights, view = self.rights, self.view
        old, new = (
            value_then(self.spec, each, values.get(each.key), row=self.row, rights=rights, view=view, referred=referred)
            for values in (event.before, event.after)
        )
        return self.t(each.label), old, new

    def _files(self, event: Any) -> str:
        return self.t("、 | , ").join(map(str, event.after.get("files", ()))) if event.verb in FILED else ""

    def _of_field(self, event: Any) -> tuple[tuple[str, str], ...]:
        """Which field a line is about that changed none (a reveal)."""
        each = self.spec.fields.get(str(event.after.get("field", "")))
        return ((self.t("字段 | Field"), self.t(each.label)),) if each and event.verb == "reveal" else ()

    def _referred(self, history: Sequence[Any]) -> dict[tuple[str, int], str]:
        wanted: dict[str, set[int]] = {}
        for event in history:
            for key, value in [*event.before.items(), *event.after.items()]:
                each = self.spec.fields.get(key)
                if isinstance(each, ReferenceField) and value:
                    wanted.setdefault(each.target, set()).add(int(value))
        return {(target, key): name for target, ids in wanted.items() for key, name in names(target, ids).items()}


def audit_of(spec: Spec, record_id: int) -> Sequence[Any]:
    """The newest changes of a record that came through the gate, each with who made it, and of those merged into it.

    Who was denied stands in the audit log alone: it changed nothing here, and would push out what did.
    """
    return store.session().execute(_audit_of(spec), {_WHICH: record_id}).all()


@lru_cache(maxsize=256)
def _audit_of(spec: Spec) -> Select[Any]:
    this: ColumnElement[bool] = AuditEvent.record_id == bindparam(_WHICH)
    if spec.mergeable:
        table = spec.table.alias("merged")
        ids = select(cast(bindparam(_WHICH), BigInteger)).union_all(select(table.c.id).where(table.c.merged_into_id == bindparam(_WHICH)))
        this = AuditEvent.record_id == func.any(func.array(ids.scalar_subquery()))
    keys = ("at", "verb", "before", "after", "reason", "record_id")
    people = registry()["user"].table
    found = select(*(getattr(AuditEvent, key) for key in keys), people.c.name.label("actor"))
    found = found.outerjoin(people, people.c.id == AuditEvent.actor_id)
    found = found.where(AuditEvent.entity == spec.name, AuditEvent.verb != "denied", this)
    kept: Select[Any] = guarded(found.order_by(AuditEvent.id.desc()).limit(_MOST))
    return kept


def _written(entry: Entry) -> str:
    what, at = escape(entry.what), entry.at.isoformat(" ", "minutes")[:16]
    head = f'<a href="{escape(entry.href)}">{what}</a>' if entry.href else what
    meta = "".join(f"<span>{escape(label)}: {escape(value)}</span>" for label, value in entry.meta)
    attached = "".join(f'<a href="{escape(href)}">{icon("paperclip")}{escape(name)}</a>' for name, href in entry.files)
    inside = f"{_in('meta', meta)}{_in('tl-files', attached)}"
    body = f'<div class="tl-card">{escape(entry.body)}{inside}</div>' if entry.body or attached else ""
    changes = " · ".join(f"{escape(label)} <del>{escape(old)}</del> → <ins>{escape(new)}</ins>" for label, old, new in entry.changes)
    return (
        f'<li class="tl-i"><span class="tl-k">{icon(entry.icon)}</span><div class="stack-0">'
        f'<div class="h"><b>{escape(entry.actor)}</b> {head}<time title="{at}">{at[11:]}</time></div>'
        f"{body}{_in('diff', changes)}</div></li>"
    )


def _in(css: str, html: str) -> str:
    return f'<div class="{css}">{html}</div>' if html else ""
