"""Work carried by RQ. The database decides what is to be done; Redis only says it sooner.

`enqueue` is all that doors may use. It never fails a request: without Redis the sweeper brings the run as soon as
Redis is back.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field

from redis import ConnectionPool, Redis, UnixDomainSocketConnection
from redis.exceptions import RedisError
from rq import Queue, Retry, Worker
from rq.exceptions import DuplicateJobError
from rq.serializers import JSONSerializer

log = logging.getLogger("portal.jobs")

QUEUES = ("fast", "mail", "bulk")
HARD_LIMIT = {"fast": 300, "mail": 300, "bulk": 4 * 3600}
"""Seconds after which RQ kills a job; the soft limit of a run (jobs/runner) is shorter."""

_REPEAT_AFTER = 300
_REST_AFTER_FAILURE = 5.0
_CONNECT_WITHIN = 1.0


@dataclass(slots=True)
class _Broker:
    url: str = ""
    connection: Redis | None = None
    rest_until: float = 0.0
    queues: dict[str, Queue] = field(default_factory=dict)


_broker = _Broker()


def use_broker(url: str) -> None:
    """Say where Redis is (once, at start). No connection is made before the first job."""
    _broker.url, _broker.connection, _broker.rest_until = url, None, 0.0
    _broker.queues.clear()


def connect(url: str, *, within: float | None = _CONNECT_WITHIN) -> Redis:
    """A connection to this broker; `within` limits waiting for it, in seconds (workers wait without a limit)."""
    if url.startswith("/"):
        url = f"unix://{url}"
    options = {"socket_connect_timeout": _CONNECT_WITHIN, "socket_timeout": within}
    if url.startswith("unix:"):
        return Redis(connection_pool=ConnectionPool.from_url(url, connection_class=UnixDomainSocketConnection, **options))
    return Redis.from_url(url, **options)


def enqueue(run_id: int, queue: str = "bulk", *, lease: int = 0) -> bool:
    """Push a run's id; False when Redis could not be reached and the sweeper will bring it."""
    return _push(queue, "jobs.runner.run", [run_id], f"run-{run_id}-{lease}")


def enqueue_mail() -> bool:
    """Wake the delivery of mail."""
    return _push("mail", "jobs.deliver.deliver", [], "mail")


@dataclass(frozen=True, slots=True)
class Taker:
    """A worker that lives: the queues it takes from, and whether it works just now."""

    queues: tuple[str, ...]
    busy: bool


def workers() -> list[Taker] | None:
    """Who takes jobs from the queues; None where Redis cannot be reached, which delays work and loses none."""
    try:
        if not _broker.url or time.monotonic() < _broker.rest_until:
            return None
        found = Worker.all(connection=_queue(QUEUES[0]).connection, serializer=JSONSerializer)
        takers = [Taker(tuple(each.queue_names()), each.get_state() == "busy") for each in found]
        return sorted(takers, key=lambda each: [QUEUES.index(name) for name in each.queues if name in QUEUES])
    except RedisError as error:
        log.warning("redis cannot be reached, so nobody knows who works: %s", error)
        _broker.rest_until = time.monotonic() + _REST_AFTER_FAILURE
        return None


def _push(queue: str, function: str, arguments: list[int], name: str) -> bool:
    if not _broker.url or time.monotonic() < _broker.rest_until:
        return False
    # The same run waits in the queue at most once every five minutes, however often the sweeper sees it.
    job_id = f"{name}-{int(time.time()) // _REPEAT_AFTER}" if arguments else f"{name}-{int(time.time()) // 10}"
    try:
        _queue(queue).enqueue_call(
            function,
            args=arguments,
            timeout=HARD_LIMIT[queue],
            result_ttl=60,
            failure_ttl=3600,
            job_id=job_id,
            unique=True,
            retry=Retry(max=2),
        )
    except DuplicateJobError:
        return True
    except RedisError as error:
        log.warning("redis cannot be reached, the sweeper will bring %s: %s", name, error)
        _broker.rest_until = time.monotonic() + _REST_AFTER_FAILURE
        return False
    return True


def _queue(name: str) -> Queue:
    if _broker.connection is None:
        _broker.connection = connect(_broker.url)
    if name not in _broker.queues:
        _broker.queues[name] = Queue(name, connection=_broker.connection, serializer=JSONSerializer)
    return _broker.queues[name]
