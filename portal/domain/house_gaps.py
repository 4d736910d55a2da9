"""What is left to configure: each gap with whom it is about, what comes of it, and where it is mended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select

from portal import models
from portal.domain.calendar import company_calendar, company_day, provisional_years
from portal.domain.house_people import BAD, QUIET, WARN, Gap, Person, everybody, links, of_people, of_reach
from portal.domain.periods import PeriodKind
from portal.domain.report_templates import Duty, fits, in_use
from portal.engine import store
from portal.engine.spec import registry
from portal.engine.text import SEPARATOR, Text, say
from portal.engine.verbs import all_verbs, verb_named
from portal.entities.custom import FieldState
from portal.entities.leads import PoolKind
from portal.entities.reports import Period
from portal.policies import policy
from portal.security.principal import Principal
from portal.security.roles import role_label

_URGENCY = (BAD, WARN, QUIET)
_SHUT = ("领不了的公海：{n} 个 | Pools that nobody can claim from: {n}", "每日领取或持有上限是 0。 | The daily quota or the cap is 0.")
_STILL = ("不自动回收的公海：{n} 个 | Pools without recycling: {n}", "没人跟进的记录不会回来。 | What nobody follows up never comes back.")
_REFUSED = (
    "不能启用的字段：{n} 个 | Fields that cannot be indexed: {n}",
    "已有的数据不合要求，改数据或改字段。 | What is there does not fit: change the data or the field.",
)
_PREPARING = (
    "准备中的字段：{n} 个 | Fields being prepared: {n}",
    "索引在后台建，建好就能筛选。 | Their index is being built; then they can be filtered.",
)
_flows: Any = models.ApprovalFlow.__table__


def gaps(reader: Principal, *, now: datetime) -> list[Gap]:
    """What this reader can mend, what stops people first; ten statements, however many people and records there are."""
    people = everybody()
    working = [person for person in people if person.active]
    found = [
        *of_people(people, working),
        *of_reach(working),
        *_of_reports(working, now),
        *_of_flows(people, working),
        *_of_pools(),
        *_of_sources(),
        *_of_fields(),
        *_of_days(now),
    ]
    return sorted((gap for gap in found if reader.may(gap.needs)), key=lambda gap: _URGENCY.index(gap.tone))


# reports and flows --------------------------------------------------------------------------------


def _of_reports(working: Sequence[Person], now: datetime) -> Iterator[Gap]:
    """Who owes a report of a kind that no template is for."""
    templates, day = in_use(), company_day(now)
    for kind in PeriodKind:
        owing = set(policy(f"report.{kind}.roles", on=day)) if policy(f"report.{kind}.on", on=day) else set()
        offered = [each for each in templates if each.period == kind.value]
        left = [
            person
            for person in working
            if person.role_names & owing and not any(fits(each, Duty(person.id, person.team_id), person.role_names) for each in offered)
        ]
        if left:
            title = say("{report}没有模板：{n} 人 | {report} without a template: {n}", report=Period(kind.value).label, n=len(left))
            why = say("他们的报告里没有要回答的问题。 | Their reports ask them nothing.")
            yield Gap(WARN, title, why, "/report-templates/new", "新建模板 | New template", "report_template:create", links(left))


def _of_flows(people: Sequence[Person], working: Sequence[Person]) -> Iterator[Gap]:
    """Flows that name roles nobody holds, or people who left."""
    held = {name for person in working for name in person.role_names}
    known = {person.id: person for person in people}
    for (entity, name), steps in _flows_in_use().items():
        verb, spec = verb_named(entity, name), registry().get(entity)
        missing = [each for step in steps for each in step.get("who", ()) if not _is_there(each, held, known)]
        if verb is None or spec is None or not missing:
            continue
        empty = any(step.get("who") and not any(_is_there(each, held, known) for each in step["who"]) for step in steps)
        title = say("审批流“{what} · {verb}”缺人 | Approval flow {what} · {verb} lacks people", what=spec.label, verb=verb.label)
        if empty:
            why = say("{who}。这一步会落到管理员头上。 | {who}. That step comes to an administrator.", who=_absent(missing, known))
        else:
            why = say("{who}。 | {who}.", who=_absent(missing, known))
        yield Gap(BAD if empty else WARN, title, why, f"/flows/{entity}/{name}", "改流程 | Change the flow", "flow_desk:read")


def _flows_in_use() -> dict[tuple[str, str], Sequence[Mapping[str, Any]]]:
    """The steps of every verb that is decided first: as published, else as declared."""
    declared = {(verb.entity, verb.name): verb.approval.steps for verb in all_verbs() if verb.approval}
    published = select(_flows.c.entity, _flows.c.verb, _flows.c.definition).where(_flows.c.active.is_(True), _flows.c.deleted_at.is_(None))
    rows = store.session().connection().execute(published.order_by(_flows.c.number))
    return {**declared, **{(row.entity, row.verb): tuple(row.definition.get("steps", ())) for row in rows}}


def _is_there(each: Mapping[str, Any], held: set[str], known: Mapping[int, Person]) -> bool:
    match each.get("by"):
        case "role":
            return each.get("role") in held
        case "person":
            person = known.get(int(each.get("id", 0)))
            return person is not None and person.active
    return True


def _absent(missing: Sequence[Mapping[str, Any]], known: Mapping[int, Person]) -> Text:
    said = []
    for each in missing:
        if each.get("by") == "role":
            said.append(say("没有人是“{role}” | nobody holds the role {role}", role=role_label(str(each.get("role", "")))))
        else:
            person = known.get(int(each.get("id", 0)))
            said.append(say("{name} 已停用 | {name} is inactive", name=person.name if person else "—"))
    told = dict.fromkeys((each.in_("zh"), each.in_("en")) for each in said)
    chinese, english = ("，".join(zh for zh, _ in told), ", ".join(en for _, en in told))
    return Text(f"{chinese}{SEPARATOR}{english[:1].upper()}{english[1:]}")


# what records stand on ----------------------------------------------------------------------------


def _of_pools() -> Iterator[Gap]:
    """Pools that are not there, that nobody can take from, or that nothing goes back to."""
    pool: Any = models.Pool
    wanted = select(pool.id, pool.name, pool.kind, pool.daily_quota, pool.holding_cap, pool.recycling).where(pool.deleted_at.is_(None))
    pools = store.session().execute(wanted.order_by(pool.name)).all()
    for kind in PoolKind:
        if not any(each.kind == kind.value for each in pools):
            title = say("还没有{what}公海 | No pool for {what} yet", what=kind.label)
            why = say("没有负责人的记录没有地方放。 | There is nowhere for what is nobody's.")
            yield Gap(BAD, title, why, "/pool/new", "新建公海 | New pool", "pool:create")
    shut = [each for each in pools if not each.daily_quota or not each.holding_cap]
    still = [each for each in pools if not each.recycling]
    for found, words in ((shut, _SHUT), (still, _STILL)):
        if found:
            where = tuple((each.name, f"/pool/{each.id}/edit") for each in found)
            yield _counted(WARN, words, where, "改规则 | Change the rules", "pool:edit")


def _of_sources() -> Iterator[Gap]:
    source: Any = models.SourceChannel
    if store.session().scalar(select(source.id).where(source.deleted_at.is_(None)).limit(1)) is None:
        title = say("还没有来源渠道 | No source channels yet")
        why = say("新线索必须选来源，现在建不了。 | A new lead needs a source, so none can be entered.")
        yield Gap(BAD, title, why, "/source_channel/new", "新建渠道 | New channel", "source_channel:create")


def _of_fields() -> Iterator[Gap]:
    """Custom fields that could not be indexed, and those that are being."""
    each: Any = models.CustomField
    waiting = (each.deleted_at.is_(None), each.state.in_((FieldState.REFUSED.value, FieldState.PREPARING.value)))
    rows = store.session().execute(select(each.id, each.label_zh, each.label_en, each.state).where(*waiting).order_by(each.id)).all()
    for state, tone, words in ((FieldState.REFUSED, BAD, _REFUSED), (FieldState.PREPARING, QUIET, _PREPARING)):
        where = tuple((f"{row.label_zh}{SEPARATOR}{row.label_en}", f"/custom_field/{row.id}") for row in rows if row.state == state.value)
        if where:
            yield _counted(tone, words, where, "看字段 | See the field", "custom_field:read")


def _counted(tone: str, words: tuple[str, str], where: tuple[tuple[str, str], ...], act: str, needs: str) -> Gap:
    title, why = words
    return Gap(tone, say(title, n=len(where)), say(why), where[0][1], act, needs, where)


def _of_days(now: datetime) -> Iterator[Gap]:
    """Years whose holidays are not published and that the company has not entered itself."""
    entered = {day.year for day in company_calendar().overrides}
    for year in provisional_years(now):
        if year not in entered:
            title = say("{year} 年的节假日还没有 | The holidays of {year} are missing", year=year)
            why = say("暂按周一至周五计；公布后升级，或自己登记。 | Monday to Friday count; upgrade when published, or enter them.")
            yield Gap(WARN, title, why, "/work_calendar/new", "登记 | Enter", "work_calendar:create")
