"""A contract's way: decided by legal and finance, signed by the customer, sealed, in effect, ended (handbook 40, 41)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import select

from portal import models
from portal.domain import contract_versions
from portal.domain.contracts import fingerprint_of, payments_of, refuse_incomplete
from portal.engine import store
from portal.engine.errors import Refused
from portal.engine.kinds.texts import LongTextField, TextField
from portal.engine.outbox import notify
from portal.engine.tables import Attachment
from portal.engine.text import Text, say
from portal.engine.verbs import ApprovalRule, Outcome, one_by_one, verb
from portal.entities.contracts import ContractState, PaymentState
from portal.security.principal import Principal
from portal.security.session import entrusted, guarded

_S = ContractState
_LEGAL = {"by": "role", "role": "legal"}
_FINANCE = {"by": "role", "role": "finance"}
_FINANCE_STEP = {"label": "财务 | Finance", "mode": "any", "who": [_FINANCE]}
STEPS: tuple[Mapping[str, Any], ...] = (
    {"label": "法务 | Legal", "mode": "any", "who": [_LEGAL]},
    {**_FINANCE_STEP, "when": [["amount", "ge", "policy:contract.finance_from_amount"]]},
)
"""Sales → legal → finance → the customer's signature → our seal (handbook 40)."""
ALWAYS: tuple[Mapping[str, Any], ...] = (
    {**_FINANCE_STEP, "when": [["credit_days", "ge", "policy:contract.finance_credit_days"]]},
    {**_FINANCE_STEP, "when": [["credit_added", "ge", "policy:contract.finance_credit_added"]]},
)
"""Long credit passes finance whatever flow is published, and so does a change to longer credit (handbook 41)."""
PDF = "application/pdf"


def each_in(
    contracts: Sequence[models.Contract], states: Sequence[ContractState], do: Callable[[models.Contract], None], *, message: str | Text
) -> Outcome:
    """Each contract by itself, in the states that the verb is for."""
    session = store.session()

    def one(contract: models.Contract) -> None:
        if contract.state not in {state.value for state in states}:
            raise Refused("现在的状态不能这样做。 | Not in its present state.", rule="state")
        do(contract)
        session.flush()

    outcome = one_by_one(contracts, one, apart=session)
    outcome.message = (message if isinstance(message, Text) else say(message)) if outcome.done else None
    return outcome


def _refuse_unready(contract: models.Contract) -> None:
    refuse_incomplete(store.session(), contract)
    contract_versions.refuse_unready(contract)


@verb(
    "contract:submit",
    "送审 | Submit",
    icon="send",
    takes=("own",),
    primary=True,
    columns=("state", "fingerprint", "approved_at"),
    states=(_S.DRAFT,),
    approval=ApprovalRule(
        STEPS,
        waiting=_S.TO_LEGAL.value,
        rejected=_S.DRAFT.value,
        returned=_S.DRAFT.value,
        always=ALWAYS,
        stands={"legal": _S.TO_LEGAL.value, "finance": _S.TO_FINANCE.value},
        ready=_refuse_unready,
        against=contract_versions.against,
    ),
    help="法务和财务依次审批，期间不能改动；长账期必经财务。"
    " | Legal and finance decide in turn; it stands still meanwhile. Long credit always passes finance.",
)
def submit(contracts: Sequence[models.Contract], *, acting_user: Principal, now: datetime) -> Outcome:
    """Approved: it goes to the customer to be signed, and what was approved is kept as a fingerprint."""

    def approved(contract: models.Contract) -> None:
        contract.fingerprint, contract.approved_at = fingerprint_of(contract), now
        contract.state = _S.TO_SIGN.value

    return each_in(
        contracts, (_S.DRAFT, _S.TO_LEGAL, _S.TO_FINANCE), approved, message="已批准，请客户签章。 | Approved; the customer signs next."
    )


@verb(
    "contract:mark_signed",
    "客户已签章 | Customer signed",
    icon="signature",
    takes=("own", "reach"),
    primary=True,
    columns=("state", "signed_at"),
    states=(_S.TO_SIGN,),
    help="先把客户签好的 PDF 传到文件里。 | First put the PDF that the customer signed among the files.",
)
def mark_signed(contracts: Sequence[models.Contract], *, acting_user: Principal, now: datetime) -> Outcome:
    """The customer has signed what was approved; the signed PDF lies among the contract's files."""

    def signed(contract: models.Contract) -> None:
        _refuse_other(contract)
        if not has_pdf(contract.id, since=contract.approved_at):
            raise Refused("请先上传客户签章的 PDF，再标记。 | First upload the PDF that the customer signed.", rule="no_file")
        contract.state, contract.signed_at = _S.TO_SEAL.value, now

    return each_in(contracts, (_S.TO_SIGN,), signed, message="已签章，等法务盖章。 | Signed; legal seals next.")


def has_pdf(contract_id: int, *, since: datetime | None) -> bool:
    """Whether a PDF was put there after the approval. An e-signature service would put its signed file there as well."""
    wanted = select(Attachment.id).where(
        Attachment.entity == "contract",
        Attachment.record_id == contract_id,
        Attachment.content_type == PDF,
        Attachment.deleted_at.is_(None),
        *(() if since is None else (Attachment.created_at >= since,)),
    )
    return store.session().scalar(guarded(wanted.limit(1))) is not None


def _refuse_other(contract: models.Contract) -> None:
    """What is signed and sealed is what was approved: an edited version needs a new decision."""
    if contract.fingerprint != fingerprint_of(contract):
        raise Refused("内容和批准的不一样，请退回修改后重新送审。 | It is not what was approved; submit it anew.", rule="edited")


