"""Nobody passes on more than he holds: whose account, and which role, somebody may touch."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy.orm import Session

from portal.security.principal import Access, Principal
from portal.security.resolve import rights_of
from portal.security.scopes import branches_of, width

KEEPS_ROLES = "role_desk:edit"
"""Whoever sets what roles may do could give himself any right by way of another person; nothing goes beyond him."""


def goes_beyond(session: Session, who: Principal, roles: Collection[str]) -> bool:
    """Whether roles, by name, give a right, rows, or people to assign to that this person has not himself."""
    if who.may(KEEPS_ROLES) or set(roles) <= set(who.roles):
        return False
    verbs, access = rights_of(session, roles)
    return not verbs <= who.verbs or any(_wider(given, who.to(entity)) for entity, given in access.items())


def _wider(given: Access, held: Access) -> bool:
    return (
        width(given.read) > width(held.read)
        or width(given.write) > width(held.reach)
        or width(branches_of(given.assign)) > width(branches_of(held.assign))
        or not set(given.teams) <= set(held.teams)
    )
