"""The sign-in page, signing out, forgotten and changed passwords, accepting an invitation."""

from __future__ import annotations

from typing import Any

from flask import Response, g, make_response, redirect, render_template, request
from flask import session as cookie
from flask_appbuilder import AppBuilder, BaseView, expose
from werkzeug.exceptions import Unauthorized

from portal.domain import sign_in
from portal.engine import audit, store
from portal.engine.clock import clock
from portal.engine.errors import PortalError
from portal.engine.text import Text, say
from portal.security import account, passwords
from portal.security.account import Account
from portal.security.principal import system_principal
from portal.web import credentials, identity, throttle
from portal.web.credentials import SignInRefused
from portal.web.language import language
from portal.web.protection import local_path
from portal.web.throttle import TooMany

_SENT = (
    "如果有这个账号，重设密码的邮件已经发出，一小时内有效。"
    " | If there is such an account, a mail to set a new password is on its way. It works for one hour."
)
_DEAD_LINK = "这个链接已失效，请重新申请。 | This link no longer works. Ask for a new one."
_DIFFERENT = "两次输入的密码不一样。 | The two passwords differ."
_SAME = "新密码不能和现在的一样。 | The new password must differ from the current one."
_SET = "密码已设好，请登录。 | The password is set. Please sign in."
NOTICE = "notice"


class LoginView(BaseView):  # type: ignore[misc]
    """Doors that are open to everybody; each decides for itself who may go on."""

    route_base = ""
    default_view = "login"
    endpoint = "LoginView"

    @expose("/login/", methods=["GET", "POST"])
    def login(self) -> Response:
        """Who is signed in already goes on to where he wanted."""
        target = local_path(request.values.get("next"))
        if g.signed_in is not None:
            return make_response(redirect(target))
        if g.forced_id is not None:
            return make_response(redirect("/password/change"))
        if request.method == "GET":
            return _login_page(target, notice=cookie.pop(NOTICE, ""))
        typed = request.form.get("username", "")
        session, now = store.session(), clock.now()
        try:
            found = credentials.check(session, typed, request.form.get("password", ""), now)
        except (SignInRefused, TooMany) as refused:
            return _login_page(target, typed=typed, refused=refused)
        identity.sign_in_cookie(credentials.admit(session, found, account.PAGE, now))
        return make_response(redirect("/password/change" if found.must_change else target))

    @expose("/logout/", methods=["POST"])
    def logout(self) -> Response:
        """Ends the session on the server; the cookie is worth nothing afterwards."""
        if g.session_key:
            with store.unit_of_work(g.principal, clock.now()) as session:
                account.end_session(session, g.session_key, session.info["now"])
                audit.write(session, verb="sign_out", entity="user", record_id=g.principal.user_id or g.forced_id)
        cookie.clear()
        return make_response(redirect("/login/"))

    @expose("/password/forgot", methods=["GET", "POST"])
    def forgot(self) -> Response:
        """The same answer, after the same work, whether the account exists or not."""
        if request.method == "GET":
            return _page("password_forgot.html")
        session, now, typed = store.session(), clock.now(), account.typed(request.form.get("username", ""))
        with store.unit_of_work(system_principal("forgotten password"), now):
            found = account.find(session, typed)
            try:
                throttle.count(session, throttle.limits(credentials.LINK, typed, found, request.remote_addr or "", now), now)
            except TooMany:
                return _page("password_forgot.html", notice=say(_SENT))
            sign_in.send_link(found, now=now)
        return _page("password_forgot.html", notice=say(_SENT))

    @expose("/password/reset/<token>", methods=["GET", "POST"])
    def reset(self, token: str) -> Response:
        """A link from a mail sets the password once: forgotten ones and invitations alike."""
        session, now = store.session(), clock.now()
        found = account.of_link(session, token, now)
        if found is None:
            return _page("password_forgot.html", problem=say(_DEAD_LINK), status=410)
        if request.method == "GET":
            return _page("password_reset.html", person=found)
        if problem := _problem(found):
            return _page("password_reset.html", person=found, problem=problem, status=422)
        with store.unit_of_work(system_principal("password link"), now):
            if not account.use_link(session, token, now):
                return _page("password_forgot.html", problem=say(_DEAD_LINK), status=410)
            account.set_password(session, found.id, request.form["password"], now)
            audit.write(session, verb="password_set", entity="user", record_id=found.id, reason="link")
        cookie.clear()
        cookie[NOTICE] = _SET
        return make_response(redirect("/login/"))

    @expose("/password/change", methods=["GET", "POST"])
    def change(self) -> Response:
        """One's own password; it ends every other session."""
        user_id = g.forced_id or g.principal.user_id
        session, now = store.session(), clock.now()
        found = account.by_id(session, user_id) if user_id else None
        if found is None or request.headers.get("Authorization"):
            raise Unauthorized
        if request.method == "GET":
            return _page("password_change.html", person=found, forced=found.must_change)
        try:
            credentials.check(session, found.login, request.form.get("current", ""), now)
        except (SignInRefused, TooMany) as refused:
            return _page("password_change.html", person=found, forced=found.must_change, problem=refused.text, status=refused.status)
        problem = _problem(found) or (say(_SAME) if request.form["password"] == request.form.get("current") else None)
        if problem:
            return _page("password_change.html", person=found, forced=found.must_change, problem=problem, status=422)
        with store.unit_of_work(g.principal, now):
            account.set_password(session, found.id, request.form["password"], now)
            audit.write(session, verb="password_set", entity="user", record_id=found.id, reason="changed")
            key = identity.open_session(session, found.id, account.PAGE, now)
        identity.sign_in_cookie(key)
        return make_response(redirect("/"))


def register(appbuilder: AppBuilder) -> None:
    """Flask-AppBuilder and Flask-Login send people here where they would have used their own page."""
    appbuilder.sm.auth_view = next(view for view in appbuilder.baseviews if isinstance(view, LoginView))
    appbuilder.sm.lm.login_view = "LoginView.login"


def _problem(found: Account) -> Text | None:
    """What is wrong with the new password of this form."""
    wanted = request.form.get("password", "")
    if problem := passwords.problem(wanted, about=found.about):
        return problem
    return say(_DIFFERENT) if wanted != request.form.get("again", "") else None


def _login_page(target: str, *, typed: str = "", refused: PortalError | None = None, notice: str = "") -> Response:
    response = _page(
        "login.html",
        next=target,
        username=typed,
        problem=refused.text if refused else None,
        notice=Text(notice) if notice else None,
        status=refused.status if refused else 200,
    )
    if isinstance(refused, TooMany):
        response.headers["Retry-After"] = str(refused.seconds)
    return response


def _page(template: str, *, status: int = 200, **values: Any) -> Response:
    """A page before sign-in; texts arrive in the reader's language."""
    here = language()
    told = {key: value.in_(here) if isinstance(value, Text) else value for key, value in values.items()}
    told = {"problem": None, "notice": None, "least": passwords.SHORTEST, **told}
    response = make_response(render_template(template, **told), status)
    response.headers["Cache-Control"] = "no-store"
    return response
