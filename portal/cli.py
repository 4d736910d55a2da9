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
        """A declaration that cannot work stops the command with its sentence, not with a traceback."""
        try:
            return super().invoke(ctx)
        except WrongDeclaration as wrong:
            raise click.ClickException(str(wrong)) from wrong


@click.group(cls=_Lazy)
@click.pass_context
def portal(context: click.Context) -> None:
    """The sales portal."""
    try:
        context.obj = Config.from_env(os.environ)
    except UnsafeSetting as unsafe:
        raise click.ClickException(str(unsafe)) from unsafe
