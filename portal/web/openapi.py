"""OpenAPI of the generated resources: schemas from fields, paths from verbs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from portal.engine.fields import Field
from portal.engine.spec import Spec
from portal.engine.verbs import Verb
from portal.security.fields import Rights
from portal.security.permissions import GENERATED_LABELS

_LIST_ARGUMENTS = (
    ("filter", "JSON [[field, operator, value], …]; all must hold"),
    ("order", "field or -field"),
    ("limit", "1 to 200"),
    ("after", "the cursor `next` of the page before"),
    ("q", "search"),
    ("tab", "mine, team, pool, all"),
)


def describe(api_spec: Any, spec: Spec, verbs: Sequence[Verb], rights: Rights) -> None:
    """Add the entity's schemas and paths as this reader may use them; adding twice changes nothing."""
    if spec.name in api_spec.components.schemas:
        return
    seen, written = (f for f in spec.fields.values() if not f.silent and rights.sees(spec, f)), rights.writes(spec)
    api_spec.components.schema(spec.name, _read_schema(spec, seen))
    api_spec.components.schema(f"{spec.name}_input", _schema(written, required=tuple(f.key for f in written if f.required)))
    api_spec.components.schema(f"{spec.name}_update", _schema(written, required=()))
    root = f"/api/v1/{spec.name}/"
    api_spec.path(path=root, operations={"get": _list(spec), "post": _write(spec, 201)})
    one = {**_read(spec)}
    api_spec.path(path=root + "{record_id}", operations={"get": one, "put": _change(spec), "delete": _plain(spec, 204)})
    if spec.masked:
        api_spec.path(path=root + "{record_id}/reveal", operations={"post": _reveal(spec)})
    if spec.screen.prints:
        api_spec.path(path=root + "{record_id}/print.pdf", operations={"get": _paper(spec)})
    if spec.screen.attachments:
        _files(api_spec, spec, root + "{record_id}/files")
    for verb in verbs:
        api_spec.path(path=root + verb.name, operations={"post": _verb(spec, verb)})


def _schema(fields: Any, required: tuple[str, ...]) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "object", "properties": {f.key: _property(f) for f in fields}}
    return {**made, "required": list(required)} if required else made


def _read_schema(spec: Spec, seen: Any) -> dict[str, Any]:
    """A record as it is read: its id, and the version that a save sends back."""
    fixed = {key: {"type": "integer"} for key in (("id", "version") if spec.versioned else ("id",))}
    made = _schema(seen, required=())
    return {**made, "properties": {**fixed, **made["properties"]}}


def _property(field: Field) -> dict[str, Any]:
    return field.schema()


def _responses(status: int, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    content = {"application/json": {"schema": schema}} if schema else None
    done = {"description": "done", **({"content": content} if content else {})}
    return {
        str(status): done,
        "401": {"description": "not signed in"},
        "403": {"description": "not allowed"},
        "404": {"description": "not there, or not visible"},
        "409": {"description": "refused by a rule"},
        "422": {"description": "values to correct"},
    }


def _list(spec: Spec) -> dict[str, Any]:
    page = {
        "type": "object",
        "properties": {
            "result": {"type": "array", "items": {"$ref": f"#/components/schemas/{spec.name}"}},
            "next": {"type": "string", "nullable": True},
            "count": {"type": "integer"},
            "count_capped": {"type": "boolean"},
        },
    }
    arguments = [{"name": n, "in": "query", "description": d, "schema": {"type": "string"}} for n, d in _LIST_ARGUMENTS]
    return {"tags": [_tag(spec)], "parameters": arguments, "responses": _responses(200, page)}


def _read(spec: Spec) -> dict[str, Any]:
    return {"tags": [_tag(spec)], "parameters": [_ID], "responses": _responses(200, {"$ref": f"#/components/schemas/{spec.name}"})}


def _write(spec: Spec, status: int) -> dict[str, Any]:
    body = {"required": True, "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{spec.name}_input"}}}}
    parameters = [] if status == 201 else [_ID]  # noqa: PLR2004
    return {"tags": [_tag(spec)], "parameters": parameters, "requestBody": body, "responses": _responses(status)}


