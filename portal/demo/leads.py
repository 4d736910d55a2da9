"""Two thousand generated leads: who they are, whose they are, and how they got there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from portal.demo.company import Company, Person
from portal.demo.rows import Row, Stage, entity_row, history, write, write_audited
from portal.engine.mask import normalise_name
from portal.models import Lead, Tenure

COUNT = 2000
_IN_POOL = 600
_PER_LEADER = 8
_CITIES = ("上海", "北京", "广州", "深圳", "杭州", "南京", "苏州", "成都", "武汉", "西安", "重庆", "天津", "青岛", "宁波", "厦门", "长沙")
_INDUSTRIES = (
    "软件服务",
    "智能制造",
    "医疗器械",
    "电子元件",
    "物流运输",
    "教育培训",
    "新能源",
    "食品饮料",
    "建筑工程",
    "金融服务",
    "汽车配件",
    "环保设备",
)
_FORMS = (
    "科技有限公司",
    "信息技术有限公司",
    "智能设备有限公司",
    "贸易有限公司",
    "网络科技有限公司",
    "实业股份有限公司",
    "医疗科技有限公司",
    "供应链管理有限公司",
)
_MOBILE = ("130", "133", "136", "138", "139", "150", "158", "159", "177", "186", "188", "199")
_RELEASES = ("联系不上", "预算推迟到明年", "暂时没有需求", "已有供应商")
_SHORT_NAME = re.compile("(?!.*(?:科技|公司|软件|信息|电子|开发区))[一-龥]{2,4}")
_LATER = (
    "state",
    "owner_id",
    "team_id",
    "owned_at",
    "contacted_at",
    "first_response_at",
    "first_response_due_at",
    "breached_at",
    "converted_at",
    "next_at",
    "next_step",
    "pooled_at",
)
"""What follow-ups and owners changed after the lead was entered."""
FIRST_RESPONSE = timedelta(hours=24)


@dataclass
class DemoLead:
    """A lead with what its follow-ups need. `row` is written once its contacts are known."""

    row: Row
    owner: Person | None
    owned_at: datetime | None
    id: int = 0


def plan(stage: Stage, company: Company) -> list[DemoLead]:
    """Every lead, not yet written, oldest first."""
    owners = _owners(stage, company)
    names = _companies(stage)
    leads = [_lead(stage, company, number, names[number], owners[number]) for number in range(COUNT)]
    return sorted(leads, key=lambda lead: lead.row["created_at"])


def _owners(stage: Stage, company: Company) -> list[Person | None]:
    reps, leaders = company.of_role("rep"), company.of_role("leader")
    owners: list[Person | None] = [None] * _IN_POOL
    owners += [leader for leader in leaders for _ in range(_PER_LEADER)]
    owners += [reps[number % len(reps)] for number in range(COUNT - len(owners))]
    stage.dice.shuffle(owners)
    return owners


def _companies(stage: Stage) -> list[str]:
    """Names that stay different when they are compared in normal form."""
    found: dict[str, str] = {}
    while len(found) < COUNT:
        word = stage.fake.company_prefix()
        if not _SHORT_NAME.fullmatch(word):
            continue
        name = stage.dice.choice(_CITIES) + word + stage.dice.choice(_FORMS)
        found.setdefault(normalise_name(name), name)
    return list(found.values())


def _lead(stage: Stage, company: Company, number: int, name: str, owner: Person | None) -> DemoLead:
    dice = stage.dice
    newest = stage.now - timedelta(hours=3)
    created = stage.working_moment(stage.now - timedelta(days=180), newest) or newest
    owned = None
    if owner is not None:
        # Over the thirty working days that have reports.
        began = max(created, stage.now - timedelta(days=dice.randint(1, 44)))
        owned = stage.working_moment(began, min(began + timedelta(days=2), stage.now - timedelta(hours=2))) or began + timedelta(minutes=30)
    met = (dice.random() < 0.55, dice.random() < 0.5, dice.random() < 0.6)
    return DemoLead(
        entity_row(
            created,
            company.admin.id,
            **_profile(stage, company, number, name),
            money=met[0],
            authority=met[1],
            need=met[2],
            **_place(company, owner, owned, created),
            first_response_due_at=owned + FIRST_RESPONSE if owned and all(met) else None,
            first_response_at=None,
            breached_at=None,
            contacted_at=None,
            converted_at=None,
            next_at=None,
            next_step="",
            version=1,
        ),
        owner,
        owned,
    )


def _profile(stage: Stage, company: Company, number: int, name: str) -> Row:
    dice, fake = stage.dice, stage.fake
    phone = f"+86{dice.choice(_MOBILE)}0000{number:04}"  # an exchange block nobody was given
    return {
        "company": name,
        "company_key": normalise_name(name),
        "name": fake.name(),
        "phone": phone,
        "wechat": f"wx_{number:04}" if dice.random() < 0.5 else "",
        "email": f"contact{number:04}@lead.example" if dice.random() < 0.4 else "",
        "source_id": dice.choices(company.sources, weights=range(len(company.sources) + 4, 4, -1))[0],
        "industry": dice.choice(_INDUSTRIES),
        "region": name[:2],
        "expected_amount": Decimal(dice.choice((8, 12, 20, 35, 50, 80, 120, 260)) * 1000 + dice.randrange(0, 8000, 500))
        if dice.random() < 0.8
        else None,
        "tag_id": dice.choice(company.tags) if dice.random() < 0.25 else None,
        "note": "",
    }


def _place(company: Company, owner: Person | None, owned: datetime | None, created: datetime) -> dict[str, Any]:
    """Either somebody's or in the pool."""
    if owner is None:
        return {"owner_id": None, "team_id": None, "pool_id": company.pool_id, "pooled_at": created, "owned_at": None, "state": "pool"}
    return {"owner_id": owner.id, "team_id": owner.team_id, "pool_id": None, "pooled_at": None, "owned_at": owned, "state": "assigned"}


