"""Giving leads to people, one or thousands: to one person or in turn, with caps, leave, preview and undo."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from portal import models
from portal.domain.calendar import company_day
from portal.domain.claim_rules import OPEN_STATES, holdings, pools_by_id
from portal.domain.leads import OWNER_COLUMNS, closed, default_pool, ids_of, locked
from portal.domain.ownership import Move, among, change_owner, lock_people
from portal.engine import store
from portal.engine.errors import Changed, NotAllowed, NotFound, PortalError, Refused
from portal.engine.kinds.reference import ReferenceField
from portal.engine.operations import operation
from portal.engine.outbox import notify
from portal.engine.text import Text, say
from portal.engine.verbs import Outcome, Preview, verb, verb_named
from portal.entities.leads import LeadState
from portal.security.holders import assignable, holds
from portal.security.perform import acting_as
from portal.security.principal import Principal
from portal.security.session import guarded, reachable

ON_LEAVE = Text("今天请假 | on leave today")
INACTIVE = Text("已停用 | inactive")
_MOST_ROWS_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Receiver:
    id: int
    name: str


@dataclass(slots=True)
class Receivers:
    """Who gets leads, in the order of their ids, and who does not and why."""

    able: list[Receiver] = field(default_factory=list)
    skipped: list[tuple[str, Text]] = field(default_factory=list)


@dataclass(slots=True)
class Deal:
    """Who gets which lead, and which leads nobody gets."""

    shares: dict[int, list[int]] = field(default_factory=dict)
    refused: list[tuple[int, PortalError]] = field(default_factory=list)

    def moves(self) -> list[Move]:
        return [Move(lead, owner_id=user) for user, leads in self.shares.items() for lead in leads]


def preview(
    leads: Sequence[Any], *, acting_user: Principal, now: datetime, to_id: int | None = None, team_id: int | None = None
) -> Preview:
    """Who would get how many, who is skipped and why, and what is refused. Changes nothing, locks nothing.

    A choice of receivers that cannot be is told in the dialog, where it can be changed.
    """
    session = store.session()
    try:
        found = receivers(session, acting_user, now, to_id=to_id, team_id=team_id)
    except Refused as refusal:
        return Preview(refused=((refusal.text, len(leads)),))
    held = holdings(session, [person.id for person in found.able])
    lead = models.Lead
    rows = session.execute(
        select(lead.id, lead.owner_id, lead.pool_id, lead.state).where(among(lead.id, ids_of(leads))).order_by(lead.id)
    ).all()
    planned = deal(session, rows, found.able, held)
    names = {person.id: person.name for person in found.able}
    table = tuple(
        (names[user], str(len(share)), f"{held.get(user, 0)} → {held.get(user, 0) + len(share)}")
        for user, share in sorted(planned.shares.items())
        if share
    )
    reasons = Counter((error.rule, error.text.template) for _, error in planned.refused)
    return Preview(
        facts=(("分给 | To", say("{count} 人 | {count} people", count=len(table))),) if not to_id else (),
        headers=("负责人 | Owner", "分得 | Gets", "持有 | Holds"),
        rows=table[:_MOST_ROWS_SHOWN],
        skipped=tuple(found.skipped),
        refused=tuple((next(e.text for _, e in planned.refused if e.text.template == said), n) for (_, said), n in reasons.items()),
    )


@verb(
    "lead:assign",
    "分配 | Assign",
    icon="users-plus",
    takes=("reach", "pool"),
    leaves=("assignable",),
    columns=OWNER_COLUMNS,
    form=(
        ("to_id", ReferenceField("分给 | To", "user", help="不填则轮流分给下面团队的业务员。 | Leave empty to deal out in turn.")),
        (
            "team_id",
            ReferenceField(
                "轮流分给团队 | In turn to team", "team", help="不填则是你能分配的所有业务员。 | Empty: every rep you may assign to."
            ),
        ),
    ),
    inverse="undo",
    bulk=True,
    primary=True,
    states=(LeadState.POOL, *OPEN_STATES),
    preview=preview,
    by_id=True,
    help="请假和停用的人自动跳过，持有上限照常生效。 | People on leave or inactive are skipped; holding caps apply.",
)
def assign(leads: Sequence[Any], *, acting_user: Principal, now: datetime, to_id: int | None = None, team_id: int | None = None) -> Outcome:
    """Give leads to one person, or in turn to the reps of a team or of the whole reach.

    Rows that another transaction changes meanwhile are refused and not waited for; caps hold because the receivers are
    locked before they are counted. `session.info["batch_id"]` continues a batch of an earlier chunk.
    """
    session = store.session()
    found = receivers(session, acting_user, now, to_id=to_id, team_id=team_id)
    wanted = ids_of(leads)
    seen = _versions(session, wanted)
    people = lock_people(session, [person.id for person in found.able])
    able = [person for person in found.able if person.id in people]
    rows = [row for row in locked(session, wanted, skip=True) if row.version == seen.get(row.id)]
    planned = deal(session, rows, able, holdings(session, people))
    outcome = Outcome(refused=[*planned.refused, *_left_out(wanted, seen, rows)])
    if planned.shares:
        outcome.batch_id = _open_batch(session, planned, acting_user, now, method="one" if to_id else "round_robin")
        outcome.done = change_owner(session, models.Lead, planned.moves(), how="assign", now=now, batch_id=outcome.batch_id)
        _count(session, outcome)
        _tell(session, planned, acting_user, outcome.batch_id, now)
    return outcome


def receivers(session: Session, acting_user: Principal, now: datetime, *, to_id: int | None, team_id: int | None) -> Receivers:
    """The named person, or the reps of a team (and below) or of the whole assign reach.

    Refused when the named person is out of reach, inactive or on leave, or when nobody is left.
    """
    people = models.User.__table__
    statement = select(people.c.id, people.c.name, people.c.active).where(assignable(acting_user, "lead"))
    if to_id is not None:
        statement = statement.where(people.c.id == to_id, holds("lead", people.c.id))
    else:
        statement = statement.where(holds("lead", people.c.id, own_only=True))
        if team_id is not None:
            statement = statement.where(people.c.team_id.in_(_team_and_below(session, team_id)))
    rows = session.execute(statement.order_by(people.c.id)).all()
    away = _on_leave(session, [row.id for row in rows], now)
    found = Receivers()
    for row in rows:
        if not row.active:
            found.skipped.append((row.name, INACTIVE))
        elif row.id in away:
            found.skipped.append((row.name, ON_LEAVE))
        else:
            found.able.append(Receiver(row.id, row.name))
    if not found.able:
        raise _nobody(found, named=to_id is not None)
    return found


def _nobody(found: Receivers, *, named: bool) -> Refused:
    if not named:
        return Refused(
            "没有可以分配的业务员（请假、停用或不在你的范围内）。"
            " | There is no rep to assign to (on leave, inactive or outside your reach).",
            rule="no_receiver",
        )
    if not found.skipped:
        return Refused("不能分给这个人：不在你的分配范围内。 | You may not assign to this person.", rule="out_of_reach")
    name, why = found.skipped[0]
    return Refused(
        "不能分给{name}：{why}。 | {name} cannot be given leads: {why}.",
        rule="on_leave" if why is ON_LEAVE else "inactive",
        name=name,
        why=why,
    )


def deal(session: Session, rows: Iterable[Any], able: Sequence[Receiver], held: dict[int, int]) -> Deal:
    """In turn, beginning with who holds least: equal shares, the leftover levels, nobody goes above the pool's cap."""
    pools = pools_by_id(session)
    default = default_pool(session)
    held = dict(held)
    turn = deque(sorted((person.id for person in able), key=lambda each: (held.get(each, 0), each)))
    planned = Deal()
    for row in rows:
        cap = pools[row.pool_id or default].holding_cap or 0
        if (refusal := closed(row)) is not None:
            planned.refused.append((row.id, refusal))
        elif (user := _next(turn, row.owner_id, held, cap)) is None:
            planned.refused.append((row.id, _none_takes(turn, row.owner_id, cap)))
        else:
            held[user] = held.get(user, 0) + 1
            planned.shares.setdefault(user, []).append(row.id)
    return planned


