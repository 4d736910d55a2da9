"""The current session, and the one place that commits (law 4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from portal.engine.errors import PortalError, Refused

_KEPT = "kept"
WITH_DELETED = "with_deleted"
"""Execution option of a statement that reads the bin as well; the gate leaves it out of every other."""

READ_ONLY = "read_only"
"""In a session's info: why it may write nothing."""

_current: ContextVar[Session | None] = ContextVar("portal_session", default=None)
_factory: Callable[[], Session] | None = None


class NestedUnitOfWork(RuntimeError):
    """A unit of work was opened inside another: the inner one could commit half of the outer."""


def with_driver(url: str) -> str:
    """`postgresql://…` as SQLAlchemy must hear it to take psycopg 3."""
    return url.replace("postgresql://", "postgresql+psycopg://", 1).replace("postgres://", "postgresql+psycopg://", 1)


def use_factory(factory: Callable[[], Session]) -> None:
    """Tell the store how a fresh session is made (once, by `create_app`)."""
    global _factory  # noqa: PLW0603
    _factory = factory


def session() -> Session:
    """The session of the running request, job or command."""
    current = _current.get()
    if current is None:
        raise RuntimeError("no session is open: a door must open one")
    return current


def current() -> Session | None:
    """The session a door has opened; None outside of one."""
    return _current.get()


@contextmanager
def bound(to: Session) -> Iterator[Session]:
    """Make a session the current one; who made it closes it."""
    token = _current.set(to)
    try:
        yield to
    finally:
        _current.reset(token)


@contextmanager
def fresh(principal: Any, now: datetime) -> Iterator[Session]:
    """A session of its own (jobs, commands, `system`), closed at the end."""
    if _factory is None:
        raise RuntimeError("the store has no session factory yet")
    opened = _factory()
    opened.info.update(principal=principal, now=now)
    with bound(opened):
        try:
            yield opened
        finally:
            opened.close()


@contextmanager
def unit_of_work(principal: Any, now: datetime) -> Iterator[Session]:
    """One transaction: commits at the end, rolls back on any error, refuses to nest."""
    current = session()
    if current.info.get("unit_of_work"):
        raise NestedUnitOfWork("a unit of work is already open")
    if refusal := current.info.get(READ_ONLY):
        raise Refused(refusal, rule="read_only")
    current.info.update(principal=principal, now=now, unit_of_work=True)
    current.info.pop(_KEPT, None)
    try:
        yield current
        current.commit()
    except PortalError:
        current.rollback()
        for write in current.info.get(_KEPT, ()):
            write(current)
        current.commit()
        raise
    except BaseException:
        current.rollback()
        raise
    finally:
        current.info["unit_of_work"] = False


def keep(write: Callable[[Session], None]) -> None:
    """Write what stays true when a rule then refuses the work around it (somebody looked): now, or after the rollback."""
    current = session()
    write(current)
    current.info.setdefault(_KEPT, []).append(write)
