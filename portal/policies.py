"""The figure in force on a day: the default of `portal.handbook`, until a `policy` row from that day on says otherwise."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.engine import store
from portal.entities.organisation import Policy
from portal.handbook.areas import AREAS

POLICIES = {each.key: each for area in AREAS for each in area.policies}

Rows = dict[str, list[tuple[date, str]]]
_kept: list[tuple[str, Rows]] = []
"""The rows of the newest stamp this process has seen."""


def stamp() -> Any:
    """A scalar subquery that moves with every change of a policy; identity reads it with the person."""
    table = Policy.__table__
    return select(
        func.concat_ws(":", func.current_database(), func.count(table.c.id), func.max(table.c.changed_at), func.sum(table.c.version))
    ).scalar_subquery()


def policy(key: str, *, on: date) -> Any:
    """The value in force on a day. Rows are kept per process while the stamp of the request stands, else per session."""
    return POLICIES[key].read(policy_text(key, on=on))


def policy_text(key: str, *, on: date) -> str:
    """The same as it is written."""
    text = POLICIES[key].default
    for effective_on, value in _rows(store.session()).get(key, ()):
        if effective_on <= on:
            text = value
    return text


def makes_sense(key: str, text: str) -> bool:
    """Whether a policy can say this. What cannot, whichever door it came by, counts as if it were not there."""
    try:
        POLICIES[key].read(text)
    except (KeyError, ValueError):
        return False
    return True


def _rows(session: Session) -> Rows:
    stood: str | None = session.info.get("policy_stamp")
    for kept, rows in tuple(_kept):
        if kept == stood:
            return rows
    if "policies" not in session.info:
        session.info["policies"] = _read(session)
        if stood is not None:
            _kept[:] = [(stood, session.info["policies"])]
    found: Rows = session.info["policies"]
    return found


def _read(session: Session) -> Rows:
    rows: Rows = {}
    found = select(Policy.key, Policy.effective_on, Policy.value).where(Policy.deleted_at.is_(None))
    for name, effective_on, value in session.execute(found.order_by(Policy.effective_on)):
        if effective_on is not None and makes_sense(name, value):
            rows.setdefault(name, []).append((effective_on, value))
    return rows
