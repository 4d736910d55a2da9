"""Records made for one attempt: the writer's own, in the state that the verb is for."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import count
from typing import Any

from sqlalchemy import select

from portal import models
from portal.domain.approval_flows import Flow
from portal.domain.approvals import submit
from portal.domain.contracts import fingerprint_of
from portal.engine.spec import registry
from portal.engine.tables import Attachment
from portal.engine.verbs import verb_named
from tests.cast import NOW, Cast
from tests.matrix.attempts import stages, values_for
from tests.matrix.rules import OF_A_SUPERIOR, OF_ANOTHER, OF_THE_AUTHOR, POOLED, STATES
from tests.matrix.world import OF_CONTRACTS, SALES, Planted, contract_of, receipt_of, review_of

_day = count(1)
_STATES = {"revive": "invalid", "convert": "following", "submit": "open", "edit": "open", "remind": "open", "exempt": "open"}


def fresh(cast: Cast, entity: str, action: str, owner: str) -> Planted:
    """A record of this owner (`""`: in the pool) that the action may be done to."""
    make = {
        "lead": _lead,
        "customer": _customer,
        "contact": _contact,
        "follow_up": _follow_up,
        "contract": _contract,
        **dict.fromkeys(("contract_line", "payment_plan"), _contract_part),
        **dict.fromkeys(("receipt", "allocation"), _receipt),
        "participant": _participant,
        "class_review": _class_review,
        "leave": _leave,
        "opportunity": _opportunity,
        "stage_change": _stage_change,
        "work_report": _report,
        "user": _user,
        **dict.fromkeys(("approval", "approval_task", "approval_action"), _approval),
        "delegation": _delegation,
    }.get(entity, _setting)
    state = STATES.get(action, ("draft",))[0] if entity in OF_CONTRACTS else ""
    return Planted(entity, make(cast, entity, action, owner), owner, (), state=state)


def owner_for(actor: str, entity: str, action: str) -> str:
    """Whose record an actor is tried on where he should succeed: his own, or one in his reach."""
    if entity in POOLED and action in ("claim", "reveal"):
        return ""
    if action in OF_ANOTHER:
        return "rep"
    if entity == "work_report" and action in OF_THE_AUTHOR:
        return actor
    if entity in ("approval", "approval_task", "delegation") or (entity, action) in (("leave", "submit"), ("contract", "submit")):
        return actor
    if entity == "work_report" and action in {*OF_A_SUPERIOR, "remind"}:
        return "rep"
    return actor if actor in SALES else "rep"


def _deleted(action: str) -> dict[str, Any]:
    return {"deleted_at": NOW} if action == "restore" else {}


def _lead(cast: Cast, _entity: str, action: str, owner: str) -> int:
    state = {"state": _STATES[action]} if action in ("revive", "convert") else {}
    return cast.lead(owner=owner or None, **state, **_deleted(action))


def _customer(cast: Cast, _entity: str, action: str, owner: str) -> int:
    """For a merge there are two of them; the doors find the other by its owner."""
    if action == "merge":
        cast.customer(owner=owner or None)
    return cast.customer(owner=owner or None, **_deleted(action))


def _contact(cast: Cast, _entity: str, action: str, owner: str) -> int:
    """The contact, or the customer where one is to be added."""
    customer_id = cast.customer(owner=owner or None)
    if action == "create":
        return customer_id
    return cast.add(models.Contact, customer_id=customer_id, name="第一位", version=1, **_deleted(action))


def _follow_up(cast: Cast, entity: str, action: str, owner: str) -> int:
    """The follow-up, or the lead where one is to be logged."""
    lead_id = cast.lead(owner=owner or None)
    if action == "create":
        return lead_id
    said = {"lead_id": lead_id, "kind": "call", "contacted_at": NOW - timedelta(hours=2), "content": "first words"}
    return cast.add(models.FollowUp, **said, created_by_id=cast.people[owner or "rep"], version=1, **_deleted(action))


def _opportunity(cast: Cast, _entity: str, action: str, owner: str) -> int:
    whose = {"owner_id": cast.people[owner], "team_id": cast.team_of(owner)}
    state = {"resume": "paused", "reopen": "lost"}.get(action, "open")
    way, customer_id = cast.rows(models.Pipeline)[0].id, cast.customer(owner=owner)
    given = {"name": "一笔生意", "pipeline_id": way, "stage_id": stages(cast)["初步接洽"], "state": state, "version": 1}
    given |= {"customer_id": customer_id, "stage_id": stages(cast)["输单"]} if state == "lost" else {"customer_id": customer_id}
    return cast.add(models.Opportunity, **whose, **given, **_deleted(action))


def _stage_change(cast: Cast, _entity: str, action: str, owner: str) -> int:
    deal_id = _opportunity(cast, "opportunity", "", owner)
    return cast.add(models.StageChange, opportunity_id=deal_id, to_stage_id=stages(cast)["赢单"], version=1, **_deleted(action))


def _contract(cast: Cast, _entity: str, action: str, owner: str) -> int:
    """The contract, complete and in the state that the action is for; or the customer where one is to be made."""
    if action == "create":
        return cast.customer(owner=owner)
    made = contract_of(cast, owner, **_deleted(action))
    cast.add(models.ContractLine, contract_id=made, product="设备", quantity=1, price=1000, amount=1000, version=1)
    payment = {"receive": "open", "fulfil": "paid"}.get(action, "planned")
    cast.add(models.PaymentPlan, contract_id=made, name="全款", percent=100, days=3, amount=1000, state=payment, version=1)
    state = STATES.get(action, ("draft",))[0]
    if state != "draft":
        cast.set(models.Contract, made, state=state, fingerprint=_fingerprint(cast, made))
    if action == "mark_signed":
        made_by = {"created_by_id": cast.people[owner], "stored_as": f"signed{made}"}
        about = {"entity": "contract", "record_id": made}
        cast.add(Attachment, **about, **made_by, name="signed.pdf", content_type="application/pdf", size=1, sha256="")
    return made


def _fingerprint(cast: Cast, contract_id: int) -> str:
    with cast.act("system") as session:
        return fingerprint_of(session.scalars(select(models.Contract).where(models.Contract.id == contract_id)).one())


def _contract_part(cast: Cast, entity: str, action: str, owner: str) -> int:
    """A part of a draft, or the draft where one is to be added."""
    contract_id = _contract(cast, "contract", "edit", owner)
    if action == "create":
        return contract_id
    if entity == "contract_line":
        return cast.add(models.ContractLine, contract_id=contract_id, product="甲", quantity=1, price=5, version=1, **_deleted(action))
    given = {"name": "第二期", "percent": 5, "days": 9, "state": "planned"}
    return cast.add(models.PaymentPlan, contract_id=contract_id, **given, version=1, **_deleted(action))


def _receipt(cast: Cast, entity: str, action: str, owner: str) -> int:
    """Of a contract in effect, of which 400 have come in."""
    contract_id = contract_of(cast, owner, state="effective")
    plan_id = cast.add(models.PaymentPlan, contract_id=contract_id, name="全款", percent=100, days=3, amount=1000, state="open", version=1)
    made = dict(zip(("receipt", "allocation"), receipt_of(cast, contract_id, plan_id), strict=True))[entity]
    if found := _deleted(action):
        cast.set({"receipt": models.Receipt, "allocation": models.Allocation}[entity], made, **found)
    return made


def _class_review(cast: Cast, _entity: str, action: str, owner: str) -> int:
    """A customer of class A whose purchases speak for C."""
    return review_of(cast, cast.customer(owner=owner, customer_class="a"), **_deleted(action))


def _participant(cast: Cast, _entity: str, action: str, owner: str) -> int:
    """Somebody of the owner's team who reads one of his customers."""
    guest = {"b": "other" if owner != "other" else "leader_b"}.get(SALES[owner], "mate" if owner != "mate" else "leader_a")
    part = {"customer_id": cast.customer(owner=owner), "user_id": cast.people[guest], "level": "read"}
    ends = {"until": date(2026, 5, 30), "ends_at": NOW + timedelta(days=18)}
    return cast.add(models.Participant, **part, **ends, version=1, **_deleted(action))


