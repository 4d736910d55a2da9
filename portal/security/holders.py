"""Who may hold records of an entity: people whose roles let them write their own."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, false, select, true

from portal.engine.spec import registry
from portal.engine.tables import RoleScope
from portal.security.principal import Principal


def holds(entity: str, person_id: Any, *, own_only: bool = False) -> ColumnElement[bool]:
    """Whether a person's roles write records of this entity; `own_only`: one of them writes just its own (a rep)."""
    granted = RoleScope.metadata.tables["ab_user_role"]
    wanted = RoleScope.write == "own" if own_only else RoleScope.write != "none"
    return (
        select(granted.c.user_id)
        .join(RoleScope, RoleScope.role_id == granted.c.role_id)
        .where(granted.c.user_id == person_id, RoleScope.entity == entity, wanted)
        .exists()
    )


def assignable(principal: Principal, entity: str) -> ColumnElement[bool]:
    """People the principal may assign records of this entity to."""
    people = registry()["user"].table
    reach = "all" if principal.is_system else principal.to(entity).assign
    match reach:
        case "own":
            return people.c.id == principal.user_id  # type: ignore[no-any-return]
        case "team":
            return people.c.team_id == principal.team_id  # type: ignore[no-any-return]
        case "subtree":
            return people.c.team_id.in_(principal.team_ids)  # type: ignore[no-any-return]
        case "chosen":
            return people.c.team_id.in_(principal.to(entity).teams)  # type: ignore[no-any-return]
        case "all":
            return true()
    return false()
