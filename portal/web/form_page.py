"""Create and edit: the form as its template reads it, and what happens when it is sent."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from flask import Response, make_response, redirect, render_template, request
from werkzeug.datastructures import MultiDict

from portal.engine import operations
from portal.engine.errors import BadRequest, Changed, Invalid, NotFound, Refused, Unseen
from portal.engine.fields import BadValue, Field, View
from portal.engine.given import id_of
from portal.engine.kinds.reference import ReferenceField
from portal.engine.spec import Spec, spec_named
from portal.engine.text import Text, pick
from portal.web import files, forms, records
from portal.web.forms import FormField
from portal.web.language import view as reader
from portal.web.said import say_next


@dataclass(frozen=True, slots=True)
class FormPage:
    title: str
    post_href: str
    cancel_href: str
    fields: tuple[FormField, ...]
    errors: tuple[tuple[str, str], ...]
    hidden: tuple[tuple[str, str], ...]
    version: int | None
    conflict: tuple[tuple[str, str, str, str], ...] | None
    submit_label: str
    extra_submit: str | None
    confirm: str | None = None
    """A refusal that a second submit may overrule (a possible duplicate)."""
    files: str = ""
    """What is said beside the control for files; empty: there is none."""

    @property
    def sections(self) -> tuple[tuple[str, tuple[FormField, ...]], ...]:
        """Neighbours of one section under its heading; a field without one goes on under none."""
        return tuple((title, tuple(group)) for title, group in groupby(self.fields, key=lambda f: f.section))


CONFIRM = "_confirm"
VERSION = "_version"
AGAIN = "_again"


@dataclass(frozen=True, slots=True)
class Faulty:
    """A form that could not be saved, with what is wrong in it."""

    page: FormPage
    status: int


class FormDoor:
    """The form of one entity for one request.

    `given` is what was sent where a page words it otherwise than the declaration does, `keys` the fields that such a
    page asks for: it draws its own form and saves by this one.
    """

    def __init__(
        self, spec: Spec, record: Any | None = None, *, given: MultiDict[str, str] | None = None, keys: Collection[str] | None = None
    ) -> None:
        self.spec, self.record = spec, record
        self.view: View = reader()
        self.given = request.form if given is None else given
        writable = records.rights().writes(spec, None if record is None else records.values_of(record))
        asked = (f for f in writable if record is None or f not in spec.parents)
        self.fields: tuple[Field, ...] = tuple(f for f in asked if keys is None or f.key in keys)

    def show(self) -> str:
        """An empty form (prefilled from the URL where it names fields), or the record's."""
        return render_template("form.html", form=self.opened())

    def opened(self) -> FormPage:
        """The same as its template reads it."""
        return self._page(values=self._begun() if self.record is None else records.values_of(self.record))

    def drafted(self) -> FormPage:
        """What was sent, kept as it is and not judged yet."""
        return self._page(values={}, given=self.given)

    def _begun(self) -> dict[str, Any]:
        """What a new record begins with: what the address says, what the records that it names give, what fields offer."""
        values: dict[str, Any] = {}
        for each in self.fields:
            values[each.key] = _prefilled(each, self.view)
        for each in self.fields:
            if isinstance(each, ReferenceField) and each.gives and values[each.key] is not None:
                given = _given_by(each, values[each.key])
                values |= {key: value for key, value in given.items() if key in values and key not in request.args}
        return values

    def submit(self) -> Response:
        """Create or change; every fault shows beside its field and nothing typed is lost."""
        done = self.save()
        if isinstance(done, Faulty):
            return make_response(render_template("form.html", form=done.page), done.status)
        here = f"/{self.spec.name}/{done}"
        where = f"/{self.spec.name}/new" if self.given.get(AGAIN) else self._home(done)
        if where != here:
            say_next(Text("{what}已保存 | {what} saved", what=self.spec.label), href=here)
        return make_response(redirect(where, 303))

    def save(self, faults: Mapping[str, Text] | None = None) -> int | Faulty:
        """The record's id, or the form with every fault beside its field; `faults` are those that the page itself found."""
        form = forms.bind(self.fields, self.view, self.given)
        values = forms.validated(form)
        if values is None or faults:
            return self._again(form, 422, extra=self._placed(form, faults or {}))
        try:
            return self._write(values)
        except (Changed, Unseen) as error:
            return self._again(form, error.status, conflict=True)
        except Invalid as error:
            return self._again(form, 422, extra=self._placed(form, error.errors))
        except Refused as error:
            return self._again(
                form,
                error.status,
                extra=[("", error.in_(self.view.language))],
                confirm=error.in_(self.view.language) if error.rule == "duplicate" else None,
            )

    def _placed(self, form: Any, errors: Mapping[str, Text]) -> list[tuple[str, str]]:
        """Each fault beside its control; those that have none are told above the form."""
        said = {key: text.in_(self.view.language) for key, text in errors.items()}
        for key, words in said.items():
            if key in form:
                form[key].errors = [*form[key].errors, words]
        return [(key, words) for key, words in said.items() if key not in form]

    def _write(self, values: dict[str, Any]) -> int:
        version = self.given.get(VERSION, "")
        record_id = self.record.id if self.record is not None else None
        with records.writing() as (session, now):
            session.info["confirmed"] = self.given.get(CONFIRM) == "1"
            who = records.principal()
            if record_id is None:
                record = operations.create(session, self.spec, values, acting_user=who, now=now)
                if self.spec.screen.brings_files and (sent := files.given()):
                    files.add(session, self.spec, int(record.id), sent, now)
            else:
                record, seen = records.find(self.spec, record_id), operations.seen(self.spec, id_of(version))
                operations.change(session, self.spec, record, values, version=seen, acting_user=who, now=now)
            return int(record.id)

    def _home(self, record_id: int) -> str:
        given = {p.key: self.given.get(p.key) or getattr(self.record, p.key, None) for p in self.spec.parents}
        if belongs := self.spec.parent_in(given):
            return f"/{belongs[0].target}/{belongs[1]}"
        return records.rights().href(self.spec, record_id)

    def _again(
        self, form: Any, status: int, *, conflict: bool = False, extra: list[tuple[str, str]] | None = None, confirm: str | None = None
    ) -> Faulty:
        if self.record is not None:
            self.record = records.find(self.spec, self.record.id)
        page = self._page(values={}, form=form, given=self.given, extra=extra or [], conflict=conflict, confirm=confirm)
        return Faulty(page, status)

    def _page(
        self,
        *,
        values: Mapping[str, Any],
        form: Any = None,
        given: MultiDict[str, str] | None = None,
        extra: list[tuple[str, str]] | None = None,
        conflict: bool = False,
        confirm: str | None = None,
    ) -> FormPage:
        label = str(pick(self.spec.label, self.view.language))
        zh = self.view.language == "zh"
        new = self.record is None
        drawn = forms.controls(
            self.fields,
            self.view,
            values=values,
            labels=self._labels({**values, **(given or {})}),
            lookup=f"/{self.spec.name}/pick",
            form=form,
            given=given,
        )
        return FormPage(
            title=(f"新建{label}" if zh else f"New {label.lower()}") if new else (f"编辑{label}" if zh else f"Edit {label.lower()}"),
            post_href=f"/{self.spec.name}/new" if new else f"/{self.spec.name}/{self.record.id}/edit",  # type: ignore[union-attr]
            cancel_href=f"/{self.spec.name}/" if new else f"/{self.spec.name}/{self.record.id}",  # type: ignore[union-attr]
            fields=drawn,
            errors=(*((f.name, e) for f in drawn for e in f.errors), *(extra or [])),
            hidden=((CONFIRM, "1"),) if confirm else (),
            version=self._version(anew=given is None or conflict),
            conflict=self._conflict(self.given) if conflict else None,
            submit_label="保存" if zh else "Save",
            extra_submit=("保存并新建" if zh else "Save and new") if new else None,
            confirm=confirm,
            files=self._about_files(sent=form is not None) if new and self.spec.screen.brings_files else "",
        )

    def _about_files(self, *, sent: bool) -> str:
        """A browser lets nobody fill in a file for somebody."""
        lost = sent and bool(files.given())
        return str(pick("请重新选择文件。 | Choose the files again." if lost else files.EACH, self.view.language))

    def _version(self, *, anew: bool) -> int | None:
        """The one on the screen: while values are corrected it stays the one that was read, however late that gets."""
        return getattr(self.record, "version", None) if anew else id_of(self.given.get(VERSION, ""))

    def _labels(self, values: Mapping[str, Any]) -> dict[str, str]:
        from portal.web.pickers import names  # noqa: PLC0415

        found = {}
        for each in self.fields:
            if isinstance(each, ReferenceField) and (chosen := id_of(values.get(each.key))) is not None:
                found[each.key] = next(iter(names(each.target, [chosen]).values()), "—")
        return found

    def _conflict(self, given: MultiDict[str, str]) -> tuple[tuple[str, str, str, str], ...]:
        """Fields whose saved value differs from what was typed: theirs / yours."""
        saved = records.values_of(self.record)
        return tuple(
            (str(pick(f.label, self.view.language)), theirs, forms.typed(f, given), f.key)
            for f in self.fields
            if (theirs := f.to_input(saved.get(f.key), self.view)) != forms.typed(f, given)
        )


