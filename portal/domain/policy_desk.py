"""The policy desk: every figure with what holds today and what is planned, and one more value from a day on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from portal import models
from portal.domain.calendar import company_day
from portal.domain.report_templates import roles_that_report
from portal.engine import operations, store
from portal.engine.errors import Changed, Invalid, NotAllowed, NotFound, Refused
from portal.engine.fields import BadValue, View
from portal.engine.spec import spec_of
from portal.engine.text import LANGUAGES, Language, Text, pick
from portal.handbook.areas import AREAS
from portal.handbook.choices import Roles
from portal.handbook.definition import Area, Beside, PolicyDefinition
from portal.policies import POLICIES, makes_sense
from portal.security.principal import Principal
from portal.security.roles import role_label

_PAST = Text("只能从今天或以后的一天起算。 | It can count from today on or from a later day.")
_SAME = Text("那天本来就是这个值。 | That is its value on that day anyway.")
SHOWN = ("all", "changed", "planned")
"""What the desk can be narrowed to."""


@dataclass(frozen=True, slots=True)
class Dated:
    """A value from a day on, as somebody wrote it."""

    id: int
    version: int
    key: str
    on: date
    text: str
    reason: str
    by: str
    at: datetime

    @property
    def makes_sense(self) -> bool:
        """What does not counts as if it were not there."""
        return makes_sense(self.key, self.text)


@dataclass(frozen=True, slots=True)
class Line:
    """One figure on a day; `rows` are all that was written of it, by the day they count from."""

    policy: PolicyDefinition
    today: date
    rows: tuple[Dated, ...]

    def on(self, day: date) -> Dated | None:
        """What counts from this very day on."""
        return next((row for row in self.rows if row.on == day), None)

    def at(self, day: date) -> Dated | None:
        """What somebody wrote that holds on a day; None: the default holds."""
        return next((row for row in reversed(self.rows) if row.on <= day and row.makes_sense), None)

    def text_at(self, day: date) -> str:
        """What holds on a day, as it is stored."""
        held = self.at(day)
        return held.text if held else self.policy.default

    @property
    def in_force(self) -> Dated | None:
        return self.at(self.today)

    @property
    def text(self) -> str:
        """What holds today, as it is stored."""
        return self.text_at(self.today)

    @property
    def changed(self) -> bool:
        """Whether it is another value than the one the portal came with."""
        return bool(self.policy.read(self.text) != self.policy.read(self.policy.default))

    @property
    def planned(self) -> tuple[Dated, ...]:
        """What holds from later days on."""
        return tuple(row for row in self.rows if row.on > self.today)

    @property
    def past(self) -> tuple[Dated, ...]:
        """What has begun, the newest first."""
        return tuple(row for row in reversed(self.rows) if row.on <= self.today)

    @property
    def stamp(self) -> str:
        """Another one as soon as anybody has written of it."""
        return ".".join(f"{row.id}-{row.version}" for row in self.rows)

    def told(self, language: Language, row: Dated | None = None) -> str:
        """Today's value in words, or a row's; as it is written where it makes no sense."""
        text = self.text if row is None else row.text
        return self.policy.tell(text, language) if row is None or row.makes_sense else text


@dataclass(frozen=True, slots=True)
class Group:
    """Lines of an area, and the pages beside it that the reader may open."""

    area: Area
    lines: tuple[Line, ...]
    beside: tuple[Beside, ...]


@dataclass(frozen=True, slots=True)
class Desk:
    """What is shown, and of how many figures each way of narrowing shows."""

    groups: tuple[Group, ...]
    counts: Mapping[str, int]


# what stands there --------------------------------------------------------------------------------


def desk(reader: Principal, *, now: datetime, words: str = "", shown: str = "all") -> Desk:
    """Every figure by area, narrowed to those that hold all the words, and to those changed or planned; one statement."""
    written: dict[str, list[Dated]] = {}
    for row in _written():
        written.setdefault(row.key, []).append(row)
    today, groups, counts = company_day(now), [], dict.fromkeys(SHOWN, 0)
    for area in AREAS:
        lines = [Line(each, today, tuple(written.get(each.key, ()))) for each in area.policies]
        found = [line for line in lines if _holds(area, line, words)]
        kept = {"all": found, "changed": [line for line in found if line.changed], "planned": [line for line in found if line.planned]}
        counts = {each: counts[each] + len(kept[each]) for each in SHOWN}
        if kept[shown]:
            groups.append(Group(area, tuple(kept[shown]), beside(area, reader)))
    return Desk(tuple(groups), counts)


def line_of(key: str, *, now: datetime) -> tuple[Area, Line]:
    """One figure and its area. Raises `NotFound` for a key that names none."""
    if key not in POLICIES:
        raise NotFound
    area = next(each for each in AREAS if POLICIES[key] in each.policies)
    return area, Line(POLICIES[key], company_day(now), tuple(_written(key)))


def beside(area: Area, reader: Principal) -> tuple[Beside, ...]:
    """The pages beside an area that the reader may open."""
    return tuple(each for each in area.beside if reader.may(each.permission))


def options(policy: PolicyDefinition, ticked: Iterable[str]) -> list[tuple[str, str]]:
    """What its editor offers; of roles those there are, and those that are named though they are gone."""
    if not isinstance(policy.kind, Roles):
        return list(policy.kind.options)
    names = [*roles_that_report(), *ticked]
    return [(name, role_label(name)) for name in dict.fromkeys(names)]


def _written(key: str = "") -> Iterable[Dated]:
    row, person = models.Policy, models.User
    wanted = (
        select(row.id, row.version, row.key, row.effective_on, row.value, row.reason, person.name, row.changed_at)
        .outerjoin(person, person.id == row.changed_by_id)
        .where(row.deleted_at.is_(None), row.key == key if key else row.key.in_(list(POLICIES)))
        .order_by(row.effective_on, row.id)
    )
    for id_, version, name, on, text, reason, by, at in store.session().execute(wanted):
        if on is not None:
            yield Dated(id_, version, name, on, text, reason, by or "", at)


def _holds(area: Area, line: Line, words: str) -> bool:
    policy = line.policy
    pairs = (area.label, policy.label, policy.about, policy.clause)
    said = [policy.key, line.text, *(pick(each, language) for each in pairs for language in LANGUAGES)]
    said += [line.told(language) for language in LANGUAGES]
    text = "\n".join(said).casefold()
    return all(word in text for word in words.casefold().split())


# what is written ----------------------------------------------------------------------------------


def put(key: str, given: Mapping[str, Any], seen: str, *, acting_user: Principal, now: datetime) -> int:
    """One more value from a day on, or another one for a day that has one: returns its row.

    `given` are value, effective_on and reason as they were typed; `seen` is the stamp of the line they were typed on.
    """
    _area, line = line_of(key, now=now)
    if line.stamp != seen:
        raise Changed
    spec, session = spec_of(models.Policy), store.session()
    values = _checked(line, {"key": key, **given})
    there = line.on(values["effective_on"])
    if there is None:
        _require(acting_user, "create")
        return int(operations.create(session, spec, values, acting_user=acting_user, now=now).id)
    _require(acting_user, "edit")
    record = session.get_one(models.Policy, there.id)
    operations.change(session, spec, record, values, version=there.version, acting_user=acting_user, now=now)
    return there.id


def take_back(key: str, row_id: int, *, acting_user: Principal, now: datetime) -> None:
    """What is planned and has not begun is dropped; it lies in the bin, where it can be restored."""
    _require(acting_user, "delete")
    _area, line = line_of(key, now=now)
    row = next((each for each in line.rows if each.id == row_id), None)
    if row is None:
        raise NotFound
    if row not in line.planned:
        raise Refused(
            "它已经起算，不能收回；要改就从今天起写一个新值。"
            " | It counts already and cannot be taken back. Write another value from today on.",
            rule="begun",
        )
    session = store.session()
    operations.remove(session, spec_of(models.Policy), session.get_one(models.Policy, row_id), acting_user=acting_user, now=now)


def _checked(line: Line, given: Mapping[str, Any]) -> dict[str, Any]:
    """The typed values; whatever is wrong is told at once, each beside its field."""
    spec = spec_of(models.Policy)
    values: dict[str, Any] = {}
    errors: dict[str, Text] = {}
    try:
        values = operations.parse(spec, given, fields=spec.form, view=View(), whole=True)
    except Invalid as wrong:
        errors |= wrong.errors
    try:
        value = line.policy.read(str(given["value"]).strip())
    except BadValue as error:
        errors["value"] = error.text
    if "effective_on" not in errors:
        on = spec.field("effective_on").parse(given["effective_on"])
        if on < line.today:
            errors["effective_on"] = _PAST
        elif "value" not in errors and line.on(on) is None and value == line.policy.read(line.text_at(on)):
            errors["value"] = _SAME
    if errors:
        raise Invalid(errors)
    return values


def _require(who: Principal, verb: str) -> None:
    if not who.may(f"policy:{verb}"):
        raise NotAllowed
