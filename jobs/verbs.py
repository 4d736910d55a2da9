"""Verbs on many records and their undo, as the person who asked, in chunks that survive a crash."""

from portal.domain.batches import run_in_parts
from portal.engine.work import RunHandle, work
from portal.security.bulk import run_in_chunks


@work("verb")
def run_verb(run: RunHandle) -> None:
    """Arguments: entity, verb, ids, seen_at, form."""
    run_in_chunks(run)


@work("undo")
def run_undo(run: RunHandle) -> None:
    """Arguments: entity, batches (id → its rows)."""
    run_in_parts(run)
