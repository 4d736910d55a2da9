"""Alembic on the portal's metadata: ours and Flask-AppBuilder's tables alike."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine, pool

from portal import models
from portal.engine import store

metadata = models.Lead.metadata


def run() -> None:
    """Migrate inside the given connection, or open one from the URL."""
    given = context.config.attributes.get("connection")
    if given is not None:
        _migrate(given)
        return
    engine = create_engine(store.with_driver(context.config.get_main_option("sqlalchemy.url")), poolclass=pool.NullPool)
    with engine.connect() as connection:
        _migrate(connection)


def _migrate(connection: object) -> None:
    context.configure(connection=connection, target_metadata=metadata, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()


run()
