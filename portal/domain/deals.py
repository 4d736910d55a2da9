"""Opportunities: where one begins, how it goes through its pipeline, how it ends (records.md B)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import models
from portal.domain.calendar import company_day
from portal.domain.put_back import Before, puts_back
from portal.engine import store
from portal.engine.errors import BadRequest, Invalid, Refused
from portal.engine.kinds.dates import DateField
from portal.engine.kinds.reference import ReferenceField
from portal.engine.kinds.texts import LongTextField, TextField
from portal.engine.mask import normalise_name
from portal.engine.operations import operation
from portal.engine.text import Text
from portal.engine.verbs import Outcome, one_by_one, verb
from portal.entities.deals import OpportunityState, StageKind
from portal.security.principal import Principal

_MOVED = ("stage_id", "probability", "state", "stage_on", "closed_on", "paused_until", "outcome_reason", "competitor")
_UNDER_WAY = (OpportunityState.OPEN, OpportunityState.PAUSED)
_ENDED = (OpportunityState.WON, OpportunityState.LOST)
_PAUSED = ("state", "paused_until")


@operation("opportunity", "create")
def create(values: Mapping[str, Any], *, acting_user: Principal, now: datetime) -> models.Opportunity:
    """A new opportunity of who enters it, in the first stage of its pipeline."""
    made = models.Opportunity(**values, owner_id=acting_user.user_id or None, team_id=acting_user.team_id)
    return begin(made, now=now)


def begin(made: models.Opportunity, *, now: datetime) -> models.Opportunity:
    """Put in an opportunity whose owner is said: it stands in the first open stage."""
    session, today = store.session(), company_day(now)
    _check(made)
    made.pipeline_id = made.pipeline_id or default_pipeline(session)
    first = _stages(session, made.pipeline_id, StageKind.OPEN)
    made.stage_id, made.probability, made.stage_on = first.id, first.probability, today
    made.opened_on = made.opened_on or today
    session.add(made)
    session.flush()
    return made


@operation("opportunity", "change")
def change(record: models.Opportunity, values: Mapping[str, Any], *, acting_user: Principal, now: datetime) -> models.Opportunity:
    """Correct an opportunity under way; its pipeline stays, since its history names that pipeline's stages."""
    if record.state not in _UNDER_WAY:
        raise Refused(
            "已结束的商机不再改动；要改请先“重新打开”，写明原因。 | A deal that has ended stands still; reopen it first, with the reason.",
            rule="ended",
        )
    if values.get("pipeline_id", record.pipeline_id) not in (record.pipeline_id, None):
        raise Invalid({"pipeline_id": Text("建好后不能换流程。 | The pipeline stays once it has begun.")})
    if values.get("customer_id", record.customer_id) != record.customer_id and contracted(record.id):
        raise Invalid({"customer_id": Text("已有合同的商机不能换客户。 | A deal that has a contract keeps its customer.")})
    for key, value in values.items():
        if key != "pipeline_id":
            setattr(record, key, value)
    _check(record)
    store.session().flush()
    return record


def contracted(opportunity_id: int) -> bool:
    """Whether a contract has come of it, whoever sees that."""
    table: Any = models.Contract.__table__
    wanted = select(table.c.id).where(table.c.opportunity_id == opportunity_id, table.c.deleted_at.is_(None))
    return store.session().connection().scalar(wanted.limit(1)) is not None


def _check(deal: models.Opportunity) -> None:
    if deal.amount is not None and deal.amount < 0:
        raise Invalid({"amount": Text("金额不能小于 0。 | An amount cannot be below 0.")})


@operation("product", "create")
def create_product(values: Mapping[str, Any], *, acting_user: Principal, now: datetime) -> models.Product:
    """A new product, found by its name however it is spelt."""
    made = models.Product(**values, name_key=normalise_name(values["name"]))
    store.session().add(made)
    store.session().flush()
    return made


