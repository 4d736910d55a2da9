"""Figures of contracts and money, and of whatever is decided about."""

from portal.handbook.definition import BY_THE_PRODUCT, Area, Beside, handbook
from portal.handbook.definition import PolicyDefinition as Policy
from portal.handbook.kind import DAYS, HOURS, YUAN
from portal.handbook.numbers import AFTER, BEFORE, FROM, MOST_YUAN, ON_THE_DAY, Ends, Terms, Whole, Wholes
from portal.handbook.rules import ChangeRule, NumberRule
from portal.handbook.times import Clock

_WHEN_SUBMITTED = (
    "送审那一刻定下走哪几步，在途的照旧走完。 | The steps are settled when something is submitted; what is under way ends as it began."
)

CONTRACTS = Area(
    "contracts",
    "合同 | Contracts",
    (
        Policy(
            "contract.number",
            "HT-{year}-{seq:4}",
            NumberRule(),
            "合同编号规则 | Numbers of contracts",
            "新建的合同按它编号，序号每年从 1 开始。 | What new contracts are numbered by; the count starts with each year.",
            BY_THE_PRODUCT,
            "以后新建的合同用新规则，已有的编号不变。 | For contracts made later; numbers once given stay.",
        ),
        Policy(
            "contract.change_number",
            "{number}-V{n}",
            ChangeRule(),
            "合同变更的编号 | Numbers of changed contracts",
            "生效的合同变更时，新版本的编号。 | The number of the new version when a running contract is changed.",
            BY_THE_PRODUCT,
            "以后的变更用新规则，已有的编号不变。 | For changes made later; numbers once given stay.",
        ),
        Policy(
            "contract.payment_terms",
            "30:3,70:30",
            Terms(),
            "默认付款条款 | Usual payment terms",
            "新合同先写上的付款计划，可以在合同上改。 | The payment plan that a new contract starts with; it can be changed there.",
            handbook("39, 53"),
            "以后新建的合同先写新条款，已有的不变。 | For contracts made later; those there are stay as agreed.",
        ),
        Policy(
            "contract.end_days",
            "90,30,7",
            Wholes(DAYS, BEFORE, ON_THE_DAY),
            "合同到期前提醒 | Before a contract ends",
            "到期前几天提醒负责人安排续签。 | How many days ahead the owner is told to see to the renewal.",
            BY_THE_PRODUCT,
        ),
        Policy(
            "contract.finance_from_amount",
            "0",
            Whole(YUAN, most=MOST_YUAN, said=FROM),
            "财务审批的起点金额 | Amount from which finance decides",
            "合同金额到多少起要财务审批；0 就是每一份。 | From which amount on a contract passes finance; 0 is every one.",
            handbook("40"),
            _WHEN_SUBMITTED,
        ),
        Policy(
            "contract.finance_credit_days",
            "60",
            Whole(DAYS, least=1, said=FROM),
            "必经财务的账期 | Credit that always passes finance",
            "账期到多少天，不论审批流怎么画都要财务同意。 | From how many days of credit finance has to agree, whatever flow is drawn.",
            handbook("41"),
            _WHEN_SUBMITTED,
        ),
        Policy(
            "contract.finance_credit_added",
            "1",
            Whole(DAYS, least=1, said=FROM),
            "变更时必经财务的账期延长 | Credit added that passes finance",
            "合同变更把账期延长多少天，就要财务同意。 | How many days more of credit a change has to add for finance to agree to it.",
            handbook("41"),
            _WHEN_SUBMITTED,
        ),
    ),
)

PAYMENTS = Area(
    "payments",
    "回款 | Payments",
    (
        Policy(
            "payment.overdue_days",
            "7,15,30",
            Ends(DAYS, ("第一级到 | The first level ends at", "第二级到 | The second level ends at", "第三级到 | The third level ends at")),
            "逾期分级 | Levels of overdue payments",
            "逾期多少天是哪一级，决定怎么催。 | Which level a payment has so many days past its due day, and so how it is chased.",
            handbook("55"),
            "从那天夜里起，所有未收的款按新的级别重算。 | From that night on every open payment has the level of the new figures.",
        ),
        Policy(
            "payment.remind_days",
            "7,0",
            Wholes(DAYS, BEFORE, ON_THE_DAY),
            "到期前提醒内部 | The owner and finance are told",
            "款到期前几天提醒负责人和财务。 | How many days before a payment is due its owner and finance are told.",
            handbook("54"),
        ),
        Policy(
            "payment.customer_days",
            "5",
            Whole(DAYS, said=BEFORE),
            "到期前提醒客户 | The customer is reminded",
            "款到期前几天，负责人收到可以发给客户的话。 | How many days before it is due the owner gets the words to send to the customer.",
            handbook("54"),
        ),
        Policy(
            "payment.remind_at",
            "09:00",
            Clock(),
            "回款与到期提醒几点发 | Payments and ends are told at",
            "回款、合同到期、分类评估的提醒每天几点发。 | When reminders of payments, contracts that end and class reviews are sent.",
            BY_THE_PRODUCT,
        ),
    ),
)

APPROVALS = Area(
    "approvals",
    "审批与请假 | Approvals and leave",
    (
        Policy(
            "approval.remind_hours",
            "4,24",
            Wholes(HOURS, AFTER),
            "审批提醒 | Reminders of a decision",
            "等了多久还没决定，就提醒审批人。 | After how long somebody who has not decided is reminded.",
            BY_THE_PRODUCT,
        ),
        Policy(
            "approval.escalate_hours",
            "48",
            Whole(HOURS, said=AFTER),
            "审批超时升级 | A decision is escalated after",
            "等了多久还没决定，就转给上级。 | After how long what is not decided goes to the superior.",
            BY_THE_PRODUCT,
            "在等的也按新值：改短了，等久了的马上转走。 | Also for what waits already: made shorter, what has waited longer moves at once.",
        ),
        Policy(
            "leave.most_days",
            "366",
            Whole(DAYS, least=1),
            "一次请假最长 | Longest leave at a time",
            "一次请假从头到尾最多多少天，休息日也算。 | How many days a leave may last from end to end, days off counted too.",
            BY_THE_PRODUCT,
        ),
        Policy(
            "leave.hand_over_days",
            "5",
            Whole(DAYS),
            "长假几天以上提醒交接 | Hand-over of a leave longer than",
            "请假超过几天，组长会被提醒先把手上的记录安排好。"
            " | Of a leave longer than this the leader is told, so that somebody looks after the records meanwhile.",
            BY_THE_PRODUCT,
        ),
        Policy(
            "leave.director_from_days",
            "3",
            Whole(DAYS, said=FROM),
            "请假几天起总监也批 | Days of leave the director decides too",
            "请假到多少个工作日，组长之后还要总监批。 | From how many working days on leave passes the director after the leader.",
            handbook("75"),
            _WHEN_SUBMITTED,
        ),
    ),
    (Beside("审批流 | Approval flows", "/flows/", "flow_desk:read"),),
)
