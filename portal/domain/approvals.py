"""The approval engine: asking for a verb instead of doing it, the way through the steps, and doing it at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import models
from portal.domain.approval_flows import Flow, applies, engine, flow_for
from portal.domain.approval_lock import locked, snapshot
from portal.domain.approvers import Approver, People
from portal.engine import store
from portal.engine.errors import NotFound, PortalError, Refused
from portal.engine.fields import BadValue, View
from portal.engine.outbox import notify
from portal.engine.query.among import among
from portal.engine.spec import Spec, spec_named
from portal.engine.text import LANGUAGES, SEPARATOR, Text, say
from portal.engine.verbs import Outcome, Verb, verb_named
from portal.entities.approvals import ActionKind, ApprovalState, TaskState
from portal.security import scopes
from portal.security.perform import acting_as, intercept
from portal.security.principal import Principal
from portal.security.resolve import access_version, resolve
from portal.security.session import entrusted

_approvals: Any = models.Approval.__table__
_tasks: Any = models.ApprovalTask.__table__
_people: Any = models.User.__table__
OPEN = (TaskState.WAITING.value, TaskState.QUEUED.value)
_PENDING = ApprovalState.PENDING.value
_LONGEST_TITLE = 190


@intercept
def ask_first(
    session: Session, verb: Verb, ids: Sequence[int], *, acting_user: Principal, now: datetime, form: Mapping[str, Any]
) -> tuple[list[int], Outcome]:
    """A verb with a flow is asked for; one on a locked record is refused; everything else goes on."""
    outcome = Outcome()
    still = locked(session, verb.entity, ids)
    outcome.refused += still.items()
    left = [each for each in ids if each not in still]
    flow = None if acting_user.is_system else flow_for(verb)
    if flow is None or not flow.steps:
        return left, outcome
    for record in _taken(session, verb, left, acting_user):
        record_id = record.id
        left.remove(record_id)
        try:
            with session.begin_nested():
                submit(verb, flow, record, acting_user=acting_user, now=now, form=form)
            outcome.done.append(record_id)
        except PortalError as refusal:
            outcome.refused.append((record_id, refusal))
    outcome.refused += ((each, NotFound()) for each in left)
    outcome.message = say("已提交审批：{n} 条 | Sent for approval: {n}", n=len(outcome.done)) if outcome.done else None
    return [], outcome


def _taken(session: Session, verb: Verb, ids: Sequence[int], acting_user: Principal) -> list[Any]:
    spec = spec_named(verb.entity)
    taken = [scopes.criterion(spec, verb.takes, acting_user, spec.model)] if spec.scope == "owner" else []
    return list(session.scalars(select(spec.model).where(among(spec.model.id, ids), *taken).order_by(spec.model.id)))


# asking -------------------------------------------------------------------------------------------


def submit(verb: Verb, flow: Flow, record: Any, *, acting_user: Principal, now: datetime, form: Mapping[str, Any]) -> models.Approval:
    """Begin: keep what is decided on, stop the record, give the first tasks."""
    session, spec = store.session(), spec_named(verb.entity)
    rule = verb.approval
    if verb.states and spec.state and getattr(record, spec.state.key) not in verb.states:
        raise Refused("现在的状态不能提交。 | It cannot be submitted in its present state.", rule="state")
    if rule and rule.ready:
        rule.ready(record)
    with entrusted(session, engine(acting_user)):
        made = models.Approval(
            title=_title(spec, verb, record, acting_user),
            entity=spec.name,
            record_id=record.id,
            verb=verb.name,
            owner_id=acting_user.user_id,
            team_id=acting_user.team_id,
            state=_PENDING,
            step=-1,
            flow_number=flow.number,
            plan={"steps": planned(verb, flow, record.id, now=now)},
            snapshot=snapshot(spec, record),
            earlier=(rule.against(record) if rule and rule.against else None) or _earlier(session, spec, record.id, verb),
            form={each.key: each.to_json(form.get(each.key)) for each in verb.form},
        )
        session.add(made)
        session.flush()
        _move_record(verb, record, rule.waiting if rule else "")
        note(made, ActionKind.SUBMIT)
        advance(made, acting_user=acting_user, now=now)
    return made


def planned(verb: Verb, flow: Flow, record_id: int, *, now: datetime) -> list[dict[str, Any]]:
    """The flow's steps for this record, and those that no flow can leave out where they apply and no other step waits for them."""
    steps: list[dict[str, Any]] = [{**step, "applies": applies(flow, n, record_id, now=now)} for n, step in enumerate(flow.steps)]
    always = Flow(verb.entity, verb.name, 0, verb.approval.always if verb.approval else ())
    for n, step in enumerate(always.steps):
        decides = any(each["applies"] and _is_asked(who, each) for each in steps for who in step["who"])
        if not decides and applies(always, n, record_id, now=now):
            steps.append({**step, "applies": True})
    return steps


