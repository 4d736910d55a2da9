"""What waits for somebody: the first rows of each list, how many there are in truth, and the way to them all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal, null, select

from portal import models
from portal.domain.calendar import company_day, span
from portal.domain.pool import Due, returning
from portal.domain.pooling import Pooling, poolings
from portal.domain.report_figures import chosen, list_href
from portal.domain.reports import UNSENT
from portal.engine import store
from portal.engine.query.counting import FIRST_COUNT_CAP
from portal.engine.text import Text, say
from portal.entities.leads import FirstResponse, LeadState
from portal.entities.reports import ReportState
from portal.policies import policy
from portal.security.principal import Principal
from portal.security.seeing import as_seen, seen

LIVE = (LeadState.NEW.value, LeadState.ASSIGNED.value, LeadState.FOLLOWING.value)
MOST = 20


@dataclass(frozen=True, slots=True)
class Shown:
    """The first `rows` of `total` (counted up to a cap, as lists are); `ways` lead to the lists that hold them all."""

    rows: Sequence[Any] = ()
    total: int = 0
    ways: tuple[tuple[Text, str], ...] = ()
    """What a way is called, its address."""

    def __iter__(self) -> Iterator[Any]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def capped(self) -> bool:
        return self.total > FIRST_COUNT_CAP

    @property
    def words(self) -> str:
        """`33`, or `1,000+`."""
        return f"{FIRST_COUNT_CAP:,}+" if self.capped else f"{self.total:,}"

    @property
    def cut(self) -> bool:
        return self.total > len(self.rows)


_ALL = say("看全部 | See all")


def shown(rows: Sequence[Any], counting: Select[Any], href: str) -> Shown:
    """Counted by a statement of its own only where the rows do not say it."""
    total = len(rows) if len(rows) < MOST else count_of(counting)
    return Shown(rows, total, ((_ALL, href),) if href else ())


def count_of(wanted: Select[Any]) -> int:
    """How many rows a statement finds, at most one more than lists count before they are shown."""
    rows = wanted.order_by(None).limit(FIRST_COUNT_CAP + 1).subquery()
    return store.session().scalar(select(func.count()).select_from(rows)) or 0


def matching(model: type[Any], *conditions: ColumnElement[bool]) -> Select[Any]:
    return select(literal(1)).select_from(model).where(*conditions)


# a rep's ----------------------------------------------------------------------------------------


def reports_to_send(user: Principal, *, now: datetime) -> Shown:
    """One's own reports that wait: unsent before their closing time, and returned ones."""
    report = models.WorkReport
    waiting = report.state.in_(UNSENT) & (report.late_until > now) | (report.state == ReportState.RETURNED.value)
    mine = (report.owner_id == user.user_id, waiting)
    wanted = select(
        report.id, report.title, report.period, report.period_key, report.state, report.due_at, report.late_until, report.comment
    )
    rows = list(store.session().execute(wanted.where(*mine).order_by(report.due_at, report.id).limit(MOST)))
    href = list_href("/work_report/", ["owner_id", "me", None], ["state", "in", [*UNSENT, ReportState.RETURNED.value]])
    return shown(rows, matching(report, *mine), href)


def lead_rows() -> Select[Any]:
    lead: Any = models.Lead
    return select(
        lead.id,
        lead.company,
        as_seen(lead.name),
        as_seen(lead.grade),
        lead.state,
        as_seen(lead.next_at),
        as_seen(lead.next_step),
        as_seen(lead.first_response_due_at),
        as_seen(lead.contacted_at),
        lead.owner_id,
    )


def clock_seen() -> bool:
    """Whether the reader may know how the 24-hour clock of a lead stands; who may not is shown no list by it."""
    return seen(models.Lead.first_response_at, models.Lead.first_response_due_at, models.Lead.first_response)


def first_responses_open(user: Principal, *, now: datetime) -> Shown | None:
    """One's leads whose 24-hour clock runs or has run out without a contact, the shortest time first."""
    lead = models.Lead
    if not clock_seen():
        return None
    open_ones = (
        lead.owner_id == user.user_id,
        lead.first_response_at.is_(None),
        lead.first_response_due_at.is_not(None),
        lead.state.in_(LIVE),
    )
    rows = list(store.session().execute(lead_rows().where(*open_ones).order_by(lead.first_response_due_at, lead.id).limit(MOST)))
    return shown(rows, matching(lead, *open_ones), list_href("/lead/", ["owner_id", "me", None], *_unanswered()))


