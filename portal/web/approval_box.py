"""Where a record stands on its way through an approval, as one reader may see it: the line of steps, what changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from portal.domain.approval_desk import Standing, Stop, standing
from portal.engine.fields import Field, View
from portal.engine.kinds.reference import ReferenceField
from portal.engine.spec import Spec, spec_named
from portal.engine.text import pick, say
from portal.security.fields import Rights
from portal.web.approval_asked import Asked, told
from portal.web.happened import Referred, happened, value_then
from portal.web.pickers import names

_ICONS = {"done": "circle-check", "now": "circle-dot", "next": "circle", "skip": "circle-minus", "bad": "circle-x"}
_BESIDE = 60
"""Characters that stand beside their label; more are told under it."""


@dataclass(frozen=True, slots=True)
class BoxStep:
    icon: str
    css: str
    label: str
    people: str
    detail: str


class Line(NamedTuple):
    """One value as submitted, and of the submission before where it differs."""

    label: str
    new: str
    old: str

    @property
    def is_long(self) -> bool:
        """Told under its label instead of beside it."""
        return len(self.new) > _BESIDE or "\n" in self.new


@dataclass(frozen=True, slots=True)
class Box:
    standing: Standing
    state: str
    tone: str
    steps: tuple[BoxStep, ...]
    facts: tuple[Line, ...]
    asked: tuple[Line, ...] = ()
    """What was filled in when it was asked for."""
    verb: str = ""
    """What is asked for, in words."""


def box_of(spec: Spec, record_id: int, rights: Rights, view: View, now: datetime) -> Box | None:
    """The newest approval of a record that came through the gate; record types without a flow are not asked."""
    if spec.name not in rights.principal.lent:
        return None
    found = standing(spec.name, record_id, reader=rights.principal, now=now)
    return None if found is None else drawn(found, rights, view)


def differences(spec: Spec, new: Mapping[str, Any], old: Mapping[str, Any], rights: Rights, view: View) -> list[Line]:
    """Where two kept versions of a record differ, as its reader may see them: label, new value, old value."""
    return [line for line in _facts(spec, new, old, rights, view) if line[2]]


def drawn(found: Standing, rights: Rights, view: View) -> Box:
    spec = spec_named(found.entity)
    steps = tuple(_step(stop, view) for stop in found.stops)
    facts = _facts(spec, found.snapshot, found.earlier, rights, view, decides=found.task_id is not None)
    ((*filled,),) = told([Asked(found.entity, found.verb, found.form, whole=found.task_id is not None or found.is_mine)], rights, view)
    asked = tuple(Line(label, value, "") for label, value in filled)
    verb = str(pick(happened(found.entity, found.verb), view.language))
    return Box(found, found.state.in_(view.language), found.state.tone, steps, tuple(facts), asked, verb)


def _step(stop: Stop, view: View) -> BoxStep:
    people = ("、" if view.language == "zh" else ", ").join(stop.people)
    skipped = pick("不经过 | not needed", view.language)
    return BoxStep(
        _ICONS[stop.state],
        stop.state if stop.state in ("done", "now") else "",
        str(pick(stop.label, view.language)),
        str(skipped) if stop.state == "skip" else people,
        stop.detail,
    )


def _facts(
    spec: Spec, kept: Mapping[str, Any], earlier: Mapping[str, Any], rights: Rights, view: View, *, decides: bool = False
) -> list[Line]:
    versions = [key for key in (spec.screen.versions.facts if spec.screen.versions else ()) if kept.get(key)]
    keys = dict.fromkeys((*versions, *(f.key for f in spec.facts), *(f.key for f in spec.form)))
    told = {*kept, *(key for key in earlier if key in spec.custom)}
    shown = [spec.fields[key] for key in keys if key in told and rights.sees(spec, spec.fields[key])]
    referred = _referred(shown, (kept, earlier))
    lines = []
    for each in shown:
        new = _words(spec, each, kept, rights, view, referred)
        old = _words(spec, each, earlier, rights, view, referred) if each.key in earlier or (earlier and each.key in spec.custom) else new
        lines.append(Line(str(pick(each.label, view.language)), new, old if old != new else ""))
    for part in spec.parts():
        if part.name in kept and (decides or rights.principal.may(f"{part.name}:read")):
            lines += _part(part, kept, earlier, rights, view)
    return lines


def _part(part: Spec, kept: Mapping[str, Any], earlier: Mapping[str, Any], rights: Rights, view: View) -> list[Line]:
    """The record's parts as submitted, one line each, for who decides and for who reads them anyway; then what is there no more."""
    rows, before = kept.get(part.name, ()), earlier.get(part.name, ())
    new, old = (_rows(part, each, rights, view) for each in (rows, before))
    label, pairs = str(pick(part.label, view.language)), paired(part, rows, before)
    lines = []
    for place, words in enumerate(new):
        was = words if not earlier else old[pairs[place]] if place in pairs else "—"
        lines.append(Line(f"{label} {place + 1}", words, was if was != words else ""))
    gone = sorted(set(range(len(old))) - set(pairs.values()))
    named = [say("原{label} {n} | {label} {n} before", label=part.label, n=place + 1).in_(view.language) for place in gone]
    return [*lines, *(Line(name, "—", old[place]) for name, place in zip(named, gone, strict=True))]


def paired(part: Spec, new: Sequence[Mapping[str, Any]], old: Sequence[Mapping[str, Any]]) -> dict[int, int]:
    """Place of a line → its place before: the same record where both know it, else the next one of the same name."""
    found: dict[int, int] = {}
    for key in ("id", part.identity.key):
        waiting: dict[Any, list[int]] = {}
        for place, row in enumerate(old):
            if row.get(key) is not None and place not in found.values():
                waiting.setdefault(row[key], []).append(place)
        for place, row in enumerate(new):
            if place not in found and waiting.get(row.get(key)):
                found[place] = waiting[row[key]].pop(0)
    return found


def _rows(part: Spec, kept: Sequence[Mapping[str, Any]], rights: Rights, view: View) -> list[str]:
    shown = [each for each in (*part.form, *part.facts) if each not in part.parents and rights.sees(part, each)]
    fields = list(dict.fromkeys(shown))
    return [" · ".join(words for f in fields if (words := _words(part, f, row, rights, view, {})) != "—") for row in kept]


def _referred(shown: list[Field], versions: Sequence[Mapping[str, Any]]) -> Referred:
    wanted: dict[str, set[int]] = {}
    for each in shown:
        if isinstance(each, ReferenceField):
            wanted.setdefault(each.target, set()).update(int(kept[each.key]) for kept in versions if kept.get(each.key))
    return {(target, key): name for target, ids in wanted.items() for key, name in names(target, ids).items()}


def _words(spec: Spec, each: Field, kept: Mapping[str, Any], rights: Rights, view: View, referred: Referred) -> str:
    return value_then(spec, each, kept.get(each.key), row=kept, rights=rights, view=view, referred=referred)
