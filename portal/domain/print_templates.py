"""In which layout records are printed: what their declaration says until an administrator publishes another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from portal import models
from portal.engine import printing, store
from portal.engine.errors import NotAllowed, NotFound, Refused
from portal.engine.printing import Layout, Prints
from portal.engine.spec import Spec, registry
from portal.security.principal import Principal

EDIT = "print_desk:edit"


@dataclass(frozen=True, slots=True)
class InUse:
    """`number` is 0 for the layout that the declaration brings."""

    spec: Spec
    layout: Layout
    number: int


def printed() -> list[Spec]:
    """Record types that are offered on paper."""
    return [spec for spec in registry().values() if spec.screen.prints is not None]


def prints_of(spec: Spec) -> Prints:
    """What the declaration says. Raises `NotFound` where it offers no paper."""
    if spec.screen.prints is None:
        raise NotFound
    return spec.screen.prints


def in_use(spec: Spec) -> InUse:
    """The layout that the next paper has."""
    template, declared = models.PrintTemplate, prints_of(spec)
    wanted = select(template).where(template.entity == spec.name, template.active.is_(True), template.deleted_at.is_(None))
    found = store.session().scalar(wanted.order_by(template.number.desc()).limit(1))
    return InUse(spec, declared.layout, 0) if found is None else InUse(spec, printing.read(found.layout), found.number or 0)


def publish(spec: Spec, layout: Layout, replaces: int, *, acting_user: Principal, now: datetime) -> int:
    """The next version; the one before stays as it was. `replaces` is the number that the writer started from."""
    if not acting_user.may(EDIT):
        raise NotAllowed
    prints_of(spec)
    printing.check(spec, layout)
    session, template = store.session(), models.PrintTemplate
    newest = session.scalar(select(func.max(template.number)).where(template.entity == spec.name)) or 0
    if newest != replaces:
        raise Refused("别人刚存了新的一版，请打开新版再改。 | Somebody saved a newer version; open that one.", rule="changed")
    mine = template.entity == spec.name, template.active.is_(True)
    for former in session.scalars(select(template).where(*mine).with_for_update()):
        former.active = False
    session.add(template(entity=spec.name, number=newest + 1, active=True, layout=printing.document(layout)))
    session.flush()
    return newest + 1
