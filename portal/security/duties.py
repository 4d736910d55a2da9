"""What a role stands for. Reports, approvals and notices ask for a shipped role's people; a role made like it is asked too."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import FromClause, or_, select
from sqlalchemy.orm import Session

from portal.engine.tables import RoleDuty
from portal.security.roles import ROLES


def _roles() -> FromClause:
    return RoleDuty.metadata.tables["ab_role"]


def roles_for(session: Session, duties: Collection[str]) -> list[str]:
    """The names of all roles that stand for one of these: they themselves, and those made to act as one."""
    role = _roles().c
    wanted = select(role.name).outerjoin(RoleDuty, RoleDuty.role_id == role.id)
    return list(session.connection().scalars(wanted.where(or_(role.name.in_(duties), RoleDuty.acts_as.in_(duties))).order_by(role.id)))


def duties_of(session: Session) -> dict[str, str]:
    """Each role's name → the shipped role whose duties its people have; one that has none is left out."""
    role = _roles().c
    made = session.connection().execute(select(role.name, RoleDuty.acts_as).join(RoleDuty, RoleDuty.role_id == role.id))
    return {**{name: name for name in ROLES}, **{name: acts_as for name, acts_as in made if acts_as}}
