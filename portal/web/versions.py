"""All versions of a record of which one replaces another, as one reader may see them, and what this one changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from portal.domain.approval_lock import snapshot
from portal.engine import store
from portal.engine.cell import Cell
from portal.engine.fields import View
from portal.engine.screen import Versions
from portal.engine.spec import Spec
from portal.security.fields import Rights
from portal.web import records
from portal.web.approval_box import differences


@dataclass(frozen=True, slots=True)
class Version:
    """One of them: which it is, what is told of it, where it stands; `href` is empty for the one that is open."""

    rank: int
    facts: tuple[str, ...]
    state: Cell | None
    href: str


@dataclass(frozen=True, slots=True)
class Chain:
    """The newest first. `changes`: label, value here, value in the version before; None where it changes none that is read."""

    versions: tuple[Version, ...]
    changes: tuple[tuple[str, str, str], ...] | None


def chain_of(spec: Spec, row: Mapping[str, Any], rights: Rights, view: View) -> Chain | None:
    """None where a record type has no versions, and where this record is the only one."""
    declared = spec.screen.versions
    if declared is None:
        return None
    found = _family(spec, declared, row["id"])
    if len(found) < 2:  # noqa: PLR2004 - this one and another
        return None
    here = next((each for each in found if each.id == row["id"]), None)
    before = next((each for each in found if here is not None and each.id == getattr(here, declared.before)), None)
    changes = None if here is None or before is None else tuple(differences(spec, *_compared(spec, here, before), rights, view))
    return Chain(tuple(_version(spec, declared, each, row["id"], rights, view) for each in found), changes)


def _family(spec: Spec, declared: Versions, record_id: int) -> Sequence[Any]:
    """Through the gate: a version that the reader does not see is not told of."""
    model = spec.model
    same = select(*(getattr(model, key) for key in declared.family)).where(model.id == record_id).subquery()
    alike = (getattr(model, key) == same.c[key] for key in declared.family)
    return store.session().scalars(select(model).where(*alike).order_by(getattr(model, declared.rank).desc())).all()


def _compared(spec: Spec, here: Any, before: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both as people wrote them, without what the portal keeps of the way of each."""
    keys = {*(each.key for each in spec.form), *(part.name for part in spec.parts())}
    told = [{key: kept for key, kept in snapshot(spec, each).items() if key in keys} for each in (here, before)]
    for part in spec.parts():
        written = {*(each.key for each in part.form if each not in part.parents)}
        for one in told:
            one[part.name] = [{key: value for key, value in line.items() if key in written} for line in one[part.name]]
    return told[0], told[1]


def _version(spec: Spec, declared: Versions, each: Any, open_id: int, rights: Rights, view: View) -> Version:
    fields = [spec.fields[key] for key in declared.facts if rights.sees(spec, spec.fields[key])]
    row = records.values_of(each)
    said = [(field, rights.cell(spec, field, row, view)) for field in fields]
    facts = tuple(cell.text for field, cell in said if not field.is_blank(row.get(field.key)))
    state = rights.cell(spec, spec.state, row, view) if spec.state else None
    return Version(getattr(each, declared.rank), facts, state, "" if each.id == open_id else f"/{spec.name}/{each.id}")
