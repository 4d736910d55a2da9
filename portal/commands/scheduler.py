"""`portal scheduler`: one active, others stand by. `portal schedule`: what runs when, and when it last did."""

from __future__ import annotations

import logging
import os
import signal
import threading
from contextlib import closing

import click
from sqlalchemy import create_engine, pool, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

import jobs
from config import Config
from jobs import planner
from portal import services
from portal.domain.job_desk import overview
from portal.engine import store
from portal.engine.clock import clock
from portal.factory import create_app
from portal.security.session import system

log = logging.getLogger("portal.scheduler")

ELECTION = 7_340_911
"""The number of the advisory lock whose holder is the active scheduler."""
_PLAN_EVERY = 5.0
_STAND_BY = 5.0


@click.command()
@click.pass_obj
def scheduler(config: Config) -> None:
    """Plan what is due and bring it to the workers, until told to stop."""
    logging.basicConfig(level=os.environ.get("LOG_LEVEL", "INFO"), format="%(message)s")
    config = services.ensure(config)
    app = create_app(config)
    jobs.use_broker(config.redis_url)
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    with app.app_context():
        while not stop.is_set():
            try:
                _serve(config, stop)
            except DBAPIError as error:
                log.warning("the database cannot be reached, trying again: %s", error.orig)
            stop.wait(_STAND_BY)


def _serve(config: Config, stop: threading.Event) -> None:
    """Hold the election's lock and work, or return when another holds it."""
    engine = create_engine(store.with_driver(config.database_url), poolclass=pool.NullPool, isolation_level="AUTOCOMMIT")
    with closing(engine.connect()) as elected:
        if not elected.scalar(text("SELECT pg_try_advisory_lock(:number)"), {"number": ELECTION}):
            return
        log.info("scheduler is active")
        planner.reconcile(clock.now())
        while not stop.is_set():
            tick(elected)
            stop.wait(_PLAN_EVERY)


def tick(elected: Connection) -> None:
    """One round: the lock's connection must still live, or another scheduler may have it."""
    elected.execute(text("SELECT 1"))
    now = clock.now()
    planner.plan(now)
    planner.sweep(now)


@click.command()
@click.pass_obj
def schedule(config: Config) -> None:
    """List the periodic jobs with their last run."""
    app = create_app(services.ensure(config))
    now = clock.now()
    with app.app_context():
        planner.reconcile(now)
        with system("portal schedule", now):
            for row in overview(now=now).schedule:
                last = row.last_at.isoformat(timespec="seconds") if row.last_at else "—"
                click.echo(f"{row.kind:20} {row.label['en']:32} {row.when['en']:44} {last} {row.state}")
