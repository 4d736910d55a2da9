"""Every way to write: entity × verb × door, generated from the declarations, with what each request sends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count
from typing import Any

from portal import models
from portal.engine.spec import registry
from tests.cast import Cast
from tests.matrix.http import Answer, Caller

_number = count(1)
PARENT = {
    "follow_up": "lead_id",
    "contact": "customer_id",
    "contract": "customer_id",
    "contract_line": "contract_id",
    "payment_plan": "contract_id",
    "receipt": "contract_id",
    "allocation": "contract_id",
}
"""By which field a new child names its parent."""
_REASONED = (
    *("lost", "release", "invalidate", "revive", "send_back", "exempt", "reject", "cancel"),
    *("reopen", "change", "terminate", "void", "reverse"),
)
_FIGURES = ("daily_quota", "holding_cap", "cool_down_days", "freeze_days")
_RECYCLE = ("recycle_qualified_days", "recycle_potential_days", "recycle_weak_days")


def values_for(entity: str, cast: Cast) -> dict[str, Any]:
    """What a person fills in for a new record of an entity, different each time."""
    n = next(_number)
    day, until = ((date(2027, 1, 1) + timedelta(days=each)).isoformat() for each in (n, n + 2))
    return {
        "lead": {"company": f"新写公司第{n}号厂", "source_id": cast.source_id, "note": f"written {n}"},
        "customer": {"name": f"新写客户第{n}号厂", "note": f"written {n}"},
        "contact": {"name": f"新来的联系人 {n}"},
        "follow_up": {"kind": "call", "contacted_at": "2026-05-12T09:30", "content": f"written {n}"},
        "contract": {"title": f"新合同 {n}", "kind": "sale", "amount": "1000", "start_on": "2026-05-12", "end_on": day},
        "contract_line": {"product": f"产品 {n}", "quantity": "2", "price": "100"},
        "payment_plan": {"name": f"第 {n} 期", "percent": "10", "days": "30"},
        "receipt": {"payer": f"付款方 {n}", "amount": "5", "received_on": "2026-05-08", "method": "transfer"},
        "allocation": {"amount": "5"},
        "class_review": {"quarter": "2026-Q1"},
        "participant": {"level": "read", "until": "2026-06-01", "note": f"written {n}"},
        "leave": {"kind": "annual", "first_on": day, "last_on": until, "reason": f"written {n}"},
        "delegation": {"deputy_id": cast.people["finance"], "first_on": day, "last_on": day, "note": f"written {n}"},
        "approval_flow": {"title": f"流程 {n}", "entity": "tag", "verb": f"verb{n}", "number": 1},
        "print_template": {"entity": "tag", "number": n},
        **{key: {"title": f"written {n}"} for key in ("approval", "approval_task", "approval_action")},
        "work_report": {"problems": f"written {n}", "plan": "", "extra_work": ""},
        "user": {"name": "新来的人", "email": f"new{n}@test.example"},
        "team": {"name": f"新组 {n}"},
        "pool": {"name": f"新公海 {n}", "kind": "lead", **dict.fromkeys(_FIGURES, 5), **dict.fromkeys(_RECYCLE, 30)},
        "source_channel": {"name": f"新渠道 {n}"},
        "tag": {"name": f"新标签 {n}"},
        "product": {"name": f"新产品 {n}"},
        "pipeline": {"name": f"新流程 {n}"},
        "stage": {"name": f"新阶段 {n}", "pipeline_id": cast.rows(models.Pipeline)[0].id, "rank": 5, "probability": 20, "kind": "open"},
        "opportunity": {"name": f"新商机 {n}"},
        "stage_change": {},
        "work_calendar": {"day": day, "region": "CN"},
        "policy": {"key": "report.month_end", "effective_on": day, "value": "working", "reason": f"written {n}"},
        "report_template": {"name": f"新模板 {n}", "period": "day"},
        "custom_field": {"entity": "lead", "kind": "text", "label_zh": f"新字段 {n}", "label_en": f"New field {n}"},
    }[entity]


def verb_form(entity: str, verb: str, cast: Cast, to: str = "mate") -> dict[str, Any]:
    """What a verb's own form asks."""
    if (entity, verb) in (("leave", "submit"), ("contract", "submit")):
        return {}
    reason = {"reason": "because it is so"}
    return {
        "stage": {"to": "lost", **reason},
        "reclassify": {"to": "a", **reason},
        "convert": {"separate": "1"},
        "assign": {"to_id": cast.people[to]},
        "override": {"to": "b", **reason},
        "hand_over": {"to_id": cast.people[to], **reason},
        "share": {"to_id": cast.people[to], "level": "read", "until": "2026-06-01"},
        "submit": {"problems": "none"},
        "receive": {"amount": "100", "received_on": "2026-05-10", "method": "transfer"},
        "move": {"to": stages(cast)["商务谈判"], **reason},
        "pause": {"until": "2028-01-03", **reason},
        "transfer": {"to_id": cast.people[to], **reason},
        "add_signer": {"to_id": cast.people[to], "when": "before"},
        "comment": {"comment": "well done"},
        "place": {"role": "rep", "team_id": cast.teams["b"]},
        **dict.fromkeys(_REASONED, reason),
    }.get(verb, {})


