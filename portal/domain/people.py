"""People: created, invited, placed in team, role and under a superior, deactivated; who may sign in follows at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from flask_appbuilder.security.sqla.models import Role
from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from portal.domain import handover, logins
from portal.engine import audit, store
from portal.engine.errors import Invalid, PortalError, Refused
from portal.engine.kinds import Choices
from portal.engine.kinds.choice import ChoiceField
from portal.engine.kinds.reference import ReferenceField
from portal.engine.operations import operation
from portal.engine.outbox import both
from portal.engine.tables import Outbox
from portal.engine.text import say
from portal.engine.verbs import Outcome, verb
from portal.entities.organisation import PortalUser, Team
from portal.security import account, passwords
from portal.security.account import INVITATION_LIVES, LINK_LIVES, Account
from portal.security.principal import Principal
from portal.security.resolve import touch_access
from portal.security.roles import ROLES

_choices: Any = Choices
PlaceRole: type[Choices] = _choices("PlaceRole", {key.upper(): (key, role.label) for key, role in ROLES.items()})
"""The shipped roles as a choice."""

IN_A_TEAM = frozenset({"leader", "rep"})
LEADS_TEAMS = frozenset({"leader", "director"})
_ADMIN = "admin"

_NO_TEAM = "{name} 要先有团队才能做业务员或组长。 | {name} needs a team to be a rep or leader."
_LAST_ADMIN = "至少要有一位能登录的管理员。 | There must be an administrator who can sign in."
_LOOP = "上级不能是本人或他的下级。 | A superior cannot be the person or one of his people."
_GONE = "这个团队已删除。 | This team is deleted."
_AWAY = "上级已停用，请另选一位。 | The superior is inactive. Choose somebody else."
_INVITED = "{name} 已经能登录；忘了密码请用“重设密码”。 | {name} can sign in already; use “Reset password” instead."
_INACTIVE = "{name} 已停用；请先恢复。 | {name} is inactive; reactivate first."
_NOT_YET = "{name} 还没有被邀请过。 | {name} has not been invited yet."
_ACTIVE = "{name} 是在用的账号。 | {name} is active."
_YOURSELF = "不能对自己做这个操作。 | You cannot do this to yourself."

_INVITATION = "你被邀请使用销售门户，登录名 {login} | You are invited to the sales portal; your login is {login}"
_INVITATION_BODY = "点下面的链接设密码，72 小时内有效。 | Follow the link to set a password. It works for 72 hours."
_RESET = "设置销售门户的新密码 | Set a new password for the sales portal"
_RESET_BODY = (
    "点下面的链接设新密码，一小时内有效。不是你本人申请的，请不要理会。"
    " | Follow the link to set a new password. It works for one hour. If you did not ask for it, do nothing."
)
_RESET_BY_ADMIN = (
    "管理员重设了你的密码。点下面的链接设新密码，72 小时内有效。"
    " | An administrator reset your password. Follow the link to set a new one. It works for 72 hours."
)
_RESET_HELP = (
    "现在的密码和登录立刻失效，新密码由本人从邮件里设。"
    " | The current password and sessions end at once; the person sets a new one from a mail."
)


# created ----------------------------------------------------------------------------------------


@operation("user", "create")
def create_person(values: dict[str, Any], *, acting_user: Principal, now: datetime) -> PortalUser:
    """Somebody new, who cannot sign in until he is invited. The login is proposed from the name unless given."""
    session = store.session()
    email = str(values.get("email", "")).strip().casefold()
    wanted = account.typed(str(values.get("username") or ""))
    _refuse_taken(session, wanted, email)
    login = wanted or _free_login(session, values["name"])
    first, family = logins.name_parts(values["name"])
    person = PortalUser(
        **{**values, "email": email, "username": login, "first_name": first, "last_name": family, "active": False, "password": None}
    )
    session.add(person)
    session.flush()
    touch_access(session)
    return person


@operation("user", "change")
def change_person(person: PortalUser, values: dict[str, Any], *, acting_user: Principal, now: datetime) -> PortalUser:
    """Name, e-mail, phone; Flask-AppBuilder's two name columns follow."""
    session = store.session()
    if "email" in values:
        values = {**values, "email": str(values["email"]).strip().casefold()}
        if values["email"] != person.email:
            _refuse_taken(session, "", values["email"])
    if "name" in values:
        person.first_name, person.last_name = logins.name_parts(values["name"])
    for key, value in values.items():
        setattr(person, key, value)
    session.flush()
    touch_access(session)
    return person


