"""`portal demo`: the demo company, into an empty database."""

from __future__ import annotations

import click

from config import Config
from portal import demo as company
from portal.commands.upgrade import upgrade
from portal.services import ensure


@click.command()
@click.pass_obj
def demo(config: Config) -> None:
    """Fill an empty database with a generated company (not in production)."""
    ready = ensure(config)
    upgrade(ready)
    if company.load(ready):
        click.echo("演示公司已载入。 | The demo company is loaded.")
    else:
        click.echo("数据库里已有数据，没有改动。 | The database holds data already; nothing was changed.")
