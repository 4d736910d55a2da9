"""One custom field on its page: words, choices and ticks as an administrator reads them, saved as the definition that REST tells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import SimpleNamespace
from typing import Any

from flask import request
from werkzeug.datastructures import MultiDict

from portal import models
from portal.domain import field_desk, role_desk
from portal.domain.custom_fields import CHOSEN, INDEXED, KINDS, USED_BY, field_of, options_of, options_text, roles_of
from portal.domain.field_desk import GENERAL, RoleLine, Saving
from portal.engine import store
from portal.engine.custom import PREFIX
from portal.engine.fields import INITIAL, MASKED, BadValue, Field, View
from portal.engine.spec import Spec, spec_of
from portal.engine.text import Text, pick
from portal.entities.custom import FieldKind, FieldState
from portal.screens import drafts
from portal.security.roles import role_label
from portal.web import forms
from portal.web.form_page import VERSION, Faulty, FormDoor, FormPage
from portal.web.forms import FormField
from portal.web.language import view as reader

NEW_SECTION = "+"
WORDS = ("label_zh", "label_en", "help_zh", "help_en")
FLAGS = ("is_required", "is_listed", *INDEXED)
_LABEL, _BESIDE = 80, 2
_UNNAMED = "没有名称 | No name yet"
_NO_NAME = Text("每个选项都要有名称；不要的点 × 去掉。 | Each choice needs a label; take away with × what you do not want.")
_NO_SECTION = Text("写下新分组的名称。 | Name the new section.")
_NOBODY_SEES = Text("至少要有一个角色看得到。 | At least one role must see it.")
_NOBODY_EDITS = Text("看得到它的角色里，至少要有一个能填。 | At least one of the roles that see it must fill it in.")


@dataclass(slots=True)
class Choice:
    """A choice as its row says it; one that has no code yet is new."""

    code: str = ""
    zh: str = ""
    en: str = ""

    @property
    def label(self) -> str:
        return drafts.pair(drafts.one_line(self.zh), drafts.one_line(self.en), _LABEL)


class Editor:
    """A definition as it is stored, or as the form carries it; nothing is written before `save`."""

    def __init__(self, of: Spec, kind: FieldKind, record: models.CustomField | None) -> None:
        self.of, self.kind, self.record = of, kind, record
        self.view: View = reader()
        self.form: MultiDict[str, str] | None = request.form if request.method == "POST" else None
        self.focus, self.status = "", 200
        """The control that is looked at when the page comes back."""
        self.cards = role_desk.cards(store.session())
        self.stored = SimpleNamespace(**_columns(record)) if record is not None else _blank(of, kind)
        self.choices = self._choices()
        self._read()

    def _read(self) -> None:
        """The door and its controls, from what the rows and the form say now."""
        given = None if self.form is None else self._texts(self.form)
        self.door = FormDoor(spec_of(models.CustomField), self.record, given=given, keys=set(self._keys()))
        self.page: FormPage = self.door.opened() if given is None else self.door.drafted()
        self.draft = self.stored if given is None else _drafted(self.stored, given)

    def _keys(self) -> Iterator[str]:
        """What this kind of field is asked for; what can never change only when it is new."""
        uses = KINDS[self.kind].uses
        yield from (*WORDS, "section", "seen_by", "edited_by", "is_required", "is_listed")
        yield from (name for name in INDEXED if USED_BY[name] in uses)
        yield from ("options",) if self.kind in CHOSEN else ()
        yield from ("initial",) if INITIAL in uses else ()
        yield from ("mask",) if MASKED in uses and self.of.pooled else ()
        yield from ("entity", "kind", "key", "target") if self.record is None else ()

    # from the page to a definition --------------------------------------------------------------
    def _texts(self, form: MultiDict[str, str]) -> MultiDict[str, str]:
        """What the form says, in the words of a definition."""
        plain = (*WORDS, *FLAGS, "key", "target", "mask", VERSION)
        given = MultiDict({name: form[name] for name in plain if name in form})
        given["entity"], given["kind"] = self.of.name, self.kind.value
        given["section"] = self._section(form)
        given["options"] = options_text((each.code, each.label) for each in self.choices if each.label)
        given["initial"] = field_of(_blank(self.of, self.kind)).gathered(form.getlist("initial"))
        sees, edits = (set(form.getlist(name)) for name in ("sees", "edits"))
        given["seen_by"], given["edited_by"] = field_desk.chosen(self.roles, sees, edits)
        return given

    def _choices(self) -> list[Choice]:
        known = dict(options_of(self.stored.options))
        if self.form is None:
            return [Choice(code, *drafts.halves(label)) for code, label in known.items()] or [Choice(), Choice()]
        rows = zip(*(self.form.getlist(f"choice_{part}") for part in ("code", "zh", "en")), strict=False)
        return [Choice(code if code in known else "", zh, en) for code, zh, en in rows]

    def _section(self, form: MultiDict[str, str]) -> str:
        if form.get("section") != NEW_SECTION:
            return form.get("section", "")
        return drafts.pair(drafts.one_line(form.get("section_zh", "")), drafts.one_line(form.get("section_en", "")), _LABEL // 2)

    def _faults(self, form: MultiDict[str, str]) -> dict[str, Text]:
        """What a definition could not tell from something else that was meant."""
        sees, edits = set(form.getlist("sees")), set(form.getlist("edits"))
        able = {each.name for each in self.roles if each.writes and each.name in sees}
        found = {
            "options": _NO_NAME if any(each.code and not each.label for each in self.choices) else None,
            "section": _NO_SECTION if form.get("section") == NEW_SECTION and not self._section(form) else None,
            "seen_by": None if sees & {each.name for each in self.roles} else _NOBODY_SEES,
            "edited_by": None if able & edits else _NOBODY_EDITS,
        }
        return {key: text for key, text in found.items() if text is not None and key in self.controls}

    # what its buttons do --------------------------------------------------------------------------
    def rearrange(self, do: str) -> None:
        """A row of choices more or fewer, or in another place; everything that was typed stays."""
        what, _, code = do.partition(":")
        if what == "add":
            self.choices.append(Choice())
            self.focus = f"choice_zh-{len(self.choices) - 1}"
        elif what == "back":
            self.choices += [each for each in self.dropped if each.code == code]
            self.focus = f"choice_zh-{len(self.choices) - 1}"
        elif (at := drafts.rearranged(self.choices, do)) is not None:
            # The pressed button is gone where the row has come to the edge of the list, or was the last one.
            turned = {"up": "down" if at == 0 else "up", "down": "up" if at == len(self.choices) - 1 else "down"}
            self.focus = f"{turned.get(what, what)}-{at}" if self.choices else "add"
        self._read()

    @property
    def dropped(self) -> list[Choice]:
        """Stored choices that the draft has no row for."""
        left = {each.code for each in self.choices}
        return [Choice(code, *drafts.halves(label)) for code, label in options_of(self.stored.options) if code not in left]

    def save(self) -> int:
        """The field's id; 0 where something is wrong, which the page then says."""
        done = self.door.save(self._faults(self.form or MultiDict()))
        if isinstance(done, Faulty):
            self.page, self.status = done.page, done.status
            return 0
        return done

    def conflict(self) -> list[tuple[str, str, str]]:
        """What somebody else saved meanwhile beside what stands here, in the words of the page."""
        told = self.page.conflict or ()
        return [(label, self._said(key, theirs), self._said(key, yours)) for label, theirs, yours, key in told]

    def _said(self, key: str, text: str) -> str:
        language = self.view.language
        if key in ("seen_by", "edited_by"):
            names = [str(pick(role_label(name), language)) for name in roles_of(text)]
            return "、".join(names) or str(pick("所有角色 | Every role", language))
        if key == "options":
            return "\n".join(str(pick(label, language)) for _, label in options_of(text))
        if key in FLAGS:
            return str(pick("是 | yes" if text else "否 | no", language))
        return str(pick(text, language))

    # what its page shows --------------------------------------------------------------------------
    @property
    def controls(self) -> dict[str, FormField]:
        """By name, each with what is wrong with it."""
        return {each.name: replace(each, only_with=("", "")) for each in self.page.fields}

    @cached_property
    def roles(self) -> list[RoleLine]:
        """Those who read such records, as the stored definition treats them."""
        return field_desk.role_lines(self.cards, self.of, self.stored)

    @cached_property
    def saving(self) -> Saving:
        return field_desk.saving(store.session(), self.cards, self.of, self.record and self.stored, self.draft, self.view)

    @property
    def ticked(self) -> tuple[set[str], set[str]]:
        """The roles whose ticks are set: who sees, who fills in."""
        if self.form is not None:
            return set(self.form.getlist("sees")), set(self.form.getlist("edits"))
        return {each.name for each in self.roles if each.sees}, {each.name for each in self.roles if each.edits}

    @property
    def sections(self) -> list[tuple[str, str]]:
        """Those of the form as it is, and the new one that is being named."""
        titles = [*dict.fromkeys(each.section for each in self.of.form)]
        return [(title, title or GENERAL) for title in titles]

    @property
    def section(self) -> tuple[str, str, str]:
        """Which one is chosen, and what a new one is called in both languages."""
        if self.form is None:
            return self.stored.section, "", ""
        return self.form.get("section", ""), self.form.get("section_zh", ""), self.form.get("section_en", "")

    def initial(self) -> FormField | None:
        """The default's control: the one that the field itself has."""
        told = self.controls.get("initial")
        if told is None:
            return None
        made = self._made(View(self.view.language, self.view.zone))
        options = [(each.code or each.zh or each.en, str(pick(each.label, self.view.language))) for each in self.choices if each.label]
        value = made.to_input(made.default, self.view) if self.form is None and made.default is not None else told.value
        chosen = tuple(options) if self.kind in CHOSEN else tuple(made.choices(self.view))
        return replace(told, kind=made.widget, value=value, options=chosen)

    def _made(self, view: View) -> Field:
        """The field as it would be; one whose default makes no sense yet begins with nothing."""
        named = {f"label_{half}": getattr(self.draft, f"label_{half}") or pick(_UNNAMED, half) for half in ("zh", "en")}
        try:
            return field_of(SimpleNamespace(**{**vars(self.draft), **named}))
        except BadValue:
            return field_of(SimpleNamespace(**{**vars(self.draft), **named, "initial": ""}))

    def preview(self) -> Sequence[tuple[FormField, bool]]:
        """Its neighbours in the form, and which of the controls is this one."""
        made, own = self._made(self.view), PREFIX + (self.draft.key or "")
        made.key = own
        fields = [made if each.key == own else each for each in self.of.form if each.section == self.draft.section]
        if made not in fields:
            fields = [*(each for each in fields if each.key != own), made]
        at = fields.index(made)
        return [(each, each.name == own) for each in pictured(fields[max(at - _BESIDE, 0) : at + _BESIDE + 1], self.view)]

    def elsewhere(self) -> FormField:
        """The same control for who reads the other language."""
        other = replace(self.view, language="en" if self.view.language == "zh" else "zh")
        return pictured([self._made(other)], other)[0]