def create_admin(*, login: str, name: str, email: str, password: str, now: datetime) -> PortalUser:
    """The first administrator, who signs in with this password."""
    session = store.session()
    if problem := passwords.problem(password, about=(name, login, email)):
        raise Invalid({"password": problem})
    person: PortalUser = create_person({"name": name, "email": email, "username": login}, acting_user=session.info["principal"], now=now)
    person.active, person.invited_at, person.roles = True, now, [_role(session, _ADMIN)]
    session.flush()
    account.set_password(session, person.id, password, now)
    touch_access(session)
    return person


def _refuse_taken(session: Session, login: str, email: str) -> None:
    taken = {}
    if email and session.scalar(select(PortalUser.id).where(func.lower(PortalUser.email) == email)):
        taken["email"] = say("这个邮箱已有人用。 | This e-mail is taken.")
    if login and session.scalar(select(PortalUser.id).where(PortalUser.username == login)):
        taken["username"] = say("这个登录名已有人用。 | This login is taken.")
    if taken:
        raise Invalid(taken)


def _free_login(session: Session, name: str) -> str:
    base = logins.proposed(name)
    taken = session.scalars(select(PortalUser.username).where(PortalUser.username.startswith(base, autoescape=True)))
    return logins.free(name, set(taken))


# let in -----------------------------------------------------------------------------------------


@verb(
    "user:invite",
    "邀请 | Invite",
    icon="mail-forward",
    takes=("all",),
    bulk=True,
    help="发一封邮件，本人设密码后即可登录。 | Sends a mail; the person sets a password and can sign in.",
)
def invite(people: Sequence[PortalUser], *, acting_user: Principal, now: datetime) -> Outcome:
    """From now on the person may sign in; the link sets the password. Inviting again replaces the link."""

    def one(person: PortalUser) -> None:
        if person.password:
            raise Refused(_INVITED if person.active else _INACTIVE, rule="invited", name=person.name)
        person.active, person.invited_at = True, now
        _mail_link(person.id, now, say(_INVITATION, login=person.username), _INVITATION_BODY, invitation=True)

    return _each(people, one)


@verb("user:reset_password", "重设密码 | Reset password", icon="key", takes=("all",), bulk=True, help=_RESET_HELP)
def reset_password(people: Sequence[PortalUser], *, acting_user: Principal, now: datetime) -> Outcome:
    """The administrator never learns the new password."""

    def one(person: PortalUser) -> None:
        if person.id == acting_user.user_id:
            raise Refused(_YOURSELF, rule="yourself")
        if not person.active:
            raise Refused(_INACTIVE if person.invited_at else _NOT_YET, rule="inactive", name=person.name)
        _shut_out(store.session(), person, now)
        _mail_link(person.id, now, say(_RESET), _RESET_BY_ADMIN, invitation=True)

    return _each(people, one)


@verb(
    "user:deactivate",
    "停用 | Deactivate",
    icon="user-off",
    takes=("all",),
    bulk=True,
    inverse="reactivate",
    help="登录立刻结束，他的记录进组长的交接清单。 | Sessions end at once; his records go to the leader's hand-over list.",
)
def deactivate(people: Sequence[PortalUser], *, acting_user: Principal, now: datetime) -> Outcome:
    """Open sessions and tokens end at the next request, waiting mails are dropped, the leader hears of the records."""
    session = store.session()
    touch_access(session)

    def one(person: PortalUser) -> None:
        if person.id == acting_user.user_id:
            raise Refused(_YOURSELF, rule="yourself")
        if not person.active:
            raise Refused(_INACTIVE, rule="inactive", name=person.name)
        _keep_an_admin(session, without=person.id)
        person.active = False
        account.end_sessions(session, [person.id], now)
        account.drop_link(session, person.id)
        handover.drop_mails(session, person.id, now)
        session.flush()
        handover.tell_leader(session, person, now)

    return _each(people, one)


