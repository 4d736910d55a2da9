"""What the database says, as one line a table: after a refused request it must say the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text

from tests.cast import Cast

_MOVING = frozenset({"login_session", "sign_in_limit", "alembic_version"})
"""They move with every request or sign-in, allowed or not."""
_KEPT_ANYHOW = {"audit_event": " WHERE verb NOT IN ('duplicate_check', 'denied')"}
"""That somebody asked for duplicates, or for what he may not, is kept whatever becomes of it."""
_statements: list[str] = []


def _statement(cast: Cast) -> str:
    """One SELECT of every table's rows, digested: records, owners, history, notices, mails, jobs, files, rights."""
    if not _statements:
        with cast.session_factory() as session:
            found = session.connection().execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"))
            tables = [name for name in found.scalars() if name not in _MOVING]
        digest = "md5(coalesce(string_agg(t::text, '|' ORDER BY t::text COLLATE \"C\"), ''))"
        _statements.append(
            " UNION ALL ".join(f"SELECT '{name}', count(*), {digest} FROM {name} t{_KEPT_ANYHOW.get(name, '')}" for name in tables)
        )
    return _statements[0]


def fingerprint(cast: Cast) -> dict[str, tuple[int, str]]:
    """Every table's number of rows and digest."""
    with cast.session_factory() as session:
        return {name: (count, digest) for name, count, digest in session.connection().execute(text(_statement(cast)))}


def moved(before: dict[str, tuple[int, str]], after: dict[str, tuple[int, str]]) -> list[str]:
    """Tables that differ."""
    return [name for name in after if after[name] != before[name]]


@contextmanager
def untouched(cast: Cast, what: str) -> Iterator[None]:
    """Nothing in the database moves meanwhile."""
    before = fingerprint(cast)
    yield
    changed = moved(before, fingerprint(cast))
    assert not changed, f"{what} changed {changed}"
