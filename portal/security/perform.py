"""Runs a verb as somebody: permission, state, scope for the flush checks, one human audit line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from portal.engine.errors import NotAllowed
from portal.engine.verbs import Outcome, Verb
from portal.security.principal import Principal


@contextmanager
def acting_as(session: Session, verb: Verb, reason: str = "") -> Iterator[None]:
    """The gate's checks follow the verb while it runs."""
    before = {key: session.info.get(key) for key in ("verb", "verb_name", "reason")}
    session.info.update(verb=verb, verb_name=verb.name, reason=reason, changed_columns={})
    try:
        yield
        session.flush()
    finally:
        session.info.update(before)


def perform(session: Session, verb: Verb, records: Sequence[Any], *, acting_user: Principal, now: datetime, **form: Any) -> Outcome:
    """Call the verb's function in the caller's unit of work."""
    if not acting_user.may(verb.permission):
        raise NotAllowed
    with acting_as(session, verb, str(form.get("reason") or "")):
        return verb.function(records, acting_user=acting_user, now=now, **form)
