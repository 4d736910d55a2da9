"""Timing: ours and bare in turns, so that a busy machine slows both alike; medians are compared."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from sqlalchemy import Engine, event

_Timed = tuple[float, float]
"""Milliseconds on the wall and of this process's own work."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Medians in milliseconds. `goal`: the most times bare; `sql`: all statements of one call, sign-in look-ups included.

    CPU is this process's own work, which a busy machine changes less than wall time, but the database's is not in it.
    `memory`: megabytes over idle at the worst moment, where it was asked for.
    """

    workload: str
    rows: int
    p50: float
    p95: float
    bare_p50: float
    ratio: float
    cpu: float
    bare_cpu: float
    cpu_ratio: float
    goal: float
    sql: int
    size: int
    met: bool
    memory: float | None = None


def compare(
    workload: str,
    rows: int,
    goal: float,
    engine: Engine,
    ours: Callable[[], int],
    bare: Callable[[], int],
    *,
    times: int,
    memory: bool = False,
) -> Measured:
    """Each gives the bytes it answered with. One call warms both up and is counted; it is timed only where it is the only one."""
    mine: list[_Timed] = []
    limit: list[_Timed] = []
    sizes: list[int] = []
    with statements(engine) as seen:
        first = _timed(lambda: sizes.append(ours()))
    first_bare = _timed(bare)
    if times == 1:
        mine, limit, times = [first], [first_bare], 0
    for _ in range(times):
        limit.append(_timed(bare))
        mine.append(_timed(ours))
    p50, cpu = (median(each[n] for each in mine) for n in (0, 1))
    bare_p50, bare_cpu = (median(each[n] for each in limit) for n in (0, 1))
    p95 = quantiles([each[0] for each in mine], n=20)[-1] if len(mine) > 1 else p50
    ratio, cpu_ratio = p50 / bare_p50, cpu / bare_cpu
    figures = [round(each, 2) for each in (p50, p95, bare_p50, ratio, cpu, bare_cpu, cpu_ratio)]
    over_idle = peak(engine, ours) if memory else None
    return Measured(workload, rows, *figures, goal, len(seen), sizes[0], ratio <= goal, over_idle)  # type: ignore[arg-type]


def peak(engine: Engine, call: Callable[[], int]) -> float:
    """Megabytes that a call needs over idle at its worst moment, in a process of its own that has done it before."""
    context = get_context("fork")
    told, tell = context.Pipe(duplex=False)

    def child() -> None:
        engine.dispose(close=False)
        gc.collect()
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        idle = _kilobytes("VmRSS")
        call()
        tell.send((_kilobytes("VmHWM") - idle) / 1024)

    process = context.Process(target=child)
    process.start()
    tell.close()
    found = float(told.recv())
    process.join()
    return round(found, 1)


def _kilobytes(key: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{key}:"))


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


def _timed(call: Callable[[], Any]) -> _Timed:
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return (time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000
