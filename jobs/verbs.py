"""Verbs on many records, as the person who asked, in chunks that survive a crash."""

from portal.engine.work import RunHandle, work
from portal.security.bulk import run_in_chunks


@work("verb")
def run_verb(run: RunHandle) -> None:
    """Arguments: entity, verb, ids, seen_at, form."""
    run_in_chunks(run)
