"""The principal: a frozen answer to who acts, resolved once per request and valid for one access version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

AssignReach = Literal["none", "own", "team", "subtree", "chosen", "all"]


@dataclass(frozen=True, slots=True)
class Access:
    """What one role gives on one entity: scope branches for reading and writing, whom it may assign to.

    A person with several roles has the access of the widest one, rows and fields together, never the rows of
    one with the fields of another.
    """

    role: str = ""
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    assign: AssignReach = "none"
    teams: tuple[int, ...] = ()
    """For the branch `chosen`: the teams an admin chose, and all below them."""
    shared: tuple[int, ...] = ()
    """For the branch `shared`: records that somebody let this person into."""
    joined: tuple[int, ...] = ()
    """For the branch `joined`: those of them that he may change."""

    @property
    def reach(self) -> tuple[str, ...]:
        """What is his by role: a participant edits and logs, but neither removes a record nor gives it away."""
        return tuple(branch for branch in self.write if branch != "joined")


NO_ACCESS = Access()


@dataclass(frozen=True, slots=True, eq=False)
class Principal:
    """Who acts. `key` names this value in caches: same key, same rights."""

    user_id: int = 0
    name: str = ""
    login: str = ""
    team_id: int | None = None
    team_ids: tuple[int, ...] = ()
    """The own team and all below it."""
    roles: tuple[str, ...] = ()
    verbs: frozenset[str] = frozenset()
    access: Mapping[str, Access] = field(default_factory=dict)
    until: datetime | None = None
    """When the first of what he was let into ends: from then on he is resolved anew."""
    levels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Entity → field → how far an administrator lets him go with it, where that is less than its declaration says."""
    lent: frozenset[str] = frozenset()
    """Record types of which a waiting approval task lets its holder read the record."""
    key: str = "nobody"
    is_system: bool = False
    note: str = ""
    """For the system: the reason it acts, shown in the history."""

    def may(self, permission: str) -> bool:
        """Whether the verb (`lead:claim`) is granted; which rows it takes is the gate's question."""
        return self.is_system or permission in self.verbs

    def level(self, entity: str, key: str) -> str:
        """`none`, `masked`, `read` or `edit`; the declaration of the field may say less."""
        found = self.levels.get(entity)
        return "edit" if found is None else found.get(key, "edit")

    def to(self, entity: str) -> Access:
        return self.access.get(entity, NO_ACCESS)


NOBODY = Principal()


def system_principal(reason: str) -> Principal:
    """The portal itself, for whole jobs, start-up, login and commands; never inside a person's request."""
    return Principal(is_system=True, note=reason, name="system", key="system")
