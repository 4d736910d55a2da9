"""Two records side by side, and which of them may be one: the pages of any entity that can be merged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response, make_response, redirect, render_template, request
from flask_appbuilder import expose
from sqlalchemy import select

from portal import models
from portal.domain import duplicates, merge_moves, merging
from portal.engine import store
from portal.engine.cell import Cell
from portal.engine.errors import NotAllowed, NotFound, PortalError
from portal.engine.fields import View
from portal.engine.given import id_of
from portal.engine.spec import Spec
from portal.engine.text import pick
from portal.engine.verbs import verb_named
from portal.security import policy
from portal.security.bulk import Selection
from portal.security.fields import Rights
from portal.security.session import WITH_DELETED
from portal.web import actions, forms, records
from portal.web.entity_view import EntityView
from portal.web.language import view as reader
from portal.web.pickers import names
from portal.web.records import granted

LEFT, RIGHT = "left", "right"


@dataclass(frozen=True, slots=True)
class Line:
    """One field of both. `chosen` is the side whose value stays; empty where nothing can be chosen."""

    key: str
    label: str
    left: Cell
    right: Cell
    chosen: str


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: its name, whose it is, what refers to it, its version as it was seen."""

    id: int
    title: str
    owner: str
    moves: tuple[str, ...]
    version: int


@dataclass(frozen=True, slots=True)
class MergePage:
    crumb: tuple[str, str]
    title: str
    post_href: str
    cancel_href: str
    left: Side
    right: Side | None
    stays: str
    lines: tuple[Line, ...]
    errors: tuple[str, ...]
    picker: Any
    alike: tuple[tuple[str, str, str], ...]


class MergeView(EntityView):
    """The pages of an entity whose records can be merged: the same, the two side by side, and who looks alike."""

    @expose("/<int:record_id>/merge", methods=("GET", "POST"))
    @granted("merge")
    def merge(self, record_id: int) -> Response:
        builder = MergePageBuilder(self.spec, record_id, records.rights(), reader())
        if request.method == "POST":
            return builder.submit()
        return make_response(render_template("merge.html", page=builder.build()))

    @expose("/<int:record_id>/duplicates", methods=("GET", "POST"))
    @granted("read")
    def duplicates(self, record_id: int) -> Response:
        """A part of the record's page: who looks alike among what the reader sees; sent, the counted look past that."""
        record = records.find(self.spec, record_id)
        told = _told(self.spec, record) if request.method == "POST" else None
        may = records.principal().may(f"{self.spec.name}:{merging.METHOD}") and _writes(self.spec, record)
        return make_response(
            render_template(
                "parts/duplicates.html",
                href=f"/{self.spec.name}/{record_id}",
                alike=_alike(self.spec, record),
                merged=_merged_here(self.spec, record_id),
                told=told,
                may_merge=may,
            )
        )