def _leave(cast: Cast, _entity: str, action: str, owner: str) -> int:
    day = date(2028, 1, 1) + timedelta(days=3 * next(_day))
    whose = {"owner_id": cast.people[owner], "team_id": cast.team_of(owner)}
    state, until = "approved" if action == "cancel" else "draft", day + timedelta(days=2)
    return cast.add(models.Leave, **whose, kind="annual", first_on=day, last_on=until, state=state, version=1, **_deleted(action))


def _approval(cast: Cast, entity: str, action: str, owner: str) -> int:
    """Somebody's leave on its way: asked for by the owner, or, of a task, waiting for the owner."""
    other = "leader_b" if owner != "leader_b" else "leader_a"
    asker, holder = (other, owner) if entity == "approval_task" else (owner, other)
    leave_id = _leave(cast, "leave", "", asker)
    verb = verb_named("leave", "submit")
    assert verb is not None
    step = {"label": "决定 | Decision", "mode": "any", "who": [{"by": "person", "id": cast.people[holder]}]}
    with cast.act(asker) as session:
        record = session.scalar(select(models.Leave).where(models.Leave.id == leave_id))
        made = submit(verb, Flow("leave", "submit", 0, (step,)), record, acting_user=cast.principal(asker), now=NOW, form={})
        approval_id = int(made.id)
    if entity == "approval":
        found = approval_id
    else:
        model = registry()[entity].model
        found = cast.rows(model, model.__table__.c.approval_id == approval_id)[0].id
    if action == "restore":
        cast.set(registry()[entity].model, found, deleted_at=NOW)
    return found


