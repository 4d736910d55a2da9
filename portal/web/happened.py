"""What a line of history is called: the verb's own label, and words for what happens without a verb."""

from __future__ import annotations

from functools import lru_cache

from portal.engine.verbs import all_verbs, verb_named

WORDS = {
    "create": "新建 | created this",
    "edit": "修改了 | changed",
    "delete": "删除 | deleted this",
    "restore": "恢复 | restored this",
    "import": "导入 | imported this",
    "attach": "添加了文件 | added files",
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
}


@lru_cache(maxsize=512)
def happened(entity: str, verb: str) -> str:
    """In both languages. A part's history names what was done to its whole: a receipt's, the contract's verb."""
    if declared := verb_named(entity, verb):
        return declared.label
    if words := WORDS.get(verb):
        return words
    return next((each.label for each in all_verbs() if each.name == verb), f"{verb} | {verb}")
