"""How many rows a view has: counted to a cap, part by part of the reader's scope, so that an index serves each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal, select, union_all
from sqlalchemy.orm import Session

from portal.engine.query.listing import Listing, Opened

COUNT_CAP = 10_000
FIRST_COUNT_CAP = 1_000
"""How far a page counts before it is shown; what goes beyond is counted to `COUNT_CAP` once its rows are there."""


@dataclass(frozen=True, slots=True)
class Counting:
    """One statement that counts parts of the scope, and which of its columns each branch adds up."""

    statement: Select[Any]
    places: tuple[tuple[int, ...], ...]

    def read(self, session: Session) -> list[int]:
        """Branch by branch; more than the cap says: at least so many."""
        counted = session.execute(self.statement).one()
        return [sum(counted[place] for place in places) for places in self.places]


def exact(listing: Listing, session: Session) -> int:
    """Every row of the view, however many."""
    every = select(func.count()).select_from(listing.spec.model).where(*listing.conditions())
    return int(session.scalar(listing.reading(every)) or 0)


def capped(listing: Listing, session: Session, cap: int = COUNT_CAP) -> tuple[int, bool]:
    """The rows of the view and whether there are more than that."""
    (counted,) = counting(listing, (listing.query.branch,), cap).read(session)
    return min(counted, cap), counted > cap


def counting(listing: Listing, branches: tuple[str, ...], cap: int) -> Counting:
    """Counts of these branches of the scope under the view's filters."""
    return _kept(listing.opened(), branches, cap) if listing.is_lasting else _made(listing, branches, cap)


def _made(listing: Listing, branches: Sequence[str], cap: int) -> Counting:
    """Each part once, whichever branches it belongs to. One branch alone is counted no further than the cap, the pool first:
    it is what may reach it by itself."""
    parts: list[ColumnElement[bool]] = []
    places = tuple(tuple(_place(parts, each) for each in _parts(listing, name)) for name in branches)
    conditions = replace(listing, query=replace(listing.query, branch="all")).conditions()
    rows: list[Any] = [select(literal(1)).select_from(listing.spec.model).where(*conditions, part) for part in parts]
    if len(branches) == 1 and len(rows) > 1:
        rows, places = [union_all(*reversed(rows))], ((0,),)
    counts: list[Any] = [select(func.count()).select_from(each.limit(cap + 1).subquery()).scalar_subquery() for each in rows]
    return Counting(listing.reading(select(*counts or [literal(0)])), places)


@lru_cache(maxsize=512)
def _kept(opened: Opened, branches: tuple[str, ...], cap: int) -> Counting:
    return _made(opened.listing, branches, cap)


def _parts(listing: Listing, branch: str) -> Sequence[ColumnElement[bool]]:
    """What a branch of the scope is made of, disjoint."""
    rights, spec = listing.rights, listing.spec
    return rights.branches(spec) if branch == "all" else [rights.branch(spec, branch)]


def _place(parts: list[ColumnElement[bool]], part: ColumnElement[bool]) -> int:
    """Where the part stands among them; it joins them when it is new."""
    for place, each in enumerate(parts):
        if each.compare(part):
            return place
    parts.append(part)
    return len(parts) - 1
