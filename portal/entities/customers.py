"""Customers and the people who decide there."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Index, String
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column

from portal.engine.charts import Chart
from portal.engine.entity import Customisable, Entity, Mergeable, Pooled, pooled_indexes
from portal.engine.kinds import Choices, choice, date, email, filled, instant, longtext, phone, ref, states, text
from portal.engine.query.search import search_index
from portal.engine.screen import Screen
from portal.entities.leads import until_claimed


class CustomerClass(Choices):
    """A, B, C: how much a customer is worth our time (handbook 24, 25)."""

    A = "a", "A 类 | Class A", "accent"
    B = "b", "B 类 | Class B"
    C = "c", "C 类 | Class C"


class CustomerState(Choices):
    POTENTIAL = "potential", "潜在 | Potential", "new"
    WON = "won", "成交 | Won", "ok"
    ACTIVE = "active", "活跃 | Active", "go"
    DORMANT = "dormant", "沉睡 | Dormant", "warn"
    LOST = "lost", "流失 | Lost", "bad"
    MERGED = "merged", "已合并 | Merged"


CUSTOMER_EDGES = {
    CustomerState.POTENTIAL: (CustomerState.WON, CustomerState.LOST),
    CustomerState.WON: (CustomerState.ACTIVE, CustomerState.DORMANT, CustomerState.LOST),
    CustomerState.ACTIVE: (CustomerState.DORMANT, CustomerState.LOST),
    CustomerState.DORMANT: (CustomerState.ACTIVE, CustomerState.LOST),
    CustomerState.LOST: (CustomerState.POTENTIAL,),
}


class CompanySize(Choices):
    MICRO = "micro", "20 人以下 | Below 20"
    SMALL = "small", "20–99 人 | 20–99"
    MIDDLE = "middle", "100–499 人 | 100–499"
    LARGE = "large", "500 人以上 | 500 and more"


class BuyingRole(Choices):
    """Who decides, pays, uses, advises and opens the door (handbook 24: the decision chain)."""

    DECIDES = "decides", "决策者 | Decides", "accent"
    PAYS = "pays", "付款人 | Pays"
    USES = "uses", "使用者 | Uses"
    ADVISES = "advises", "影响者 | Advises"
    OPENS = "opens", "引荐人 | Opens the door"


_REGISTER = "工商与规模 | Register and size"


class Customer(Entity, Pooled, Customisable, Mergeable):
    """客户 | Customer: a company we sell to, with one owner and one class."""

    __table_args__ = (
        CheckConstraint("(owner_id IS NULL) <> (pool_id IS NULL)", name="customer_owned_or_pooled"),
        search_index("customer", "name"),
        *pooled_indexes("customer"),
        Index("ix_customer_company_key", "company_key"),
        Index("ix_customer_phone", "phone"),
        Index("ix_customer_credit_code", "credit_code", postgresql_where=sql("credit_code <> ''")),
        Index("ix_customer_next_at", "next_at", postgresql_where=sql("owner_id IS NOT NULL")),
    )

    name = text("客户名称 | Customer", 200, required=True, searched=True, identity=True, slot="co")
    customer_class = choice("分类 | Class", CustomerClass, readonly=True, slot="grade")
    state = states("阶段 | Stage", CustomerState, edges=CUSTOMER_EDGES, ended=(CustomerState.MERGED,))
    phone = phone("电话 | Phone", searched=True, masked=until_claimed)
    source_id = ref("来源 | Source", "source_channel")
    industry = text("行业 | Industry", 80)
    region = text("地区 | Region", 80, slot="sub")
    address = text("地址 | Address", 200)
    credit_code = text("统一社会信用代码 | Credit code", 18, section=_REGISTER)
    legal_rep = text("法定代表人 | Legal representative", 80, section=_REGISTER)
    size = choice("人数 | Employees", CompanySize, section=_REGISTER)
    completeness = filled(
        "完整度 | Completeness",
        of=("phone", "source_id", "industry", "region", "address", "credit_code", "legal_rep", "size"),
        help="资料填了多少。 | How much of the record is filled in (handbook 21).",
    )
    next_at = instant("下次跟进 | Next contact", readonly=True, slot="next", due=True)
    next_step = text("下一步 | Next step", 200, readonly=True)
    note = longtext("备注 | Note", section=_REGISTER)
    verified_by_id = ref("核对人 | Verified by", "user", readonly=True)
    verified_at = instant(
        "核对时间 | Verified at", readonly=True, help="资料改动后失效，要重新核对。 | Lost with the next change of an entry; checked anew."
    )
    company_key: Mapped[str] = mapped_column(String(200), nullable=False, server_default="", default="")
    """The name in normal form, for duplicates."""

    moved_by_activity = ("contacted_at", "next_at", "next_step")
    verbs = ("assign", "claim", "stage", "reclassify", "verify", "share", "merge", "release")
    screen = Screen(
        icon="building",
        menu="客户 | Customers",
        rank=20,
        plural="客户 | Customers",
        columns=("name", "customer_class", "state", "phone", "region", "industry", "owner_id", "contacted_at", "next_at", "created_at"),
        tabs=("mine", "team", "shared", "pool", "all"),
        filters=(
            "customer_class",
            "state",
            "owner_id",
            "region",
            "industry",
            "size",
            "source_id",
            "created_at",
            "contacted_at",
            "next_at",
            "verified_at",
            "completeness",
        ),
        order="-created_at",
        form=("name", "phone", "source_id", "industry", "region", "address", "credit_code", "legal_rep", "size", "note"),
        facts=(
            "owner_id",
            "customer_class",
            "phone",
            "industry",
            "region",
            "address",
            "source_id",
            "size",
            "credit_code",
            "legal_rep",
            "contacted_at",
            "next_at",
            "completeness",
            "verified_by_id",
            "verified_at",
            "created_at",
            "note",
        ),
        charts=(
            Chart("class", "客户分类 | Customers by class", by="customer_class"),
            Chart("state", "客户阶段 | Customers by stage", by="state"),
            Chart("months", "每月新客户 | New customers a month", by="created_at", step="month"),
        ),
        related=("contact", "opportunity", "contract", "class_review", "follow_up", "participant"),
        composer="follow_up",
    )


class Contact(Entity):
    """联系人 | Contact: a person at a customer, and his part in the decision.

    Whoever finds the customer in the public pool does not see whom to call there: that comes with claiming it.
    """

    __table_args__ = (
        search_index("contact", "name"),
        Index("ix_contact_customer", "customer_id", "created_at"),
        Index("ix_contact_created_at", "created_at"),
    )
    scope_parent = "customer_id"
    scope_except = ("pool",)

    customer_id = ref("客户 | Customer", "customer", required=True, index=False)
    name = text("姓名 | Name", 80, required=True, searched=True, identity=True)
    buying_role = choice("决策角色 | Part in the decision", BuyingRole)
    title = text("职务 | Title", 80)
    phone = phone("电话 | Phone", searched=True)
    wechat = text("微信 | WeChat", 64)
    email = email("邮箱 | E-mail")
    birthday = date("生日 | Birthday")
    note = longtext("备注 | Note")

    screen = Screen(
        icon="address-book",
        menu="客户 | Customers",
        rank=30,
        plural="联系人 | Contacts",
        columns=("name", "customer_id", "buying_role", "title", "phone", "wechat", "email", "created_at"),
        filters=("buying_role", "customer_id", "created_at"),
        order="-created_at",
        form=("customer_id", "name", "buying_role", "title", "phone", "wechat", "email", "birthday", "note"),
    )
