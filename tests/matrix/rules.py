"""Who may write what, in the words of the brief: the table that the portal is held to, not taken from its code."""

from __future__ import annotations

from portal.engine.spec import registry
from tests.matrix.world import OF_CONTRACTS, ROLE, SALES, Planted

POOLED = ("lead", "customer")
SCOPED = (
    *("lead", "customer", "contact", "follow_up", "opportunity", "stage_change", "contract", "contract_line", "payment_plan"),
    *("receipt", "allocation", "participant", "class_review"),
    *("work_report", "leave", "approval", "approval_action", "approval_task", "delegation"),
)
"""Record types whose rows are somebody's; of all others the role alone decides."""

SALES_STAFF = frozenset({"director", "leader", "rep"})
SUPERIORS = frozenset({"director", "leader"})
ADMIN = frozenset({"admin"})
DECIDERS = frozenset({"legal", "finance", "cashier", "warehouse", "service"})
"""Duties: they take leave and name a deputy as those who sell do, as every employee does."""
PARTS = ("contract_line", "payment_plan")
NOBODY_AT_ALL: frozenset[str] = frozenset()

EVERY_ROLE = frozenset(ROLE.values()) - {""}
DECISIONS = ("approve", "reject", "send_back", "transfer", "add_signer")
_GENERATED = ("create", "edit", "delete", "import")
_SETTING = dict.fromkeys(("create", "edit", "delete", "import"), ADMIN)
MAY: dict[str, dict[str, frozenset[str]]] = {
    # Reps work leads, leaders and directors give them out, the admin keeps the house in order.
    "lead": {
        **dict.fromkeys(("create", "edit", "delete", "release", "invalidate", "convert"), SALES_STAFF | ADMIN),
        "claim": SALES_STAFF,
        **dict.fromkeys(("assign", "share"), SUPERIORS | ADMIN),
        "revive": ADMIN,
        **dict.fromkeys(("import", "reveal"), ADMIN | {"director"}),
    },
    # Customers are worked like leads.
    "customer": {
        **dict.fromkeys(("create", "edit", "delete", "release", "stage", "merge"), SALES_STAFF | ADMIN),
        "claim": SALES_STAFF,
        # A, B, C and the check of what was entered are a superior's word.
        **dict.fromkeys(("assign", "reclassify", "verify", "share"), SUPERIORS | ADMIN),
        **dict.fromkeys(("import", "reveal"), ADMIN | {"director"}),
    },
    "contact": {**dict.fromkeys(("create", "edit", "delete"), SALES_STAFF | ADMIN), "import": NOBODY_AT_ALL},
    # Who works a lead logs what was said; taking a word back is for the superior.
    "follow_up": {"create": SALES_STAFF, "edit": SALES_STAFF, "delete": SUPERIORS, "import": NOBODY_AT_ALL},
    # A deal is its owner's to move and to end; how it went is written by the portal alone.
    "opportunity": {
        **dict.fromkeys(("create", "edit", "delete", "move", "won", "lost", "pause", "resume", "reopen"), SALES_STAFF | ADMIN),
        "import": ADMIN | {"director"},
        **dict.fromkeys(("share", "hand_over"), SUPERIORS | ADMIN),
    },
    # A colleague is let in by a superior, with the record's own verb.
    "participant": {"create": NOBODY_AT_ALL, "import": NOBODY_AT_ALL, **dict.fromkeys(("edit", "delete"), SUPERIORS | ADMIN)},
    # The portal proposes a class each quarter; a superior decides.
    "class_review": {**dict.fromkeys(_GENERATED, NOBODY_AT_ALL), **dict.fromkeys(("accept", "override"), SUPERIORS | ADMIN)},
    "stage_change": dict.fromkeys(_GENERATED, NOBODY_AT_ALL),
    # Who sells writes contracts and has the customer sign; legal seals; a superior ends one before its time.
    "contract": {
        **dict.fromkeys(("create", "edit", "delete", "submit", "mark_signed", "reopen", "change"), SALES_STAFF),
        **dict.fromkeys(("terminate", "void"), SUPERIORS),
        "fulfil": SALES_STAFF,
        "seal": frozenset({"legal"}),
        "receive": frozenset({"cashier"}),
        "import": NOBODY_AT_ALL,
        **dict.fromkeys(("share", "hand_over"), SUPERIORS | ADMIN),
    },
    # Money is booked by the cashier through a verb, and taken back by him; nobody writes it by hand.
    "receipt": {**dict.fromkeys(_GENERATED, NOBODY_AT_ALL), "reverse": frozenset({"cashier"})},
    "allocation": dict.fromkeys(_GENERATED, NOBODY_AT_ALL),
    **{part: {"create": SALES_STAFF, "edit": SALES_STAFF, "delete": SALES_STAFF, "import": NOBODY_AT_ALL} for part in PARTS},
    "leave": {**dict.fromkeys(("create", "edit", "delete", "submit", "cancel"), SALES_STAFF | DECIDERS | ADMIN), "import": ADMIN},
    # Whoever a flow names decides what waits for him; the engine alone writes how it came and went.
    "approval_task": {**dict.fromkeys(_GENERATED, NOBODY_AT_ALL), **dict.fromkeys(DECISIONS, EVERY_ROLE)},
    "approval": {**dict.fromkeys(_GENERATED, NOBODY_AT_ALL), "withdraw": SALES_STAFF | DECIDERS | ADMIN},
    **dict.fromkeys(("approval_action", "approval_flow", "print_template"), dict.fromkeys(_GENERATED, NOBODY_AT_ALL)),
    "delegation": {**dict.fromkeys(("create", "edit", "delete"), SALES_STAFF | DECIDERS | ADMIN), "import": NOBODY_AT_ALL},
    # The portal opens reports; their author writes and sends them, a superior judges them, nobody removes one.
    "work_report": {
        **dict.fromkeys(("create", "delete", "import"), NOBODY_AT_ALL),
        **dict.fromkeys(("edit", "submit"), SALES_STAFF),
        **dict.fromkeys(("mark_read", "comment", "send_back", "remind"), SUPERIORS),
        "exempt": SUPERIORS | ADMIN,
    },
    # People are never deleted, they are deactivated.
    "user": {
        **dict.fromkeys(("create", "edit", "import", "invite", "place", "reset_password", "deactivate", "reactivate"), ADMIN),
        "delete": NOBODY_AT_ALL,
    },
    **dict.fromkeys(("team", "pool", "source_channel", "tag", "work_calendar", "policy", "report_template"), _SETTING),
    **dict.fromkeys(("product", "pipeline", "stage"), _SETTING),
    # A field is a decision about every record: made by hand, never by file.
    "custom_field": {**_SETTING, "import": NOBODY_AT_ALL},
}
FROM_THE_POOL = frozenset({"claim", "assign", "reveal"})
"""What a person may do with a lead or customer of the pool, which he reads and does not write."""
OF_ANOTHER = frozenset({"verify"})
"""Nobody verifies what he entered himself."""
_OF_ONESELF = frozenset({"approval_task", "approval", "approval_action", "delegation", "leave"})
DUTIES: dict[str, frozenset[str]] = {
    "legal": _OF_ONESELF | {"contract", "contract_line", "payment_plan"},
    "finance": _OF_ONESELF | {"contract", "contract_line", "payment_plan", "receipt", "allocation"},
    "cashier": _OF_ONESELF | {"contract", "payment_plan", "receipt", "allocation"},
    **dict.fromkeys(("warehouse", "service"), _OF_ONESELF),
    "": frozenset(),
}
"""What the duties read; every other record type is shut to them."""
STATES = {
    **dict.fromkeys(("create", "edit", "delete", "restore", "submit"), ("draft",)),
    "mark_signed": ("to_sign",),
    "seal": ("to_seal",),
    "receive": ("effective", "expired", "terminated"),
    "fulfil": ("effective", "expired"),
    "reopen": ("to_sign", "to_seal"),
    **dict.fromkeys(("change", "terminate", "void"), ("effective",)),
}
"""In which states a contract lets what be done to it or its parts; files may be added in any."""
OF_THE_AUTHOR = frozenset({"edit", "submit"})
OF_A_SUPERIOR = frozenset({"mark_read", "comment", "send_back", "exempt"})
"""Nobody judges his own report."""


