"""Something that came due, as one person is told of it."""

from __future__ import annotations

from dataclasses import dataclass

from portal.engine.outbox import Notice
from portal.engine.text import Text


@dataclass(frozen=True, slots=True)
class Event:
    """Something to tell one person; `count` is how many records it stands for in a digest."""

    recipient_id: int
    category: str
    key: str
    title: Text
    entity: str
    record_id: int | None
    href: str
    body: Text | str = ""
    count: int = 1

    def notice(self, *, mail: bool) -> Notice:
        return Notice(self.recipient_id, self.key, self.category, self.title, self.body, self.entity, self.record_id, self.href, mail)
