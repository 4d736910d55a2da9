"""Customers: their pool, how one comes in and is corrected, where it stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select

from portal import models
from portal.domain import assignment, duplicates, merging, pool_verbs
from portal.domain.ownership import began
from portal.domain.pool import recycle_days
from portal.domain.pool_verbs import reason_field, said
from portal.domain.pooling import Pooling, default_pool, ids_of, pools_by_id
from portal.domain.put_back import Before, puts_back
from portal.engine import store
from portal.engine.errors import Refused
from portal.engine.kinds.choice import ChoiceField, choices_of
from portal.engine.operations import operation
from portal.engine.query.among import among
from portal.engine.text import Text, say
from portal.engine.verbs import Outcome, Preview, one_by_one, verb
from portal.entities.customers import CUSTOMER_EDGES, CustomerClass, CustomerState
from portal.security.principal import Principal

CUSTOMERS = Pooling(
    models.Customer,
    noun=Text("客户 | customer"),
    plural=Text("客户 | customers"),
    open_states=tuple(state.value for state in CUSTOMER_EDGES),
    counted=(CustomerState.POTENTIAL.value,),
    rank="customer_class",
    ranks=(CustomerClass.A.value, CustomerClass.B.value),
)
pool_verbs.declare(CUSTOMERS)
assignment.declare(CUSTOMERS)
merging.declare(
    merging.Merging(
        models.Customer,
        state=CustomerState.MERGED.value,
        alike=("company_key", "phone", "credit_code"),
        followed=("contacted_at", "next_at", "next_step"),
        better={
            "customer_class": tuple(each.value for each in CustomerClass),
            "state": tuple(
                each.value
                for each in (CustomerState.ACTIVE, CustomerState.WON, CustomerState.DORMANT, CustomerState.POTENTIAL, CustomerState.LOST)
            ),
        },
    )
)

NO_CLASS = "未分类 | No class"
_COMPARED = ("name", "phone", "credit_code")
_UNCHECKED = ("note",)
_CHECK = ("verified_by_id", "verified_at")


@operation("customer", "create")
def create(values: Mapping[str, Any], *, acting_user: Principal, now: datetime) -> models.Customer:
    """A new customer: its creator's when he works customers himself (may claim), else in the default pool.

    Refused with rule `duplicate` and the allowed facts, unless `session.info["confirmed"]`.
    """
    session = store.session()
    duplicates.refuse(values, model=models.Customer, name="name", besides=None, acting_user=acting_user, now=now)
    customer = models.Customer(**values)
    if acting_user.may("customer:claim") and not acting_user.is_system:
        customer.owner_id, customer.team_id, customer.owned_at = acting_user.user_id, acting_user.team_id, now
    else:
        customer.pool_id, customer.pooled_at = default_pool(session, CUSTOMERS), now
    return enter(customer, now=now, how="create")


def enter(customer: models.Customer, *, now: datetime, how: str) -> models.Customer:
    """Put in a customer whose owner or pool is said, with its first tenure."""
    session = store.session()
    customer.company_key = duplicates.company_key(customer.name)
    session.add(customer)
    session.flush()
    began(session, customer, how=how, now=now)
    return customer


@operation("customer", "change")
def change(record: models.Customer, values: Mapping[str, Any], *, acting_user: Principal, now: datetime) -> models.Customer:
    """Correct a customer; a new name, phone or credit code is compared again."""
    renewed = {key: values[key] for key in _COMPARED if key in values and values[key] != getattr(record, key)}
    duplicates.refuse(renewed, model=models.Customer, name="name", besides=record.id, acting_user=acting_user, now=now)
    set_fields(record, values)
    record.company_key = duplicates.company_key(record.name)
    store.session().flush()
    return record


def set_fields(customer: models.Customer, values: Mapping[str, Any]) -> None:
    """Other entries; what a superior checked is checked no more once any of it is another, but for the note."""
    if any(key not in _UNCHECKED and value != getattr(customer, key) for key, value in values.items()):
        customer.verified_by_id, customer.verified_at = None, None
    for key, value in values.items():
        setattr(customer, key, value)


@verb(
    "customer:stage",
    "变更阶段 | Change stage",
    icon="progress-check",
    takes=("own", "joined", "reach"),
    columns=("state",),
    form=(
        (
            "to",
            ChoiceField(
                "新阶段 | New stage", choices_of((s.value, s.label) for s in CUSTOMER_EDGES), required=True, taken_from="customer.state"
            ),
        ),
        ("reason", reason_field("依据 | Grounds")),
    ),
    bulk=True,
    inverse="undo",
    help="按潜在、成交、活跃、沉睡、流失的顺序推进，写明依据。 | Along potential, won, active, dormant, lost; say the grounds.",
)
def stage(customers: Sequence[Any], *, acting_user: Principal, now: datetime, to: str, reason: str) -> Outcome:
    """Move customers along their states; a step the states do not have is refused."""
    session, outcome, was = store.session(), Outcome(), Before.of(customers, ("state",))
    session.info["reason"] = said(reason)
    target = CustomerState(to)
    for customer in customers:
        here = CustomerState(customer.state)
        if customer.pool_id is not None:
            outcome.refused.append((customer.id, in_pool()))
            continue
        if target not in CUSTOMER_EDGES[here]:
            outcome.refused.append((customer.id, _no_step(here)))
            continue
        customer.state = target.value
        outcome.done.append(customer.id)
    return _kept("stage", customers, outcome, was, acting_user=acting_user, now=now)


def _kept(name: str, customers: Sequence[Any], outcome: Outcome, was: Before, *, acting_user: Principal, now: datetime) -> Outcome:
    """With what Undo needs."""
    store.session().flush()
    done = set(outcome.done)
    outcome.batch_id = was.keep("customer", name, [each for each in customers if each.id in done], acting_user=acting_user, now=now)
    return outcome


def _changes(customers: Sequence[Any], *, acting_user: Principal, now: datetime, to: str = "", **_: Any) -> Preview:
    """What a new class would change: how many of each class go where, and when they return to the pool without a contact."""
    session = store.session()
    rows = session.execute(
        select(models.Customer.customer_class, models.Customer.pool_id).where(among(models.Customer.id, ids_of(customers)))
    )
    held = [row.customer_class for row in rows if row.pool_id is None]
    if to not in list(CustomerClass):
        return Preview()
    target = CustomerClass(to)
    pools = [pool for pool in pools_by_id(session, CUSTOMERS).values() if pool.deleted_at is None]
    days = recycle_days(pools[0])[list(CustomerClass).index(target)] if pools else 0
    label = {each.value: each.label for each in CustomerClass}
    table = tuple((label.get(was, NO_CLASS), target.label, str(n)) for was, n in sorted(Counter(held).items()) if was != to)
    return Preview(
        facts=(("无跟进退回公海 | Back to the pool without a contact", say("{n} 天 | {n} days", n=days)),),
        headers=("现在 | Now", "改为 | Becomes", "客户数 | Customers"),
        rows=table,
    )


@verb(
    "customer:reclassify",
    "调整分类 | Reclassify",
    icon="star",
    takes=("reach",),
    columns=("customer_class",),
    form=(
        ("to", ChoiceField("新分类 | New class", CustomerClass, required=True, taken_from="customer.customer_class")),
        ("reason", reason_field("依据 | Grounds")),
    ),
    bulk=True,
    preview=_changes,
    inverse="undo",
    help="A、B、C 决定回访频率和多久没有跟进退回公海。 | A, B, C decide how often to call and when it returns to the pool.",
    reason_in=("class_review.reason",),
)
def reclassify(customers: Sequence[Any], *, acting_user: Principal, now: datetime, to: str, reason: str) -> Outcome:
    """Give customers another class by hand, with the grounds; those that have it already are refused by name."""
    was = Before.of(customers, ("customer_class",))
    outcome = put_in_class(customers, to, reason)
    return _kept("reclassify", customers, outcome, was, acting_user=acting_user, now=now)


def put_in_class(customers: Sequence[Any], to: str, reason: str) -> Outcome:
    """The same as part of another verb, which keeps what its own Undo needs."""
    session, outcome = store.session(), Outcome()
    session.info["reason"] = said(reason)
    target = CustomerClass(to)
    for customer in customers:
        if customer.pool_id is not None:
            outcome.refused.append((customer.id, in_pool()))
        elif customer.customer_class == target.value:
            outcome.refused.append((customer.id, Refused("已经是这一类。 | It is of this class already.", rule="same_class")))
        else:
            customer.customer_class = target.value
            outcome.done.append(customer.id)
    session.flush()
    return outcome


@verb(
    "customer:verify",
    "核对资料 | Verify",
    icon="shield-check",
    takes=("reach",),
    columns=_CHECK,
    bulk=True,
    inverse="undo",
    help="主管核对业务员填写的资料完整、准确；之后改动任何一项（备注除外），核对就失效，要重新核对。"
    " | A superior has checked that what was entered is complete and right (handbook 21)."
    " Any change afterwards, but to the note, takes the check away: it is to be checked anew.",
)
def verify(customers: Sequence[Any], *, acting_user: Principal, now: datetime) -> Outcome:
    """Say who checked the entries and when; nobody checks his own."""
    was = Before.of(customers, _CHECK)

    def one(customer: Any) -> None:
        if customer.pool_id is not None:
            raise in_pool()
        if customer.owner_id == acting_user.user_id:
            raise Refused("不能核对自己的客户。 | Nobody verifies his own.", rule="own")
        customer.verified_by_id, customer.verified_at = acting_user.user_id or None, now

    return _kept("verify", customers, one_by_one(customers, one), was, acting_user=acting_user, now=now)


puts_back("customer", "stage", "reclassify", "verify")


def in_pool() -> Refused:
    """Nobody judges a customer that is nobody's."""
    return Refused("这个客户在公海，请先领取或分配。 | This customer lies in a pool; claim or assign it first.", rule="in_pool")


def _no_step(here: CustomerState) -> Refused:
    steps = CUSTOMER_EDGES[here]
    return Refused(
        "现在是「{here}」，下一步只能是：{zh}。 | It is “{here}”; from there it goes to: {en}.",
        rule="no_step",
        here=here.label,
        zh="、".join(each.in_("zh") for each in steps),
        en=", ".join(each.in_("en") for each in steps),
    )
