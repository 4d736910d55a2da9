"""The import screen of any entity: upload, see how the file is read, map its columns, try, import, watch."""

from __future__ import annotations

import json
import re
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask import Response, make_response, redirect, render_template, request, send_file

import jobs
from portal.domain import imports
from portal.engine import store, work
from portal.engine.errors import BadRequest, NotFound, PortalError
from portal.engine.given import id_of
from portal.engine.importing import check_columns, read_mapping
from portal.engine.intake import DELIMITERS, Shape, UnreadableFile, sniff
from portal.engine.spec import Spec
from portal.engine.text import pick, say
from portal.engine.work import OPEN_STATES
from portal.web import files, import_form, records
from portal.web.import_form import Draft, TargetPart
from portal.web.language import view as reader

_TOKEN = re.compile(r"u(\d+)-[0-9a-f]{32}")
_MOST_NAME = 200
_KEPT_DAYS = 30
ENCODINGS = ("utf-8-sig", "gb18030", "big5", "utf-16")
_DELIMITER_WORDS = {",": "逗号 , | Comma ,", ";": "分号 ; | Semicolon ;", "\t": "制表符 | Tab", "|": "竖线 | Bar"}


@dataclass(frozen=True, slots=True)
class Upload:
    """A file the person handed in: the name it is kept under, and the name it had."""

    token: str
    name: str

    @property
    def path(self) -> Path:
        return files.folder() / self.token


@dataclass(frozen=True, slots=True)
class ImportPage:
    """What import.html shows; without a file only the upload."""

    title: str
    href: str
    back_href: str
    mappings: tuple[tuple[str, bool], ...]
    upload: Upload | None = None
    shape: Shape | None = None
    encodings: tuple[str, ...] = ()
    delimiters: tuple[tuple[str, str], ...] = ()
    targets: tuple[TargetPart, ...] = ()
    addable: tuple[tuple[str, str], ...] = ()
    mapping_name: str = ""
    errors: tuple[str, ...] = ()
    kept: str = ""


@dataclass(frozen=True, slots=True)
class RunPage:
    """What import_run.html shows of one import."""

    title: str
    href: str
    list_href: str
    edit_href: str
    name: str
    open: bool
    failed: bool
    done: int
    total: int
    text: str
    refused_href: str
    dry_run: bool
    cancel_href: str


def page(spec: Spec) -> Response:
    """GET shows the upload or an uploaded file, POST does what the pressed button says."""
    if request.method == "POST":
        return _post(spec)
    if run_id := request.args.get("from", ""):
        return _again(spec, run_id)
    upload = _upload_of(request.args.get("file", "")) if request.args.get("file") else None
    if upload is None:
        return make_response(render_template("import.html", page=_page(spec)))
    try:
        shape = _shape(upload, request.args)
    except UnreadableFile as error:
        return _shown(spec, errors=(error.in_(reader().language),), status=422)
    name = request.args.get("mapping", "")
    draft = _stored(name) if name else import_form.guessed(spec, shape.header, records.principal())
    return _shown(spec, upload, shape, draft, name=name)


def _post(spec: Spec) -> Response:
    if "upload" in request.files:
        return _uploaded(spec)
    upload, action = _upload_of(request.form.get("file", "")), request.form.get("action", "")
    try:
        shape = _shape(upload, request.form)
        draft = import_form.draft_from(request.form, shape.header)
        return _act(spec, upload, shape, draft, action)
    except PortalError as error:
        if error.status >= 500:  # noqa: PLR2004
            raise
        shape = _shape(upload, {})
        draft = import_form.draft_from(request.form, shape.header)
        return _shown(spec, upload, shape, draft, errors=(error.in_(reader().language),), status=error.status)