@operation("product", "change")
def change_product(record: models.Product, values: Mapping[str, Any], *, acting_user: Principal, now: datetime) -> models.Product:
    for key, value in values.items():
        setattr(record, key, value)
    record.name_key = normalise_name(record.name)
    store.session().flush()
    return record


def default_pipeline(session: Session) -> int:
    """The pipeline of a deal that names none. Raises `Refused` where there is none yet."""
    pipeline = models.Pipeline
    alive = select(pipeline.id).where(pipeline.deleted_at.is_(None))
    found = session.scalar(alive.order_by(pipeline.is_default.desc(), pipeline.id).limit(1))
    if found is None:
        raise Refused(
            "还没有销售流程，请管理员先建一个。 | There is no pipeline yet; an administrator must add one first.", rule="no_pipeline"
        )
    return found


def _stages(session: Session, pipeline_id: int, kind: StageKind) -> models.Stage:
    """The first stage of this meaning in a pipeline."""
    stage = models.Stage
    wanted = select(stage).where(stage.pipeline_id == pipeline_id, stage.kind == kind.value, stage.deleted_at.is_(None))
    found = session.scalar(wanted.order_by(stage.rank, stage.id).limit(1))
    if found is None:
        raise Refused(
            "这个流程没有「{kind}」阶段，请管理员先加上。 | This pipeline has no stage that means “{kind}”; an administrator must add one.",
            rule="no_stage",
            kind=kind.label,
        )
    return found


# verbs --------------------------------------------------------------------------------------------


def _reason(label: str, *, required: bool = False) -> LongTextField:
    return LongTextField(label, required=required)


@verb(
    "opportunity:move",
    "变更阶段 | Move stage",
    icon="arrow-narrow-right",
    takes=("own", "joined", "reach"),
    columns=_MOVED,
    form=(
        ("to", ReferenceField("新阶段 | New stage", "stage", required=True, taken_from="opportunity.stage_id")),
        ("reason", _reason("原因（后退必填） | Reason (needed when going back)")),
    ),
    bulk=True,
    inverse="undo",
    help="往后退要写明原因；输单也要。 | Going back needs a reason; so does a loss.",
    reason_in=("opportunity.outcome_reason", "stage_change.reason"),
)
def move(deals: Sequence[models.Opportunity], *, acting_user: Principal, now: datetime, to: int, reason: str = "") -> Outcome:
    """Put deals in another stage of their pipeline. Refused: another pipeline's stage, the same one, back without a reason."""
    session = store.session()
    target = session.scalar(select(models.Stage).where(models.Stage.id == to, models.Stage.deleted_at.is_(None)))
    if target is None:
        raise BadRequest("没有这个阶段。 | There is no such stage.")

    def moved(deal: models.Opportunity) -> int:
        _refuse_move(session, deal, target, reason)
        return _put(session, deal, target, reason=reason, now=now)

    return _each("move", deals, _MOVED, moved, acting_user=acting_user, now=now)


def _each(
    verb_name: str,
    deals: Sequence[models.Opportunity],
    columns: Sequence[str],
    do: Callable[[models.Opportunity], int | None],
    *,
    acting_user: Principal,
    now: datetime,
) -> Outcome:
    """Each deal by itself, kept for Undo; `do` returns the stage change it wrote, if any."""
    was = Before.of(deals, columns)

    def one(deal: models.Opportunity) -> None:
        if (step := do(deal)) is not None:
            was.made[deal.id] = {"stage_change": [step]}

    outcome = one_by_one(deals, one)
    store.session().flush()
    done = [deal for deal in deals if deal.id in set(outcome.done)]
    outcome.batch_id = was.keep("opportunity", verb_name, done, acting_user=acting_user, now=now)
    return outcome


