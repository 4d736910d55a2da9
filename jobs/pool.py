"""Warns of and does the return of neglected leads to their pool."""

from __future__ import annotations

from portal.domain import pool
from portal.engine.work import RunHandle, work


@work("pool.warn")
def warn(run: RunHandle) -> None:
    with run.unit_of_work():
        pool.warn(run.now)


@work("pool.recycle")
def recycle(run: RunHandle) -> None:
    with run.unit_of_work():
        pool.recycle(run.now)
