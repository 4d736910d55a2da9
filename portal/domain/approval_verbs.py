"""What people do with an approval task: agree, reject, send back, pass on, ask one more; and the asker: withdraw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select

from portal import models
from portal.domain.approval_flows import engine
from portal.domain.approval_lock import is_as_kept
from portal.domain.approvals import OPEN, advance, close_tasks, end, give, note, open_tasks, stand, tell_asker, tell_holder
from portal.domain.approvers import Approver, People
from portal.engine import store
from portal.engine.errors import Refused
from portal.engine.kinds.choice import ChoiceField
from portal.engine.kinds.numbers import IntegerField
from portal.engine.kinds.reference import ReferenceField
from portal.engine.kinds.texts import LongTextField
from portal.engine.spec import spec_named
from portal.engine.text import say
from portal.engine.verbs import Outcome, one_by_one, verb
from portal.entities.approvals import ActionKind, AddWhen, ApprovalState, TaskState
from portal.security.principal import Principal
from portal.security.session import entrusted

_COLUMNS = ("state", "comment", "decided_at", "behind")
_WAITING = (TaskState.WAITING.value,)
Task = models.ApprovalTask
Decision = Callable[[Task, models.Approval], None]


def _decide(tasks: Sequence[Task], decision: Decision, *, acting_user: Principal, now: datetime) -> Outcome:
    """Each task by itself: what is refused leaves the others decided. The approval's row lets one decide after the other."""
    session = store.session()

    def one(task: Task) -> None:
        with entrusted(session, engine(acting_user)):
            decision(*_held(task.id, acting_user, now))

    return one_by_one(tasks, one, apart=session)


def _held(task_id: int, acting_user: Principal, now: datetime) -> tuple[Task, models.Approval]:
    """The task and its approval as they are now, both for this one to decide."""
    session = store.session()
    approval = session.scalars(
        select(models.Approval)
        .join(Task, Task.approval_id == models.Approval.id)
        .where(Task.id == task_id)
        .with_for_update(of=models.Approval)
        .execution_options(populate_existing=True)
    ).one()
    task = session.scalars(select(Task).where(Task.id == task_id).execution_options(populate_existing=True)).one()
    if task.state not in _WAITING or approval.state != ApprovalState.PENDING.value:
        raise Refused("这一步已经有人决定了。 | This has been decided already.", rule="decided")
    if approval.owner_id == acting_user.user_id:
        raise Refused("自己提交的要由别人审批。 | What one asked for is for others to decide.", rule="own")
    if not People(now).still_stands_in(Approver(acting_user.user_id, task.for_id)):
        raise Refused("代理期已过，由本人决定。 | The deputy's time is over; the one he stood in for decides.", rule="deputy_over")
    return task, approval


def _settle(task: Task, state: TaskState, comment: str, now: datetime) -> None:
    task.state, task.comment, task.decided_at = state.value, comment, now
    store.session().flush()


# deciding -----------------------------------------------------------------------------------------


@verb(
    "approval_task:approve",
    "同意 | Approve",
    icon="check",
    takes=("own",),
    columns=_COLUMNS,
    states=_WAITING,
    bulk=True,
    primary=True,
    form=(("comment", LongTextField("意见 | Comment")),),
)
def approve(tasks: Sequence[Task], *, acting_user: Principal, now: datetime, comment: str = "") -> Outcome:
    """Agree. When the step is complete the next one begins; after the last one what was asked for is done."""
    said = (comment or "").strip()

    def decision(task: Task, approval: models.Approval) -> None:
        _refuse_edited(approval)
        note(approval, ActionKind.APPROVE, said)
        _settle(task, TaskState.APPROVED, said, now)
        if _step_complete(task, approval, now):
            close_tasks(approval)
            advance(approval, acting_user=acting_user, now=now)

    return _decide(tasks, decision, acting_user=acting_user, now=now)


def _refuse_edited(approval: models.Approval) -> None:
    """What is agreed to is what was submitted: a version changed since needs a new decision."""
    spec = spec_named(approval.entity)
    record = store.session().scalar(select(spec.model).where(spec.model.id == approval.record_id))
    if record is None or not is_as_kept(spec, record, approval.snapshot):
        raise Refused(
            "内容在提交之后变了，请退回，让提交人重新提交。 | It was changed after it was submitted; send it back to be submitted anew.",
            rule="edited",
        )


