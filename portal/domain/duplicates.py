"""Whether a lead or customer is there already, across scopes: the one read that looks past them, and tells only four facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, literal, or_, select
from sqlalchemy.orm import Session

from portal import models
from portal.domain.calendar import company_day, company_zone
from portal.domain.ownership import lock_people
from portal.engine import audit, store
from portal.engine.entity import entity_name
from portal.engine.errors import Refused
from portal.engine.mask import normalise_name, phone_digits
from portal.engine.query.among import among_texts
from portal.engine.text import Text, say
from portal.policies import policy
from portal.security.principal import Principal
from portal.security.session import guarded

LOOK_UP = "duplicate_check"
_HOUR = timedelta(hours=1)
_SHOWN = 3
_OF_ONE_FORM = 3
_SAME = {
    "phone": Text("电话相同 | same phone"),
    "code": Text("统一社会信用代码相同 | same credit code"),
    "company": Text("公司名相同 | same company name"),
}
IN_POOL = Text("公海 | the public pool")


@dataclass(frozen=True, slots=True)
class Duplicate:
    """What may be told of a record that its reader may not see: that it is there, whose, of which team, last activity.

    `by` is what agrees: `phone`, `code` or `company`. No owner: it lies in a pool.
    """

    by: str
    value: str
    owner: str
    team: str
    last_activity: datetime | None

    @property
    def text(self) -> Text:
        """One sentence for a person."""
        same = _SAME[self.by]
        day = self.last_activity.astimezone(company_zone()).date().isoformat() if self.last_activity else "—"
        owner: str | Text = self.owner or IN_POOL
        team = Text("（{team}） | ({team})", {"team": self.team}) if self.team else ""
        return say(
            "{same}：{owner}{team}，最近活动 {day} | {same}: {owner} {team}, last activity {day}",
            same=same,
            owner=owner,
            team=team,
            day=day,
        )


class TooManyLookUps(Refused):
    """Who asks for one number after another learns no more this hour."""

    status = 429

    def __init__(self, most: int, until: datetime, now: datetime) -> None:
        minutes = max(1, -(-int((until - now).total_seconds()) // 60))
        super().__init__(
            "每小时最多查重 {most} 次，请 {minutes} 分钟后再保存。 | At most {most} duplicate checks an hour. Save again in {minutes} min.",
            rule="too_many_look_ups",
            most=most,
            minutes=minutes,
        )


def count_look_up(session: Session, acting_user: Principal, asked: Mapping[str, str], now: datetime, *, entity: str = "lead") -> None:
    """Keep in the history that this person asked, whatever becomes of the save; refuse beyond the policy's number an hour."""
    if acting_user.is_system:
        return
    most = policy("duplicate.checks_per_hour", on=company_day(now))
    lock_people(session, [acting_user.user_id])
    event: Any = models.AuditEvent.__table__
    mine = and_(event.c.actor_id == acting_user.user_id, event.c.verb == LOOK_UP, event.c.at > now - _HOUR)
    oldest = session.connection().scalar(select(event.c.at).where(mine).order_by(event.c.at.desc()).offset(max(most - 1, 0)).limit(1))
    if most == 0 or oldest is not None:
        raise TooManyLookUps(most, (oldest or now) + _HOUR, now)
    store.keep(lambda current: audit.write(current, verb=LOOK_UP, entity=entity, record_id=None, after=dict(asked)))


def phone_key(raw: str | None) -> str:
    """The number in the form it is compared in; empty for none."""
    text = (raw or "").strip()
    return phone_digits(text) or text


def company_key(raw: str | None) -> str:
    """The company's name as it is compared."""
    return normalise_name(raw or "")


def refuse(
    values: Mapping[str, Any], *, model: type[Any] = models.Lead, name: str, besides: int | None, acting_user: Principal, now: datetime
) -> None:
    """Refused with rule `duplicate` and the allowed facts where another record has the same phone, code or name.

    It looks past the reader's scope, so each look is counted and kept; a confirmed save looks at nothing.
    """
    session = store.session()
    asked = {key: str(values[key]) for key in (name, "phone", "credit_code") if values.get(key)}
    if session.info.get("confirmed") or not asked:
        return
    count_look_up(session, acting_user, asked, now, entity=entity_name(model))
    found = find(
        session, model=model, phone=asked.get("phone", ""), company=asked.get(name, ""), code=asked.get("credit_code", ""), besides=besides
    )
    if found:
        raise Refused("{warning} | {warning}", rule="duplicate", warning=warning(found))


def find(
    session: Session, *, model: type[Any] = models.Lead, phone: str = "", company: str = "", code: str = "", besides: int | None = None
) -> list[Duplicate]:
    """Records with this phone, credit code or company name, phone first, at most three of each."""
    found = find_many(
        session, model=model, phones=[phone_key(phone)], company_keys=[company_key(company)], codes=[code.strip()], besides=besides
    )
    return sorted(found, key=lambda each: each.by, reverse=True)[: 2 * _SHOWN]


def find_many(
    session: Session,
    *,
    model: type[Any] = models.Lead,
    phones: Sequence[str] = (),
    company_keys: Sequence[str] = (),
    codes: Sequence[str] = (),
    besides: int | None = None,
) -> list[Duplicate]:
    """The same for many values in their compared form, by index lookups (import)."""
    wanted_phones, wanted_keys, wanted_codes = ({each for each in given if each} for given in (phones, company_keys, codes))
    if not wanted_phones and not wanted_keys and not wanted_codes:
        return []
    table: Any = model.__table__
    code = table.c.credit_code if "credit_code" in table.c else literal("")
    people: Any = models.User.__table__
    team: Any = models.Team.__table__
    last = func.greatest(table.c.contacted_at, table.c.owned_at, table.c.pooled_at, table.c.created_at)
    statement = (
        select(
            table.c.phone,
            table.c.company_key,
            code.label("code"),
            people.c.name.label("owner"),
            team.c.name.label("team"),
            last.label("last"),
        )
        .outerjoin(people, people.c.id == table.c.owner_id)
        .outerjoin(team, team.c.id == table.c.team_id)
        .where(
            table.c.deleted_at.is_(None),
            or_(
                among_texts(table.c.phone, sorted(wanted_phones)),
                among_texts(table.c.company_key, sorted(wanted_keys)),
                *([among_texts(code, sorted(wanted_codes))] if wanted_codes else []),
            ),
        )
        .order_by(last.desc(), table.c.id)
    )
    if besides is not None:
        statement = statement.where(table.c.id != besides)
    if len(wanted_phones) + len(wanted_keys) + len(wanted_codes) <= _OF_ONE_FORM:
        statement = statement.limit(2 * _SHOWN)
    return [
        Duplicate(*_agreeing(row, wanted_phones, wanted_codes), row.owner or "", row.team or "", row.last)
        for row in session.execute(guarded(statement))
    ]


def _agreeing(row: Any, phones: set[str], codes: set[str]) -> tuple[str, str]:
    if row.phone in phones:
        return "phone", row.phone
    return ("code", row.code) if row.code in codes else ("company", row.company_key)


def warning(found: Sequence[Duplicate]) -> Text:
    """What the form says before it is confirmed."""
    shown = found[:_SHOWN]
    listed = Text(
        "；".join(f"{{d{n}}}" for n in range(len(shown))) + " | " + "; ".join(f"{{d{n}}}" for n in range(len(shown))),
        {f"d{n}": each.text for n, each in enumerate(shown)},
    )
    return say(
        "可能重复：{listed}。确认不是同一个客户再保存。 | Possible duplicate: {listed}. Save again if it is not the same customer.",
        listed=listed,
    )
