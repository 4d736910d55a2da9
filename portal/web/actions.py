"""Verbs from a page: which rows, preview, run (as a job when long), one answer with Undo."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from flask import Response, make_response, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

import jobs
from portal.domain.calendar import company_day
from portal.engine import store, work
from portal.engine.clock import clock
from portal.engine.errors import BadRequest, Invalid, NotFound, PortalError, Refused
from portal.engine.fields import View
from portal.engine.given import id_of
from portal.engine.kinds.reference import ReferenceField
from portal.engine.query.listing import Listing, ListQuery, parse_filters
from portal.engine.spec import Spec
from portal.engine.text import Text, pick
from portal.engine.verbs import Outcome, Preview, Verb, verb_named
from portal.policies import policy
from portal.security import scopes
from portal.security.bulk import Selection, perform_selection
from portal.security.refusals import Refusals, refusals
from portal.web import forms, records, results
from portal.web.language import view as reader
from portal.web.pickers import names
from portal.web.said import say_toast

MOST_SELECTED = 50_000
FIRST = "_first"
_OUT_OF_DATE = "预览已失效，请重新预览。 | The preview is out of date. Preview again."
NOT_YOURS = Text("不在你能操作的范围内 | outside what you may act on")


@dataclass(frozen=True, slots=True)
class Dialog:
    title: str
    verb: str
    post_href: str
    allowed: int
    refused: tuple[tuple[str, int], ...]
    form: tuple[forms.FormField, ...]
    facts: tuple[tuple[str, str], ...]
    table: tuple[tuple[str, ...], tuple[tuple[str, ...], ...]] | None
    skipped: tuple[tuple[str, str], ...]
    version: str
    hidden: tuple[tuple[str, str], ...]
    submit_label: str
    cancel: str
    chosen: int = 0
    """How many rows were chosen; more than one may be cut to the first of them."""
    first: str = ""
    help: str = ""
    errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """One request for a verb: the rows it names and the form it fills."""

    spec: Spec
    verb: Verb
    view: View
    selection: Selection = field(default_factory=Selection)
    chosen: tuple[int, ...] = ()
    """Every row that was chosen; the selection is all of them or the first of them."""

    def t(self, text: Any) -> str:
        return str(pick(text, self.view.language))


def declared(spec: Spec, name: str) -> Verb:
    """The verb of this entity, granted to who asks."""
    found = verb_named(spec.name, name)
    if found is None:
        raise NotFound
    records.require(spec, name)
    return found


def selection_from(spec: Spec, given: MultiDict[str, str]) -> Selection:
    """Chosen ids, or the stored filter of everything that matches."""
    if given.get("scope") == "all":
        query = ListQuery(filters=parse_filters(given.get("filter", "")), search=given.get("q", ""), branch=given.get("tab") or "all")
        listing = Listing(spec, records.rights(), reader(), query)
        found = list(store.session().scalars(listing.ids().order_by(spec.model.id).limit(MOST_SELECTED + 1)))
    else:
        raw = [part for value in given.getlist("ids") for part in value.split(",") if part]
        found = [each for part in dict.fromkeys(raw) if (each := id_of(part)) is not None]
        if len(found) < len(set(raw)):
            raise BadRequest("选择的记录不对。 | The selection is not valid.")
    if len(found) > MOST_SELECTED:
        raise Refused(
            "一次最多 {most} 条，请缩小范围。 | At most {most} at a time; narrow the selection.", rule="too_many", most=MOST_SELECTED
        )
    if not found:
        raise BadRequest("请先选择记录。 | Select records first.")
    return Selection(tuple(found), _seen_at(given.get("version", "")))


def _first(chosen: Selection, given: MultiDict[str, str]) -> Selection:
    """The chosen rows, or only as many of them as were asked for, in the order of their ids."""
    raw = given.get(FIRST, "").strip()
    if not raw:
        return chosen
    if not raw.isdecimal() or int(raw) == 0:
        raise Refused("条数要填正整数。 | How many must be a whole number above 0.", rule="how_many")
    return replace(chosen, ids=tuple(sorted(chosen.ids))[: int(raw)])


def _seen_at(raw: str) -> datetime | None:
    try:
        seen_at = datetime.fromisoformat(raw) if raw else None
    except ValueError as error:
        raise BadRequest(_OUT_OF_DATE) from error
    if seen_at is not None and seen_at.tzinfo is None:
        raise BadRequest(_OUT_OF_DATE)
    return seen_at


def page_verb(spec: Spec, name: str) -> Response:
    """`?preview=1` answers with the dialog, otherwise the verb runs."""
    verb = declared(spec, name)
    chosen = selection_from(spec, request.form)
    asked = Asked(spec, verb, reader(), chosen, chosen.ids)
    preview = request.args.get("preview") == "1"
    try:
        asked = replace(asked, selection=_first(chosen, request.form))
    except Refused as error:
        return _show_dialog(asked, None, 200 if preview else error.status, error.in_(asked.view.language))
    return _show_dialog(asked, None, 200) if preview else _carried_out(asked)


def _carried_out(asked: Asked) -> Response:
    """Done; where the one row is refused, the dialog again if it holds what was typed or `?stay=1` asks for it."""
    spec, verb = asked.spec, asked.verb
    bound = forms.bind(verb.form, asked.view, request.form)
    values = forms.validated(bound)
    if values is None:
        return _show_dialog(asked, bound, 422)
    if len(asked.selection.ids) > policy("bulk.job_above", on=company_day(asked.view.now or clock.now())):
        return _as_job(asked, values)
    try:
        with records.writing() as (session, now):
            outcome = run_within(session, spec, verb, asked.selection, values, now=now)
            refused, where = _refused(asked, session, outcome, now)
    except PortalError as error:
        if error.status >= 500:  # noqa: PLR2004
            raise
        return _show_dialog(asked, bound, error.status, *_above(asked, bound, error))
    stays = request.args.get("stay") == "1" or (bool(verb.form) and bool(request.headers.get("HX-Request")))
    if stays and not outcome.done and len(outcome.refused) == 1:
        return _again(asked, bound, outcome, refused)
    return _answer(asked, outcome, refused, where)


def _refused(asked: Asked, session: Session, outcome: Outcome, now: datetime) -> tuple[Refusals, str]:
    """Why rows were refused and, of several, where they are listed."""
    if len(asked.selection.ids) == 1:
        return refusals(session, asked.spec, outcome), ""
    return results.kept(session, asked.spec, _label(asked.spec, asked.verb, asked.selection), outcome, _done(asked.verb, outcome), now)


def _again(asked: Asked, bound: Any, outcome: Outcome, refused: Refusals) -> Response:
    """The dialog of the one row that is refused, with the reason and what the row is called."""
    wrong = outcome.refused[0][1]
    if isinstance(wrong, Invalid):
        return _show_dialog(asked, bound, wrong.status, *_above(asked, bound, wrong))
    return _show_dialog(asked, bound, 409, *refused.told(asked.view.language))


def _above(asked: Asked, bound: Any, wrong: PortalError) -> tuple[str, ...]:
    """What is said above the dialog: what is wrong with a field of it goes beside that."""
    if not isinstance(wrong, Invalid):
        return (wrong.in_(asked.view.language),)
    drawn, above = {each.key for each in asked.verb.form if each.widget}, []
    for key, text in wrong.errors.items():
        if key in drawn:
            bound[key].errors = [*bound[key].errors, asked.t(text)]
        else:
            above.append(asked.t(text))
    return tuple(above)


def _show_dialog(asked: Asked, bound: Any, status: int, *errors: str) -> Response:
    """The dialog as it was filled in, with what is wrong, if anything."""
    return make_response(render_template("bulk_preview.html", dialog=_dialog(asked, bound, errors)), status)


def run(spec: Spec, verb: Verb, selection: Selection, values: Mapping[str, Any]) -> Outcome:
    """Now, in one transaction."""
    with records.writing() as (session, now):
        return run_within(session, spec, verb, selection, values, now=now)


def run_within(session: Session, spec: Spec, verb: Verb, selection: Selection, values: Mapping[str, Any], *, now: datetime) -> Outcome:
    """Now, in the open transaction."""
    return perform_selection(session, spec, verb, selection, acting_user=records.principal(), now=now, form=values)


def ask(spec: Spec, verb: Verb, selection: Selection, values: Mapping[str, Any]) -> int:
    """Later, as a job with progress; returns its id."""
    with records.writing() as (session, now):
        run_id = asked_for(session, spec, verb, selection, values, now=now)
    jobs.enqueue(run_id)
    return run_id


def asked_for(session: Session, spec: Spec, verb: Verb, selection: Selection, values: Mapping[str, Any], *, now: datetime) -> int:
    """The same in the open transaction: who commits it enqueues it."""
    return work.ask(
        session,
        kind="verb",
        label=_label(spec, verb, selection),
        queue="bulk",
        total=len(selection.ids),
        asked_by_id=records.principal().user_id,
        now=now,
        arguments={
            "entity": spec.name,
            "verb": verb.name,
            "ids": list(selection.ids),
            "seen_at": selection.seen_at.isoformat() if selection.seen_at else None,
            "form": {f.key: f.to_json(values.get(f.key)) for f in verb.form},
        },
    )


def _label(spec: Spec, verb: Verb, selection: Selection) -> Text:
    return Text(
        "{verb}：{count} 条{entity} | {verb}: {count} {entity}", verb=verb.label, count=len(selection.ids), entity=spec.plural.lower()
    )


def _as_job(asked: Asked, values: Mapping[str, Any]) -> Response:
    return started(ask(asked.spec, asked.verb, asked.selection, values))


def started(run_id: int) -> Response:
    """What is told of long work."""
    text = Text("已在后台开始，进度见右下角。 | Started in the background; see the tray.").in_(reader().language)
    return triggered({"portal:job": {"id": run_id}, "portal:toast": {"text": text}, "portal:close": True}, 202)


def _done(verb: Verb, outcome: Outcome) -> Text:
    return outcome.message or Text("{verb}完成：{count} 条 | {verb}: {count} done", verb=verb.label, count=len(outcome.done))


def _answer(asked: Asked, outcome: Outcome, refused: Refusals, where: str) -> Response:
    undo = f"/{asked.spec.name}/undo/{outcome.batch_id}" if outcome.batch_id else None
    tone = "warn" if refused and not outcome.done else ""
    toast = toast_of(asked.t(_done(asked.verb, outcome)), refused, where, undo_href=undo, tone=tone)
    return triggered({"portal:toast": toast, **onward(outcome), "portal:close": True}, 200 if outcome.done or not refused else 409)


def said(text: Any) -> str:
    """In the reader's language."""
    return str(pick(text, reader().language))


