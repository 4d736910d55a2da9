"""`portal create-admin` and `portal accounts`: the first person, and the accounts of the demo company."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import create_engine, pool, select
from sqlalchemy.orm import Session

from portal.demo.accounts import ACCOUNTS, demo_password
from portal.domain import people
from portal.engine import audit, store
from portal.engine.clock import clock
from portal.engine.errors import Refused
from portal.entities.organisation import PortalUser
from portal.security import session as gate
from portal.security.principal import system_principal

if TYPE_CHECKING:
    from config import Config

__all__ = ["DemoAccount", "accounts", "accounts_json", "create_admin", "demo_password"]


@dataclass(frozen=True, slots=True)
class DemoAccount:
    login: str
    password: str
    role: str
    team: str


def accounts(config: Config) -> list[DemoAccount]:
    """The demo accounts of this database, as `portal accounts --json` prints them; none in production."""
    if config.env == "production":
        raise Refused("生产环境没有演示账号。 | There are no demo accounts in production.", rule="production")
    with _open(config, "portal accounts", clock.now()) as session:
        able = set(session.scalars(select(PortalUser.username).where(PortalUser.active)))
    return [
        DemoAccount(known["login"], demo_password(known["login"]), known["role"], known["team"])
        for known in ACCOUNTS if known["login"] in able
    ]


def accounts_json(config: Config) -> list[dict[str, str]]:
    """The same as plain data."""
    return [asdict(account) for account in accounts(config)]


def create_admin(config: Config, *, login: str, name: str, email: str, password: str) -> int:
    """An administrator who can sign in at once; returns his id. A weak password or a taken login is refused."""
    now = clock.now()
    with _open(config, "portal create-admin", now) as session:
        principal = session.info["principal"]
        with store.bound(session), store.unit_of_work(principal, now):
            return people.create_admin(login=login, name=name, email=email, password=password, now=now).id


def _open(config: Config, reason: str, now: datetime) -> Session:
    """A session of this command's own, acting as the portal."""
    gate.install()
    audit.install(Session)
    engine = create_engine(store.with_driver(config.database_url), poolclass=pool.NullPool)
    session = Session(engine, autoflush=False)
    session.info.update(principal=system_principal(reason), now=now)
    return session