def _uploaded(spec: Spec) -> Response:
    given = request.files["upload"]
    if not given.filename:
        message = say("请先选择文件。 | Choose a file first.").in_(reader().language)
        return _shown(spec, errors=(message,), status=422)
    _forget_old()
    token = f"u{records.principal().user_id}-{secrets.token_hex(16)}"
    given.save(files.folder() / token)
    (files.folder() / f"{token}.json").write_text(json.dumps({"name": Path(given.filename).name[-_MOST_NAME:]}))
    kept = request.form.get("mapping", "")
    return make_response(redirect(_href(spec, file=token, **({"mapping": kept} if kept else {})), 303))


def _forget_old() -> None:
    """A person's uploads and their refused rows are kept for a month."""
    oldest = time.time() - _KEPT_DAYS * 86_400
    for file in files.folder().glob(f"u{records.principal().user_id}-*"):
        if file.stat().st_mtime < oldest:
            file.unlink(missing_ok=True)


def _act(spec: Spec, upload: Upload, shape: Shape, draft: Draft, action: str) -> Response:
    if action == "read":
        return _shown(spec, upload, shape, draft, name=request.form.get("mapping_name", ""))
    if action == "add":
        draft["targets"].append({"entity": request.form.get("add_entity", spec.name), "columns": {}, "constants": {}, "links": {}})
        return _shown(spec, upload, shape, draft)
    if action.startswith("remove:") and (place := id_of(action.removeprefix("remove:"))) is not None:
        del draft["targets"][place : place + 1]
        return _shown(spec, upload, shape, draft or import_form.guessed(spec, shape.header, records.principal()))
    if action == "keep":
        return _kept(spec, upload, shape, draft)
    if action in {"try", "run"}:
        return _started(spec, upload, shape, draft, dry_run=action == "try")
    raise BadRequest("不明白这个操作。 | That action is not known.")


def _kept(spec: Spec, upload: Upload, shape: Shape, draft: Draft) -> Response:
    name = request.form.get("mapping_name", "").strip()
    with records.writing() as (session, now):
        imports.keep(session, name, read_mapping(draft), acting_user=records.principal(), now=now)
    words = say("已保存方案“{name}”。 | The mapping “{name}” is saved.", name=name).in_(reader().language)
    return _shown(spec, upload, shape, draft, name=name, kept=words)


def _started(spec: Spec, upload: Upload, shape: Shape, draft: Draft, *, dry_run: bool) -> Response:
    mapped = read_mapping(draft)
    check_columns(mapped, shape.header)
    imports.require(mapped, records.principal())
    imports.require_known(store.session(), mapped, records.principal())
    arguments = {
        "entity": spec.name,
        "file": upload.token,
        "name": upload.name,
        "encoding": shape.encoding,
        "delimiter": shape.delimiter,
        "header": list(shape.header),
        "header_row": shape.header_row,
        "row_count": shape.row_count,
        "mapping": mapped.plain(),
        "dry_run": dry_run,
        "language": reader().language,
    }
    return _asked(spec, arguments)


def _asked(spec: Spec, arguments: dict[str, Any]) -> Response:
    label = say("试运行 {name} | Dry run {name}" if arguments["dry_run"] else "导入 {name} | Import {name}", name=arguments["name"])
    with records.writing() as (session, now):
        run_id = work.ask(
            session,
            kind="import",
            label=label,
            arguments=arguments,
            total=arguments["row_count"],
            asked_by_id=records.principal().user_id,
            now=now,
        )
    jobs.enqueue(run_id)
    return make_response(redirect(f"/{spec.name}/import/{run_id}", 303))


# one run ---------------------------------------------------------------------------------------


def run_page(spec: Spec, run_id: int) -> Response:
    """How an import goes; POST imports for good what a dry run tried."""
    row = _run(spec, run_id)
    given = row.arguments
    if request.method == "POST":
        imports.require(read_mapping(given["mapping"]), records.principal())
        return _asked(spec, {**given, "dry_run": False, "language": reader().language})
    language = reader().language
    here = f"/{spec.name}/import"
    shown = RunPage(
        title=str(pick(row.label, language)),
        href=f"{here}/{run_id}",
        list_href=f"/{spec.name}/",
        edit_href=f"{here}?from={run_id}",
        name=given["name"],
        open=row.state in OPEN_STATES,
        failed=row.state == "failed",
        done=row.done,
        total=max(row.total, row.done),
        text=str(pick(row.result.get("text", ""), language)),
        refused_href=row.result.get("refused_href", ""),
        dry_run=given["dry_run"],
        cancel_href=f"/jobs/{run_id}/cancel",
    )
    return make_response(render_template("import_run.html", page=shown))


