"""REST of any entity under `/api/v1/<entity>/`, in Flask-AppBuilder's registry and OpenAPI."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from flask import Response, jsonify, make_response, request
from flask_appbuilder.api import BaseApi, expose
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

import jobs
from portal.domain import merging
from portal.domain.calendar import company_day
from portal.engine import custom, operations, store
from portal.engine.errors import BadRequest, Invalid, NotFound, PortalError, Refused
from portal.engine.fields import Field
from portal.engine.given import Unkept, id_of, json_of
from portal.engine.kinds.reference import ReferenceField
from portal.engine.query.counting import capped
from portal.engine.query.listing import Listing, label_key
from portal.engine.spec import Spec
from portal.engine.tables import IdempotencyKey
from portal.engine.verbs import Outcome, verbs_of
from portal.policies import policy
from portal.security.bulk import Selection
from portal.web import actions, arguments, files, openapi, pickers, prints, records, undoing
from portal.web.language import view as reader
from portal.web.records import granted


class EntityApi(BaseApi):  # type: ignore[misc]
    """Derived per entity by `api_of`."""

    declared: Spec

    @property
    def spec(self) -> Spec:
        """As this request has it, with the fields added at run time."""
        return custom.current(self.declared)

    @expose("/", methods=("GET",))
    @granted("read")
    def get_list(self) -> Response:
        view, rights = reader(), records.rights()
        query = arguments.parse(self.spec, request.args, known=arguments.API)
        fields = self._fields()
        listing = Listing(self.spec, rights, view, query if query.columns else replace(query, columns=tuple(f.key for f in fields)))
        page = listing.page(store.session())
        count, more = capped(listing, store.session())
        return jsonify({"result": self._json(page.rows, listing.shown()), "next": page.next, "count": count, "count_capped": more})

    @expose("/<int:record_id>", methods=("GET",))
    @granted("read")
    def get(self, record_id: int) -> Response:
        return jsonify({"result": self._read(record_id)})

    @expose("/", methods=("POST",))
    @granted("create")
    def post(self) -> Response:
        given = _body()
        values = self._parse(given, whole=True)
        with records.writing() as (session, now):
            session.info["confirmed"] = request.args.get("confirm") == "1"
            record = operations.create(session, self.spec, values, acting_user=records.principal(), now=now)
            record_id = int(record.id)
        return make_response(jsonify({"id": record_id, "result": self._read(record_id)}), 201)

    @expose("/<int:record_id>", methods=("PUT",))
    @granted("edit")
    def put(self, record_id: int) -> Response:
        given = _body()
        version = given.pop("version", None)
        if version is not None and type(version) is not int:
            raise BadRequest("version 应为整数。 | version is a whole number.")
        with records.writing() as (session, now):
            record = records.find(self.spec, record_id)
            values = self._parse(given, whole=False, row=records.values_of(record))
            seen = operations.seen(self.spec, version)
            operations.change(session, self.spec, record, values, version=seen, acting_user=records.principal(), now=now)
        return jsonify({"id": record_id, "result": self._read(record_id)})

    @expose("/<int:record_id>", methods=("DELETE",))
    @granted("delete")
    def delete(self, record_id: int) -> Response:
        with records.writing() as (session, now):
            operations.remove(session, self.spec, records.find(self.spec, record_id), acting_user=records.principal(), now=now)
        return make_response("", 204)

    @expose("/<int:record_id>/restore", methods=("POST",))
    @granted("delete")
    def restore(self, record_id: int) -> Response:
        with records.writing() as (session, now):
            record = records.find(self.spec, record_id, with_deleted=True)
            operations.restore(session, self.spec, record, acting_user=records.principal(), now=now)
        return jsonify({"id": record_id})

    @expose("/<int:record_id>/reveal", methods=("POST",))
    @granted("reveal")
    def reveal(self, record_id: int) -> Response:
        """`{"field": "phone", "reason": "…"}` answers with the masked value and notes it in the history."""
        given = _body()
        key = str(given.get("field") or "")
        value = records.reveal(self.spec, record_id, key, str(given.get("reason") or ""))
        return jsonify({"id": record_id, "field": key, "value": self.spec.field(key).to_json(value)})

    @expose("/pick", methods=("GET",))
    @granted("read")
    def pick(self) -> Response:
        return pickers.pick(self.spec)

    @expose("/undo", methods=("POST",))
    @granted("read")
    def undo(self) -> Response:
        """`{"batch_id": 12}` takes a bulk verb back; of thousands as a job, answered 202."""
        batch_id = _body().get("batch_id")
        if not isinstance(batch_id, int) or id_of(batch_id) is None:
            raise BadRequest("batch_id 应为整数。 | batch_id is a whole number.")
        with records.writing() as (session, now):
            run_id = undoing.long_run(session, self.spec, [batch_id], now)
            outcome = undoing.at_once(session, self.spec, [batch_id], now) if run_id is None else None
        if run_id is not None:
            jobs.enqueue(run_id)
            return make_response(jsonify({"job": run_id}), 202)
        assert outcome is not None  # noqa: S101 - what was no job was done
        return jsonify(_outcome(outcome)[0])

    @expose("/<verb>", methods=("POST",))
    @granted("read")
    def verb(self, verb: str) -> Response:
        """`{"ids": [1, 2], …form}` or `{"filter": [...], "scope": "all"}`; long runs answer 202 with a job."""
        declared = actions.declared(self.spec, verb)
        given = _body()
        with records.writing() as (session, now):
            if (stored := _remembered(given) or _reserved(session, given, now)) is not None:
                return stored
            selection = _selection(self.spec, given)
            values = operations.parse(
                self.spec, {k: v for k, v in given.items() if k not in _SELECTION}, fields=declared.form, view=reader(), whole=True
            )
            if len(selection.ids) > policy("bulk.job_above", on=company_day(now)):
                answer, status = {"job": actions.asked_for(session, self.spec, declared, selection, values, now=now)}, 202
            else:
                answer, status = _outcome(actions.run_within(session, self.spec, declared, selection, values, now=now))
            _remember(session, answer, status)
        if "job" in answer:
            jobs.enqueue(answer["job"])
        return make_response(jsonify(answer), status)

    # files ----------------------------------------------------------------------------------
    @expose("/<int:record_id>/files", methods=("GET",))
    @granted("read")
    def get_files(self, record_id: int) -> Response:
        """The record's files, the newest first."""
        records.find(self.spec, record_id)
        return jsonify({"result": [files.plain(self.spec, each) for each in files.of_record(self.spec, record_id)]})

    @expose("/<int:record_id>/files", methods=("POST",))
    @granted("read")
    def post_files(self, record_id: int) -> Response:
        """`multipart/form-data`, each file as `file`."""
        made = files.upload(self.spec, record_id)
        return make_response(jsonify({"result": [files.plain(self.spec, each) for each in made]}), 201)

    @expose("/<int:record_id>/files/<int:file_id>", methods=("GET",))
    @granted("read")
    def get_file(self, record_id: int, file_id: int) -> Response:
        return files.download(self.spec, record_id, file_id)

    @expose("/<int:record_id>/files/<int:file_id>", methods=("DELETE",))
    @granted("read")
    def delete_file(self, record_id: int, file_id: int) -> Response:
        files.remove(self.spec, record_id, file_id)
        return make_response("", 204)

    @expose("/<int:record_id>/files/<int:file_id>/restore", methods=("POST",))
    @granted("read")
    def restore_file(self, record_id: int, file_id: int) -> Response:
        return jsonify({"result": files.plain(self.spec, files.restore(self.spec, record_id, file_id))})

    # parts ----------------------------------------------------------------------------------
    def _fields(self) -> tuple[Field, ...]:
        rights = records.rights()
        return tuple(f for f in self.spec.fields.values() if not f.silent and rights.sees(self.spec, f))

    def _parse(self, given: Mapping[str, Any], *, whole: bool, row: Mapping[str, Any] | None = None) -> dict[str, Any]:
        fields = records.rights().writes(self.spec, row)
        return operations.parse(self.spec, given, fields=fields, view=reader(), whole=whole)

    def _read(self, record_id: int) -> dict[str, Any]:
        row = records.row_of(self.spec, record_id, reader(), with_deleted=self.spec.mergeable)
        if row.get("deleted_at") is not None:
            raise merging.went_where(self.spec, row) if row.get("merged_into_id") else NotFound
        return self._json([row], self._fields())[0]

    def _json(self, rows: Sequence[Mapping[str, Any]], fields: tuple[Field, ...]) -> list[dict[str, Any]]:
        """Rows as this reader gets them; whose view it is is asked once for all of them."""
        rights, view = records.rights(), reader()
        fixed = ["id", "version"] if self.spec.versioned else ["id"]
        tellers = [(f.key, _named(f) if isinstance(f, ReferenceField) else rights.telling(self.spec, f, view)) for f in fields]
        return [{key: row[key] for key in fixed} | {key: tell(row) for key, tell in tellers} for row in rows]

    def add_api_spec(self, api_spec: Any) -> None:
        """Ours last: what the frame says of a route without a docstring is nothing, and would stand in its place."""
        super().add_api_spec(api_spec)
        openapi.describe(api_spec, self.spec, verbs_of(self.spec), records.rights())


