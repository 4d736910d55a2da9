"""A lead becomes a customer: one transaction, everything moves along, and it can be taken back while untouched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from portal import models
from portal.domain import customers, deals, duplicates
from portal.domain.batches import begin, undoes
from portal.domain.leads import LEADS
from portal.domain.pooling import ids_of, locked
from portal.engine import custom, store
from portal.engine.audit import plain
from portal.engine.errors import Changed, NotAllowed, NotFound, Refused
from portal.engine.fields import BadValue, Field
from portal.engine.kinds.choice import ChoiceField
from portal.engine.kinds.dates import DateField
from portal.engine.kinds.numbers import FlagField, MoneyField
from portal.engine.kinds.reference import ReferenceField
from portal.engine.kinds.several import SeveralField
from portal.engine.kinds.texts import TextField
from portal.engine.spec import spec_of
from portal.engine.text import Text, pick, say
from portal.engine.verbs import Outcome, Preview, verb, verb_named
from portal.entities.customers import BuyingRole
from portal.entities.leads import LeadState
from portal.security.fields import Rights
from portal.security.perform import acting_as
from portal.security.principal import Principal
from portal.security.references import carrying
from portal.security.resolve import touch_access
from portal.security.session import confirm_writable, guarded

_METHOD = "convert"
_COLUMNS = ("state", "customer_id", "converted_at", "next_at", "next_step")
_COPIED = ("phone", "source_id", "industry", "region", "note")
_CONTACTED = ("contacted_at", "next_at", "next_step")
_CHECKED = ("verified_by_id", "verified_at")


def preview(leads: Sequence[Any], *, acting_user: Principal, now: datetime, customer_id: int | None = None, **_: Any) -> Preview:
    """What will be made and what moves along. Changes nothing; duplicates are looked for when it is sent."""
    session = store.session()
    lead = session.scalar(select(models.Lead).where(models.Lead.id == ids_of(leads)[0]))
    if lead is None:
        return Preview()
    into = session.scalar(select(models.Customer).where(models.Customer.id == customer_id))
    moving = session.scalar(select(func.count()).select_from(models.FollowUp).where(models.FollowUp.lead_id == lead.id)) or 0
    return Preview(
        facts=(
            ("客户 | Customer", into.name if into else say("新建：{name} | New: {name}", name=lead.company)),
            ("联系人 | Contact", lead.name or "—"),
            *((("补上空白 | Fills in", _named(_filling(lead, into, acting_user))),) if into else ()),
            ("一并转入 | Moves along", say("{n} 条跟进和全部文件 | {n} follow-ups and all files", n=moving)),
        )
    )


def _named(values: Mapping[str, Any]) -> Text | str:
    """What blanks are called."""
    labels = [spec_of(models.Customer).fields[key].label for key in values]
    zh, en = ("、".join(str(pick(each, "zh")) for each in labels), ", ".join(str(pick(each, "en")) for each in labels))
    return say("{names} | {names}", names={"zh": zh, "en": en}) if labels else "—"


@verb(
    "lead:convert",
    "转为客户 | Convert",
    icon="building",
    takes=("own", "reach"),
    columns=_COLUMNS,
    form=(
        (
            "customer_id",
            ReferenceField(
                "并入已有客户 | Into an existing customer",
                "customer",
                help="不填则新建客户。只能并入你能修改的客户；它空着的项由线索补上。"
                " | Empty: a new one. It must be a customer you may change; what it does not say is filled in from the lead.",
            ),
        ),
        ("buying_role", ChoiceField("联系人的决策角色 | The contact's part in the decision", BuyingRole)),
        (
            "opportunity",
            TextField(
                "商机名称 | Opportunity",
                help="填了就同时建一个商机。 | When filled in, an opportunity is made too.",
                taken_from="opportunity.name",
            ),
        ),
        ("opportunity_product_id", ReferenceField("商机产品 | Its product", "product", taken_from="opportunity.product_id")),
        ("opportunity_amount", MoneyField("商机金额 | Its amount", least=0, taken_from="opportunity.amount")),
        ("opportunity_close_on", DateField("预计成交日 | Expected close", taken_from="opportunity.close_on")),
        ("separate", FlagField("确认不是同一个客户，仍然新建 | Not the same customer: add it all the same")),
    ),
    inverse="undo",
    primary=True,
    states=(LeadState.FOLLOWING,),
    preview=preview,
    help="新建客户和联系人，跟进与文件一并转入。 | Adds a customer and a contact; follow-ups and files move along.",
)
def convert(
    leads: Sequence[Any],
    *,
    acting_user: Principal,
    now: datetime,
    customer_id: int | None = None,
    buying_role: str = "",
    opportunity: str = "",
    separate: bool = False,
    **deal: Any,
) -> Outcome:
    """Turn one lead into a customer of the same owner, or add it to one the actor may change.

    Refused: not in 跟进中, a possible duplicate that is not confirmed, a customer that lies in a pool.
    """
    session, outcome = store.session(), Outcome()
    for lead in leads:
        rows = locked(session, LEADS, [lead.id])
        if not rows or (rows[0].version, rows[0].state) != (lead.version, LeadState.FOLLOWING.value):
            outcome.refused.append((lead.id, _not_followed()))
            continue
        before = {key: plain(getattr(lead, key)) for key in ("next_at", "next_step")}
        if customer_id:
            customer = _existing(session, customer_id)
        else:
            customer = _made(session, lead, separate=separate, acting_user=acting_user, now=now)
        kept = {key: plain(getattr(customer, key)) for key in (*_CONTACTED, *_CHECKED)} if customer_id else None
        filled = _filling(lead, customer, acting_user) if customer_id else {}
        if filled:
            _fill(customer, filled)
        contact = _contact(session, lead, customer, buying_role)
        moved = _move(session, lead, customer)
        begun = _deal(lead, customer, opportunity, deal, acting_user=acting_user, now=now)
        _hand_on(lead, customer, now)
        session.flush()
        plan = {
            "lead": {"id": lead.id, "version": lead.version, **before},
            "customer": {"id": customer.id, "version": customer.version, "kept": kept, "filled": list(filled)},
            "contact": {"id": contact.id, "version": contact.version} if contact else None,
            "opportunity": {"id": begun.id, "version": begun.version} if begun else None,
            **moved,
        }
        outcome.batch_id = begin(session, "lead", _METHOD, acting_user.user_id or lead.owner_id, now, plan=plan, done=1)
        outcome.done.append(lead.id)
        outcome.href = f"/customer/{customer.id}"
    return outcome


def _not_followed() -> Refused:
    return Refused("只有跟进中的线索可以转为客户。 | Only a lead that is being followed can be converted.", rule="not_followed")


def _existing(session: Session, customer_id: int) -> models.Customer:
    """The customer named, locked; one that the actor may write, also where nothing but files moves there."""
    wanted = select(models.Customer).where(models.Customer.id == customer_id).with_for_update(key_share=True)
    found = session.scalar(wanted.execution_options(populate_existing=True))
    if found is None:
        raise NotFound
    if found.pool_id is not None:
        raise Refused("这个客户在公海，请先领取再并入。 | This customer lies in a pool; claim it first.", rule="in_pool")
    confirm_writable(session, found)
    return found


def _made(session: Session, lead: models.Lead, *, separate: bool, acting_user: Principal, now: datetime) -> models.Customer:
    values = {"name": lead.company, "phone": lead.phone}
    if not separate:
        duplicates.refuse(values, model=models.Customer, name="name", besides=None, acting_user=acting_user, now=now)
    whose = {"owner_id": lead.owner_id, "team_id": lead.team_id, "owned_at": now}
    made = models.Customer(name=lead.company, **{key: getattr(lead, key) for key in _COPIED}, **whose)
    made.extra = _carried(lead)
    with carrying(store.session()):
        return customers.enter(made, now=now, how=_METHOD)


def _carried(lead: models.Lead) -> dict[str, Any]:
    """Values of fields added at run time that both record types have, with the same key, kind and target."""
    known = spec_of(models.Customer).custom
    both = {key for key, each in spec_of(models.Lead).custom.items() if key in known and _alike(each, known[key])}
    fitting = {key: _fitting(known[key], value) for key, value in lead.extra.items() if key in both}
    return {key: value for key, value in fitting.items() if value is not None}


def _fitting(field: Field, kept: Any) -> Any:
    """What of a value the field may hold: choices that are none there stay behind."""
    if isinstance(field, SeveralField):
        return [each for each in kept if _fitting(field.one, each) is not None] or None
    try:
        field.parse(kept)
    except BadValue:
        return None
    return kept


def _filling(lead: models.Lead, customer: models.Customer, actor: Principal) -> dict[str, Any]:
    """What the lead knows and the customer does not say, as far as the actor reads the one and writes the other."""
    rights, ours, theirs = Rights(actor), spec_of(models.Lead), spec_of(models.Customer)
    plainly = {key: getattr(lead, key) for key in _COPIED if theirs.fields[key].is_blank(getattr(customer, key))}
    blank = {key: value for key, value in plainly.items() if not ours.fields[key].is_blank(value)}
    blank |= {key: value for key, value in _carried(lead).items() if key not in customer.extra}
    here, there = {"owner_id": lead.owner_id, "pool_id": lead.pool_id}, {"owner_id": customer.owner_id, "pool_id": customer.pool_id}
    return {
        key: value
        for key, value in blank.items()
        if rights.sees(ours, ours.fields[key])
        and not rights.masks(ours, ours.fields[key], here)
        and rights.edits(theirs, theirs.fields[key])
        and not rights.masks(theirs, theirs.fields[key], there)
    }


def _fill(customer: models.Customer, values: Mapping[str, Any]) -> None:
    """Write those blanks; whoever checked the customer has not seen them."""
    added = {key: value for key, value in values.items() if key in spec_of(models.Customer).custom}
    given = {key: value for key, value in values.items() if key not in added}
    with carrying(store.session()):
        customers.set_fields(customer, {**given, **({"extra": {**customer.extra, **added}} if added else {})})
        store.session().flush()


def _unfill(customer: models.Customer, filled: Sequence[str]) -> None:
    spec = spec_of(models.Customer)
    customer.extra = {key: value for key, value in customer.extra.items() if key not in filled}
    for key in (key for key in filled if key in _COPIED):
        setattr(customer, key, spec.fields[key].blank)


def _alike(one: Field, other: Field) -> bool:
    return one.kind == other.kind and getattr(one, "target", "") == getattr(other, "target", "")


def _contact(session: Session, lead: models.Lead, customer: models.Customer, buying_role: str) -> models.Contact | None:
    """Whom the lead named; none where it named nobody."""
    if not lead.name:
        return None
    made = models.Contact(
        customer_id=customer.id, name=lead.name, buying_role=buying_role or "", phone=lead.phone, wechat=lead.wechat, email=lead.email
    )
    session.add(made)
    session.flush()
    return made


def _deal(
    lead: models.Lead, customer: models.Customer, name: str, given: Mapping[str, Any], *, acting_user: Principal, now: datetime
) -> models.Opportunity | None:
    """The opportunity that was asked for with the conversion, the lead's owner's; none without a name."""
    if not name.strip():
        return None
    if not acting_user.may("opportunity:create"):
        raise NotAllowed
    values = {key: given.get(f"opportunity_{key}") for key in ("product_id", "amount", "close_on")}
    values["amount"] = values["amount"] or lead.expected_amount
    whose = {"owner_id": lead.owner_id, "team_id": lead.team_id}
    return deals.begin(models.Opportunity(name=name.strip(), customer_id=customer.id, **values, **whose), now=now)


def _move(session: Session, lead: models.Lead, customer: models.Customer) -> dict[str, list[int]]:
    """Follow-ups, participants and files go from the lead to the customer; each keeps its history."""
    follow_ups = list(session.scalars(select(models.FollowUp).where(models.FollowUp.lead_id == lead.id)))
    for each in follow_ups:
        each.lead_id, each.customer_id = None, customer.id
    participants = _joining(session, lead, customer)
    for part in participants:
        part.lead_id, part.customer_id = None, customer.id
    session.flush()
    if participants:
        touch_access(session)
    files = _files(session, models.Attachment.record_id == lead.id, was="lead", to=("customer", customer.id))
    return {"follow_ups": [each.id for each in follow_ups], "participants": [part.id for part in participants], "files": files}


def _joining(session: Session, lead: models.Lead, customer: models.Customer) -> list[models.Participant]:
    """Who takes part in the lead, but for the customer's owner and those who take part in the customer by its own word."""
    part = models.Participant
    there = {customer.owner_id, *session.scalars(select(part.user_id).where(part.customer_id == customer.id))}
    return [each for each in session.scalars(select(part).where(part.lead_id == lead.id)) if each.user_id not in there]


