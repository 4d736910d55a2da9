"""Planted faults: with any one scope, mask or check gone, a named test of the matrix fails. So the matrix sees."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from flask import Flask

from portal.security import resolve
from portal.security import session as gate_module
from tests.cast import Cast
from tests.matrix import planting as p
from tests.matrix import test_file_rules as file_rules
from tests.matrix import test_reads as reads
from tests.matrix import test_unreadable as unreadable
from tests.matrix import test_write_fields as fields
from tests.matrix import test_write_rules as rules
from tests.matrix import test_writes as writes
from tests.matrix.http import Caller, found_in
from tests.matrix.planting import Matrix
from tests.matrix.world import World

Patch = pytest.MonkeyPatch
Callers = Callable[[str, str], Caller]


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong in one place, and the check that must see it."""

    name: str
    plant: Callable[[Patch, Matrix], None]
    check: Callable[[Matrix], None]


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
    # Reading comes first: where a write goes through, the planted records are not what they were.
    Fault(
        "search finds masked digits",
        p.whole_numbers_searched,
        lambda m: reads.test_masked_digits_in_the_pool_are_not_searchable("rep", m.callers, m.world),
    ),
    Fault("leads have no scope", p.unscoped("lead"), REP_READS),
    Fault("follow-ups have no scope", p.unscoped("follow_up"), REP_READS),
    Fault("reports have no scope", p.unscoped("work_report"), REP_READS),
    Fault("leaves have no scope", p.unscoped("leave"), REP_READS),
    Fault("a leader's team is everybody", p.widened("subtree"), rep_reads(actor="leader_a")),
    Fault("who reads the pool writes it", p.pool_writable, refuses("rep", "lead")),
    Fault("one may assign to everybody", p.wide_assign, with_how(fields.test_whom_one_may_not_assign_to_does_not_exist)),
    Fault("masks are off", p.no_mask, REP_READS),
    Fault("masks are off in the history", p.history_unmasked, door_of_rep(lambda w: f"/lead/{w.one('lead', '').id}")),
    Fault("the history is everybody's", p.history_of_all, door_of_rep(lambda w: f"/lead/{w.one('lead', 'rep').id}")),
    Fault("a file is found without its record", p.files_of_all, with_how(file_rules.test_a_file_is_read_through_its_record_only)),
    Fault("files go to records one only reads", p.uploads_anywhere, refuses("rep", "lead", "cookie")),
    Fault("every field can be filled in", p.every_field, with_how(fields.test_rest_names_every_field_that_cannot_be_filled_in)),
    Fault("masked fields can be filled in", p.masked_fields_writable, with_how(fields.test_masked_values_are_not_overwritten_unread)),
    Fault("counts count hidden rows", p.count_of_all, lambda m: reads.test_a_count_is_the_number_of_rows_one_is_shown("rep", m.callers)),
    Fault("pickers offer hidden rows", p.picker_of_all, door_of_rep(lambda _: "/follow_up/pick?field=lead_id&q=金丝雀")),
    Fault("exports hold hidden rows", p.export_of_all, door_of_rep(lambda _: "/lead/export.csv")),
    Fault("lists sort by masked columns", p.every_column_sorts, with_how(reads.test_arguments_that_are_not_of_the_list_are_refused)),
    Fault("unknown arguments are passed over", p.unknown_ignored, unknown_arguments),
    Fault("a verb takes any row", p.ignoring("takes", "lead:release"), with_how(rules.test_reading_is_not_writing)),
    Fault(
        "a reminder takes any row", p.ignoring("takes", "work_report:remind"), with_how(rules.test_a_reminder_reaches_only_ones_own_people)
    ),
    Fault(
        "a verb leaves a row anywhere",
        p.ignoring("leaves", "lead:assign"),
        with_how(rules.test_undo_gives_nothing_to_whom_one_may_not_assign),
    ),
    Fault("cookies need no CSRF token", p.no_csrf, with_how(rules.test_a_cookie_alone_writes_nothing)),
    Fault("tokens go around the gate", p.tokens_unguarded, REP_READS),
    Fault("versions are not compared", p.versions_ignored, with_how(rules.test_a_stale_save_is_refused)),
    Fault("who left is still in", p.leavers_let_in, with_how(rules.test_a_deactivated_person_writes_and_reads_nothing_more)),
    Fault(
        "a hidden id answers 403",
        p.hidden_is_forbidden,
        lambda m: reads.test_a_hidden_id_and_a_free_id_answer_alike("rep", m.callers, m.world),
    ),
    Fault("one judges one's own report", p.own_reports_judged, refuses("leader_a", "work_report")),
    Fault("a verb is granted to everybody", p.granted("lead:assign"), refuses("rep", "lead")),
    Fault(
        "doors open without the verb",
        p.granted("lead:read"),
        lambda m: reads.test_the_duties_that_wait_are_denied_every_entity("legal", m.callers),
    ),
    Fault(
        "rows are not compared with the preview", p.previews_trusted, with_how(rules.test_rows_changed_since_the_preview_are_named_and_left)
    ),
    Fault("a key gives its answer to anybody", p.keys_shared, with_how(rules.test_a_key_used_again_by_somebody_else_gives_him_nothing)),
    Fault("anybody undoes anything", p.undo_for_all, with_how(rules.test_nobody_takes_back_what_somebody_else_did)),
    Fault("undo needs no right", p.granted("lead:assign"), with_how(rules.test_who_may_not_assign_any_more_takes_nothing_back)),
    Fault(
        "a reach counts without the right to view",
        p.reach_without_reading,
        with_how(unreadable.test_nothing_is_written_under_a_record_that_may_not_be_viewed),
    ),
    Fault(
        "a child is seen without the right to view it",
        p.children_without_reading,
        with_how(unreadable.test_what_belongs_to_a_record_is_closed_by_its_own_right_and_whole_for_what_is_done_to_the_record),
    ),
    Fault("uploaded files are everybody's", p.uploads_shared, with_how(rules.test_a_run_or_a_file_of_an_import_is_only_its_owners)),
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