@verb(
    "contract:seal",
    "盖章生效 | Seal",
    icon="rubber-stamp",
    takes=("all",),
    primary=True,
    bulk=True,
    columns=("state", "effective_at"),
    states=(_S.TO_SEAL,),
    help="企业盖章后合同生效，回款计划开始计日。 | With the company's seal it takes effect and its payments fall due.",
)
def seal(contracts: Sequence[models.Contract], *, acting_user: Principal, now: datetime) -> Outcome:
    """In effect: each payment is due so many days from today."""

    def sealed(contract: models.Contract) -> None:
        _refuse_other(contract)
        contract.state, contract.effective_at = _S.EFFECTIVE.value, now
        contract_versions.take_over(contract, acting_user=acting_user, now=now)
        _tell(contract, now)

    return each_in(contracts, (_S.TO_SEAL,), sealed, message="已生效，回款计划开始计日。 | In effect; payments fall due from today.")


def _tell(contract: models.Contract, now: datetime) -> None:
    if contract.owner_id:
        notify(
            store.session(),
            recipient_ids=contract.owner_id,
            event_key=f"contract.effective:{contract.id}:{contract.version}",
            kind="contract",
            title=say("合同已生效：{what} | In effect: {what}", what=contract.title),
            entity="contract",
            record_id=contract.id,
            href=f"/contract/{contract.id}",
            now=now,
        )


@verb(
    "contract:reopen",
    "退回修改 | Back to draft",
    icon="arrow-back-up",
    takes=("own", "reach"),
    columns=("state", "fingerprint", "approved_at", "signed_at"),
    states=(_S.TO_SIGN, _S.TO_SEAL),
    form=(("reason", LongTextField("要改什么 | What to change", required=True)),),
    help="客户要改条款时用；改过的要重新送审。 | When the customer wants other terms; what was changed is decided anew.",
)
def reopen(contracts: Sequence[models.Contract], *, acting_user: Principal, now: datetime, reason: str) -> Outcome:
    """Approved, but to be changed: a draft again, and the old decision counts no more."""

    def taken_back(contract: models.Contract) -> None:
        contract.state = _S.DRAFT.value
        contract.fingerprint, contract.approved_at, contract.signed_at = "", None, None

    return each_in(contracts, (_S.TO_SIGN, _S.TO_SEAL), taken_back, message="已退回草稿，改好后重新送审。 | A draft again; submit it anew.")


@verb(
    "contract:change",
    "变更 | Change",
    icon="file-pencil",
    takes=("own", "reach"),
    states=(_S.EFFECTIVE,),
    form=(("reason", TextField("变更原因 | Why it changes", 500, required=True)),),
    help="生成新版本的草稿，重新审批、签章；盖章之前原合同照常履行、收款，盖章后由新版本取代。"
    " | Makes a draft of the next version, decided and signed anew. Until its seal this one stays in force; then the new one replaces it.",
    reason_in=("contract.change_reason",),
)
def change(contracts: Sequence[models.Contract], *, acting_user: Principal, now: datetime, reason: str) -> Outcome:
    """The next version of a contract in effect, as a draft beside it; one at a time."""
    made: list[models.Contract] = []

    def begun(contract: models.Contract) -> None:
        made.append(contract_versions.begin(contract, reason, now=now))

    outcome = each_in(contracts, (_S.EFFECTIVE,), begun, message="变更草稿已建好，改完送审。 | Drafted; edit it, then submit.")
    if len(made) == 1:
        outcome.href = f"/contract/{made[0].id}"
    return outcome


def _end(contracts: Sequence[models.Contract], state: ContractState, acting_user: Principal, *, now: datetime, message: str) -> Outcome:
    session = store.session()

    def ended(contract: models.Contract) -> None:
        payments = payments_of(session, contract.id)
        if state is _S.VOID and any(each.received for each in payments):
            raise Refused("已经有回款，不能作废，请用“终止”。 | Something was received; terminate it instead.", rule="receipts")
        contract.state = state.value
        session.flush()
        contract_versions.call_off(contract, acting_user=acting_user, now=now)
        with entrusted(session, replace(acting_user, is_system=True, note=f"contract:{state.value}")):
            for each in payments:
                if each.state == PaymentState.OPEN.value:
                    each.state, each.overdue = PaymentState.VOID.value, ""

    return each_in(contracts, (_S.EFFECTIVE,), ended, message=message)


_WHY = (("reason", LongTextField("原因 | Reason", required=True)),)


@verb("contract:terminate", "终止 | Terminate", icon="circle-x", takes=("reach",), columns=("state",), states=(_S.EFFECTIVE,), form=_WHY)
def terminate(contracts: Sequence[models.Contract], *, acting_user: Principal, now: datetime, reason: str) -> Outcome:
    """Ended before its time; payments that nothing was received for are no longer waited for."""
    return _end(contracts, _S.TERMINATED, acting_user, now=now, message="已终止。 | Terminated.")


@verb("contract:void", "作废 | Void", icon="file-x", takes=("reach",), columns=("state",), states=(_S.EFFECTIVE,), form=_WHY)
def void(contracts: Sequence[models.Contract], *, acting_user: Principal, now: datetime, reason: str) -> Outcome:
    """As if it had never been; only while nothing was received."""
    return _end(contracts, _S.VOID, acting_user, now=now, message="已作废。 | Void.")