def _is_asked(who: Mapping[str, Any], step: Mapping[str, Any]) -> bool:
    """Whether a step does not pass without them: where any one is enough, anybody else it names agrees in their place."""
    return who in step["who"] and (step.get("mode", "any") != "any" or len(step["who"]) == 1)


def _title(spec: Spec, verb: Verb, record: Any, acting_user: Principal) -> str:
    """Who asks for what, in both languages."""
    shown = getattr(record, spec.identity.key)
    kind = Text(spec.label) if verb.approval else say("{what}：{verb} | {what}: {verb}", what=spec.label, verb=verb.label)
    halves = []
    for language in LANGUAGES:
        words = spec.identity.words(shown, View(language=language)) if shown is not None else ""
        said = f"{acting_user.name} · {kind.in_(language)} · {words}"
        halves.append(said.replace(SEPARATOR, " ｜ ")[:_LONGEST_TITLE])
    return SEPARATOR.join(halves)


def _earlier(session: Session, spec: Spec, record_id: int, verb: Verb) -> dict[str, Any]:
    """The snapshot of the submission before this one, for the difference."""
    wanted = (
        select(_approvals.c.snapshot)
        .where(_approvals.c.entity == spec.name, _approvals.c.record_id == record_id, _approvals.c.verb == verb.name)
        .order_by(_approvals.c.id.desc())
        .limit(1)
    )
    return session.connection().scalar(wanted) or {}


def _move_record(verb: Verb | None, record: Any, state: str) -> None:
    spec = spec_named(verb.entity) if verb else None
    if state and spec is not None and spec.state is not None:
        setattr(record, spec.state.key, state)


def note(approval: models.Approval, kind: ActionKind, comment: str = "", to_id: int | None = None) -> None:
    """One line of what happened; who and when are the transaction's."""
    store.session().add(
        models.ApprovalAction(approval_id=approval.id, kind=kind.value, step=max(approval.step or 0, 0), comment=comment, to_id=to_id)
    )


# the way ------------------------------------------------------------------------------------------


def advance(approval: models.Approval, *, acting_user: Principal, now: datetime) -> None:
    """To the next step that applies and that nobody in it has agreed to already; past the last one it is done."""
    people = People(now)
    said_yes, steps = _said_yes(approval, people), approval.plan["steps"]
    for index in range((approval.step if approval.step is not None else -1) + 1, len(steps)):
        step = steps[index]
        if not step["applies"]:
            continue
        named = people.named(step.get("who", ()), approval.owner_id or 0)
        if step.get("mode", "any") == "any":
            missing = [] if said_yes & set(named) else named
        else:
            missing = [person for person in named if person not in said_yes]
        if missing:
            approval.step = index
            stand(approval, step)
            open_tasks(approval, [people.standing_in(each, approval.owner_id or 0) for each in missing], step, now=now)
            return
    finish(approval, acting_user=acting_user, now=now)


def stand(approval: models.Approval, step: Mapping[str, Any]) -> None:
    """Put the record in the state that it has while this step is decided, where its verb says so."""
    verb = verb_named(approval.entity, approval.verb)
    if verb is None or verb.approval is None:
        return
    states = (verb.approval.stands.get(str(each.get("role", ""))) for each in step.get("who", ()) if each.get("by") == "role")
    if state := next((state for state in states if state), ""):
        _move_record(verb, _record(store.session(), spec_named(approval.entity), approval), state)


def _said_yes(approval: models.Approval, people: People) -> set[int]:
    """Who has agreed for himself, where a step named him.

    What somebody decided in another's place (his deputy's, passed on, escalated) is not his own word: his own step asks him.
    """
    rows = select(_tasks.c.owner_id, _tasks.c.step).where(
        _tasks.c.approval_id == approval.id,
        _tasks.c.state == TaskState.APPROVED.value,
        _tasks.c.step <= (approval.step or 0),
        _tasks.c.for_id.is_(None),
    )
    said = set(store.session().connection().execute(rows).all())
    named = {step: people.named(approval.plan["steps"][step].get("who", ()), approval.owner_id or 0) for _, step in said}
    return {person for person, step in said if person in named[step]}


def open_tasks(approval: models.Approval, approvers: Sequence[Approver], step: Mapping[str, Any], *, now: datetime) -> None:
    """One task a person; in sequence each waits behind the one before."""
    before: models.ApprovalTask | None = None
    seen: set[int] = set()
    for each in approvers:
        if each.user_id in seen:
            continue
        seen.add(each.user_id)
        in_line = before if step.get("mode") == "sequence" else None
        before = give(approval, each, now=now, behind=in_line.id if in_line else None)


