"""How a place goes wrong: each fault of `test_faults` as one patch of one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pytest
from flask import Flask, request
from sqlalchemy import literal, select, true

from portal.domain import report_verbs
from portal.engine import operations, store
from portal.engine.errors import NotAllowed, NotFound
from portal.engine.query import listing, search
from portal.engine.tables import Attachment, AuditEvent, IdempotencyKey
from portal.engine.verbs import verb_named
from portal.security import bulk, resolve, scopes
from portal.security import session as gate_module
from portal.security.fields import Rights
from portal.security.principal import Principal, system_principal
from portal.web import api, arguments, exports, files, identity, imports, pickers, records, timeline
from tests.cast import Cast
from tests.matrix.http import Caller
from tests.matrix.world import World

Patch = pytest.MonkeyPatch
Callers = Callable[[str, str], Caller]


@dataclass(frozen=True)
class Matrix:
    """What a check of the matrix needs."""

    app: Flask
    callers: Callers
    cast: Cast
    world: World


# how a place goes wrong ---------------------------------------------------------------------------


def as_system(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as it would read without the gate."""

    def unguarded(*args: Any, **kwargs: Any) -> Any:
        info = store.session().info
        who, info["principal"] = info["principal"], system_principal("a fault")
        try:
            return function(*args, **kwargs)
        finally:
            info["principal"] = who

    return unguarded


def unscoped(entity: str) -> Callable[[Patch, Matrix], None]:
    """Everybody reads every row of an entity."""
    real = scopes.readable

    def readable(spec: Any, principal: Any, **how: bool) -> Any:
        return true() if spec.name == entity else real(spec, principal, **how)

    return lambda patch, _: patch.setattr(scopes, "readable", readable)


def widened(branch: str, *, entity: str = "") -> Callable[[Patch, Matrix], None]:
    """One branch of every scope holds everything."""
    real = scopes.branch_criterion

    def criterion(spec: Any, name: str, principal: Any, columns: Any) -> Any:
        return true() if name == branch else real(spec, name, principal, columns)

    return lambda patch, _: patch.setattr(scopes, "branch_criterion", criterion)


def reach_without_reading(patch: Patch, _: Matrix) -> None:
    """A role's reach counts whether it may view the record type or not."""
    real = resolve.widest

    def widest(found: Any, verbs: Any) -> Any:
        pairs = list(found)
        every = {f"{entity}:read" for entity, _ in pairs}
        return real(pairs, {access.role: every for _, access in pairs})

    patch.setattr(resolve, "widest", widest)


def children_without_reading(patch: Patch, _: Matrix) -> None:
    """What belongs to a record is seen by who sees the record, whether he may view it or not."""
    real = scopes.readable
    patch.setattr(scopes, "readable", lambda spec, principal, **how: real(spec, principal, **{**how, "at_work": True}))


def pool_writable(patch: Patch, _: Matrix) -> None:
    patch.setattr(scopes, "writable", scopes.readable)


def granted(permission: str) -> Callable[[Patch, Matrix], None]:
    """A verb that nobody checks."""
    real = Principal.may
    return lambda patch, _: patch.setattr(Principal, "may", lambda self, asked: asked == permission or real(self, asked))


def ignoring(use: str, verb: str) -> Callable[[Patch, Matrix], None]:
    """A verb whose `takes` or `leaves` is not looked at."""

    def plant(patch: Patch, _: Matrix) -> None:
        found = verb_named(*verb.split(":"))  # type: ignore[misc]
        assert found is not None
        patch.setitem(operations_of_verbs(), verb, replace(found, **{use: ("all",)}))

    return plant


def operations_of_verbs() -> dict[str, Any]:
    from portal.engine import verbs  # noqa: PLC0415

    return verbs._verbs


def wide_assign(patch: Patch, _: Matrix) -> None:
    real = Principal.to
    patch.setattr(Principal, "to", lambda self, entity: replace(real(self, entity), assign="all"))


def no_mask(patch: Patch, _: Matrix) -> None:
    patch.setattr(Rights, "mask", lambda self, spec, field: None)


def history_unmasked(patch: Patch, _: Matrix) -> None:
    def then(_spec: Any, _each: Any, value: Any, **_: Any) -> str:
        return "—" if value in (None, "") else str(value)

    patch.setattr(timeline, "value_then", then)


def history_of_all(patch: Patch, _: Matrix) -> None:
    everything = gate_module.guarded(select(*AuditEvent.__table__.c, literal("").label("actor")))
    patch.setattr(timeline, "audit_of", lambda spec, record_id: store.session().execute(everything).all())


