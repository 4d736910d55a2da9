"""Why rows were refused: how many for which reason, what the first of them are called, and which they all are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.engine.errors import PortalError
from portal.engine.query.among import among
from portal.engine.spec import Spec
from portal.engine.text import Language
from portal.engine.verbs import Outcome
from portal.security.fields import Rights
from portal.security.session import principal_of

MOST_NAMED = 5
"""How many refused records are named for each reason; the rest are counted, and listed on a page of their own."""
_MOST_WORDS = 50
"""So many wordings of one rule are kept apart (whose decision it waits for); what comes then is told in the first one's."""
_NAME_LENGTH = 40
REFUSED = "refused"
"""In the result of a run: its refusals, as `Refusals.plain` gives them."""


@dataclass(slots=True)
class Reason:
    """One reason, and the rows it holds for."""

    rule: str
    text: dict[str, str]
    ids: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.ids)

    def told(self, language: Language) -> str:
        """`3 × somebody changed it meanwhile (A, B, …)`."""
        some = "、".join(self.names) if language == "zh" else ", ".join(self.names)
        more = "…" if self.names and self.count > len(self.names) else ""
        called = f"（{some}{more}）" if some and language == "zh" else f" ({some}{more})" if some else ""
        return f"{self.count} × {self.text[language]}{called}"


class Refusals:
    """All of a run, in the order in which the reasons came up."""

    def __init__(self, kept: Sequence[Mapping[str, Any]] = ()) -> None:
        self.reasons = [Reason(**each) for each in kept]

    def __bool__(self) -> bool:
        return bool(self.reasons)

    @property
    def count(self) -> int:
        return sum(each.count for each in self.reasons)

    def add(self, session: Session, spec: Spec, outcome: Outcome) -> Refusals:
        """What was refused just now, by who reads this session: only names that he sees are kept."""
        fresh: dict[int, Reason] = {}
        for record_id, error in outcome.refused:
            found = self._of(error)
            found.ids.append(record_id)
            fresh[id(found)] = found
        for each in fresh.values():
            if len(each.names) < MOST_NAMED:
                each.names = named(session, spec, each.ids[: 2 * MOST_NAMED])[:MOST_NAMED]
        return self

    def _of(self, error: PortalError) -> Reason:
        text, alike = error.text.stored(), [each for each in self.reasons if each.rule == error.rule]
        for each in alike:
            if each.text == text:
                return each
        if len(alike) >= _MOST_WORDS:
            return alike[0]
        self.reasons.append(Reason(error.rule, text))
        return self.reasons[-1]

    def told(self, language: Language, most: int = 3) -> list[str]:
        """A line for each of the first rules, whatever their words are in detail."""
        by_rule: dict[str, Reason] = {}
        for each in self.reasons:
            kept = by_rule.setdefault(each.rule, Reason(each.rule, each.text))
            kept.ids, kept.names = [*kept.ids, *each.ids], [*kept.names, *each.names][:MOST_NAMED]
        return [each.told(language) for each in list(by_rule.values())[:most]]

    def plain(self) -> list[dict[str, Any]]:
        """As JSON keeps them."""
        return [asdict(each) for each in self.reasons]

    def rows(self, session: Session, spec: Spec) -> Iterator[tuple[int, str, Reason]]:
        """Every refused row, what it is called as far as this session's reader sees it, and why."""
        for each in self.reasons:
            known = dict(_titles(session, spec, each.ids))
            yield from ((record_id, known.get(record_id, ""), each) for record_id in each.ids)


def refusals(session: Session, spec: Spec, outcome: Outcome) -> Refusals:
    """Of one outcome."""
    return Refusals().add(session, spec, outcome) if outcome.refused else Refusals()


def named(session: Session, spec: Spec, ids: Sequence[int]) -> list[str]:
    """What these records are called, as far as the person sees them."""
    return [name[:_NAME_LENGTH] for _, name in _titles(session, spec, ids) if name]


def _titles(session: Session, spec: Spec, ids: Sequence[int]) -> list[tuple[int, str]]:
    if spec.identity.masked is not None or not Rights(principal_of(session)).finds(spec, spec.identity):
        return []
    title = spec.column(spec.identity.key)
    found = session.execute(select(spec.model.id, title).where(among(spec.model.id, ids)).order_by(spec.model.id))
    return [(record_id, str(value or "")) for record_id, value in found]