@verb(
    "user:reactivate",
    "恢复 | Reactivate",
    icon="user-check",
    takes=("all",),
    bulk=True,
    inverse="deactivate",
    help="发一封邮件，本人重新设密码。 | Sends a mail; the person sets a new password.",
)
def reactivate(people: Sequence[PortalUser], *, acting_user: Principal, now: datetime) -> Outcome:
    """Back again, with a new password: the old one is not trusted any more."""

    def one(person: PortalUser) -> None:
        if person.active:
            raise Refused(_ACTIVE, rule="active", name=person.name)
        if person.invited_at is None:
            raise Refused(_NOT_YET, rule="not_invited", name=person.name)
        person.active = True
        _shut_out(store.session(), person, now)
        _mail_link(person.id, now, say(_RESET), _RESET_BY_ADMIN, invitation=True)

    return _each(people, one)


def send_link(found: Account | None, *, now: datetime) -> None:
    """Forgotten password: the link goes to the address on record. Unknown accounts cost the same statements."""
    session = store.session()
    known = found if found is not None and found.active else None
    audit.write(session, verb="password_link", entity="user", record_id=known.id if known else None)
    if known is None:
        account.new_link(session, 0, now)
        return
    _mail_link(known.id, now, say(_RESET), _RESET_BODY)


def _mail_link(user_id: int, now: datetime, subject: Any, body: str, *, invitation: bool = False) -> None:
    """By mail only: a bell cannot be heard by who cannot sign in. The database keeps the token's digest."""
    session = store.session()
    session.flush()
    token = account.new_link(session, user_id, now, lives=INVITATION_LIVES if invitation else LINK_LIVES)
    session.execute(
        insert(Outbox).values(
            recipient_id=user_id,
            event_key=f"password:{account.digest(token)}",
            channel="mail",
            subject=both(subject),
            body={"text": both(body), "href": f"/password/reset/{token}"},
            entity="user",
            record_id=user_id,
            created_at=now,
            due_at=now,
        )
    )


def _shut_out(session: Session, person: PortalUser, now: datetime) -> None:
    person.password = None
    account.end_sessions(session, [person.id], now)


# placed -----------------------------------------------------------------------------------------


@verb(
    "user:place",
    "安排 | Place",
    icon="sitemap",
    takes=("all",),
    bulk=True,
    primary=True,
    form=(
        ("team_id", ReferenceField("团队 | Team", "team", help="空着不变。 | Empty: unchanged.")),
        ("role", ChoiceField("角色 | Role", PlaceRole, help="空着不变。 | Empty: unchanged.")),
        ("superior_id", ReferenceField("上级 | Superior", "user", help="空着不变。 | Empty: unchanged.")),
    ),
    help="下一次点击即生效。 | Takes effect at the person's next click.",
)
def place(
    people: Sequence[PortalUser],
    *,
    acting_user: Principal,
    now: datetime,
    team_id: int | None = None,
    role: str = "",
    superior_id: int | None = None,
) -> Outcome:
    """Team, role, superior; empty ones stay. His records go with him to the new team, one statement an entity."""
    session = store.session()
    touch_access(session)
    _refuse_target(session, team_id, superior_id)

    def one(person: PortalUser) -> None:
        new_team = team_id or person.team_id
        new_role = role or _role_of(person)
        if new_role in IN_A_TEAM and new_team is None:
            raise Refused(_NO_TEAM, rule="team", name=person.name)
        if superior_id is not None:
            _refuse_loop(session, person.id, superior_id)
        if new_role != _ADMIN:
            _keep_an_admin(session, without=person.id)
        if role:
            _give_role(session, person, role)
        moved = new_team != person.team_id
        person.team_id, person.superior_id = new_team, superior_id or person.superior_id
        session.flush()
        handover.leave_teams(session, person, new_role)
        if moved or role:
            handover.drop_mails(session, person.id, now)
        if moved:
            handover.move_records(session, person.id, new_team, now)

    return _each(people, one)


