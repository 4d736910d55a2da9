"""Figures of selling: leads, pools, follow-ups, sharing, the class review, opportunities."""

from portal.handbook.definition import BY_THE_PRODUCT, Area, Beside, handbook
from portal.handbook.definition import PolicyDefinition as Policy
from portal.handbook.kind import DAYS, DEALS, HOURS, MINUTES, POINTS, QUARTERS, RECORDS, TIMES, YUAN
from portal.handbook.numbers import AFTER, BEFORE, MOST_YUAN, ON_THE_DAY, Edges, Minutes, Whole, Wholes
from portal.handbook.times import Clock

_NEXT_REVIEW = (
    "从下一次季度评估起；已提出的建议不变。先到“分类试算”看客户会怎么分。"
    " | Counts from the next quarterly review; what is proposed already stays. Try it first in the class dry run."
)
_MOST_QUARTERS = 40
_FOR_POINTS = ("得 1 分 | 1 point", "得 2 分 | 2 points")

LEADS = Area(
    "leads",
    "线索 | Leads",
    (
        Policy(
            "lead.first_response_hours",
            "24",
            Whole(HOURS),
            "首次响应时限 | First response within",
            "合格线索到了负责人手里，多久内要联系上。 | How soon somebody who got a qualified lead has to contact it.",
            handbook("7"),
            "以后开始计时的线索用新值，已在计时的截止时间不变。 | Clocks that start later; one that runs already keeps the time it is due.",
        ),
        Policy(
            "lead.first_response_reminders",
            "12,20",
            Wholes(HOURS, AFTER),
            "首次响应提醒 | First response reminders",
            "开始计时后过多久提醒：第一次只提醒负责人，之后也告诉组长；超过时限的不算。"
            " | How long after its clock has started the owner is reminded, from the second time on his leader too;"
            " what lies beyond the limit is left out.",
            BY_THE_PRODUCT,
        ),
        Policy(
            "lead.potential_days",
            "7",
            Whole(DAYS, least=1),
            "潜在线索几天没联系提醒 | Potential leads without contact for",
            "潜在线索多少天没有联系，就提醒负责人。 | After how many days without a contact the owner of a potential lead is reminded.",
            handbook("8"),
        ),
        Policy(
            "lead.potential_at",
            "09:00",
            Clock(),
            "潜在线索提醒几点发 | Potential leads told at",
            "每天几点发上面的提醒。 | At what time of the day the reminder above is sent.",
            BY_THE_PRODUCT,
        ),
    ),
)

POOL = Area(
    "pool",
    "公海与回收 | Pools and recycling",
    (
        Policy(
            "recycle.at",
            "02:00",
            Clock(),
            "每晚几点回收 | Recycled each night at",
            "到期没有跟进的记录几点退回公海。 | At what time records that nobody followed up go back to the pool.",
            BY_THE_PRODUCT,
        ),
        Policy(
            "recycle.warn_at",
            "09:00",
            Clock(),
            "回收预警几点发 | Warnings of recycling at",
            "每天几点提醒快被收回的记录。 | At what time of the day owners are warned of what goes back soon.",
            BY_THE_PRODUCT,
        ),
        Policy(
            "recycle.warn_days",
            "7,3,1",
            Wholes(DAYS, BEFORE, ON_THE_DAY),
            "回收前提醒 | Warnings before recycling",
            "线索或客户退回公海之前几天提醒负责人。 | How many days ahead an owner is told that a record goes back to the pool.",
            BY_THE_PRODUCT,
        ),
        Policy(
            "recycle.no_deal_days",
            "90",
            Whole(DAYS),
            "未成交回收 | Recycled without a deal after",
            "到手后多少天没有成交就退回公海，不论有没有跟进。"
            " | A record without a deal goes back to the pool so many days after somebody got it, followed up or not.",
            BY_THE_PRODUCT,
            "从那天夜里的回收起算；改短了，一夜之间可能退回很多条。"
            " | Counts from that night’s recycling; made shorter, many records may go back in one night.",
        ),
        Policy(
            "pool.unclaimed_days",
            "3",
            Whole(DAYS),
            "公海无人领取 | Unclaimed in the pool for",
            "在公海里放了多少天没人领，工作台上就数出来，并告诉组长。"
            " | After so many days in the pool unclaimed leads are counted on the homes, and leaders are told.",
            BY_THE_PRODUCT,
        ),
        Policy(
            "pool.unclaimed_at",
            "09:00",
            Clock(),
            "公海无人领取几点提醒 | Unclaimed leads told at",
            "每天几点告诉组长公海里没人领的线索。 | At what time of the day leaders hear of unclaimed leads.",
            BY_THE_PRODUCT,
        ),
    ),
    (
        Beside(
            "领取上限、持有上限、冷却、冻结、回收天数：各个公海 | Claims a day, holding cap, cool-down, freeze, recycling days: each pool",
            "/pool/",
            "pool:edit",
        ),
    ),
)

