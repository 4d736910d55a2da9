"""The demo company as time goes by: a moved clock, and the jobs that scheduler and workers would have done by then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import portal.demo
from jobs import planner, runner
from portal.engine.clock import clock
from portal.factory import create_app
from tests import services
from tests.matrix.http import served

SHANGHAI = ZoneInfo("Asia/Shanghai")


@contextmanager
def company(migrated: str, home: Path, start: datetime) -> Iterator[str]:
    """The address of a portal whose demo company begins its day at `start`."""
    clock.set(start)
    with services.clone(migrated) as url:
        config = services.config_for(home, url, services.valkey_url("pages"))
        app = create_app(config)
        portal.demo.load(config)
        runner.use_app(app)
        planner.reconcile(clock.now())
        with app.app_context(), served(app) as port:
            work_off()
            yield f"http://127.0.0.1:{port}"
        with app.app_context():
            app.extensions["sqlalchemy"].engine.dispose()
        clock.release()


def live_until(then: datetime) -> None:
    """What is due by then has been done.

    The minute before is lived too, else the portal takes the leap for a downtime and tells all of it in one digest.
    """
    for instant in (then - timedelta(minutes=1), then):
        clock.set(instant)
        work_off()


def work_off() -> None:
    """What scheduler and workers would have done by now."""
    planner.plan(clock.now())
    for run_id in runner.due_runs(clock.now()):
        runner.run_now(run_id)