def _files(session: Session, which: Any, *, was: str, to: tuple[str, int]) -> list[int]:
    file = models.Attachment
    moved = update(file).where(file.entity == was, which).values(entity=to[0], record_id=to[1]).returning(file.id)
    return list(session.execute(moved.execution_options(synchronize_session=False)).scalars())


def _hand_on(lead: models.Lead, customer: models.Customer, now: datetime) -> None:
    """The later contact says what comes next; the lead is done and points to its customer."""
    if lead.contacted_at is not None and (customer.contacted_at is None or lead.contacted_at >= customer.contacted_at):
        for key in _CONTACTED:
            setattr(customer, key, getattr(lead, key))
    lead.state, lead.customer_id, lead.converted_at = LeadState.CONVERTED.value, customer.id, now
    lead.next_at, lead.next_step = None, ""


# undo ---------------------------------------------------------------------------------------------


@undoes("lead", _METHOD)
def take_back(batch: Any, *, acting_user: Principal, now: datetime) -> Outcome:
    """The lead is followed again and has its follow-ups and files; what was made goes to the bin.

    Refused when the lead, the customer or the contact was touched since, or something was added to the customer.
    """
    session, plan = store.session(), batch.plan
    made_it = verb_named("lead", _METHOD)
    assert made_it is not None  # noqa: S101 - declared above
    lead, customer, contact, deal = (_untouched(session, model, plan.get(key)) for model, key in _PARTS)
    if (plan["customer"]["kept"] is None and _grown(session, plan)) or (deal is not None and deals.contracted(deal.id)):
        raise Changed
    with acting_as(session, made_it):
        session.info["verb_name"] = "undo"
        for each in session.scalars(select(models.FollowUp).where(models.FollowUp.id.in_(plan["follow_ups"]))):
            each.lead_id, each.customer_id = lead.id, None
        for part in session.scalars(select(models.Participant).where(models.Participant.id.in_(plan.get("participants", ())))):
            part.lead_id, part.customer_id = lead.id, None
            touch_access(session)
        for made in (contact, deal):
            if made is not None:
                made.deleted_at = now
        session.flush()
        _files(session, models.Attachment.id.in_(plan["files"]), was="customer", to=("lead", lead.id))
        if (kept := plan["customer"]["kept"]) is None:
            customer.deleted_at = now
        else:
            _unfill(customer, plan["customer"].get("filled", ()))
            _give_back(customer, kept)
        lead.state, lead.customer_id, lead.converted_at = LeadState.FOLLOWING.value, None, None
        _give_back(lead, plan["lead"])
        session.flush()
    return Outcome(done=[lead.id], href=f"/lead/{lead.id}")


