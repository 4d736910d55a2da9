"""People: created, changed, placed in team, role and under a superior; who may sign in is `sign_in`'s."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Unpack

from flask_appbuilder.security.sqla.models import Role
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.domain import handover, logins, starting
from portal.engine import audit, store
from portal.engine.errors import Invalid, Refused
from portal.engine.fields import BadValue, Field, Options, View
from portal.engine.kinds import Choices
from portal.engine.kinds.choice import ChoiceField
from portal.engine.kinds.reference import ReferenceField
from portal.engine.operations import operation, parse
from portal.engine.query.among import among
from portal.engine.spec import registry
from portal.engine.text import SEPARATOR, Text, pick, say
from portal.engine.verbs import Outcome, one_by_one, verb
from portal.entities.organisation import PortalUser, Team
from portal.security import account, passwords
from portal.security.duties import duties_of
from portal.security.passing import goes_beyond
from portal.security.principal import Principal
from portal.security.resolve import touch_access
from portal.security.roles import ROLES, role_label

_choices: Any = Choices
_Shipped: type[Choices] = _choices("_Shipped", {key.upper(): (key, role.label) for key, role in ROLES.items()})


class RoleField(ChoiceField):
    """A role by its name or label: the shipped ones, and those an admin has made since."""

    def __init__(self, label: str, **rest: Unpack[Options]) -> None:
        super().__init__(label, _Shipped, **rest)

    def read(self, raw: Any) -> str:
        word = str(raw).strip().casefold()
        for name in role_names():
            if word in {name.casefold(), *(half.casefold() for half in role_label(name).split(SEPARATOR))}:
                return name
        raise BadValue("没有这个角色。可用：{known}。 | There is no such role. There are: {known}.", known=", ".join(role_names()))

    def words(self, value: Any, view: View) -> str:
        return str(pick(role_label(value), view.language)) if value else ""

    def choices(self, view: View) -> list[tuple[str, str]]:
        return [(name, self.words(name, view)) for name in role_names()]

    def schema(self) -> dict[str, Any]:
        """Roles come and go while the portal runs: the contract names none."""
        return Field.schema(self)


def role_names() -> list[str]:
    """Every role there is, the shipped ones first."""
    made = store.session().scalars(select(Role.name).where(Role.name.not_in([*ROLES, "Public"])).order_by(Role.name))
    return [*ROLES, *made]


IN_A_TEAM = frozenset({"leader", "rep"})
LEADS_TEAMS = frozenset({"leader", "director"})
_ADMIN = "admin"

_NO_TEAM = "{name} 要先有团队才能做业务员或组长。 | {name} needs a team to be a rep or leader."
_OWN_ROLE = "自己的角色不能自己改，请让另一位管理员来改。 | You cannot change your own role: ask another administrator."
_BEYOND = (
    "{name} 的角色有你没有的权限，请让管理角色的人来做。"
    " | The role of {name} gives rights that you do not have: ask somebody who manages roles."
)
_LAST_ADMIN = "至少要有一位能登录的管理员。 | There must be an administrator who can sign in."
_LOOP = "上级不能是本人或他的下级。 | A superior cannot be the person or one of his people."
_GONE = "这个团队已删除。 | This team is deleted."
_ODD_LOGIN = "登录名用字母、数字、点、横线、下划线或 @，不要空格。 | A login has letters, digits, dots, lines or @, and no spaces."
_AWAY = "上级已停用，请另选一位。 | The superior is inactive. Choose somebody else."


# created ----------------------------------------------------------------------------------------


@operation("user", "create")
def create_person(values: dict[str, Any], *, acting_user: Principal, now: datetime) -> PortalUser:
    """Somebody new, who cannot sign in until he is invited. The login is proposed from the name unless given."""
    session = store.session()
    email = str(values.get("email", "")).strip().casefold()
    wanted = account.typed(str(values.get("username") or ""))
    if wanted and not logins.usable(wanted):
        raise Invalid({"username": say(_ODD_LOGIN)})
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
    refuse_beyond(session, person, acting_user)
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
    """The first administrator, who signs in with this password. His company is furnished where it has nothing yet."""
    session, spec = store.session(), registry()["user"]
    fields = tuple(spec.field(key) for key in ("name", "email", "username"))
    values = parse(spec, {"name": name, "email": email, "username": login}, fields=fields, view=View(now=now), whole=True)
    if problem := passwords.problem(password, about=(name, login, email)):
        raise Invalid({"password": problem})
    person: PortalUser = create_person(values, acting_user=session.info["principal"], now=now)
    person.active, person.invited_at, person.roles = True, now, [_role(session, _ADMIN)]
    session.flush()
    account.set_password(session, person.id, password, now)
    touch_access(session)
    starting.furnish(session)
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
        ("role", RoleField("角色 | Role", help="空着不变。 | Empty: unchanged.")),
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
        refuse_beyond(session, person, acting_user, becoming=role)
        new_team = team_id or person.team_id
        new_role = role or _role_of(person)
        if duties_of(session).get(new_role) in IN_A_TEAM and new_team is None:
            raise Refused(_NO_TEAM, rule="team", name=person.name)
        if superior_id is not None:
            _refuse_loop(session, person.id, superior_id)
        if new_role != _ADMIN:
            keep_an_admin(session, without=person.id)
        if role and role != _role_of(person) and person.id == acting_user.user_id:
            raise Refused(_OWN_ROLE, rule="own_role")
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

    return each(people, one)


def refuse_beyond(session: Session, person: PortalUser, acting_user: Principal, *, becoming: str = "") -> None:
    """Raises `Refused` where the person holds, or would get, more than whoever acts has himself."""
    held = [role.name for role in person.roles]
    if goes_beyond(session, acting_user, [*held, becoming] if becoming else held):
        raise Refused(_BEYOND, rule="beyond", name=person.name)


def beyond(session: Session, ids: Sequence[int], acting_user: Principal) -> dict[int, Text]:
    """Of these people those who hold more than whoever acts, each with the reason why he leaves them alone."""
    held: dict[int, tuple[str, set[str]]] = {}
    rows = select(PortalUser.id, PortalUser.name, Role.name).join(PortalUser.roles).where(among(PortalUser.id, ids))
    for person_id, name, role in session.execute(rows):
        held.setdefault(person_id, (name, set()))[1].add(role)
    wider = {roles: goes_beyond(session, acting_user, roles) for roles in {frozenset(roles) for _, roles in held.values()}}
    return {person_id: say(_BEYOND, name=name) for person_id, (name, roles) in held.items() if wider[frozenset(roles)]}


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


def keep_an_admin(session: Session, *, without: int) -> None:
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


def each(people: Iterable[PortalUser], one: Callable[[PortalUser], None]) -> Outcome:
    """Each person by himself; what he may counts anew from everybody's next request on."""
    session = store.session()
    touch_access(session)
    outcome = one_by_one(people, one)
    session.flush()
    return outcome
