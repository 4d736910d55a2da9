"""Scope branches. Each is one SQL criterion and one predicate over the same columns; a property test holds them equal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import Alias, ColumnElement, and_, false, or_, select, true

from portal.engine.spec import Spec, registry
from portal.security.principal import Principal

BRANCH_WORDS = {
    "own": ("本人", "Own"),
    "pool": ("公海", "pool"),
    "team": ("团队", "Team"),
    "subtree": ("团队及下级", "Team and below"),
    "chosen": ("选定团队", "Chosen teams"),
    "shared": ("请我参与的", "shared with me"),
    "all": ("全部", "All"),
}
_USED = {"work": "read"}
_LOOKING = frozenset({"read", "work"})
WIDTH = {"none": 0, "own": 1, "pool": 1, "team": 4, "subtree": 8, "chosen": 8, "all": 16}
_WIDTH_OF_STATES = 2


def branches_of(scope: str) -> tuple[str, ...]:
    """`own+pool` → (own, pool)."""
    return tuple(part for part in scope.split("+") if part and part != "none")


def scope_words(scope: str) -> str:
    """`own+pool` in both languages."""
    words = [BRANCH_WORDS.get(branch) or _of_states(branch) for branch in branches_of(scope)]
    if not words:
        return "无 | None"
    return f"{'+'.join(word[0] for word in words)} | {' + '.join(word[1] for word in words)}"


def _of_states(branch: str) -> tuple[str, ...]:
    """A branch by state, in the words of the record type that has it."""
    labels = (spec.model.scope_states[branch][0] for spec in registry().values() if branch in spec.model.scope_states)
    return tuple(next(labels, f"{branch} | {branch}").split(" | "))


def width(branches: Iterable[str]) -> int:
    """How much a scope holds, to pick the widest of several roles."""
    return sum(WIDTH.get(branch, _WIDTH_OF_STATES) for branch in branches)


def expand(branches: Iterable[str], spec: Spec, principal: Principal) -> tuple[str, ...]:
    """`reach` stands for what the principal's role lets him write, `assignable` for whom he may assign to."""
    found: list[str] = []
    for branch in branches:
        if branch == "reach":
            found += principal.to(spec.name).reach
        elif branch == "assignable":
            found += [*branches_of(principal.to(spec.name).assign), "own"]
        else:
            found.append(branch)
    return tuple(dict.fromkeys(found))


def branch_criterion(spec: Spec, branch: str, principal: Principal, columns: Any) -> ColumnElement[bool]:
    """One branch over the columns of a model or table."""
    found: ColumnElement[bool] = false()
    match branch:
        case "own":
            found = columns.owner_id == principal.user_id
        case "pool" if spec.pooled:
            found = columns.pool_id.is_not(None)
        case "team" if principal.team_id:
            found = columns.team_id == principal.team_id
        case "subtree" if principal.team_ids:
            found = columns.team_id.in_(principal.team_ids)
        case "chosen":
            found = or_(columns.owner_id == principal.user_id, columns.team_id.in_(principal.to(spec.name).teams))
        case "shared" | "joined":
            found = columns.id.in_(getattr(principal.to(spec.name), branch))
        case "all":
            found = true()
        case _ if branch in spec.model.scope_states and spec.state is not None:
            found = getattr(columns, spec.state.key).in_(spec.model.scope_states[branch][1])
    return found


def covers_branch(spec: Spec, branch: str, principal: Principal, row: Mapping[str, Any]) -> bool:
    """The same branch as a predicate over a row's owner_id, team_id, pool_id."""
    found = False
    match branch:
        case "own":
            found = row["owner_id"] == principal.user_id
        case "pool" if spec.pooled:
            found = row["pool_id"] is not None
        case "team" if principal.team_id:
            found = row["team_id"] == principal.team_id
        case "subtree" if principal.team_ids:
            found = row["team_id"] in principal.team_ids
        case "chosen":
            found = row["owner_id"] == principal.user_id or row["team_id"] in principal.to(spec.name).teams
        case "shared" | "joined":
            found = row.get("id") in getattr(principal.to(spec.name), branch)
        case "all":
            found = True
        case _ if branch in spec.model.scope_states and spec.state is not None:
            found = row.get(spec.state.key) in spec.model.scope_states[branch][1]
    return found