class PrintedApi(EntityApi):
    """REST of an entity that is offered on paper."""

    @expose("/<int:record_id>/print.pdf", methods=("GET",))
    @granted("read")
    def print_pdf(self, record_id: int) -> Response:
        """The record as its reader sees it, in the layout in use."""
        return prints.of_record(self.spec, record_id)


def _named(each: ReferenceField) -> Callable[[Mapping[str, Any]], Any]:
    """A reference is told with its name; where the name is hidden, so is the record."""
    key, label = each.key, label_key(each)
    return lambda row: None if row.get(label) is None else {"id": row[key], "name": row[label]}


MOST_KEY = 100
_SELECTION = frozenset({"ids", "filter", "scope", "q", "tab", "version"})


_UNKEPT = "“{where}”含有不能保存的字符（如 NUL）。 | “{where}” holds a character that cannot be stored, such as NUL."


def _body() -> dict[str, Any]:
    try:
        given = json_of(request.get_data()) if request.is_json else None
    except Unkept as error:
        raise BadRequest(_UNKEPT, where=error.where or "JSON") from error
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise BadRequest("请求体应是 JSON 对象。 | The body must be a JSON object.")
    return dict(given)


def _selection(spec: Spec, given: Mapping[str, Any]) -> Selection:
    from werkzeug.datastructures import MultiDict  # noqa: PLC0415

    ids = given.get("ids", [])
    if not isinstance(ids, list):
        raise BadRequest("ids 应是列表。 | ids is a list.")
    flat = MultiDict([("ids", str(i)) for i in ids])
    for key in ("scope", "q", "tab", "version"):
        if given.get(key) is not None:
            flat[key] = str(given[key])
    if "filter" in given:
        flat["filter"] = json.dumps(given["filter"]) if not isinstance(given["filter"], str) else given["filter"]
    return actions.selection_from(spec, flat)