def write_leads(stage: Stage, company: Company, leads: list[DemoLead]) -> None:
    """Rows, history and whose each lead was."""
    # The history begins with what was entered; contacts and owners are later lines.
    ids = write_audited(stage, Lead.__table__, "lead", [lead.row for lead in leads], later=_LATER)
    tenures, events = [], []
    for lead, record_id in zip(leads, ids, strict=True):
        lead.id = record_id
        for number, step in enumerate(_steps(stage, company, lead)):
            tenures.append({**step, "entity": "lead", "record_id": record_id, "version": lead.row["version"]})
            if number:
                events.append(_event(step, record_id))
    write(stage, Tenure.__table__, sorted(tenures, key=lambda row: row["at"]))
    history(stage, events)


def _event(step: Row, record_id: int) -> Row:
    return {
        "at": step["at"],
        "actor_id": step["by_id"],
        "entity": "lead",
        "record_id": record_id,
        "verb": step["how"],
        "before": {"owner_id": step["former_owner_id"], "pool_id": step["former_pool_id"]},
        "after": {"owner_id": step["owner_id"], "pool_id": step["pool_id"]},
        "reason": step["reason"],
    }


def _steps(stage: Stage, company: Company, lead: DemoLead) -> list[Row]:
    """Entered into the pool, then taken or assigned; a tenth of the pool was once somebody's."""
    created = lead.row["created_at"]
    first = _step(created, "create", company.admin.id, pool_id=company.pool_id)
    if lead.owner is not None and lead.owned_at is not None:
        leader = lead.owner.leader_id or company.admin.id
        claimed = stage.dice.random() < 0.4
        taken = _step(
            lead.owned_at,
            "claim" if claimed else "assign",
            lead.owner.id if claimed else leader,
            owner_id=lead.owner.id,
            former_pool_id=company.pool_id,
            former_state="pool",
            former_pooled_at=created,
        )
        return [first, taken]
    if stage.dice.random() < 0.9 or stage.now - created < timedelta(days=30):
        return [first]
    rep = stage.dice.choice(company.of_role("rep"))
    begun = created + timedelta(days=3)
    ended = begun + timedelta(days=12)
    lead.row["pooled_at"] = ended
    taken = _step(begun, "claim", rep.id, owner_id=rep.id, former_pool_id=company.pool_id, former_state="pool", former_pooled_at=created)
    left = _step(
        ended,
        "release",
        rep.id,
        pool_id=company.pool_id,
        former_owner_id=rep.id,
        former_state="following",
        former_owned_at=begun,
        reason=stage.dice.choice(_RELEASES),
    )
    return [first, taken, left]


def _step(at: datetime, how: str, by_id: int, **values: Any) -> Row:
    empty = dict.fromkeys(("owner_id", "pool_id", "former_owner_id", "former_pool_id", "former_owned_at", "former_pooled_at"))
    return {**empty, "former_state": "", "reason": "", **values, "at": at, "how": how, "by_id": by_id}
