"""The gate shows, in every shape of statement, exactly the rows that the predicate names one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, distinct, except_, exists, func, insert, intersect, literal_column, select, text, true, union, update
from sqlalchemy.orm import Bundle, Session, aliased, load_only

from portal import models
from portal.engine.spec import spec_of
from portal.security import policy, scopes
from portal.security.principal import NOBODY, Access, Principal, system_principal
from portal.security.session import GateError
from tests import services
from tests.cast import NOW, Cast
from tests.conftest import _sessions
from tests.matrix.world import EVERYBODY, OWNERS, Planted, sees

Lead, FollowUp, Source, Tag = models.Lead, models.FollowUp, models.SourceChannel, models.Tag
LEADS = Lead.__table__
BRANCHES = ("own", "pool", "team", "subtree", "all")


@dataclass
class Crowd:
    """Leads of everybody and of nobody, living and deleted, each with a living and a deleted follow-up."""

    cast: Cast
    leads: list[Any]
    follow_ups: list[Any]

    def session(self, principal: Principal) -> Session:
        session: Session = self.cast.session_factory()
        session.info.update(principal=principal, now=NOW)
        return session


@pytest.fixture(scope="module")
def crowd(template: tuple[str, Cast]) -> Iterator[Crowd]:
    with services.clone(template[0]) as url:
        dispose, factory = _sessions(url)
        made = template[1]
        cast = Cast(factory, dict(made.people), dict(made.teams), made.pool_id, made.customer_pool_id, made.source_id)
        for owner in (*OWNERS, "director", None):
            for gone in (None, NOW):
                lead = cast.lead(owner=owner, deleted_at=gone, company_key="same", industry=owner or "")
                said = {"lead_id": lead, "kind": "call", "contacted_at": NOW, "content": "said", "need": "", "next_step": ""}
                for removed in (None, NOW):
                    cast.add(FollowUp, **said, deleted_at=removed)
        yield Crowd(cast, cast.rows(Lead), cast.rows(FollowUp))
        dispose()


# what the predicate says --------------------------------------------------------------------------


def visible(principal: Principal, crowd: Crowd) -> set[int]:
    """Record by record, without any SQL."""
    spec = spec_of(Lead)
    return {row.id for row in crowd.leads if row.deleted_at is None and policy.reads(principal, spec, row._mapping)}


def visible_children(principal: Principal, crowd: Crowd) -> set[int]:
    parents = visible(principal, crowd) if principal.may("follow_up:read") else set()
    return {row.id for row in crowd.follow_ups if row.deleted_at is None and row.lead_id in parents}


# shapes -------------------------------------------------------------------------------------------

Shape = Callable[[Session, list[int]], set[int]]
SHAPES: dict[str, Shape] = {}
CHILD_SHAPES: dict[str, Shape] = {}
WITH_CHILDREN = "joined with its children"


def shape(found: dict[str, Shape], name: str, statement: Callable[[], Any]) -> None:
    """A statement whose first column is the id."""
    found[name] = lambda session, _ids: {row[0] for row in session.execute(statement()) if row[0] is not None}


def one_by_one(found: dict[str, Shape], name: str, ask: Callable[[Session, int], Any]) -> None:
    """A question about one record, put for each."""
    found[name] = lambda session, ids: {i for i in ids if ask(session, i)}


a, b, c = aliased(Lead), aliased(Lead), aliased(Lead)
within = select(Lead.id, Lead.company).subquery()
entity_within = aliased(Lead, select(Lead).subquery())
once = select(Lead.id).cte("once")
again = select(once.c.id).cte("again")
beside = select(Lead.id).where(Lead.source_id == Source.id).lateral()
counted = select(func.count(b.id)).where(b.id == a.id).scalar_subquery()

shape(SHAPES, "columns", lambda: select(Lead.id))
shape(SHAPES, "other columns", lambda: select(Lead.id, Lead.company, Lead.phone))
shape(SHAPES, "an alias", lambda: select(a.id))
shape(SHAPES, "a self join, first side", lambda: select(a.id).join(b, a.company_key == b.company_key))
shape(SHAPES, "a self join, second side", lambda: select(b.id).select_from(a).join(b, a.company_key == b.company_key))
shape(SHAPES, "a self join with the class", lambda: select(b.id).select_from(Lead).join(b, Lead.company_key == b.company_key))
shape(SHAPES, "an outer self join", lambda: select(b.id).select_from(a).outerjoin(b, a.company_key == b.company_key))
shape(SHAPES, "joined twice", lambda: select(c.id).select_from(a).join(b, b.id == a.id).join(c, c.company_key == b.company_key))
shape(SHAPES, "an implicit join", lambda: select(b.id).where(a.company_key == b.company_key))
shape(SHAPES, "joined from an open entity", lambda: select(Lead.id).select_from(Source).join(Lead, Lead.source_id == Source.id))
shape(SHAPES, "outer joined from an open entity", lambda: select(Lead.id).select_from(Source).outerjoin(Lead, Lead.source_id == Source.id))
shape(SHAPES, "an alias outer joined", lambda: select(a.id).select_from(Source).outerjoin(a, a.source_id == Source.id))
shape(SHAPES, WITH_CHILDREN, lambda: select(Lead.id).join(FollowUp, FollowUp.lead_id == Lead.id))
shape(SHAPES, "a subquery", lambda: select(within.c.id))
shape(SHAPES, "an entity on a subquery", lambda: select(entity_within.id))
shape(SHAPES, "a common table expression", lambda: select(once.c.id))
shape(SHAPES, "one of another", lambda: select(again.c.id))
shape(SHAPES, "a lateral join", lambda: select(beside.c.id).select_from(Source).join(beside, true()))
shape(SHAPES, "in a subquery", lambda: select(a.id).where(a.id.in_(select(b.id))))
shape(SHAPES, "where one exists", lambda: select(a.id).where(exists().where(b.id == a.id)))
shape(SHAPES, "a scalar subquery", lambda: select(a.id).where(counted == 1))
shape(SHAPES, "a union", lambda: union(select(Lead.id).where(Lead.pool_id.is_(None)), select(Lead.id).where(Lead.pool_id.is_not(None))))
shape(SHAPES, "an intersection", lambda: intersect(select(Lead.id), select(a.id)))
shape(SHAPES, "a difference", lambda: except_(select(Lead.id), select(a.id).where(a.id < 0)))
shape(SHAPES, "a union within", lambda: select(union(select(Lead.id), select(a.id)).subquery().c.id))
shape(SHAPES, "groups", lambda: select(Lead.id, func.count()).group_by(Lead.id).having(func.count() > 0))
shape(SHAPES, "aggregates", lambda: select(func.unnest(func.array_agg(distinct(Lead.id)))))
shape(SHAPES, "a window", lambda: select(Lead.id, func.row_number().over(order_by=Lead.id)))
shape(SHAPES, "ordered and limited", lambda: select(Lead.id).order_by(Lead.id.desc()).limit(1000))
shape(SHAPES, "locked", lambda: select(Lead.id).with_for_update())
shape(SHAPES, "streamed", lambda: select(Lead.id).execution_options(yield_per=2))
shape(SHAPES, "an or of everything", lambda: select(Lead.id).where((Lead.id > 0) | (Lead.id <= 0)))
SHAPES |= {
    "entities": lambda session, _: {lead.id for lead in session.scalars(select(Lead))},
    "parts of entities": lambda session, _: {lead.id for lead in session.scalars(select(Lead).options(load_only(Lead.company)))},
    "bundles": lambda session, _: {row[0].id for row in session.execute(select(Bundle("pair", Lead.id, Lead.company)))},
    "the old query": lambda session, _: {lead.id for lead in session.query(Lead)},
}
one_by_one(SHAPES, "does it exist", lambda session, i: session.scalar(select(exists(select(Lead.id).where(Lead.id == i)))))
one_by_one(SHAPES, "a count", lambda session, i: session.scalar(select(func.count()).select_from(Lead).where(Lead.id == i)))

d = aliased(FollowUp)
shape(CHILD_SHAPES, "columns", lambda: select(FollowUp.id))
shape(CHILD_SHAPES, "an alias", lambda: select(d.id))
shape(CHILD_SHAPES, "beside itself", lambda: select(d.id).select_from(FollowUp).join(d, d.kind == FollowUp.kind))
shape(CHILD_SHAPES, "below its parent", lambda: select(FollowUp.id).select_from(Lead).join(FollowUp, FollowUp.lead_id == Lead.id))
shape(CHILD_SHAPES, "below an open entity", lambda: select(FollowUp.id).select_from(models.User).join(FollowUp, FollowUp.kind == "call"))
shape(CHILD_SHAPES, "a subquery", lambda: select(select(FollowUp.id).subquery().c.id))
shape(CHILD_SHAPES, "a union", lambda: union(select(FollowUp.id), select(d.id)))
one_by_one(CHILD_SHAPES, "a count", lambda s, i: s.scalar(select(func.count()).select_from(FollowUp).where(FollowUp.id == i)))


def compare(principal: Principal, crowd: Crowd) -> None:
    for shapes, rows, expected in (
        (SHAPES, crowd.leads, visible(principal, crowd)),
        (CHILD_SHAPES, crowd.follow_ups, visible_children(principal, crowd)),
    ):
        for name, ask in shapes.items():
            wanted = expected if name != WITH_CHILDREN or principal.may("follow_up:read") else set()
            with crowd.session(principal) as session:
                assert ask(session, [row.id for row in rows]) == wanted, f"{principal.access} by {name}"


@pytest.mark.parametrize("actor", EVERYBODY)
def test_everybody_of_the_cast_reads_what_the_predicate_says(actor: str, crowd: Crowd) -> None:
    principal = crowd.cast.principal(actor)
    compare(principal, crowd)
    ours = [row for row in crowd.leads if row.industry != "director" and row.deleted_at is None]
    meant = {row.id for row in ours if sees(actor, Planted("lead", row.id, row.industry, ()))}
    assert visible(principal, crowd) & {row.id for row in ours} == meant, "and the predicate says what the brief says"


def test_nobody_reads_nothing_and_the_system_everything(crowd: Crowd) -> None:
    assert visible(NOBODY, crowd) == set()
    compare(NOBODY, crowd)
    with crowd.session(system_principal("test")) as session:
        assert SHAPES["columns"](session, []) == {row.id for row in crowd.leads}


@st.composite
def principals(draw: st.DrawFn) -> Principal:
    """Anybody: any branches, in any team or none, above any teams; ids are filled in by the test."""
    access = Access("any", tuple(draw(st.sets(st.sampled_from(BRANCHES)))), tuple(draw(st.sets(st.sampled_from(BRANCHES)))))
    user, team = draw(st.integers(-1, len(OWNERS) - 1)), draw(st.sampled_from([None, "a", "b"]))
    below = draw(st.sets(st.sampled_from(["a", "b"])))
    verbs = frozenset({"follow_up:read"} if draw(st.booleans()) else ())
    return Principal(user_id=user, name=team or "", roles=tuple(sorted(below)), verbs=verbs, access={"lead": access})


@settings(max_examples=6, deadline=None, derandomize=True, database=None)
@given(anybody=principals())
def test_whoever_somebody_is_he_reads_what_the_predicate_says(anybody: Principal, crowd: Crowd) -> None:
    teams = crowd.cast.teams
    user_id = crowd.cast.people[OWNERS[anybody.user_id]] if anybody.user_id >= 0 else 0
    compare(
        Principal(
            user_id=user_id,
            team_id=teams.get(anybody.name),
            team_ids=tuple(teams[team] for team in anybody.roles),
            verbs=anybody.verbs,
            access=anybody.access,
            key=f"{user_id} {anybody}",
        ),
        crowd,
    )


@settings(max_examples=50, deadline=None, derandomize=True, database=None)
@given(anybody=principals(), branches=st.sets(st.sampled_from([*BRANCHES, "reach", "assignable"])))
def test_every_branch_is_the_same_as_sql_and_as_a_predicate(anybody: Principal, branches: set[str], crowd: Crowd) -> None:
    teams, spec = crowd.cast.teams, spec_of(Lead)
    below = tuple(teams[team] for team in anybody.roles)
    principal = Principal(user_id=crowd.cast.people["rep"], team_id=teams.get(anybody.name), team_ids=below, access=anybody.access)
    with crowd.session(system_principal("test")) as session:
        found = set(session.connection().scalars(select(LEADS.c.id).where(scopes.criterion(spec, branches, principal, LEADS.c))))
    assert found == {row.id for row in crowd.leads if scopes.covers(spec, branches, principal, row._mapping)}


# ways around ----------------------------------------------------------------------------------------

DETOURS: dict[str, Callable[[], Any]] = {
    "text": lambda: text("SELECT id FROM lead"),
    "text as entities": lambda: select(Lead).from_statement(text("SELECT * FROM lead")),
    "entities of another statement": lambda: select(Lead).from_statement(select(LEADS)),
    "the table": lambda: select(LEADS),
    "a column of the table": lambda: select(LEADS.c.id),
    "an alias of the table": lambda: select(LEADS.alias().c.id),
    "a count on the table": lambda: select(func.count()).select_from(LEADS),
    "a literal column of the table": lambda: select(literal_column("id")).select_from(LEADS),
    "a function of a table's column": lambda: select(func.max(LEADS.c.id)),
    "the table beside the class": lambda: select(Lead.id, LEADS.alias().c.company),
    "the table in a subquery": lambda: select(select(LEADS.c.id).subquery().c.id),
    "the table where one exists": lambda: select(Tag.id).where(exists(select(LEADS.c.id))),
    "the table in a union": lambda: union(select(Lead.id), select(LEADS.c.id)),
    "the table of a child": lambda: select(FollowUp.__table__.c.content),
    "an update": lambda: update(Lead).values(note="x"),
    "an update of the table": lambda: update(LEADS).values(note="x"),
    "a delete": lambda: delete(Lead),
    "a delete of the table": lambda: delete(LEADS),
    "an insert": lambda: insert(Lead).values(company="x"),
    "an insert from a selection": lambda: insert(Tag).from_select(["name"], select(Lead.company)),
    "an update by a selection": lambda: update(Tag).values(name=select(Lead.company).limit(1).scalar_subquery()),
    "a delete within a selection": lambda: select(delete(Lead).returning(Lead.id).cte().c.id),
    "an update within a selection": lambda: select(update(Lead).values(note="x").returning(Lead.id).cte().c.id),
    "text that loosens the condition": lambda: select(Lead.id).where(text("true OR true")),
    "a literal that loosens the condition": lambda: select(Lead.id).where(literal_column("true OR true")),
    "text in a subquery": lambda: select(Tag.id).where(text("EXISTS (SELECT 1 FROM lead)")),
    "the history": lambda: select(models.AuditEvent),
    "the files": lambda: select(models.Attachment.id),
    "the notices": lambda: select(func.count()).select_from(models.Notification),
}  # fmt: skip


@pytest.mark.parametrize("detour", DETOURS)
def test_a_way_around_the_gate_is_refused_and_changes_nothing(detour: str, crowd: Crowd) -> None:
    for actor in ("rep", "director"):
        with crowd.session(crowd.cast.principal(actor)) as session, pytest.raises(GateError):
            session.execute(DETOURS[detour]())
    assert crowd.cast.rows(Lead) == crowd.leads


@pytest.mark.parametrize("model", [Lead, FollowUp])
def test_a_scoped_record_is_selected_and_not_got_by_identity(model: Any, crowd: Crowd) -> None:
    """The criterion does not reach the statement that `get` makes, so it is refused, for one's own records too."""
    with crowd.session(crowd.cast.principal("director")) as session, pytest.raises(GateError):
        session.get(model, 1)
