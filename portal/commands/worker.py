"""`portal worker`: takes jobs from the queues, one process each job, so that a killed or stuck one ends alone."""

from __future__ import annotations

import logging
import os
import time

import click
from redis.exceptions import RedisError
from rq import Queue, Worker
from rq.serializers import JSONSerializer

import jobs
from config import Config
from jobs import runner
from portal import services
from portal.factory import create_app

log = logging.getLogger("portal.worker")

_TTL = 60
_MAINTENANCE = 30


@click.command()
@click.option("--queues", default=",".join(jobs.QUEUES), help="Queues in order of urgency.")
@click.option("--burst", is_flag=True, help="End when the queues are empty.")
@click.pass_obj
def worker(config: Config, queues: str, burst: bool) -> None:
    """Do the work of these queues until told to stop. While Redis is away it waits for it."""
    logging.basicConfig(level=os.environ.get("LOG_LEVEL", "INFO"), format="%(message)s")
    config = services.ensure(config)
    app = create_app(config)
    runner.use_app(app)
    runner.load_bodies()
    jobs.use_broker(config.redis_url)
    with app.app_context():
        app.extensions["sqlalchemy"].engine.dispose()
    names = [name.strip() for name in queues.split(",") if name.strip()]
    while not _work(config, names, burst=burst):
        time.sleep(2)


def _work(config: Config, names: list[str], *, burst: bool) -> bool:
    """Work until told to stop (True), or until Redis went away (False)."""
    try:
        connection = jobs.connect(config.redis_url, within=None)
        taken = [Queue(name, connection=connection, serializer=JSONSerializer) for name in names]
        made = Worker(taken, connection=connection, serializer=JSONSerializer, worker_ttl=_TTL, maintenance_interval=_MAINTENANCE)
        made.work(burst=burst, logging_level="WARNING")
    except RedisError as error:
        log.warning("redis cannot be reached, trying again: %s", error)
        return False
    return True
