"""`portal upgrade` and `portal migration "add X"`."""

from __future__ import annotations

from pathlib import Path

import click
from alembic import command

from config import Config
from portal import domain, models
from portal.commands.upgrade import alembic_config
from portal.commands.upgrade import upgrade as bring_up
from portal.services import ensure


@click.command()
@click.pass_obj
def upgrade(config: Config) -> None:
    """Migrations, roles, permissions; as often as you like."""
    bring_up(ensure(config))
    click.echo("The database is up to date.")


@click.command()
@click.argument("message")
@click.pass_obj
def migration(config: Config, message: str) -> None:
    """Write the migration for what the declarations say and the database lacks."""
    models.Lead  # noqa: B018 - the data model must be read first
    domain.load()
    ready = ensure(config)
    bring_up(ready)
    folder = Path(alembic_config(ready.database_url).get_main_option("script_location") or "") / "versions"
    number = max((int(p.name[:4]) for p in folder.glob("[0-9]*.py")), default=0) + 1
    command.revision(alembic_config(ready.database_url), message=message, autogenerate=True, rev_id=f"{number:04}")
    click.echo(f"Wrote migrations/versions/{number:04}_…: read it, then run `portal upgrade`.")
