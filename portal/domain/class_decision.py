"""What a superior decides about proposed classes: accept them in bulk, decide otherwise with the reason, take it back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import models
from portal.domain import customers
from portal.domain.batches import of_click, stays, undoes
from portal.domain.pool import recycle_days
from portal.domain.pool_verbs import reason_field, said
from portal.domain.pooling import ids_of, pools_by_id
from portal.engine import store
from portal.engine.errors import PortalError, Refused
from portal.engine.kinds.choice import ChoiceField
from portal.engine.query.among import among
from portal.engine.text import say
from portal.engine.verbs import Outcome, Preview, verb, verb_named
from portal.entities.customers import CustomerClass
from portal.entities.reviews import ReviewState
from portal.security.perform import acting_as
from portal.security.principal import Principal


def _changes(reviews: Sequence[Any], *, acting_user: Principal, now: datetime, to: str = "", **_: Any) -> Preview:
    """How many customers change from which class to which, and after how many days without a contact they return to the pool."""
    session, review = store.session(), models.ClassReview
    found = session.execute(
        select(review.current_class, review.proposed).where(among(review.id, ids_of(reviews)), review.state == ReviewState.PROPOSED.value)
    )
    counts = Counter((was, to or proposed) for was, proposed in found)
    pools = [pool for pool in pools_by_id(session, customers.CUSTOMERS).values() if pool.deleted_at is None]
    days = dict(zip((each.value for each in CustomerClass), recycle_days(pools[0]), strict=True)) if pools else {}
    label = {each.value: each.label for each in CustomerClass} | {"": customers.NO_CLASS}
    unknown = days.get(CustomerClass.C.value, 0)
    return Preview(
        headers=("现在 | Now", "改为 | Becomes", "客户数 | Customers", "无跟进退回公海（天） | Days to the pool"),
        rows=tuple(
            (label[was], label[becomes], str(number), f"{days.get(was, unknown)} → {days.get(becomes, unknown)}")
            for (was, becomes), number in sorted(counts.items())
        ),
    )


@verb(
    "class_review:accept",
    "接受建议 | Accept",
    icon="check",
    takes=("reach",),
    columns=(),
    states=(ReviewState.PROPOSED,),
    bulk=True,
    primary=True,
    preview=_changes,
    inverse="undo",
    help="客户改为建议的分类，依据记入客户历史。 | The customers get the class that is proposed; the grounds stand in their history.",
)
def accept(reviews: Sequence[Any], *, acting_user: Principal, now: datetime) -> Outcome:
    """Reclassify as proposed. What was decided already, or whose customer got another class meanwhile, is refused by name."""
    return _decide(reviews, lambda review: str(review.proposed), "", acting_user=acting_user, now=now)


@verb(
    "class_review:override",
    "改定 | Decide otherwise",
    icon="pencil",
    takes=("reach",),
    columns=(),
    states=(ReviewState.PROPOSED,),
    form=(
        ("to", ChoiceField("定为 | Decide on", CustomerClass, required=True, taken_from="customer.customer_class")),
        ("reason", reason_field("理由 | Why")),
    ),
    bulk=True,
    preview=_changes,
    inverse="undo",
    help="和建议不同的分类，或保持原类；写明理由。 | Another class than proposed, or the one it has; say why.",
    reason_in=("class_review.reason",),
)
def override(reviews: Sequence[Any], *, acting_user: Principal, now: datetime, to: str, reason: str) -> Outcome:
    """Another class, or the same, with the reason."""
    said(reason)
    return _decide(reviews, lambda _: to, reason.strip(), acting_user=acting_user, now=now)


def _decide(reviews: Sequence[Any], becomes: Callable[[Any], str], reason: str, *, acting_user: Principal, now: datetime) -> Outcome:
    session, outcome = store.session(), Outcome()
    held = _held(session, [review.customer_id for review in reviews])
    able = []
    for review in reviews:
        if (refusal := _refusal(review, held.get(review.customer_id))) is not None:
            outcome.refused.append((review.id, refusal))
        else:
            able.append(review)
    if not able:
        return outcome
    outcome.batch_id = of_click(session, "class_review", "accept", acting_user.user_id, now)
    for target in CustomerClass:
        chosen = [review for review in able if becomes(review) == target.value]
        moving = [held[review.customer_id] for review in chosen if review.current_class != target.value]
        _reclassify(session, moving, target, chosen, reason)
        for review in chosen:
            review.state = _state(review, target).value
            review.decided_class, review.reason, review.batch_id = target.value, reason, outcome.batch_id
            review.decided_by_id, review.decided_at = acting_user.user_id or None, now
            outcome.done.append(review.id)
    session.flush()
    return outcome


def _held(session: Session, ids: Sequence[int]) -> dict[int, Any]:
    model = models.Customer
    found = session.scalars(select(model).where(among(model.id, ids)).order_by(model.id).with_for_update(key_share=True))
    return {each.id: each for each in found}


def _refusal(review: Any, customer: Any) -> PortalError | None:
    if review.state != ReviewState.PROPOSED.value:
        return Refused("已经决定过。 | It was decided already.", rule="decided")
    if customer is None or customer.pool_id is not None:
        return customers.in_pool()
    if customer.customer_class != review.current_class:
        return Refused("客户的分类在评估之后改过。 | The customer got another class since.", rule="reclassified")
    return None


def _state(review: Any, target: CustomerClass) -> ReviewState:
    if target.value == review.proposed:
        return ReviewState.ACCEPTED
    return ReviewState.KEPT if target.value == review.current_class else ReviewState.OVERRIDDEN


def _reclassify(session: Session, moving: Sequence[Any], target: CustomerClass, reviews: Sequence[Any], reason: str) -> None:
    """By the customer's own verb, so that its history tells it like any other change of class."""
    by_hand = verb_named("customer", "reclassify")
    assert by_hand is not None  # noqa: S101 - declared in portal/domain/customers.py
    if not moving:
        return
    grounds = say("{quarter} 分类评估 | Class review {quarter}", quarter=reviews[0].quarter).in_("zh")
    with acting_as(session, by_hand):
        customers.put_in_class(moving, target.value, f"{grounds} {reason}".strip())


def _accepted(session: Session, batch: Any) -> list[int]:
    review = models.ClassReview
    return list(session.scalars(select(review.id).where(review.batch_id == batch.id).order_by(review.id)))


@undoes("class_review", "accept", rows=_accepted)
def take_back(batch: Any, *, acting_user: Principal, now: datetime, ids: Sequence[int] | None = None) -> Outcome:
    """The customers get back the class they had, unless somebody gave them another one since; the proposals wait again."""
    session, outcome, review = store.session(), Outcome(), models.ClassReview
    these = [] if ids is None else [among(review.id, ids)]
    reviews = session.scalars(select(review).where(review.batch_id == batch.id, *these).order_by(review.id).with_for_update()).all()
    held = _held(session, [each.customer_id or 0 for each in reviews])
    session.info["verb_name"] = "undo"
    for each in reviews:
        customer = held.get(each.customer_id or 0)
        if customer is None or customer.customer_class != each.decided_class:
            outcome.refused.append((each.id, stays()))
            continue
        customer.customer_class = each.current_class
        each.state, each.decided_class, each.reason = ReviewState.PROPOSED.value, "", ""
        each.decided_by_id, each.decided_at, each.batch_id = None, None, None
        outcome.done.append(each.id)
    session.flush()
    return outcome
