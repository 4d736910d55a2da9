"""People administration: invited, placed, deactivated; afterwards nothing more is seen (leak 30)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, insert, select

from portal import models
from portal.domain import handover, logins
from portal.engine.errors import Invalid, NotAllowed, Refused
from portal.engine.operations import change, create, remove
from portal.engine.spec import registry
from portal.engine.tables import AuditEvent, LoginSession, Notification, Outbox
from portal.engine.verbs import Outcome, verb_named
from portal.security import account, passwords
from portal.security.perform import perform
from tests.cast import NOW, Cast
from tests.security.statements import counted


def do(cast: Cast, verb: str, *who: str, by: str = "admin", **form: Any) -> Outcome:
    """One verb of people administration, as the door runs it."""
    found = verb_named("user", verb)
    assert found is not None
    with cast.act(by) as session:
        records = [session.get(models.User, cast.people[login]) for login in who]
        return perform(session, found, records, acting_user=cast.principal(by), now=NOW, **form)


def refusals(outcome: Outcome) -> list[str]:
    return [error.rule for _, error in outcome.refused]


def seen(cast: Cast, login: str) -> set[int]:
    """Lead ids a person reads."""
    with cast.act(login) as session:
        return set(session.scalars(select(models.Lead.id)))


def new_person(cast: Cast, name: str = "林晓雯", email: str = "Lin@test.example", **more: Any) -> Any:
    with cast.act("admin") as session:
        made = create(session, registry()["user"], {"name": name, "email": email, **more}, acting_user=cast.principal("admin"), now=NOW)
        cast.people[made.username] = made.id
        return made.username


@pytest.mark.parametrize(
    ("name", "login"),
    [
        ("林晓雯", "lin.xiaowen"),
        ("欧阳锋", "ouyang.feng"),
        ("单田芳", "shan.tianfang"),
        ("Jane Doe", "jane.doe"),
        ("José Núñez", "jose.nunez"),
        ("!!", "user"),
    ],
)
def test_a_login_is_proposed_from_the_name(name: str, login: str) -> None:
    assert logins.proposed(name) == login
    assert logins.free(name, {login}) == f"{login}2"
    assert all(logins.name_parts(name))


def test_a_new_person_cannot_sign_in_until_invited(cast: Cast) -> None:
    login = new_person(cast)
    assert login == "lin.xiaowen"
    row = cast.row(models.User, cast.people[login])
    assert (row.active, row.password, row.email) == (False, None, "lin@test.example")
    assert new_person(cast, email="second@test.example") == "lin.xiaowen2"


def test_one_address_is_one_person(cast: Cast) -> None:
    with pytest.raises(Invalid) as refused, cast.act("admin") as session:
        create(session, registry()["user"], {"name": "又一个", "email": "REP@test.example"}, acting_user=cast.principal("admin"), now=NOW)
    assert set(refused.value.errors) == {"email"}


def test_an_invitation_goes_by_mail_only_and_its_token_is_kept_hashed(cast: Cast) -> None:
    login = new_person(cast)
    assert do(cast, "invite", login).done == [cast.people[login]]
    mail = cast.rows(Outbox, Outbox.recipient_id == cast.people[login])
    token = mail[0].body["href"].removeprefix("/password/reset/")
    row = cast.row(models.User, cast.people[login])
    assert row.active and row.reset_hash == account.digest(token) and token not in str(dict(row._mapping))
    assert not cast.rows(Notification, Notification.recipient_id == cast.people[login])
    history = cast.rows(AuditEvent, AuditEvent.entity == "user", AuditEvent.record_id == cast.people[login])
    assert [line.verb for line in history][-1] in {"invite", "user:invite"}
    assert row.reset_hash not in str([dict(line._mapping) for line in history])


def test_a_link_works_once_and_not_after_its_time(cast: Cast) -> None:
    login = new_person(cast)
    do(cast, "invite", login)
    token = cast.rows(Outbox)[0].body["href"].removeprefix("/password/reset/")
    with cast.act("system") as session:
        assert account.of_link(session, token, NOW + account.INVITATION_LIVES) is None
        assert account.of_link(session, token, NOW) is not None
        assert account.use_link(session, token, NOW)
        assert not account.use_link(session, token, NOW)
        assert account.of_link(session, token, NOW) is None


def test_inviting_again_replaces_the_link_but_not_a_password(cast: Cast) -> None:
    login = new_person(cast)
    do(cast, "invite", login)
    first = cast.row(models.User, cast.people[login]).reset_hash
    assert do(cast, "invite", login).done
    assert cast.row(models.User, cast.people[login]).reset_hash != first
    assert refusals(do(cast, "invite", "rep")) == ["invited"]


def test_a_moved_person_takes_his_records_along_and_sees_nothing_of_the_old_team(cast: Cast) -> None:
    mine, mates = cast.leads(3, owner="rep"), cast.leads(2, owner="mate")
    assert set(mine) <= seen(cast, "leader_a") and not set(mine) & seen(cast, "leader_b")
    do(cast, "place", "rep", team_id=cast.teams["b"], superior_id=cast.people["leader_b"])
    assert {row.team_id for row in cast.rows(models.Lead, models.Lead.owner_id == cast.people["rep"])} == {cast.teams["b"]}
    assert not set(mine) & seen(cast, "leader_a") and set(mine) <= seen(cast, "leader_b")
    assert set(mine) <= seen(cast, "rep") and not set(mates) & seen(cast, "rep")
    assert cast.row(models.User, cast.people["rep"]).superior_id == cast.people["leader_b"]


def test_a_move_writes_a_line_a_record_and_disturbs_no_version(cast: Cast) -> None:
    mine = cast.leads(3, owner="rep")
    do(cast, "place", "rep", team_id=cast.teams["b"])
    lines = cast.rows(AuditEvent, AuditEvent.entity == "lead", AuditEvent.record_id.in_(mine))
    assert [line.record_id for line in lines] == mine
    assert {(line.before["team_id"], line.after["team_id"], line.actor_id) for line in lines} == {
        (cast.teams["a"], cast.teams["b"], cast.people["admin"])
    }
    assert {row.version for row in cast.rows(models.Lead, models.Lead.id.in_(mine))} == {1}


def test_a_move_costs_the_same_statements_for_many_records(cast: Cast) -> None:
    cast.leads(2, owner="rep")
    cast.leads(300, owner="mate")
    with counted() as few:
        do(cast, "place", "rep", team_id=cast.teams["b"])
    with counted() as many:
        do(cast, "place", "mate", team_id=cast.teams["b"])
    assert len(many) == len(few)


def test_a_demoted_leader_sees_his_own_only_and_hears_no_more(cast: Cast) -> None:
    own, team = cast.lead(owner="leader_a"), cast.lead(owner="rep")
    with cast.act("system") as session:
        session.execute(
            insert(Outbox).values(
                recipient_id=cast.people["leader_a"],
                event_key="x",
                subject={},
                body={},
                entity="lead",
                record_id=team,
                created_at=NOW,
                due_at=NOW,
            )
        )
    assert {own, team} <= seen(cast, "leader_a")
    do(cast, "place", "leader_a", role="rep")
    assert own in seen(cast, "leader_a") and team not in seen(cast, "leader_a")
    assert not cast.principal("leader_a").may("lead:assign")
    assert cast.row(models.Team, cast.teams["a"]).leader_id is None
    assert [mail.dropped_at for mail in cast.rows(Outbox)] == [NOW]
    assert [r.after for r in cast.rows(AuditEvent, AuditEvent.record_id == cast.people["leader_a"], AuditEvent.after.has_key("role"))] == [
        {"role": "rep"}
    ]


def test_a_team_without_leader_gets_the_one_placed_in_it(cast: Cast) -> None:
    do(cast, "place", "leader_a", role="rep")
    do(cast, "place", "mate", role="leader")
    assert cast.row(models.Team, cast.teams["a"]).leader_id == cast.people["mate"]


def test_a_deactivated_person_is_out_at_once_and_the_leader_hears_of_his_records(cast: Cast) -> None:
    mine = cast.leads(2, owner="rep")
    with cast.act("system") as session:
        account.open_session(session, user_id=cast.people["rep"], kind="page", address="", agent="", now=NOW)
        session.execute(
            insert(Outbox).values(recipient_id=cast.people["rep"], event_key="x", subject={}, body={}, created_at=NOW, due_at=NOW)
        )
    do(cast, "deactivate", "rep")
    with cast.act("system") as session:
        assert session.scalar(select(func.count()).select_from(LoginSession).where(LoginSession.ended_at.is_(None))) == 0
    assert cast.principal("rep").verbs == frozenset() and not seen(cast, "rep")
    assert cast.rows(Outbox, Outbox.recipient_id == cast.people["rep"])[0].dropped_at == NOW
    told = cast.rows(Notification, Notification.recipient_id == cast.people["leader_a"])
    assert len(told) == 1 and "2" in told[0].title["zh"]
    with cast.act("leader_a"):
        listed = handover.leavers()
    assert [(each.id, each.total) for each in listed] == [(cast.people["rep"], len(mine))]
    with cast.act("leader_b"):
        assert handover.leavers() == []


def test_a_leader_who_leaves_is_told_of_above(cast: Cast) -> None:
    cast.lead(owner="leader_a")
    do(cast, "deactivate", "leader_a")
    assert len(cast.rows(Notification, Notification.recipient_id == cast.people["director"])) == 1


def test_who_comes_back_sets_a_new_password(cast: Cast) -> None:
    do(cast, "deactivate", "rep")
    assert refusals(do(cast, "reactivate", "mate")) == ["active"]
    assert do(cast, "reactivate", "rep").refused[0][1].rule == "not_invited"
    cast.set(models.User, cast.people["rep"], invited_at=NOW)
    assert do(cast, "reactivate", "rep").done
    row = cast.row(models.User, cast.people["rep"])
    assert row.active and row.password is None and row.reset_hash


def test_a_reset_ends_password_and_sessions_and_the_admin_learns_nothing(cast: Cast) -> None:
    with cast.act("system") as session:
        account.set_password(session, cast.people["rep"], "a quiet green lamp", NOW)
        account.open_session(session, user_id=cast.people["rep"], kind="page", address="", agent="", now=NOW)
    outcome = do(cast, "reset_password", "rep")
    row = cast.row(models.User, cast.people["rep"])
    assert outcome.done and row.password is None and row.reset_hash
    with cast.act("system") as session:
        assert session.scalar(select(func.count()).select_from(LoginSession).where(LoginSession.ended_at.is_(None))) == 0
    token = cast.rows(Outbox)[0].body["href"].rsplit("/", 1)[1]
    assert token not in str(outcome)


def test_there_is_always_an_administrator(cast: Cast) -> None:
    assert refusals(do(cast, "place", "admin", role="finance")) == ["last_admin"]
    assert refusals(do(cast, "deactivate", "admin")) == ["yourself"]
    do(cast, "place", "finance", role="admin")
    assert refusals(do(cast, "deactivate", "admin", by="finance")) == []


def test_what_cannot_be_is_refused_before_anything_changes(cast: Cast) -> None:
    before = cast.row(models.User, cast.people["leader_a"])
    assert refusals(do(cast, "place", "leader_a", team_id=cast.teams["b"], superior_id=cast.people["rep"])) == ["superior_loop"]
    assert refusals(do(cast, "place", "nobody", role="rep")) == ["team"]
    assert cast.row(models.User, cast.people["leader_a"]) == before
    cast.set(models.Team, cast.teams["b"], deleted_at=NOW)
    with pytest.raises(Refused, match="deleted"):
        do(cast, "place", "rep", team_id=cast.teams["b"])
    cast.set(models.User, cast.people["leader_b"], active=False)
    with pytest.raises(Refused, match="inactive"):
        do(cast, "place", "rep", superior_id=cast.people["leader_b"])


@pytest.mark.parametrize("verb", ["invite", "place", "reset_password", "deactivate", "reactivate"])
@pytest.mark.parametrize("login", ["director", "leader_a", "rep", "legal", "nobody"])
def test_only_the_admin_decides_about_people(cast: Cast, verb: str, login: str) -> None:
    with pytest.raises(NotAllowed):
        do(cast, verb, "mate", by=login)


def test_moving_a_team_counts_at_once_and_makes_no_loop(cast: Cast) -> None:
    lead = cast.lead(owner="other")
    spec = registry()["team"]
    assert lead not in seen(cast, "leader_a")
    with cast.act("admin") as session:
        team = session.get(models.Team, cast.teams["b"])
        change(session, spec, team, {"parent_id": cast.teams["a"]}, version=None, acting_user=cast.principal("admin"), now=NOW)
    assert lead in seen(cast, "leader_a")
    with cast.act("admin") as session:
        team = session.get(models.Team, cast.teams["a"])
        with pytest.raises(Refused, match="below itself"):
            change(session, spec, team, {"parent_id": cast.teams["b"]}, version=None, acting_user=cast.principal("admin"), now=NOW)
    with pytest.raises(Refused, match="move them first"), cast.act("admin") as session:
        remove(session, spec, session.get(models.Team, cast.teams["a"]), acting_user=cast.principal("admin"), now=NOW)


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "password1234",
        "Passw0rd2024!",
        "123456789012",
        "qwertyuiop12",
        "woaini5201314",
        "aaaaaaaaaaaa",
        "portal-demo-2026",
        "lin.xiaowen2024",
        "xiaowen!!12345",
        "x" * 257,
    ],
)
def test_weak_passwords_are_refused(password: str) -> None:
    assert passwords.problem(password, about=("林晓雯", "lin.xiaowen", "lin.xiaowen@test.example")) is not None


@pytest.mark.parametrize(
    "password", ["correct horse battery staple", "我家门口那棵树今年又开花了吗", "tang-shui-lan-9k", "            x y z q"]
)
def test_long_phrases_need_no_symbols(password: str) -> None:
    assert passwords.problem(password, about=("林晓雯", "lin.xiaowen")) is None
    kept = passwords.hashed(password)
    assert passwords.matches(kept, password) and not passwords.matches(kept, password + "!") and not passwords.matches(None, password)
