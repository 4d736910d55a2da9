"""Policies as an administrator writes them: a figure that nothing could work with is refused by whatever door it comes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from portal import models
from portal.engine import store
from portal.engine.errors import Invalid
from portal.engine.fields import BadValue
from portal.engine.importing import Importer, importer
from portal.engine.operations import operation
from portal.engine.text import Text
from portal.policies import POLICIES, makes_sense
from portal.security.principal import Principal

_UNKNOWN = "没有这项政策。 | There is no such policy."
_STRANGE = "这项政策不能是这个值；默认是 {default}。 | This policy cannot have this value. The default is {default}."


@operation("policy", "create")
def create(values: Mapping[str, Any], *, acting_user: Principal, now: datetime) -> models.Policy:
    """One more figure from a day on."""
    return _kept(models.Policy(**values))


@operation("policy", "change")
def change(record: models.Policy, values: Mapping[str, Any], *, acting_user: Principal, now: datetime) -> models.Policy:
    """Another figure, or another day."""
    for key, value in values.items():
        setattr(record, key, value)
    return _kept(record)


def _kept(policy: models.Policy) -> models.Policy:
    if found := _fault(policy.key, policy.value):
        key, why = found
        raise Invalid({key: why})
    session = store.session()
    session.add(policy)
    session.flush()
    return policy


def _fault(key: str, value: str) -> tuple[str, Text] | None:
    """The field that is wrong, and what is wrong with it."""
    if key not in POLICIES:
        return "key", Text(_UNKNOWN)
    return None if makes_sense(key, value) else ("value", Text(_STRANGE, default=POLICIES[key].default))


@importer("policy")
class Policies(Importer):
    """A row whose figure makes no sense is refused with the reason, the others come in."""

    changes = True

    def derive(self, values: dict[str, Any]) -> None:
        """Nothing is derived; both have to go together."""
        if found := _fault(values.get("key") or "", values.get("value") or ""):
            raise BadValue(found[1].template, **found[1].facts)