def files_of_all(patch: Patch, _: Matrix) -> None:
    everything = gate_module.guarded(select(Attachment))
    patch.setattr(files, "of_record", lambda spec, record_id: list(store.session().scalars(everything)))


def every_field(patch: Patch, _: Matrix) -> None:
    patch.setattr(Rights, "writes", lambda self, spec, row=None: tuple(spec.fields.values()))


def masked_fields_writable(patch: Patch, _: Matrix) -> None:
    patch.setattr(Rights, "writes", lambda self, spec, row=None: tuple(f for f in spec.form if self.edits(spec, f)))


def count_of_all(patch: Patch, _: Matrix) -> None:
    patch.setattr(api, "capped", as_system(lambda view, session: (len(list(session.scalars(view.ids()))), False)))


def picker_of_all(patch: Patch, _: Matrix) -> None:
    patch.setattr(pickers, "pick", as_system(pickers.pick))


def export_of_all(patch: Patch, _: Matrix) -> None:
    real = store.fresh
    patch.setattr(exports.store, "fresh", lambda principal, now: real(system_principal("a fault"), now))


def whole_numbers_searched(patch: Patch, _: Matrix) -> None:
    patch.setattr(search, "_by_phone", lambda spec, each, digits, _mask: spec.column(each.key).contains(digits))


def every_column_sorts(patch: Patch, _: Matrix) -> None:
    def order(self: Any) -> tuple[str, bool]:
        asked = self.query.order or self.spec.screen.order
        return asked.lstrip("-"), asked.startswith("-")

    patch.setattr(listing.Listing, "_order", order)


def unknown_ignored(patch: Patch, _: Matrix) -> None:
    real = arguments.parse
    patch.setattr(arguments, "parse", lambda spec, given, *, known: real(spec, {k: v for k, v in given.items() if k in known}, known=known))


def no_csrf(patch: Patch, matrix: Matrix) -> None:
    patch.setattr(matrix.app.extensions["portal_csrf"], "protect", lambda: None)


def tokens_unguarded(patch: Patch, _: Matrix) -> None:
    real = identity.resolve

    def resolved(session: Any, user_id: int, version: int, now: datetime) -> Principal:
        found = real(session, user_id, version, now)
        return replace(found, is_system=True) if request.headers.get("Authorization") else found

    patch.setattr(identity, "resolve", resolved)


def versions_ignored(patch: Patch, _: Matrix) -> None:
    real = operations.change
    patch.setattr(operations, "change", lambda *args, **given: real(*args, **{**given, "version": None}))


def leavers_let_in(patch: Patch, _: Matrix) -> None:
    real = identity._who

    def who(key: str, kind: str) -> Any:
        found = real(key, kind)
        columns = [literal(value=True).label("active") if c.key == "active" else c for c in found.selected_columns]
        return found.with_only_columns(*columns, maintain_column_froms=True)

    patch.setattr(identity, "_who", who)


def hidden_is_forbidden(patch: Patch, _: Matrix) -> None:
    real = records.find

    def find(spec: Any, record_id: int, *, with_deleted: bool = False) -> Any:
        try:
            return real(spec, record_id, with_deleted=with_deleted)
        except NotFound:
            if as_system(lambda: store.session().get(spec.model, record_id))() is not None:
                raise NotAllowed from None
            raise

    patch.setattr(records, "find", find)


def own_reports_judged(patch: Patch, _: Matrix) -> None:
    patch.setattr(report_verbs, "_judge", lambda report, acting_user, states: None)


def previews_trusted(patch: Patch, _: Matrix) -> None:
    patch.setattr(bulk, "_recheck", lambda session, spec, verb, selection: (list(selection.ids), []))


def keys_shared(patch: Patch, _: Matrix) -> None:
    table = IdempotencyKey.__table__

    def remembered(given: Any) -> Any:
        key = request.headers.get("Idempotency-Key", "")
        found = store.session().connection().execute(select(table).where(table.c.key == key)).first()
        return api.make_response(api.jsonify(found.answer), found.status) if found else None

    patch.setattr(api, "_remembered", remembered)


def undo_for_all(patch: Patch, _: Matrix) -> None:
    real = operations._replaced["lead", "undo"]

    def undo(batch_id: int, *, acting_user: Principal, now: Any) -> Any:
        return real(batch_id, acting_user=replace(acting_user, is_system=True), now=now)

    patch.setitem(operations._replaced, ("lead", "undo"), undo)


def uploads_shared(patch: Patch, _: Matrix) -> None:
    patch.setattr(imports, "_upload_of", lambda token: imports.Upload(token, "any.csv"))


def uploads_anywhere(patch: Patch, _: Matrix) -> None:
    patch.setattr(files, "confirm_writable", lambda session, record: None)