def _refuse_move(session: Session, deal: models.Opportunity, target: models.Stage, reason: str) -> None:
    if target.pipeline_id != deal.pipeline_id:
        raise Refused("这个阶段属于另一个流程。 | That stage belongs to another pipeline.", rule="other_pipeline")
    if target.id == deal.stage_id:
        raise Refused("已经在这个阶段。 | It is in this stage already.", rule="same_stage")
    here = session.get(models.Stage, deal.stage_id)
    back = deal.state in _ENDED or (here is not None and (target.rank or 0) < (here.rank or 0))
    if (back or target.kind == StageKind.LOST.value) and not reason.strip():
        raise Refused("后退或输单请写明原因。 | Going back, or losing, needs a reason.", rule="reason_needed")


def _put(session: Session, deal: models.Opportunity, target: models.Stage, *, reason: str, now: datetime) -> int:
    """In the stage, with what follows from it and a line that tells how long it stood before; returns the line's id."""
    today = company_day(now)
    _refuse_end(deal, target, today)
    since = deal.stage_on or today
    step = models.StageChange(
        opportunity_id=deal.id, from_stage_id=deal.stage_id, to_stage_id=target.id, days=(today - since).days, reason=reason.strip()
    )
    session.add(step)
    ended = target.kind != StageKind.OPEN.value
    deal.stage_id, deal.probability, deal.stage_on = target.id, target.probability, today
    deal.state = target.kind if ended else OpportunityState.OPEN.value
    deal.closed_on = today if ended else None
    deal.outcome_reason = reason.strip() if ended else ""
    deal.paused_until = None
    session.flush()
    return int(step.id)


def _refuse_end(deal: models.Opportunity, target: models.Stage, today: date) -> None:
    """What is sold is sold to somebody, and nothing ends before it began."""
    if target.kind == StageKind.WON.value and deal.customer_id is None:
        raise Refused("请先填写客户，再标记赢单。 | Say whose deal it is first: a deal is won with a customer.", rule="no_customer")
    if target.kind != StageKind.OPEN.value and deal.opened_on is not None and deal.opened_on > today:
        raise Refused("立项日期还没到，请先改正。 | It opens on a later day; correct that first.", rule="not_opened")


def _end(
    verb_name: str, deals: Sequence[models.Opportunity], *, reason: str, competitor: str = "", acting_user: Principal, now: datetime
) -> Outcome:
    session, kind = store.session(), StageKind(verb_name)

    def ended(deal: models.Opportunity) -> int:
        if deal.state not in _UNDER_WAY:
            raise Refused("这个商机已经结束。 | This opportunity has ended already.", rule="ended")
        step = _put(session, deal, _stages(session, deal.pipeline_id or 0, kind), reason=reason, now=now)
        deal.competitor = competitor.strip() or deal.competitor
        return step

    return _each(verb_name, deals, _MOVED, ended, acting_user=acting_user, now=now)


@verb(
    "opportunity:won",
    "赢单 | Won",
    icon="trophy",
    takes=("own", "reach"),
    columns=_MOVED,
    form=(("reason", _reason("为什么赢 | Why it was won")),),
    primary=True,
    states=_UNDER_WAY,
    inverse="undo",
    reason_in=("opportunity.outcome_reason", "stage_change.reason"),
)
def won(deals: Sequence[models.Opportunity], *, acting_user: Principal, now: datetime, reason: str = "") -> Outcome:
    """The customer buys: the deal stands in its pipeline's won stage from today."""
    return _end("won", deals, reason=reason, acting_user=acting_user, now=now)


@verb(
    "opportunity:lost",
    "输单 | Lost",
    icon="circle-x",
    takes=("own", "reach"),
    columns=_MOVED,
    form=(("reason", _reason("为什么输 | Why it was lost", required=True)), ("competitor", TextField("输给谁 | Lost to", 200))),
    states=_UNDER_WAY,
    bulk=True,
    inverse="undo",
    reason_in=("opportunity.outcome_reason", "stage_change.reason"),
)
def lost(deals: Sequence[models.Opportunity], *, acting_user: Principal, now: datetime, reason: str, competitor: str = "") -> Outcome:
    """The customer does not buy: why, and from whom instead."""
    return _end("lost", deals, reason=reason, competitor=competitor, acting_user=acting_user, now=now)


