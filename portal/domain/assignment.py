"""Giving records of a pool to people, one or thousands: to one person or in turn, with caps, leave, preview and undo."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal import models
from portal.domain import approval_lock
from portal.domain.batches import begin, moved, stays, under_way, undoes
from portal.domain.calendar import company_day, granted
from portal.domain.claim_rules import holdings
from portal.domain.ownership import Move, change_owner, lock_people
from portal.domain.pooling import Pooling, closed, default_pool, ids_of, locked, pools_by_id
from portal.engine import store
from portal.engine.errors import Changed, NotFound, PortalError, Refused
from portal.engine.kinds.reference import ReferenceField
from portal.engine.outbox import notify
from portal.engine.query.among import among
from portal.engine.text import Text, say
from portal.engine.verbs import Outcome, Preview, verb, verb_named
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
    """Who gets which record, and which nobody gets."""

    shares: dict[int, list[int]] = field(default_factory=dict)
    refused: list[tuple[int, PortalError]] = field(default_factory=list)

    def moves(self) -> list[Move]:
        return [Move(each, owner_id=user) for user, share in self.shares.items() for each in share]


def preview(
    pooling: Pooling, records: Sequence[Any], *, acting_user: Principal, now: datetime, to_id: int | None = None, team_id: int | None = None
) -> Preview:
    """Who would get how many, who is skipped and why, and what is refused. Changes nothing, locks nothing.

    A choice of receivers that cannot be is told in the dialog, where it can be changed.
    """
    session = store.session()
    try:
        found = receivers(session, pooling, acting_user, now, to_id=to_id, team_id=team_id)
    except Refused as refusal:
        return Preview(refused=((refusal.text, len(records)),))
    held = holdings(session, pooling, [person.id for person in found.able])
    model = pooling.model
    rows = session.execute(
        select(model.id, model.owner_id, model.pool_id, model.state).where(among(model.id, ids_of(records))).order_by(model.id)
    ).all()
    planned = deal(session, pooling, rows, found.able, held)
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


def declare(pooling: Pooling) -> None:
    """Give an entity the verb `assign` and its Undo."""
    verb(
        f"{pooling.name}:assign",
        "分配 | Assign",
        icon="users-plus",
        takes=("reach", "pool"),
        leaves=("assignable",),
        columns=pooling.columns,
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
        states=(pooling.pool_state, *pooling.open_states) if pooling.pool_state else pooling.open_states,
        preview=partial(preview, pooling),
        by_id=True,
        help="请假和停用的人自动跳过，持有上限照常生效。 | People on leave or inactive are skipped; holding caps apply.",
    )(partial(assign, pooling))
    undoes(pooling.name, "assign", rows=moved(pooling.name))(partial(take_back, pooling))


def assign(
    pooling: Pooling, records: Sequence[Any], *, acting_user: Principal, now: datetime, to_id: int | None = None, team_id: int | None = None
) -> Outcome:
    """Give records to one person, or in turn to the reps of a team or of the whole reach.

    Rows that another transaction changes meanwhile are refused and not waited for; caps hold because the receivers are
    locked before they are counted. `session.info["batch_id"]` continues a batch of an earlier chunk.
    """
    session = store.session()
    found = receivers(session, pooling, acting_user, now, to_id=to_id, team_id=team_id)
    wanted = ids_of(records)
    seen = _versions(session, pooling, wanted)
    people = lock_people(session, [person.id for person in found.able])
    able = [person for person in found.able if person.id in people]
    rows = [row for row in locked(session, pooling, wanted, skip=True) if row.version == seen.get(row.id)]
    planned = deal(session, pooling, rows, able, holdings(session, pooling, people))
    outcome = Outcome(refused=[*planned.refused, *_left_out(wanted, seen, rows)])
    if planned.shares:
        outcome.batch_id = _open_batch(session, pooling, planned, acting_user, now, method="one" if to_id else "round_robin")
        outcome.done = change_owner(session, pooling.model, planned.moves(), how="assign", now=now, batch_id=outcome.batch_id)
        _count(session, outcome)
        _tell(session, pooling, planned, acting_user, outcome.batch_id, now)
    return outcome


def receivers(
    session: Session, pooling: Pooling, acting_user: Principal, now: datetime, *, to_id: int | None, team_id: int | None
) -> Receivers:
    """The named person, or the reps of a team (and below) or of the whole assign reach.

    Refused when the named person is out of reach, inactive or on leave, or when nobody is left.
    """
    people = models.User.__table__
    statement = select(people.c.id, people.c.name, people.c.active).where(assignable(acting_user, pooling.name))
    if to_id is not None:
        statement = statement.where(people.c.id == to_id, holds(pooling.name, people.c.id))
    else:
        statement = statement.where(holds(pooling.name, people.c.id, own_only=True))
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
        raise _nobody(found, pooling, named=to_id is not None)
    return found


def _nobody(found: Receivers, pooling: Pooling, *, named: bool) -> Refused:
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
        "{plural}不能分给{name}：{why}。 | {name} cannot be given {plural}: {why}.",
        rule="on_leave" if why is ON_LEAVE else "inactive",
        name=name,
        why=why,
        **pooling.words,
    )


def deal(session: Session, pooling: Pooling, rows: Iterable[Any], able: Sequence[Receiver], held: dict[int, int]) -> Deal:
    """In turn, beginning with who holds least: equal shares, the leftover levels, nobody goes above the pool's cap."""
    pools = pools_by_id(session, pooling)
    default = default_pool(session, pooling)
    held = dict(held)
    turn = deque(sorted((person.id for person in able), key=lambda each: (held.get(each, 0), each)))
    planned = Deal()
    for row in rows:
        cap = pools[row.pool_id or default].holding_cap or 0
        if (refusal := closed(pooling, row)) is not None:
            planned.refused.append((row.id, refusal))
        elif (user := _next(turn, row.owner_id, held, cap)) is None:
            planned.refused.append((row.id, _none_takes(pooling, turn, row.owner_id, cap)))
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


