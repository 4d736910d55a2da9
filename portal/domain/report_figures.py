"""What one person did in a period, counted from the records themselves, each figure with the list behind it.

Read through the gate, but for what is only counted: one's own contacts stay one's own work whatever became of the
record, so those on records that one no longer sees are counted without a name.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import func, literal, select, union_all

from portal import models
from portal.domain.calendar import span
from portal.domain.periods import Period
from portal.engine import store
from portal.engine.query.listing import CHOSEN, MOST_CHOSEN
from portal.entities.activity import ContactKind
from portal.entities.deals import OpportunityState
from portal.entities.payments import ReceiptState
from portal.security.principal import Principal
from portal.security.seeing import as_seen, told_of

LABELS: Mapping[str, str] = {
    "follow_ups": "跟进 | Follow-ups",
    "leads_contacted": "联系的线索 | Leads contacted",
    "customers_contacted": "联系的客户 | Customers contacted",
    "deals_won": "赢单 | Deals won",
    "won_amount": "赢单金额 | Amount won",
    "contracts": "合同生效 | Contracts in effect",
    "contract_amount": "生效合同金额 | Amount of these contracts",
    "receipts": "回款 | Receipts",
    "received_amount": "回款金额 | Amount received",
    **{member.value: member.label for member in ContactKind},
    "logged_late": "超时记录 | Logged late",
    "unseen": "不再持有的记录上的跟进 | On records no longer held",
    "claimed": "领取线索 | Leads claimed",
    "customers_claimed": "领取客户 | Customers claimed",
    "received": "分配给我 | Assigned to me",
    "released": "退回公海 | Released",
    "created": "新建线索 | Leads created",
    "first_responses": "首次响应 | First responses",
}
"""Key of a figure → what it is called. All count events of the period in company time."""
AMOUNTS = frozenset({"won_amount", "contract_amount", "received_amount"})
"""Sums of money, kept as text: a JSON number would not keep them exactly."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its name and where a click leads; no href where there is nothing to list."""

    key: str
    label: str
    value: int | Decimal
    href: str = ""

    @property
    def words(self) -> str:
        return yuan(self.value) if self.key in AMOUNTS else str(self.value)

    @property
    def kept(self) -> int | str:
        """The value as a submitted report keeps it."""
        return str(self.value) if self.key in AMOUNTS else int(self.value)


def read(key: str, kept: Any) -> int | Decimal:
    """A kept value back."""
    return Decimal(str(kept)) if key in AMOUNTS else int(kept)


def yuan(amount: Any) -> str:
    return f"¥{amount:,.2f}"


def list_href(path: str, *conditions: Sequence[Any]) -> str:
    """A list with these filters, in the grammar of pages and API."""
    return f"{path}?{urlencode({'filter': json.dumps(conditions, ensure_ascii=False, separators=(',', ':'))}, safe=',')}"


def chosen(path: str, ids: Collection[int]) -> str:
    """The list of exactly these records, as far as its reader sees them; empty for none, or too many to name."""
    return list_href(path, [CHOSEN, "in", sorted(ids)]) if 0 < len(ids) <= MOST_CHOSEN else ""


@dataclass(frozen=True, slots=True)
class Work:
    """What one person did in a period. `follow_ups` are those he sees, `unseen` the others: kind, minutes late, of what."""

    user_id: int
    period: Period
    follow_ups: Sequence[Any]
    unseen: Sequence[Any]
    deals: Sequence[Any]
    contracts: Sequence[Any]
    receipts: Sequence[Any]
    tenures: Sequence[Any]
    created: frozenset[int]
    responded: frozenset[int]

    @property
    def days(self) -> list[str]:
        return [self.period.first.isoformat(), self.period.last.isoformat()]


def work_of(user_id: int, period: Period) -> Work:
    """Everything a report counts, in seven statements."""
    since, until = span(period.first, period.last)
    follow_ups = _follow_ups(user_id, since, until)
    created, responded = _leads(user_id, since, until)
    return Work(
        user_id=user_id,
        period=period,
        follow_ups=follow_ups,
        unseen=_unseen(user_id, since, until, {row.id for row in follow_ups}),
        deals=_deals(user_id, period),
        contracts=_contracts(user_id, since, until),
        receipts=_receipts(user_id, period),
        tenures=_tenures(user_id, since, until),
        created=created,
        responded=responded,
    )


# read -------------------------------------------------------------------------------------------


