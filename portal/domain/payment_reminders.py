"""What people are told of money and of contracts that end, and in which words (handbook 54)."""

from __future__ import annotations

from datetime import datetime

from portal.domain.collection import contracts_to_remind, payments_to_remind
from portal.domain.reminder_events import Event
from portal.domain.report_draft import one_line
from portal.engine import store
from portal.engine.text import say
from portal.security.seeing import told

_MONEY = {
    "payment": (
        "回款 {days} 天后到期：{party} {what} ¥{amount} | Due in {days} days: {party} {what} ¥{amount}",
        "今天到期：{party} {what} ¥{amount} | Due today: {party} {what} ¥{amount}",
    ),
    "customer": (
        "提醒客户付款（{days} 天后到期）：{party} {what} | Remind the customer (due in {days} days): {party} {what}",
        "提醒客户付款（今天到期）：{party} {what} | Remind the customer (due today): {party} {what}",
    ),
    "end": (
        "合同 {days} 天后到期，安排续签：{what} | Ends in {days} days, see to the renewal: {what}",
        "合同今天到期：{what} | Ends today: {what}",
    ),
}
_TO_THE_CUSTOMER = (
    "可直接发给客户：您好，合同 {what} 的款项 ¥{amount} 将于 {on} 到期，请安排付款，谢谢。"
    " | To send to the customer: Hello, ¥{amount} of contract {what} is due on {on}. Please arrange the payment. Thank you."
)


def money_due(since: datetime, now: datetime) -> list[Event]:
    """Payments 7 and 5 days before they are due and on the day, contracts 90, 30 and 7 days before they end (policies)."""
    found, due = [], (*payments_to_remind(since, now), *contracts_to_remind(since, now))
    people = {each.recipient_id for each in due}
    amounts, parties = (told(store.session(), *field, people, now) for field in (("payment_plan", "amount"), ("contract", "party")))
    for each in due:
        facts = {
            "days": each.days,
            "party": one_line(each.party) if each.recipient_id in parties else "",
            "what": one_line(each.what),
            "amount": f"{each.amount:,.2f}" if each.recipient_id in amounts else "****",
        }
        entity, category = ("contract", "contract") if each.rule == "end" else ("payment_plan", "payment")
        found.append(
            Event(
                each.recipient_id,
                category,
                f"{entity}.{each.rule}.{each.days}:{each.record_id}:{each.on.isoformat()}",
                say(_MONEY[each.rule][each.days == 0], **facts),
                entity,
                each.record_id,
                f"/{entity}/{each.record_id}",
                say(_TO_THE_CUSTOMER, **facts, on=each.on.isoformat()) if each.rule == "customer" else "",
            )
        )
    return found
