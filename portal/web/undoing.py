"""Undo of bulk verbs: rows untouched since are restored, the rest are listed with reasons; as a job when it is long."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flask import Response
from sqlalchemy.orm import Session

import jobs
from portal.domain import batches
from portal.domain.calendar import company_day
from portal.engine import operations, work
from portal.engine.errors import NotFound
from portal.engine.given import id_of
from portal.engine.spec import Spec
from portal.engine.text import Text
from portal.engine.verbs import Outcome
from portal.policies import policy
from portal.web import actions, records, results


def page(spec: Spec, given: str) -> Response:
    """Take batches (`12` or `12,13`) back."""
    wanted = [id_of(part) for part in given.split(",")]
    known = [each for each in wanted if each is not None]
    if len(known) < len(wanted):
        raise NotFound
    with records.writing() as (session, now):
        if (run_id := long_run(session, spec, known, now)) is None:
            outcome = at_once(session, spec, known, now)
            text = outcome.message or batches.undone(len(outcome.done))
            refused, where = results.kept(session, spec, _label(spec, len(outcome.done) + len(outcome.refused)), outcome, text, now)
    if run_id is not None:
        jobs.enqueue(run_id)
        return actions.started(run_id)
    tone = "warn" if refused and not outcome.done else ""
    toast = actions.toast_of(actions.said(text), refused, where, tone=tone)
    return actions.triggered({"portal:toast": toast, **actions.onward(outcome)}, 200)


def at_once(session: Session, spec: Spec, wanted: Sequence[int], now: datetime) -> Outcome:
    """In the open transaction."""
    outcome = Outcome()
    for batch_id in wanted:
        part: Outcome = operations.undo(session, spec, batch_id, acting_user=records.principal(), now=now)
        outcome.done += part.done
        outcome.refused += part.refused
        outcome.href, outcome.message = part.href, part.message
    return outcome


def long_run(session: Session, spec: Spec, wanted: Sequence[int], now: datetime) -> int | None:
    """The job that does it, asked for in the open transaction; None where it is short enough to be done at once."""
    rows = {batch_id: batches.rows_of(spec.name, batch_id) for batch_id in wanted}
    total = sum(map(len, rows.values()))
    if total <= policy("bulk.job_above", on=company_day(now)) or not all(rows.values()):
        return None
    for batch_id in wanted:
        batches.check(spec.name, batch_id, acting_user=records.principal())
    return work.ask(
        session,
        kind="undo",
        label=_label(spec, total),
        total=total,
        asked_by_id=records.principal().user_id,
        now=now,
        arguments={"entity": spec.name, "batches": {str(batch_id): ids for batch_id, ids in rows.items()}},
    )


def _label(spec: Spec, count: int) -> Text:
    return Text("撤销：{count} 条{entity} | Undo: {count} {entity}", count=count, entity=spec.plural)
