"""REST of roles: what each may do, how far it reaches, which fields it sees. Read and written by who may on the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from flask import Response, jsonify, make_response, request
from flask_appbuilder.api import BaseApi, expose

from portal.domain import role_changes, role_desk, role_fields
from portal.domain.role_desk import RoleCard, RoleRights, Scope
from portal.engine import store
from portal.engine.errors import BadRequest
from portal.engine.given import MOST_ID, refuse_unknown
from portal.screens.role_desk import EDIT, READ
from portal.web import records

_SCOPE = frozenset({"read", "write", "assign", "team_ids"})
_SHAPE = (
    '请求体应是 JSON：{{"stamp", "verbs": [], "scopes": {{}}, "fields": {{}}, "reason"}}，{key} 不对。'
    ' | The body is JSON {{"stamp", "verbs": [], "scopes": {{}}, "fields": {{}}, "reason"}}; {key} is not as it should be.'
)


class RoleApi(BaseApi):  # type: ignore[misc]
    """`stamp` changes with every right: who writes says what he had before him."""

    resource_name = "role"
    endpoint = "RoleApi"
    openapi_spec_tag = "Role"

    @expose("/", methods=("GET",))
    def get_list(self) -> Response:
        """Every role
        ---
        get:
          summary: Every role with its rights
          responses:
            200: {description: done}
            403: {description: not allowed}
        """
        records.admit(READ)
        return jsonify({"result": [_told(card) for card in role_desk.cards(store.session())]})

    @expose("/<int:role_id>", methods=("GET",))
    def get(self, role_id: int) -> Response:
        """One role
        ---
        get:
          summary: One role with its rights
          parameters: [{name: role_id, in: path, required: true, schema: {type: integer}}]
          responses:
            200: {description: done}
            403: {description: not allowed}
            404: {description: not there}
        """
        records.admit(READ)
        return jsonify({"result": _told(role_desk.card(store.session(), role_id))})

    @expose("/", methods=("POST",))
    def post(self) -> Response:
        """A role that has no rights, or those of another one
        ---
        post:
          summary: Make a role, like another one or without rights
          responses:
            201: {description: made}
            403: {description: not allowed}
            422: {description: values to correct}
        """
        records.admit(EDIT)
        given = _body({"zh", "en", "like", "reason"})
        like = _of(given, "like", int, None)
        with records.writing() as (session, _):
            words = [_of(given, key, str, "") for key in ("zh", "en")]
            made = role_changes.create(session, *words, like=like, reason=_of(given, "reason", str, "")[:500])
            told = _told(made)
        return make_response(jsonify({"id": told["id"], "result": told}), 201)

    @expose("/<int:role_id>", methods=("PUT",))
    def put(self, role_id: int) -> Response:
        """Set rights; a part that is not given stays as it is
        ---
        put:
          summary: Set verbs, scopes and fields of a role
          parameters: [{name: role_id, in: path, required: true, schema: {type: integer}}]
          responses:
            200: {description: done}
            403: {description: not allowed}
            404: {description: not there}
            409: {description: changed meanwhile, or refused by a rule}
            422: {description: values to correct}
        """
        records.admit(EDIT)
        given = _body({"stamp", "verbs", "scopes", "fields", "acts_as", "reason"})
        with records.writing() as (session, _):
            if "acts_as" in given:
                role_changes.act_as(session, role_id, _of(given, "acts_as", str, ""))
            wanted = _wanted(role_desk.card(session, role_id), given)
            reason = _of(given, "reason", str, "")[:500]
            seen = _of(given, "stamp", str, "")
            role_changes.save(session, role_id, wanted, seen=seen, acting_user=records.principal(), reason=reason)
            told = _told(role_desk.card(session, role_id))
        return jsonify({"id": role_id, "result": told})

    @expose("/<int:role_id>", methods=("DELETE",))
    def delete(self, role_id: int) -> Response:
        """Only one that an administrator made and that nobody holds
        ---
        delete:
          summary: Remove a role that nobody holds
          parameters: [{name: role_id, in: path, required: true, schema: {type: integer}}]
          responses:
            204: {description: done}
            403: {description: not allowed}
            404: {description: not there}
            409: {description: refused by a rule}
        """
        records.admit(EDIT)
        with records.writing() as (session, _):
            role_changes.remove(session, role_id)
        return make_response("", 204)


def _told(card: RoleCard) -> dict[str, Any]:
    rights = card.rights
    return {
        "id": card.id,
        "name": card.name,
        "label": card.label,
        "shipped": card.shipped,
        "acts_as": card.acts_as,
        "people": len(card.members),
        "verbs": sorted(rights.verbs),
        "scopes": {entity: {**asdict(scope), "team_ids": list(scope.team_ids)} for entity, scope in sorted(rights.scopes.items())},
        "fields": {entity: dict(fields) for entity, fields in sorted(rights.fields.items())},
        "stamp": rights.stamp,
    }


def _body(known: set[str]) -> dict[str, Any]:
    given = request.get_json(silent=True)
    if not isinstance(given, dict):
        raise BadRequest("请求体应是 JSON 对象。 | The body must be a JSON object.")
    refuse_unknown(given, known)
    return given


def _of(given: Mapping[str, Any], key: str, kind: type, default: Any) -> Any:
    value = given.get(key, default)
    if value is not default and (not isinstance(value, kind) or isinstance(value, bool)):
        raise BadRequest(_SHAPE, key=key)
    return value


def _wanted(held: RoleCard, given: Mapping[str, Any]) -> RoleRights:
    """The role's rights with the parts that are given in place of its own."""
    rights = held.rights
    if "verbs" in given:
        verbs = _of(given, "verbs", list, [])
        if not all(isinstance(each, str) for each in verbs):
            raise BadRequest(_SHAPE, key="verbs")
        rights = replace(rights, verbs=frozenset(verbs))
    if "scopes" in given:
        scopes = _of(given, "scopes", dict, {})
        rights = replace(rights, scopes={entity: _scope(scopes, entity) for entity in scopes})
    if "fields" in given:
        fields = _of(given, "fields", dict, {})
        flat = {f"{entity}.{key}": level for entity in fields for key, level in _of(fields, entity, dict, {}).items()}
        if not all(isinstance(level, str) for level in flat.values()):
            raise BadRequest(_SHAPE, key="fields")
        rights = replace(rights, fields=role_fields.chosen(replace(held, rights=replace(held.rights, fields={})), flat))
    return rights


def _scope(scopes: Mapping[str, Any], entity: str) -> Scope:
    given = _of(scopes, entity, dict, {})
    teams = _of(given, "team_ids", list, [])
    if set(given) - _SCOPE or not all(type(each) is int and 0 < each <= MOST_ID for each in teams):
        raise BadRequest(_SHAPE, key=f"scopes.{entity}")
    read, write, assign = (_of(given, use, str, "none") for use in ("read", "write", "assign"))
    return Scope(read, write, assign, tuple(sorted(set(teams))))