def stages(cast: Cast) -> dict[str, int]:
    """The stages of the pipeline that every portal begins with."""
    return {row.name: row.id for row in cast.rows(models.Stage)}


@dataclass(frozen=True)
class Attempt:
    """One door for one verb. `path` names a record (`{i}`) where the door does; verbs name it in what they send."""

    entity: str
    action: str
    method: str
    path: str

    @property
    def is_page(self) -> bool:
        return not self.path.startswith("/api/")

    @property
    def is_verb(self) -> bool:
        return self.action in registry()[self.entity].verbs

    def send(self, caller: Caller, cast: Cast, record_id: int, to: str = "mate") -> Answer:
        """Try it on a record (for `create`, on the parent that the new record names)."""
        path = self.path.format(i=record_id)
        if self.action in ("attach", "import"):
            return caller.upload(path, "file" if self.action == "attach" else "upload", "公司\n导入公司\n")
        given = self._given(cast, record_id, to)
        if not self.is_page:
            return caller.send(self.method, path, given)
        return caller.post(path, {k: str(v) for k, v in given.items()}, **({"HX-Request": "true"} if self.is_verb else {}))

    def _given(self, cast: Cast, record_id: int, to: str) -> dict[str, Any]:
        if self.is_verb:
            form = verb_form(self.entity, self.action, cast, to)
            if self.action == "merge":
                form = {"merged_id": _other(cast, registry()[self.entity].model, record_id)}
            return {**form, "ids": str(record_id) if self.is_page else [record_id]}
        if self.action == "reveal":
            return {"field": "phone", "reason": "he asked for a call"}
        if self.action not in ("create", "edit"):
            return {}
        values, parent = values_for(self.entity, cast), PARENT.get(self.entity)
        if self.action == "create":
            return {**values, parent: record_id} if parent else values
        spec = registry()[self.entity]
        values |= seen(entity=self.entity, record_id=record_id, cast=cast, page=self.is_page)
        if parent is None or parent in {each.key for each in spec.parents}:
            return values
        return {**values, parent: getattr(cast.row(spec.model, record_id), parent)}


def seen(entity: str, record_id: int, cast: Cast, *, page: bool) -> dict[str, Any]:
    """The version that somebody who has just read the record sends with his save."""
    spec = registry()[entity]
    row = cast.row(spec.model, record_id) if spec.versioned else None
    return {} if row is None else {"_version" if page else "version": row.version}


def _other(cast: Cast, model: Any, record_id: int) -> int:
    """The newest record of the same owner (of any, where he has no second one) that a merge could take."""
    mine = cast.row(model, record_id)
    others = [row for row in cast.rows(model, model.deleted_at.is_(None)) if row.id != record_id]
    return max(others, key=lambda row: (mine is not None and row.owner_id == mine.owner_id, row.id)).id


def attempts(entity: str) -> Iterator[Attempt]:
    """Every writing door of an entity, by page and by REST."""
    page, rest = f"/{entity}", f"/api/v1/{entity}"
    doors: Mapping[str, tuple[tuple[str, str], ...]] = {
        "create": (("POST", f"{page}/new"), ("POST", f"{rest}/")),
        "edit": (("POST", page + "/{i}/edit"), ("PUT", rest + "/{i}")),
        "delete": (("POST", page + "/{i}/delete"), ("DELETE", rest + "/{i}")),
        "restore": (("POST", page + "/{i}/restore"), ("POST", rest + "/{i}/restore")),
        "reveal": (("POST", page + "/{i}/reveal"), ("POST", rest + "/{i}/reveal")),
        "attach": (("POST", page + "/{i}/files"), ("POST", rest + "/{i}/files")),
        "import": (("POST", f"{page}/import"),),
        **{verb: (("POST", f"{page}/verb/{verb}"), ("POST", f"{rest}/{verb}")) for verb in registry()[entity].verbs},
    }
    for action, ways in doors.items():
        for method, path in ways:
            yield Attempt(entity, action, method, path)