@verb(
    "opportunity:reopen",
    "重新打开 | Reopen",
    icon="arrow-back-up",
    takes=("own", "reach"),
    columns=_MOVED,
    form=(("reason", _reason("为什么重新打开 | Why it is reopened", required=True)),),
    states=_ENDED,
    bulk=True,
    inverse="undo",
    reason_in=("opportunity.outcome_reason", "stage_change.reason"),
    help="回到结束前的阶段，之后才能修改；原因记入历史。"
    " | Back to the stage it ended from, and only then it can be changed; the reason stands in its history.",
)
def reopen(deals: Sequence[models.Opportunity], *, acting_user: Principal, now: datetime, reason: str) -> Outcome:
    """It has not ended after all: it stands where it stood before, or in the first stage where nothing tells."""
    session = store.session()

    def reopened(deal: models.Opportunity) -> int:
        if deal.state not in _ENDED:
            raise Refused("这个商机没有结束。 | This opportunity has not ended.", rule="not_ended")
        back = _stood_in(session, deal) or _stages(session, deal.pipeline_id or 0, StageKind.OPEN)
        return _put(session, deal, back, reason=reason, now=now)

    return _each("reopen", deals, _MOVED, reopened, acting_user=acting_user, now=now)


def _stood_in(session: Session, deal: models.Opportunity) -> models.Stage | None:
    """The open stage that it ended from, if that is still there."""
    step, stage = models.StageChange, models.Stage
    last = select(step.from_stage_id).where(step.opportunity_id == deal.id, step.deleted_at.is_(None)).order_by(step.id.desc())
    here = (stage.kind == StageKind.OPEN.value, stage.pipeline_id == deal.pipeline_id, stage.deleted_at.is_(None))
    return session.scalar(select(stage).where(stage.id == last.limit(1).scalar_subquery(), *here))


@verb(
    "opportunity:pause",
    "暂停 | Pause",
    icon="player-pause",
    takes=("own", "reach"),
    columns=_PAUSED,
    form=(("until", DateField("暂停到 | Until", required=True)), ("reason", _reason("原因 | Reason", required=True))),
    states=(OpportunityState.OPEN,),
    bulk=True,
    inverse="undo",
)
def pause(deals: Sequence[models.Opportunity], *, acting_user: Principal, now: datetime, until: date, reason: str) -> Outcome:
    """Nothing is expected of a deal until a day, which lies ahead."""
    if until <= company_day(now):
        raise Invalid({"until": Text("日期要晚于今天。 | The day must lie after today.")})

    def paused(deal: models.Opportunity) -> None:
        if deal.state != OpportunityState.OPEN.value:
            raise Refused("只有进行中的商机可以暂停。 | Only an open opportunity can be paused.", rule="not_open")
        deal.state, deal.paused_until = OpportunityState.PAUSED.value, until

    return _each("pause", deals, _PAUSED, paused, acting_user=acting_user, now=now)


@verb(
    "opportunity:resume",
    "恢复 | Resume",
    icon="player-play",
    takes=("own", "reach"),
    columns=_PAUSED,
    states=(OpportunityState.PAUSED,),
    bulk=True,
    inverse="undo",
)
def resume(deals: Sequence[models.Opportunity], *, acting_user: Principal, now: datetime) -> Outcome:
    """It goes on in the stage where it stood."""

    def resumed(deal: models.Opportunity) -> None:
        if deal.state != OpportunityState.PAUSED.value:
            raise Refused("这个商机没有暂停。 | This opportunity is not paused.", rule="not_paused")
        deal.state, deal.paused_until = OpportunityState.OPEN.value, None

    return _each("resume", deals, _PAUSED, resumed, acting_user=acting_user, now=now)


puts_back("opportunity", "move", "won", "lost", "reopen", "pause", "resume")
