"""`portal doctor`: says what is not as it should be, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import click
from sqlalchemy import func, select

from config import Config
from portal import create_app, models
from portal.domain.calendar import company_calendar
from portal.engine.clock import clock
from portal.engine.text import Text
from portal.security.session import system
from portal.services import ensure

_OVERDUE = timedelta(minutes=5)


@click.command()
@click.pass_obj
def doctor(config: Config) -> None:
    """Check the database, the calendar, the work that waits."""
    ready = ensure(config)
    with create_app(ready).app_context():
        found = list(_findings(ready))
    for text in found:
        click.echo(f"! {text.in_(ready.language)}")  # type: ignore[arg-type]
    if not found:
        click.echo(Text("一切正常。 | All is well.").in_(ready.language))  # type: ignore[arg-type]


def _findings(config: Config) -> Iterator[Text]:
    now = clock.now()
    with system("doctor", now) as session:
        calendar = company_calendar()
        year = calendar.local_day(now).year
        for each in (year, year + 1):
            if calendar.is_provisional(each):
                yield Text(
                    "{year} 年的节假日尚未公布，暂按周一至周五计。 | The holidays of {year} are not published yet; Monday to Friday count.",
                    year=each,
                )
        late = session.scalar(
            select(func.count()).select_from(models.JobRun).where(models.JobRun.state == "waiting", models.JobRun.due_at < now - _OVERDUE)
        )
        if late:
            yield Text(
                "{count} 项任务已到期未执行：请确认 worker 和 scheduler 在运行。"
                " | {count} jobs are overdue: check that worker and scheduler run.",
                count=late,
            )
        failed = session.scalar(select(func.count()).select_from(models.JobRun).where(models.JobRun.state == "failed"))
        if failed:
            yield Text("{count} 项任务失败，见“任务”页面。 | {count} jobs failed; see the jobs page.", count=failed)
        if not session.scalar(select(func.count()).select_from(models.Pool)):
            yield Text("还没有公海，请在“公海”里新建。 | There is no pool yet; create one under Pools.")
