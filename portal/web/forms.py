"""Forms: one WTForms field type that asks our field object, so a page and the API read input alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import wtforms
from werkzeug.datastructures import MultiDict
from wtforms.form import BaseForm

from portal.engine.fields import REQUIRED, BadValue, Field, View
from portal.engine.kinds.dates import InstantField
from portal.engine.kinds.reference import ReferenceField
from portal.engine.text import pick


class KindField(wtforms.Field):  # type: ignore[misc]
    """A WTForms field of any kind of ours."""

    def __init__(self, kind: Field, view: View, **options: Any) -> None:
        super().__init__(pick(kind.label, view.language), **options)
        self.kind, self.view = kind, view

    def process_formdata(self, valuelist: list[str]) -> None:
        try:
            value = self.kind.parse(self.kind.gathered(valuelist))
        except BadValue as error:
            raise ValueError(error.text.in_(self.view.language)) from error
        if self.kind.required and self.kind.is_blank(value):
            raise ValueError(REQUIRED.in_(self.view.language))
        self.data = self.kind.local(value, self.view) if isinstance(self.kind, InstantField) and value else value


@dataclass(frozen=True, slots=True)
class FormField:
    """A control as the template draws it."""

    name: str
    label: str
    kind: str
    value: str
    required: bool
    help: str
    errors: tuple[str, ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    lookup_href: str = ""
    lookup_label: str = ""
    section: str = ""
    placeholder: str = ""
    readonly: bool = False
    only_with: tuple[str, str] = ("", "")
    """The choice that it goes with, and the values of it, parted by blanks."""


def bind(fields: Sequence[Field], view: View, given: MultiDict[str, str]) -> BaseForm:
    """A WTForms form over these fields, filled from a request. Absent check boxes mean no."""
    data = given.copy()
    for each in fields:
        if each.key not in data:
            data[each.key] = ""
    form = BaseForm({f.key: wtforms.fields.core.UnboundField(KindField, f, view) for f in fields})
    form.process(data)
    return form


def validated(form: BaseForm) -> dict[str, Any] | None:
    """Typed values, or None when something has to be corrected."""
    ok = form.validate() and not any(field.process_errors for field in form)
    return {field.short_name: field.data for field in form} if ok else None


def typed(each: Field, given: MultiDict[str, str] | None) -> str:
    """What a request says of a field, as its control holds it."""
    return each.gathered(given.getlist(each.key)) if given is not None else ""


def controls(
    fields: Sequence[Field],
    view: View,
    *,
    values: Mapping[str, Any],
    labels: Mapping[str, str],
    lookup: str,
    form: BaseForm | None = None,
    given: MultiDict[str, str] | None = None,
) -> tuple[FormField, ...]:
    """The controls of a form: with `given`, exactly what was typed; with a bound `form`, what is wrong with it too."""
    return tuple(_control(f, view, values, labels, lookup, form, given) for f in fields)


def _control(
    each: Field,
    view: View,
    values: Mapping[str, Any],
    labels: Mapping[str, str],
    lookup: str,
    form: BaseForm | None,
    given: MultiDict[str, str] | None,
) -> FormField:
    value = typed(each, given) if given is not None else each.to_input(values.get(each.key, each.offered(view)), view)
    errors = tuple(str(e) for e in (*form[each.key].process_errors, *form[each.key].errors)) if form is not None else ()
    is_reference = isinstance(each, ReferenceField)
    return FormField(
        each.key,
        str(pick(each.label, view.language)),
        each.widget,
        value,
        each.required,
        str(pick(each.help, view.language)),
        tuple(dict.fromkeys(errors)),
        tuple(each.choices(view)),
        f"{lookup}?field={each.key}" if is_reference else "",
        labels.get(each.key, "") if is_reference else "",
        str(pick(each.section, view.language)),
        only_with=(each.only_with[0], " ".join(each.only_with[1])),
    )