FOLLOW_UPS = Area(
    "follow_ups",
    "跟进 | Follow-ups",
    (
        Policy(
            "follow_up.log_within_minutes",
            "60",
            Minutes(MINUTES),
            "联系后多久内记录 | Contacts logged within",
            "超过这个时间才记的，跟进上会写明晚了多少。 | A contact that is logged later says by how much.",
            handbook("25"),
            "从那天起记录的跟进用新值，以前的不变。 | Contacts logged from that day on; earlier ones stay as they are.",
        ),
        Policy(
            "follow_up.remind_before_minutes",
            "15",
            Minutes(MINUTES, said=BEFORE),
            "约好的跟进提前提醒 | Ahead of an agreed follow-up",
            "到点时总会提醒，这里是再提前多久。 | Its time itself is always told; this is how much earlier it is told as well.",
            handbook("26"),
        ),
        Policy(
            "follow_up.most_a_day",
            "1",
            Whole(TIMES, least=1),
            "一天最多联系同一客户 | Contacts with one customer a day at most",
            "同一天联系同一条记录超过几次，就提醒负责人别太密。 | More contacts with one record on a day, and its owner is warned.",
            handbook("9"),
        ),
        Policy(
            "follow_up.missed_at",
            "18:00",
            Clock(),
            "错过的跟进几点汇总 | Missed follow-ups told at",
            "每天几点把错过的跟进汇总给负责人。 | At what time of the day owners get a digest of what they missed.",
            BY_THE_PRODUCT,
        ),
        Policy(
            "follow_up.missed_weekly_at",
            "09:00",
            Clock(),
            "周一几点汇总给组长 | Told to the leader on Monday at",
            "周一几点把上周错过的跟进汇总给组长。 | At what time on Monday leaders get a digest of what was missed the week before.",
            BY_THE_PRODUCT,
        ),
    ),
)

SHARING = Area(
    "sharing",
    "共享 | Sharing",
    (
        Policy(
            "share.most_days",
            "366",
            Whole(DAYS, least=1),
            "一次共享最长 | Shared for at most",
            "请同事参与一条记录时，结束日最远到今天后几天。 | How far off the last day may lie when a colleague is let into a record.",
            handbook("11"),
            "只管以后的共享，已有的到期日不变。 | For what is shared later; whoever is in keeps the day agreed.",
        ),
        Policy(
            "share.most_records",
            "500",
            Whole(RECORDS, least=1),
            "每人最多参与 | One person takes part in at most",
            "一个人同时参与多少条别人的记录。 | In how many records of others a person takes part at the same time.",
            handbook("11"),
            "只管以后的共享，已经参与的不退出。 | For what is shared later; nobody who is in is put out.",
        ),
    ),
)

CLASSES = Area(
    "classes",
    "客户分类 | Class review",
    (
        Policy(
            "class.amount",
            "80000,300000",
            Edges(YUAN, _FOR_POINTS, MOST_YUAN),
            "成交额得分 | Points for what was bought",
            "看的几个季度里买了多少，得几分。 | What a customer bought in the quarters looked at, in points.",
            handbook("17"),
            _NEXT_REVIEW,
        ),
        Policy(
            "class.deals",
            "1,4",
            Edges(DEALS, _FOR_POINTS),
            "成交次数得分 | Points for how often",
            "看的几个季度里成交几次，得几分。 | How many deals there were in the quarters looked at, in points.",
            handbook("17"),
            _NEXT_REVIEW,
        ),
        Policy(
            "class.potential",
            "50000,200000",
            Edges(YUAN, _FOR_POINTS, MOST_YUAN),
            "在谈金额得分 | Points for what is in talks",
            "在谈的商机金额乘以可能性，得几分。 | Amounts of open opportunities times their probability, in points.",
            handbook("17"),
            _NEXT_REVIEW,
        ),
        Policy(
            "class.points",
            "2,4",
            Edges(POINTS, ("为 B 类 | class B", "为 A 类 | class A")),
            "几分为 B、A 类 | Points that make B and A",
            "三项得分加起来，不够 B 的是 C 类。 | The points of all three together; what does not reach B is C.",
            handbook("17"),
            _NEXT_REVIEW,
        ),
        Policy(
            "class.quarters",
            "4",
            Whole(QUARTERS, 1, _MOST_QUARTERS),
            "看之前几个季度 | Quarters looked at",
            "评估时看之前几个季度的成交。 | Of how many quarters before it a review counts the purchases.",
            handbook("17"),
            _NEXT_REVIEW,
        ),
        Policy(
            "class.due_days",
            "10",
            Whole(DAYS),
            "分类评估几天内决定 | Class reviews decided within",
            "建议提出后，主管几天内接受或改定。 | Within how many days a superior accepts a proposal or decides otherwise.",
            BY_THE_PRODUCT,
            "以后提出的建议用新值，已提出的不变。 | For proposals made later; what is proposed already keeps its day.",
        ),
        Policy(
            "class.remind_days",
            "10,3,0",
            Wholes(DAYS, BEFORE, ON_THE_DAY),
            "分类评估到期前提醒 | Before a class review is due",
            "离决定期限还有几天时提醒主管。 | How many days before they are due a superior is reminded of reviews.",
            BY_THE_PRODUCT,
        ),
    ),
    (Beside("分类试算 | Class dry run", "/class-thresholds/", "policy_desk:read"),),
)

OPPORTUNITIES = Area(
    "opportunities",
    "商机 | Opportunities",
    (
        Policy(
            "opportunity.stay_days",
            "30",
            Whole(DAYS, least=1),
            "在一个阶段最多停留 | Stays in a stage at most",
            "阶段自己没有写天数的用这个，超过就提醒。 | Where the stage says no days of its own; beyond them its owner is reminded.",
            BY_THE_PRODUCT,
        ),
        Policy(
            "opportunity.late_days",
            "1,7",
            Wholes(DAYS, AFTER, ON_THE_DAY),
            "过了预计成交日提醒 | Past the expected close",
            "过了预计成交日几天提醒负责人。 | How many days after its expected close the owner is reminded of an open one.",
            BY_THE_PRODUCT,
        ),
        Policy(
            "opportunity.remind_at",
            "09:00",
            Clock(),
            "商机提醒几点发 | Opportunity reminders at",
            "上面两种提醒每天几点发。 | At what time of the day both reminders above are sent.",
            BY_THE_PRODUCT,
        ),
    ),
    (Beside("流程与阶段 | Pipelines and stages", "/pipeline/", "pipeline:edit"),),
)
