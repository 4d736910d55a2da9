"""Contracts: what is sold for how much, when it is paid, and who has agreed to it."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import Index, Integer, UniqueConstraint
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from portal.engine.entity import Customisable, Entity, Owned
from portal.engine.kinds import Choices, choice, date, decimal, instant, integer, longtext, money, ref, states, text
from portal.engine.printing import Layout, Prints, Section
from portal.engine.query.search import search_index
from portal.engine.screen import Screen, Versions

MENU = "合同与回款 | Contracts"


class ContractKind(Choices):
    SALE = "sale", "销售 | Sale"
    SERVICE = "service", "服务 | Service"
    FRAMEWORK = "framework", "框架 | Framework"
    RENEWAL = "renewal", "续签 | Renewal"


class ContractState(Choices):
    DRAFT = "draft", "草稿 | Draft", "new"
    TO_LEGAL = "to_legal", "待法务 | With legal", "go"
    TO_FINANCE = "to_finance", "待财务 | With finance", "go"
    TO_SIGN = "to_sign", "待客户签章 | With the customer", "go"
    TO_SEAL = "to_seal", "待盖章 | To be sealed", "go"
    EFFECTIVE = "effective", "生效 | Effective", "ok"
    FULFILLED = "fulfilled", "履行完毕 | Fulfilled", "ok"
    EXPIRED = "expired", "到期 | Expired", "warn"
    CHANGED = "changed", "已变更 | Changed"
    TERMINATED = "terminated", "终止 | Terminated", "bad"
    VOID = "void", "作废 | Void"


_S = ContractState
CONTRACT_EDGES = {
    _S.DRAFT: (_S.TO_LEGAL, _S.VOID),
    _S.TO_LEGAL: (_S.TO_FINANCE, _S.TO_SIGN, _S.DRAFT, _S.VOID),
    _S.TO_FINANCE: (_S.TO_SIGN, _S.TO_LEGAL, _S.DRAFT, _S.VOID),
    _S.TO_SIGN: (_S.TO_SEAL, _S.DRAFT, _S.VOID),
    _S.TO_SEAL: (_S.EFFECTIVE, _S.DRAFT, _S.VOID),
    _S.EFFECTIVE: (_S.FULFILLED, _S.EXPIRED, _S.CHANGED, _S.TERMINATED, _S.VOID),
    _S.EXPIRED: (_S.FULFILLED, _S.CHANGED),
    _S.FULFILLED: (_S.EFFECTIVE,),
}
_RAN = (_S.EFFECTIVE.value, _S.FULFILLED.value, _S.EXPIRED.value, _S.CHANGED.value, _S.TERMINATED.value)


PAPER = Layout(
    "{title} | {title}",
    (
        Section("facts", fields=("number", "party", "kind", "amount", "discount", "credit_days", "start_on", "end_on", "delivery")),
        Section(
            "text",
            "变更说明 | What this changes",
            "本合同是第 {revision} 版，自盖章生效起取代合同 {changes_number}；原合同已收的款项计入本合同。变更原因：{change_reason}"
            " | This is version {revision}. From its seal on it takes the place of contract {changes_number}; "
            "what was received for that one counts for this one. Why: {change_reason}",
            when="changes_number",
        ),
        Section(
            "table",
            "一、产品与价格 | 1. Products and prices",
            of="contract_line",
            fields=("product", "description", "quantity", "price", "discount", "amount"),
        ),
        Section("table", "二、付款 | 2. Payment", of="payment_plan", fields=("name", "percent", "days", "amount", "due_on")),
        Section("text", "三、条款 | 3. Terms", "{clauses} | {clauses}"),
        Section(
            "text",
            "四、一致 | 4. Whole agreement",
            "双方的约定以本合同为准；合同之外没有另行约定的价格、款项或承诺。"
            " | This contract is the whole agreement; there is no price, payment or promise beside it.",
        ),
        Section("signatures", body="甲方（买方）：{party}\n乙方（卖方）： | Buyer: {party}\nSeller:"),
    ),
    head="{number} {party} | {number} {party}",
)
"""Printed until an administrator publishes another: description, price, payment, delivery, breach, the seals (handbook 39, 40, 44)."""


class Contract(Entity, Owned, Customisable):
    """合同 | Contract: what was agreed with a customer, decided by legal and finance before it is signed (handbook 39–45)."""

    __table_args__ = (
        UniqueConstraint("year", "sequence", "revision", name="uq_contract_sequence"),
        Index(
            "ix_contract_open_change",
            "changes_id",
            unique=True,
            postgresql_where=sql("changes_id IS NOT NULL AND deleted_at IS NULL AND state <> 'void'"),
        ),
        search_index("contract", "number", "title", "party"),
        Index("ix_contract_created_at", "created_at", "id"),
        Index("ix_contract_state", "state"),
        Index("ix_contract_end_on", "end_on"),
    )
    scope_states: ClassVar = {
        "submitted": ("送审及之后 | submitted and after", tuple(s.value for s in ContractState if s is not ContractState.DRAFT)),
        "accounted": ("待财务及生效之后 | with finance, effective and after", (_S.TO_FINANCE.value, *_RAN)),
        "running": ("生效及之后 | effective and after", _RAN),
    }

    form_states = (_S.DRAFT.value,)

    number = text("合同编号 | Number", 40, readonly=True, searched=True)
    title = text("合同名称 | Title", 120, required=True, searched=True, identity=True, slot="co")
    customer_id = ref("客户 | Customer", "customer", required=True, by_writers=True)
    opportunity_id = ref(
        "商机 | Opportunity",
        "opportunity",
        gives={"customer_id": "customer_id", "title": "name", "amount": "amount"},
        help="同一个客户的商机；有产品的，新合同带上它作第一行明细。"
        " | A deal of the same customer. Where it names a product, the new contract begins with a line of it.",
    )
    party = text("签约方 | Party", 200, readonly=True, searched=True, slot="sub")
    """The customer's name as it stands in the contract: legal and finance read it without reading customers."""
    kind = choice("类型 | Kind", ContractKind, required=True, default="sale")
    amount = money("金额 | Amount", slot="money", help="有明细时按明细合计。 | With lines: what they come to.")
    discount = decimal("整单折扣 % | Discount on the whole, %", digits=5, scale=2, help="在明细合计上再减。 | Off the sum of the lines.")
    credit_days = integer("账期（天） | Credit, days", least=0, most=365, default=0)
    start_on = date("开始日期 | Starts", required=True, in_days=0)
    end_on = date("结束日期 | Ends", required=True, in_days=364)
    delivery = text("交付方式 | Delivery", 200)
    clauses = longtext("条款 | Clauses", help="交付、验收、违约、知识产权等。 | Delivery, acceptance, breach, intellectual property.")
    state = states("状态 | State", ContractState, edges=CONTRACT_EDGES)
    fingerprint = text("内容指纹 | Fingerprint", 64, readonly=True, filterable=False, sortable=False, silent=True)
    """SHA-256 of what was approved: whoever signs or seals gets that and nothing else."""
    approved_at = instant("审批通过 | Approved", readonly=True)
    signed_at = instant("客户签章 | Signed", readonly=True)
    effective_at = instant("生效时间 | Effective since", readonly=True)
    revision = integer("版本 | Version", least=1, default=1, readonly=True)
    """All versions of a contract have its year and sequence."""
    changes_id = ref("变更自 | Changes", "contract", readonly=True, index=False)
    changes_number = text("变更的合同 | Contract it changes", 40, readonly=True)
    """Read in the approval and printed without reading the other contract."""
    change_reason = text("变更原因 | Why changed", 500, readonly=True)
    replaced_by_id = ref("变更为 | Replaced by", "contract", readonly=True)
    credit_added = integer("账期延长（天） | Credit added, days", readonly=True)
    """Against the contract that it changes; longer credit passes finance (handbook 41)."""
    year: Mapped[int] = mapped_column(Integer, nullable=False, default=0, server_default="0")
    sequence: Mapped[int] = mapped_column(Integer, nullable=False, default=0, server_default="0")

    verbs = ("submit", "mark_signed", "seal", "receive", "change", "fulfil", "reopen", "terminate", "void", "hand_over", "share")
    screen = Screen(
        icon="certificate",
        menu=MENU,
        rank=10,
        plural="合同 | Contracts",
        columns=("title", "number", "party", "amount", "credit_days", "state", "owner_id", "end_on", "created_at"),
        tabs=("mine", "team", "shared", "all"),
        filters=(
            "state",
            "kind",
            "customer_id",
            "opportunity_id",
            "owner_id",
            "amount",
            "discount",
            "credit_days",
            "start_on",
            "end_on",
            "created_at",
        ),
        order="-created_at",
        form=(
            "customer_id",
            "opportunity_id",
            "title",
            "kind",
            "amount",
            "discount",
            "credit_days",
            "start_on",
            "end_on",
            "delivery",
            "clauses",
        ),
        facts=(
            "number",
            "party",
            "customer_id",
            "opportunity_id",
            "kind",
            "amount",
            "discount",
            "credit_days",
            "start_on",
            "end_on",
            "delivery",
            "owner_id",
            "approved_at",
            "signed_at",
            "effective_at",
            "created_at",
            "clauses",
        ),
        related=("contract_line", "payment_plan", "receipt", "participant"),
        versions=Versions(
            family=("year", "sequence"), rank="revision", before="changes_id", facts=("number", "amount", "effective_at", "change_reason")
        ),
        prints=Prints(PAPER, drafts=(_S.DRAFT, _S.TO_LEGAL, _S.TO_FINANCE, _S.VOID)),
    )


