"""The audit log: who did what, when and from where, found by person, kind, record and day; and its CSV."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from urllib.parse import urlencode

from flask import Response, render_template, request
from flask_appbuilder import BaseView, expose

from jobs.schedule import BY_KIND
from portal.domain import audit_log
from portal.domain.audit_log import KINDS, OTHERS, Line, Wanted
from portal.domain.worktime import day_named
from portal.engine import audit, csv_out, store
from portal.engine.errors import BadRequest
from portal.engine.fields import View
from portal.engine.given import refuse_unknown
from portal.engine.kinds.dates import relative_day
from portal.engine.spec import registry
from portal.engine.text import Language, pick, say
from portal.engine.verbs import all_verbs, verbs_of
from portal.security.permissions import GENERATED_LABELS
from portal.security.principal import Principal
from portal.web import records
from portal.web.happened import WORDS, happened
from portal.web.language import view

_PATH = "/audit-log/"
_SYSTEM = "system"
_ARGUMENTS = frozenset({"kind", "who", "type", "verb", "record", "from", "to", "singly", "after"})
_LONGEST_ID = 18
_DOORS = {
    "sign-in": "登录 | Sign-in",
    "forgotten password": "忘记密码 | Forgotten password",
    "password link": "密码链接 | Password link",
    "portal import": "命令行导入 | Import by command",
    "portal upgrade": "升级 | Upgrade",
    "portal demo": "演示数据 | Demo data",
    "approval": "审批 | Approval",
}
"""Why the portal itself acted, where it was no periodic job."""
_HEADINGS = (
    "时间 | Time",
    "谁 | Who",
    "做了什么 | What",
    "类型 | Type",
    "编号 | Id",
    "名称 | Name",
    "字段 | Fields",
    "原因 | Reason",
    "来自 | From",
)


@dataclass(frozen=True, slots=True)
class Row:
    """A line as the page says it."""

    line: Line
    time: str
    exact: str
    who: str
    what: str
    fields: str
    about: str
    reason: str
    alone_href: str
    """The lines of one act, each for itself."""

    @property
    def of_oneself(self) -> bool:
        """Signing in and out: about nobody else."""
        return self.line.entity == "user" and self.line.record_id == self.line.actor_id


@dataclass(frozen=True, slots=True)
class Day:
    label: str
    rows: tuple[Row, ...]


class AuditLogView(BaseView):  # type: ignore[misc]
    """What it tells of records is the question's business (portal/domain/audit_log.py); here it gets its words."""

    route_base = "/audit-log"
    endpoint = "AuditLogView"
    default_view = "log"

    @expose("/")
    def log(self) -> str:
        who = records.admit(audit_log.READ)
        wanted, here = _wanted(request.args), view()
        found = audit_log.page(who, wanted, view=here)
        given = request.args
        kinds = [("", "全部 | All"), *((key, kind.label) for key, kind in KINDS.items())]
        return render_template(
            "audit_log.html",
            days=told(found.lines, here),
            looked=audit_log.LOOKED_THROUGH,
            back_to=found.back_to,
            older=_url(after=str(found.after)) if found.after else "",
            newest=_url(after="") if wanted.after else "",
            export=_url(after="", singly="", path=f"{_PATH}export.csv") if who.may(audit_log.EXPORT) else "",
            kinds=[(_url(kind=key, after=""), label, key == wanted.kind) for key, label in kinds],
            given=given,
            filtered=bool(set(given) - {"after"}),
            people=[(_SYSTEM, "系统 | System"), *((str(key), name) for key, name in audit_log.people())],
            types=_types(here.language),
            verbs=_verbs(wanted.entity, here.language),
        )

    @expose("/export.csv")
    def export(self) -> Response:
        """Streamed a block at a time over a connection of its own; that it was taken stands in the log itself."""
        who = records.admit(audit_log.READ, audit_log.EXPORT)
        wanted, here = _wanted(request.args), view()
        with records.writing() as (session, now):
            query = request.query_string.decode()[:1000]
            audit.write(session, verb="export", entity="audit_log", record_id=None, after={"query": query})

        def lines() -> Iterator[bytes]:
            with store.fresh(who, now):
                rows = (_exported(line, here) for line in audit_log.everything(who, wanted, view=here))
                yield from csv_out.lines((tuple(pick(each, here.language) for each in _HEADINGS), *rows))

        response = Response(lines(), mimetype="text/csv; charset=utf-8")
        response.headers["Content-Disposition"] = 'attachment; filename="audit_log.csv"'
        return response