def pictured(fields: Sequence[Field], view: View) -> list[FormField]:
    """Controls to look at: they lead nowhere and depend on nothing."""
    drawn = forms.controls(fields, view, values={}, labels={}, lookup="")
    return [replace(each, lookup_href="", only_with=("", "")) for each in drawn]


def _columns(record: models.CustomField) -> dict[str, Any]:
    texts = {key: "" for key, each in spec_of(models.CustomField).fields.items() if each.blank == ""}
    return {**texts, **{each.key: getattr(record, each.key) for each in record.__mapper__.column_attrs}}


def _blank(of: Spec, kind: FieldKind) -> SimpleNamespace:
    """A definition that says nothing yet."""
    fields = spec_of(models.CustomField).fields
    blank = {key: False if each.kind == "flag" else "" for key, each in fields.items()}
    return SimpleNamespace(**{**blank, "entity": of.name, "kind": kind.value, "mask": "none", "state": FieldState.ACTIVE.value})


def _drafted(stored: Any, given: MultiDict[str, str]) -> SimpleNamespace:
    """The stored definition with what the form says instead."""
    texts = {key: given.get(key, "").strip() for key in (*WORDS, "section", "options", "initial", "seen_by", "edited_by")}
    fixed = {key: given.get(key) or getattr(stored, key) for key in ("key", "target", "mask")}
    flags = {key: bool(given.get(key)) for key in FLAGS}
    return SimpleNamespace(**{**vars(stored), **texts, **fixed, **flags})
