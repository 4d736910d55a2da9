"""Who may sign in: invited, given a new password, deactivated, let in again; links by mail."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from portal.domain import handover, reports
from portal.domain.people import each, keep_an_admin, refuse_beyond
from portal.engine import audit, store
from portal.engine.errors import Refused
from portal.engine.kinds.texts import is_unknown
from portal.engine.outbox import both
from portal.engine.tables import Outbox
from portal.engine.text import say
from portal.engine.verbs import Outcome, verb
from portal.entities.organisation import PortalUser
from portal.security import account
from portal.security.account import INVITATION_LIVES, LINK_LIVES, Account
from portal.security.principal import Principal
from portal.security.resolve import touch_access

_INVITED = "{name} 已经能登录；忘了密码请用“重设密码”。 | {name} can sign in already; use “Reset password” instead."
_INACTIVE = "{name} 已停用；请先恢复。 | {name} is inactive; reactivate first."
_NOT_YET = "{name} 还没有被邀请过。 | {name} has not been invited yet."
_ACTIVE = "{name} 是在用的账号。 | {name} is active."
_NO_ADDRESS = "{name} 还没有邮箱；请先编辑他的资料，填上邮箱。 | {name} has no e-mail address yet; edit the person and enter one first."
_YOURSELF = "不能对自己做这个操作。 | You cannot do this to yourself."

_INVITATION = "你被邀请使用销售门户，登录名 {login} | You are invited to the sales portal; your login is {login}"
_INVITATION_BODY = "点下面的链接设密码，72 小时内有效。 | Follow the link to set a password. It works for 72 hours."
_RESET = "设置销售门户的新密码 | Set a new password for the sales portal"
_RESET_BODY = (
    "点下面的链接设新密码，一小时内有效。不是你本人申请的，请不要理会。"
    " | Follow the link to set a new password. It works for one hour. If you did not ask for it, do nothing."
)
_RESET_BY_ADMIN = (
    "管理员重设了你的密码。点下面的链接设新密码，72 小时内有效。"
    " | An administrator reset your password. Follow the link to set a new one. It works for 72 hours."
)
_RESET_HELP = (
    "现在的密码和登录立刻失效，新密码由本人从邮件里设。"
    " | The current password and sessions end at once; the person sets a new one from a mail."
)


@verb(
    "user:invite",
    "邀请 | Invite",
    icon="mail-forward",
    takes=("all",),
    bulk=True,
    help="发一封邮件，本人设密码后即可登录。 | Sends a mail; the person sets a password and can sign in.",
)
def invite(people: Sequence[PortalUser], *, acting_user: Principal, now: datetime) -> Outcome:
    """From now on the person may sign in; the link sets the password. Inviting again replaces the link."""

    def one(person: PortalUser) -> None:
        refuse_beyond(store.session(), person, acting_user)
        if person.password:
            raise Refused(_INVITED if person.active else _INACTIVE, rule="invited", name=person.name)
        _refuse_without_address(person)
        person.active, person.invited_at = True, now
        _mail_link(person.id, now, say(_INVITATION, login=person.username), _INVITATION_BODY, invitation=True)

    return each(people, one)


@verb("user:reset_password", "重设密码 | Reset password", icon="key", takes=("all",), bulk=True, help=_RESET_HELP)
def reset_password(people: Sequence[PortalUser], *, acting_user: Principal, now: datetime) -> Outcome:
    """The administrator never learns the new password."""

    def one(person: PortalUser) -> None:
        if person.id == acting_user.user_id:
            raise Refused(_YOURSELF, rule="yourself")
        refuse_beyond(store.session(), person, acting_user)
        if not person.active:
            raise Refused(_INACTIVE if person.invited_at else _NOT_YET, rule="inactive", name=person.name)
        _refuse_without_address(person)
        _shut_out(store.session(), person, now)
        _mail_link(person.id, now, say(_RESET), _RESET_BY_ADMIN, invitation=True)

    return each(people, one)


@verb(
    "user:deactivate",
    "停用 | Deactivate",
    icon="user-off",
    takes=("all",),
    bulk=True,
    inverse="reactivate",
    help="登录立刻结束，他的记录进组长的交接清单。 | Sessions end at once; his records go to the leader's hand-over list.",
)
def deactivate(people: Sequence[PortalUser], *, acting_user: Principal, now: datetime) -> Outcome:
    """Open sessions and tokens end at the next request, waiting mails are dropped, the leader hears of the records."""
    session = store.session()
    touch_access(session)

    def one(person: PortalUser) -> None:
        if person.id == acting_user.user_id:
            raise Refused(_YOURSELF, rule="yourself")
        refuse_beyond(session, person, acting_user)
        if not person.active:
            raise Refused(_INACTIVE, rule="inactive", name=person.name)
        keep_an_admin(session, without=person.id)
        person.active = False
        account.end_sessions(session, [person.id], now)
        account.drop_link(session, person.id)
        handover.drop_mails(session, person.id, now)
        session.flush()
        reports.excuse(person.id, now=now)
        handover.tell_leader(session, person, now)

    return each(people, one)


@verb(
    "user:reactivate",
    "恢复 | Reactivate",
    icon="user-check",
    takes=("all",),
    bulk=True,
    inverse="deactivate",
    help="发一封邮件，本人重新设密码。 | Sends a mail; the person sets a new password.",
)
def reactivate(people: Sequence[PortalUser], *, acting_user: Principal, now: datetime) -> Outcome:
    """Back again, with a new password: the old one is not trusted any more."""

    def one(person: PortalUser) -> None:
        refuse_beyond(store.session(), person, acting_user)
        if person.active:
            raise Refused(_ACTIVE, rule="active", name=person.name)
        if person.invited_at is None:
            raise Refused(_NOT_YET, rule="not_invited", name=person.name)
        _refuse_without_address(person)
        person.active = True
        _shut_out(store.session(), person, now)
        _mail_link(person.id, now, say(_RESET), _RESET_BY_ADMIN, invitation=True)

    return each(people, one)


def send_link(found: Account | None, *, now: datetime) -> None:
    """Forgotten password: the link goes to the address on record. Unknown accounts cost the same statements."""
    session = store.session()
    known = found if found is not None and found.active else None
    audit.write(session, verb="password_link", entity="user", record_id=known.id if known else None)
    if known is None:
        account.new_link(session, 0, now)
        return
    _mail_link(known.id, now, say(_RESET), _RESET_BODY)


def _refuse_without_address(person: PortalUser) -> None:
    """Somebody imported without an e-mail address gets no link until he has one."""
    if is_unknown(person.email):
        raise Refused(_NO_ADDRESS, rule="no_address", name=person.name)


def _mail_link(user_id: int, now: datetime, subject: Any, body: str, *, invitation: bool = False) -> None:
    """By mail only: a bell cannot be heard by who cannot sign in. The database keeps the token's digest."""
    session = store.session()
    session.flush()
    token = account.new_link(session, user_id, now, lives=INVITATION_LIVES if invitation else LINK_LIVES)
    session.execute(
        insert(Outbox).values(
            recipient_id=user_id,
            event_key=f"password:{account.digest(token)}",
            channel="mail",
            subject=both(subject),
            body={"text": both(body), "href": f"/password/reset/{token}"},
            entity="user",
            record_id=user_id,
            created_at=now,
            due_at=now,
        )
    )


def _shut_out(session: Session, person: PortalUser, now: datetime) -> None:
    person.password = None
    account.end_sessions(session, [person.id], now)
