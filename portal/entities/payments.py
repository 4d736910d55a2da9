"""Money that comes in for contracts: receipts, and which part of the payment plan each has paid."""

from __future__ import annotations

from sqlalchemy import Index

from portal.engine.charts import Chart
from portal.engine.entity import Entity
from portal.engine.kinds import Choices, choice, date, longtext, money, ref, states, text
from portal.engine.query.search import search_index
from portal.engine.screen import Screen
from portal.entities.contracts import MENU


class ReceiptMethod(Choices):
    TRANSFER = "transfer", "银行转账 | Bank transfer"
    ONLINE = "online", "在线支付 | Online"
    CHEQUE = "cheque", "支票 | Cheque"
    CASH = "cash", "现金 | Cash"


class ReceiptState(Choices):
    BOOKED = "booked", "已入账 | Booked", "ok"
    REVERSED = "reversed", "已冲销 | Reversed"


RECEIPT_EDGES = {ReceiptState.BOOKED: (ReceiptState.REVERSED,)}


class Receipt(Entity):
    """回款 | Receipt: money received for a contract; booked by the cashier, never changed, taken back by a reversal (handbook 50, 51)."""

    __table_args__ = (
        search_index("receipt", "payer", "reference"),
        Index("ix_receipt_contract", "contract_id", "id"),
        Index("ix_receipt_received_on", "received_on", "id"),
    )
    scope_parent = "contract_id"

    contract_id = ref("合同 | Contract", "contract", required=True, readonly=True, index=False)
    payer = text("付款方 | Payer", 200, required=True, readonly=True, searched=True, identity=True)
    amount = money("金额 | Amount", required=True, readonly=True, slot="money")
    received_on = date("收款日期 | Received on", required=True, readonly=True, slot="next")
    method = choice("方式 | Method", ReceiptMethod, required=True, readonly=True)
    reference = text("流水号 | Bank reference", 80, readonly=True, searched=True)
    state = states("状态 | State", ReceiptState, edges=RECEIPT_EDGES)
    note = longtext("备注 | Note", readonly=True)
    reason = text("冲销原因 | Why reversed", 500, readonly=True)

    verbs = ("reverse",)
    screen = Screen(
        icon="receipt",
        menu=MENU,
        rank=30,
        plural="回款 | Receipts",
        columns=("payer", "contract_id", "amount", "received_on", "method", "reference", "state", "created_by_id"),
        filters=("received_on", "method", "state", "contract_id", "amount"),
        order="-received_on",
        facts=("contract_id", "amount", "received_on", "method", "payer", "reference", "created_by_id", "created_at", "reason", "note"),
        related=("allocation",),
        attached_by="reverse",
        charts=(
            Chart(
                "months",
                "每月回款 | Received a month",
                by="received_on",
                step="month",
                measure="amount",
                filters=(("state", "eq", "booked"),),
            ),
        ),
    )


class Allocation(Entity):
    """回款分配 | Allocation: how much of a receipt has paid which part of the payment plan; gone with a reversal."""

    __table_args__ = (
        Index("ix_allocation_receipt", "receipt_id", "id"),
        Index("ix_allocation_plan", "payment_plan_id"),
        Index("ix_allocation_created_at", "created_at"),
    )
    scope_parent = "contract_id"

    payment_plan_id = ref("款项 | Payment", "payment_plan", required=True, readonly=True, identity=True, index=False)
    contract_id = ref("合同 | Contract", "contract", required=True, readonly=True)
    receipt_id = ref("回款 | Receipt", "receipt", required=True, readonly=True, index=False)
    amount = money("金额 | Amount", required=True, readonly=True)

    screen = Screen(
        icon="arrows-split",
        plural="回款分配 | Allocations",
        columns=("payment_plan_id", "receipt_id", "contract_id", "amount", "created_at"),
        filters=("contract_id", "receipt_id", "payment_plan_id"),
        order="created_at",
        attachments=False,
    )
