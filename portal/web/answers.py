"""Errors in the user's words, as a page or as JSON; the log gets the cause, the reader never does."""

from __future__ import annotations

from urllib.parse import quote

import structlog
from flask import Flask, Response, g, jsonify, make_response, redirect, render_template, request
from flask_wtf.csrf import CSRFError
from psycopg.errors import DeadlockDetected, ForeignKeyViolation, LockNotAvailable
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException

from portal.engine import audit, store
from portal.engine.clock import clock
from portal.engine.errors import Changed, Invalid, NotAllowed, NotFound, PortalError
from portal.engine.given import id_of
from portal.engine.spec import registry
from portal.engine.text import Text
from portal.web.language import language

log = structlog.get_logger()

_WORDS = {
    400: "请求不完整，请返回重试。 | The request is incomplete. Go back and try again.",
    401: "请先登录。 | Please sign in.",
    403: "你没有这个权限，请联系管理员。 | You do not have this permission. Ask an administrator.",
    404: "没有这个页面。 | There is no such page.",
    405: "这个地址不接受这种操作。 | This address does not take that kind of request.",
    413: "文件太大，最大 64 MB。 | The file is too large: 64 MB at most.",
    429: "操作太频繁，请稍后再试。 | Too many attempts. Try again later.",
}
_SORRY = "出了点问题，我们已记录。请稍后重试。 | Something went wrong and was recorded. Try again later."
_NO_SUCH = "选的记录不存在，请从列表中选择。 | What was chosen does not exist. Choose from the list."
_CLASH = "已有相同的记录，请检查唯一的字段。 | A record with these values exists already. Check the unique fields."
_BUSY = "别人正在修改这些记录，请稍后重试。 | Somebody is changing these records just now. Try again in a moment."
_A_PAGE = "page"
_LONGEST_REASON = 500
_STALE_FORM = "页面停留太久，请刷新后重试。 | This page has been open too long. Reload it and try again."


def wants_json() -> bool:
    """API calls and fetches of ours get JSON."""
    return request.path.startswith("/api/") or request.accept_mimetypes.best == "application/json"


def install(app: Flask) -> None:
    """One handler per kind of error."""
    app.register_error_handler(PortalError, _portal_error)
    app.register_error_handler(CSRFError, lambda _: answer(400, _STALE_FORM, rule="csrf"))
    app.register_error_handler(StaleDataError, lambda _: _portal_error(Changed()))
    app.register_error_handler(IntegrityError, _clash)
    app.register_error_handler(OperationalError, _busy)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _fault)


def _portal_error(error: PortalError) -> Response:
    if error.status >= 500:  # noqa: PLR2004
        log.error("gate", rule=error.rule, why=str(error))
    if isinstance(error, NotAllowed):
        _keep_denied()
    fields = {k: t.in_(language()) for k, t in error.errors.items()} if isinstance(error, Invalid) else None
    if isinstance(error, NotFound) and g.get("signed_in") is None and not wants_json():
        return to_login()
    return answer(error.status, error.text, rule=error.rule, fields=fields)


def _keep_denied() -> None:
    """Who asked for what he may not stands in the history, with the address and nothing of what he sent.

    Through somebody else's eyes nothing is written, and nobody has asked as himself.
    """
    if g.get("signed_in") is None or g.get("looking") is not None:
        return
    part = request.path.removeprefix("/api/v1").strip("/").partition("/")[0]
    entity = part if part in registry() else _A_PAGE
    asked = id_of((request.view_args or {}).get("record_id", "")) if entity != _A_PAGE else None
    store.session().rollback()
    with store.unit_of_work(g.principal, clock.now()) as session:
        where = f"{request.method} {request.path}"[:_LONGEST_REASON]
        audit.write(session, verb="denied", entity=entity, record_id=asked, reason=where)


def _http_error(error: HTTPException) -> Response:
    code = error.code or 500
    if code < 400:  # noqa: PLR2004
        return make_response(error.get_response())
    return answer(code, _WORDS.get(code, _WORDS[400] if code < 500 else _SORRY), rule=f"http_{code}")  # noqa: PLR2004


def _clash(error: IntegrityError) -> Response:
    if isinstance(error.orig, ForeignKeyViolation):
        return answer(422, _NO_SUCH, rule="reference")
    return answer(409, _CLASH, rule="clash")


def _busy(error: OperationalError) -> Response:
    """Whoever waited too long for a lock may try again; any other failure of the database is a fault."""
    if isinstance(error.orig, LockNotAvailable | DeadlockDetected):
        return answer(409, _BUSY, rule="busy")
    return _fault(error)


def _fault(error: Exception) -> Response:
    log.error("fault", path=request.path, database=isinstance(error, DBAPIError), exc_info=error)
    return answer(500, _SORRY, rule="fault")


def to_login() -> Response:
    """The sign-in page, then back here."""
    target = request.full_path.rstrip("?") if request.method == "GET" else "/"
    address = f"/login/?next={quote(target, safe='/')}" if target != "/" else "/login/"
    if request.headers.get("HX-Request"):
        return make_response("", 401, {"HX-Redirect": "/login/"})
    return make_response(redirect(address))


def answer(status: int, text: str | Text, *, rule: str, fields: dict[str, str] | None = None) -> Response:
    """The error as this client reads it."""
    words = (text if isinstance(text, Text) else Text(text)).in_(language())
    if wants_json():
        return make_response(jsonify({"error": rule, "message": words, **({"fields": fields} if fields else {})}), status)
    if status in (401, 403) and g.get("signed_in") is None and rule != "csrf":
        return to_login()
    if request.headers.get("HX-Request"):
        return make_response(render_template("parts/problem.html", text=words, fields=fields or {}), status)
    return make_response(render_template("error.html", status=status, text=words, rule=rule), status)
