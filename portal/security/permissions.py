"""Every verb that can be granted: the generated ones of each entity and the declared ones."""

from __future__ import annotations

from portal.engine.spec import registry
from portal.engine.verbs import GENERATED, all_verbs

SCREENS = (
    "home:read",
    "inbox:read",
    "report_desk:read",
    "job:read",
    "mailbox:read",
    "policy_desk:read",
    "approval_desk:read",
    "flow_desk:read",
)
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
