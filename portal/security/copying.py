"""Reading past the session by COPY, with the gate's criteria in the statement's own text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import psycopg
from sqlalchemy import Select
from sqlalchemy.orm import Session

from portal.engine.store import WITH_DELETED
from portal.security.session import GateError, gate, principal_of

_BLOCK = 64 * 1024
"""Bytes of one piece of a streamed file."""


def copied(session: Session, statement: Select[Any]) -> Iterator[bytes]:
    """The rows of a SELECT of texts as CSV, under the session's scope as everywhere, streamed in blocks by COPY."""
    compiled = _scoped(session, statement).compile(session.connection(), compile_kwargs={"render_postcompile": True})
    process: Any = compiled._bind_processors  # noqa: SLF001 - what the driver would be given
    given = {key: process[key](value) if key in process else value for key, value in (compiled.params or {}).items()}
    driver = cast("psycopg.Connection[Any]", session.connection().connection.driver_connection)
    with driver.cursor() as cursor, cursor.copy(f"COPY ({compiled}) TO STDOUT (FORMAT csv)".encode(), given) as rows:
        block = bytearray()
        for row in rows:
            block += row
            if len(block) > _BLOCK:
                yield bytes(block)
                block.clear()
        yield bytes(block)


def _scoped(session: Session, statement: Select[Any]) -> Select[Any]:
    """The statement with its scope attached, for what is not executed by the session."""
    principal = principal_of(session)
    if principal.is_system:
        return statement
    found = gate.verdict(statement)
    if found.detour:
        raise GateError(found.detour)
    with_deleted = bool(statement.get_execution_options().get(WITH_DELETED))
    return statement.options(*gate.options(principal, found.touched, with_deleted=with_deleted))