def give(approval: models.Approval, who: Approver, *, now: datetime, behind: int | None = None) -> models.ApprovalTask:
    """A task for somebody; he is told when it is his turn."""
    session = store.session()
    team_id = session.connection().scalar(select(_people.c.team_id).where(_people.c.id == who.user_id))
    made = models.ApprovalTask(
        title=approval.title,
        approval_id=approval.id,
        entity=approval.entity,
        record_id=approval.record_id,
        owner_id=who.user_id,
        team_id=team_id,
        asked_by_id=approval.owner_id,
        for_id=who.for_id,
        step=approval.step,
        behind=behind,
        state=(TaskState.QUEUED if behind else TaskState.WAITING).value,
        waiting_since=None if behind else now,
    )
    session.add(made)
    session.flush()
    if behind is None:
        tell_holder(made, now=now)
    return made


def tell_holder(task: models.ApprovalTask, *, now: datetime) -> None:
    """It is his turn."""
    notify(
        store.session(),
        recipient_ids=task.owner_id or 0,
        event_key=f"approval.task:{task.id}:{task.version}",
        kind="approval.task",
        title=say("待你审批：{what} | For your decision: {what}", what=task.title),
        entity="approval_task",
        record_id=task.id,
        href=f"/approvals/{task.id}",
        now=now,
    )


def tell_asker(approval: models.Approval, words: str, comment: str, *, acting_user: Principal, now: datetime) -> None:
    """Who asked hears how it ended; `words` name {what} and {who}."""
    if approval.owner_id and approval.owner_id != acting_user.user_id:
        said = comment.replace(" | ", " ｜ ")
        notify(
            store.session(),
            recipient_ids=approval.owner_id,
            event_key=f"approval.{approval.state}:{approval.id}",
            kind="approval.result",
            title=say(words, what=approval.title, who=acting_user.name),
            body=say("{said} | {said}", said=said) if said else "",
            entity=approval.entity,
            record_id=approval.record_id,
            href=f"/{approval.entity}/{approval.record_id}",
            now=now,
        )


def close_tasks(approval: models.Approval) -> None:
    """Nobody is waited for any more."""
    mine = select(models.ApprovalTask).where(models.ApprovalTask.approval_id == approval.id, models.ApprovalTask.state.in_(OPEN))
    for task in store.session().scalars(mine):
        task.state = TaskState.CLOSED.value
    store.session().flush()


def finish(approval: models.Approval, *, acting_user: Principal, now: datetime) -> None:
    """Everybody has agreed: do what was asked for, as who asked for it, and note who agreed last."""
    session = store.session()
    approval.state, approval.decided_at = ApprovalState.APPROVED.value, now
    session.flush()
    verb, spec = verb_named(approval.entity, approval.verb), spec_named(approval.entity)
    asker = resolve(session, approval.owner_id or 0, access_version(session), now)
    if verb is None or not asker.may(verb.permission):
        raise Refused("提交人已经没有这个权限，请驳回。 | Who asked no longer has the right to it; reject it.", rule="asker_gone")
    form = _filled_in(verb, approval)
    with entrusted(session, replace(asker, note=f"approval {approval.id}: {acting_user.name}"[:120])), acting_as(session, verb):
        given = [approval.record_id] if verb.by_id else [_record(session, spec, approval)]
        outcome = verb.function(given, acting_user=asker, now=now, **form)
        for _, refusal in outcome.refused:
            raise refusal
    tell_asker(approval, "{who}批准了：{what} | {who} approved: {what}", "", acting_user=acting_user, now=now)


def _filled_in(verb: Verb, approval: models.Approval) -> dict[str, Any]:
    try:
        return {each.key: each.parse(approval.form.get(each.key)) for each in verb.form}
    except BadValue as error:
        raise Refused(
            "当时填写的内容现在不能用了（{why}），请驳回，让提交人重新提交。"
            " | What was filled in cannot be used any more ({why}); reject it, to be asked for anew.",
            rule="form",
            why=error.text,
        ) from error


def _record(session: Session, spec: Spec, approval: models.Approval) -> Any:
    found = session.scalar(select(spec.model).where(spec.model.id == approval.record_id))
    if found is None:
        raise Refused("记录已经不在，请驳回。 | The record is gone; reject it.", rule="record_gone")
    return found


def end(approval: models.Approval, state: ApprovalState, *, now: datetime) -> None:
    """Not approved: the record moves on as its verb says, and may be changed again."""
    session, spec = store.session(), spec_named(approval.entity)
    close_tasks(approval)
    approval.state, approval.decided_at = state.value, now
    verb = verb_named(approval.entity, approval.verb)
    rule = verb.approval if verb else None
    if rule is not None:
        _move_record(verb, _record(session, spec, approval), rule.rejected if state is ApprovalState.REJECTED else rule.returned)
    session.flush()