def _follow_ups(user_id: int, since: datetime, until: datetime) -> list[Any]:
    follow_up, lead, customer = models.FollowUp, models.Lead, models.Customer
    if not told_of(follow_up.contacted_at):
        return []
    wanted = (
        select(
            follow_up.id,
            follow_up.lead_id,
            follow_up.customer_id,
            as_seen(follow_up.kind),
            follow_up.contacted_at,
            as_seen(follow_up.content),
            follow_up.logged_late,
            func.coalesce(lead.company, customer.name).label("company"),
            func.coalesce(lead.extra, customer.extra).label("extra"),
        )
        .outerjoin(lead, lead.id == follow_up.lead_id)
        .outerjoin(customer, customer.id == follow_up.customer_id)
        .where(follow_up.created_by_id == user_id, follow_up.contacted_at >= since, follow_up.contacted_at < until)
        .order_by(follow_up.contacted_at, follow_up.id)
    )
    return list(store.session().execute(wanted))


def _counts_own(user_id: int) -> bool:
    """Whether the reader counts his own work: that much of it he knows."""
    principal = store.session().info.get("principal")
    return isinstance(principal, Principal) and (principal.is_system or principal.user_id == user_id)


def _unseen(user_id: int, since: datetime, until: datetime, seen: set[int]) -> list[Any]:
    """One's own contacts on records that have left one's reach: what is counted of them, and nothing they say."""
    if not _counts_own(user_id) or not told_of(models.FollowUp.contacted_at):
        return []
    made = models.FollowUp
    wanted = select(made.id, made.kind, made.logged_late, made.lead_id, made.customer_id).where(
        made.created_by_id == user_id, made.contacted_at >= since, made.contacted_at < until, made.deleted_at.is_(None)
    )
    return [row for row in store.session().connection().execute(wanted) if row.id not in seen]


def _deals(user_id: int, period: Period) -> list[Any]:
    deal = models.Opportunity
    if not told_of(deal.closed_on):
        return []
    wanted = select(deal.id, as_seen(deal.name), as_seen(deal.amount), deal.extra).where(
        deal.owner_id == user_id, deal.state == OpportunityState.WON.value, deal.closed_on.between(period.first, period.last)
    )
    return list(store.session().execute(wanted.order_by(deal.closed_on, deal.id)))


def _contracts(user_id: int, since: datetime, until: datetime) -> list[Any]:
    contract = models.Contract
    if not told_of(contract.effective_at):
        return []
    wanted = select(contract.id, as_seen(contract.title).label("name"), as_seen(contract.amount), contract.extra).where(
        contract.owner_id == user_id, contract.effective_at >= since, contract.effective_at < until
    )
    return list(store.session().execute(wanted.order_by(contract.effective_at, contract.id)))


def _receipts(user_id: int, period: Period) -> list[Any]:
    receipt, contract = models.Receipt, models.Contract
    if not told_of(receipt.received_on):
        return []
    wanted = (
        select(receipt.id, as_seen(receipt.payer).label("name"), as_seen(receipt.amount))
        .join(contract, contract.id == receipt.contract_id)
        .where(
            contract.owner_id == user_id, receipt.state == ReceiptState.BOOKED.value, receipt.received_on.between(period.first, period.last)
        )
    )
    return list(store.session().execute(wanted.order_by(receipt.received_on, receipt.id)))


def _tenures(user_id: int, since: datetime, until: datetime) -> list[Any]:
    """Every owner change from or to this person."""
    tenure = models.Tenure
    mine = (tenure.owner_id == user_id) | (tenure.former_owner_id == user_id)
    wanted = select(tenure.entity, tenure.record_id, tenure.owner_id, tenure.former_owner_id, tenure.pool_id, tenure.how)
    return list(store.session().execute(wanted.where(mine, tenure.entity.in_(("lead", "customer")), tenure.at >= since, tenure.at < until)))


def _leads(user_id: int, since: datetime, until: datetime) -> tuple[frozenset[int], frozenset[int]]:
    """Leads this person entered, and leads whose first response was his: those he owns, or answered himself."""
    if not _counts_own(user_id):
        return frozenset(), frozenset()
    lead, made = models.Lead, models.FollowUp
    alive, within = lead.deleted_at.is_(None), (lead.first_response_at >= since, lead.first_response_at < until)
    entered = select(lead.id, literal("entered").label("how")).where(
        lead.created_by_id == user_id, lead.created_at >= since, lead.created_at < until, alive
    )
    owned = select(lead.id, literal("owned")).where(lead.owner_id == user_id, *within, alive)
    answered = (
        select(lead.id, literal("answered"))
        .join(made, (made.lead_id == lead.id) & (made.contacted_at == lead.first_response_at))
        .where(made.created_by_id == user_id, made.contacted_at >= since, made.contacted_at < until, made.deleted_at.is_(None), alive)
    )
    rows: list[Any] = list(store.session().connection().execute(union_all(entered, owned, answered)))
    return frozenset(row.id for row in rows if row.how == "entered"), frozenset(row.id for row in rows if row.how != "entered")


# counted ----------------------------------------------------------------------------------------