def holds(actor: str, entity: str, action: str) -> bool:
    """Whether the actor's role has this verb at all."""
    if action == "reveal" and entity not in POOLED:
        return False  # no other record type hides anything
    return ROLE[actor] in MAY[entity][{"restore": "delete", "attach": registry()[entity].screen.attached_by or "edit"}.get(action, action)]


def reaches(actor: str, record: Planted) -> bool:
    """Whether the record is the actor's, his team's, or anybody's for who runs the company."""
    role = ROLE[actor]
    if role in ("admin", "director"):
        return True
    if role == "leader":
        return SALES.get(record.owner) == SALES[actor]
    return role == "rep" and record.owner == actor


def may(actor: str, action: str, record: Planted) -> bool:
    """Whether this person may do this to this record."""
    if not holds(actor, record.entity, action):
        return False
    if record.entity in OF_CONTRACTS:
        return _of_contract(actor, action, record)
    if action in ("create", "import") and record.entity not in ("follow_up", "contact"):
        return True
    if record.entity in ("approval_task", "approval", "delegation") or (record.entity, action) == ("leave", "submit"):
        return record.owner == actor
    if record.entity in (*POOLED, "work_report"):
        return (_of_pooled if record.entity in POOLED else _of_report)(actor, action, record)
    return record.entity not in SCOPED or reaches(actor, record)


def _of_contract(actor: str, action: str, record: Planted) -> bool:
    """For a new contract the record is its customer, who must be somebody's."""
    if (record.entity, action) == ("contract", "create"):
        return record.owner != "" and reaches(actor, record)
    if record.state not in STATES.get(action, (record.state,)):
        return False
    if action == "submit":
        return record.owner == actor
    if action in ("seal", "receive", "reverse") or (record.entity, action) == ("receipt", "attach"):
        return True  # whose duty it is does it for everybody
    return reaches(actor, record)


def _of_report(actor: str, action: str, record: Planted) -> bool:
    if action in OF_THE_AUTHOR:
        return record.owner == actor
    return reaches(actor, record) and not (action in OF_A_SUPERIOR and record.owner == actor)


def _of_pooled(actor: str, action: str, record: Planted) -> bool:
    if record.owner:
        return reaches(actor, record) and action not in ("claim", "reveal") and not (action in OF_ANOTHER and record.owner == actor)
    return action in FROM_THE_POOL or (ROLE[actor] in ("admin", "director") and action in ("edit", "delete", "restore", "attach", "merge"))
