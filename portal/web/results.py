"""What became of a bulk verb or its undo: the rows that were refused, kept with the run and read by who started it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from portal.engine import csv_out, store, work
from portal.engine.errors import NotFound
from portal.engine.spec import Spec, spec_named
from portal.engine.text import Text, pick
from portal.engine.verbs import Outcome
from portal.security.bulk import told
from portal.security.refusals import REFUSED, Refusals, refusals
from portal.web import records
from portal.web.language import language

MOST_SHOWN = 50
"""Rows of each reason that the page shows; the file has them all."""


@dataclass(frozen=True, slots=True)
class Group:
    """One reason, and the first rows it holds for: (name, address)."""

    why: str
    count: int
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ResultPage:
    title: str
    crumb: tuple[str, str]
    text: str
    groups: tuple[Group, ...]
    csv_href: str
    most: int = MOST_SHOWN


def kept(session: Session, spec: Spec, label: Text, outcome: Outcome, text: Text, now: datetime) -> tuple[Refusals, str]:
    """What was refused, and where it can be read from now on; in the open transaction."""
    found = refusals(session, spec, outcome)
    if not found:
        return found, ""
    undo = f"/{spec.name}/undo/{outcome.batch_id}" if outcome.batch_id else ""
    run_id = work.note(
        session,
        kind="bulk",
        label=label,
        arguments={"entity": spec.name},
        result=told(text, found, href=f"/{spec.name}/", undo_href=undo),
        done=len(outcome.done),
        total=len(outcome.done) + found.count,
        asked_by_id=records.principal().user_id,
        now=now,
    )
    return found, f"/jobs/{run_id}"


def page_of(run: Any) -> ResultPage:
    """The run as its page tells it; names are those that who reads it sees now."""
    spec, found = _refused(run)
    by_reason: dict[int, list[tuple[str, str]]] = {}
    for record_id, name, reason in found.rows(store.session(), spec):
        rows = by_reason.setdefault(id(reason), [])
        if len(rows) < MOST_SHOWN:
            rows.append((name or f"#{record_id}", f"/{spec.name}/{record_id}" if name else ""))
    return ResultPage(
        title=str(pick(run.label, language())),
        crumb=(str(pick(spec.plural, language())), f"/{spec.name}/"),
        text=Text("{done} 条已处理，{left} 条保持不变 | {done} done, {left} stay as they were", done=run.done, left=found.count).in_(
            language()
        ),
        groups=tuple(Group(each.text[language()], each.count, tuple(by_reason.get(id(each), ()))) for each in found.reasons),
        csv_href=f"/jobs/{run.id}/refused.csv",
    )


def csv_of(run: Any) -> Response:
    """Every refused row with its reason."""
    spec, found = _refused(run)
    said = language()
    head = [str(pick(each, said)) for each in ("编号 | Id", spec.identity.label, "原因 | Why")]

    def rows() -> Iterator[Sequence[object]]:
        yield head
        for record_id, name, reason in found.rows(store.session(), spec):
            yield [record_id, name, reason.text[said]]

    response = Response(b"".join(csv_out.lines(rows())), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{spec.name}-refused-{run.id}.csv"'
    return response


def _refused(run: Any) -> tuple[Spec, Refusals]:
    found = (run.result or {}).get(REFUSED)
    if not found:
        raise NotFound
    return spec_named(run.arguments["entity"]), Refusals(found)