def _none_takes(pooling: Pooling, turn: deque[int], owner_id: int | None, cap: int) -> Refused:
    if list(turn) == [owner_id]:
        return Refused("已经是他的{noun}。 | It is his {noun} already.", rule="same_owner", **pooling.words)
    return Refused(
        "接收人都已达持有上限 {cap} 条{plural}。 | Everybody who could take it holds {cap} {plural}, the cap.",
        rule="holding_cap",
        cap=cap,
        **pooling.words,
    )


def _versions(session: Session, pooling: Pooling, ids: Sequence[int]) -> dict[int, int]:
    """What the actor may assign and how it stood before waiting for anybody."""
    model = pooling.model
    statement = select(model.id, model.version).where(among(model.id, ids), reachable(session, model))
    return {row.id: row.version for row in session.execute(statement)}


def _left_out(wanted: Sequence[int], seen: dict[int, int], rows: Sequence[Any]) -> list[tuple[int, PortalError]]:
    """Rows under another hand or changed while we waited, and rows that are not the actor's to assign."""
    have = {row.id for row in rows}
    return [(each, Changed() if each in seen else NotFound()) for each in wanted if each not in have]


def _open_batch(session: Session, pooling: Pooling, planned: Deal, acting_user: Principal, now: datetime, *, method: str) -> int:
    plan = {"shares": {str(user): len(share) for user, share in planned.shares.items()}}
    by_id = acting_user.user_id or next(iter(planned.shares))
    return under_way(session) or begin(session, pooling.name, method, by_id, now, plan=plan)


def _count(session: Session, outcome: Outcome) -> None:
    batch = models.AssignBatch
    session.connection().execute(
        update(batch)
        .where(batch.id == outcome.batch_id)
        .values(done=batch.done + len(outcome.done), refused=batch.refused + len(outcome.refused))
    )


def _tell(session: Session, pooling: Pooling, planned: Deal, acting_user: Principal, batch_id: int, now: datetime) -> None:
    """Each receiver hears of a batch once."""
    notify(
        session,
        recipient_ids=[user for user in planned.shares if user != acting_user.user_id],
        event_key=f"assigned:{batch_id}",
        kind="assigned",
        entity=pooling.name,
        href=f"/{pooling.name}/?tab=mine",
        now=now,
        title=say("{name} 分给你新的{plural} | {name} assigned {plural} to you", name=acting_user.name, **pooling.words),
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
        among(leave.c.owner_id, user_ids), leave.c.first_on <= today, leave.c.last_on >= today, *granted(leave.c)
    )
    return set(session.execute(guarded(found)).scalars())


# undo ---------------------------------------------------------------------------------------------


def take_back(pooling: Pooling, batch: Any, *, acting_user: Principal, now: datetime, ids: Sequence[int] | None = None) -> Outcome:
    """Records untouched since go where they came from, the others are listed and stay."""
    session, made_it = store.session(), verb_named(pooling.name, "assign")
    assert made_it is not None  # noqa: S101 - declare() made it
    with acting_as(session, replace(made_it, name="undo", leaves=(*made_it.leaves, "pool"))):
        return _restore(session, pooling, batch.id, ids, now)


def _restore(session: Session, pooling: Pooling, batch_id: int, ids: Sequence[int] | None, now: datetime) -> Outcome:
    tenure = models.Tenure
    these = [] if ids is None else [among(tenure.record_id, ids)]
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
            ).where(tenure.batch_id == batch_id, tenure.entity == pooling.name, *these)
        )
    }
    rows = {row.id: row for row in locked(session, pooling, sorted(before), skip=True)}
    gone = _inactive(session, {row.former_owner_id for row in before.values() if row.former_owner_id})
    still = approval_lock.locked(session, pooling.name, list(before))
    outcome, moves = Outcome(batch_id=None), []
    for record_id, was in before.items():
        if record_id not in rows or rows[record_id].version != was.version:
            outcome.refused.append((record_id, stays()))
        elif record_id in still:
            outcome.refused.append((record_id, still[record_id]))
        elif was.former_owner_id in gone:
            outcome.refused.append((record_id, Refused("原负责人已停用。 | The former owner is inactive.", rule="inactive")))
        else:
            moves.append(
                Move(
                    record_id, was.former_owner_id, was.former_pool_id, was.former_state or None, was.former_owned_at, was.former_pooled_at
                )
            )
    outcome.done = change_owner(session, pooling.model, moves, how="undo", now=now)
    return outcome


def _inactive(session: Session, user_ids: set[int]) -> set[int]:
    people: Any = models.User.__table__
    return set(session.execute(select(people.c.id).where(among(people.c.id, sorted(user_ids)), people.c.active.is_not(True))).scalars())
