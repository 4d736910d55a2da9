"""The audit log over HTTP: for who holds its right, and through it nobody reads what a record held."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask_appbuilder.security.sqla.models import Permission, PermissionView, Role, ViewMenu, assoc_permissionview_role, assoc_user_role
from sqlalchemy import delete, insert, select

from portal.security.principal import system_principal
from portal.security.resolve import touch_access
from tests.cast import Cast
from tests.matrix.http import Answer, Caller, found_in
from tests.matrix.ledger import untouched
from tests.matrix.world import EVERYBODY, World

Callers = Callable[[str, str], Caller]
DOORS = ("/audit-log/", "/audit-log/?singly=1", "/audit-log/?type=lead&singly=1", "/audit-log/?verb=edit", "/audit-log/export.csv")
HOW = pytest.mark.parametrize("how", ["cookie", "token"])


@HOW
def test_the_log_is_for_who_holds_its_right(how: str, callers: Callers, cast: Cast) -> None:
    for actor in EVERYBODY:
        caller, wanted = callers(actor, how), 200 if actor == "admin" else 403
        if actor != "admin":
            with untouched(cast, actor):
                assert {caller.get(door).status for door in DOORS} == {wanted}, actor
        assert {caller.get(door).status for door in DOORS} == {wanted}, actor
    assert {callers("", "cookie").get(door).status for door in DOORS} == {302}


@HOW
def test_it_holds_no_value_of_any_record_not_even_of_those_its_reader_sees(how: str, callers: Callers, world: World) -> None:
    """The world's history holds what every lead's note and phone were and became."""
    caller = callers("admin", how)
    held = [canary for record in world.of("lead") for canary in (*record.canaries[1:], *record.masked)]
    for door in DOORS:
        answer = caller.get(door)
        assert not found_in(answer, [*held, *world.hidden_from("admin")]), door
    named = [record.canaries[0] for record in world.of("lead")]
    for door in ("/audit-log/?type=lead&singly=1", "/audit-log/export.csv"):
        assert len(found_in(caller.get(door), named)) == len(named), "the positive control: records one sees are named"


@pytest.fixture
def watching(cast: Cast) -> Iterator[None]:
    """Somebody who has no other right may read and export the log."""
    with cast.session_factory() as session:
        session.info["principal"] = system_principal("test")
        role = Role(name="watcher")
        session.add(role)
        session.flush()
        wanted = (
            select(PermissionView.id)
            .join(Permission, Permission.id == PermissionView.permission_id)
            .join(ViewMenu, ViewMenu.id == PermissionView.view_menu_id)
            .where(ViewMenu.name == "audit_log")
        )
        given = [{"permission_view_id": each, "role_id": role.id} for each in session.scalars(wanted)]
        assert len(given) == 2
        connection = session.connection()
        connection.execute(insert(assoc_permissionview_role), given)
        connection.execute(insert(assoc_user_role).values(user_id=cast.people["nobody"], role_id=role.id))
        touch_access(session)
        session.commit()
        role_id = role.id
    yield
    with cast.session_factory() as session:
        session.info["principal"] = system_principal("test")
        for held in (assoc_user_role, assoc_permissionview_role):
            session.connection().execute(delete(held).where(held.c.role_id == role_id))
        session.connection().execute(delete(Role.__table__).where(Role.__table__.c.id == role_id))
        touch_access(session)
        session.commit()


@HOW
@pytest.mark.usefixtures("watching")
def test_who_reads_nothing_but_the_log_learns_nothing_of_any_record(how: str, callers: Callers, world: World) -> None:
    caller, every = callers("nobody", how), [c for record in world.records for c in (*record.canaries, *record.masked)]
    answers: list[Answer] = [caller.get(door) for door in DOORS]
    answers += [caller.get(f"/audit-log/?type=lead&record={record.id}") for record in world.of("lead")]
    assert {answer.status for answer in answers} == {200}
    for answer in answers:
        assert not found_in(answer, every), answer.sent
    assert f"#{world.of('lead')[0].id}" in answers[2].body, "the positive control: that something was done is told"
    assert caller.get("/").status == 200 and caller.get("/lead/").status == 403