def _given_by(reference: ReferenceField, record_id: int) -> dict[str, Any]:
    """What a record hands on to one that refers to it, as its reader sees it; nothing where he does not see the record."""
    spec, rights = spec_named(reference.target), records.rights()
    if not rights.reads(spec):
        return {}
    try:
        found = records.values_of(records.find(spec, record_id))
    except NotFound:
        return {}
    seen = ((key, spec.fields[source]) for key, source in reference.gives.items())
    return {key: found[f.key] for key, f in seen if rights.sees(spec, f) and not rights.masks(spec, f, found)}


def _prefilled(each: Field, view: View) -> Any:
    """The value that the address names for a field (`?lead_id=7`), else what it offers."""
    if each.key not in request.args:
        return each.offered(view)
    try:
        return each.parse(request.args[each.key])
    except BadValue as error:
        raise BadRequest("“{label}”：{why} | “{label}”: {why}", label=each.label, why=error.text) from error


def delete(spec: Spec, record_id: int) -> Response:
    """Into the bin, then the list with Undo."""
    with records.writing() as (session, now):
        operations.remove(session, spec, records.find(spec, record_id), acting_user=records.principal(), now=now)
    return make_response(redirect(f"/{spec.name}/{record_id}", 303))


def restore(spec: Spec, record_id: int) -> Response:
    with records.writing() as (session, now):
        record = records.find(spec, record_id, with_deleted=True)
        operations.restore(session, spec, record, acting_user=records.principal(), now=now)
    return make_response(redirect(f"/{spec.name}/{record_id}", 303))
