"""`portal demo`: the demo company, into an empty database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from portal import demo as company

if TYPE_CHECKING:
    from config import Config


def demo(config: Config) -> None:
    """Load it, or say that the database is in use. Raises `Refused` in production."""
    if company.load(config):
        click.echo("演示公司已载入。 | The demo company is loaded.")
    else:
        click.echo("数据库里已有数据，没有改动。 | The database holds data already; nothing was changed.")
