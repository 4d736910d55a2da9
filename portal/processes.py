"""The development portal's processes in one terminal: started, watched, their lines told apart, ended together.

They are forked from the one that has read the code already: reading it costs seconds, once instead of five times.
A child that ends by itself is started again; one that cannot stay up ends the whole. When this process is killed,
the kernel ends its children (`PR_SET_PDEATHSIG`), so that the next start finds the port free.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import selectors
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)
_STEADY = 10.0
"""Seconds after which a child counts as having started well."""
_TRIES = 3
"""Starts in a row that may fail."""
_GRACE = 6.0
"""Seconds a child has to end what it does; then it is told again, then killed."""
_TICK = 0.2
_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_MOST_FILES = 4096
_COLOURS = (36, 33, 35, 32)


@dataclass(slots=True)
class Child:
    """One process of the portal and what is known of it."""

    name: str
    body: Callable[[], object]
    """What it does, in a process of its own, until that ends."""
    pid: int = 0
    """0 while it does not run."""
    started: float = 0.0
    failures: int = 0
    start_at: float = 0.0
    rest: bytes = b""
    """The beginning of a line that has not come to its end."""

    def ended(self) -> int | None:
        """Its exit code (a signal's number negative) when it has ended since it was asked last."""
        if not self.pid:
            return None
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if pid else None


def die_with_parent(how: signal.Signals = signal.SIGTERM) -> None:
    """Have the kernel send us a signal when the process that started us ends."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, int(how), 0, 0, 0)


class Supervisor:
    """Runs children until asked to stop or until one cannot stay up."""

    def __init__(self, children: Sequence[Child], ready: Callable[[], bool], announce: Callable[[], None]) -> None:
        self.children = list(children)
        self.ready = ready
        self.announce = announce
        self.asked = False
        self.failed = False
        self.selector = selectors.DefaultSelector()
        self.width = max(len(child.name) for child in self.children)

    def run(self) -> int:
        """Everything from the first start to the last end. Returns the exit code."""
        for which in _STOP:
            signal.signal(which, self._on_signal)
        announced = False
        try:
            while not self.asked and not self.failed:
                self._start_due()
                self._relay(_TICK)
                self._notice_ends()
                if not announced and self.ready():
                    announced = True
                    self.announce()
        finally:
            self._end_all()
        return 1 if self.failed else 0

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True

    def _start_due(self) -> None:
        for child in self.children:
            if not child.pid and time.monotonic() >= child.start_at:
                self._start(child)

    def _start(self, child: Child) -> None:
        ours = os.getpid()
        reading, writing = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        child.pid = os.fork()
        if not child.pid:
            _become(child, writing, ours)
        os.close(writing)
        child.started = time.monotonic()
        self.selector.register(reading, selectors.EVENT_READ, child)

    def _relay(self, patience: float) -> None:
        """Pass on what the children say, line by line."""
        if not self.selector.get_map():
            time.sleep(patience)
            return
        for key, _events in self.selector.select(patience):
            child: Child = key.data
            said = os.read(key.fd, 65536)
            if not said:
                self.selector.unregister(key.fd)
                os.close(key.fd)
                said = b"\n" if child.rest else b""
            *lines, child.rest = (child.rest + said).split(b"\n")
            for line in lines:
                self.say(child.name, line.decode(errors="replace"))

    def say(self, name: str, line: str) -> None:
        """One line of the terminal, with who says it."""
        who = f"{name:<{self.width}} │"
        if sys.stdout.isatty():
            names = [child.name for child in self.children]
            who = f"\x1b[{_COLOURS[names.index(name) % len(_COLOURS)]}m{who}\x1b[0m"
        sys.stdout.write(f"{who} {line}\n")
        sys.stdout.flush()

    def _notice_ends(self) -> None:
        for child in self.children:
            code = child.ended()
            if code is None:
                continue
            lived = time.monotonic() - child.started
            _signal_group(child.pid, signal.SIGKILL)
            child.pid = 0
            child.failures = child.failures + 1 if lived < _STEADY else 1
            if child.failures >= _TRIES and lived < _STEADY:
                self.say(child.name, f"ended {child.failures} times in a row (last: {_how(code)}): stopping.")
                self.failed = True
            else:
                self.say(child.name, f"ended ({_how(code)}); starting it again.")
                child.start_at = time.monotonic() + 0.5 * child.failures

    def _end_all(self) -> None:
        """First politely; a worker told twice drops its job, which another start takes up; then by force."""
        for how, patience in ((signal.SIGTERM, _GRACE), (signal.SIGTERM, _GRACE / 2), (signal.SIGKILL, _GRACE / 2)):
            living = [child for child in self.children if child.pid]
            for child in living:
                os.kill(child.pid, how)
            deadline = time.monotonic() + patience
            while living and time.monotonic() < deadline:
                self._relay(_TICK / 4)
                for child in [each for each in living if each.ended() is not None]:
                    _signal_group(child.pid, signal.SIGKILL)
                    child.pid = 0
                    living.remove(child)
        self._relay(0)


def _become(child: Child, out: int, parent: int) -> NoReturn:
    """In the fork: cut the ties to the terminal and to our open files, do the work, and end without going back."""
    code = 1
    try:
        os.setsid()
        die_with_parent()
        if os.getppid() != parent:  # it was killed before the kernel was told
            os._exit(1)
        for which in _STOP:
            signal.signal(which, signal.default_int_handler if which == signal.SIGINT else signal.SIG_DFL)
        for number, target in enumerate((os.open(os.devnull, os.O_RDONLY), out, out)):
            os.dup2(target, number)
        os.closerange(3, _MOST_FILES)
        child.body()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - whatever it is, it is the last thing this process says
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _signal_group(leader: int, how: signal.Signals) -> None:
    """What is left of a child's own children."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, how)


def _how(code: int) -> str:
    return f"by {signal.Signals(-code).name}" if code < 0 else f"code {code}"
