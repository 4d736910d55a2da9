"""Who answers for somebody: whom a list of his, a breach, a hand-over goes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from portal.engine import store
from portal.entities.organisation import PortalUser, Team


@dataclass(frozen=True, slots=True)
class Leaders:
    """The company's tree as it stands: of teams (parent, leader), and of people (team, superior, active)."""

    teams: Mapping[int, Any]
    people: Mapping[int, Any]

    def of(self, person_id: int | None) -> int | None:
        """The leader of his team, else of a team above, else the next superior above him: somebody active, and never himself."""
        person = self.people.get(person_id or 0)
        if person is None:
            return None
        return self.of_team(person.team_id, besides=person.id) or self._superior(person)

    def of_team(self, team_id: int | None, *, besides: int | None = None) -> int | None:
        """The active leader of a team, else of a team above, who is not this person."""
        team, passed = self.teams.get(team_id or 0), set[int]()
        while team is not None and team.id not in passed:
            if self._answers(team.leader_id, besides):
                return int(team.leader_id)
            passed.add(team.id)
            team = self.teams.get(team.parent_id or 0)
        return None

    def all_of_teams(self) -> list[int]:
        """Everybody active who leads a team."""
        return sorted({int(team.leader_id) for team in self.teams.values() if self.is_active(team.leader_id)})

    def _superior(self, person: Any) -> int | None:
        above, passed = person.superior_id, {person.id}
        while above is not None and above not in passed:
            if self._answers(above, person.id):
                return int(above)
            passed.add(above)
            above = self.people[above].superior_id if above in self.people else None
        return None

    def is_active(self, person_id: int | None) -> bool:
        found = self.people.get(person_id or 0)
        return found is not None and bool(found.active)

    def _answers(self, person_id: int | None, besides: int | None) -> bool:
        return self.is_active(person_id) and person_id != besides

    def name(self, person_id: int | None) -> str:
        found = self.people.get(person_id or 0)
        return "" if found is None else str(found.name)


def leaders() -> Leaders:
    """Two statements, whatever is asked of it."""
    session, user = store.session(), PortalUser
    teams = session.execute(select(Team.id, Team.parent_id, Team.leader_id).where(Team.deleted_at.is_(None)))
    people = session.execute(select(user.id, user.name, user.active, user.team_id, user.superior_id))
    return Leaders({row.id: row for row in teams}, {row.id: row for row in people})
