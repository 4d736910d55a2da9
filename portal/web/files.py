"""Attachments: reached by record and id only, kept under generated names, typed by content."""

from __future__ import annotations

import hashlib
import secrets
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flask import Response, current_app, make_response, redirect, request, send_file
from sqlalchemy import Select, bindparam, select
from werkzeug.datastructures import FileStorage

from portal.engine import audit, store
from portal.engine.errors import NotFound, Refused
from portal.engine.spec import Spec
from portal.engine.tables import Attachment
from portal.security.session import confirm_free, confirm_writable, guarded
from portal.web import records

MOST_BYTES = 20 * 1024 * 1024
_SIGNATURES = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"PK\x03\x04", "application/zip"),
    (b"\xd0\xcf\x11\xe0", "application/x-ole-storage"),
)
_INLINE = frozenset({"image/png", "image/jpeg", "image/gif"})


def folder() -> Path:
    """Where files lie: outside the web root, private."""
    home = Path(current_app.extensions["portal_config"].home) / "files"
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    return home


def of_record(spec: Spec, record_id: int) -> list[Attachment]:
    """The files of a record that came through the gate."""
    return list(store.session().scalars(_files_of(), {"entity": spec.name, "record_id": record_id}))


@cache
def _files_of() -> Select[Any]:
    mine = (Attachment.entity == bindparam("entity"), Attachment.record_id == bindparam("record_id"), Attachment.deleted_at.is_(None))
    found: Select[Any] = guarded(select(Attachment).where(*mine).order_by(Attachment.id.desc()).limit(200))
    return found


def upload(spec: Spec, record_id: int) -> Response:
    """Add files to a record the actor may change, or by whose verb files are added."""
    by = spec.screen.attached_by
    records.require(spec, by or "edit")
    if not spec.screen.attachments:
        raise NotFound
    with records.writing() as (session, now):
        record = records.find(spec, record_id)
        if by:
            confirm_free(session, spec, [record.id])
        else:
            confirm_writable(session, record)
            record.changed_at = now
        for given in request.files.getlist("file"):
            if given.filename:
                session.add(_stored(spec, record, given, now))
        audit.write(
            session,
            verb="attach",
            entity=spec.name,
            record_id=record_id,
            after={"files": [f.filename for f in request.files.getlist("file") if f.filename]},
        )
    return make_response(redirect(f"/{spec.name}/{record_id}", 303))


def _stored(spec: Spec, record: Any, given: FileStorage, now: Any) -> Attachment:
    content = given.stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise Refused("“{name}”超过 20 MB。 | “{name}” is over 20 MB.", rule="file_size", name=given.filename)
    if not content:
        raise Refused("“{name}”是空文件。 | “{name}” is empty.", rule="file_empty", name=given.filename)
    name = secrets.token_hex(16)
    (folder() / name).write_bytes(content)
    kind = next((kind for start, kind in _SIGNATURES if content.startswith(start)), "application/octet-stream")
    return Attachment(
        entity=spec.name,
        record_id=record.id,
        stored_as=name,
        name=Path(given.filename or "file").name[-200:],
        content_type=kind,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        created_at=now,
        created_by_id=records.principal().user_id,
    )


def download(spec: Spec, record_id: int, file_id: int) -> Response:
    """The file, when its record is visible and it is that record's."""
    records.find(spec, record_id)
    found = next((f for f in of_record(spec, record_id) if f.id == file_id), None)
    if found is None:
        raise NotFound
    response = make_response(send_file(folder() / found.stored_as, mimetype=found.content_type))
    how = "inline" if found.content_type in _INLINE else "attachment"
    response.headers["Content-Disposition"] = f"{how}; filename*=UTF-8''{quote(found.name)}"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