def _step_complete(task: Task, approval: models.Approval, now: datetime) -> bool:
    """Whoever waited behind this task comes next; then one is enough, or all must have agreed."""
    for follower in _behind(task):
        follower.behind, follower.state, follower.waiting_since = None, TaskState.WAITING.value, now
        store.session().flush()
        tell_holder(follower, now=now)
        return False
    step = approval.plan["steps"][approval.step or 0]
    return step.get("mode", "any") == "any" or not _open_in_step(approval)


def _behind(task: Task) -> list[Task]:
    wanted = select(Task).where(Task.behind == task.id, Task.state == TaskState.QUEUED.value)
    return list(store.session().scalars(wanted.order_by(Task.id)))


def _open_in_step(approval: models.Approval) -> list[Task]:
    return list(store.session().scalars(select(Task).where(Task.approval_id == approval.id, Task.state.in_(OPEN))))


@verb(
    "approval_task:reject",
    "驳回 | Reject",
    icon="circle-x",
    takes=("own",),
    columns=_COLUMNS,
    states=_WAITING,
    bulk=True,
    form=(("reason", LongTextField("原因 | Reason", required=True)),),
)
def reject(tasks: Sequence[Task], *, acting_user: Principal, now: datetime, reason: str) -> Outcome:
    """No, and that is the end of this submission."""

    def decision(task: Task, approval: models.Approval) -> None:
        note(approval, ActionKind.REJECT, reason.strip())
        _settle(task, TaskState.REJECTED, reason.strip(), now)
        end(approval, ApprovalState.REJECTED, now=now)
        tell_asker(approval, "{who}驳回了：{what} | {who} rejected: {what}", reason, acting_user=acting_user, now=now)

    return _decide(tasks, decision, acting_user=acting_user, now=now)


@verb(
    "approval_task:send_back",
    "退回 | Send back",
    icon="arrow-back-up",
    takes=("own",),
    columns=_COLUMNS,
    states=_WAITING,
    form=(
        ("reason", LongTextField("要改什么 | What to change", required=True)),
        ("to_step", IntegerField("退到第几步 | To which step", least=1, help="不填就退给提交人。 | Empty: to who asked.")),
    ),
)
def send_back(tasks: Sequence[Task], *, acting_user: Principal, now: datetime, reason: str, to_step: int | None = None) -> Outcome:
    """To the asker, who may change it and submit anew; or to an earlier step, which decides again."""
    said = reason.strip()

    def decision(task: Task, approval: models.Approval) -> None:
        note(approval, ActionKind.RETURN, said)
        _settle(task, TaskState.RETURNED, said, now)
        if to_step is None:
            end(approval, ApprovalState.RETURNED, now=now)
            tell_asker(approval, "{who}退回了：{what} | {who} sent back: {what}", said, acting_user=acting_user, now=now)
        else:
            _to_step(approval, to_step - 1, now)

    return _decide(tasks, decision, acting_user=acting_user, now=now)


def _to_step(approval: models.Approval, index: int, now: datetime) -> None:
    steps = approval.plan["steps"]
    if not 0 <= index < (approval.step or 0) or not steps[index]["applies"]:
        raise Refused("只能退到前面走过的一步。 | It can only go back to a step it has passed.", rule="no_step")
    close_tasks(approval)
    approval.step = index
    stand(approval, steps[index])
    people, asker = People(now), approval.owner_id or 0
    named = [people.standing_in(each, asker) for each in people.named(steps[index].get("who", ()), asker)]
    for past in store.session().scalars(select(Task).where(Task.approval_id == approval.id, Task.step >= index, Task.state == "approved")):
        past.state = TaskState.CLOSED.value
    store.session().flush()
    open_tasks(approval, named, steps[index], now=now)


# passing on ---------------------------------------------------------------------------------------


