"""Which questions a report asks: templates for a team, a role or everybody, each save a new version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from portal import models
from portal.domain.periods import PeriodKind
from portal.engine import store
from portal.engine.errors import NotFound, Refused
from portal.engine.questions import Question, check, document, read
from portal.security.duties import duties_of
from portal.security.principal import Principal

_roles, _user_roles = (models.User.metadata.tables[name] for name in ("ab_role", "ab_user_role"))


@dataclass(frozen=True, slots=True)
class Duty:
    """Somebody who owes a report."""

    user_id: int
    team_id: int | None


def asked(template_id: int | None) -> tuple[Question, ...]:
    """The questions of one version, whether it is still in use or not."""
    template = models.ReportTemplate
    wanted = select(template.questions).where(template.id == template_id)
    return () if template_id is None else read(store.session().scalar(wanted))


def in_use() -> list[Any]:
    """The templates that new reports are opened with, by period, the general ones first."""
    template = models.ReportTemplate
    wanted = select(template).where(template.active.is_(True), template.deleted_at.is_(None))
    order = [kind.value for kind in PeriodKind]
    found = store.session().scalars(wanted.order_by(template.id))
    return sorted(found, key=lambda each: (order.index(each.period), bool(each.for_team_id), bool(each.for_role), each.id))


def templates_for(kind: PeriodKind, people: Sequence[Duty]) -> dict[int, int]:
    """Person → the template his report is opened with: his team's, else his role's, else everybody's; the newest of each."""
    templates = [each for each in in_use() if each.period == kind.value]
    roles: dict[int, set[str]] = {}
    if any(each.for_role for each in templates):
        duties = duties_of(store.session())
        wanted = select(_user_roles.c.user_id, _roles.c.name).join(_roles, _roles.c.id == _user_roles.c.role_id)
        for user_id, name in store.session().execute(wanted.where(_user_roles.c.user_id.in_([duty.user_id for duty in people]))):
            roles.setdefault(user_id, set()).update({name, duties.get(name, name)})
    found = {}
    for duty in people:
        fitting = [each for each in templates if fits(each, duty, roles.get(duty.user_id, set()))]
        if fitting:
            found[duty.user_id] = max(fitting, key=lambda each: (bool(each.for_team_id), bool(each.for_role), each.id)).id
    return found


def fits(template: Any, duty: Duty, roles: set[str]) -> bool:
    """Whether a template is for somebody of this team with these roles."""
    return template.for_team_id in (None, duty.team_id) and (not template.for_role or template.for_role in roles)


def publish(
    template_id: int | None, about: Mapping[str, Any], questions: Sequence[Question], *, acting_user: Principal, now: datetime
) -> int:
    """The next version of a template, or the first of a new one; returns its id.

    `about` holds name, period, for_role, for_team_id. Reports that are open keep the questions they were opened with.
    """
    check(questions)
    session = store.session()
    if not str(about.get("name", "")).strip():
        raise Refused("请给模板起个名称。 | Give the template a name.", rule="name")
    former = _former(template_id)
    if former is not None:
        if not former.active:
            raise Refused("别人刚存了新的一版，请打开新版再改。 | Somebody saved a newer version; open that one.", rule="changed")
        former.active = False
    made = models.ReportTemplate(
        **about,
        number=former.number + 1 if former is not None else 1,
        replaces_id=former.id if former is not None else None,
        questions=document(questions),
        active=True,
    )
    session.add(made)
    session.flush()
    return made.id


def _former(template_id: int | None) -> Any:
    if template_id is None:
        return None
    template = models.ReportTemplate
    found = store.session().scalar(select(template).where(template.id == template_id, template.deleted_at.is_(None)).with_for_update())
    if found is None:
        raise NotFound
    return found


def opened_with(template_id: int) -> int:
    """How many unsent reports were opened with this version and end with it."""
    report = models.WorkReport
    wanted = (
        select(func.count()).select_from(report).where(report.template_id == template_id, report.state.in_(("open", "draft", "returned")))
    )
    return store.session().scalar(wanted) or 0


def roles_that_report() -> list[str]:
    """Names of the roles whose people write reports of their own."""
    return list(store.session().scalars(select(_roles.c.name).order_by(_roles.c.id)))


def teams() -> list[tuple[int, str]]:
    """Teams a template can be for."""
    team = models.Team
    return [
        (key, name) for key, name in store.session().execute(select(team.id, team.name).where(team.deleted_at.is_(None)).order_by(team.id))
    ]