def _change(spec: Spec) -> dict[str, Any]:
    """What is given replaces what is there, if nobody saved the record since it was read."""
    made = _write(spec, 200)
    if spec.versioned:
        told = {"type": "integer", "description": "as reading the record gave it; an older one answers 409"}
        version = {"type": "object", "required": ["version"], "properties": {"version": told}}
        given = {"$ref": f"#/components/schemas/{spec.name}_update"}
        made["requestBody"]["content"]["application/json"]["schema"] = {"allOf": [given, version]}
        made["responses"]["428"] = {"description": "sent without the version that was read"}
    return made


def _plain(spec: Spec, status: int) -> dict[str, Any]:
    return {"tags": [_tag(spec)], "parameters": [_ID], "responses": _responses(status)}


def _paper(spec: Spec) -> dict[str, Any]:
    made = _responses(200)
    made["200"]["content"] = {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}
    return {"tags": [_tag(spec)], "summary": "打印 | Print PDF", "parameters": [_ID], "responses": made}


def _files(api_spec: Any, spec: Spec, path: str) -> None:
    """Adding takes several parts named `file`; what is taken away can be put back."""
    one = {
        "type": "object",
        "properties": {
            **{key: {"type": "integer"} for key in ("id", "size", "created_by_id")},
            **{key: {"type": "string"} for key in ("name", "content_type", "created_at", "href")},
        },
    }
    told = {"type": "object", "properties": {"result": {"type": "array", "items": one}}}
    parts = {"type": "object", "properties": {"file": {"type": "array", "items": {"type": "string", "format": "binary"}}}}
    about = {"tags": [_tag(spec)], "parameters": [_ID]}
    added = {**about, "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": parts}}}}
    api_spec.path(
        path=path, operations={"get": {**about, "responses": _responses(200, told)}, "post": {**added, "responses": _responses(201, told)}}
    )
    which = {"tags": [_tag(spec)], "parameters": [_ID, _FILE]}
    content = _responses(200)
    content["200"]["content"] = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
    api_spec.path(
        path=path + "/{file_id}", operations={"get": {**which, "responses": content}, "delete": {**which, "responses": _responses(204)}}
    )
    again = {"type": "object", "properties": {"result": one}}
    api_spec.path(path=path + "/{file_id}/restore", operations={"post": {**which, "responses": _responses(200, again)}})


def _reveal(spec: Spec) -> dict[str, Any]:
    asked = {
        "type": "object",
        "required": ["field", "reason"],
        "properties": {"field": {"type": "string", "enum": [f.key for f in spec.masked]}, "reason": {"type": "string"}},
    }
    told = {"type": "object", "properties": {"id": {"type": "integer"}, "field": {"type": "string"}, "value": {}}}
    return {
        "tags": [_tag(spec)],
        "summary": GENERATED_LABELS["reveal"],
        "parameters": [_ID],
        "requestBody": {"required": True, "content": {"application/json": {"schema": asked}}},
        "responses": _responses(200, told),
    }


def _verb(spec: Spec, verb: Verb) -> dict[str, Any]:
    form = _schema(verb.form, required=tuple(f.key for f in verb.form if f.required))
    form["properties"] = {
        "ids": {"type": "array", "items": {"type": "integer"}},
        "filter": {"type": "array", "items": {}},
        "scope": {"type": "string", "enum": ["all"]},
        **form["properties"],
    }
    key = {"name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "maxLength": 100}}
    return {
        "tags": [_tag(spec)],
        "summary": verb.label,
        "parameters": [key],
        "requestBody": {"required": True, "content": {"application/json": {"schema": form}}},
        "responses": {**_responses(200), "202": {"description": "runs as a job"}},
    }


def _tag(spec: Spec) -> str:
    return spec.label.split(" | ")[1]


_ID = {"name": "record_id", "in": "path", "required": True, "schema": {"type": "integer"}}
_FILE = {**_ID, "name": "file_id"}
