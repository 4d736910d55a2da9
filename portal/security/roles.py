"""The shipped roles × rights, as data. `portal upgrade` writes them once; admins change them at run time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from portal.security.principal import AssignReach


@dataclass(frozen=True, slots=True)
class Reach:
    """Scope branches joined by `+`: own, pool, team, subtree, all; `none`."""

    read: str
    write: str
    assign: AssignReach = "none"


@dataclass(frozen=True, slots=True)
class Role:
    label: str
    verbs: tuple[str, ...]
    reach: Mapping[str, Reach] = field(default_factory=dict)


def _verbs(entity: str, names: str) -> tuple[str, ...]:
    return tuple(f"{entity}:{name}" for name in names.split())


def _sold(reach: Reach) -> dict[str, Reach]:
    """Leads and customers are seen and worked alike; opportunities and contracts too, of which none lies in a pool."""
    owned = Reach(reach.read.removesuffix("+pool"), reach.write, reach.assign)
    return {"lead": reach, "customer": reach, "opportunity": owned, "contract": owned}


_EVERYONE = ("home:read", "inbox:read", "approval_desk:read", *_verbs("approval_task", "read approve reject send_back transfer add_signer"))
_MY_TASKS = {"approval_task": Reach("own", "own", "all")}
"""A flow may ask anybody to decide; he sees what waits for him and nothing else."""
_DICTIONARIES = (
    *("source_channel:read", "tag:read", "pool:read", "team:read", "report_template:read"),
    *("product:read", "pipeline:read", "stage:read"),
)
_SALES = (*_EVERYONE, *_DICTIONARIES, "report_desk:read")
_MANAGE = "read create edit delete export import"

_CONTRACT_PARTS = ("contract_line", "payment_plan")
_MONEY_IN = (*_verbs("receipt", "read export"), "allocation:read")
_CONTRACTS = (
    *_verbs("contract", "read create edit delete export submit mark_signed reopen change fulfil"),
    *_MONEY_IN,
    *(verb for part in _CONTRACT_PARTS for verb in _verbs(part, "read create edit delete export")),
)
_MINE = {**_MY_TASKS, "approval": Reach("own", "own"), "delegation": Reach("own", "own")}
_ABSENT = (
    *_verbs("leave", "read create edit delete submit cancel"),
    *_verbs("approval", "read withdraw"),
    "approval_action:read",
    *_verbs("delegation", "read create edit delete"),
)
"""Every employee takes leave, and names who decides meanwhile."""

REP = Role(
    "业务员 | Rep",
    (
        *_SALES,
        *_verbs("lead", "read create edit delete export claim release invalidate convert"),
        *_verbs("customer", "read create edit delete export claim release stage merge"),
        *_verbs("contact", "read create edit delete export"),
        *_verbs("opportunity", "read create edit delete export move won lost pause resume reopen"),
        "stage_change:read",
        "participant:read",
        *_verbs("class_review", "read export"),
        *_verbs("follow_up", "read create edit export"),
        *_CONTRACTS,
        *_ABSENT,
        *_verbs("work_report", "read edit submit"),
    ),
    {**_sold(Reach("own+pool", "own", "own")), "work_report": Reach("own", "own"), "leave": Reach("own", "own"), **_MINE},
)
_LETS_IN = (
    "opportunity:hand_over",
    "contract:hand_over",
    *(f"{entity}:share" for entity in ("lead", "customer", "opportunity", "contract")),
    *_verbs("participant", "read edit delete"),
)

LEADER = Role(
    "组长 | Leader",
    (
        *REP.verbs,
        *_verbs("lead", "assign"),
        *_verbs("customer", "assign reclassify verify"),
        *_LETS_IN,
        *_verbs("class_review", "accept override"),
        "follow_up:delete",
        *_verbs("contract", "terminate void"),
        *_verbs("work_report", "mark_read comment send_back remind exempt export"),
    ),
    {
        **_sold(Reach("subtree+pool", "subtree", "subtree")),
        "work_report": Reach("subtree", "subtree"),
        "leave": Reach("subtree", "subtree"),
        **_MINE,
        "approval": Reach("subtree", "own"),
    },
)
DIRECTOR = Role(
    "总监 | Director",
    (*LEADER.verbs, *_verbs("lead", "import reveal"), "customer:reveal", "customer:import", "opportunity:import", "user:read"),
    {
        **_sold(Reach("all", "all", "all")),
        "work_report": Reach("all", "all"),
        "leave": Reach("all", "all"),
        **_MINE,
        "approval": Reach("all", "own"),
    },
)
ADMIN = Role(
    "管理员 | Admin",
    (
        *_EVERYONE,
        "job:read",
        "mailbox:read",
        "policy_desk:read",
        *_verbs("lead", f"{_MANAGE} assign release invalidate convert revive reveal"),
        *_verbs("customer", "read create edit delete export import assign release stage reclassify verify merge reveal"),
        *_verbs("contact", "read create edit delete export"),
        *_verbs("opportunity", f"{_MANAGE} move won lost pause resume reopen"),
        "stage_change:read",
        *_LETS_IN,
        *_verbs("class_review", "read export accept override"),
        *_verbs("role_desk", "read edit view_as"),
        *_verbs("audit_log", "read export"),
        *_verbs("follow_up", "read export"),
        *(verb for entity in ("contract", *_CONTRACT_PARTS) for verb in _verbs(entity, "read export")),
        *_MONEY_IN,
        *_verbs("user", "read create edit export import invite place reset_password deactivate reactivate"),
        *(
            v
            for entity in (
                "team",
                "pool",
                "source_channel",
                "tag",
                "work_calendar",
                "policy",
                "report_template",
                "product",
                "pipeline",
                "stage",
            )
            for v in _verbs(entity, _MANAGE)
        ),
        *_verbs("leave", f"{_MANAGE} submit cancel"),
        *_verbs("approval", "read withdraw"),
        *_verbs("delegation", "read create edit delete"),
        *_verbs("approval_flow", "read"),
        "approval_action:read",
        *_verbs("flow_desk", "read edit"),
        "print_template:read",
        *_verbs("print_desk", "read edit"),
        *_verbs("custom_field", "read create edit delete export"),
        *_verbs("work_report", "read exempt"),
    ),
    {
        **_sold(Reach("all", "all", "all")),
        "work_report": Reach("all", "all"),
        "leave": Reach("all", "all"),
        **_MINE,
        "approval": Reach("all", "own"),
    },
)


UNLOSABLE = frozenset({*_verbs("role_desk", "read edit"), *_verbs("user", "read place invite reactivate")})
"""What the administrators' role keeps: without it nobody could give anything back."""


