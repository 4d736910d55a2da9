"""The fields of a role: which it sees, sees masked, edits or does not see, with what a change would do."""

from __future__ import annotations

from dataclasses import replace

from flask import Response, make_response, redirect, render_template, request
from flask_appbuilder import BaseView, expose

from portal.domain import role_changes, role_desk, role_effect, role_fields
from portal.domain.role_desk import RoleCard, RoleRights
from portal.engine import store
from portal.engine.errors import BadRequest, Refused
from portal.engine.text import Text
from portal.screens.role_desk import EDIT, READ, index
from portal.security.levels import WORDS
from portal.web import records

_PREFIX = "level."


class RoleFieldsView(BaseView):  # type: ignore[misc]
    """Field rights at run time, a group of record types a page."""

    route_base = "/roles"
    endpoint = "RoleFieldsView"
    default_view = "fields"

    @expose("/<int:role_id>/fields", methods=("GET", "POST"))
    def fields(self, role_id: int) -> Response | str:
        records.admit(READ)
        held = role_desk.card(store.session(), role_id)
        if request.method == "GET":
            return _page(held, held.rights)
        records.admit(EDIT)
        wanted, seen = _wanted(held), request.form.get("seen", "")
        try:
            with records.writing() as (session, _):
                reason = request.form.get("reason", "")[:500]
                role_changes.save(session, role_id, wanted, seen=seen, acting_user=records.principal(), reason=reason)
        except Refused as refused:
            return make_response(_page(held, wanted, (refused.text,)), 409)
        return make_response(redirect(f"/roles/{role_id}/fields?tab={_tab()}&saved=1", 303))

    @expose("/<int:role_id>/fields/effect", methods=("POST",))
    def effect(self, role_id: int) -> str:
        """What the form as it stands would change; nothing is saved."""
        records.admit(READ)
        session = store.session()
        held = role_desk.card(session, role_id)
        wanted = _wanted(held)
        problems: tuple[Text, ...] = ()
        try:
            role_changes.check(held, wanted, acting_user=records.principal())
        except (Refused, BadRequest) as refused:
            problems = (refused.text,)
        return render_template("parts/role_effect.html", effect=role_effect.effect(session, held, wanted), problems=problems)


def _wanted(held: RoleCard) -> RoleRights:
    """The role's rights with the levels that the form names."""
    given = {name.removeprefix(_PREFIX): level for name, level in request.form.items() if name.startswith(_PREFIX)}
    return replace(held.rights, fields=role_fields.chosen(held, given))


def _page(held: RoleCard, wanted: RoleRights, problems: tuple[Text, ...] = ()) -> str:
    session, every = store.session(), [section for section in role_desk.sections() if section.key]
    groups = list(dict.fromkeys(section.group for section in every))
    tab = index(_tab(), len(groups))
    by_group = {group: [section.key for section in every if section.group == group] for group in groups}
    return render_template(
        "role_fields.html",
        card=held,
        groups=[(group, sum(len(held.rights.fields.get(key, {})) for key in by_group[group])) for group in groups],
        tab=tab,
        sections=role_fields.sections(held, wanted, by_group[groups[tab]]),
        words=WORDS,
        effect=role_effect.effect(session, held, wanted),
        problems=problems,
        edits=records.principal().may(EDIT),
    )


def _tab() -> str:
    return request.args.get("tab", "0")