class ContractLine(Entity):
    """合同明细 | Contract line: what is sold, how much of it, at which price."""

    __table_args__ = (Index("ix_contract_line_contract", "contract_id", "id"), Index("ix_contract_line_created_at", "created_at"))
    scope_parent = "contract_id"
    is_part = True

    contract_id = ref("合同 | Contract", "contract", required=True, index=False)
    product = text("产品 | Product", 120, required=True, searched=True, identity=True)
    quantity = decimal("数量 | Quantity", digits=14, scale=2, required=True)
    price = money("单价 | Price", required=True)
    discount = decimal("折扣 % | Discount, %", digits=5, scale=2)
    amount = money("小计 | Amount", readonly=True)
    description = text("说明 | Description", 500)

    screen = Screen(
        icon="list-details",
        plural="合同明细 | Contract lines",
        columns=("product", "contract_id", "quantity", "price", "discount", "amount", "created_at"),
        filters=("contract_id", "created_at"),
        order="created_at",
        form=("contract_id", "product", "quantity", "price", "discount", "description"),
        facts=("contract_id", "product", "quantity", "price", "discount", "amount", "description"),
        attachments=False,
    )


class PaymentState(Choices):
    PLANNED = "planned", "待生效 | Planned", "new"
    OPEN = "open", "待回款 | Open", "go"
    PARTLY = "partly", "部分回款 | Partly paid", "warn"
    PAID = "paid", "已完成 | Paid", "ok"
    VOID = "void", "作废 | Void"