def refused(spec: Spec, run_id: int) -> Response:
    """The rows that became nothing, with the reason of each."""
    row = _run(spec, run_id)
    path = files.folder() / f"{row.arguments['file']}-refused-{run_id}"
    if not row.result.get("refused_href") or not path.exists():
        raise NotFound
    stem = Path(row.arguments["name"]).stem
    return send_file(path, mimetype="text/csv", as_attachment=True, download_name=f"{stem}-refused.csv", max_age=0)


def _run(spec: Spec, run_id: int) -> Any:
    """The person's own import into this entity; anybody else's is not there."""
    row = work.run_of(store.session(), run_id, records.principal().user_id)
    if row is None or row.kind != "import" or row.arguments.get("entity") != spec.name:
        raise NotFound
    return row


def _again(spec: Spec, run_id: str) -> Response:
    """The mapping of an earlier run, to be changed."""
    wanted = id_of(run_id)
    if wanted is None:
        raise NotFound
    row = _run(spec, wanted)
    upload = _upload_of(row.arguments["file"])
    return _shown(spec, upload, _shape(upload, row.arguments), row.arguments["mapping"])


# parts -----------------------------------------------------------------------------------------


def _upload_of(token: str) -> Upload:
    """A file this person uploaded; others' are not there."""
    found = _TOKEN.fullmatch(token)
    if found is None or int(found[1]) != records.principal().user_id or not (files.folder() / token).exists():
        raise NotFound
    return Upload(token, str(json.loads((files.folder() / f"{token}.json").read_text())["name"]))


def _shape(upload: Upload, given: Any) -> Shape:
    return sniff(upload.path, encoding=given.get("encoding") or None, delimiter=given.get("delimiter") or None)


def _stored(name: str) -> Draft:
    found = imports.mapping_named(store.session(), name, records.principal())
    return {"targets": [dict(each) for each in found.mapping["targets"]]}


def _href(spec: Spec, **given: str) -> str:
    return f"/{spec.name}/import?{urlencode(given)}"


def _page(spec: Spec, *, errors: tuple[str, ...] = (), name: str = "") -> ImportPage:
    known = imports.mappings(store.session(), records.principal())
    label = pick(spec.plural.lower(), reader().language)
    return ImportPage(
        title=say("导入{label} | Import {label}", label=label).in_(reader().language),
        href=f"/{spec.name}/import",
        back_href=f"/{spec.name}/",
        mappings=tuple((row.name, row.name == name) for row in known),
        errors=errors,
    )


def _shown(
    spec: Spec,
    upload: Upload | None = None,
    shape: Shape | None = None,
    draft: Draft | None = None,
    *,
    name: str = "",
    errors: tuple[str, ...] = (),
    kept: str = "",
    status: int = 200,
) -> Response:
    shown = _page(spec, errors=errors, name=name)
    if upload is not None and shape is not None and draft is not None:
        view = reader()
        shown = ImportPage(
            shown.title,
            shown.href,
            shown.back_href,
            shown.mappings,
            upload,
            shape,
            tuple(dict.fromkeys((shape.encoding, *ENCODINGS))),
            tuple((mark, str(pick(_DELIMITER_WORDS[mark], view.language))) for mark in DELIMITERS),
            import_form.parts(draft, shape.header, view, records.principal()),
            import_form.addable(records.principal(), view),
            name,
            errors,
            kept,
        )
    return make_response(render_template("import.html", page=shown), status)
