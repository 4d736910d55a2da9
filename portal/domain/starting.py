"""What a company without anything is given to begin with: channels, pools and reports, all to be changed as it likes."""

from __future__ import annotations

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from portal import models
from portal.domain.periods import PeriodKind
from portal.engine.questions import Question, document
from portal.entities.leads import PoolKind

SOURCES = {
    "线上": ("官网 SEO", "搜索广告 SEM", "博客与白皮书", "邮件营销"),
    "社交": ("LinkedIn", "朋友圈", "行业论坛"),
    "线下": ("展会名片", "陌生拜访", "市场活动", "电话咨询"),
    "合作": ("合作伙伴", "转介绍", "推荐平台", "招标网站"),
    "名单": ("公开名录",),
}
"""Handbook 2: the channels it names, as a tree."""

REPORTS: dict[PeriodKind, tuple[str, tuple[Question, ...]]] = {
    PeriodKind.DAY: (
        "销售日报",
        (Question("q1", "choice", "今天进展 | How today went", parts=("顺利 | Well", "一般 | So-so", "受阻 | Held up")),),
    ),
    PeriodKind.WEEK: (
        "销售周报",
        (
            Question(
                "q1",
                "text",
                "本周业绩 | Results of the week",
                required=True,
                help="和上周比，多了还是少了，为什么。 | More or less than last week, and why.",
            ),
            Question(
                "q2", "table", "下周重点客户 | Key customers next week", parts=("客户 | Customer", "要做什么 | What to do", "金额 | Amount")
            ),
            Question("q3", "number", "下周预计签约（万元） | Expected to sign next week (10,000 yuan)"),
        ),
    ),
    PeriodKind.MONTH: (
        "销售月报",
        (
            Question("q1", "text", "业绩分析 | Analysis of results", required=True),
            Question("q2", "text", "改进计划 | Plan for improvement", required=True),
        ),
    ),
}
"""Handbook 58–60: what the day, the week and the month have to say beyond problems and plan."""

_POOLS = {PoolKind.LEAD: "公海", PoolKind.CUSTOMER: "客户公海"}


def furnish(session: Session) -> None:
    """Write what there is nothing of yet; whatever somebody has made or thrown away himself stays as it is."""
    if _is_bare(session, models.SourceChannel):
        _sources(session)
    if _is_bare(session, models.Pool):
        session.add_all(models.Pool(name=name, kind=kind.value) for kind, name in _POOLS.items())
    if _is_bare(session, models.ReportTemplate):
        session.add_all(
            models.ReportTemplate(name=name, period=period.value, number=1, active=True, questions=document(asked))
            for period, (name, asked) in REPORTS.items()
        )
    session.flush()


def _is_bare(session: Session, model: type[models.SourceChannel | models.Pool | models.ReportTemplate]) -> bool:
    return not session.scalar(select(exists().where(model.id > 0)))


def _sources(session: Session) -> None:
    trunks = {name: models.SourceChannel(name=name) for name in SOURCES}
    session.add_all(trunks.values())
    session.flush()
    session.add_all(models.SourceChannel(name=name, parent_id=trunks[above].id) for above, names in SOURCES.items() for name in names)
