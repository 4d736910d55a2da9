"""Policies as an administrator writes them: a figure that nothing could work with is refused by whatever door it comes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select

from portal import models
from portal.engine import store
from portal.engine.errors import Invalid
from portal.engine.fields import BadValue
from portal.engine.importing import Importer, importer
from portal.engine.operations import operation
from portal.engine.text import Text
from portal.policies import POLICIES
from portal.security.principal import Principal

_UNKNOWN = "没有这项制度参数。 | There is no such policy."


@operation("policy", "create")
def create(values: Mapping[str, Any], *, acting_user: Principal, now: datetime) -> models.Policy:
    """One more figure from a day on. Where one for that day was taken back, it comes out of the bin as the new one."""
    policy = _taken_back(values) or models.Policy()
    policy.deleted_at = None
    return _kept(policy, values)


def _taken_back(values: Mapping[str, Any]) -> models.Policy | None:
    policy, session = models.Policy, store.session()
    same = policy.key == values["key"], policy.effective_on == values["effective_on"], policy.deleted_at.is_not(None)
    found: models.Policy | None = session.scalars(select(policy).where(*same).execution_options(**{store.WITH_DELETED: True})).one_or_none()
    if found is not None:
        session.info["verb_name"] = "restore"
    return found


@operation("policy", "change")
def change(record: models.Policy, values: Mapping[str, Any], *, acting_user: Principal, now: datetime) -> models.Policy:
    """Another figure, or another day."""
    return _kept(record, values)


def _kept(policy: models.Policy, values: Mapping[str, Any]) -> models.Policy:
    for key, value in values.items():
        setattr(policy, key, value)
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
    try:
        POLICIES[key].read(value)
    except BadValue as error:
        return "value", error.text
    return None


@importer("policy")
class Policies(Importer):
    """A row whose figure makes no sense is refused with the reason, the others come in."""

    changes = True

    def derive(self, values: dict[str, Any]) -> None:
        """Nothing is derived; both have to go together."""
        if found := _fault(values.get("key") or "", values.get("value") or ""):
            raise BadValue(found[1].template, **found[1].facts)
