"""The form of an approval step: its conditions by label, in words and with the control of the field's kind; who decides as ticks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from werkzeug.datastructures import MultiDict

from portal.domain import flow_desk, flow_rules
from portal.domain.approval_flows import POLICY
from portal.domain.approvers import People
from portal.engine.fields import Field, View
from portal.engine.given import id_of
from portal.engine.spec import Spec
from portal.engine.text import Text
from portal.screens import drafts
from portal.web import forms
from portal.web.forms import FormField

MOST = 8
"""Conditions of one step."""
_LABEL, _NAMED = 40, 3
_PARTS = frozenset({"longtext", "phone", "email", "reference"})
"""Controls that want a whole value, where a condition may ask for a part of one."""


@dataclass(frozen=True, slots=True)
class Row:
    """One condition on its page: what can be compared how, and with what control."""

    field: Field | None
    how: str
    operators: tuple[tuple[str, str], ...] = ()
    value: FormField | None = None
    figures: tuple[tuple[str, Text], ...] = ()
    figure: str = ""
    """The policy whose figure stands for the value; empty: the value is written down."""


def rows(spec: Spec, step: dict[str, Any], view: View, now: datetime) -> list[Row]:
    """The conditions of a step as the form asks for them; one of a field that cannot be asked for is told by its key."""
    offered = {each.key: each for each in flow_rules.askable(spec)}
    return [_row(offered.get(key) or spec.fields.get(key), how, raw, view, now) for key, how, raw in step.get("when", ())]


def _row(each: Field | None, how: str, raw: Any, view: View, now: datetime) -> Row:
    if each is None:
        return Row(None, how)
    figures = tuple(flow_rules.figures(each, now))
    figure = raw if isinstance(raw, str) and raw.startswith(POLICY) else ""
    if figure and figure not in dict(figures):
        figures = (*figures, (figure, flow_rules.policy_name(figure)))
    operators = tuple((one, each.says(one)) for one in dict.fromkeys((*each.conditions, how)) if each.allows(one))
    typed = "" if figure else ",".join(map(str, raw)) if isinstance(raw, list) else str(raw)
    return Row(each, how, operators, None if flow_rules.is_alone(how) else _control(each, how, typed, view), figures, figure)


def _control(each: Field, how: str, typed: str, view: View) -> FormField:
    """The control of the field's kind; several choices are ticked, yes or no is chosen."""
    [drawn] = forms.controls((each,), view, values={}, labels={}, lookup="")
    kind = "choices" if flow_rules.takes_several(each, how) else "choice" if drawn.options else drawn.kind
    return replace(drawn, kind="text" if kind in _PARTS else kind, value=typed, required=False, help="")


def step_from(spec: Spec, form: MultiDict[str, str], former: dict[str, Any]) -> dict[str, Any]:
    """The step as its controls say it, whatever they say; a condition that has none stays as it was."""
    label = drafts.pair(drafts.one_line(form.get("label_zh", "")), drafts.one_line(form.get("label_en", "")), _LABEL)
    who = form.getlist("who")
    if (person := id_of(form.get("person", ""))) is not None:
        who.append(f"person:{person}")
    before = {key: [key, how, raw] for key, how, raw in former.get("when", ())}
    when = [_condition(spec, form, n, before) for n in range(MOST) if f"field{n}" in form]
    made = {"label": label, "mode": form.get("mode", "any"), "who": flow_desk.who_from(list(dict.fromkeys(who)))}
    return {**made, "when": when} if when else made


def _condition(spec: Spec, form: MultiDict[str, str], n: int, before: dict[str, list[Any]]) -> list[Any]:
    """One whose field was changed begins anew: what was compared with says nothing about the other field."""
    key, how = form.get(f"field{n}", ""), form.get(f"op{n}", "")
    each = spec.fields.get(key)
    if each is None or not each.conditions:
        return before.get(key, [key, "eq", ""])
    if key != form.get(f"was{n}", key) or not each.allows(how):
        return [key, how if each.allows(how) else each.conditions[0], ""]
    if flow_rules.is_alone(how):
        return [key, how, ""]
    if figure := form.get(f"figure{n}", ""):
        return [key, how, figure]
    given = form.getlist(f"value{n}")
    return [key, how, [one for one in given if one] if flow_rules.takes_several(each, how) else (given or [""])[-1].strip()]


def edited(spec: Spec, steps: list[dict[str, Any]], chosen: int, form: MultiDict[str, str], new: dict[str, Any]) -> int:
    """The draft after what the button said, in place; what was typed for the chosen step is kept. Returns the step looked at."""
    if chosen < len(steps) and "label_zh" in form:
        steps[chosen] = step_from(spec, form, steps[chosen])
    do = form.get("do", "")
    what, _, place = do.partition(":")
    at = min(id_of(place) or 0, len(steps))
    if what == "add":
        steps.insert(at, dict(new))
        return at
    if what in ("more", "less"):
        _conditions(steps[chosen] if chosen < len(steps) else {}, what, at)
    elif what != "remove" or len(steps) > 1:
        found = drafts.rearranged(steps, do)
        return chosen if found is None else found
    return chosen


def _conditions(step: dict[str, Any], what: str, at: int) -> None:
    when = list(step.get("when", ()))
    if what == "more" and len(when) < MOST:
        when.append(["", "eq", ""])
    elif what == "less":
        del when[at : at + 1]
    step["when"] = when


def deciders(step: dict[str, Any], people: People) -> list[Text]:
    """`法务：吴楠`, `业务员：12 人`, `上级`: whom a card names."""
    return [_decided(label, names) for label, names in flow_desk.deciders(step, people)]


def _decided(label: str, names: Sequence[str] | None) -> Text:
    if names is None:
        return Text("{label} | {label}", label=label)
    if not names:
        return Text("{label}：没有人 | {label}: nobody", label=label)
    if len(names) > _NAMED:
        return Text("{label}：{n} 人 | {label}: {n} people", label=label, n=len(names))
    return Text("{label}：{names} | {label}: {names}", label=label, names={"zh": "、".join(names), "en": ", ".join(names)})
