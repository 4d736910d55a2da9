"""One answer to: may this person do this to this record, by which rule, and whom to ask otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from portal.engine.spec import Spec, registry
from portal.engine.text import Text
from portal.security import scopes
from portal.security.principal import Principal
from portal.security.roles import ROLES

_BRANCH_WORDS = {
    "own": "你是负责人 | you are its owner",
    "pool": "它在公海 | it lies in the pool",
    "team": "它属于你的团队 | it belongs to your team",
    "subtree": "它属于你的团队或下级团队 | it belongs to your team or one below it",
    "all": "你的角色能看全部 | your role sees everything",
}


def reads(principal: Principal, spec: Spec, row: Mapping[str, Any]) -> bool:
    """The predicate of the read scope (the gate's twin); children answer for their parent's row."""
    return spec.scope != "owner" or principal.is_system or scopes.covers(spec, principal.to(spec.name).read, principal, _full(row))


def writes(principal: Principal, spec: Spec, row: Mapping[str, Any]) -> bool:
    """Whether a plain edit would pass the gate."""
    if not principal.may(f"{spec.name}:edit"):
        return False
    return spec.scope != "owner" or scopes.covers(spec, principal.to(spec.name).write, principal, _full(row))


def explain(principal: Principal, spec: Spec, row: Mapping[str, Any]) -> list[Text]:
    """“Why can I see this?”: the role, the branch of its scope, and what follows for changing it."""
    belongs = spec.parent_in(row)
    access = principal.to(belongs[0].target if belongs else spec.name)
    role = ROLES[access.role].label if access.role in ROLES else access.role
    if spec.scope == "open":
        return [Text("登录的人都能看到名称；修改需要权限。 | Everyone signed in sees names; changing needs a permission.")]
    if spec.scope == "child":
        parent = registry()[belongs[0].target] if belongs else spec
        return [Text("能看到它所属的“{parent}”，就能看到它。 | Who sees its {parent} sees it.", parent=parent.label)]
    full = _full(row)
    found = [branch for branch in access.read if scopes.covers_branch(spec, branch, principal, full)]
    lines = [
        Text("因为{branch}（角色：{role}）。 | Because {branch} (role: {role}).", branch=_BRANCH_WORDS[branch], role=role)
        for branch in found[:1]
    ]
    if not found:
        lines.append(Text("因为有一件审批在等你决定，决定后就看不到了。 | Because an approval waits for your decision; it ends with that."))
    if not writes(principal, spec, row):
        lines.append(
            Text(
                "你只能看，不能改；要改请先领取，或找负责人的组长。"
                " | You may look but not change it; claim it first, or ask the owner's leader."
            )
        )
    return lines


def explain_denial(principal: Principal, spec: Spec) -> Text:
    """“Why can I not see this?” without saying whether the record exists."""
    access = principal.to(spec.name)
    scope = "、".join(access.read) or "—"
    role = ROLES[access.role].label if access.role in ROLES else (principal.roles[0] if principal.roles else "—")
    return Text(
        "你的角色（{role}）在“{entity}”中能看的范围是：{scope}。这条记录不在其中，或不存在。需要时请找你的组长或管理员。"
        " | Your role ({role}) sees in “{entity}”: {scope}. This record is outside it or does not exist. Ask your leader"
        " or an administrator if you need it.",
        role=role,
        entity=spec.label,
        scope=scope,
    )


def _full(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"owner_id": None, "team_id": None, "pool_id": None, **row}