def _next(turn: deque[int], owner_id: int | None, held: dict[int, int], cap: int) -> int | None:
    """The first in turn who has room and is not the owner already; he goes to the end."""
    for user in turn:
        if user != owner_id and held.get(user, 0) < cap:
            turn.remove(user)
            turn.append(user)
            return user
    return None


def _none_takes(turn: deque[int], owner_id: int | None, cap: int) -> Refused:
    if list(turn) == [owner_id]:
        return Refused("已经是他的线索。 | It is his already.", rule="same_owner")
    return Refused("接收人都已达持有上限 {cap} 条。 | Everybody who could take it holds {cap} leads, the cap.", rule="holding_cap", cap=cap)


def _versions(session: Session, ids: Sequence[int]) -> dict[int, int]:
    """What the actor may assign and how it stood before waiting for anybody."""
    lead = models.Lead
    statement = select(lead.id, lead.version).where(among(lead.id, ids), reachable(session, lead))
    return {row.id: row.version for row in session.execute(statement)}


def _left_out(wanted: Sequence[int], seen: dict[int, int], rows: Sequence[Any]) -> list[tuple[int, PortalError]]:
    """Rows under another hand or changed while we waited, and rows that are not the actor's to assign."""
    have = {row.id for row in rows}
    return [(each, Changed() if each in seen else NotFound()) for each in wanted if each not in have]


