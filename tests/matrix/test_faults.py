"""Planted faults: with any one scope, mask or check gone, a named test of the matrix fails. So the matrix sees."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from flask import Flask, request
from sqlalchemy import literal, select, true

from portal.domain import report_verbs
from portal.engine import operations, store
from portal.engine.errors import NotAllowed, NotFound
from portal.engine.fields import Field
from portal.engine.query import listing, search
from portal.engine.tables import Attachment, AuditEvent, IdempotencyKey
from portal.engine.verbs import verb_named
from portal.security import bulk, resolve, scopes
from portal.security import session as gate_module
from portal.security.fields import Rights
from portal.security.principal import Principal, system_principal
from portal.web import api, arguments, detail_page, exports, files, identity, imports, pickers, records
from tests.cast import Cast
from tests.matrix import test_reads as reads
from tests.matrix import test_write_fields as fields
from tests.matrix import test_write_rules as rules
from tests.matrix import test_writes as writes
from tests.matrix.http import Caller, found_in
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


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong in one place, and the check that must see it."""

    name: str
    plant: Callable[[Patch, Matrix], None]
    check: Callable[[Matrix], None]


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

    def readable(spec: Any, principal: Any, *, with_deleted: bool = False) -> Any:
        return true() if spec.name == entity else real(spec, principal, with_deleted=with_deleted)

    return lambda patch, _: patch.setattr(scopes, "readable", readable)


def widened(branch: str, *, entity: str = "") -> Callable[[Patch, Matrix], None]:
    """One branch of every scope holds everything."""
    real = scopes.branch_criterion

    def criterion(spec: Any, name: str, principal: Any, columns: Any) -> Any:
        return true() if name == branch else real(spec, name, principal, columns)

    return lambda patch, _: patch.setattr(scopes, "branch_criterion", criterion)


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
    patch.setattr(Rights, "masks", staticmethod(lambda field, row: False))


def history_unmasked(patch: Patch, _: Matrix) -> None:
    def old(self: Any, each: Field, value: Any, referred: Any) -> str:
        return "—" if value in (None, "") else str(value)

    patch.setattr(detail_page.DetailPageBuilder, "_old", old)


def history_of_all(patch: Patch, _: Matrix) -> None:
    everything = gate_module.guarded(select(AuditEvent))
    patch.setattr(detail_page, "audit_of", lambda entity, record_id: list(store.session().scalars(everything)))


def files_of_all(patch: Patch, _: Matrix) -> None:
    everything = gate_module.guarded(select(Attachment))
    patch.setattr(files, "of_record", lambda spec, record_id: list(store.session().scalars(everything)))


def every_field(patch: Patch, _: Matrix) -> None:
    patch.setattr(Rights, "writes", lambda self, spec, row=None: tuple(spec.fields.values()))


def masked_fields_writable(patch: Patch, _: Matrix) -> None:
    patch.setattr(Rights, "writes", lambda self, spec, row=None: tuple(f for f in spec.form if self.edits(spec, f)))


def count_of_all(patch: Patch, _: Matrix) -> None:
    patch.setattr(listing.Listing, "count", as_system(lambda self, session, exact=False: (len(list(session.scalars(self.ids()))), False)))


def picker_of_all(patch: Patch, _: Matrix) -> None:
    patch.setattr(pickers, "pick", as_system(pickers.pick))


def export_of_all(patch: Patch, _: Matrix) -> None:
    real = store.fresh
    patch.setattr(exports.store, "fresh", lambda principal, now: real(system_principal("a fault"), now))


def whole_numbers_searched(patch: Patch, _: Matrix) -> None:
    patch.setattr(search, "_by_phone", lambda spec, each, digits: spec.column(each.key).contains(digits))


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

    def resolved(session: Any, user_id: int, version: int) -> Principal:
        found = real(session, user_id, version)
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
    patch.setattr(report_verbs, "_may_judge", lambda report, acting_user, states: None)


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


# what must see it -----------------------------------------------------------------------------------


def rep_reads(how: str = "token", actor: str = "rep") -> Callable[[Matrix], None]:
    return lambda m: reads.test_no_reading_door_gives_a_hidden_value(actor, how, m.callers, m.world)


def door_of_rep(path: Callable[[World], str], how: str = "cookie", actor: str = "rep") -> Callable[[Matrix], None]:
    """One reading door of the matrix, where walking all would only take longer."""

    def check(m: Matrix) -> None:
        answer = m.callers(actor, how).get(path(m.world))
        assert answer.status == 200
        assert not found_in(answer, m.world.hidden_from(actor))

    return check


def with_how(test: Callable[..., None], how: str = "cookie") -> Callable[[Matrix], None]:
    """A test of the matrix, given what it asks for."""
    import inspect  # noqa: PLC0415

    def check(m: Matrix) -> None:
        offered = {
            "how": how,
            "callers": m.callers,
            "cast": m.cast,
            "world": m.world,
            "actor": "admin",
            "entity": "lead",
            "bad": "order=phone",
        }
        test(**{key: offered[key] for key in inspect.signature(test).parameters})

    return check


def refuses(actor: str, entity: str, how: str = "token") -> Callable[[Matrix], None]:
    """The refusals of one person at the doors of one entity."""

    def check(m: Matrix) -> None:
        targets = {entity: m.world.of(entity), f"{entity}:restore": m.world.of(entity), "lead": m.world.of("lead")}
        for attempt in writes.attempts(entity):
            for record in writes._forbidden(actor, writes.aims(targets, attempt), attempt):
                writes.assert_refused(attempt.send(m.callers(actor, how), m.cast, record.id), actor, attempt, record)

    return check


def unknown_arguments(m: Matrix) -> None:
    reads.test_arguments_that_are_not_of_the_list_are_refused("owner_id=3", m.callers)


