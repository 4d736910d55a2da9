"""One answer to: may this person do this to this record, by which rule, and whom to ask otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.engine.errors import NotFound
from portal.engine.spec import Spec, registry
from portal.engine.text import Text
from portal.security import levels, scopes
from portal.security.fields import Rights
from portal.security.principal import Principal
from portal.security.roles import role_label

_BRANCH_WORDS = {
    "own": "你是负责人 | you are its owner",
    "pool": "它在公海 | it lies in the pool",
    "team": "它属于你的团队 | it belongs to your team",
    "subtree": "它属于你的团队或下级团队 | it belongs to your team or one below it",
    "chosen": "它属于你的角色选定的团队，或你是负责人 | it belongs to a team chosen for your role, or you own it",
    "shared": "有人请你参与 | somebody let you take part",
    "all": "你的角色能看全部 | your role sees everything",
}

_BRANCH_OF = {
    "own": "这个人就是负责人。 | This person is its owner.",
    "pool": "记录在公海，角色能看公海。 | It lies in the pool, and the role sees the pool.",
    "team": "记录属于这个人的团队。 | It belongs to this person's team.",
    "subtree": "记录属于这个人的团队或下级团队。 | It belongs to this person's team or one below it.",
    "chosen": "记录属于角色选定的团队，或这个人就是负责人。 | It belongs to a team chosen for the role, or this person owns it.",
    "shared": "有人请这个人参与，见参与人。 | Somebody let this person take part; see the participants.",
    "all": "角色能看全部。 | The role sees everything.",
}
_OF_STATES = "{state}，角色能看。 | {state}; the role sees these."


def reads(principal: Principal, spec: Spec, row: Mapping[str, Any]) -> bool:
    """The predicate of the read scope (the gate's twin); children answer for their parent's row."""
    return spec.scope != "owner" or principal.is_system or scopes.covers(spec, principal.to(spec.name).read, principal, _full(row))


def writes(principal: Principal, spec: Spec, row: Mapping[str, Any]) -> bool:
    """Whether a plain edit would pass the gate."""
    if not principal.may(f"{spec.name}:edit"):
        return False
    return spec.scope != "owner" or scopes.covers(spec, principal.to(spec.name).write, principal, _full(row))


def removes(principal: Principal, spec: Spec, row: Mapping[str, Any]) -> bool:
    """Whether a plain removal would pass the gate: a participant's would not."""
    if not principal.may(f"{spec.name}:delete"):
        return False
    return spec.scope != "owner" or scopes.covers(spec, principal.to(spec.name).reach, principal, _full(row))


def explain(principal: Principal, spec: Spec, row: Mapping[str, Any]) -> list[Text]:
    """“Why can I see this?”: the role, the branch of its scope, and what follows for changing it."""
    belongs = spec.parent_in(row)
    access = principal.to(belongs[0].target if belongs else spec.name)
    role = role_label(access.role)
    if spec.scope == "open":
        return [Text("登录的人都能看到名称；修改需要权限。 | Everyone signed in sees names; changing needs a permission.")]
    if spec.scope == "child":
        parent = registry()[belongs[0].target] if belongs else spec
        return [Text("能看到它所属的“{parent}”，就能看到它。 | Who sees its {parent} sees it.", parent=parent.label)]
    full = _full(row)
    found = [branch for branch in access.read if scopes.covers_branch(spec, branch, principal, full)]
    lines = [
        Text("因为{branch}（角色：{role}）。 | Because {branch} (role: {role}).", branch=_branch_words(spec, branch), role=role)
        for branch in found[:1]
    ]
    if not found:
        lines.append(Text("因为有一件审批在等你决定，决定后就看不到了。 | Because an approval waits for your decision; it ends with that."))
    if not writes(principal, spec, row):
        lines.append(Text(_how_to_change(principal, spec, full)))
    return lines


def _how_to_change(principal: Principal, spec: Spec, row: Mapping[str, Any]) -> str:
    """Whom to ask, or what to do first: claiming is for what lies in a pool."""
    if spec.pooled and row["pool_id"] is not None and principal.may(f"{spec.name}:claim"):
        return "你只能看，不能改；要改请先领取。 | You may look but not change it; claim it first."
    if spec.pooled and row["pool_id"] is not None:
        return "你只能看，不能改；它在公海，请组长先分配。 | You may look but not change it; a leader assigns it first."
    return "你只能看，不能改；要改请找负责人或他的组长。 | You may look but not change it; ask its owner or the owner's leader."


@dataclass(frozen=True, slots=True)
class Finding:
    """Why somebody can or cannot see a record, as told to an administrator."""

    sees: bool
    changes: bool
    role: str
    rule: Text


def find_out(session: Session, principal: Principal, spec: Spec, owner: Spec, row: Mapping[str, Any]) -> Finding:
    """“Why can she see this?”: the role and the branch of its scope that let her, or what is missing.

    `owner` and `row`: the record whose owner decides; for a child its parent, otherwise the record itself.
    """
    access = principal.to(owner.name)
    role = role_label(access.role or next(iter(principal.roles), "—"))
    if not principal.may(f"{spec.name}:read"):
        rule = Text("没有查看“{entity}”的权限。 | No right to view “{entity}”.", entity=spec.label)
        return Finding(False, False, role, rule)
    if owner.scope == "open":
        return Finding(True, principal.may(f"{spec.name}:edit"), role, Text("登录的人都能看。 | Everyone signed in sees it."))
    full = _full(row)
    found = [branch for branch in access.read if scopes.covers_branch(owner, branch, principal, full)]
    if found:
        writable = principal.may(f"{spec.name}:edit") and scopes.covers(owner, access.write, principal, full)
        return Finding(True, writable, role, Text(_BRANCH_OF.get(found[0], _OF_STATES), state=_branch_words(owner, found[0])))
    borrowed = scopes.lent(owner, principal, owner.table.c)
    if borrowed is not None and session.connection().scalar(select(owner.table.c.id).where(owner.table.c.id == row["id"], borrowed)):
        rule = Text("有一件审批在等这个人决定，决定后就看不到了。 | An approval waits for this person's decision; it ends with that.")
        return Finding(True, False, role, rule)
    rule = Text("记录不在这个角色的范围内。 | The record is outside what this role reaches.")
    return Finding(False, False, role, rule)


def explain_fields(principal: Principal, spec: Spec, row: Mapping[str, Any], *, to_admin: bool = False) -> list[Text]:
    """“Why can I not see this field?”: each field of a record that is not whole for this person, and by what.

    That a field was never meant for his role is told to administrators only.
    """
    rights, found = Rights(principal), []
    for each in (field for field in spec.fields.values() if field.kind != "json"):
        level = principal.level(spec.name, each.key)
        if not rights.sees(spec, each):
            if level != levels.NONE and not to_admin:
                continue
            words, why = levels.NONE, _SET if level == levels.NONE else _BY_DEFINITION
        elif rights.masks(spec, each, row):
            words, why = levels.MASKED, _SET if level == levels.MASKED else _IN_POOL
        elif level == levels.READ and each in spec.form:
            words, why = levels.READ, _SET
        else:
            continue
        found.append(Text("“{field}”：{level}（{why}） | “{field}”: {level} ({why})", field=each.label, level=levels.WORDS[words], why=why))
    return found


_SET = "角色的字段权限 | field rights of the role"
_BY_DEFINITION = "字段定义里没有这个角色 | not for this role by the field’s definition"
_IN_POOL = "在公海里总是隐藏 | always masked in a pool"


def explain_denial(principal: Principal, spec: Spec) -> Text:
    """“Why can I not see this?” without saying whether the record exists."""
    if spec.scope == "open":
        return NotFound().text
    held = [spec] if spec.scope == "owner" else [registry()[each.target] for each in spec.parents]
    parts = [Text(_SEES, entity=each.label, scope=scopes.scope_words("+".join(principal.to(each.name).read))) for each in held]
    role = role_label(principal.to(held[0].name).role or next(iter(principal.roles), "—"))
    return Text(
        "你的角色（{role}）能看的范围是：{scope}。这条记录不在其中，或不存在。需要时请找你的组长或管理员。"
        " | Your role ({role}) sees {scope}. This record is outside it or does not exist. Ask your leader"
        " or an administrator if you need it.",
        role=role,
        scope={"zh": "；".join(each.in_("zh") for each in parts), "en": "; ".join(each.in_("en") for each in parts)},
    )


_SEES = "“{entity}”{scope} | in “{entity}”: {scope}"


def _branch_words(spec: Spec, branch: str) -> Text | str:
    """A branch by state is called as its record type calls it."""
    if branch in _BRANCH_WORDS:
        return _BRANCH_WORDS[branch]
    return Text("它在「{state}」 | it is in “{state}”", state=spec.model.scope_states[branch][0])


def _full(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"owner_id": None, "team_id": None, "pool_id": None, **row}