def _open_batch(session: Session, planned: Deal, acting_user: Principal, now: datetime, *, method: str) -> int:
    if (given := session.info.get("batch_id")) is not None:
        return int(given)
    plan = {"shares": {str(user): len(share) for user, share in planned.shares.items()}}
    by_id = acting_user.user_id or next(iter(planned.shares))
    made = insert(models.AssignBatch).values(entity="lead", by_id=by_id, at=now, method=method, plan=plan)
    return int(session.connection().execute(made.returning(models.AssignBatch.id)).scalar_one())


def _count(session: Session, outcome: Outcome) -> None:
    batch = models.AssignBatch
    session.connection().execute(
        update(batch)
        .where(batch.id == outcome.batch_id)
        .values(done=batch.done + len(outcome.done), refused=batch.refused + len(outcome.refused))
    )


def _tell(session: Session, planned: Deal, acting_user: Principal, batch_id: int, now: datetime) -> None:
    """Each receiver hears of a batch once."""
    notify(
        session,
        recipient_ids=[user for user in planned.shares if user != acting_user.user_id],
        event_key=f"assigned:{batch_id}",
        kind="assigned",
        entity="lead",
        href="/lead/?tab=mine",
        now=now,
        title=say("{name} 分给你新的线索 | {name} assigned leads to you", name=acting_user.name),
        body="合格线索请在时限内首次响应。 | Qualified leads need a first response in time.",
    )


def _team_and_below(session: Session, team_id: int) -> Any:
    team: Any = models.Team.__table__
    tree = select(team.c.id).where(team.c.id == team_id).cte("tree", recursive=True)
    return select(tree.union_all(select(team.c.id).join(tree, team.c.parent_id == tree.c.id)).c.id)


def _on_leave(session: Session, user_ids: Sequence[int], now: datetime) -> set[int]:
    """Away on the company's day, whoever may read the leave itself: only the fact is used."""
    leave: Any = models.Leave.__table__
    today = company_day(now)
    found = select(leave.c.owner_id).where(
        among(leave.c.owner_id, user_ids), leave.c.first_on <= today, leave.c.last_on >= today, leave.c.deleted_at.is_(None)
    )
    return set(session.execute(guarded(found)).scalars())


# undo ---------------------------------------------------------------------------------------------


@operation("lead", "undo")
def undo(batch_id: int, *, acting_user: Principal, now: datetime) -> Outcome:
    """Take a batch back: leads untouched since go where they came from, the others are listed and stay."""
    session, batch = store.session(), models.AssignBatch
    found = session.scalar(select(batch).where(batch.id == batch_id, batch.entity == "lead").with_for_update())
    made_it = verb_named("lead", "assign")
    if found is None or made_it is None or not (acting_user.is_system or found.by_id == acting_user.user_id):
        raise NotFound
    if not acting_user.may(made_it.permission):
        raise NotAllowed
    if found.undone_at is not None:
        raise Refused("这批分配已经撤销过。 | This batch was undone already.", rule="undone")
    with acting_as(session, replace(made_it, name="undo", leaves=(*made_it.leaves, "pool"))):
        outcome = _restore(session, batch_id, now)
    session.execute(update(batch).where(batch.id == batch_id).values(undone_at=now))
    return outcome


def _restore(session: Session, batch_id: int, now: datetime) -> Outcome:
    tenure = models.Tenure
    before = {
        row.record_id: row
        for row in session.execute(
            select(
                tenure.record_id,
                tenure.version,
                tenure.former_owner_id,
                tenure.former_pool_id,
                tenure.former_state,
                tenure.former_owned_at,
                tenure.former_pooled_at,
            ).where(tenure.batch_id == batch_id, tenure.entity == "lead")
        )
    }
    rows = {row.id: row for row in locked(session, sorted(before), skip=True)}
    gone = _inactive(session, {row.former_owner_id for row in before.values() if row.former_owner_id})
    outcome, moves = Outcome(batch_id=None), []
    for lead_id, was in before.items():
        if lead_id not in rows or rows[lead_id].version != was.version:
            outcome.refused.append((lead_id, Changed()))
        elif was.former_owner_id in gone:
            outcome.refused.append((lead_id, Refused("原负责人已停用。 | The former owner is inactive.", rule="inactive")))
        else:
            moves.append(
                Move(lead_id, was.former_owner_id, was.former_pool_id, was.former_state or None, was.former_owned_at, was.former_pooled_at)
            )
    outcome.done = change_owner(session, models.Lead, moves, how="undo", now=now)
    return outcome


def _inactive(session: Session, user_ids: set[int]) -> set[int]:
    people: Any = models.User.__table__
    return set(session.execute(select(people.c.id).where(among(people.c.id, sorted(user_ids)), people.c.active.is_not(True))).scalars())