def _outcome(outcome: Outcome) -> tuple[dict[str, Any], int]:
    language = reader().language
    refused = [{"id": i, "rule": e.rule, "message": e.in_(language), **_fields(e)} for i, e in outcome.refused]
    answer = {"done": outcome.done, "refused": refused, "batch_id": outcome.batch_id}
    return answer, 200 if outcome.done or not refused else 409


def _fields(error: PortalError) -> dict[str, Any]:
    """Beside which fields it is to be said, where that is known."""
    language = reader().language
    return {"fields": {key: text.in_(language) for key, text in error.errors.items()}} if isinstance(error, Invalid) else {}


def _key() -> str:
    """The key that this request is sent under, if any. Two long ones must not become one by being cut."""
    key = request.headers.get("Idempotency-Key", "")
    if len(key) > MOST_KEY:
        raise BadRequest("Idempotency-Key 最多 {most} 个字符。 | An Idempotency-Key has at most {most} characters.", most=MOST_KEY)
    return key


def _request_hash(given: Mapping[str, Any]) -> str:
    return hashlib.sha256(f"{request.path}\n{json.dumps(given, sort_keys=True)}".encode()).hexdigest()


def _remembered(given: Mapping[str, Any]) -> Response | None:
    """The first answer, when this key was used before for the same request."""
    key = _key()
    if not key:
        return None
    table = IdempotencyKey.__table__
    found = (
        store.session()
        .connection()
        .execute(select(table).where(table.c.user_id == records.principal().user_id, table.c.key == key))
        .one_or_none()
    )
    if found is None:
        return None
    if found.request_hash != _request_hash(given):
        raise Refused("这个 Idempotency-Key 已用于另一个请求。 | This Idempotency-Key was used for another request.", rule="idempotency")
    return make_response(jsonify(found.answer), found.status)


def _reserved(session: Session, given: Mapping[str, Any], now: datetime) -> Response | None:
    """The key is this transaction's until it ends; who brings the same one meanwhile waits here for the first answer."""
    key = _key()
    if not key:
        return None
    table = IdempotencyKey
    mine = insert(table).values(
        user_id=records.principal().user_id, key=key, request_hash=_request_hash(given), status=0, answer={}, at=now
    )
    fresh = session.connection().scalar(mine.on_conflict_do_nothing().returning(table.key))
    return None if fresh else _remembered(given)


def _remember(session: Session, answer: Mapping[str, Any], status: int) -> None:
    """With the effect, in its transaction: there is never one without the other."""
    table, key = IdempotencyKey, _key()
    if key:
        ours = update(table).where(table.user_id == records.principal().user_id, table.key == key)
        session.connection().execute(ours.values(status=status, answer=dict(answer)))


def api_of(spec: Spec) -> type[EntityApi]:
    """The API class of an entity."""
    name = "".join(part.title() for part in spec.name.split("_")) + "Api"
    return type(
        name,
        (PrintedApi if spec.screen.prints else EntityApi,),
        {
            "declared": spec,
            "resource_name": spec.name,
            "class_permission_name": spec.name,
            "csrf_exempt": False,
            "openapi_spec_tag": spec.label.split(" | ")[1],
            "allow_browser_login": True,
        },
    )