def told(lines: tuple[Line, ...], here: View) -> list[Day]:
    """Lines in the reader's words, by the company's day."""
    rows = [_row(line, here) for line in lines]
    days = groupby(rows, key=lambda row: row.line.at.astimezone(here.zone).date())
    return [Day(_day(day, here), tuple(of_day)) for day, of_day in days]


def _row(line: Line, here: View) -> Row:
    at, language = line.at.astimezone(here.zone), here.language
    comma = pick("、 | , ", language)
    act = {"type": line.entity, "verb": line.verb, "who": str(line.actor_id or _SYSTEM), "singly": "1", "after": str(line.id + 1)}
    return Row(
        line,
        f"{at:%H:%M:%S}",
        f"{at:%Y-%m-%d %H:%M:%S}",
        line.actor or _portal(line, language),
        str(pick(happened(line.entity, line.verb), language)),
        comma.join(str(pick(each, language)) for each in line.fields),
        _about(line.entity, language),
        str(pick(line.reason, language)),
        f"{_PATH}?{urlencode(act)}" if line.count > 1 else "",
    )


def _portal(line: Line, language: Language) -> str:
    """The portal itself, and why it acted; nobody, where nobody was signed in yet."""
    why = BY_KIND[line.note].label if line.note in BY_KIND else _DOORS.get(line.note, "")
    return str(pick(say("系统 · {why} | System · {why}", why=why) if why else "系统 | System", language))


def _about(entity: str, language: Language) -> str:
    spec = registry().get(entity)
    return str(pick(spec.label if spec else OTHERS.get(entity, entity), language))


def _day(day: date, here: View) -> str:
    near, full = relative_day(day, here), f"{day:%Y-%m-%d}"
    return full if near == full else f"{near} · {full}"


def _exported(line: Line, here: View) -> tuple[object, ...]:
    row = _row(line, here)
    return (row.exact, row.who, row.what, row.about, line.record_id, line.title, row.fields, row.reason, line.address)


# arguments ----------------------------------------------------------------------------------------


def _wanted(given: Mapping[str, str]) -> Wanted:
    """The address read whole: what it does not know it refuses."""
    refuse_unknown(given, _ARGUMENTS)
    entity, kind, verb = (given.get(key, "") for key in ("type", "kind", "verb"))
    if entity and entity not in registry() and entity not in OTHERS:
        raise BadRequest("没有数据类型 {name}。 | There is no record type {name}.", name=entity)
    if kind and kind not in KINDS:
        raise BadRequest("没有这个页签。 | There is no such tab.")
    if verb and verb not in {*WORDS, *GENERATED_LABELS, *(each.name for each in all_verbs())}:
        raise BadRequest("没有动作 {name}。 | There is no verb {name}.", name=verb)
    who = given.get("who", "")
    return Wanted(
        kind=kind,
        actor_id=0 if who == _SYSTEM else _id(who, "who"),
        entity=entity,
        verb=verb,
        record_id=_id(given.get("record", "").strip().lstrip("#"), "record"),
        first=_date(given.get("from", "")),
        last=_date(given.get("to", "")),
        after=_id(given.get("after", ""), "after"),
        singly=given.get("singly", "") == "1",
    )


def _id(raw: str, name: str) -> int | None:
    if raw and not (raw.isascii() and raw.isdecimal() and len(raw) <= _LONGEST_ID):
        raise BadRequest("“{name}”要写编号。 | “{name}” takes a number.", name=name)
    return int(raw) if raw else None


def _date(raw: str) -> date | None:
    try:
        return day_named(raw) if raw else None
    except ValueError as error:
        raise BadRequest("请写成 2026-11-19 这样的日期。 | Write a date such as 2026-11-19.") from error


def _url(path: str = _PATH, **changes: str) -> str:
    """This address with some arguments changed; empty ones go."""
    kept = {key: value for key, value in {**request.args.to_dict(), **changes}.items() if value}
    return f"{path}?{urlencode(kept)}" if kept else path


def _types(language: Language) -> list[tuple[str, str]]:
    found = {spec.name: spec.label for spec in registry().values()} | dict(OTHERS)
    return sorted(((key, str(pick(label, language))) for key, label in found.items()), key=lambda each: each[1])


def _verbs(entity: str, language: Language) -> list[tuple[str, str]]:
    """What can have been done: to this record type, or to any."""
    spec = registry().get(entity)
    found = {**WORDS, **{each.name: each.label for each in (verbs_of(spec) if spec else all_verbs())}}
    return sorted(((key, str(pick(label, language))) for key, label in found.items()), key=lambda each: each[1])


def latest(who: Principal, limit: int, here: View) -> list[Day]:
    """The newest lines for a home; nothing for who may not read the log."""
    return told(audit_log.page(who, Wanted(limit=limit), view=here).lines, here) if who.may(audit_log.READ) else []
