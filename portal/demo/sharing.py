"""Colleagues let into customers: within a team by its leader, across teams by the director."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from portal.demo.company import Company, Person
from portal.demo.rows import Stage
from portal.domain.sharing import share
from portal.entities.sharing import Level
from portal.models import Customer
from portal.security.resolve import access_version, resolve
from portal.security.session import entrusted

_DAYS = 30


def let_in(stage: Stage, company: Company) -> None:
    """By the portal's own verb, so that notices and lines of history are there."""
    reps, director = company.of_role("rep"), company.of_role("director")[0]
    for leader in company.of_role("leader"):
        first, second, *_ = [rep for rep in reps if rep.leader_id == leader.id]
        _share(stage, leader, first, second, Level.WRITE, "一起谈年度框架")
    strangers = [rep for rep in reps if rep.leader_id != reps[0].leader_id]
    _share(stage, director, reps[0], strangers[0], Level.READ, "参考报价")


def _share(stage: Stage, by: Person, owner: Person, guest: Person, level: Level, note: str) -> None:
    who = resolve(stage.session, by.id, access_version(stage.session), stage.now)
    until = stage.today + timedelta(days=_DAYS)
    with entrusted(stage.session, who):
        wanted = select(Customer).where(Customer.owner_id == owner.id).order_by(Customer.id).offset(2).limit(2)
        ours = list(stage.session.scalars(wanted))
        share("customer", ours, acting_user=who, now=stage.now, to_id=guest.id, level=level.value, until=until, note=note)
