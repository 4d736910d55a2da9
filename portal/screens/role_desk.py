"""Roles for administrators: the matrix, one role's rights with what a change would do, two roles side by side."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response, g, make_response, redirect, render_template, request
from flask_appbuilder import BaseView, expose
from sqlalchemy import select

from portal import models
from portal.domain import role_changes, role_desk, role_effect
from portal.domain.role_desk import RoleCard, RoleRights, Scope
from portal.engine import store
from portal.engine.clock import clock
from portal.engine.errors import BadRequest, Invalid, NotFound, Refused
from portal.engine.spec import spec_named
from portal.engine.text import Text
from portal.security import policy, view_as
from portal.security.resolve import access_version, resolve
from portal.security.scopes import scope_words
from portal.web import records

READ, EDIT = "role_desk:read", "role_desk:edit"


class RoleDeskView(BaseView):  # type: ignore[misc]
    """What every role may do, and the page that changes it."""

    route_base = "/roles"
    endpoint = "RoleDeskView"
    default_view = "overview"

    @expose("/")
    def overview(self) -> str:
        records.admit(READ)
        sections = role_desk.sections()
        groups = list(dict.fromkeys(section.group for section in sections))
        tab = index(request.args.get("tab", "0"), len(groups))
        return render_template(
            "roles.html",
            cards=role_desk.cards(store.session()),
            rights=sum(len(section.rights) for section in sections),
            groups=groups,
            tab=tab,
            sections=[section for section in sections if section.group == groups[tab]],
            reach=role_desk.reach,
            edits=_may_edit(),
            views_as=records.principal().may(view_as.PERMISSION),
        )

    @expose("/new", methods=("GET", "POST"))
    def new(self) -> Response | str:
        records.admit(EDIT)
        given, errors = request.form, {}
        if request.method == "POST":
            try:
                with records.writing() as (session, _):
                    made = role_changes.create(
                        session, given.get("zh", ""), given.get("en", ""), like=_number(given.get("like")), reason=given.get("reason", "")
                    )
                return make_response(redirect(f"/roles/{made.id}", 303))
            except Invalid as wrong:
                errors = wrong.errors
        page = render_template("role_new.html", cards=role_desk.cards(store.session()), given=given or request.args, errors=errors)
        return make_response(page, 422 if errors else 200)

    @expose("/<int:role_id>", methods=("GET", "POST"))
    def role(self, role_id: int) -> Response | str:
        records.admit(READ)
        if request.method == "GET":
            return _page(role_desk.card(store.session(), role_id))
        records.admit(EDIT)
        wanted = _wanted(role_desk.card(store.session(), role_id).rights.fields)
        try:
            with records.writing() as (session, _):
                role_changes.save(
                    session,
                    role_id,
                    wanted,
                    seen=request.form.get("seen", ""),
                    acting_user=records.principal(),
                    reason=request.form.get("reason", "")[:500],
                )
        except Invalid as wrong:
            return make_response(_page(role_desk.card(store.session(), role_id), wanted, tuple(wrong.errors.values())), 422)
        except Refused as refused:
            return make_response(_page(role_desk.card(store.session(), role_id), wanted, (refused.text,)), 409)
        return make_response(redirect(f"/roles/{role_id}?saved=1", 303))

    @expose("/<int:role_id>/effect", methods=("POST",))
    def effect(self, role_id: int) -> str:
        """What the form as it stands would change; nothing is saved."""
        records.admit(READ)
        session = store.session()
        held = role_desk.card(session, role_id)
        wanted = _wanted(held.rights.fields)
        problems: tuple[Text, ...] = ()
        try:
            role_changes.check(held, wanted, acting_user=records.principal())
        except Invalid as wrong:
            problems = tuple(wrong.errors.values())
        except Refused as refused:
            problems = (refused.text,)
        return render_template("parts/role_effect.html", effect=role_effect.effect(session, held, wanted), problems=problems)

    @expose("/<int:role_id>/rename", methods=("POST",))
    def rename(self, role_id: int) -> Response:
        records.admit(EDIT)
        with records.writing() as (session, _):
            role_changes.rename(session, role_id, request.form.get("zh", ""), request.form.get("en", ""))
            role_changes.act_as(session, role_id, request.form.get("acts_as", ""))
        return make_response(redirect(f"/roles/{role_id}", 303))

    @expose("/<int:role_id>/delete", methods=("POST",))
    def delete(self, role_id: int) -> Response:
        records.admit(EDIT)
        with records.writing() as (session, _):
            role_changes.remove(session, role_id)
        return make_response(redirect("/roles/", 303))

    @expose("/compare")
    def compare(self) -> str:
        records.admit(READ)
        cards = role_desk.cards(store.session())
        left, right = (_chosen(cards, request.args.get(side)) for side in ("a", "b"))
        lines = role_desk.differences(left, right) if left and right else []
        return render_template("role_compare.html", cards=cards, left=left, right=right, lines=lines)


class EyesView(BaseView):  # type: ignore[misc]
    """Through somebody's eyes, and by which rule he sees a record."""

    route_base = "/roles"
    endpoint = "EyesView"
    default_view = "why"

    @expose("/why")
    def why(self) -> Response:
        records.admit(READ)
        given, finding, found = request.args, None, True
        if given.get("person") and given.get("record"):
            try:
                finding = _find_out(_number(given["person"]) or 0, given["record"])
            except (BadRequest, NotFound):
                found = False
        shown = render_template("role_why.html", people=_people(), given=given, finding=finding, found=found)
        return make_response(shown, 200 if found else 404)

    @expose("/view-as", methods=("GET", "POST"))
    def look(self) -> Response | str:
        records.admit(view_as.PERMISSION)
        if request.method == "GET":
            return render_template("role_view_as.html", people=_people(), minutes=view_as.LASTS.seconds // 60)
        person = _number(request.form.get("person")) or 0
        with records.writing() as (session, now):
            view_as.start(
                session, g.session_key, person, acting_user=records.principal(), now=now, reason=request.form.get("reason", "")[:500]
            )
        return make_response(redirect("/", 303))

    @expose("/view-as/end", methods=("POST",))
    def stop(self) -> Response:
        records.admit(view_as.PERMISSION)
        with records.writing() as (session, _):
            view_as.end(session, g.session_key)
        return make_response(redirect("/roles/", 303))


def _page(held: RoleCard, wanted: RoleRights | None = None, problems: tuple[Text, ...] = ()) -> str:
    session = store.session()
    given = wanted or held.rights
    return render_template(
        "role.html",
        card=held,
        rights=given,
        duties=[each for each in role_desk.cards(session) if each.shipped],
        sections=role_desk.sections(),
        words=scope_words,
        teams=session.execute(
            select(models.Team.id, models.Team.name).where(models.Team.deleted_at.is_(None)).order_by(models.Team.name)
        ).all(),
        effect=role_effect.effect(session, held, given),
        problems=problems,
        history=role_desk.history(session, held.id),
        edits=_may_edit(),
    )


def _wanted(fields: Mapping[str, Mapping[str, str]]) -> RoleRights:
    """The rights as the form says them; what a form leaves out is not given. Fields have a page of their own."""
    form = request.form
    scopes = {}
    for section in role_desk.sections():
        if section.scoped:
            read, write, assign = (form.get(f"{use}.{section.key}", "none") for use in ("read", "write", "assign"))
            chosen = "chosen" in f"{read}+{write}+{assign}".split("+")
            teams = sorted({number for raw in form.getlist(f"teams.{section.key}") if (number := _number(raw))}) if chosen else []
            scopes[section.key] = Scope(read, write, assign, tuple(teams))
    return RoleRights(frozenset(form.getlist("verb")), scopes, fields)


def _find_out(person_id: int, record: str) -> dict[str, object]:
    """The answer for a record given as its address; only for a record the asker sees himself."""
    entity, _, number = record.strip().split("?")[0].strip("/").rpartition("/")
    spec = spec_named(entity.rpartition("/")[2] or "lead")
    session = store.session()
    person = session.get(models.User, person_id)
    if person is None or not records.principal().may(f"{spec.name}:read"):
        raise NotFound
    found = records.find(spec, _number(number) or 0)
    row = records.values_of(found)
    belongs = spec.parent_in(row) if spec.scope == "child" else None
    deciding = spec_named(belongs[0].target) if belongs else spec
    if belongs:
        row = records.values_of(records.find(deciding, belongs[1]))
    principal = resolve(session, person.id, access_version(session), clock.now())
    title = str(getattr(found, spec.identity.key))
    owner = session.get(models.User, row.get("owner_id") or 0)
    superior = session.get(models.User, (owner.superior_id if owner else person.superior_id) or 0)
    ask = superior.name if superior is not None and superior.id != person.id else ""
    return {"person": person.name, "title": title, "href": f"/{spec.name}/{found.id}", "ask": ask} | {
        "told": policy.find_out(session, principal, spec, deciding, row),
        "fields": policy.explain_fields(principal, spec, records.values_of(found), to_admin=True),
    }


def _people() -> list[tuple[int, str]]:
    wanted = select(models.User.id, models.User.name, models.User.username).where(models.User.active).order_by(models.User.name)
    return [(person_id, f"{name} · {login}") for person_id, name, login in store.session().execute(wanted)]


def _chosen(cards: list[RoleCard], raw: str | None) -> RoleCard | None:
    return next((card for card in cards if str(card.id) == raw), None)


def _may_edit() -> bool:
    return records.principal().may(EDIT)


def _number(raw: str | None) -> int | None:
    return int(raw) if raw and raw.isascii() and raw.isdigit() and len(raw) < 10 else None  # noqa: PLR2004 - fits an integer column


def index(raw: str, count: int) -> int:
    """A tab of the address; the first one for what names none."""
    number = _number(raw) or 0
    return number if number < count else 0
