"""The demo company's customers: their classes and stages, the people who decide there, what was said."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from portal.demo.company import Company, Person
from portal.demo.rows import Row, Stage, entity_row, write, write_audited
from portal.engine.mask import normalise_name
from portal.models import Contact, Customer, FollowUp, Tenure

COUNT = 240
_IN_POOL = 50
_SEED = 8_140
_WORDS = ("启明", "瑞丰", "同泰", "华信", "中远", "百川", "正和", "安源", "万邦", "新锐", "嘉禾", "长青")
_TRADES = ("精密仪器", "医疗器械", "冷链物流", "新能源", "包装材料", "智能装备", "建筑设计", "教育科技", "食品配料", "环保工程")
_CITIES = ("上海", "苏州", "杭州", "南京", "宁波", "无锡", "合肥", "青岛", "武汉", "成都")
_FAMILY, _GIVEN = "王李张刘陈杨赵黄周吴", ("建国", "晓红", "志强", "海燕", "立新", "文静", "国栋", "雅琴", "俊杰", "丽华")
_TITLES = {
    "decides": ("总经理", "总裁"),
    "pays": ("财务总监",),
    "uses": ("生产主管", "运营经理"),
    "advises": ("技术总监",),
    "opens": ("采购专员",),
}
_SAID = (
    "确认了明年的用量，等预算批复。",
    "介绍了新方案，对方技术要看样品。",
    "回访使用情况，提出两处改进。",
    "和财务谈了付款节点，可以接受月结。",
)
_STEPS = ("寄样品", "约技术交流", "带方案拜访", "核对合同条款")
_CREDIT = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def write_customers(stage: Stage, company: Company) -> None:
    """Customers with contacts and follow-ups. Their dice are their own: what else is generated stays as it is."""
    dice = Random(_SEED)
    owners: list[Person | None] = [None] * _IN_POOL
    owners += [company.of_role("rep")[number % len(company.of_role("rep"))] for number in range(COUNT - _IN_POOL)]
    rows = [_customer(stage, company, dice, number, owner) for number, owner in enumerate(owners)]
    _repeat(rows[_IN_POOL], rows[_IN_POOL + len(company.of_role("rep"))])
    talks = [_talks(stage, company, dice, row, owner) for row, owner in zip(rows, owners, strict=True)]
    ids = write_audited(stage, Customer.__table__, "customer", rows, later=("contacted_at", "next_at", "next_step"))
    write(stage, Tenure.__table__, [_tenure(company, row, key) for row, key in zip(rows, ids, strict=True)])
    people = [contact for row, key in zip(rows, ids, strict=True) for contact in _contacts(dice, row, key)]
    write_audited(stage, Contact.__table__, "contact", people)
    said = [{**talk, "customer_id": key} for each, key in zip(talks, ids, strict=True) for talk in each]
    write_audited(stage, FollowUp.__table__, "follow_up", sorted(said, key=lambda row: row["created_at"]))


def _customer(stage: Stage, company: Company, dice: Random, number: int, owner: Person | None) -> Row:
    city, trade = _CITIES[number % len(_CITIES)], _TRADES[number // len(_CITIES) % len(_TRADES)]
    name = f"{city}{_WORDS[number // 20]}{trade}有限公司"
    created = stage.now - timedelta(days=dice.randint(15, 85), minutes=dice.randint(0, 600))
    known = dice.random()
    return entity_row(
        created,
        company.admin.id,
        name=name,
        company_key=normalise_name(name),
        customer_class=dice.choices(("a", "b", "c", ""), (15, 30, 45, 10))[0],
        state=dice.choices(("potential", "won", "active", "dormant", "lost"), (45, 15, 25, 10, 5))[0],
        phone=f"+86{dice.choice(('139', '158', '186'))}0001{number:04}",
        source_id=dice.choice(company.sources),
        industry=trade,
        region=city,
        address=f"{city}市人民路 {number + 1} 号" if known > 0.3 else "",
        credit_code="91" + "".join(dice.choices(_CREDIT, k=16)) if known > 0.4 else "",
        legal_rep=_name(dice) if known > 0.5 else "",
        size=dice.choice(("micro", "small", "middle", "large")) if known > 0.2 else "",
        note="",
        **_place(company, owner, created),
        contacted_at=None,
        next_at=None,
        next_step="",
        version=1,
    )


def _repeat(first: Row, second: Row) -> None:
    """The same company entered twice by one rep, to be merged."""
    name = first["name"].removesuffix("有限公司") + "公司"
    second.update(name=name, company_key=normalise_name(name), phone=first["phone"], region=first["region"], industry=first["industry"])


def _place(company: Company, owner: Person | None, created: datetime) -> Row:
    if owner is None:
        return {"owner_id": None, "team_id": None, "pool_id": company.customer_pool_id, "pooled_at": created, "owned_at": None}
    return {"owner_id": owner.id, "team_id": owner.team_id, "pool_id": None, "pooled_at": None, "owned_at": created}


def _tenure(company: Company, row: Row, record_id: int) -> Row:
    return {
        "entity": "customer",
        "record_id": record_id,
        "at": row["created_at"],
        "owner_id": row["owner_id"],
        "pool_id": row["pool_id"],
        "how": "create",
        "by_id": company.admin.id,
        "version": row["version"],
    }


def _talks(stage: Stage, company: Company, dice: Random, row: Row, owner: Person | None) -> list[Row]:
    """One to three contacts soon after the customer came; written reports begin later. They say what comes next."""
    if owner is None:
        return []
    moments = sorted(row["created_at"] + timedelta(days=dice.uniform(0.2, 12)) for _ in range(dice.randint(1, 3)))
    talks = [
        entity_row(
            at + timedelta(minutes=20),
            owner.id,
            kind=dice.choice(("call", "visit", "wechat", "meeting")),
            contacted_at=at,
            content=dice.choice(_SAID),
            need="",
            next_at=None,
            next_step="",
            logged_late=0,
            logged_at=at + timedelta(minutes=20),
        )
        for at in moments
    ]
    day = stage.calendar.add_working_days(stage.today, dice.choice((0, 1, 2, 3, 5, 8)))
    ahead = {"next_at": stage.at(day, dice.randint(10, 17)), "next_step": dice.choice(_STEPS)}
    talks[-1].update(ahead)
    row.update(contacted_at=moments[-1], **ahead)
    return talks


def _contacts(dice: Random, row: Row, customer_id: int) -> list[Row]:
    roles = dice.sample(list(_TITLES), dice.randint(1, 3))
    return [
        entity_row(
            row["created_at"] + timedelta(minutes=30 + number),
            row["created_by_id"],
            customer_id=customer_id,
            name=_name(dice),
            buying_role=role,
            title=dice.choice(_TITLES[role]),
            phone=f"+86{row['phone'][3:6]}0002{(customer_id * 3 + number) % 10_000:04}",
            wechat="",
            email=f"person{customer_id}-{number}@customer.example",
        )
        for number, role in enumerate(roles)
    ]


def _name(dice: Random) -> str:
    return dice.choice(_FAMILY) + dice.choice(_GIVEN)