class MergePageBuilder:
    """One reader's page of a merge (`record_id` is on the left, `?with=` on the right)."""

    def __init__(self, spec: Spec, record_id: int, rights: Rights, view: View) -> None:
        self.spec, self.rights, self.view = spec, rights, view
        self.record = self._writable(record_id)

    def t(self, text: Any) -> str:
        return str(pick(text, self.view.language))

    def build(self, errors: tuple[str, ...] = ()) -> MergePage:
        spec, given = self.spec, request.values.get("with", "")
        other = self._writable(id_of(given) or 0) if given else None
        alike = () if other is not None else tuple(each for each in _alike(spec, self.record))
        name = str(getattr(self.record, spec.identity.key))
        return MergePage(
            crumb=(name, f"/{spec.name}/{self.record.id}"),
            title=self.t("合并 | Merge"),
            post_href=f"/{spec.name}/{self.record.id}/merge",
            cancel_href=f"/{spec.name}/{self.record.id}",
            left=self._side(self.record),
            right=self._side(other) if other is not None else None,
            stays=request.form.get("stays") or self._stays(other),
            lines=self._lines(other) if other is not None else (),
            errors=errors,
            picker=None if other is not None else self._picker(),
            alike=alike,
        )

    def submit(self) -> Response:
        """Merge as chosen; a refusal shows on the page with every choice kept."""
        other = self._writable(id_of(request.form.get("with", "")) or 0)
        left_stays = request.form.get("stays") != RIGHT
        stays, goes = (self.record, other) if left_stays else (other, self.record)
        taken_side = RIGHT if left_stays else LEFT
        offered = merging.choosable(self.spec, self.rights, self._row(self.record), self._row(other))
        taken = [f.key for f in offered if request.form.get(f"f-{f.key}") == taken_side]
        verb = verb_named(self.spec.name, merging.METHOD)
        assert verb is not None  # noqa: S101 - a mergeable entity declares it
        version, merged_version = (id_of(request.form.get(f"v-{row.id}", "")) for row in (stays, goes))
        values = {"merged_id": goes.id, "fields": ",".join(taken) or merging.NONE, "version": version, "merged_version": merged_version}
        try:
            outcome = actions.run(self.spec, verb, Selection((stays.id,)), values)
            if outcome.refused:
                raise outcome.refused[0][1]
        except PortalError as error:
            page = self.build((error.in_(self.view.language),))
            return make_response(render_template("merge.html", page=page), error.status)
        return make_response(redirect(outcome.href, 303))

    # parts -----------------------------------------------------------------------------------
    def _writable(self, record_id: int) -> Any:
        record = records.find(self.spec, record_id)
        if not _writes(self.spec, record):
            raise NotAllowed
        return record

    def _row(self, record: Any) -> Mapping[str, Any]:
        return merging.values_of(self.spec, record)

    def _side(self, record: Any) -> Side:
        session, spec = store.session(), self.spec
        may = self.rights.principal.may
        moves = [f"{self.t(child.label)} {n}" for child, n in merge_moves.count_visible(session, spec, record.id, may)]
        if files := merge_moves.count_files(session, spec.name, record.id):
            moves.append(f"{self.t('文件 | Files')} {files}")
        owner = next(iter(names("user", [record.owner_id or 0]).values()), self.t(duplicates.IN_POOL))
        return Side(record.id, str(getattr(record, spec.identity.key)), owner, tuple(moves), record.version)

    def _stays(self, other: Any) -> str:
        """By default the one that has an owner stays, else the older one."""
        if other is None or merging.in_pool(other) > merging.in_pool(self.record):
            return LEFT
        if merging.in_pool(self.record) > merging.in_pool(other):
            return RIGHT
        return LEFT if (self.record.created_at, self.record.id) <= (other.created_at, other.id) else RIGHT

    def _lines(self, other: Any) -> tuple[Line, ...]:
        spec, rights, view = self.spec, self.rights, self.view
        rows = [records.row_of(spec, each.id, view) for each in (self.record, other)]
        offered = {f.key for f in merging.choosable(spec, rights, *rows)}
        ours, theirs = rows if self._stays(other) == LEFT else rows[::-1]
        stays, goes = (LEFT, RIGHT) if ours is rows[0] else (RIGHT, LEFT)
        found = []
        for each in (f for f in spec.form if rights.sees(spec, f)):
            left, right = (rights.cell(spec, each, row, view) for row in rows)
            chosen = goes if merging.prefers_merged(each, ours, theirs) else stays
            if each.key not in offered or rows[0].get(each.key) == rows[1].get(each.key):
                chosen = ""
            found.append(Line(each.key, self.t(each.label), left, right, chosen and request.form.get(f"f-{each.key}", chosen)))
        return tuple(found)

    def _picker(self) -> Any:
        verb = verb_named(self.spec.name, merging.METHOD)
        assert verb is not None  # noqa: S101 - a mergeable entity declares it
        [drawn] = forms.controls(verb.form[:1], self.view, values={}, labels={}, lookup=f"/{self.spec.name}/pick")
        return actions.named_by(drawn, verb.name, "with")


def _writes(spec: Spec, record: Any) -> bool:
    return policy.writes(records.principal(), spec, merging.values_of(spec, record))


def _alike(spec: Spec, record: Any) -> tuple[tuple[str, str, str], ...]:
    """Name, owner and, where the reader may merge the two, the address of the page that does."""
    found = merging.lookalikes(store.session(), merging.merging_of(spec.name), record, records.rights())
    people = names("user", {each.owner_id for each in found if each.owner_id})
    may = records.principal().may(f"{spec.name}:{merging.METHOD}") and _writes(spec, record)
    return tuple(
        (
            str(getattr(each, spec.identity.key)),
            people.get(each.owner_id or 0, ""),
            f"/{spec.name}/{record.id}/merge?with={each.id}" if may and _writes(spec, each) else "",
        )
        for each in found
    )


def _merged_here(spec: Spec, record_id: int) -> list[tuple[str, str]]:
    """What was merged into this record: name, and how its merger takes that back."""
    model, batch = spec.model, models.AssignBatch
    wanted = (
        select(spec.column(spec.identity.key), batch.id, batch.by_id)
        .join(batch, batch.id == model.merge_id)
        .where(model.merged_into_id == record_id)
        .order_by(batch.id.desc())
        .limit(merge_moves.MOST_SHOWN)
    )
    me = records.principal().user_id
    rows = store.session().execute(wanted.execution_options(**{WITH_DELETED: True}))
    return [(str(name), f"/{spec.name}/undo/{batch_id}" if by_id == me else "") for name, batch_id, by_id in rows]


def _told(spec: Spec, record: Any) -> tuple[str, ...]:
    """The look across the company: counted, kept in the history, and telling four facts only."""
    if not _writes(spec, record):
        raise NotFound
    name, language = spec.identity.key, reader().language
    asked = {key: str(value) for key in (name, "phone", "credit_code") if (value := getattr(record, key, ""))}
    with records.writing() as (session, now):
        duplicates.count_look_up(session, records.principal(), asked, now, entity=spec.name)
        found = duplicates.find(
            session,
            model=spec.model,
            phone=asked.get("phone", ""),
            company=asked.get(name, ""),
            code=asked.get("credit_code", ""),
            besides=record.id,
        )
        return tuple(each.text.in_(language) for each in found)
