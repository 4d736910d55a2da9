"""`portal up`: the whole portal in one terminal. Services, upgrade, the demo company, then web, worker and scheduler."""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING

import click

from portal import services
from portal.processes import Child, Supervisor, die_with_parent

if TYPE_CHECKING:
    from config import Config

_CODE = ("portal.factory", "portal.doors", "portal.commands.worker", "portal.commands.scheduler", "gunicorn.app.wsgiapp")
_ENDING_PATIENCE = 20.0
"""Seconds for another start, told to end, to be gone."""
_PORT_PATIENCE = 10.0
"""Seconds for what a killed start left behind to leave the port."""


@click.command()
@click.option("--with-parent", is_flag=True, help="Stop when the program that started this one ends (make does it so).")
@click.pass_obj
def up(config: Config, with_parent: bool) -> None:
    """Start everything and stay; Ctrl-C stops everything."""
    click.echo("Starting; the first time takes half a minute." if not (config.home / "up.lock").exists() else "Starting.")
    if with_parent:
        die_with_parent()
    for which in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(which, signal.default_int_handler)
    with _only_one(config):
        code = 1
        try:
            _wait_for_port(config.port)
            ready = _services_while_reading_code(config)
            _prepare(ready)
            os.environ.update(DATABASE_URL=ready.database_url, REDIS_URL=ready.redis_url, PORTAL_HOME=str(ready.home))
            code = Supervisor(_children(ready), lambda: _answers(config.port), lambda: _announce(ready)).run()
        except services.ServiceFailed as failure:
            raise click.ClickException(str(failure)) from failure
        except KeyboardInterrupt:
            code = 130
        finally:
            services.stop(config)
    sys.exit(code)


@contextlib.contextmanager
def _only_one(config: Config) -> Iterator[None]:
    """Two starts in one home would stop each other's services; the lock goes with the process, however it ends."""
    config.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (config.home / "up.lock").open("a") as lock:
        deadline = time.monotonic() + _ENDING_PATIENCE
        said = False
        while not _locked(lock):
            if time.monotonic() > deadline:
                raise click.ClickException(f"The portal of {config.home} runs already; set PORTAL_HOME and PORT for another.")
            if not said:
                click.echo("Another start of this portal is still there; waiting for it to end.")
                said = True
            time.sleep(0.2)
        yield


def _locked(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _services_while_reading_code(config: Config) -> Config:
    """The services start while this process reads the code that its children are forked with."""
    with ThreadPoolExecutor(1) as aside:
        starting = aside.submit(services.ensure, config)
        for module in _CODE:
            import_module(module)
        return starting.result()


def _prepare(config: Config) -> None:
    """Bring the database up to date; fill an empty one with the demo company."""
    from portal.commands.upgrade import upgrade  # noqa: PLC0415 - slow to import; the services are on their way first

    upgrade(config)
    if config.demo and find_spec("portal.demo"):
        from portal import demo  # noqa: PLC0415

        if demo.load(config):
            click.echo("The demo company is in the empty database now (PORTAL_DEMO=0 starts without).")


def _children(config: Config) -> list[Child]:
    """The web, a worker for what is urgent and one for what is long, the scheduler."""
    return [
        Child("web", lambda: _serve(config.port)),
        Child("worker", lambda: _command("worker", config, "--queues", "fast,mail")),
        Child("bulk", lambda: _command("worker", config, "--queues", "bulk")),
        Child("scheduler", lambda: _command("scheduler", config)),
    ]


def _serve(port: int) -> None:
    """gunicorn, as its command would start it."""
    from gunicorn.app.wsgiapp import WSGIApplication  # noqa: PLC0415 - it reads the program's arguments

    options = {
        "bind": f"127.0.0.1:{port}",
        "workers": "2",
        "worker-class": "gthread",
        "threads": "8",
        "timeout": "120",
        "graceful-timeout": "4",
        "log-level": "warning",
        "access-logfile": "-",
        "access-logformat": "%(s)s %(m)s %(U)s %(M)s ms",
    }
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    sys.argv = ["gunicorn", *words, "--no-control-socket", "portal.wsgi:app"]
    WSGIApplication("%(prog)s [OPTIONS] [APP_MODULE]", prog="gunicorn").run()


def _command(name: str, config: Config, *words: str) -> None:
    """`portal worker` or `portal scheduler`, in this process."""
    command: click.Command = getattr(import_module(f"portal.commands.{name}"), name)
    command.main(args=list(words), prog_name=f"portal {name}", obj=config)


def _wait_for_port(port: int) -> None:
    """Raises when another program has the port."""
    deadline = time.monotonic() + _PORT_PATIENCE
    while not _free(port):
        if time.monotonic() > deadline:
            raise click.ClickException(f"Port {port} is taken by another program; choose one: PORT=8081 make run")
        time.sleep(0.2)


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _answers(port: int) -> bool:
    """Whether the web process serves pages by now."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=0.5)
    try:
        line.request("GET", "/healthz")
        line.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        line.close()
    return True


def _announce(config: Config) -> None:
    """Where it is and who can sign in."""
    lines = ["", f"  销售门户 | Sales portal   {config.base_url}", ""]
    lines += _sign_in_lines(config)
    lines += ["  Ctrl-C stops everything.", ""]
    click.echo("\n".join(lines))


def _sign_in_lines(config: Config) -> list[str]:
    from portal.commands.accounts import demo_accounts, is_deserted  # noqa: PLC0415 - the services are up by now

    if is_deserted(config):
        return ["  Nobody can sign in yet. In a second terminal:  .venv/bin/python -m portal create-admin", ""]
    found = demo_accounts(config) if config.demo else []
    if not found:
        return []
    first = list({account.role: account for account in reversed(found)}.values())[::-1]
    lines = [f"  {account.role:<11}{account.login:<13}{account.password}" for account in first]
    return [*lines, f"  (one of each role; all {len(found)} demo accounts: python -m portal accounts)", ""]