def toast_of(text: str, refused: Refusals, where: str, **more: Any) -> dict[str, Any]:
    """What was done and why the rest was not, with the way to the list of those rows."""
    view = reader()
    comma = "；" if view.language == "zh" else "; "
    link = {"href": where, "label": Text("列出 {n} 条 | List all {n}", n=refused.count).in_(view.language)} if where else {}
    return {"text": comma.join([text, *refused.told(view.language)]), **link, **more}


def onward(outcome: Outcome) -> dict[str, Any]:
    """What the page does next: the one record may go on elsewhere, else the page is shown anew."""
    return {"portal:go": {"href": outcome.href}} if outcome.href and len(outcome.done) == 1 else {"portal:refresh": True}


def triggered(events: Mapping[str, Any], status: int) -> Response:
    """An answer for htmx; without JavaScript the reader goes back to where he was."""
    if not request.headers.get("HX-Request"):
        say_toast(events.get("portal:toast"))
        return make_response(redirect(_came_from(), 303))
    response = make_response("", 200 if status < 400 else status)  # noqa: PLR2004
    response.headers["HX-Trigger"] = json.dumps(events)
    response.headers["HX-Reswap"] = "none"
    return response


def _came_from() -> str:
    """The page of ours that the reader was on; home where he came from elsewhere."""
    came = urlsplit(request.referrer or "")
    ours = came.netloc == request.host and came.path.startswith("/") and not came.path.startswith(("//", "/\\"))
    return urlunsplit(("", "", came.path, came.query, "")) if ours else url_for("HomeView.index")


