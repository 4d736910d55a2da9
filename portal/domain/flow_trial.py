"""How one record would go through a draft of a flow today: which steps and why, who gets it, in whose place, and what is odd about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select

from portal.domain import flow_desk, flow_rules
from portal.domain.approval_flows import Flow, figure
from portal.domain.approvals import planned
from portal.domain.approvers import Approver, People
from portal.engine import store
from portal.engine.errors import Refused
from portal.engine.fields import Field, View
from portal.engine.query.listing import condition_of
from portal.engine.spec import Spec, spec_named
from portal.engine.text import LANGUAGES, Text
from portal.engine.verbs import Verb
from portal.security.fields import Rights

Steps = Sequence[Mapping[str, Any]]
_HIDDEN = "（看不到） | (hidden)"
_UNREAD = "第 {n} 步的条件读不出来，不能试走：{why} | The conditions of step {n} cannot be read, so it cannot be tried: {why}"
_UNSEEN = "条件用到了你看不到的内容，不能试走。 | Its conditions ask for what you do not see: it cannot be tried."


@dataclass(frozen=True, slots=True)
class Reason:
    """One condition as this record meets it or not."""

    text: Text
    holds: bool


@dataclass(frozen=True, slots=True)
class Note:
    """What a step does otherwise than its words say; `warn`: an administrator should look at it."""

    text: Text
    warn: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """One step. Nobody is asked in one that does not apply, or that has been agreed to before it begins."""

    label: str
    mode: str
    applies: bool
    reasons: tuple[Reason, ...]
    people: tuple[Approver, ...] = ()
    notes: tuple[Note, ...] = ()
    always: bool = False
    """No flow can leave it out: it comes by itself where none of the steps asks the same people."""


@dataclass(frozen=True, slots=True)
class Trial:
    """The whole way. `problem`: why it cannot be gone."""

    asked_by: int
    facts: tuple[tuple[str, Text], ...]
    stops: tuple[Stop, ...]
    problem: Text | None = None


def run(verb: Verb, steps: Steps, record_id: int, *, now: datetime, view: View, rights: Rights, asked_by: int = 0) -> Trial:
    """Asked for today by one of `flow_desk.askers`, else by the first of them; tells nobody, writes nothing.

    Nothing where the reader sees not all that it is decided by: he would learn of it from where the record goes.
    """
    spec, people = spec_named(verb.entity), People(now)
    may_ask = [person for person, _ in flow_desk.askers(verb, record_id, now=now)]
    owner = asked_by if asked_by in may_ask else may_ask[0] if may_ask else None
    ready = [flow_rules.finished(step) for step in steps]
    if not flow_desk.may_try(spec, ready, record_id):
        return Trial(owner or 0, (), (), Text(_UNSEEN))
    if unread := flow_desk.unread(spec, ready, now=now):
        return Trial(owner or 0, (), (), Text(_UNREAD, n=unread[0][0], why=unread[0][1]))
    added = planned(verb, Flow(verb.entity, verb.name, 0, tuple(ready)), record_id, now=now)[len(ready) :]
    every = [*ready, *added]
    values, met = _asked(spec, every, record_id, now, view)
    told = _Teller(spec, rights, view, now, values)
    try:
        stops = tuple(_way(every, met, told, people, owner or 0, always=len(ready)))
    except Refused as refusal:
        return Trial(owner or 0, told.facts(every), (), refusal.text)
    return Trial(owner or 0, told.facts(every), stops)


def _asked(spec: Spec, steps: Steps, record_id: int, now: datetime, view: View) -> tuple[dict[str, Any], list[list[bool]]]:
    """What the record holds in the fields that are asked for, and which conditions of each step it meets: one statement."""
    conditions = [[(key, how, figure(raw, now)) for key, how, raw in step.get("when", ())] for step in steps]
    keys = list(dict.fromkeys(key for each in conditions for key, _, _ in each))
    asked = [condition_of(spec, spec.field(key), how, raw, view) for each in conditions for key, how, raw in each]
    columns = [*(spec.column(key).label(f"v{n}") for n, key in enumerate(keys)), *(one.label(f"c{n}") for n, one in enumerate(asked))]
    found: Sequence[Any] = [None] * len(columns)
    if columns:
        found = store.session().execute(select(*columns).where(spec.model.id == record_id)).one_or_none() or found
    met = iter(found[len(keys) :])
    return dict(zip(keys, found, strict=False)), [[bool(next(met)) for _ in each] for each in conditions]


@dataclass(frozen=True, slots=True)
class _Teller:
    """Puts the record's values in words, as far as the reader sees them."""

    spec: Spec
    rights: Rights
    view: View
    now: datetime
    values: Mapping[str, Any]

    def value(self, each: Field) -> Text:
        value = self.values.get(each.key)
        if not self.rights.finds(self.spec, each) or each.masked is not None:
            return Text(_HIDDEN)
        if each.is_blank(value):
            return Text("没有填 | empty")
        words = {language: each.words(value, replace(self.view, language=language)) for language in LANGUAGES}
        return Text("{value} | {value}", value=words)

    def facts(self, steps: Steps) -> tuple[tuple[str, Text], ...]:
        keys = dict.fromkeys(key for step in steps for key, _, _ in step.get("when", ()))
        return tuple((self.spec.field(key).label, self.value(self.spec.field(key))) for key in keys)

    def reasons(self, step: Mapping[str, Any], met: Sequence[bool]) -> tuple[Reason, ...]:
        return tuple(self._reason(condition, holds) for condition, holds in zip(step.get("when", ()), met, strict=True))

    def _reason(self, condition: flow_rules.Condition, holds: bool) -> Reason:
        rule, each = flow_rules.told(self.spec, condition, self.now, self.view), self.spec.field(condition[0])
        words = "{name}：{value}，满足“{rule}” | {name}: {value}, meets “{rule}”"
        if not holds:
            words = "{name}：{value}，不满足“{rule}” | {name}: {value}, does not meet “{rule}”"
        return Reason(Text(words, name=each.label, value=self.value(each), rule=rule), holds)


