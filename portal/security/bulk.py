"""A verb on many chosen rows: re-check each against what was previewed, then run it in one transaction or in chunks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.engine.errors import Changed, NotFound
from portal.engine.spec import Spec
from portal.engine.verbs import Outcome, Verb
from portal.security.perform import acting_as, perform
from portal.security.principal import Principal

CHUNK = 500


@dataclass(frozen=True, slots=True)
class Selection:
    """Chosen ids, and when the person saw them (rows changed since are refused by name)."""

    ids: tuple[int, ...] = ()
    seen_at: datetime | None = None


def perform_selection(
    session: Session, spec: Spec, verb: Verb, selection: Selection, *, acting_user: Principal, now: datetime,
    form: Mapping[str, Any],
) -> Outcome:
    """Run a verb on a selection in the open unit of work; hidden rows are refused like missing ones."""
    current, refused = _recheck(session, spec, selection)
    if verb.by_id:
        with acting_as(session, verb, str(form.get("reason") or "")):
            outcome = verb.function(current, acting_user=acting_user, now=now, **form)
    else:
        rows = list(session.scalars(select(spec.model).where(spec.model.id.in_(current)).order_by(spec.model.id)))
        outcome = perform(session, verb, rows, acting_user=acting_user, now=now, **form)
    outcome.refused.extend(refused)
    return outcome


def _recheck(session: Session, spec: Spec, selection: Selection) -> tuple[list[int], list[tuple[int, Any]]]:
    """(ids still as they were seen, refusals for those hidden or changed since)."""
    if not hasattr(spec.model, "changed_at"):
        found = dict.fromkeys(session.scalars(select(spec.model.id).where(spec.model.id.in_(selection.ids))))
        return [i for i in selection.ids if i in found], [(i, NotFound()) for i in selection.ids if i not in found]
    rows = session.execute(select(spec.model.id, spec.model.changed_at).where(spec.model.id.in_(selection.ids)))
    seen: dict[int, datetime] = dict(rows.tuples().all())
    fresh: list[int] = []
    refused: list[tuple[int, Any]] = []
    for each in selection.ids:
        if each not in seen:
            refused.append((each, NotFound()))
        elif selection.seen_at is not None and seen[each] > selection.seen_at:
            refused.append((each, Changed()))
        else:
            fresh.append(each)
    return fresh, refused


def chunks(ids: Sequence[int]) -> list[tuple[int, ...]]:
    """Pieces small enough for one short transaction each."""
    return [tuple(ids[i : i + CHUNK]) for i in range(0, len(ids), CHUNK)]
