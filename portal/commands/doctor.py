"""`portal doctor`: says what is not as it should be, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import click
from sqlalchemy import func, select
from sqlalchemy.orm import Session

import jobs
from config import Config
from portal import create_app, models
from portal.domain import job_desk
from portal.domain.calendar import company_calendar
from portal.engine.clock import clock
from portal.engine.text import Text, say
from portal.security.session import system
from portal.services import ensure


@click.command()
@click.pass_obj
def doctor(config: Config) -> None:
    """Check the database, Redis, who works, the work and mail that wait, the calendar, the pools."""
    ready = ensure(config)
    now = clock.now()
    with create_app(ready).app_context(), system("doctor", now) as session:
        found = [*_calendar(now), *_takers(), *_work(job_desk.health(now=now), now), *_company(session)]
    for text in found:
        click.echo(f"! {text.in_(ready.language)}")  # type: ignore[arg-type]
    if not found:
        click.echo(Text("一切正常。 | All is well.").in_(ready.language))  # type: ignore[arg-type]


def _calendar(now: datetime) -> Iterator[Text]:
    calendar = company_calendar()
    year = calendar.local_day(now).year
    words = "{year} 年的节假日尚未公布，暂按周一至周五计。 | The holidays of {year} are not published yet; Monday to Friday count."
    return (say(words, year=each) for each in (year, year + 1) if calendar.is_provisional(each))


def _takers() -> Iterator[Text]:
    takers = jobs.workers()
    if takers is None:
        yield say(
            "连不上 Redis，请检查 REDIS_URL：任务会晚一点，但不会丢。"
            " | Redis cannot be reached: check REDIS_URL. Work is delayed, none is lost."
        )
    elif idle := [name for name in jobs.QUEUES if not any(name in each.queues for each in takers)]:
        yield say(
            "没有 worker 在做这些队列：{names}。请启动 portal worker。 | No worker takes from {names}: start `portal worker`.",
            names=", ".join(idle),
        )


def _work(health: job_desk.Health, now: datetime) -> Iterator[Text]:
    if health.silent:
        yield say("排程没有在运行，请启动 portal scheduler。 | The scheduler does not run: start `portal scheduler`.")
    if health.late:
        yield say("{count} 项任务已到期还没有人做。 | {count} jobs are overdue.", count=health.late)
    if health.failures:
        yield say("{count} 项任务失败，见“任务”页面。 | {count} jobs failed; see the jobs page.", count=health.failures)
    if health.mail_since is not None and now - health.mail_since > job_desk.MAIL_LATE_AFTER:
        yield say(
            "{count} 封邮件还没发出，请检查 SMTP_URL。 | {count} mails have not been sent: check SMTP_URL.", count=health.mails_waiting
        )


def _company(session: Session) -> Iterator[Text]:
    if not session.scalar(select(func.count()).select_from(models.Pool)):
        yield say("还没有公海，请在“公海”里新建。 | There is no pool yet; create one under Pools.")