# who --------------------------------------------------------------------------------------------------


def _way(steps: Steps, met: Sequence[Sequence[bool]], told: _Teller, people: People, owner: int, *, always: int) -> Iterator[Stop]:
    """Step by step; `agreed` are those who must have said yes for themselves by then: a deputy's yes is nobody's own."""
    agreed: set[int] = set()
    for number, step in enumerate(steps):
        stop = Stop(str(step["label"]), str(step["mode"]), all(met[number]), told.reasons(step, met[number]), always=number >= always)
        if not stop.applies:
            yield stop
            continue
        named = people.named(step["who"], owner)
        asked = _still_asked(stop.mode, named, agreed)
        who = _tasks(asked, people, owner)
        notes = (*_replaced(step, named, people, owner), *_agreed(named, asked, agreed, people), *_deputies(who, people))
        yield replace(stop, people=who, notes=(*notes, *_alone(stop.mode, named, asked, who, people)))
        if stop.mode != "any" or len(who) == 1:
            agreed |= {each.user_id for each in who if each.for_id is None}


def _still_asked(mode: str, named: Sequence[int], agreed: set[int]) -> list[int]:
    """As the engine asks: where any one is enough nobody once somebody has agreed, else those who have not."""
    if mode == "any":
        return [] if agreed & set(named) else list(named)
    return [person for person in named if person not in agreed]


def _tasks(asked: Sequence[int], people: People, owner: int) -> tuple[Approver, ...]:
    """One a person, as the engine gives them."""
    found: dict[int, Approver] = {}
    for each in (people.standing_in(one, owner) for one in asked):
        found.setdefault(each.user_id, each)
    return tuple(found.values())


def _names(people: People, ids: Sequence[int]) -> dict[str, str]:
    names = [people.name[each] for each in ids]
    return {"zh": "、".join(names), "en": ", ".join(names)}


def _replaced(step: Mapping[str, Any], named: Sequence[int], people: People, owner: int) -> Iterator[Note]:
    """Nobody decides his own, and where nobody is left an administrator does."""
    listed = people.listed(step["who"], owner)
    others = [person for person in listed if person != owner]
    if owner in listed and not others and named == people.above(owner):
        words = "{who}不审自己的，转给上级{names} | {who} does not decide his own: it goes to {names}"
        yield Note(Text(words, who=people.name.get(owner, "—"), names=_names(people, named)))
    elif not others:
        words = "今天没有人能审，转给管理员{names} | Nobody can decide today: it goes to {names}"
        yield Note(Text(words, names=_names(people, named)), warn=True)


def _agreed(named: Sequence[int], asked: Sequence[int], agreed: set[int], people: People) -> Iterator[Note]:
    if twice := [person for person in named if person in agreed]:
        words = "{names}在前面已经同意，不再问 | {names} has agreed before and is not asked again"
        if not asked:
            words = "{names}要同意两次：前面同意了，这一步就自动通过 | {names} would agree twice: it passes by itself"
        yield Note(Text(words, names=_names(people, twice)), warn=not asked)


def _deputies(who: Sequence[Approver], people: People) -> Iterator[Note]:
    for each in who:
        if each.for_id is not None:
            words = "{away}今天由{deputy}代理 | {deputy} stands in for {away} today"
            yield Note(Text(words, away=people.name[each.for_id], deputy=people.name[each.user_id]))


def _alone(mode: str, named: Sequence[int], asked: Sequence[int], who: Sequence[Approver], people: People) -> Iterator[Note]:
    """Several are to agree, and one person is all of them."""
    if mode == "any" or not who or len(who) > 1 or not asked:
        return
    name = people.name[who[0].user_id]
    if len(named) > len(asked):
        return
    words = "要几个人都同意，今天只有{name}一个人 | Several are to agree, and today {name} is the only one"
    if len(asked) > 1:
        words = "{name}一个人要同意两次：几个人的决定只剩他 | {name} would agree twice: of several only one is left"
    yield Note(Text(words, name=name), warn=True)
