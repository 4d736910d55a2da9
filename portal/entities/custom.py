"""Fields that an admin adds to a record type while the portal runs."""

from __future__ import annotations

from sqlalchemy import Index, UniqueConstraint

from portal.engine.entity import Entity
from portal.engine.kinds import Choices, choice, customisable, flag, integer, longtext, states, target, text
from portal.engine.screen import Screen


class FieldKind(Choices):
    TEXT = "text", "文本 | Text"
    LONGTEXT = "longtext", "多行文本 | Long text"
    CHOICE = "choice", "选项 | Choice"
    CHOICES = "choices", "多个选项 | Several choices"
    REFERENCE = "reference", "关联记录 | Reference"
    INTEGER = "integer", "整数 | Whole number"
    DECIMAL = "decimal", "小数 | Number"
    MONEY = "money", "金额 | Money"
    FLAG = "flag", "是否 | Yes or no"
    DATE = "date", "日期 | Date"
    INSTANT = "instant", "时间 | Time"
    PHONE = "phone", "电话 | Phone"
    EMAIL = "email", "邮箱 | E-mail"


class MaskRule(Choices):
    NONE = "none", "不隐藏 | Never"
    POOL = "pool", "在公海时隐藏 | While in a pool"


class FieldState(Choices):
    ACTIVE = "active", "使用中 | Active", "ok"
    PREPARING = "preparing", "准备中 | Preparing", "warn"
    REFUSED = "refused", "不能启用 | Cannot be indexed", "bad"


FIELD_EDGES = {
    FieldState.ACTIVE: (FieldState.PREPARING,),
    FieldState.PREPARING: (FieldState.ACTIVE, FieldState.REFUSED),
    FieldState.REFUSED: (FieldState.PREPARING, FieldState.ACTIVE),
}

_WHO = "谁能看、谁能改 | Who sees and edits"
_LIST = "列表与查找 | Lists and finding"
_ROLES = "角色名，用逗号分开；不填：看得到记录的人都行。 | Role names with commas; empty: everybody who sees the record."


class CustomField(Entity):
    """自定义字段 | Custom field: a field of a record type, defined while the portal runs."""

    __table_args__ = (UniqueConstraint("entity", "key"), Index("ix_custom_field_rank", "rank"))

    entity = customisable("数据 | Record type", required=True)
    label_zh = text("中文名 | Chinese label", 80, required=True, searched=True, identity=True)
    label_en = text("英文名 | English label", 80, required=True, searched=True)
    key = text(
        "代号 | Key",
        28,
        help="英文小写字母、数字、下划线；不填则由英文名得出，以后不变。"
        " | Lower-case letters, digits and underscores; made from the English label when empty, and never changed.",
    )
    kind = choice("类型 | Kind", FieldKind, required=True, default="text", help="以后不变。 | Never changed afterwards.")
    options = longtext(
        "选项 | Choices",
        only_with=("kind", (FieldKind.CHOICE, FieldKind.CHOICES)),
        help="每行一个，中文和英文用竖线分开；保存后前面有代号，请保留。"
        " | One a line, Chinese and English parted by a bar; keep the code that is put before each when saved.",
    )
    retired = longtext(
        "停用的选项 | Choices taken out",
        readonly=True,
        help="还有记录填着：那些记录保留它，别处不再提供。 | Records that hold them keep them; nobody else is offered them.",
    )
    target = target(
        "关联到 | Refers to",
        only_with=("kind", (FieldKind.REFERENCE,)),
        help="以后不变。看不到那条记录的人，也看不到它的名称。"
        " | Never changed afterwards. Who does not see the record does not see its name either.",
    )
    help_zh = text("中文说明 | Chinese help", 300)
    help_en = text("英文说明 | English help", 300)
    initial = text("默认值 | Default", 200)
    is_required = flag("必填 | Required", help="没填就不能保存。 | Nothing is saved without it.")
    is_unique = flag("不可重复 | Unique", help="两条记录不能有相同的值。 | No two records may hold the same value.")
    section = text(
        "分组 | Section", 80, help="表单里的分组；中文和英文用竖线分开。 | A section of the form; Chinese and English parted by a bar."
    )
    rank = integer("顺序 | Order", least=0, most=100_000, default=0)
    is_listed = flag(
        "列表显示 | Shown in the list",
        section=_LIST,
        help="列表多一列；人人看得全的，报告草稿也引用。 | One more column; report drafts quote it too if all see it in full.",
    )
    is_filterable = flag(
        "可筛选 | Filter",
        section=_LIST,
        help="列表多一个筛选；在后台建索引，保存略慢。 | One more filter; an index is built, saving takes a little longer.",
    )
    is_sortable = flag(
        "可排序 | Sort", section=_LIST, help="列表可按它排序；在后台建索引。 | Lists can be put in its order; an index is built."
    )
    is_searched = flag(
        "可搜索 | Search", section=_LIST, help="搜索框也找它；在后台建较大的索引。 | The search box finds it too; a larger index is built."
    )
    seen_by = text("谁能看 | Seen by", 400, section=_WHO, help=_ROLES)
    edited_by = text("谁能改 | Edited by", 400, section=_WHO, help=_ROLES)
    mask = choice("隐藏 | Mask", MaskRule, default="none", section=_WHO)
    state = states("状态 | State", FieldState, edges=FIELD_EDGES)
    problem = text("问题 | Problem", 300, readonly=True)

    screen = Screen(
        icon="forms",
        editor="/fields/",
        plural="字段 | Fields",
        columns=("label_zh", "label_en", "entity", "key", "kind", "state", "section", "is_required", "is_listed", "is_filterable", "rank"),
        filters=("entity", "kind", "state"),
        form=(
            *("entity", "kind", "options", "target", "label_zh", "label_en", "key", "section", "help_zh", "help_en", "initial", "rank"),
            *("is_required", "is_unique", "is_listed", "is_filterable", "is_sortable", "is_searched", "seen_by", "edited_by", "mask"),
        ),
        order="rank",
        attachments=False,
    )