def figures_of_work(work: Work) -> tuple[Figure, ...]:
    """In the order of `LABELS`; what the reader may not know is left out, and not nought."""
    found = {figure.key: figure for figure in (*_contacts(work), *_results(work), *_moved(work), *_entered(work))}
    return tuple(found[key] for key in LABELS if key in found and told_of(*_counted_by(key)))


def _counted_by(key: str) -> tuple[Any, ...]:
    """The fields that tell a figure."""
    lead, made = models.Lead, models.FollowUp
    contacts = (made.contacted_at,)
    ways: dict[str, tuple[Any, ...]] = {
        **dict.fromkeys(("follow_ups", "leads_contacted", "customers_contacted", "logged_late", "unseen"), contacts),
        **dict.fromkeys((kind.value for kind in ContactKind), (*contacts, made.kind)),
        **dict.fromkeys(("deals_won", "won_amount"), (models.Opportunity.closed_on,)),
        **dict.fromkeys(("contracts", "contract_amount"), (models.Contract.effective_at,)),
        **dict.fromkeys(("receipts", "received_amount"), (models.Receipt.received_on,)),
        "customers_claimed": (models.Customer.owner_id,),
        "first_responses": (lead.first_response_at,),
    }
    return ways.get(key, (lead.owner_id,))


def _figure(key: str, value: int | Decimal, href: str = "") -> Figure:
    return Figure(key, LABELS[key], value, href)


def _contacts(work: Work) -> list[Figure]:
    mine = (["created_by_id", "eq", work.user_id], ["contacted_at", "between", work.days])
    every = [*work.follow_ups, *work.unseen]
    leads, customers = ({getattr(row, key) for row in every} - {None} for key in ("lead_id", "customer_id"))
    late = [row for row in every if row.logged_late > 0]
    kinds = {kind.value: sum(row.kind == kind.value for row in every) for kind in ContactKind}
    found = [
        _figure("follow_ups", len(every), list_href("/follow_up/", *mine)),
        _figure("leads_contacted", len(leads), chosen("/lead/", leads) or list_href("/follow_up/", *mine, ["lead_id", "not_empty", None])),
        _figure(
            "customers_contacted",
            len(customers),
            chosen("/customer/", customers) or list_href("/follow_up/", *mine, ["customer_id", "not_empty", None]),
        ),
        *(_figure(kind, n, list_href("/follow_up/", *mine, ["kind", "eq", kind])) for kind, n in kinds.items() if n),
        _figure("logged_late", len(late), chosen("/follow_up/", {row.id for row in late})),
    ]
    return [*found, *([_figure("unseen", len(work.unseen))] if work.unseen else [])]


def _results(work: Work) -> list[Figure]:
    mine = ["owner_id", "eq", work.user_id]
    deals = list_href("/opportunity/", mine, ["state", "eq", OpportunityState.WON.value], ["closed_on", "between", work.days])
    contracts = list_href("/contract/", mine, ["effective_at", "between", work.days])
    receipts = list_href(
        "/receipt/",
        ["contract_id.owner_id", "eq", work.user_id],
        ["state", "eq", ReceiptState.BOOKED.value],
        ["received_on", "between", work.days],
    )
    groups = (
        ("deals_won", "won_amount", work.deals, deals),
        ("contracts", "contract_amount", work.contracts, contracts),
        ("receipts", "received_amount", work.receipts, receipts),
    )
    found = []
    for count, amount, rows, href in groups:
        found.append(_figure(count, len(rows), href))
        if total := sum((row.amount for row in rows if row.amount is not None), Decimal(0)):
            found.append(_figure(amount, total, href))
    return found


def _moved(work: Work) -> list[Figure]:
    """Claimed, received and released, from the tenures: every owner change wrote one."""
    came = [row for row in work.tenures if row.owner_id == work.user_id]
    claims = [row for row in came if row.how == "claim"]
    groups = {
        "claimed": [row for row in claims if row.entity == "lead"],
        "customers_claimed": [row for row in claims if row.entity == "customer"],
        "received": [row for row in came if row.how != "claim" and row.former_owner_id != work.user_id and row.entity == "lead"],
        "released": [
            row for row in work.tenures if row.former_owner_id == work.user_id and row.pool_id is not None and row.entity == "lead"
        ],
    }
    lists = {"customers_claimed": "/customer/"}
    return [_figure(key, len(rows), chosen(lists.get(key, "/lead/"), {row.record_id for row in rows})) for key, rows in groups.items()]


def _entered(work: Work) -> list[Figure]:
    created = list_href("/lead/", ["created_by_id", "eq", work.user_id], ["created_at", "between", work.days])
    return [
        _figure("created", len(work.created), created),
        _figure("first_responses", len(work.responded), chosen("/lead/", work.responded)),
    ]
