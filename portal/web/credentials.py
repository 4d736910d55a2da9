"""The one check behind every door that takes a password: limits, right or wrong, inactive, forced change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

import structlog
from flask import current_app, request
from sqlalchemy import update
from sqlalchemy.orm import Session

from portal.engine import audit, store
from portal.engine.errors import PortalError
from portal.engine.spec import registry
from portal.engine.text import Text
from portal.security import account, passwords
from portal.security.account import Account
from portal.security.principal import NOBODY, Principal, system_principal
from portal.security.resolve import access_version, resolve
from portal.web import throttle

log = structlog.get_logger()

SIGN_IN, LINK = "sign_in", "link"
_WARN_BELOW = 4


class SignInRefused(PortalError):
    """Why nobody was let in."""

    status: ClassVar[int] = 403  # type: ignore[misc]


class WrongPassword(SignInRefused):
    """Account or password: which of the two is not told."""

    status: ClassVar[int] = 401  # type: ignore[misc]
    rule = "wrong"

    def __init__(self, left: int, minutes: int) -> None:
        words = "登录名或密码不对。 | Login or password is wrong."
        if left < _WARN_BELOW:
            words = (
                "登录名或密码不对。再错 {left} 次要等 {minutes} 分钟。"
                " | Login or password is wrong. After {left} more mistakes you have to wait {minutes} min."
            )
        super().__init__(words, left=left, minutes=minutes)


_INACTIVE = "这个账号已停用，请联系管理员。 | This account is inactive. Ask an administrator."
_DEMO = "演示密码不能用于生产环境，请联系管理员。 | Demo passwords do not work in production. Ask an administrator."


@dataclass(frozen=True, slots=True)
class Visitor:
    """Where an attempt comes from."""

    address: str
    agent: str

    @classmethod
    def now_here(cls) -> Visitor:
        return cls(request.remote_addr or "", request.user_agent.string or "")


def check(session: Session, login: str, password: str, now: datetime) -> Account:
    """The account, when it may sign in. Counts, audits, commits; raises `SignInRefused` or `TooMany`."""
    who, visitor = account.typed(login), Visitor.now_here()
    with _unit(session, now):
        found = account.find(session, who)
        kept = throttle.limits(SIGN_IN, who, found, visitor.address, now)
        left = _counted(session, kept, found, now)
    right = passwords.matches(found.password if found else None, password)
    if found is None or not right:
        with _unit(session, now):
            audit.write(session, verb="sign_in_failed", entity="user", record_id=found.id if found else None)
        raise WrongPassword(left, int(kept[0].wait.total_seconds() // 60))
    with _unit(session, now):
        throttle.forgive(session, *kept, now)
        if reason := _refusal(found, password):
            audit.write(session, verb="sign_in_refused", entity="user", record_id=found.id, reason=reason.in_("en"))
    if reason:
        raise SignInRefused(reason.template, rule="inactive" if not found.active else "demo_password")
    return found


def admit(session: Session, found: Account, kind: str, now: datetime) -> str:
    """Open a session for a checked account; returns its key."""
    visitor, people = Visitor.now_here(), registry()["user"].table
    with store.unit_of_work(_as(session, found, now), now):
        session.connection().execute(update(people).where(people.c.id == found.id).values(last_login=now.replace(tzinfo=None)))
        audit.write(session, verb="sign_in", entity="user", record_id=found.id)
        return account.open_session(session, user_id=found.id, kind=kind, address=visitor.address, agent=visitor.agent, now=now)


def _counted(session: Session, kept: tuple[throttle.Limit, throttle.Limit], found: Account | None, now: datetime) -> int:
    left = throttle.count(session, kept, now)
    if left == 0:
        log.warning("sign_in_blocked", user_id=found.id if found else None)
        audit.write(session, verb="sign_in_blocked", entity="user", record_id=found.id if found else None)
    return left


def _refusal(found: Account, password: str) -> Text | None:
    """Only told to who knows the password, so that nobody learns of an account by it."""
    if not found.active:
        return Text(_INACTIVE)
    production = current_app.extensions["portal_config"].env == "production"
    return Text(_DEMO) if production and passwords.is_demo_password(password) else None


@contextmanager
def _unit(session: Session, now: datetime) -> Iterator[None]:
    """A unit of work of signing in: afterwards the request is again who it was."""
    before = session.info.get("principal", NOBODY)
    try:
        with store.unit_of_work(system_principal("sign-in"), now):
            yield
    finally:
        session.info["principal"] = before


def _as(session: Session, found: Account, now: datetime) -> Principal:
    """The person himself stands in the history; somebody without rights yet is still somebody."""
    return resolve(session, found.id, access_version(session), now) if found.active else NOBODY
