"""A verb is one decorated function; buttons, bulk entry, endpoint, permission, audit line and Undo follow from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from portal.engine.errors import NotFound, PortalError, WrongDeclaration
from portal.engine.fields import Field
from portal.engine.operations import is_replaced
from portal.engine.spec import Spec, registry
from portal.engine.text import Text, is_bilingual


@dataclass(slots=True)
class Outcome:
    """What a verb did: ids done, records refused with their reason, and what Undo needs."""

    done: list[int] = field(default_factory=list)
    refused: list[tuple[int, PortalError]] = field(default_factory=list)
    batch_id: int | None = None
    message: Text | None = None
    href: str = ""
    """Where its one record goes on, when that is elsewhere."""


def one_by_one(records: Iterable[Any], do: Callable[[Any], object], *, apart: Session | None = None) -> Outcome:
    """Each record by itself: one that is refused (`PortalError`) leaves the others done.

    `do` refuses before it changes anything; where it cannot, what it had begun is undone in this session (`apart`).
    """
    outcome = Outcome()
    for record in records:
        record_id = record.id
        try:
            with apart.begin_nested() if apart is not None else nullcontext():
                do(record)
        except PortalError as refusal:
            outcome.refused.append((record_id, refusal))
        else:
            outcome.done.append(record_id)
    return outcome


@dataclass(frozen=True, slots=True)
class Preview:
    """What a verb would do, as the dialog shows it. A verb's `preview` function returns one of these."""

    facts: tuple[tuple[str | Text, str | Text], ...] = ()
    headers: tuple[str | Text, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    skipped: tuple[tuple[str, str | Text], ...] = ()
    refused: tuple[tuple[str | Text, int], ...] = ()


@dataclass(frozen=True, slots=True)
class ApprovalRule:
    """Says on a verb that doing it is asked for and decided by others first.

    `steps` is the flow that holds until an administrator publishes another; the states are where the record's own
    state field stands meanwhile and afterwards (empty: the record has none to move).
    """

    steps: tuple[Mapping[str, Any], ...]
    waiting: str = ""
    rejected: str = ""
    returned: str = ""
    always: tuple[Mapping[str, Any], ...] = ()
    """Steps with conditions that no published flow can leave out: where one applies and nobody it names decides, it is added."""
    ready: Callable[[Any], None] | None = None
    """Asked before it is submitted: raises where the record is not complete."""
    against: Callable[[Any], Mapping[str, Any] | None] | None = None
    """What a record is compared with where it replaces another: that one's fields, and its parts' rows."""
    stands: Mapping[str, str] = field(default_factory=dict)
    """Role → state of the record while somebody of that role decides; a step of nobody named here leaves it where it stands."""


@dataclass(frozen=True, slots=True, eq=False)
class Verb:
    """The declaration of a verb.

    `takes` and `leaves` are scope branches (own, pool, team, joined, reach, assignable, all): which rows it accepts and
    where it may leave them, checked for the columns it names instead of the write scope.
    """

    entity: str
    name: str
    label: str
    function: Callable[..., Outcome]
    icon: str
    takes: tuple[str, ...]
    leaves: tuple[str, ...]
    columns: tuple[str, ...]
    form: tuple[Field, ...]
    inverse: str
    bulk: bool
    primary: bool
    states: tuple[str, ...]
    preview: Callable[..., Any] | None
    help: str
    by_id: bool
    """The function takes ids and works set-based, instead of loaded records."""
    gone: Callable[[], PortalError]
    """What is said of a row that is not there for who acts; a hidden and a missing one answer alike."""
    approval: ApprovalRule | None = None
    page: str = ""
    """The last part of the address below a record where it has a page of its own instead of the dialog."""
    reason_in: tuple[str, ...] = ()
    """`receipt.reason`: the fields that keep the reason it is given, so that the history tells it to whom they are told."""

    @property
    def permission(self) -> str:
        """`lead:claim`."""
        return f"{self.entity}:{self.name}"

    def offered(self, state: str | None) -> bool:
        """Whether the button shows for a record in this state."""
        return not self.states or state in self.states


GENERATED = ("read", "create", "edit", "delete", "export", "import")
"""Verbs that every entity has without declaring them."""
_REASON = "reason"
_DOORS = ("restore", "undo", "pick")
BRANCHES = frozenset({"own", "pool", "team", "subtree", "joined", "reach", "assignable", "all"})
_verbs: dict[str, Verb] = {}


def verb(
    permission: str,
    label: str,
    *,
    icon: str,
    takes: Sequence[str],
    leaves: Sequence[str] = (),
    columns: Sequence[str] = (),
    form: Sequence[tuple[str, Field]] = (),
    inverse: str = "",
    bulk: bool = False,
    primary: bool = False,
    states: Sequence[str] = (),
    preview: Callable[..., Any] | None = None,
    help: str = "",  # noqa: A002
    by_id: bool = False,
    gone: Callable[[], PortalError] = NotFound,
    approval: ApprovalRule | None = None,
    page: str = "",
    reason_in: Sequence[str] = (),
) -> Callable[[Callable[..., Outcome]], Callable[..., Outcome]]:
    """Register a domain function `(records, *, acting_user, now, **form)` as a verb."""
    entity, _, name = permission.partition(":")
    if not name or not is_bilingual(label):
        raise WrongDeclaration(f'verb {permission!r} needs "entity:name" and a label in both languages, not {label!r}')
    if unknown := {*takes, *leaves} - BRANCHES:
        raise WrongDeclaration(f"verb {permission!r} takes or leaves {sorted(unknown)}; branches are {sorted(BRANCHES)}")
    fields = _form_fields(permission, form)

    def register(function: Callable[..., Outcome]) -> Callable[..., Outcome]:
        if permission in _verbs:
            raise WrongDeclaration(f"verb {permission!r} is declared twice")
        _verbs[permission] = Verb(
            entity,
            name,
            label,
            function,
            icon,
            tuple(takes),
            tuple(leaves) or tuple(takes),
            tuple(columns),
            fields,
            inverse,
            bulk,
            primary,
            tuple(str(s) for s in states),
            preview,
            help,
            by_id,
            gone,
            approval,
            page,
            tuple(reason_in),
        )
        return function

    return register


def _form_fields(permission: str, form: Sequence[tuple[str, Field]]) -> tuple[Field, ...]:
    for key, each in form:
        if not is_bilingual(each.label):
            raise WrongDeclaration(f"verb {permission!r}: {key} needs a label in both languages, not {each.label!r}")
        each.key = key
    return tuple(each for _, each in form)


def verbs_of(spec: Spec) -> tuple[Verb, ...]:
    """The verbs of an entity in the order its declaration gives its buttons."""
    return tuple(_verbs[f"{spec.name}:{name}"] for name in spec.verbs)


def verb_named(entity: str, name: str) -> Verb | None:
    return _verbs.get(f"{entity}:{name}")


def all_verbs() -> tuple[Verb, ...]:
    return tuple(_verbs.values())


def reason_fields(name: str) -> tuple[tuple[Spec, Field], ...]:
    """The fields that keep the reason of a verb, by the name that the history of any record has it under."""
    named = dict.fromkeys(key for each in _verbs.values() if each.name == name for key in each.reason_in)
    return tuple((registry()[entity], registry()[entity].fields[key]) for entity, key in (each.split(".") for each in named))


def check_verbs(specs: Sequence[Spec]) -> None:
    """Both places must name a verb: `@verb` declares it, the entity's `verbs` orders it."""
    ordered = {f"{spec.name}:{name}" for spec in specs for name in spec.verbs}
    for missing in sorted(ordered - _verbs.keys()):
        raise WrongDeclaration(f"{missing!r} is in an entity's verbs, but no function is decorated @verb({missing!r}, …)")
    for each in _verbs.values():
        if each.name in (*GENERATED, *_DOORS):
            raise WrongDeclaration(f"@verb({each.permission!r}) has the name of a generated verb: one grant would give both; rename it")
    known = {spec.name for spec in specs}
    for stray in sorted(_verbs.keys() - ordered):
        if stray.split(":")[0] in known:
            raise WrongDeclaration(f"@verb({stray!r}) is declared, but its entity's verbs do not name it")
    named = {f"{spec.name}.{key}" for spec in specs for key in spec.fields} | {""}
    for spec in specs:
        for each in verbs_of(spec):
            for strange in (asked for asked in each.form if asked.taken_from not in named):
                raise WrongDeclaration(f"verb {each.permission!r}: {strange.key} is taken from {strange.taken_from!r}, which is no field")
            for problem in _problems(spec, each):
                raise WrongDeclaration(f"verb {each.permission!r} {problem}")


def _problems(spec: Spec, each: Verb) -> Iterator[str]:
    if each.inverse and verb_named(spec.name, each.inverse) is None and not is_replaced(spec.name, each.inverse):
        yield f"names the inverse {each.inverse!r}, which is no verb or operation of {spec.name!r}"
    if strange := set(each.columns) - set(spec.table.c.keys()):
        yield f"names the columns {sorted(strange)}, which {spec.name!r} does not have"
    states = {member.value for member in spec.state.options} if spec.state else set()
    if each.states and not set(each.states) <= states:
        yield f"is offered in the states {sorted(set(each.states) - states)}, which {spec.name!r} does not have"
    yield from _reason_problems(spec, each)
    if each.approval is not None:
        rule = each.approval
        moved = {rule.waiting, rule.rejected, rule.returned, *rule.stands.values()} - {""}
        if not moved <= states:
            yield f"moves to the states {sorted(moved - states)} while it is decided, which {spec.name!r} does not have"


def _reason_problems(spec: Spec, each: Verb) -> Iterator[str]:
    """A reason that a field keeps, of which the verb does not say so, would be told by the history whoever sees the field."""
    known = registry()
    for path in each.reason_in:
        entity, _, key = path.partition(".")
        if entity not in known or key not in known[entity].fields:
            yield f"keeps its reason in {path!r}, which is no field"
    kept = {key for key in each.columns if key.endswith(_REASON)}
    if unsaid := sorted(key for key in kept if f"{spec.name}.{key}" not in each.reason_in):
        yield f"writes {unsaid}: name it in reason_in, so that the history tells the reason to whom the field is told"
