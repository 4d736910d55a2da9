"""`python -m portal`: up, upgrade, demo, accounts, create-admin, import, schedule, doctor, migration, worker, scheduler."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

import click

from config import Config, UnsafeSetting
from portal.engine.errors import WrongDeclaration

_COMMANDS = {
    "up": ("portal.commands.up", "up"),
    "upgrade": ("portal.commands.database", "upgrade"),
    "migration": ("portal.commands.database", "migration"),
    "demo": ("portal.commands.demo", "demo"),
    "accounts": ("portal.commands.accounts", "accounts"),
    "create-admin": ("portal.commands.accounts", "create_admin"),
    "import": ("portal.commands.import_", "import_"),
    "schedule": ("portal.commands.scheduler", "schedule"),
    "scheduler": ("portal.commands.scheduler", "scheduler"),
    "worker": ("portal.commands.worker", "worker"),
    "doctor": ("portal.commands.doctor", "doctor"),
}


class _Lazy(click.Group):
    """Imports a command when it is asked for, so that `--help` is quick and a broken one breaks alone."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, name = _COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(module), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """What cannot work stops the command with a sentence that says what to do, not with a traceback."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            if words := _what_to_do(error):
                raise click.ClickException(words) from error
            raise


def _what_to_do(error: Exception) -> str:
    import psycopg  # noqa: PLC0415 - only where something went wrong: `--help` stays quick
    from sqlalchemy.exc import ArgumentError, OperationalError  # noqa: PLC0415

    if isinstance(error, WrongDeclaration):
        return str(error)
    if isinstance(error, ArgumentError):
        return "DATABASE_URL is no address of a database; write postgresql://user:password@host:port/name."
    if isinstance(error, OperationalError | psycopg.OperationalError):
        return f"The database does not answer; check DATABASE_URL and the server. {_first_line(error)}"
    return ""


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).strip().partition("\n")[0]


@click.group(cls=_Lazy)
@click.pass_context
def portal(context: click.Context) -> None:
    """The sales portal."""
    try:
        context.obj = Config.from_env(os.environ)
    except UnsafeSetting as unsafe:
        raise click.ClickException(str(unsafe)) from unsafe
