"""Runs a verb as somebody: permission, state, scope for the flush checks, one human audit line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from portal.engine.errors import NotAllowed
from portal.engine.operations import clash_named
from portal.engine.verbs import Outcome, Verb
from portal.security.principal import Principal

Interceptor = Callable[..., tuple[list[int], Outcome]]
"""`(session, verb, ids, *, acting_user, now, form)` → (ids to be done at once, what was done with the others instead)."""
_SAID = ("verb", "verb_name", "reason")
_interceptors: list[Interceptor] = []


def intercept(function: Interceptor) -> Interceptor:
    """Look at every verb on every record before it is done (what is locked, what others decide first)."""
    _interceptors.append(function)
    return function


def before_doing(
    session: Session, verb: Verb, ids: Sequence[int], *, acting_user: Principal, now: datetime, form: Mapping[str, Any]
) -> tuple[list[int], Outcome]:
    """What is left to be done now, and what happened to the rest."""
    left, total = list(ids), Outcome()
    for each in _interceptors:
        left, dealt = each(session, verb, left, acting_user=acting_user, now=now, form=form)
        total.done += dealt.done
        total.refused += dealt.refused
        total.message = dealt.message or total.message
    return left, total


@contextmanager
def acting_as(session: Session, verb: Verb, reason: str = "") -> Iterator[None]:
    """The gate's checks follow the verb while it runs."""
    before = {key: session.info[key] for key in _SAID if key in session.info}
    session.info.update(verb=verb, verb_name=verb.name, reason=reason, changed_columns={})
    try:
        with clash_named():
            yield
            session.flush()
    finally:
        for key in _SAID:
            session.info.pop(key, None)
        session.info.update(before)


def perform(session: Session, verb: Verb, records: Sequence[Any], *, acting_user: Principal, now: datetime, **form: Any) -> Outcome:
    """Call the verb's function in the caller's unit of work."""
    if not acting_user.may(verb.permission):
        raise NotAllowed
    with acting_as(session, verb, str(form.get("reason") or "")):
        return verb.function(records, acting_user=acting_user, now=now, **form)
