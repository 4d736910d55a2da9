"""Figures of the portal itself: where notices go, how long one stays signed in, how much of something one may do."""

from portal.handbook.choices import Channels
from portal.handbook.definition import BY_THE_PRODUCT, FOR_SAFETY, Area
from portal.handbook.definition import PolicyDefinition as Policy
from portal.handbook.kind import HOURS, MINUTES, RECORDS, TIMES
from portal.handbook.numbers import Minutes, Whole

_NEXT_NOTICES = "以后发的通知按新值，已发的不收回。 | For notices sent later; those sent stay where they are."


def _notice(category: str, default: str, label: str, about: str) -> Policy:
    return Policy(f"notify.{category}", default, Channels(), label, about, BY_THE_PRODUCT, _NEXT_NOTICES)


NOTICES = Area(
    "notices",
    "通知发到哪里 | Where notices go",
    (
        _notice(
            "follow_up",
            "bell",
            "跟进提醒发到 | Follow-up reminders go to",
            "约好的跟进到点和提前的提醒。 | What is told of agreed follow-ups, ahead and at their time.",
        ),
        _notice(
            "first_response",
            "bell,mail",
            "首次响应提醒发到 | First response reminders go to",
            "首次响应快到时限、已超时的提醒。 | What is told of first responses that run out or have run out.",
        ),
        _notice(
            "report",
            "bell,mail",
            "报告提醒发到 | Report reminders go to",
            "写报告和催交的提醒。 | Reminders to write reports, and who is chased.",
        ),
        _notice(
            "report_list",
            "bell,mail",
            "缺报名单发到 | Missing lists go to",
            "给组长的缺报名单。 | The lists of missing reports for leaders.",
        ),
        _notice(
            "weekly_figures",
            "bell,mail",
            "周数字发到 | Weekly figures go to",
            "周一给组长的数字。 | The figures that leaders get on Monday.",
        ),
        _notice(
            "approval",
            "bell,mail",
            "审批提醒发到 | Approval reminders go to",
            "还在等审批人决定的提醒。 | Reminders of what still waits for a decision.",
        ),
        _notice(
            "class_review",
            "bell,mail",
            "分类评估提醒发到 | Class review reminders go to",
            "等主管决定的客户分类。 | Classes of customers that wait for their superior.",
        ),
        _notice(
            "opportunity",
            "bell",
            "商机提醒发到 | Opportunity reminders go to",
            "停留太久、过了预计成交日的商机。 | Opportunities that stay too long or are past their expected close.",
        ),
        _notice(
            "payment",
            "bell",
            "回款提醒发到 | Payment reminders go to",
            "快到期和当天到期的款。 | Payments that come due, ahead and on the day.",
        ),
        _notice(
            "over_contact",
            "bell",
            "联系过密提醒发到 | Over-contact warnings go to",
            "同一天联系太多次的记录。 | Records contacted too often on one day.",
        ),
        _notice(
            "missed",
            "bell,mail",
            "错过跟进的汇总发到 | Digests of missed follow-ups go to",
            "每天给负责人、周一给组长的汇总。 | The digest of the day for owners, and of the week for leaders.",
        ),
        _notice(
            "potential",
            "bell",
            "潜在线索提醒发到 | Reminders of potential leads go to",
            "很多天没联系的潜在线索。 | Potential leads that nobody contacted for days.",
        ),
        _notice(
            "pool_unclaimed",
            "bell",
            "公海无人领取提醒发到 | Notices of unclaimed leads go to",
            "公海里放了很多天的线索。 | Leads that lie in the pool for days.",
        ),
        _notice(
            "hand_over",
            "bell,mail",
            "长假交接提醒发到 | Hand-over notices of long leave go to",
            "请长假的人名下的记录。 | Records of people who are away for long.",
        ),
        _notice(
            "recycle",
            "bell,mail",
            "回收预警和结果发到 | Recycle warnings and results go to",
            "快被收回和已经收回的记录。 | Records that go back to the pool soon, or went.",
        ),
        _notice("contract", "bell", "合同到期提醒发到 | Contract reminders go to", "快到期的合同。 | Contracts that come to their end."),
    ),
)

LIMITS = Area(
    "limits",
    "登录与限制 | Sign-in and limits",
    (
        Policy(
            "session.idle_minutes",
            "480",
            Minutes(MINUTES, least=1),
            "闲置多久退出 | Signed out when idle for",
            "多久没有操作就要重新登录。 | How long one may do nothing before signing in again.",
            FOR_SAFETY,
            "已登录的人也按新值，从下一次点击起。 | Also for who is signed in, from the next click.",
        ),
        Policy(
            "session.absolute_hours",
            "72",
            Whole(HOURS, least=1),
            "一次登录最长 | Signed in for at most",
            "不管有没有操作，多久之后要重新登录。 | After how long everybody signs in again, busy or not.",
            FOR_SAFETY,
            "已登录的人也按新值，从下一次点击起。 | Also for who is signed in, from the next click.",
        ),
        Policy(
            "login.failures",
            "10",
            Whole(TIMES, least=1),
            "登录失败几次要等 | Failed sign-ins before waiting",
            "一个账号连续失败几次，就要等一会儿再试。 | After how many failures an account has to wait before it tries again.",
            FOR_SAFETY,
        ),
        Policy(
            "login.wait_minutes",
            "15",
            Minutes(MINUTES),
            "登录失败后等待 | Wait after failed sign-ins",
            "失败太多之后，要等多久才能再试。 | How long the wait is after too many failures.",
            FOR_SAFETY,
        ),
        Policy(
            "duplicate.checks_per_hour",
            "60",
            Whole(TIMES),
            "每小时查重次数 | Duplicate checks an hour",
            "一个人一小时可以查多少次重，防止拿它打听别人的客户。"
            " | How many duplicate checks a person makes in an hour, so that nobody sounds out others’ customers.",
            FOR_SAFETY,
        ),
        Policy(
            "bulk.job_above",
            "200",
            Whole(RECORDS),
            "批量多于几条转后台 | Bulk runs as a job above",
            "一次处理的记录多于它，就在后台执行并显示进度。"
            " | What is done to more records at once runs in the background, with its progress shown.",
            BY_THE_PRODUCT,
        ),
    ),
)