REP_READS = rep_reads()
FAULTS = (
    Fault("leads have no scope", unscoped("lead"), REP_READS),
    Fault("follow-ups have no scope", unscoped("follow_up"), REP_READS),
    Fault("reports have no scope", unscoped("work_report"), REP_READS),
    Fault("leaves have no scope", unscoped("leave"), REP_READS),
    Fault("a leader's team is everybody", widened("subtree"), rep_reads(actor="leader_a")),
    Fault("who reads the pool writes it", pool_writable, refuses("rep", "lead")),
    Fault("the team of whom one may assign to is everybody", wide_assign, with_how(fields.test_whom_one_may_not_assign_to_does_not_exist)),
    Fault("masks are off", no_mask, REP_READS),
    Fault("masks are off in the history", history_unmasked, door_of_rep(lambda w: f"/lead/{w.one('lead', '').id}")),
    Fault("the history is everybody's", history_of_all, door_of_rep(lambda w: f"/lead/{w.one('lead', 'rep').id}")),
    Fault("a file is found without its record", files_of_all, with_how(rules.test_a_file_is_read_through_its_record_only)),
    Fault("files go to records one only reads", uploads_anywhere, refuses("rep", "lead", "cookie")),
    Fault("every field can be filled in", every_field, with_how(fields.test_rest_names_every_field_that_cannot_be_filled_in)),
    Fault("masked fields can be filled in", masked_fields_writable, with_how(fields.test_masked_values_are_not_overwritten_unread)),
    Fault("counts count hidden rows", count_of_all, lambda m: reads.test_a_count_is_the_number_of_rows_one_is_shown("rep", m.callers)),
    Fault("pickers offer hidden rows", picker_of_all, door_of_rep(lambda _: "/follow_up/pick?field=lead_id&q=金丝雀")),
    Fault("exports hold hidden rows", export_of_all, door_of_rep(lambda _: "/lead/export.csv")),
    Fault(
        "search finds masked digits",
        whole_numbers_searched,
        lambda m: reads.test_masked_digits_in_the_pool_are_not_searchable("rep", m.callers, m.world),
    ),
    Fault("lists sort by masked columns", every_column_sorts, with_how(reads.test_arguments_that_are_not_of_the_list_are_refused)),
    Fault("unknown arguments are passed over", unknown_ignored, unknown_arguments),
    Fault("a verb takes any row", ignoring("takes", "lead:release"), with_how(rules.test_reading_is_not_writing)),
    Fault(
        "a reminder takes any row", ignoring("takes", "work_report:remind"), with_how(rules.test_a_reminder_reaches_only_ones_own_people)
    ),
    Fault(
        "a verb leaves a row anywhere",
        ignoring("leaves", "lead:assign"),
        with_how(rules.test_undo_gives_nothing_to_whom_one_may_not_assign),
    ),
    Fault("cookies need no CSRF token", no_csrf, with_how(rules.test_a_cookie_alone_writes_nothing)),
    Fault("tokens go around the gate", tokens_unguarded, REP_READS),
    Fault("versions are not compared", versions_ignored, with_how(rules.test_a_stale_save_is_refused)),
    Fault("who left is still in", leavers_let_in, with_how(rules.test_a_deactivated_person_writes_and_reads_nothing_more)),
    Fault(
        "a hidden id answers 403",
        hidden_is_forbidden,
        lambda m: reads.test_a_hidden_id_and_a_free_id_answer_alike("rep", m.callers, m.world),
    ),
    Fault("one judges one's own report", own_reports_judged, refuses("leader_a", "work_report")),
    Fault("a verb is granted to everybody", granted("lead:assign"), refuses("rep", "lead")),
    Fault(
        "doors open without the verb",
        granted("lead:read"),
        lambda m: reads.test_the_duties_that_wait_are_denied_every_entity("legal", m.callers),
    ),
    Fault(
        "rows are not compared with the preview", previews_trusted, with_how(rules.test_rows_changed_since_the_preview_are_named_and_left)
    ),
    Fault("a key gives its answer to anybody", keys_shared, with_how(rules.test_a_key_used_again_by_somebody_else_gives_him_nothing)),
    Fault("anybody undoes anything", undo_for_all, with_how(rules.test_nobody_takes_back_what_somebody_else_did)),
    Fault("undo needs no right", granted("lead:assign"), with_how(rules.test_who_may_not_assign_any_more_takes_nothing_back)),
    Fault("uploaded files are everybody's", uploads_shared, with_how(rules.test_a_run_or_a_file_of_an_import_is_only_its_owners)),
)


_held: list[Callable[[Matrix], None]] = []
"""Checks that were seen to hold: some see several faults."""


@contextmanager
def planted_fault(fault: Fault, matrix: Matrix) -> Iterator[None]:
    """The fault in its place, and nothing kept from before or after it."""
    with pytest.MonkeyPatch.context() as patch:
        fault.plant(patch, matrix)
        _forget()
        yield
    _forget()


def _forget() -> None:
    gate_module.gate.forget()
    resolve.forget()


@pytest.fixture(scope="module")
def matrix(planted: tuple[Flask, Cast, World], callers: Callers) -> Matrix:
    return Matrix(planted[0], callers, planted[1], planted[2])


def test_there_are_enough_faults() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 20


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.replace(" ", "_"))
def test_the_matrix_sees(fault: Fault, matrix: Matrix) -> None:
    """The check holds while nothing is wrong, and fails, not crashes, with the fault."""
    if fault.check not in _held:
        fault.check(matrix)
        _held.append(fault.check)
    with planted_fault(fault, matrix), pytest.raises(AssertionError) as seen:
        fault.check(matrix)
    assert ": 500" not in str(seen.value), "the fault broke the portal instead of opening it"