def _unanswered() -> tuple[list[Any], ...]:
    return ["first_response", "eq", FirstResponse.OPEN.value], ["state", "in", list(LIVE)]


def follow_ups_due(user: Principal, *, now: datetime) -> Shown | None:
    """What to contact until the end of the company's day, overdue ones first: entity, id, title, next_at, next_step."""
    tomorrow = company_day(now) + timedelta(days=1)
    _, midnight = span(company_day(now), company_day(now))
    found: list[Any] = []
    total, ways = 0, []
    told = [pooling for pooling in poolings.values() if seen(pooling.model.next_at)]
    for pooling in told:
        model = pooling.model
        entity, step = literal(pooling.name).label("entity"), as_seen(model.next_step)
        wanted = select(entity, model.id, pooling.title.label("title"), model.next_at, step)
        due = (model.owner_id == user.user_id, model.next_at < midnight, model.state.in_(pooling.open_states))
        rows = store.session().execute(wanted.where(*due).order_by(model.next_at, model.id).limit(MOST)).all()
        some = shown(rows, matching(model, *due), "")
        found += rows
        total += some.total
        if rows:
            ways.append((_way(pooling, some), _owned(pooling, ["next_at", "lt", f"{tomorrow} 00:00"])))
    return Shown(sorted(found, key=lambda row: row.next_at)[:MOST], total, tuple(ways)) if told else None


def _way(pooling: Pooling, some: Shown) -> Text:
    return say("{plural} {n} | {n} {plural}", plural=pooling.plural, n=some.words)


def _owned(pooling: Pooling, *conditions: Sequence[Any]) -> str:
    return list_href(f"/{pooling.name}/", ["owner_id", "me", None], *conditions, ["state", "in", list(pooling.open_states)])


def about_to_return(user: Principal, *, now: datetime) -> Shown | None:
    """One's records that go back to the pool within the longest warning time (7 days), the soonest first."""
    ahead = max(policy("recycle.warn_days", on=company_day(now)), default=0)
    until = now + timedelta(days=ahead)
    found: list[Due] = []
    ways = []
    told = [each for each in poolings.values() if seen(getattr(each.model, each.rank), each.model.owned_at, each.model.contacted_at)]
    for pooling in told:
        dues = returning(pooling, now, until, owner_id=user.user_id, most=FIRST_COUNT_CAP + 1)
        found += dues
        if href := chosen(f"/{pooling.name}/", {due.record_id for due in dues}):
            ways.append((_way(pooling, Shown(total=len(dues))), href))
    return Shown(sorted(found, key=lambda due: due.due_at)[:MOST], len(found), tuple(ways)) if told else None


# a leader's -------------------------------------------------------------------------------------


def first_response_broken(now: datetime) -> Any:
    lead = models.Lead
    return lead.first_response_at.is_(None) & (lead.first_response_due_at < now) & lead.owner_id.is_not(None)


def late_counts(now: datetime) -> tuple[Any, Any]:
    """Of leads that are grouped: follow-ups overdue, first responses missed; null where the reader does not see their times."""
    overdue = func.count().filter(models.Lead.next_at < now) if seen(models.Lead.next_at) else null()
    breached = func.count().filter(first_response_broken(now)) if clock_seen() else null()
    return overdue.label("overdue"), breached.label("breached")


def nothing_late() -> tuple[int | None, int | None]:
    """The same of who holds no lead."""
    return (0 if seen(models.Lead.next_at) else None), (0 if clock_seen() else None)


def breaches(*, now: datetime) -> Shown | None:
    """Leads of the reader's people that nobody contacted in time, the longest first; with the owner's name."""
    lead, user = models.Lead, models.User
    if not clock_seen():
        return None
    broken = (first_response_broken(now), lead.state.in_(LIVE))
    wanted = lead_rows().add_columns(user.name.label("owner")).join(user, user.id == lead.owner_id).where(*broken)
    rows = list(store.session().execute(wanted.order_by(lead.first_response_due_at, lead.id).limit(MOST)))
    return shown(rows, matching(lead, *broken), list_href("/lead/", *broken_filter()))


def broken_filter(*more: Sequence[Any]) -> tuple[Sequence[Any], ...]:
    """The list of what `first_response_broken` finds: clocks that have run out, without those that still run."""
    return *more, ["owner_id", "not_empty", None], *_unanswered(), ["first_response_due_at", "overdue", None]


def overdue_filter(*more: Sequence[Any]) -> tuple[Sequence[Any], ...]:
    """The list of leads whose next contact has gone by."""
    return *more, ["state", "in", list(LIVE)], ["next_at", "overdue", None]
