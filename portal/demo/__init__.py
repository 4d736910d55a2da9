"""The demo company: generated, the same every time, relative to the day it is loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import create_engine, exists, func, pool, select
from sqlalchemy.orm import Session

from portal.demo import approvals, company, contacts, contracts, custom, customers, deals, leads, notices, reports, sharing
from portal.demo.rows import Stage
from portal.domain import class_review, imports
from portal.domain.worktime import WorkCalendar
from portal.engine import store
from portal.engine.clock import clock
from portal.engine.errors import Refused
from portal.engine.importing import read_mapping
from portal.models import Lead, User
from portal.security import session as gate
from portal.security.principal import system_principal
from portal.security.resolve import touch_access

if TYPE_CHECKING:
    from config import Config

_LOCK = 711_904
_MAPPINGS = Path(__file__).resolve().parents[2] / "docs" / "mappings"


def load(config: Config) -> bool:
    """Fill an empty, upgraded database; False where somebody or some lead is there already.

    Raises `Refused` in production: the demo accounts share a password that everybody knows.
    """
    if config.env == "production":
        raise Refused("正式环境不能载入演示数据。 | The demo company cannot be loaded in production.", rule="production")
    gate.install()
    engine = create_engine(store.with_driver(config.database_url), poolclass=pool.NullPool)
    try:
        with Session(engine, autoflush=False) as session:
            now = clock.now()
            principal = system_principal("portal demo")
            with store.bound(session), store.unit_of_work(principal, now):
                session.connection().execute(select(func.pg_advisory_xact_lock(_LOCK)))
                if not is_empty(session):
                    return False
                _write(Stage(session, now, WorkCalendar(zone=ZoneInfo(config.time_zone)), Path(config.home) / "files"))
            return True
    finally:
        engine.dispose()


def is_empty(session: Session) -> bool:
    """Nobody and no lead is there."""
    people = select(exists().where(User.id > 0))
    found = select(exists().where(Lead.id > 0))
    return not session.connection().scalar(people) and not session.connection().scalar(found)


def _write(stage: Stage) -> None:
    firm = company.found(stage)
    planned = leads.plan(stage, firm)
    talks = contacts.contact(stage, planned)
    leads.write_leads(stage, firm, planned)
    contacts.write_contacts(stage, talks)
    reports.write_reports(stage, firm, talks)
    notices.notify(stage, planned)
    customers.write_customers(stage, firm)
    deals.write_deals(stage, firm)
    approvals.ask(stage, firm)
    contracts.write_contracts(stage, firm)
    sharing.let_in(stage, firm)
    class_review.propose(stage.now)
    custom.fields(stage, firm)
    notices.in_order(stage)
    _mappings(stage)
    touch_access(stage.session)


def _mappings(stage: Stage) -> None:
    """The import mappings that the documentation explains."""
    for file in sorted(_MAPPINGS.glob("*.json")):
        given = json.loads(file.read_text(encoding="utf-8"))
        imports.keep(stage.session, given["name"], read_mapping(given), acting_user=system_principal("portal demo"), now=stage.now)
