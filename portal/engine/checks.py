"""What can be wrong with a declaration, each as a sentence that says what to fix. All of it is asked at start."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import InstrumentedAttribute

from portal.engine import printing
from portal.engine.entity import parent_keys
from portal.engine.errors import Refused, WrongDeclaration
from portal.engine.kinds.choice import ChoiceField, DerivedField, StateField
from portal.engine.kinds.dates import DateField
from portal.engine.kinds.filled import FilledField
from portal.engine.kinds.reference import ReferenceField
from portal.engine.kinds.texts import TextField
from portal.engine.screen import Screen
from portal.engine.text import is_bilingual

if TYPE_CHECKING:
    from portal.engine.spec import Spec

TABS = frozenset({"mine", "team", "shared", "pool", "all"})
_SAID = frozenset(
    {
        "screen",
        "verbs",
        "scope_parent",
        "scope_except",
        "scope_states",
        "is_part",
        "form_states",
        "moved_by_activity",
        "entity_name",
        "extra_fields",
    }
)
_MOST_PER_PAGE = 200


def check_alone(spec: Spec) -> None:
    """What one declaration says about itself."""
    for problem in _problems(spec):
        raise WrongDeclaration(f"{spec.model.__name__}: {problem}")


def check_together(specs: Sequence[Spec]) -> None:
    """What declarations say about each other."""
    known = {spec.name: spec for spec in specs}
    for spec in specs:
        for problem in _foreign_problems(spec, known):
            raise WrongDeclaration(f"{spec.model.__name__}: {problem}")
        for problem in _taken_problems(spec, known):
            raise WrongDeclaration(f"{spec.model.__name__}: {problem}")
        _check_paper(spec)


def _taken_problems(spec: Spec, known: Mapping[str, Spec]) -> Iterator[str]:
    for field in spec.fields.values():
        entity, _, key = field.taken_from.partition(".")
        if field.taken_from and (entity not in known or key not in known[entity].fields):
            yield f"{field.key} is taken from {field.taken_from!r}, which is no field; write it as record_type.field"


def _check_paper(spec: Spec) -> None:
    if spec.screen.prints is None:
        return
    try:
        printing.check(spec, spec.screen.prints.layout)
    except Refused as refusal:
        raise WrongDeclaration(f"{spec.model.__name__}: screen.prints: {refusal.in_('en')}") from refusal


def _problems(spec: Spec) -> Iterator[str]:
    if not is_bilingual(spec.label):
        yield f'the docstring must begin with "中文 | English:", not {spec.label!r}'
    yield from _attribute_problems(spec.model)
    if not spec.fields:
        yield 'it declares no field; add one such as text("名称 | Name")'
    for field in spec.fields.values():
        if not is_bilingual(field.label):
            yield f"{field.key} needs a label in both languages, not {field.label!r}"
        if field.help and not is_bilingual(field.help):
            yield f"{field.key} needs its help in both languages, not {field.help!r}"
    if sum(field.identity for field in spec.fields.values()) > 1:
        yield "several fields have identity=True; a record is called by one of them"
    for key in parent_keys(spec.model):
        if not any(parent.key == key for parent in spec.parents):
            yield f"scope_parent names {key!r}, which is no reference of it"
    yield from _strays(spec)
    yield from _screen_problems(spec)
    yield from _chart_problems(spec)
    yield from _tab_problems(spec)
    yield from _order_problems(spec)
    yield from _derived_problems(spec)
    yield from _asking_problems(spec)
    yield from _edge_problems(spec)


def _strays(spec: Spec) -> Iterator[str]:
    """Names that stand for nothing."""
    if unknown := set(spec.model.form_states) - set(spec.state.members if spec.state else ()):
        yield f"form_states names {', '.join(sorted(unknown))}, which no state of it is"
    if strange := [key for key in spec.model.moved_by_activity if key not in spec.fields and key not in spec.table.c]:
        yield f"moved_by_activity names {', '.join(strange)}, which no field of it is"


def _attribute_problems(model: type[Any]) -> Iterator[str]:
    """A misspelt `verbs` or `screen` would be a plain attribute that nobody reads."""
    for name, value in vars(model).items():
        if name.startswith("_") or name in _SAID or isinstance(value, InstrumentedAttribute) or not isinstance(value, (Screen, str, tuple)):
            continue
        meant = get_close_matches(name, _SAID, 1)
        yield f"it says {name!r}, which means nothing here" + (f"; do you mean {meant[0]!r}?" if meant else f"; known: {_listed(_SAID)}")


def _screen_problems(spec: Spec) -> Iterator[str]:
    screen = spec.screen
    if not screen.columns:
        yield "screen.columns is empty; name the fields of the list"
    parts = {"columns": screen.columns, "filters": screen.filters, "form": screen.form, "facts": screen.facts}
    for part, keys in parts.items():
        for key in keys:
            if key not in spec.fields:
                yield f"screen.{part} names {key!r}, which is no field{_meant(key, spec.fields)}"
    yield from (f"screen.filters names {key!r}, which says filterable=False" for key in screen.filters if not spec.fields[key].filterable)
    yield from (f"screen.form names {key!r}, which is read-only" for key in screen.form if spec.fields[key].readonly)
    for part, words in {"menu": screen.menu, "plural": screen.plural}.items():
        if words and not is_bilingual(words):
            yield f"screen.{part} needs both languages, not {words!r}"
    yield from _way_problems(spec)
    if not 0 < screen.per_page <= _MOST_PER_PAGE:
        yield f"screen.per_page is {screen.per_page}; it must lie between 1 and {_MOST_PER_PAGE}"


def _way_problems(spec: Spec) -> Iterator[str]:
    """How files come to a record, and where else it is worked on."""
    screen = spec.screen
    if (by := screen.attached_by) and (by not in spec.verbs or spec.scope == "owner"):
        yield f"screen.attached_by names {by!r}; only a part can have files added by a verb, and by one of its own"
    if bool(screen.desk) != bool(screen.desk_needs) or (screen.desk and "{id}" not in screen.desk):
        yield "screen.desk needs {id} in its address, and screen.desk_needs the right to come to it"
    if screen.editor and not (screen.editor.startswith("/") and screen.editor.endswith("/")):
        yield f"screen.editor is {screen.editor!r}; it must be the address of a page such as '/things/'"
    if screen.brings_files and (screen.attached_by or not screen.attachments):
        yield "screen.brings_files: whoever makes one must be who adds its files; leave out attached_by and attachments=False"


def _chart_problems(spec: Spec) -> Iterator[str]:
    """A chart groups by what a list filters by, so that each point leads to its records."""
    for chart in spec.screen.charts:
        if not is_bilingual(chart.label):
            yield f"the chart {chart.key} needs a label in both languages, not {chart.label!r}"
        if unknown := [key for key in chart.fields if key not in spec.fields]:
            yield f"the chart {chart.key} names {unknown[0]!r}, which is no field{_meant(unknown[0], spec.fields)}"
            continue
        by = spec.fields[chart.by]
        if hidden := [key for key in chart.fields if spec.fields[key].masked or not spec.fields[key].filterable]:
            yield f"the chart {chart.key} reads {hidden[0]!r}, which is masked or cannot be filtered by"
        if bool(chart.step) != isinstance(by, DateField):
            yield f"the chart {chart.key} needs a step exactly where it goes by a day or an instant"
        elif not isinstance(by, ChoiceField | ReferenceField | DateField):
            yield f"the chart {chart.key} goes by {chart.by!r}; a choice, a reference, a day or an instant can be told apart"
        if chart.measure and spec.fields[chart.measure].kind not in ("integer", "decimal", "money"):
            yield f"the chart {chart.key} sums {chart.measure!r}, which is no number"
        if chart.mean and (chart.step or not chart.measure):
            yield f"the chart {chart.key} needs a measure, and no step, for a mean"


def _tab_problems(spec: Spec) -> Iterator[str]:
    tabs = spec.screen.tabs
    if unknown := set(tabs) - TABS:
        yield f"screen.tabs names {_listed(unknown)}; tabs are {_listed(TABS)}"
    if tabs and spec.scope != "owner":
        yield "screen.tabs needs an owner to tell rows apart; derive from Owned or leave the tabs out"
    if "pool" in tabs and not spec.pooled:
        yield "screen.tabs has 'pool'; derive from Pooled or leave it out"


def _order_problems(spec: Spec) -> Iterator[str]:
    key = spec.screen.order.lstrip("-")
    if key == "id":
        return
    if key not in spec.fields:
        yield f"screen.order names {key!r}, which is no field{_meant(key, spec.fields)}"
        return
    if not spec.fields[key].sortable:
        yield f"screen.order sorts by {key!r}, which cannot be sorted by (masked, or sortable=False)"
    leading = {next(iter(index.expressions)).name for index in spec.table.indexes if hasattr(next(iter(index.expressions)), "name")}
    if key not in leading and not spec.table.c[key].unique:
        yield f"screen.order sorts by {key!r}, which no index leads with; add Index(..., {key!r}) to __table_args__"


def _derived_problems(spec: Spec) -> Iterator[str]:
    for field in spec.fields.values():
        if isinstance(field, DerivedField):
            for key in field.from_:
                if key not in spec.fields:
                    yield f"{field.key} is derived from {key!r}, which is no field{_meant(key, spec.fields)}"
        if isinstance(field, FilledField):
            for key in field.of:
                if not isinstance(spec.fields.get(key), TextField | ChoiceField | ReferenceField):
                    yield f"{field.key} counts {key!r}, which is no text, choice or reference{_meant(key, spec.fields)}"


def _asking_problems(spec: Spec) -> Iterator[str]:
    for field in spec.form:
        key, values = field.only_with
        by = spec.fields.get(key)
        if key and not (isinstance(by, ChoiceField) and by in spec.form and values and set(values) <= by.members.keys()):
            yield f"{field.key} is asked for only with {_listed(values)} of {key!r}, which is no choice of the form with these values"


def _edge_problems(spec: Spec) -> Iterator[str]:
    states = [field for field in spec.fields.values() if isinstance(field, StateField)]
    if len(states) > 1:
        yield f"it has several states ({_listed(s.key for s in states)}); a record stands in one place"
    for state in states:
        known = {member.value for member in state.options}
        for start, ends in state.edges.items():
            for end in (start, *ends):
                if end not in known:
                    yield f"an edge of {state.key!r} names the unknown state {end!r}; known: {_listed(known)}"


def _foreign_problems(spec: Spec, known: Mapping[str, Spec]) -> Iterator[str]:
    for field in spec.fields.values():
        if isinstance(field, ReferenceField) and field.target not in known:
            yield f"{field.key} refers to {field.target!r}, which is no record type{_meant(field.target, known)}"
        elif isinstance(field, ReferenceField):
            yield from _giving_problems(spec, field, known[field.target])
    for parent in spec.parents:
        if known[parent.target].scope != "owner":
            yield f"scope_parent leads to {parent.target!r}, which has no owner; who sees it could not be said"
    for name in (*spec.screen.related, *((spec.screen.composer,) if spec.screen.composer else ())):
        if name not in known:
            yield f"screen names the child {name!r}, which is no record type{_meant(name, known)}"
        elif name == spec.screen.composer and known[name].parent_to(spec.name) is None:
            yield f"screen names {name!r}, whose scope_parent does not lead here"
        elif known[name].link_to(spec.name) is None:
            yield f"screen.related names {name!r}, which has no reference to {spec.name!r}"
    yield from _board_problems(spec, known)


def _giving_problems(spec: Spec, field: ReferenceField, target: Spec) -> Iterator[str]:
    for key, source in field.gives.items():
        if source not in target.fields:
            yield f"{field.key} gives {source!r}, which is no field of {target.name!r}{_meant(source, target.fields)}"
        if spec.fields.get(key) not in spec.form:
            yield f"{field.key} gives to {key!r}, which is no field of its form"


def _board_problems(spec: Spec, known: Mapping[str, Spec]) -> Iterator[str]:
    """A board stands on a fixed set or a reference, and its verb is one of the entity's own."""
    board = spec.screen.board
    if board is None:
        return
    named = {"by": (board.by,), "total": (board.total,) if board.total else (), "card": board.card}
    for part, keys in named.items():
        for key in keys:
            if key not in spec.fields:
                yield f"screen.board.{part} names {key!r}, which is no field{_meant(key, spec.fields)}"
                return
    if board.verb not in spec.verbs:
        yield f"screen.board.verb names {board.verb!r}, which is no verb of it{_meant(board.verb, spec.verbs)}"
    by = spec.fields[board.by]
    if not isinstance(by, ChoiceField | ReferenceField):
        yield f"screen.board.by names {board.by!r}; a board needs a choice, a state or a reference"
    elif board.within and not (isinstance(by, ReferenceField) and board.within in spec.fields and board.within in known[by.target].fields):
        yield f"screen.board.within names {board.within!r}, which the entity and what {board.by!r} refers to must both have"


def _meant(word: str, known: Iterable[str]) -> str:
    names = list(known)
    close = get_close_matches(word, names, 1)
    return f"; do you mean {close[0]!r}?" if close else f"; known: {_listed(names)}"


def _listed(words: Iterable[str]) -> str:
    return ", ".join(sorted(words))
