"""One import from beginning to end: chunk by chunk, each its own transaction, so that it can be watched, stopped
and taken up again; a dry run does the same in one transaction and throws it away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import ColumnElement
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.engine import csv_out
from portal.engine.errors import Refused
from portal.engine.fields import View
from portal.engine.import_rows import Plan, References, Row, copy, plans, read
from portal.engine.import_sql import Closed, Writer, analyse, begin
from portal.engine.importing import Counts, Mapped, check_columns
from portal.engine.intake import Shape, Values, rows
from portal.engine.spec import Spec
from portal.engine.text import Language, Text, pick

CHUNK = 5000
_WHY = {"refused": "拒绝 | Refused", "skipped": "跳过 | Skipped"}
_HEADINGS = ("行号 | Row", "结果 | Result", "原因 | Reason")


class Run(Protocol):
    """What an import needs of the work it runs in (`portal.engine.work.RunHandle` is one)."""

    memo: dict[str, Any]

    @property
    def id(self) -> int: ...

    @property
    def now(self) -> datetime: ...

    def unit_of_work(self) -> AbstractContextManager[Session]: ...

    def progress(self, done: int, total: int | None = None) -> None: ...

    def cancelled(self) -> bool: ...


@dataclass(frozen=True)
class Job:
    """What to import, on whose behalf, and where the refused rows go."""

    path: Path
    shape: Shape
    mapped: Mapped
    refused: Path
    acting_user: Any
    view: View
    may: Callable[[str], bool]
    writable: Callable[[Spec], ColumnElement[bool] | None]
    closed: Closed
    dry_run: bool = False


@dataclass(frozen=True)
class Result:
    """How it went; `told` is how many rows the file of refused and skipped rows holds."""

    counts: Counts
    told: int
    cancelled: bool = False


class _Discard(Exception):
    """Ends the transaction of a dry run."""


def run(work: Run, job: Job) -> Result:
    """Import the file. Raises `UnreadableFile`, `BadRequest`; rows that are wrong are counted and told."""
    check_columns(job.mapped, job.shape.header)
    return _tried(work, job) if job.dry_run else _done(work, job)


def _done(work: Run, job: Job) -> Result:
    """For good: one transaction a chunk. What a crash left half is cut off and done again."""
    state = _State.of(work.memo)
    with _refusals(job, state) as told:
        for chunk in _chunks(job, after=state.line):
            if work.cancelled():
                return Result(state.counts, state.told, cancelled=True)
            with work.unit_of_work() as session:
                state.told += told(_write(session, work, job, chunk, state.counts))
                state.line, state.size = chunk[-1][0], job.refused.stat().st_size
                work.memo.update(state.plain())
                work.progress(state.counts.rows, max(job.shape.row_count, state.counts.rows))
    return Result(state.counts, state.told)


def _tried(work: Run, job: Job) -> Result:
    """As if: one transaction, discarded."""
    state = _State(Counts())
    with suppress(_Discard), _refusals(job, state) as told, work.unit_of_work() as session:
        for chunk in _chunks(job, after=0):
            state.told += told(_write(session, work, job, chunk, state.counts))
        raise _Discard
    return Result(state.counts, state.told)


@dataclass
class _State:
    """How far a run is: kept with each transaction, so that it goes on where it was."""

    counts: Counts
    line: int = 0
    size: int = 0
    told: int = 0

    @classmethod
    def of(cls, memo: dict[str, Any]) -> _State:
        return cls(Counts(**memo.get("counts", {})), memo.get("line", 0), memo.get("size", 0), memo.get("told", 0))

    def plain(self) -> dict[str, Any]:
        return {"counts": self.counts.plain(), "line": self.line, "size": self.size, "told": self.told}


def _chunks(job: Job, *, after: int) -> Iterator[list[tuple[int, Values]]]:
    source = (item for item in rows(job.path, job.shape) if item[0] > after)
    while chunk := list(islice(source, CHUNK)):
        yield chunk


def _write(session: Session, work: Run, job: Job, chunk: list[tuple[int, Values]], counts: Counts) -> list[tuple[Row, str, Text]]:
    """One chunk. Returns the rows that did not become records, with the reason of each."""
    session.info["verb_name"] = "import"
    table, targets = plans(session, job.mapped)
    read_rows = [read(line, cells, targets, job.view) for line, cells in chunk]
    references = References(session, job.may)
    for plan in targets:
        references.resolve(plan, [row for row in read_rows if not row.problems])
    counts.rows += len(read_rows)
    for name, made in references.made.items():
        counts.made[name] = counts.made.get(name, 0) + made
    told = [(row, "refused", _joined(row.problems)) for row in read_rows if row.problems]
    by_line = {row.line: row for row in read_rows if not row.problems}
    told += [(by_line[line], how, why) for line, (how, why) in _stage(session, work, job, table, targets, by_line, counts).items()]
    counts.refused += sum(how == "refused" for _, how, _ in told)
    counts.skipped += sum(how == "skipped" for _, how, _ in told)
    return sorted(told, key=lambda item: item[0].line)


def _stage(
    session: Session, work: Run, job: Job, table: Any, targets: list[Plan], by_line: dict[int, Row], counts: Counts
) -> dict[int, tuple[str, Text]]:
    if not by_line:
        return {}
    begin(session, table)
    copy(session, table, targets, by_line.values())
    analyse(session, table)
    writer = Writer(session, table, targets, work.id, job.acting_user, session.info["now"], job.writable, job.closed, counts)
    try:
        return writer.run()
    except IntegrityError as error:
        raise Refused(
            "有的行与已有记录冲突（编号、邮箱等不能重复）。请检查文件，或改用“更新”。"
            " | Some rows collide with records that must be unique (numbers, e-mails). Check the file or choose “update”.",
            rule="collision",
        ) from error


def _joined(problems: list[Text]) -> Text:
    if len(problems) == 1:
        return problems[0]
    both = {language: " ".join(problem.in_(language) for problem in problems) for language in ("zh", "en")}
    return Text("{all} | {all}", {"all": both})


class _refusals:  # noqa: N801 - used like a function
    """The file of rows that became nothing: the original cells and why. Written beside each transaction; what a
    transaction that never committed wrote is cut off when the run is taken up again."""

    def __init__(self, job: Job, state: _State) -> None:
        self.job, self.state = job, state

    def __enter__(self) -> Callable[[list[tuple[Row, str, Text]]], int]:
        language: Language = self.job.view.language
        fresh = self.state.size == 0
        self.file = self.job.refused.open("wb" if fresh else "r+b")
        if fresh:
            head = [*self.job.shape.header, *(pick(heading, language) for heading in _HEADINGS)]
            self.file.write(csv_out.BOM + csv_out.line(head))
        else:
            self.file.truncate(self.state.size)
            self.file.seek(0, 2)
        self.file.flush()

        def tell(told: list[tuple[Row, str, Text]]) -> int:
            for row, how, why in told:
                cells = [row.cells[name] for name in self.job.shape.header]
                self.file.write(csv_out.line([*cells, row.line, pick(_WHY[how], language), why.in_(language)]))
            self.file.flush()
            return len(told)

        return tell

    def __exit__(self, *_: object) -> None:
        self.file.close()
