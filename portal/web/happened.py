"""How the past is told: what a line of history is called, and a value of then as its reader may see it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from portal.engine.fields import Field, View
from portal.engine.kinds.reference import ReferenceField
from portal.engine.spec import Spec
from portal.engine.verbs import all_verbs, verb_named
from portal.security.fields import Rights

Referred = Mapping[tuple[str, int], str]
"""Names of the records that the past speaks of, by record type and id; those the reader does not see are missing."""

FILED = frozenset({"attach", "detach", "reattach"})
"""Lines about files, which name them."""
WORDS = {
    "create": "新建 | created this",
    "edit": "修改了 | changed",
    "delete": "删除 | deleted this",
    "restore": "恢复 | restored this",
    "import": "导入 | imported this",
    "attach": "添加了文件 | added files",
    "detach": "移除了文件 | removed files",
    "reattach": "恢复了文件 | put files back",
    "reveal": "查看了隐藏的内容 | revealed a hidden value",
    "export": "导出 | exported",
    "print": "打印 | printed",
    "convert": "由线索转入 | came from a lead",
    "merge": "随合并转入 | came along in a merge",
    "undo": "撤销 | undone",
    "pooled": "随记录进公海而结束 | ended: it went to the pool",
    "expire": "到期 | over",
    "open": "开始收集 | opened",
    "close": "截止未交 | closed, not handed in",
    "exempt": "免交 | exempt",
    "recycle": "回收到公海 | recycled to the pool",
    "revive": "重新激活 | revived",
    "propose": "提出分类建议 | proposed a class",
    "overdue": "逾期级别变化 | overdue level changed",
    "move": "换了位置 | moved",
    "sign_in": "登录 | signed in",
    "sign_out": "退出 | signed out",
    "sign_in_failed": "登录失败 | failed to sign in",
    "sign_in_refused": "登录被拒绝 | was refused at sign-in",
    "sign_in_blocked": "登录被暂停 | was kept from signing in for a while",
    "password_link": "发送了密码链接 | was sent a link for a password",
    "password_set": "设置了密码 | set a password",
    "user:place": "变更了角色 | role changed",
    "retry": "重试了任务 | tried a job again",
    "denied": "没有权限，被拒绝 | was denied: no permission",
    "duplicate_check": "查重 | looked for duplicates",
    "role:create": "新建了角色 | made a role",
    "role:rename": "给角色改了名 | renamed a role",
    "role:act_as": "改了角色的职责 | changed a role’s duties",
    "role:save": "改了角色的权限 | changed what a role may do",
    "role:delete": "删除了角色 | removed a role",
    "role_desk:view_as": "开始以他的身份查看 | began to look as this person",
    "role_desk:view_as_end": "结束以他人身份查看 | stopped looking as somebody else",
}


@lru_cache(maxsize=512)
def happened(entity: str, verb: str) -> str:
    """In both languages. A part's history names what was done to its whole: a receipt's, the contract's verb."""
    if declared := verb_named(entity, verb):
        return declared.label
    if words := WORDS.get(verb):
        return words
    return next((each.label for each in all_verbs() if each.name == verb), f"{verb} | {verb}")


def value_then(spec: Spec, each: Field, value: Any, *, row: Mapping[str, Any], rights: Rights, view: View, referred: Referred) -> str:
    """A value as JSON kept it: names the reader may not see are dashes, what is masked in `row` stays masked."""
    if value in (None, ""):
        return "—"
    if isinstance(each, ReferenceField):
        return referred.get((each.target, int(value)), "—")
    if rights.masks(spec, each, row):
        return rights.hidden(each, value)
    try:
        return each.words(each.parse(value), view)
    except ValueError:
        return each.words(value, view) if isinstance(value, list) else str(value)