@verb(
    "approval_task:transfer",
    "转交 | Transfer",
    icon="user-share",
    takes=("own",),
    columns=_COLUMNS,
    states=_WAITING,
    form=(("to_id", ReferenceField("转给 | To", "user", required=True)), ("reason", LongTextField("原因 | Reason", required=True))),
)
def transfer(tasks: Sequence[Task], *, acting_user: Principal, now: datetime, to_id: int, reason: str) -> Outcome:
    """Somebody else decides instead."""

    def decision(task: Task, approval: models.Approval) -> None:
        _refuse_signer(approval, task, to_id, now)
        note(approval, ActionKind.TRANSFER, reason.strip(), to_id)
        pass_on(task, approval, Approver(to_id), TaskState.TRANSFERRED, reason.strip(), now=now)

    return _decide(tasks, decision, acting_user=acting_user, now=now)


def pass_on(task: Task, approval: models.Approval, who: Approver, state: TaskState, comment: str, *, now: datetime) -> Task:
    """End this task and give it to another; who waited behind it waits behind the new one."""
    followers = _behind(task)
    _settle(task, state, comment, now)
    made = give(approval, who, now=now)
    for follower in followers:
        follower.behind = made.id
    store.session().flush()
    return made


def _refuse_signer(approval: models.Approval, task: Task, user_id: int, now: datetime) -> None:
    if user_id == approval.owner_id:
        raise Refused("不能交给提交人自己。 | It cannot go to who asked for it.", rule="own")
    taken = {each.owner_id for each in _open_in_step(approval)}
    if user_id not in People(now).active or user_id in taken:
        raise Refused("这个人不在职，或者已经在这一步里。 | This person has left, or decides in this step already.", rule="signer")


@verb(
    "approval_task:add_signer",
    "加签 | Add a signer",
    icon="user-plus",
    takes=("own",),
    columns=_COLUMNS,
    states=_WAITING,
    form=(
        ("to_id", ReferenceField("请谁 | Whom", "user", required=True)),
        ("when", ChoiceField("先后 | When", AddWhen, required=True, default="before")),
        ("reason", LongTextField("说明 | Why")),
    ),
)
def add_signer(tasks: Sequence[Task], *, acting_user: Principal, now: datetime, to_id: int, when: str, reason: str = "") -> Outcome:
    """One more person decides: before me, and then I; or after I have agreed."""
    said = (reason or "").strip()

    def decision(task: Task, approval: models.Approval) -> None:
        _refuse_signer(approval, task, to_id, now)
        note(approval, ActionKind.ADD_SIGNER, said, to_id)
        if when == AddWhen.BEFORE.value:
            made = give(approval, Approver(to_id), now=now)
            task.state, task.behind, task.waiting_since = TaskState.QUEUED.value, made.id, None
        else:
            followers = _behind(task)
            made = give(approval, Approver(to_id), now=now, behind=task.id)
            for follower in followers:
                follower.behind = made.id
        store.session().flush()

    return _decide(tasks, decision, acting_user=acting_user, now=now)


# the asker ----------------------------------------------------------------------------------------


@verb("approval:withdraw", "撤回 | Withdraw", icon="arrow-back-up", takes=("own",), columns=("state", "decided_at"), states=("pending",))
def withdraw(approvals: Sequence[models.Approval], *, acting_user: Principal, now: datetime) -> Outcome:
    """Take it back, until the next decision: once somebody has decided, it goes its way or is sent back."""
    session = store.session()

    def one(approval: models.Approval) -> None:
        with entrusted(session, engine(acting_user)):
            _take_back(approval.id, acting_user, now)

    outcome = one_by_one(approvals, one, apart=session)
    outcome.message = say("已撤回，可以修改了。 | Withdrawn; it can be changed again.") if outcome.done else None
    return outcome


def _take_back(approval_id: int, acting_user: Principal, now: datetime) -> None:
    wanted = select(models.Approval).where(models.Approval.id == approval_id).with_for_update()
    approval: Any = store.session().scalars(wanted.execution_options(populate_existing=True)).one()
    if approval.owner_id != acting_user.user_id:
        raise Refused("只能撤回自己提交的。 | Only what one asked for oneself can be withdrawn.", rule="own")
    decided = select(Task.id).where(Task.approval_id == approval_id, Task.state == TaskState.APPROVED.value).limit(1)
    if approval.state != ApprovalState.PENDING.value or store.session().scalar(decided) is not None:
        raise Refused("已经有人决定了，不能撤回。 | Somebody has decided already; it cannot be withdrawn.", rule="decided")
    note(approval, ActionKind.WITHDRAW)
    end(approval, ApprovalState.WITHDRAWN, now=now)