def criterion(spec: Spec, branches: Iterable[str], principal: Principal, columns: Any) -> ColumnElement[bool]:
    """The OR of branches, for an owned entity."""
    found = [branch_criterion(spec, branch, principal, columns) for branch in expand(branches, spec, principal)]
    return or_(*found) if found else false()


def covers(spec: Spec, branches: Iterable[str], principal: Principal, row: Mapping[str, Any]) -> bool:
    return any(covers_branch(spec, branch, principal, row) for branch in expand(branches, spec, principal))


def readable(spec: Spec, principal: Principal, *, with_deleted: bool = False, at_work: bool = False) -> ColumnElement[bool] | None:
    """Which rows the principal reads; None for open entities.

    `at_work`: for what is done to a record, which is done to all that belongs to it, whether he may look at that or not.
    """
    return _scoped(spec, principal, "work" if at_work else "read", with_deleted=with_deleted)


def referable(spec: Spec, principal: Principal, *, by_writers: bool) -> ColumnElement[bool]:
    """Which rows a record of his may refer to: those he reads or, where what refers to them counts for them, changes."""
    if spec.scope == "open":
        return true()
    asked = [readable(spec, principal, at_work=True), *([writable(spec, principal)] if by_writers else [])]
    return and_(*(false() if each is None else each for each in asked))


def writable(spec: Spec, principal: Principal) -> ColumnElement[bool] | None:
    """Which rows the principal writes; None for open entities (their verbs decide)."""
    return _scoped(spec, principal, "write", with_deleted=True)


def removable(spec: Spec, principal: Principal) -> ColumnElement[bool] | None:
    """Which rows the principal may remove and take back: those he writes by his role."""
    return _scoped(spec, principal, "reach", with_deleted=True)


@lru_cache(maxsize=2048)
def _scoped(spec: Spec, principal: Principal, use: str, *, with_deleted: bool) -> ColumnElement[bool] | None:
    """Built once per principal, who is another as soon as anybody's rights change."""
    if spec.scope == "open":
        return None
    alive = [] if with_deleted else [spec.model.deleted_at.is_(None)]
    if spec.scope == "owner":
        found = criterion(spec, getattr(principal.to(spec.name), _USED.get(use, use)), principal, spec.model)
        borrowed = lent(spec, principal, spec.model) if use in _LOOKING else None
        return and_(found if borrowed is None else or_(found, borrowed), *alive)
    return and_(_through_parent(spec, principal, use), *alive)


def forget() -> None:
    """Read the declarations anew."""
    _scoped.cache_clear()


@cache
def _parents(parent: Spec) -> Alias:
    """The parent's table under a name of its own: one for good, since making one copies every column."""
    alias: Alias = parent.table.alias()
    return alias


def lent(spec: Spec, principal: Principal, columns: Any, *, mapped: bool = False) -> ColumnElement[bool] | None:
    """Records that a waiting approval task shows to its holder for as long as it waits; None where there can be none.

    `mapped`: for a statement of its own, where the gate wants record types named by their class.
    """
    if spec.name not in principal.lent:
        return None
    tasks = registry()["approval_task"]
    task = tasks.model if mapped else tasks.table.c
    waiting = (task.owner_id == principal.user_id, task.state == "waiting", task.deleted_at.is_(None))
    shown = select(task.approval_id) if spec.name == "approval" else select(task.record_id).where(task.entity == spec.name)
    return columns.id.in_(shown.where(*waiting))  # type: ignore[no-any-return]


def _through_parent(spec: Spec, principal: Principal, use: str) -> ColumnElement[bool]:
    """Children hold no owner: they are seen with the one parent they have, by who may read their record type.

    Asked row by row: an OR of `IN (all visible parents)` reads every parent to show one child.
    """
    found, closed = [], use == "read" and not principal.may(f"{spec.name}:read")
    for reference in spec.parents:
        parent = registry()[reference.target]
        table = _parents(parent)
        given = () if closed else getattr(principal.to(parent.name), _USED.get(use, use))
        branches = [each for each in given if each not in spec.model.scope_except]
        inner = criterion(parent, branches, principal, table.c)
        borrowed = lent(parent, principal, table.c) if use in _LOOKING and spec.model.is_part else None
        inner = inner if borrowed is None else or_(inner, borrowed)
        theirs = select(table.c.id).where(table.c.id == spec.column(reference.key), inner, table.c.deleted_at.is_(None))
        found.append(theirs.correlate_except(table).exists())
    return or_(*found)
