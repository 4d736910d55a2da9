"""Timing: ours and bare in turns, so that a busy machine slows both alike; medians are compared."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any

from sqlalchemy import Engine, event


@dataclass(frozen=True, slots=True)
class Measured:
    """Times in milliseconds. `goal`: the most times bare; `sql`: all statements of one call, sign-in look-ups included."""

    workload: str
    rows: int
    p50: float
    p95: float
    bare_p50: float
    ratio: float
    goal: float
    sql: int
    size: int
    met: bool


def compare(
    workload: str, rows: int, goal: float, engine: Engine, ours: Callable[[], int], bare: Callable[[], int], *, times: int
) -> Measured:
    """Each gives the bytes it answered with. One call warms both up and is counted; it is timed only where it is the only one."""
    mine, limit = [], []
    with statements(engine) as seen:
        begun = time.perf_counter()
        size = ours()
        first = (time.perf_counter() - begun) * 1000
    first_bare = _milliseconds(bare)
    if times == 1:
        mine, limit, times = [first], [first_bare], 0
    for _ in range(times):
        limit.append(_milliseconds(bare))
        mine.append(_milliseconds(ours))
    p50, bare_p50 = median(mine), median(limit)
    p95 = quantiles(mine, n=20)[-1] if len(mine) > 1 else p50
    ratio = p50 / bare_p50
    return Measured(workload, rows, round(p50, 2), round(p95, 2), round(bare_p50, 2), round(ratio, 2), goal, len(seen), size, ratio <= goal)


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """The SQL that an engine sends meanwhile."""
    seen: list[str] = []

    def note(_c: Any, _k: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def _milliseconds(call: Callable[[], int]) -> float:
    begun = time.perf_counter()
    call()
    return (time.perf_counter() - begun) * 1000
