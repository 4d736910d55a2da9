"""Business time. Doors ask it once and hand `now` down; tests move it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Clock:
    """The wall clock, or a fixed instant that only `set` and `advance` move."""

    def __init__(self) -> None:
        self._fixed: datetime | None = None

    def now(self) -> datetime:
        """The current instant, UTC."""
        return self._fixed or datetime.now(UTC)

    def set(self, instant: datetime) -> None:
        if instant.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        self._fixed = instant.astimezone(UTC)

    def advance(self, by: timedelta) -> None:
        self._fixed = self.now() + by

    def release(self) -> None:
        self._fixed = None


clock = Clock()