def _duty(label: str, verbs: tuple[str, ...], contracts: str) -> Role:
    """Sees the part of the contracts that its duty needs, and decides what waits for it, or names a deputy."""
    return Role(label, (*_EVERYONE, *_ABSENT, *verbs), {**_MINE, "leave": Reach("own", "own"), "contract": Reach(contracts, "none")})


def _waiting(label: str) -> Role:
    """A duty whose queue arrives with contracts, money and goods: signs in to a home that says so, and takes leave as all do."""
    return Role(label, (*_EVERYONE, *_ABSENT), {**_MINE, "leave": Reach("own", "own")})


ROLES: Mapping[str, Role] = {
    "admin": ADMIN,
    "director": DIRECTOR,
    "leader": LEADER,
    "rep": REP,
    "legal": _duty("法务 | Legal", (*_verbs("contract", "read export seal"), "contract_line:read", "payment_plan:read"), "submitted"),
    "finance": _duty(
        "财务 | Finance",
        (*_verbs("contract", "read export"), "contract_line:read", *_verbs("payment_plan", "read export"), *_MONEY_IN),
        "accounted",
    ),
    "cashier": _duty(
        "出纳 | Cashier",
        (*_verbs("contract", "read receive"), *_verbs("payment_plan", "read export"), *_MONEY_IN, "receipt:reverse"),
        "running",
    ),
    "warehouse": _waiting("仓库 | Warehouse"),
    "service": _waiting("客服 | Service"),
}


def role_label(name: str) -> str:
    """How a role is called: the shipped words, or the name that its maker wrote in both languages."""
    return ROLES[name].label if name in ROLES else name
