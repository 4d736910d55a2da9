"""`portal upgrade`: migrations, roles, permissions. Runs as often as you like."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alembic import command
from alembic.config import Config as AlembicConfig
from flask_appbuilder.security.sqla.models import Permission, PermissionView, Role, ViewMenu
from sqlalchemy import create_engine, pool, select
from sqlalchemy.orm import Session

from portal import domain
from portal.engine import store
from portal.engine.errors import WrongDeclaration
from portal.engine.spec import registry
from portal.engine.tables import AuditEvent, RoleScope
from portal.security import session as gate
from portal.security.permissions import all_permissions
from portal.security.principal import system_principal
from portal.security.resolve import fab_names, touch_access
from portal.security.roles import ROLES

if TYPE_CHECKING:
    from config import Config

ROOT = Path(__file__).resolve().parents[2]


def upgrade(config: Config) -> None:
    """Bring the database of this configuration to the newest shape, with the shipped roles in it."""
    alembic = alembic_config(config.database_url)
    engine = create_engine(store.with_driver(config.database_url), poolclass=pool.NullPool)
    with engine.begin() as connection:
        alembic.attributes["connection"] = connection
        command.upgrade(alembic, "head")
    domain.load()
    gate.install()
    with Session(engine) as session:
        session.info["principal"] = system_principal("portal upgrade")
        sync_roles(session)
        session.commit()
    engine.dispose()


def alembic_config(database_url: str) -> AlembicConfig:
    config = AlembicConfig(str(ROOT / "alembic.ini"))
    config.set_main_option("script_location", str(ROOT / "migrations"))
    config.set_main_option("sqlalchemy.url", database_url.replace("%", "%%"))
    return config


def sync_roles(session: Session) -> None:
    """Add what is missing: new permissions, roles and their scopes. What an admin has set by hand stays as he set it."""
    known = set(session.scalars(select(PermissionView.id)))
    pairs = _permissions(session)
    fresh = {verb for verb, pair in pairs.items() if pair.id not in known}
    _refuse_unknown(pairs.keys())
    for name, shipped in ROLES.items():
        role = session.scalar(select(Role).where(Role.name == name))
        if role is None:
            role = Role(name=name)
            session.add(role)
            session.flush()
        have = {pair.id for pair in role.permissions}
        wanted = fresh if _edited(session, role.id) else pairs.keys()
        role.permissions.extend(pairs[verb] for verb in dict.fromkeys(shipped.verbs) if pairs[verb].id not in have and verb in wanted)
        for entity, reach in shipped.reach.items():
            if session.get(RoleScope, (role.id, entity)) is None:
                session.add(RoleScope(role_id=role.id, entity=entity, read=reach.read, write=reach.write, assign=reach.assign))
    session.flush()
    touch_access(session)


def _edited(session: Session, role_id: int) -> bool:
    """Whether an admin has set this role's rights by hand: what he took away stays away."""
    events: Any = AuditEvent.__table__
    by_hand = select(events.c.id).where(events.c.entity == "role", events.c.record_id == role_id, events.c.verb == "role:save")
    return session.connection().scalar(by_hand.limit(1)) is not None


def _refuse_unknown(known: Collection[str]) -> None:
    """A right that nothing asks for is a slip of the pen, and would give nobody anything."""
    for name, shipped in ROLES.items():
        if unknown := [verb for verb in shipped.verbs if verb not in known]:
            raise WrongDeclaration(f"role {name!r} grants {', '.join(unknown)}, which no entity, screen or @verb declares")
        if unknown := [entity for entity in shipped.reach if entity not in registry()]:
            raise WrongDeclaration(f"role {name!r} has a reach on {', '.join(unknown)}, which is no entity")


def _permissions(session: Session) -> dict[str, PermissionView]:
    names = {p.name: p for p in session.scalars(select(Permission))}
    views = {v.name: v for v in session.scalars(select(ViewMenu))}
    have = {(pv.permission.name, pv.view_menu.name): pv for pv in session.scalars(select(PermissionView))}
    found = {}
    for permission in all_permissions():
        key = fab_names(permission)
        if key not in have:
            name = names.setdefault(key[0], Permission(name=key[0]))
            view = views.setdefault(key[1], ViewMenu(name=key[1]))
            have[key] = PermissionView(permission=name, view_menu=view)
            session.add(have[key])
        found[permission] = have[key]
    session.flush()
    return found
