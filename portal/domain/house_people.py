"""Who is there, and what of them is missing: a role, a team, a superior, an invitation, rows to see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, or_, select

from portal import models
from portal.domain import role_desk
from portal.domain.people import IN_A_TEAM
from portal.engine import store
from portal.engine.spec import registry
from portal.engine.tables import RoleScope
from portal.engine.text import SEPARATOR, Text, say
from portal.security.roles import role_label

BAD, WARN, QUIET = "bad", "warn", ""
_AT_THE_TOP = frozenset({"admin", "director"})
_BY_TEAM = ("team", "subtree")
_BLIND = "角色“{role}”有查看权，却一条也看不到 | Role {role} may look and sees nothing"
_roles, _held = (models.User.metadata.tables[name] for name in ("ab_role", "ab_user_role"))
_people: Any = models.User.__table__


@dataclass(frozen=True, slots=True)
class Gap:
    """One thing to mend by who holds `needs`. `names`: (what it is called, where it is)."""

    tone: str
    title: Text
    why: Text
    href: str
    act: str
    needs: str
    names: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Person:
    """What of somebody may be missing. `in_team`: his role reaches as far as his team."""

    id: int
    name: str
    active: bool
    team_id: int | None
    led: bool
    waits: bool
    roles: Mapping[int, str]
    in_team: bool

    @property
    def link(self) -> tuple[str, str]:
        return self.name, f"/user/{self.id}"

    @property
    def role_names(self) -> set[str]:
        return set(self.roles.values())


def everybody() -> list[Person]:
    """All people with their roles, those who left too."""
    above = _people.alias("above")
    reach = select(RoleScope.role_id).where(
        or_(*(scope.contains(word) for scope in (RoleScope.read, RoleScope.write) for word in _BY_TEAM))
    )
    wanted = (
        select(
            _people.c.id,
            _people.c.name,
            _people.c.active,
            _people.c.team_id,
            func.coalesce(above.c.active, False).label("led"),
            (_people.c.invited_at.is_(None) & _people.c.password.is_(None)).label("waits"),
            func.array_remove(func.array_agg(_roles.c.id), None).label("role_ids"),
            func.array_remove(func.array_agg(_roles.c.name), None).label("role_names"),
            func.coalesce(func.bool_or(_roles.c.name.in_(IN_A_TEAM) | _roles.c.id.in_(reach)), False).label("in_team"),
        )
        .outerjoin(above, above.c.id == _people.c.superior_id)
        .outerjoin(_held, _held.c.user_id == _people.c.id)
        .outerjoin(_roles, _roles.c.id == _held.c.role_id)
        .group_by(_people.c.id, above.c.active)
        .order_by(_people.c.name, _people.c.id)
    )
    rows = store.session().execute(wanted)
    return [
        Person(
            row.id,
            row.name,
            bool(row.active),
            row.team_id,
            row.led,
            row.waits,
            dict(zip(row.role_ids, row.role_names, strict=True)),
            row.in_team,
        )
        for row in rows
    ]


def of_people(people: Sequence[Person], working: Sequence[Person]) -> Iterator[Gap]:
    place, act = "user:place", "安排 | Place"
    told = (
        (
            BAD,
            [person for person in working if not person.roles],
            "没有角色：{n} 人 | Without a role: {n}",
            "登录后什么也看不到。 | They see nothing after signing in.",
        ),
        (
            BAD,
            [person for person in working if person.in_team and person.team_id is None],
            "没有团队：{n} 人 | Without a team: {n}",
            "看不到本组的记录，也不在组长的看板上。 | They see no team's records and stand on no leader's board.",
        ),
        (
            WARN,
            [person for person in working if person.roles and not person.led and not person.role_names & _AT_THE_TOP],
            "没有在职的上级：{n} 人 | Without an active superior: {n}",
            "要上级批的事会落到管理员头上。 | What a superior would decide comes to an administrator.",
        ),
    )
    for tone, whom, title, why in told:
        if whom:
            yield Gap(tone, say(title, n=len(whom)), say(why), _list_of(whom), act, place, links(whom))
    if waiting := [person for person in people if person.waits]:
        title, why = (
            "还没有邀请：{n} 人 | Not invited yet: {n}",
            "账号已经建好，本人还不能登录。 | Their accounts are there, but they cannot sign in.",
        )
        yield Gap(WARN, say(title, n=len(waiting)), say(why), _list_of(waiting), "邀请 | Invite", "user:invite", links(waiting))


def of_reach(working: Sequence[Person]) -> Iterator[Gap]:
    """Roles that may look at records and reach none of them: who holds one cannot see what he should."""
    held: dict[int, list[Person]] = {}
    for person in working:
        for role_id in person.roles:
            held.setdefault(role_id, []).append(person)
    owned = [spec for spec in registry().values() if spec.scope == "owner"]
    for role_id, rights in role_desk.rights_of_all(store.session()).items():
        blind = [spec.label for spec in owned if f"{spec.name}:read" in rights.verbs and rights.to(spec.name).read in ("", "none")]
        if blind and role_id in held:
            whom = held[role_id]
            title = say(
                "角色“{role}”有查看权，却一条也看不到 | Role {role} may look and sees nothing", role=role_label(whom[0].roles[role_id])
            )
            why = say("范围是“无”：{what} | It reaches none of: {what}", what=_listed(blind))
            yield Gap(WARN, title, why, f"/roles/{role_id}", "改范围 | Change the reach", "role_desk:read", links(whom))


def links(people: Iterable[Person]) -> tuple[tuple[str, str], ...]:
    return tuple(person.link for person in people)


def _list_of(people: Sequence[Person]) -> str:
    """One person's own page, where the verb is; the list for several."""
    return people[0].link[1] if len(people) == 1 else "/user/"


def _listed(words: Iterable[str]) -> Text:
    halves = [word.split(SEPARATOR) for word in words]
    return Text(f"{'、'.join(half[0] for half in halves)}{SEPARATOR}{', '.join(half[-1] for half in halves)}")
