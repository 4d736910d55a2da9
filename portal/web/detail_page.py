"""The record page as its template reads it: facts, timeline of children, changes and files, next step, why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from portal.engine.cell import Cell
from portal.engine.fields import Field, View
from portal.engine.kinds.dates import urgency
from portal.engine.kinds.filled import FilledField
from portal.engine.kinds.reference import ReferenceField
from portal.engine.spec import Spec, registry
from portal.engine.tables import Attachment
from portal.engine.text import pick
from portal.engine.verbs import verbs_of
from portal.security import policy, scopes
from portal.security.fields import Rights
from portal.web import files, forms, related
from portal.web.approval_box import Box, box_of
from portal.web.forms import FormField
from portal.web.related import Panel
from portal.web.timeline import Timeline
from portal.web.versions import Chain, chain_of


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
    long: bool = False
    """Lines of text: shown below its label, as wide as the column."""


@dataclass(frozen=True, slots=True)
class Composer:
    post_href: str
    fields: tuple[FormField, ...]
    hidden: tuple[tuple[str, str], ...]
    hint: str
    submit_label: str
    files: str = ""
    """What is said beside the control for files; empty: there is none."""


@dataclass(frozen=True, slots=True)
class File:
    name: str
    href: str
    size: str
    remove_href: str


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
    timeline: Markup
    composer: Composer | None
    panels: tuple[Panel, ...]
    next: tuple[str, str, str, str] | None
    why: tuple[str, ...]
    file_list: tuple[File, ...]
    upload_href: str | None
    deleted: bool
    restore_href: str | None
    desk_href: str = ""
    """Where it is read and written instead."""
    approval: Box | None = None
    print_href: str | None = None
    chain: Chain | None = None
    """All versions of what this record is one of."""
    alike_href: str = ""
    """Where the part about possible duplicates is fetched."""
    merged: tuple[str, str] | None = None
    """What this record went into: name, address."""


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

    def _attaches(self, *, writable: bool, deleted: bool) -> bool:
        screen = self.spec.screen
        return screen.attachments and (self.may(screen.attached_by) and not deleted if screen.attached_by else writable)

    def build(self) -> DetailPage:
        spec = self.spec
        state = spec.state
        deleted = self.row.get("deleted_at") is not None
        writable = policy.writes(self.rights.principal, spec, self.row) and not deleted
        changeable = writable and spec.is_open(self.row)
        actions = () if deleted else self._actions()
        desk = "" if deleted else self.rights.desk(spec, self.id)
        attached = self._attached()
        return DetailPage(
            record_id=self.id,
            crumb=(self.t(spec.plural), f"/{spec.name}/"),
            title=self.rights.cell(spec, spec.identity, self.row, self.view).text,
            state=self.rights.cell(spec, state, self.row, self.view) if state else None,
            tags=tuple(self.rights.cell(spec, f, self.row, self.view) for f in spec.facts if f.kind == "derived"),
            actions=actions,
            more=self._more(removable=changeable and policy.removes(self.rights.principal, spec, self.row)),
            facts=tuple(self._fact(f) for f in spec.facts if self.rights.sees(spec, f) and f is not state),
            facts_edit_href=spec.edit_href(self.id) if changeable and self.may("edit") and spec.form and not desk else None,
            timeline=Timeline(spec, self.row, self.rights, self.view, attached).html(),
            composer=self._composer() if writable and not self._is_over() else None,
            panels=related.panels(spec, self.id, self.rights, self.view, writable=writable, changeable=changeable),
            next=self._next(),
            why=self._why(),
            file_list=tuple(self._file(f, changeable=changeable) for f in attached if f.entity == spec.name),
            upload_href=f"{self.href}/files" if self._attaches(writable=writable, deleted=deleted) else None,
            deleted=deleted,
            restore_href=f"{self.href}/restore" if deleted and self.may("delete") and not self.row.get("merged_into_id") else None,
            desk_href=desk,
            alike_href=f"{self.href}/duplicates" if spec.mergeable and not deleted else "",
            merged=self._merged(),
            approval=box_of(spec, self.id, self.rights, self.view, self.view.now) if self.view.now else None,
            chain=chain_of(spec, self.row, self.rights, self.view),
            print_href=f"{self.href}/print.pdf" if spec.screen.prints and not deleted else None,
        )

    def _attached(self) -> list[Attachment]:
        """The files of the record, and of what is logged on it."""
        child = registry().get(self.spec.screen.composer)
        if child is not None and child.screen.attachments and self.may("read", child):
            return files.with_children(self.spec, self.id, child)
        return files.of_record(self.spec, self.id) if self.spec.screen.attachments else []

    def _file(self, each: Attachment, *, changeable: bool) -> File:
        href = f"{self.href}/files/{each.id}"
        return File(each.name, href, _size(each.size), f"{href}/remove" if files.removes(self.spec, each, changeable=changeable) else "")

    def _why(self) -> tuple[str, ...]:
        asked = self.rights.principal, self.spec, self.row
        return tuple(text.in_(self.view.language) for text in (*policy.explain(*asked), *policy.explain_fields(*asked)))

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
        first = next((v for v in offered if v.primary and not self.rights.desk(self.spec, self.id)), None)
        return tuple(
            Action(self.t(v.label), v.icon, f"{self.href}/{v.page}")
            if v.page
            else Action(self.t(v.label), v.icon, f"/{self.spec.name}/verb/{v.name}", v is first, "post", dialog=True)
            for v in offered
        )

    def _more(self, *, removable: bool) -> tuple[Action, ...]:
        if not removable or not self.spec.archived:
            return ()
        return (Action(self.t("删除 | Delete"), "trash", f"{self.href}/delete", method="post"),)

    def _fact(self, each: Field) -> Fact:
        if each.key in self.revealed:
            return Fact(self.t(each.label), each.cell(self.revealed[each.key], self.view))
        hidden = self.rights.masks(self.spec, each, self.row) and not each.is_blank(self.row.get(each.key))
        shown = self.rights.cell(self.spec, each, self.row, self.view)
        reveal_href = f"{self.href}/reveal" if hidden and self.may("reveal") else None
        if isinstance(each, ReferenceField) and shown.kind == "text" and self.may("read", registry()[each.target]):
            shown = shown._replace(kind="link", href=f"/{each.target}/{self.row[each.key]}")
        if isinstance(each, FilledField) and (missing := self._missing(each)):
            shown = shown._replace(text=f"{shown.text} · {self.t('缺 | missing')} {missing}")
        long = each.kind == "longtext" and not each.is_blank(self.row.get(each.key))
        return Fact(self.t(each.label), shown, each.key, reveal_href, long)

    def _missing(self, filled: FilledField) -> str:
        seen = [each for each in filled.missing(self.spec, self.row) if self.rights.sees(self.spec, each)]
        return self.t("、 | , ").join(self.t(each.label) for each in seen)

    def _merged(self) -> tuple[str, str] | None:
        """A name that the reader may not see is not told, nor where it lies."""
        if not self.row.get("merged_into_id"):
            return None
        name = self.row.get("merged_into_id__label")
        if name is None:
            return self.t("另一条你看不到的记录 | a record you may not see"), ""
        return str(name), f"/{self.spec.name}/{self.row['merged_into_id']}"

    def _next(self) -> tuple[str, str, str, str] | None:
        at = self.row.get("next_at")
        if at is None or not self._shows("next_at"):
            return None
        step = str(self.row.get("next_step") or "") if self._shows("next_step") else ""
        return self.t("下一步 | Next step"), *urgency(at, self.view), step

    def _shows(self, key: str) -> bool:
        each = self.spec.fields.get(key)
        return each is not None and self.rights.finds(self.spec, each)

    def _is_over(self) -> bool:
        """In a state that nothing leads out of there is nothing more to log: what goes on goes on elsewhere."""
        state = self.spec.state
        return state is not None and not state.edges.get(str(self.row.get(state.key)))

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
            self.t(files.EACH) if child.screen.brings_files else "",
        )


def _size(size: int) -> str:
    return f"{size / 1024:,.0f} KB" if size < 1024 * 1024 else f"{size / 1024 / 1024:,.1f} MB"
