"""What every generated door does first: who may, which record, one unit of work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from flask import g
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.exceptions import Unauthorized

from portal.engine import custom, store
from portal.engine.clock import clock
from portal.engine.errors import NotAllowed, NotFound
from portal.engine.fields import View
from portal.engine.query.listing import Listing, ListQuery
from portal.engine.spec import Spec, spec_of
from portal.security import reveal as reveals
from portal.security.fields import Rights
from portal.security.principal import Principal
from portal.security.session import WITH_DELETED

P = ParamSpec("P")
R = TypeVar("R")


def granted(verb: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let only those through who hold the verb on the view's entity; also names it for FAB's permission registry."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            require(args[0].spec, verb)  # type: ignore[attr-defined]
            return function(*args, **kwargs)

        checked._permission_name = verb  # type: ignore[attr-defined]  # noqa: SLF001
        return checked

    return decorate


def admit(*permissions: str) -> Principal:
    """Who asks: somebody signed in, who holds every one of these permissions."""
    if g.signed_in is None:
        raise Unauthorized
    who = principal()
    if not all(map(who.may, permissions)):
        raise NotAllowed
    return who


def require(spec: Spec, verb: str) -> None:
    """Signed in, and holding the verb."""
    admit(f"{spec.name}:{verb}")


def principal() -> Principal:
    found: Principal = g.principal
    return found


def rights() -> Rights:
    return Rights(principal())


@contextmanager
def writing() -> Iterator[tuple[Session, datetime]]:
    """The request's transaction."""
    now = clock.now()
    with store.unit_of_work(principal(), now) as session:
        yield session, now


def find(spec: Spec, record_id: int, *, with_deleted: bool = False) -> Any:
    """A record through the gate; hidden and missing answer alike."""
    statement = select(spec.model).where(spec.model.id == record_id)
    if spec.archived and not with_deleted:
        statement = statement.where(spec.model.deleted_at.is_(None))
    record = store.session().scalars(statement.execution_options(**{WITH_DELETED: with_deleted})).one_or_none()
    if record is None:
        raise NotFound
    return record


def values_of(record: Any) -> dict[str, Any]:
    """The columns of a loaded record, and its custom fields."""
    columns = {a.key: getattr(record, a.key) for a in record.__mapper__.column_attrs}
    spec = spec_of(type(record))
    return {**columns, **custom.values_of(spec, record.extra)} if spec.custom else columns


def row_of(spec: Spec, record_id: int, view: View, *, with_deleted: bool = False) -> dict[str, Any]:
    """One record as lists show rows: values, and names of what it refers to."""
    found = Listing(spec, rights(), view, ListQuery(deleted=with_deleted)).record(store.session(), record_id)
    if found is None:
        raise NotFound
    return found


def reveal(spec: Spec, record_id: int, key: str, reason: str) -> Any:
    """A masked value for who holds the right and says why; the look is in the history before the value is told."""
    with writing() as (session, _now):
        return reveals.reveal(session, spec, find(spec, record_id), key, reason=reason, acting_user=principal())
