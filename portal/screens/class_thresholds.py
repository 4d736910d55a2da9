"""What other thresholds of the class review would propose today, beside those in force; nothing is written here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import render_template, request
from flask_appbuilder import BaseView, expose

from portal.domain import class_review
from portal.domain.calendar import company_day
from portal.domain.class_review import Thresholds
from portal.domain.customers import NO_CLASS
from portal.engine.clock import clock
from portal.engine.errors import NotAllowed
from portal.engine.fields import BadValue
from portal.engine.given import refuse_unknown
from portal.engine.text import Text
from portal.entities.customers import CustomerClass
from portal.handbook.definition import PolicyDefinition
from portal.policies import POLICIES, policy_text
from portal.security.seeing import seen
from portal.web import records

PERMISSION = "policy_desk:read"
KEYS = tuple(Thresholds.__dataclass_fields__)
_PREFIX = "class."


@dataclass(frozen=True, slots=True)
class Asked:
    """One threshold of the form: as it is in force, as it is tried, and what is wrong with that."""

    key: str
    definition: PolicyDefinition
    in_force: str
    text: str
    error: Text | None

    @property
    def changed(self) -> bool:
        return self.text != self.in_force and not self.error

    @property
    def href(self) -> str:
        """The editor of the policy that would put it in force from a day on."""
        return f"/policies/{self.definition.key}?{urlencode({'value': self.text})}"


@dataclass(frozen=True, slots=True)
class Moved:
    """Customers who would go from one class to another: as tried, and as in force."""

    was: str
    becomes: str
    tried: int
    in_force: int


class ClassThresholdsView(BaseView):  # type: ignore[misc]
    """Counts over the whole company, for who sets its figures and sees all its customers and all that they buy: other
    thresholds tried one after the other tell any figure that they are held against."""

    route_base = "/class-thresholds"
    endpoint = "ClassThresholdsView"
    default_view = "tried"

    @expose("/")
    def tried(self) -> str:
        _require()
        refuse_unknown(request.args, KEYS)
        asked = _asked(request.args)
        wrong = any(each.error for each in asked)
        return render_template(
            "class_thresholds.html",
            asked=asked,
            quarter=class_review.quarter_of(clock.now()).key,
            rows=() if wrong else _moved(asked),
            wrong=wrong,
            classes={"": NO_CLASS, **{each.value: each.label for each in CustomerClass}},
        )


def _require() -> None:
    who = records.admit(PERMISSION)
    if not all("all" in who.to(each).read for each in ("customer", "opportunity")) or not seen(*class_review.READ):
        raise NotAllowed


def _asked(given: Mapping[str, str]) -> tuple[Asked, ...]:
    today, found = company_day(clock.now()), []
    for key in KEYS:
        definition = POLICIES[_PREFIX + key]
        in_force = policy_text(definition.key, on=today)
        text = given.get(key, in_force).strip()
        found.append(Asked(key, definition, in_force, text, _problem(definition, text)))
    return tuple(found)


def _problem(definition: PolicyDefinition, text: str) -> Text | None:
    try:
        definition.read(text)
    except BadValue as error:
        return error.text
    return None


def _moved(asked: tuple[Asked, ...]) -> tuple[Moved, ...]:
    tried, in_force = (_counted({each.key: each.definition.read(text(each)) for each in asked}) for text in (_text, _in_force))
    return tuple(Moved(was, to, tried[was, to], in_force[was, to]) for was, to in sorted(tried | in_force))


def _counted(values: Mapping[str, Any]) -> Counter[tuple[str, str]]:
    return class_review.tried(class_review.quarter_of(clock.now()), Thresholds(**values))


def _text(each: Asked) -> str:
    return each.text


def _in_force(each: Asked) -> str:
    return each.in_force
