"""Every verb that can be granted: the generated ones of each entity and the declared ones."""

from __future__ import annotations

from portal.engine.spec import registry
from portal.engine.verbs import GENERATED, all_verbs

SCREENS = {
    "home:read": "工作台 | Home",
    "inbox:read": "通知 | Notices",
    "report_desk:read": "报告台 | Report desk",
    "job:read": "任务 | Jobs",
    "mailbox:read": "收到的测试邮件 | Caught mail",
    "policy_desk:read": "分类试算 | Class dry run",
    "approval_desk:read": "待办 | Approvals",
    "flow_desk:read": "看审批流 | See approval flows",
    "flow_desk:edit": "改审批流 | Change approval flows",
    "print_desk:read": "看打印模板 | See print templates",
    "print_desk:edit": "改打印模板 | Change print templates",
    "role_desk:read": "看角色与范围 | See roles and reach",
    "role_desk:edit": "改角色与范围 | Change roles and reach",
    "role_desk:view_as": "换成某人看看 | View as somebody",
    "audit_log:read": "看操作日志 | Read the audit log",
    "audit_log:export": "导出操作日志 | Export the audit log",
}
"""Permissions of screens that no declaration makes."""

GENERATED_LABELS = {
    "read": "查看 | View",
    "create": "新建 | Create",
    "edit": "修改 | Edit",
    "delete": "删除 | Delete",
    "export": "导出 | Export",
    "import": "导入 | Import",
    "reveal": "查看隐藏内容 | Reveal hidden values",
}


def all_permissions() -> tuple[str, ...]:
    """`lead:claim` and its like, sorted."""
    generated = {f"{name}:{verb}" for name in registry() for verb in GENERATED}
    revealed = {f"{spec.name}:reveal" for spec in registry().values() if spec.masked}
    return tuple(sorted({*generated, *revealed, *SCREENS, *(verb.permission for verb in all_verbs())}))