def _delegation(cast: Cast, entity: str, action: str, owner: str) -> int:
    day = date(2028, 1, 1) + timedelta(days=next(_day))
    whose = {"owner_id": cast.people[owner], "team_id": cast.team_of(owner), "deputy_id": cast.people["finance"]}
    return cast.add(models.Delegation, **whose, first_on=day, last_on=day, version=1, **_deleted(action))


def _report(cast: Cast, _entity: str, action: str, owner: str) -> int:
    day = date(2026, 5, 11) - timedelta(days=next(_day))
    return cast.add(
        models.WorkReport,
        owner_id=cast.people[owner],
        team_id=cast.team_of(owner),
        title=f"日报 {day}",
        period="day",
        period_key=day.isoformat(),
        first_on=day,
        last_on=day,
        due_at=NOW + timedelta(hours=8),
        state=_STATES.get(action, "submitted"),
        version=1,
        **_deleted(action),
    )


def _user(cast: Cast, entity: str, action: str, _owner: str) -> int:
    given = values_for(entity, cast)
    known = {"invited_at": NOW, "password": "-"} if action in ("reset_password", "deactivate", "reactivate") else {}
    return cast.add(
        models.User,
        **given,
        username=given["email"].split("@")[0],
        first_name="来",
        last_name="新",
        active=action in ("reset_password", "deactivate", "edit", "place"),
        **known,
    )


def _setting(cast: Cast, entity: str, action: str, _owner: str) -> int:
    given = {key: date.fromisoformat(value) if key in ("day", "effective_on") else value for key, value in values_for(entity, cast).items()}
    fixed = {"key": f"fresh_{next(_day)}"} if entity == "custom_field" else {}
    return cast.add(registry()[entity].model, **given, **fixed, version=1, **_deleted(action))