_PARTS: tuple[tuple[type[Any], str], ...] = (
    (models.Lead, "lead"),
    (models.Customer, "customer"),
    (models.Contact, "contact"),
    (models.Opportunity, "opportunity"),
)


def _untouched(session: Session, model: type[Any], part: dict[str, Any] | None) -> Any:
    if part is None:
        return None
    found = session.scalar(select(model).where(model.id == part["id"]).with_for_update(key_share=True))
    if found is None or found.version != part["version"]:
        raise Changed
    return found


def _grown(session: Session, plan: dict[str, Any]) -> bool:
    """Whether the new customer has anything else than came with the lead, whoever added it and sees it."""
    key = plan["customer"]["id"]
    made = {name: [plan[name]["id"]] if plan.get(name) else [] for name in ("lead", "contact", "opportunity")}
    came = {**made, "follow_up": plan["follow_ups"], "participant": plan.get("participants", [])}
    for child, each in spec_of(models.Customer).referrers():
        alive = [child.table.c.deleted_at.is_(None)] if "deleted_at" in child.table.c else []
        there = session.connection().scalars(select(child.table.c.id).where(custom.stored(child, each.key) == key, *alive))
        if set(there) - set(came.get(child.name, ())):
            return True
    file = models.Attachment
    mine = (file.entity == "customer", file.record_id == key)
    files: int | None = session.scalar(guarded(select(func.count()).select_from(file).where(*mine)))
    return files != len(plan["files"])


def _give_back(record: Any, kept: dict[str, Any]) -> None:
    spec = spec_of(type(record))
    for key in (*_CONTACTED, *_CHECKED):
        if key in kept:
            value = kept[key]
            setattr(record, key, datetime.fromisoformat(value) if value and spec.fields[key].kind == "instant" else value)