# the dialog -----------------------------------------------------------------------------------


def _title(spec: Spec, verb: Verb, n: int) -> Text:
    return Text("{verb} {n} 条{what} | {verb} {n} {what}", verb=verb.label, n=n, what=spec.plural.lower())


def _dialog(asked: Asked, bound: Any = None, errors: tuple[str, ...] = ()) -> Dialog:
    spec, verb, view = asked.spec, asked.verb, asked.view
    allowed = takeable(spec, verb, asked.selection.ids)
    outside = NOT_YOURS if verb.gone is NotFound else verb.gone().text
    refused = [(asked.t(outside), len(asked.selection.ids) - len(allowed))] if len(allowed) < len(asked.selection.ids) else []
    shown = _verb_preview(asked, allowed, bound)
    count = len(allowed) - sum(n for _, n in shown.refused)
    given = {f.key: request.form.get(f.key, "") for f in verb.form}
    labels = {
        f.key: next(iter(names(f.target, [chosen]).values()), "—")
        for f in verb.form
        if isinstance(f, ReferenceField) and (chosen := id_of(given[f.key])) is not None
    }
    asked_for, sent = [f for f in verb.form if f.widget], request.form if bound is not None else None
    drawn = forms.controls(asked_for, view, values={}, labels=labels, lookup=f"/{spec.name}/pick", form=bound, given=sent)
    drawn = tuple(_with_verb(f, verb.name) for f in drawn)
    label = asked.t(verb.label)
    return Dialog(
        title=asked.t(_title(spec, verb, len(asked.selection.ids)) if len(asked.chosen) > 1 else verb.label),
        verb=verb.name,
        post_href=f"/{spec.name}/verb/{verb.name}",
        allowed=count,
        refused=(*refused, *((asked.t(why), n) for why, n in shown.refused)),
        form=drawn,
        facts=tuple((asked.t(a), asked.t(b)) for a, b in shown.facts),
        table=(tuple(asked.t(h) for h in shown.headers), tuple(tuple(asked.t(c) for c in row) for row in shown.rows))
        if shown.rows
        else None,
        skipped=tuple((who, asked.t(why)) for who, why in shown.skipped),
        version=(view.now or clock.now()).isoformat(),
        hidden=(("ids", ",".join(map(str, asked.chosen))),),
        submit_label=f"{label} {count} 条" if view.language == "zh" and count > 1 else f"{label} ({count})" if count > 1 else label,
        cancel=asked.t("取消 | Cancel"),
        chosen=len(asked.chosen),
        first=request.form.get(FIRST, ""),
        help=asked.t(verb.help),
        errors=errors,
    )


