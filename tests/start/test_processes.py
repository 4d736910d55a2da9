"""One terminal for several processes: lines are told apart, the dead are replaced, the end is everybody's."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_PROGRAM = """
import os, sys, time
from portal.processes import Child, Supervisor
def talk():
    print("pid", os.getpid(), flush=True)
    time.sleep(60)
def fail():
    sys.exit(3)
bodies = {"talk": talk, "fail": fail}
children = [Child(name, bodies[name]) for name in sys.argv[1:]]
sys.exit(Supervisor(children, lambda: True, lambda: print("READY", flush=True)).run())
"""


def started(*names: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", _PROGRAM, *names], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def pid_said(program: subprocess.Popen[str]) -> int:
    """The pid in the next line of the child that tells it."""
    assert program.stdout is not None
    line = next(line for line in program.stdout if "│ pid" in line)
    return int(line.rsplit(" ", 1)[1])


def eventually_gone(pid: int) -> bool:
    deadline = time.monotonic() + 20
    while Path(f"/proc/{pid}/stat").exists() and time.monotonic() < deadline:
        if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return not Path(f"/proc/{pid}").exists()


def test_a_killed_child_is_replaced_and_all_end_when_told() -> None:
    with started("talk") as program:
        first = pid_said(program)
        os.kill(first, signal.SIGKILL)
        second = pid_said(program)
        assert second != first
        program.send_signal(signal.SIGINT)
        assert program.wait(timeout=30) == 0
    assert eventually_gone(second)


def test_children_do_not_outlive_a_killed_parent() -> None:
    with started("talk") as program:
        child = pid_said(program)
        program.kill()
    assert eventually_gone(child)


def test_a_child_that_cannot_stay_up_ends_the_whole() -> None:
    with started("talk", "fail") as program:
        child = pid_said(program)
        assert program.wait(timeout=60) == 1
    assert eventually_gone(child)
