"""Who decides: superiors, roles, people, and who stands in for them today."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from portal import models
from portal.domain.calendar import company_day
from portal.engine import store
from portal.engine.errors import Refused
from portal.security.duties import roles_for

ADMIN = "admin"
_people: Any = models.User.__table__
_named: Any = models.Delegation.__table__
_roles, _user_roles = (models.User.metadata.tables[name] for name in ("ab_role", "ab_user_role"))


@dataclass(frozen=True, slots=True)
class Approver:
    """Who decides, and in whose place."""

    user_id: int
    for_id: int | None = None


class People:
    """Who leads whom, who is active, who stands in for whom, read once."""

    def __init__(self, now: datetime) -> None:
        connection = store.session().connection()
        rows = connection.execute(select(_people.c.id, _people.c.superior_id, _people.c.active, _people.c.name, _people.c.team_id)).all()
        self.superior: dict[int, int | None] = {row.id: row.superior_id for row in rows}
        self.team: dict[int, int | None] = {row.id: row.team_id for row in rows}
        self.name: dict[int, str] = {row.id: row.name for row in rows}
        self.active = {row.id for row in rows if row.active}
        self.deputies = _deputies(company_day(now))
        self._held: dict[str, list[int]] = {}

    def with_role(self, role: str) -> list[int]:
        if role not in self._held:
            named = roles_for(store.session(), [role])
            held = select(_user_roles.c.user_id).join(_roles, _roles.c.id == _user_roles.c.role_id).where(_roles.c.name.in_(named))
            found = store.session().connection().scalars(held.order_by(_user_roles.c.user_id))
            self._held[role] = [each for each in found if each in self.active]
        return self._held[role]

    def above(self, user_id: int, level: int = 1) -> list[int]:
        """The superior of this level, or nobody; who has left is passed over."""
        found: int | None = user_id
        for _ in range(level):
            found = self._next(found)
        return [] if found is None else [found]

    def _next(self, user_id: int | None) -> int | None:
        seen: set[int | None] = {user_id}
        found = self.superior.get(user_id) if user_id is not None else None
        while found is not None and found not in self.active and found not in seen:
            seen.add(found)
            found = self.superior.get(found)
        return found if found in self.active else None

    def listed(self, who: Iterable[Mapping[str, Any]], asked_by: int) -> list[int]:
        """The people a step names, who asks among them; perhaps nobody."""
        found: list[int] = []
        for each in who:
            match each.get("by"):
                case "superior":
                    found += self.above(asked_by, int(each.get("level", 1)))
                case "role":
                    found += self.with_role(str(each.get("role", "")))
                case "person":
                    found += [person for person in (int(each.get("id", 0)),) if person in self.active]
        return [*dict.fromkeys(found)]

    def named(self, who: Iterable[Mapping[str, Any]], asked_by: int) -> list[int]:
        """Whom a step asks: in the place of who asks decides his superior; where nobody is left, an admin."""
        found = self.listed(who, asked_by)
        if asked_by in found:
            found = [person for person in found if person != asked_by] or self.above(asked_by)
        return found or self.admins(asked_by)

    def admins(self, asked_by: int) -> list[int]:
        """Where nobody is named; the only administrator's own matters are the director's."""
        held = self.with_role(ADMIN), self.with_role("director")
        found = next((others for people in held if (others := [person for person in people if person != asked_by])), [])
        if not found:
            raise Refused("没有人可以审批，请联系管理员。 | There is nobody who could decide. Ask an administrator.", rule="no_approver")
        return found

    def standing_in(self, user_id: int, asked_by: int) -> Approver:
        """The deputy where one is named for today, and his where he is away himself; never who asks."""
        turn, passed = user_id, {user_id}
        while (deputy := self._deputy_of(turn, asked_by)) is not None and deputy not in passed:
            turn = deputy
            passed.add(turn)
        return Approver(user_id) if turn == user_id else Approver(turn, user_id)

    def _deputy_of(self, user_id: int, asked_by: int) -> int | None:
        """The one whose days are the narrowest, where several are named for today."""
        return next((each for each in self.deputies.get(user_id, ()) if each != asked_by and each in self.active), None)

    def is_away(self, user_id: int) -> bool:
        """Whether he has named somebody who decides for him today."""
        return user_id in self.deputies

    def still_stands_in(self, who: Approver) -> bool:
        """Whether he decides for himself, or in the place of somebody who has named him for today, by himself or by his deputy."""
        if who.for_id is None:
            return True
        reached, waiting = {who.for_id}, [who.for_id]
        while waiting:
            further = [each for each in self.deputies.get(waiting.pop(), ()) if each not in reached]
            reached.update(further)
            waiting += further
        return who.user_id in reached - {who.for_id}


def _deputies(day: date) -> dict[int, list[int]]:
    """Who is named for a day, by whom: for the fewest days first, then the newest."""
    wanted = select(_named.c.owner_id, _named.c.deputy_id).where(*_in_force(day, day))
    found: dict[int, list[int]] = {}
    for owner, deputy in store.session().connection().execute(wanted.order_by(_named.c.last_on - _named.c.first_on, _named.c.id.desc())):
        if owner and deputy:
            found.setdefault(owner, []).append(deputy)
    return found


def _in_force(first_on: date, last_on: date) -> tuple[Any, ...]:
    return (_named.c.first_on <= last_on, _named.c.last_on >= first_on, _named.c.deleted_at.is_(None))


def named_already(owner_id: int | None, deputy_id: int | None, days: tuple[date, date], *, but: int | None = None) -> Any:
    """Another deputy whom this person has named for some of these days: `name`, `first_on`, `last_on`; None where there is none."""
    wanted = (
        select(_people.c.name, _named.c.first_on, _named.c.last_on)
        .join(_people, _people.c.id == _named.c.deputy_id)
        .where(_named.c.owner_id == owner_id, _named.c.deputy_id != deputy_id, *_in_force(*days))
    )
    if but is not None:
        wanted = wanted.where(_named.c.id != but)
    return store.session().connection().execute(wanted.order_by(_named.c.first_on).limit(1)).one_or_none()