def _with_verb(each: forms.FormField, verb: str) -> forms.FormField:
    return replace(each, lookup_href=f"{each.lookup_href}&verb={verb}") if each.lookup_href else each


def named_by(each: forms.FormField, verb: str, name: str) -> forms.FormField:
    """A verb's control on a page of its own, sent under another name."""
    return replace(_with_verb(each, verb), name=name)


def takeable(spec: Spec, verb: Verb, ids: Sequence[int]) -> list[int]:
    """Which of these rows the verb's scope takes, for this actor."""
    statement = select(spec.model.id).where(spec.model.id.in_(ids))
    if spec.scope == "owner":
        statement = statement.where(scopes.criterion(spec, verb.takes, records.principal(), spec.model))
    return list(store.session().scalars(statement))


def _verb_preview(asked: Asked, allowed: Sequence[int], bound: Any) -> Preview:
    if asked.verb.preview is None or not allowed:
        return Preview()
    values = {f.key: bound[f.key].data for f in asked.verb.form} if bound is not None else _given(asked)
    found: Preview = asked.verb.preview(allowed, acting_user=records.principal(), now=asked.view.now, **values)
    return found


def _given(asked: Asked) -> dict[str, Any]:
    form = forms.bind(asked.verb.form, asked.view, request.form)
    return {f.key: form[f.key].data for f in asked.verb.form}
