"""Scoped remote pickers: twenty names a time, only what the reader may choose."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import Response, jsonify, request
from sqlalchemy import and_, false, select, true

from portal.engine import store
from portal.engine.errors import BadRequest
from portal.engine.given import refuse_unknown
from portal.engine.kinds.reference import ReferenceField
from portal.engine.query.search import search_criterion
from portal.engine.spec import Spec, registry
from portal.engine.verbs import verb_named
from portal.security import scopes
from portal.web import records

MOST = 20


def names(target: str, ids: Iterable[int]) -> dict[int, str]:
    """Names of records by id, through the gate: hidden ones are left out."""
    spec = registry()[target]
    wanted = list(ids)
    if not wanted:
        return {}
    rows = store.session().execute(select(spec.model.id, spec.column(spec.identity.key)).where(spec.model.id.in_(wanted)))
    found: dict[int, str] = dict(rows.all())
    return {key: str(found[key]) for key in wanted if key in found}


def pick(spec: Spec) -> Response:
    """`?field=source_id&q=官网`, or `?verb=assign&field=to_id&q=…` for a verb's own form."""
    refuse_unknown(request.args, {"field", "q", "verb"})
    each = _field(spec, request.args.get("verb", ""), request.args.get("field", ""))
    target = registry()[each.target]
    statement = select(target.model.id, target.column(target.identity.key)).where(_offered(spec, each, target))
    if words := request.args.get("q", "").strip():
        rights = records.rights()
        statement = statement.where(search_criterion(target, words, rights, by_name=not rights.reads(target)))
    rows = store.session().execute(statement.order_by(target.model.id).limit(MOST))
    return jsonify([{"value": str(key), "text": str(name)} for key, name in rows])


def _field(spec: Spec, verb: str, key: str) -> ReferenceField:
    declared = verb_named(spec.name, verb) if verb else None
    found = next((f for f in declared.form if f.key == key), None) if declared else spec.fields.get(key)
    if not isinstance(found, ReferenceField) or not records.rights().sees(spec, found):
        raise BadRequest("没有可选的字段 {key}。 | There is no field {key} to pick for.", key=key)
    return found


def _offered(spec: Spec, each: ReferenceField, target: Spec) -> Any:
    """Who or what may be chosen: people within the assign reach for owners, live dictionary rows for the rest."""
    if target.name == "user":
        return _people(spec, each, target)
    changes = scopes.writable(target, records.principal()) if each.by_writers else None
    return and_(target.model.deleted_at.is_(None) if target.archived else true(), *([] if changes is None else [changes]))


def _people(spec: Spec, each: ReferenceField, target: Spec) -> Any:
    principal = records.principal()
    active = target.model.active.is_(True)
    reach = principal.to(spec.name).assign if not spec.fields.get(each.key) or each.key == "owner_id" else "all"
    match reach:
        case "all":
            return active
        case "subtree":
            return active & target.model.team_id.in_(principal.team_ids)
        case "team":
            return active & (target.model.team_id == principal.team_id)
        case "chosen":
            return active & target.model.team_id.in_(principal.to(spec.name).teams)
        case "own":
            return active & (target.model.id == principal.user_id)
    return false()