PAYMENT_EDGES = {
    PaymentState.PLANNED: (PaymentState.OPEN, PaymentState.VOID),
    PaymentState.OPEN: (PaymentState.PARTLY, PaymentState.PAID, PaymentState.VOID),
    PaymentState.PARTLY: (PaymentState.PAID, PaymentState.OPEN, PaymentState.VOID),
    PaymentState.PAID: (PaymentState.PARTLY, PaymentState.OPEN, PaymentState.VOID),
}


class OverdueLevel(Choices):
    """How long an open payment is past its day: 1–7, 8–15, 16–30 and more than 30 days (handbook 55)."""

    FIRST = "1", "逾期 1–7 天 | 1–7 days overdue", "warn"
    SECOND = "2", "逾期 8–15 天 | 8–15 days overdue", "bad"
    THIRD = "3", "逾期 16–30 天 | 16–30 days overdue", "bad"
    FOURTH = "4", "逾期超过 30 天 | Over 30 days overdue", "bad"


class PaymentPlan(Entity):
    """回款计划 | Payment plan: one part of a contract's amount and when it is due (handbook 39, 53)."""

    __table_args__ = (
        Index("ix_payment_plan_contract", "contract_id", "id"),
        Index("ix_payment_plan_due_on", "due_on"),
        Index("ix_payment_plan_overdue", "overdue", postgresql_where=sql("overdue <> ''")),
        Index("ix_payment_plan_created_at", "created_at"),
    )
    scope_parent = "contract_id"
    is_part = True

    contract_id = ref("合同 | Contract", "contract", required=True, index=False, slot="sub")
    name = text("款项 | Payment", 80, required=True, identity=True)
    percent = decimal("比例 % | Share, %", digits=5, scale=2, required=True)
    days = integer("生效后几天内 | Days after effect", least=0, most=730, required=True)
    amount = money("应收 | Amount", readonly=True)
    due_on = date("到期日 | Due", readonly=True, slot="next")
    received = money("已收 | Received", readonly=True)
    settled = money("变更前已收讫 | Paid before the change", readonly=True)
    """Of a version that changes another: this payment was whole before, and stays as it is."""
    carried_id = ref("原款项 | Payment before", "payment_plan", readonly=True, index=False)
    """The payment of the changed contract that this one goes on with: its money and its due day come along."""
    overdue = choice("逾期 | Overdue", OverdueLevel, readonly=True)
    """Kept by the night's job and by every receipt."""
    state = states("状态 | State", PaymentState, edges=PAYMENT_EDGES)

    screen = Screen(
        icon="cash",
        menu=MENU,
        rank=20,
        plural="回款计划 | Payment plan",
        columns=("name", "contract_id", "amount", "received", "due_on", "overdue", "state", "percent", "days", "created_at"),
        filters=("state", "overdue", "contract_id", "due_on", "amount", "created_at"),
        order="due_on",
        form=("contract_id", "name", "percent", "days"),
        facts=("contract_id", "name", "percent", "days", "amount", "due_on", "received", "settled", "overdue", "state"),
        related=("allocation",),
        attachments=False,
    )
