"""A world of records with a canary in every value that somebody must not see."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import count

from portal import models
from portal.engine.mask import normalise_name
from portal.security.resolve import touch_access
from tests.cast import NOW, Cast

_number = count(1)
OWNERS = ("rep", "mate", "other", "leader_a", "leader_b")
SALES = {"rep": "a", "mate": "a", "leader_a": "a", "other": "b", "leader_b": "b"}
EVERYBODY = (
    "admin",
    "director",
    "leader_a",
    "leader_b",
    "rep",
    "mate",
    "other",
    "legal",
    "finance",
    "cashier",
    "warehouse",
    "service",
    "nobody",
)
ROLE = {
    "admin": "admin",
    "director": "director",
    "leader_a": "leader",
    "leader_b": "leader",
    "rep": "rep",
    "mate": "rep",
    "other": "rep",
    "nobody": "",
} | {duty: duty for duty in ("legal", "finance", "cashier", "warehouse", "service")}


OF_THE_HOLDER = frozenset({"approval_task", "delegation"})
"""A decision that waits is for who decides, a deputy for who named him: nobody above looks in."""

OF_CONTRACTS = ("contract", "contract_line", "payment_plan", "receipt", "allocation")
_RAN = ("effective", "fulfilled", "expired", "changed", "terminated")
DUTY_STATES = {"legal": ("to_legal", "to_finance", "to_sign", "to_seal", "void", *_RAN), "finance": ("to_finance", *_RAN), "cashier": _RAN}
"""Legal sees contracts from the moment they are submitted, finance those it decides on and running ones, the cashier those
that money comes in for, and not what was sold."""
_NOT_ITS_DUTY = frozenset({("cashier", "contract_line"), ("legal", "receipt"), ("legal", "allocation")})
_MACHINES = "cnc = 数控机床 | CNC machine\nlaser = 激光切割 | Laser cutting"
INTRODUCED = "x_introduced_by"
_LEADING = ("admin", "director", "leader")


@dataclass(frozen=True)
class Planted:
    """One record: whose it is ("" for the pool), and what only those who see it may read."""

    entity: str
    id: int
    owner: str
    canaries: tuple[str, ...]
    masked: tuple[str, ...] = ()
    """Canaries hidden from everybody while the record lies in the pool."""
    state: str = ""
    """Of a contract or a part of one: where the contract stands."""
    led: tuple[str, ...] = ()
    """Canaries of a field that an admin has shown to leaders and above only."""
    guests: tuple[str, ...] = ()
    """Who was let into it, or into what it belongs to, and reads it until a day."""


@dataclass
class World:
    records: list[Planted] = field(default_factory=list)

    def of(self, entity: str) -> list[Planted]:
        return [record for record in self.records if record.entity == entity]

    def one(self, entity: str, owner: str) -> Planted:
        return next(record for record in self.of(entity) if record.owner == owner)

    def hidden_from(self, actor: str) -> list[str]:
        """Every canary this actor must never receive."""
        found = [c for record in self.records if not sees(actor, record) for c in record.canaries]
        found += [c for record in self.records for c in record.masked]
        return found + [c for record in self.records if ROLE[actor] not in _LEADING for c in record.led]


def sees(actor: str, record: Planted) -> bool:
    """Who sees what, in the words of the brief and not in those of the code under test."""
    role, team = ROLE[actor], SALES.get(actor)
    if record.entity in OF_THE_HOLDER:
        return actor == record.owner
    if role in ("admin", "director") or actor in record.guests:
        return True
    if role in DUTY_STATES and record.entity in OF_CONTRACTS:
        return record.state in DUTY_STATES[role] and (role, record.entity) not in _NOT_ITS_DUTY
    if record.owner == "":
        return role in ("leader", "rep") and record.entity != "contact"
    if role == "leader":
        return SALES[record.owner] == team
    return role == "rep" and record.owner == actor


def plant(cast: Cast) -> World:
    """A lead and a customer with follow-up and history, a report, a leave for each owner; the same two in their pools."""
    world = World()
    _custom_fields(cast)
    for number, owner in enumerate((*OWNERS, "")):
        tag = owner or "pool"
        _lead(cast, world, number, owner, tag)
        _customer(cast, world, number, owner, tag)
        if owner:
            _report(cast, world, owner)
            _approval(cast, world, owner, _leave(cast, world, owner))
            _delegation(cast, world, owner)
            _opportunity(cast, world, owner)
            _contract(cast, world, owner, "draft")
    for state in ("to_legal", "to_finance", "effective"):
        _contract(cast, world, "other", state)
    _contract(cast, world, "rep", "effective")
    _shared(cast, world)
    _introductions(cast, world)
    return world


def _introductions(cast: Cast, world: World) -> None:
    """Every lead refers, by a field added at run time, to a customer of somebody else, and did so before to yet another."""
    customers = world.of("customer")
    for place, lead in enumerate(world.of("lead")):
        now, before = (customers[(place + step) % len(customers)].id for step in (1, 2))
        cast.set(models.Lead, lead.id, extra={**cast.row(models.Lead, lead.id).extra, INTRODUCED: now})
        told = {"before": {INTRODUCED: before}, "after": {INTRODUCED: now}}
        cast.add(models.AuditEvent, at=NOW, actor_id=cast.people["director"], entity="lead", record_id=lead.id, verb="edit", **told)


def _shared(cast: Cast, world: World) -> None:
    """One of each for a guest of another team, and what belongs to it; the same again of a guest whose time is over."""
    for number, (guest, ends_at) in enumerate((("other", NOW + timedelta(days=9)), ("leader_b", NOW))):
        tag, before = f"guest-{number}", len(world.records)
        _lead(cast, world, 6 + number, "rep", tag)
        _customer(cast, world, 6 + number, "rep", tag)
        _opportunity(cast, world, "rep", tag)
        _contract(cast, world, "rep", "effective", tag)
        for record in [r for r in world.records[before:] if r.entity in ("lead", "customer", "opportunity", "contract")]:
            part, note = {f"{record.entity}_id": record.id, "user_id": cast.people[guest]}, f"guest-canary-{record.entity}-{number}"
            key = cast.add(models.Participant, **part, level="read", until=date(2026, 5, 20), ends_at=ends_at, note=note, version=1)
            world.records.append(Planted("participant", key, "rep", (note,)))
        if ends_at > NOW:
            theirs = [each if each.entity == "class_review" else replace(each, guests=(guest,)) for each in world.records[before:]]
            world.records[before:] = theirs
    with cast.act("system") as session:
        touch_access(session)


def _custom_fields(cast: Cast) -> None:
    """Two that an admin has masked in the pool, one of them of several choices; one that he shows to leaders and above
    only; one that refers to customers."""
    shown = {"entity": "lead", "kind": "text", "state": "active", "is_listed": True, "is_filterable": True, "is_searched": True}
    cast.add(models.CustomField, key="line", label_zh="直线", label_en="Direct line", mask="pool", rank=10, **shown)
    cast.add(models.CustomField, key="floor", label_zh="底价", label_en="Floor", mask="none", rank=20, seen_by=",".join(_LEADING), **shown)
    several = {"entity": "lead", "kind": "choices", "state": "active", "is_listed": True, "is_filterable": True, "options": _MACHINES}
    cast.add(models.CustomField, key="machines", label_zh="设备", label_en="Machines", mask="pool", rank=30, **several)
    referring = {"entity": "lead", "kind": "reference", "target": "customer", "state": "active", "is_listed": True, "is_filterable": True}
    cast.add(models.CustomField, key=INTRODUCED[2:], label_zh="介绍人", label_en="Introduced by", rank=40, **referring)
    with cast.act("system") as session:
        touch_access(session)


def _lead(cast: Cast, world: World, number: int, owner: str, tag: str) -> None:
    company, phone = f"金丝雀{tag}实业", f"+8613{number}7531{number}468"
    note, wechat = f"note-canary-{tag}", f"wx-canary-{tag}"
    lead_id = cast.lead(
        owner=owner or None,
        company=company,
        company_key=normalise_name(company),
        phone=phone,
        note=note,
        wechat=wechat,
        money=True,
        authority=True,
        need=True,
        name=f"联系{tag}",
        email=f"{tag}@canary.example",
        extra={"x_line": f"line-canary-{tag}", "x_floor": f"floor-canary-{tag}", "x_machines": ["cnc", "laser"]},
    )
    said = f"said-canary-{tag}"
    follow_up_id = cast.add(
        models.FollowUp,
        lead_id=lead_id,
        kind="call",
        contacted_at=NOW - timedelta(hours=3),
        content=said,
        need="",
        next_step="",
        created_by_id=cast.people[owner or "rep"],
        version=1,
    )
    cast.add(
        models.AuditEvent,
        at=NOW,
        actor_id=cast.people["director"],
        entity="lead",
        record_id=lead_id,
        verb="edit",
        before={"note": f"old-canary-{tag}", "phone": phone, "x_floor": f"floor-canary-{tag}"},
        after={"note": note, "phone": phone, "x_line": f"line-canary-{tag}"},
    )
    hidden = (phone.removeprefix("+86"), wechat, f"{tag}@canary.example", f"line-canary-{tag}")
    led = (f"floor-canary-{tag}",)
    shown = (company, note, said, f"old-canary-{tag}")
    seen = shown + led + (() if owner == "" else hidden)
    world.records.append(Planted("lead", lead_id, owner, seen, hidden if owner == "" else (), led))
    world.records.append(Planted("follow_up", follow_up_id, owner, (said,)))


def _customer(cast: Cast, world: World, number: int, owner: str, tag: str) -> None:
    name, phone, note = f"客户雀{tag}集团", f"+8615{number}7531{number}468", f"customer-note-{tag}"
    customer_id = cast.customer(owner=owner or None, name=name, company_key=normalise_name(name), phone=phone, note=note)
    said, person, mobile = f"customer-said-{tag}", f"决策{tag}人", f"+8617{number}7531{number}468"
    follow_up_id = cast.add(
        models.FollowUp,
        customer_id=customer_id,
        kind="visit",
        contacted_at=NOW - timedelta(hours=2),
        content=said,
        created_by_id=cast.people[owner or "rep"],
        version=1,
    )
    contact_id = cast.add(models.Contact, customer_id=customer_id, name=person, phone=mobile, version=1)
    hidden = (phone.removeprefix("+86"),)
    world.records.append(
        Planted("customer", customer_id, owner, (name, note, *(() if owner == "" else hidden)), hidden if owner == "" else ())
    )
    world.records.append(Planted("follow_up", follow_up_id, owner, (said,)))
    world.records.append(Planted("contact", contact_id, owner, (person, mobile.removeprefix("+86"))))
    if owner:
        why = f"review-canary-{tag}"
        world.records.append(Planted("class_review", review_of(cast, customer_id, reason=why), owner, (why,)))


def review_of(cast: Cast, customer_id: int, **values: object) -> int:
    """What the quarter proposes for a customer, as it lies in the database."""
    about = {"customer_id": customer_id, "origin_id": customer_id, "quarter": "2026-Q2", "current_class": "a", "proposed": "c"}
    figures = {"amount": 0, "earlier": 0, "deals": 0, "potential": 0, "points": 0, "due_on": date(2026, 4, 11)}
    return cast.add(models.ClassReview, **about, **figures, state="proposed", version=1, **values)


def _contract(cast: Cast, world: World, owner: str, state: str, of: str = "") -> None:
    """With a line and a payment."""
    tag = f"{of or owner}-{state}"
    title, clauses, product, payment = (f"{what}-canary-{tag}" for what in ("contract", "clauses", "product", "payment"))
    contract_id = contract_of(cast, owner, customer_id=world.one("customer", owner).id, title=title, clauses=clauses, state=state)
    line_id = cast.add(models.ContractLine, contract_id=contract_id, product=product, quantity=1, price=1000, amount=1000, version=1)
    plan_id = cast.add(
        models.PaymentPlan, contract_id=contract_id, name=payment, percent=100, days=3, amount=1000, state="planned", version=1
    )
    world.records.append(Planted("contract", contract_id, owner, (title, clauses), state=state))
    world.records.append(Planted("contract_line", line_id, owner, (product,), state=state))
    world.records.append(Planted("payment_plan", plan_id, owner, (payment,), state=state))
    if state == "effective":
        payer = f"payer-canary-{tag}"
        receipt_id, part_id = receipt_of(cast, contract_id, plan_id, payer=payer)
        world.records.append(Planted("receipt", receipt_id, owner, (payer,), state=state))
        world.records.append(Planted("allocation", part_id, owner, (), state=state))


def receipt_of(cast: Cast, contract_id: int, plan_id: int, **values: object) -> tuple[int, int]:
    """400 of 1,000 received, as it lies in the database."""
    cast.set(models.PaymentPlan, plan_id, state="partly", received=400)
    given = {"payer": "付款方", "amount": 400, "received_on": date(2026, 5, 8), "method": "transfer", "state": "booked", **values}
    receipt_id = cast.add(models.Receipt, contract_id=contract_id, version=1, **given)
    return receipt_id, cast.add(
        models.Allocation, contract_id=contract_id, receipt_id=receipt_id, payment_plan_id=plan_id, amount=400, version=1
    )


def contract_of(cast: Cast, owner: str, *, customer_id: int = 0, **values: object) -> int:
    """A contract as it lies in the database, with a customer of the same owner where none is given."""
    name = f"签约方{next(_number)}"
    customer_id = customer_id or cast.customer(owner=owner, name=name)
    given: dict[str, object] = {
        "title": "合同",
        "number": name,
        "party": f"party-{name}",
        "customer_id": customer_id,
        "kind": "sale",
        "amount": 1000,
        "start_on": date(2026, 5, 1),
        "end_on": date(2027, 4, 30),
        "clauses": "terms",
        "state": "draft",
        "year": 1,
        "sequence": next(_number),
        "owner_id": cast.people[owner],
        "team_id": cast.team_of(owner),
        "version": 1,
    }
    return cast.add(models.Contract, **{**given, **values})


def _report(cast: Cast, world: World, owner: str) -> None:
    canary = f"problem-canary-{owner}"
    report_id = cast.add(
        models.WorkReport,
        owner_id=cast.people[owner],
        team_id=cast.team_of(owner),
        title=f"日报 {owner}",
        period="day",
        period_key="2026-05-11",
        first_on=date(2026, 5, 11),
        last_on=date(2026, 5, 11),
        due_at=NOW,
        state="submitted",
        problems=canary,
        plan="",
        extra_work="",
        comment="",
        exempt_reason="",
        version=1,
    )
    world.records.append(Planted("work_report", report_id, owner, (canary,)))


def _approval(cast: Cast, world: World, owner: str, leave_id: int) -> None:
    """One that has run its way, with what was said, and a task that its owner still holds."""
    whose = {"owner_id": cast.people[owner], "team_id": cast.team_of(owner), "version": 1}
    about = {"entity": "leave", "record_id": leave_id}
    title, said, task = f"approval-canary-{owner}", f"verdict-canary-{owner}", f"task-canary-{owner}"
    snapshot = {"reason": f"snapshot-canary-{owner}"}
    approval_id = cast.add(models.Approval, **whose, **about, title=title, verb="submit", state="approved", snapshot=snapshot)
    action_id = cast.add(models.ApprovalAction, approval_id=approval_id, kind="approve", comment=said, version=1)
    task_id = cast.add(models.ApprovalTask, **whose, **about, title=task, approval_id=approval_id, state="waiting", comment="")
    world.records.append(Planted("approval", approval_id, owner, (title, snapshot["reason"])))
    world.records.append(Planted("approval_action", action_id, owner, (said,)))
    world.records.append(Planted("approval_task", task_id, owner, (task,)))


def _opportunity(cast: Cast, world: World, owner: str, of: str = "") -> None:
    """A deal, and one step on its way."""
    name, note, why = (f"{what}-{of or owner}" for what in ("商机雀", "deal-note", "moved-because"))
    whose = {"owner_id": cast.people[owner], "team_id": cast.team_of(owner)}
    stage = cast.rows(models.Stage)[0]
    given = {"name": name, "note": note, "stage_id": stage.id, "pipeline_id": stage.pipeline_id, "state": "open", "version": 1}
    deal_id = cast.add(models.Opportunity, **whose, **given)
    step_id = cast.add(models.StageChange, opportunity_id=deal_id, to_stage_id=stage.id, reason=why, version=1)
    world.records.append(Planted("opportunity", deal_id, owner, (name, note)))
    world.records.append(Planted("stage_change", step_id, owner, (why,)))


def _delegation(cast: Cast, world: World, owner: str) -> None:
    canary = f"deputy-canary-{owner}"
    days = {"first_on": date(2026, 8, 3), "last_on": date(2026, 8, 4)}
    whose = {"owner_id": cast.people[owner], "team_id": cast.team_of(owner), "deputy_id": cast.people["finance"]}
    delegation_id = cast.add(models.Delegation, **whose, **days, note=canary, version=1)
    world.records.append(Planted("delegation", delegation_id, owner, (canary,)))


def _leave(cast: Cast, world: World, owner: str) -> int:
    canary = f"leave-canary-{owner}"
    leave_id = cast.add(
        models.Leave,
        owner_id=cast.people[owner],
        team_id=cast.team_of(owner),
        kind="annual",
        first_on=date(2026, 8, 3),
        last_on=date(2026, 8, 4),
        reason=canary,
        state="draft",
        version=1,
    )
    world.records.append(Planted("leave", leave_id, owner, (canary,)))
    return leave_id