def _refuse_target(session: Session, team_id: int | None, superior_id: int | None) -> None:
    team = session.get(Team, team_id) if team_id else None
    if team_id and (team is None or team.deleted_at is not None):
        raise Refused(_GONE, rule="team_deleted")
    superior = session.get(PortalUser, superior_id) if superior_id else None
    if superior_id and (superior is None or not superior.active):
        raise Refused(_AWAY, rule="superior_inactive")


def _refuse_loop(session: Session, person_id: int, superior_id: int) -> None:
    above: set[int] = set()
    current: int | None = superior_id
    while current is not None and current not in above:
        above.add(current)
        current = session.scalar(select(PortalUser.superior_id).where(PortalUser.id == current))
    if person_id in above:
        raise Refused(_LOOP, rule="superior_loop")


def _role_of(person: PortalUser) -> str:
    return next((role.name for role in person.roles), "")


def _give_role(session: Session, person: PortalUser, role: str) -> None:
    """Exactly this role; the history keeps what it was."""
    before = sorted(held.name for held in person.roles)
    if before == [role]:
        return
    person.roles = [_role(session, role)]
    audit.write(session, verb="user:place", entity="user", record_id=person.id, before={"role": "+".join(before)}, after={"role": role})


def _role(session: Session, name: str) -> Role:
    found: Role = session.scalars(select(Role).where(Role.name == name)).one()
    return found


def _keep_an_admin(session: Session, *, without: int) -> None:
    """Two administrators who remove each other wait on the access version's lock, so one of them is refused."""
    session.flush()
    left = (
        select(func.count())
        .select_from(PortalUser)
        .where(PortalUser.active, PortalUser.id != without, PortalUser.roles.any(Role.name == _ADMIN))
    )
    is_admin = session.scalar(
        select(func.count()).select_from(PortalUser).where(PortalUser.id == without, PortalUser.roles.any(Role.name == _ADMIN))
    )
    if is_admin and not session.scalar(left):
        raise Refused(_LAST_ADMIN, rule="last_admin")


def _each(people: Iterable[PortalUser], one: Callable[[PortalUser], None]) -> Outcome:
    """Refusals are collected, never half-done: each check comes before the first change of its person."""
    outcome, session = Outcome(), store.session()
    touch_access(session)
    for person in people:
        try:
            one(person)
        except PortalError as refused:
            outcome.refused.append((person.id, refused))
        else:
            outcome.done.append(person.id)
    session.flush()
    return outcome


# teams ------------------------------------------------------------------------------------------


@operation("team", "create")
def create_team(values: dict[str, Any], *, acting_user: Principal, now: datetime) -> Team:
    session = store.session()
    team = Team(**values)
    session.add(team)
    session.flush()
    touch_access(session)
    return team


@operation("team", "change")
def change_team(team: Team, values: dict[str, Any], *, acting_user: Principal, now: datetime) -> Team:
    """Who sees what hangs on the tree, so every change of it counts at once. A tree has no loops."""
    session = store.session()
    handover.refuse_team_loop(session, team.id, values.get("parent_id"))
    for key, value in values.items():
        setattr(team, key, value)
    session.flush()
    touch_access(session)
    return team


@operation("team", "remove")
def remove_team(team: Team, *, acting_user: Principal, now: datetime) -> Team:
    """Only an empty team goes."""
    session = store.session()
    handover.refuse_peopled(session, team.id)
    team.deleted_at = now
    session.info["verb_name"] = "delete"
    session.flush()
    touch_access(session)
    return team
