"""Attachments: reached by record and id only, kept under generated names, typed by content, taken away and put back."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flask import Response, current_app, make_response, request, send_file
from sqlalchemy import Select, and_, bindparam, or_, select
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage

from portal.engine import audit, store
from portal.engine.errors import BadRequest, NotAllowed, NotFound, Refused
from portal.engine.spec import Spec
from portal.engine.tables import Attachment
from portal.security.session import confirm_free, confirm_writable, guarded
from portal.web import records
from portal.web.content import INLINE, recognised

MOST_BYTES = 20 * 1024 * 1024
EACH = "每个 20 MB 以内 | 20 MB each"
_MOST = 200


def folder() -> Path:
    """Where files lie: outside the web root, private."""
    home = Path(current_app.extensions["portal_config"].home) / "files"
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    return home


# which there are --------------------------------------------------------------------------------


def of_record(spec: Spec, record_id: int) -> list[Attachment]:
    """The files of a record that came through the gate."""
    return list(store.session().scalars(_files_of(), {"entity": spec.name, "record_id": record_id}))


@cache
def _files_of() -> Select[Any]:
    mine = (Attachment.entity == bindparam("entity"), Attachment.record_id == bindparam("record_id"), Attachment.deleted_at.is_(None))
    found: Select[Any] = guarded(select(Attachment).where(*mine).order_by(Attachment.id.desc()).limit(_MOST))
    return found


def with_children(spec: Spec, record_id: int, child: Spec) -> list[Attachment]:
    """The files of a record that came through the gate, and those of its children, which are seen with it."""
    return list(store.session().scalars(_files_with(spec, child), {"record_id": record_id}))


@lru_cache(maxsize=64)
def _files_with(spec: Spec, child: Spec) -> Select[Any]:
    belongs = child.parent_to(spec.name)
    assert belongs is not None  # noqa: S101 - asked of children only
    table: Any = child.table.c
    which: Any = bindparam("record_id")
    theirs = select(table.id).where(table[belongs.key] == which, table.deleted_at.is_(None))
    here = or_(
        and_(Attachment.entity == spec.name, Attachment.record_id == which),
        and_(Attachment.entity == child.name, Attachment.record_id.in_(theirs)),
    )
    found: Select[Any] = guarded(
        select(Attachment).where(here, Attachment.deleted_at.is_(None)).order_by(Attachment.id.desc()).limit(_MOST)
    )
    return found


def _one(spec: Spec, record_id: int, file_id: int) -> Attachment:
    found = next((f for f in of_record(spec, record_id) if f.id == file_id), None)
    if found is None:
        raise NotFound
    return found


def plain(spec: Spec, each: Attachment) -> dict[str, Any]:
    """As REST tells it."""
    return {
        "id": each.id,
        "name": each.name,
        "content_type": each.content_type,
        "size": each.size,
        "created_at": each.created_at.isoformat(),
        "created_by_id": each.created_by_id,
        "href": f"/api/v1/{spec.name}/{each.record_id}/files/{each.id}",
    }


# added ------------------------------------------------------------------------------------------


def given() -> list[FileStorage]:
    """The files of this request."""
    return [each for each in request.files.getlist("file") if each.filename]


def upload(spec: Spec, record_id: int) -> list[Attachment]:
    """Add the request's files to a record the actor may change, or by whose verb files are added."""
    _require(spec)
    if not (sent := given()):
        raise BadRequest("请选择文件。 | Choose a file.")
    with records.writing() as (session, now):
        _confirm(session, spec, record_id, now)
        return add(session, spec, record_id, sent, now)


def add(session: Session, spec: Spec, record_id: int, sent: Sequence[FileStorage], now: datetime) -> list[Attachment]:
    """In the open transaction, to a record that the actor may change or has just made."""
    made = [_stored(spec, record_id, each, now) for each in sent]
    session.add_all(made)
    audit.write(session, verb="attach", entity=spec.name, record_id=record_id, after={"files": [each.name for each in made]})
    session.flush()
    return made


def _stored(spec: Spec, record_id: int, sent: FileStorage, now: datetime) -> Attachment:
    content = sent.stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise Refused("“{name}”超过 20 MB。 | “{name}” is over 20 MB.", rule="file_size", name=sent.filename)
    if not content:
        raise Refused("“{name}”是空文件。 | “{name}” is empty.", rule="file_empty", name=sent.filename)
    content, kind = recognised(content)
    name = secrets.token_hex(16)
    (folder() / name).write_bytes(content)
    return Attachment(
        entity=spec.name,
        record_id=record_id,
        stored_as=name,
        name=Path(sent.filename or "file").name[-200:],
        content_type=kind,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        created_at=now,
        created_by_id=records.principal().user_id,
    )


def _require(spec: Spec) -> None:
    records.require(spec, spec.screen.attached_by or "edit")
    if not spec.screen.attachments:
        raise NotFound


def _confirm(session: Session, spec: Spec, record_id: int, now: datetime) -> Any:
    """The record, which the actor may change (or add files to by a verb) and which does not stand still."""
    record = records.find(spec, record_id)
    if spec.screen.attached_by:
        confirm_free(session, spec, [record.id])
    else:
        confirm_writable(session, record)
        record.changed_at = now
    return record


# taken away and put back --------------------------------------------------------------------------


def removes(spec: Spec, file: Attachment, *, changeable: bool) -> bool:
    """Whether this reader may take a file away: who may change the record as it stands now; where files are added by a
    verb, who added it."""
    who = records.principal()
    if by := spec.screen.attached_by:
        return who.may(f"{spec.name}:{by}") and file.created_by_id == who.user_id
    return changeable and who.may(f"{spec.name}:edit")


def remove(spec: Spec, record_id: int, file_id: int) -> Attachment:
    """Take a file away; `restore` puts it back."""
    return _moved(spec, record_id, file_id, away=True)


def restore(spec: Spec, record_id: int, file_id: int) -> Attachment:
    return _moved(spec, record_id, file_id, away=False)


def _moved(spec: Spec, record_id: int, file_id: int, *, away: bool) -> Attachment:
    _require(spec)
    with records.writing() as (session, now):
        record = _confirm(session, spec, record_id, now)
        file = _one(spec, record_id, file_id) if away else _taken(session, spec, record_id, file_id)
        if not removes(spec, file, changeable=spec.is_open(records.values_of(record))):
            raise NotAllowed("现在不能移除或恢复这个文件。 | This file cannot be removed or put back now.")
        file.deleted_at = now if away else None
        verb = "detach" if away else "reattach"
        audit.write(session, verb=verb, entity=spec.name, record_id=record_id, after={"files": [file.name]})
        session.flush()
        return file


def _taken(session: Session, spec: Spec, record_id: int, file_id: int) -> Attachment:
    """A file of this record that was taken away."""
    this = (Attachment.id == file_id, Attachment.entity == spec.name, Attachment.record_id == record_id)
    found: Attachment | None = session.scalar(guarded(select(Attachment).where(*this, Attachment.deleted_at.is_not(None))))
    if found is None:
        raise NotFound
    return found


# read -------------------------------------------------------------------------------------------


def download(spec: Spec, record_id: int, file_id: int) -> Response:
    """The file, when its record is visible and it is that record's."""
    records.find(spec, record_id)
    found = _one(spec, record_id, file_id)
    response = make_response(send_file(folder() / found.stored_as, mimetype=found.content_type))
    how = "inline" if found.content_type in INLINE else "attachment"
    response.headers["Content-Disposition"] = f"{how}; filename*=UTF-8''{quote(found.name)}"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
