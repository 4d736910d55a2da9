"""A verb on many chosen rows: re-check each against what was previewed, then run it in one transaction or in chunks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from portal.engine.errors import Changed, NotAllowed, NotFound
from portal.engine.query.among import among
from portal.engine.spec import Spec, spec_named
from portal.engine.text import LANGUAGES, Text
from portal.engine.verbs import Outcome, Verb, verb_named
from portal.engine.work import RunHandle
from portal.security import scopes
from portal.security.perform import acting_as, before_doing, perform
from portal.security.principal import Principal
from portal.security.refusals import REFUSED, Refusals

CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Selection:
    """Chosen ids, and when the person saw them (rows changed since are refused by name)."""

    ids: tuple[int, ...] = ()
    seen_at: datetime | None = None


def perform_selection(
    session: Session, spec: Spec, verb: Verb, selection: Selection, *, acting_user: Principal, now: datetime, form: Mapping[str, Any]
) -> Outcome:
    """Run a verb on a selection in the open unit of work; hidden rows are refused like missing ones."""
    if not acting_user.may(verb.permission):
        raise NotAllowed
    current, refused = _recheck(session, spec, verb, selection)
    left, dealt = before_doing(session, verb, current, acting_user=acting_user, now=now, form=form)
    if left or not current:
        outcome = _do(session, spec, verb, left, acting_user=acting_user, now=now, form=form)
        dealt.message = dealt.message or outcome.message
        outcome.done, outcome.message = [*dealt.done, *outcome.done], dealt.message
    else:
        outcome = dealt
    outcome.refused = [*outcome.refused, *(dealt.refused if outcome is not dealt else ()), *refused]
    return outcome


def _do(
    session: Session, spec: Spec, verb: Verb, ids: Sequence[int], *, acting_user: Principal, now: datetime, form: Mapping[str, Any]
) -> Outcome:
    if verb.by_id:
        with acting_as(session, verb, str(form.get("reason") or "")):
            return verb.function(ids, acting_user=acting_user, now=now, **form)
    wanted = select(spec.model).where(among(spec.model.id, ids), *_taken(spec, verb, acting_user)).order_by(spec.model.id)
    rows = list(session.scalars(wanted))
    outcome = perform(session, verb, rows, acting_user=acting_user, now=now, **form)
    taken = {row.id for row in rows}
    outcome.refused += [(each, NotFound()) for each in ids if each not in taken]
    return outcome


def _taken(spec: Spec, verb: Verb, acting_user: Principal) -> list[ColumnElement[bool]]:
    """Which rows the verb takes: also one that changes nothing in them (a reminder) is for these only."""
    if spec.scope != "owner" or acting_user.is_system:
        return []
    return [scopes.criterion(spec, verb.takes, acting_user, spec.model)]


def _recheck(session: Session, spec: Spec, verb: Verb, selection: Selection) -> tuple[list[int], list[tuple[int, Any]]]:
    """(ids still as they were seen, refusals for those hidden or changed since)."""
    if not hasattr(spec.model, "changed_at"):
        found = dict.fromkeys(session.scalars(select(spec.model.id).where(among(spec.model.id, selection.ids))))
        return [i for i in selection.ids if i in found], [(i, verb.gone()) for i in selection.ids if i not in found]
    rows = session.execute(select(spec.model.id, spec.model.changed_at).where(among(spec.model.id, selection.ids)))
    seen: dict[int, datetime] = dict(rows.all())
    fresh: list[int] = []
    refused: list[tuple[int, Any]] = []
    for each in selection.ids:
        if each not in seen:
            refused.append((each, verb.gone()))
        elif selection.seen_at is not None and seen[each] > selection.seen_at:
            refused.append((each, Changed()))
        else:
            fresh.append(each)
    return fresh, refused


def run_in_chunks(run: RunHandle) -> None:
    """The body of a long verb: one transaction a chunk, progress with it, resumed after a crash where it stopped."""
    spec, given = spec_named(run.arguments["entity"]), run.arguments
    verb = verb_named(spec.name, given["verb"])
    if verb is None or not run.principal.may(verb.permission):
        raise NotAllowed
    ids: list[int] = given["ids"]
    form = {each.key: each.parse(given["form"].get(each.key)) for each in verb.form}
    seen_at = datetime.fromisoformat(given["seen_at"]) if given["seen_at"] else None
    tally = Tally(**run.memo)
    for start in range(tally.next, len(ids), CHUNK):
        if run.cancelled():
            break
        part = Selection(tuple(ids[start : start + CHUNK]), seen_at)
        with run.unit_of_work() as session:
            # Every chunk continues the first one's batch: one Undo, and each receiver is told once.
            session.info["batch_id"] = tally.batches[0] if tally.batches else None
            tally.add(session, spec, perform_selection(session, spec, verb, part, acting_user=run.principal, now=run.now, form=form))
            tally.next = start + len(part.ids)
            run.memo = asdict(tally)
            run.progress(tally.next, len(ids))
    run.finish(tally.told(spec))


@dataclass(slots=True)
class Tally:
    """What a long run has done so far; kept in its memo."""

    next: int = 0
    done: int = 0
    batches: list[int] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)

    def add(self, session: Session, spec: Spec, outcome: Outcome) -> None:
        self.done += len(outcome.done)
        if outcome.batch_id is not None and outcome.batch_id not in self.batches:
            self.batches.append(outcome.batch_id)
        self.refused = Refusals(self.refused).add(session, spec, outcome).plain()

    def told(self, spec: Spec) -> dict[str, Any]:
        """The result as the tray shows it, in both languages."""
        undo = f"/{spec.name}/undo/{','.join(map(str, self.batches))}" if self.batches else ""
        return told(Text("完成 {done} 条 | {done} done", done=self.done), Refusals(self.refused), href=f"/{spec.name}/", undo_href=undo)


def told(text: Text, refused: Refusals, *, href: str, undo_href: str = "") -> dict[str, Any]:
    """The result of a run: what was done, why the rest was not, and which rows those are."""
    words = {lang: "; ".join([text.in_(lang), *refused.told(lang)]) for lang in LANGUAGES}
    return {"text": words, "href": href, "undo_href": undo_href, **({REFUSED: refused.plain()} if refused else {})}
