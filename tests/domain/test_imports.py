"""Files become leads, people and teams: linked, deduplicated, audited, with a reason for every row that did not."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import models
from portal.domain import imports
from portal.domain.ownership import Move, change_owner
from portal.engine import import_run, store
from portal.engine.errors import NotAllowed, Refused
from portal.engine.fields import View
from portal.engine.import_run import Result
from portal.engine.importing import read_mapping
from portal.engine.intake import sniff
from tests.cast import NOW, Cast
from tests.sample_data import COMPANIES, CRM, sample_data

MAPPINGS = Path(__file__).resolve().parents[2] / "docs" / "mappings"
LEADS = {
    "targets": [
        {
            "entity": "lead",
            "columns": {"company": "公司", "phone": "电话", "name": "联系人"},
            "constants": {"source_id": "展会"},
            "create_missing": ["source_id"],
        }
    ]
}


@dataclass
class Work:
    """The run an import works in, without a worker."""

    principal: Any
    memo: dict[str, Any] = field(default_factory=dict)
    dies_after: int = 1000
    stops_after: int = 1000
    seen: list[int] = field(default_factory=list)
    id: int = 77
    now: datetime = NOW + timedelta(hours=1)

    @contextmanager
    def unit_of_work(self) -> Iterator[Session]:
        with store.fresh(self.principal, self.now), store.unit_of_work(self.principal, self.now) as session:
            yield session
            if len(self.seen) > self.dies_after:
                raise ConnectionError("the worker died")

    def progress(self, done: int, total: int | None = None) -> None:
        self.seen.append(done)

    def cancelled(self) -> bool:
        return len(self.seen) >= self.stops_after


@dataclass
class Desk:
    """Imports files for somebody of the cast."""

    cast: Cast
    folder: Path

    def file(self, *rows: tuple[str, ...], encoding: str = "utf-8") -> Path:
        path = self.folder / "in.csv"
        with path.open("w", encoding=encoding, newline="") as file:
            csv.writer(file).writerows(rows)
        return path

    @property
    def refused(self) -> list[list[str]]:
        with (self.folder / "refused.csv").open(encoding="utf-8-sig", newline="") as file:
            return list(csv.reader(file))[1:]

    def run(self, path: Path, mapping: dict[str, Any], *, login: str = "admin", dry_run: bool = False, work: Work | None = None) -> Result:
        principal = self.cast.principal(login)
        return imports.run(
            work or Work(principal),
            path,
            sniff(path),
            read_mapping(mapping),
            acting_user=principal,
            refused=self.folder / "refused.csv",
            view=View(),
            dry_run=dry_run,
        )


@pytest.fixture
def desk(cast: Cast, tmp_path: Path) -> Desk:
    return Desk(cast, tmp_path)


def leads(cast: Cast) -> list[Any]:
    return cast.rows(models.Lead)


# the real files ------------------------------------------------------------------------------------


def shipped(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((MAPPINGS / name).read_text(encoding="utf-8"))
    return found


def test_the_sales_teams_become_teams_leaders_and_reps(desk: Desk, cast: Cast) -> None:
    done = desk.run(sample_data() / CRM / "sales_teams.csv", shipped("sales_teams.json"))
    assert (done.counts.made, done.counts.refused) == ({"team": 3, "user": 41}, 0)
    people = [row for row in cast.rows(models.User) if row.id not in cast.people.values()]
    teams = {row.id: row for row in cast.rows(models.Team) if row.id not in cast.teams.values()}
    assert {team.name for team in teams.values()} == {"Central", "East", "West"}
    assert not any(person.active or person.password or person.invited_at for person in people)
    assert len({person.username for person in people}) == 41
    leaders = {person.id for person in people if person.superior_id is None}
    assert len(leaders) == 6
    assert all(team.leader_id in leaders for team in teams.values())
    reps = [person for person in people if person.superior_id is not None]
    assert len(reps) == 35
    boss = {person.id: person for person in people}
    assert all(rep.superior_id in leaders and boss[rep.superior_id].team_id == rep.team_id for rep in reps)
    with cast.session_factory() as session:
        held = models.User.metadata.tables["ab_user_role"]
        assert len(session.connection().execute(select(held).where(held.c.user_id.in_(boss))).all()) == 41


def test_the_sales_teams_again_change_nothing(desk: Desk) -> None:
    path = sample_data() / CRM / "sales_teams.csv"
    desk.run(path, shipped("sales_teams.json"))
    again = desk.run(path, shipped("sales_teams.json"))
    assert (again.counts.made, sum(again.counts.changed.values()), again.counts.skipped) == ({}, 0, 35)


def test_the_gbk_file_becomes_pool_leads(desk: Desk, cast: Cast) -> None:
    done = desk.run(sample_data() / COMPANIES, shipped("listed_companies.json"))
    made = leads(cast)
    assert done.counts.rows == 4347
    assert len(made) == done.counts.made["lead"] == 4347 - done.counts.skipped
    assert done.counts.refused == 0
    assert {(row.state, row.pool_id, row.owner_id, row.import_id) for row in made} == {("pool", cast.pool_id, None, 77)}
    assert any(row.company.startswith("*ST") for row in made)
    tenures = cast.rows(models.Tenure, models.Tenure.__table__.c.how == "import")
    assert {row.record_id for row in tenures} == {row.id for row in made}
    audited = models.AuditEvent.__table__.c
    events = cast.rows(models.AuditEvent, audited.entity == "lead", audited.verb == "import")
    assert len(events) == len(made)
    assert {row.actor_id for row in events} == {cast.people["admin"]}


def test_an_imported_lead_can_be_given_to_somebody(desk: Desk, cast: Cast) -> None:
    """The tenure trigger is content with what the import wrote."""
    desk.run(desk.file(("公司", "电话", "联系人"), ("甲公司", "", "")), LEADS)
    with cast.act("system") as session:
        assert change_owner(session, models.Lead, [Move(leads(cast)[0].id, owner_id=cast.people["rep"])], how="assign", now=NOW)


# rows that are wrong ---------------------------------------------------------------------------------


def test_refused_rows_come_back_with_their_reasons(desk: Desk, cast: Cast) -> None:
    path = desk.file(("公司", "电话", "联系人"), ("甲", "138 0000 0001", "张"), ("", "", "李"), ("乙", "12", "=cmd()"), ("丙",))
    done = desk.run(path, LEADS)
    assert (done.counts.made["lead"], done.counts.refused, done.told) == (1, 3, 3)
    nameless, short, torn = desk.refused
    assert nameless[3:5] == ["3", "拒绝"]
    assert "不能为空" in nameless[5]
    assert "电话" in short[5]
    assert short[2] == "'=cmd()"
    assert "列" in torn[5]
    assert leads(cast)[0].phone == "+8613800000001"


def test_an_unknown_reference_refuses_the_row_unless_it_may_be_made(desk: Desk, cast: Cast) -> None:
    target = LEADS["targets"][0]
    path = desk.file(("公司", "电话", "联系人"), ("甲", "", ""))
    done = desk.run(path, {"targets": [{**target, "create_missing": []}]})
    assert done.counts.refused == 1
    assert "展会" in desk.refused[0][5]
    assert not leads(cast)


def test_the_same_company_or_phone_is_the_same_lead(desk: Desk, cast: Cast) -> None:
    cast.lead(owner="other", company="深圳甲科技有限公司", company_key="深圳甲科技", contacted_at=NOW)
    path = desk.file(
        ("公司", "电话", "联系人"),
        ("深圳甲科技", "", ""),
        ("乙方", "13800000002", ""),
        ("乙方 有限公司", "", ""),
        ("丙方", "138-0000-0002", ""),
    )
    done = desk.run(path, LEADS)
    assert (done.counts.made["lead"], done.counts.skipped) == (1, 3)
    assert [row[3] for row in desk.refused] == ["2", "4", "5"]
    assert "外组丙" in desk.refused[0][5]
    assert "第 3 行" in desk.refused[1][5]


def test_update_changes_only_what_the_importer_may_write(desk: Desk, cast: Cast) -> None:
    mine = cast.lead(owner="rep", company="甲", company_key="甲", name="旧")
    target = {**LEADS["targets"][0], "on_duplicate": "update"}
    path = desk.file(("公司", "电话", "联系人"), ("甲", "", "新"))
    done = desk.run(path, {"targets": [target]})
    assert done.counts.changed == {"lead": 1}
    row = cast.row(models.Lead, mine)
    assert (row.name, row.version, row.owner_id) == ("新", 2, cast.people["rep"])
    audited = models.AuditEvent.__table__.c
    event = cast.rows(models.AuditEvent, audited.record_id == mine, audited.verb == "import")[0]
    assert (event.before["name"], event.after["name"]) == ("旧", "新")
    cast_scope = models.RoleScope.__table__
    with cast.session_factory() as session:
        session.connection().execute(cast_scope.update().where(cast_scope.c.entity == "lead").values(write="none"))
        session.commit()
    cast.set(models.Team, cast.teams["a"], name="A 组")
    refused = desk.run(desk.file(("公司", "电话", "联系人"), ("甲", "", "更新")), {"targets": [target]})
    assert (refused.counts.refused, sum(refused.counts.changed.values())) == (1, 0)
    assert cast.row(models.Lead, mine).name == "新"


@pytest.mark.parametrize("how", ["update", "fill"])
def test_a_blank_cell_with_a_value_for_all_rows_keeps_what_is_stored(desk: Desk, cast: Cast, how: str) -> None:
    mine = cast.lead(owner="rep", company="甲", company_key="甲", industry="制造", phone="+8613800000001")
    target = {
        **LEADS["targets"][0],
        "columns": {"company": "公司", "phone": "电话", "industry": "行业", "region": "地区"},
        "constants": {"source_id": "展会", "industry": "未知行业", "company": "未知公司", "region": "未知地区"},
        "match": [["phone"]],
        "on_duplicate": how,
    }
    rows = (("", "13800000001", "", "华东"), ("乙", "13800000002", "", ""))
    done = desk.run(desk.file(("公司", "电话", "行业", "地区"), *rows), {"targets": [target]})
    assert (done.counts.made["lead"], done.counts.changed["lead"]) == (1, 1)
    kept = cast.row(models.Lead, mine)
    assert (kept.company, kept.company_key, kept.industry, kept.region) == ("甲", "甲", "制造", "华东")
    [new] = cast.rows(models.Lead, models.Lead.__table__.c.id != mine)
    assert (new.company, new.industry, new.region) == ("乙", "未知行业", "未知地区")


@pytest.mark.parametrize(("how", "made", "refused", "skipped"), [("create", 1, 0, 0), ("refuse", 0, 1, 0), ("skip", 0, 0, 1)])
def test_what_happens_to_a_duplicate_is_chosen(desk: Desk, cast: Cast, how: str, made: int, refused: int, skipped: int) -> None:
    cast.lead(company="甲", company_key="甲")
    done = desk.run(desk.file(("公司", "电话", "联系人"), ("甲", "", "")), {"targets": [{**LEADS["targets"][0], "on_duplicate": how}]})
    assert (done.counts.made.get("lead", 0), done.counts.refused, done.counts.skipped) == (made, refused, skipped)


# the run ------------------------------------------------------------------------------------------


def test_a_dry_run_tells_the_same_and_changes_nothing(desk: Desk, cast: Cast) -> None:
    path = desk.file(("公司", "电话", "联系人"), *((f"公司{n}", "", "") for n in range(7)), ("", "", ""))
    tried = desk.run(path, LEADS, dry_run=True)
    assert not leads(cast)
    assert not cast.rows(models.SourceChannel, models.SourceChannel.__table__.c.name == "展会")
    assert tried.counts == desk.run(path, LEADS).counts


def test_a_run_that_died_goes_on_where_it_was(desk: Desk, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_run, "CHUNK", 3)
    path = desk.file(("公司", "电话", "联系人"), *((f"公司{n}" if n % 4 else "", "", "x") for n in range(12)))
    work = Work(cast.principal("admin"), dies_after=2)
    with pytest.raises(ConnectionError):
        desk.run(path, LEADS, work=work)
    kept = Work(cast.principal("admin"), memo=dict(work.memo))
    kept.memo.update(
        line=7, counts={"rows": 6, "refused": 2, "skipped": 0, "made": {"lead": 4, "source_channel": 1}, "changed": {}}, told=2
    )
    kept.memo["size"] = _size_after(desk, rows=2)
    done = desk.run(path, LEADS, work=kept)
    assert (done.counts.rows, done.counts.made["lead"], done.counts.refused, done.told) == (12, 9, 3, 3)
    assert len(leads(cast)) == 9
    assert [row[3] for row in desk.refused] == ["2", "6", "10"]


def _size_after(desk: Desk, *, rows: int) -> int:
    """Bytes of the refused file's header and first rows: what the last committed chunk remembered."""
    lines = (desk.folder / "refused.csv").read_bytes().split(b"\n")
    return sum(len(line) + 1 for line in lines[: rows + 1])


def test_a_cancelled_run_keeps_what_it_did_and_says_so(desk: Desk, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_run, "CHUNK", 2)
    path = desk.file(("公司", "电话", "联系人"), *((f"公司{n}", "", "") for n in range(6)))
    done = desk.run(path, LEADS, work=Work(cast.principal("admin"), stops_after=1))
    assert done.cancelled
    assert len(leads(cast)) == 2
    assert "已取消" in imports.result_of(done, dry_run=False, entity="lead")["text"]["zh"]


# who may -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("login", ["rep", "leader_a", "finance", "nobody"])
def test_nobody_imports_without_the_permission(desk: Desk, login: str) -> None:
    with pytest.raises(NotAllowed):
        desk.run(desk.file(("公司", "电话", "联系人"), ("甲", "", "")), LEADS, login=login)


def test_a_director_imports_leads_but_makes_no_sources_and_no_people(desk: Desk) -> None:
    path = desk.file(("公司", "电话", "联系人"), ("甲", "", ""))
    with pytest.raises(NotAllowed):
        desk.run(path, LEADS, login="director")
    with pytest.raises(NotAllowed):
        desk.run(sample_data() / CRM / "sales_teams.csv", shipped("sales_teams.json"), login="director")


def test_mappings_are_kept_by_name_and_shown_to_whom_they_serve(cast: Cast) -> None:
    admin, director = cast.principal("admin"), cast.principal("director")
    with cast.act("admin") as session:
        imports.keep(session, "名单", read_mapping(LEADS), acting_user=admin, now=NOW)
        imports.keep(session, "团队", read_mapping(shipped("sales_teams.json")), acting_user=admin, now=NOW)
        imports.keep(session, "名单", read_mapping(LEADS), acting_user=admin, now=NOW)
    with cast.act("director") as session:
        assert [row.name for row in imports.mappings(session, director)] == ["名单"]
        simple = {"targets": [{**LEADS["targets"][0], "create_missing": []}]}
        with pytest.raises(Refused, match="Another mapping"):
            imports.keep(session, "团队", read_mapping(simple), acting_user=director, now=NOW)


# other record types -------------------------------------------------------------------------------


def test_any_declaration_imports_by_what_is_unique(desk: Desk, cast: Cast) -> None:
    policy = {
        "targets": [
            {
                "entity": "policy",
                "columns": {"key": "键", "value": "值", "effective_on": "从"},
                "constants": {"reason": "年度调整"},
                "on_duplicate": "update",
            }
        ]
    }
    path = desk.file(("键", "值", "从"), ("bulk.job_above", "100", "2026-01-01"), ("bulk.job_above", "150", "2026-07-01"))
    assert desk.run(path, policy).counts.made == {"policy": 2}
    later = Work(cast.principal("admin"), now=NOW + timedelta(days=1))
    again = desk.run(desk.file(("键", "值", "从"), ("bulk.job_above", "120", "2026-01-01")), policy, work=later)
    assert (again.counts.made, again.counts.changed) == ({}, {"policy": 1})
    senseless = desk.file(("键", "值", "从"), ("bulk.job_above", "很多", "2026-08-01"), ("no.such", "1", "2026-08-01"))
    wrong = desk.run(senseless, policy, work=Work(cast.principal("admin"), now=NOW + timedelta(days=2)))
    assert (wrong.counts.made, wrong.counts.refused) == ({}, 2)
    assert [row.value for row in cast.rows(models.Policy)] == ["120", "150"]


def test_what_cannot_lie_in_a_pool_belongs_to_who_imports_it(desk: Desk, cast: Cast) -> None:
    leave = {
        "targets": [
            {"entity": "leave", "columns": {"first_on": "起", "last_on": "止"}, "constants": {"kind": "年假"}, "match": ["first_on"]}
        ]
    }
    desk.run(desk.file(("起", "止"), ("2026-06-01", "2026/6/2")), leave)
    row = cast.rows(models.Leave)[0]
    assert (row.owner_id, row.kind, str(row.last_on)) == (cast.people["admin"], "annual", "2026-06-02")
    assert row.state == "approved", "what another system granted is not asked for again"


def test_an_update_leaves_to_verbs_what_only_verbs_change(desk: Desk, cast: Cast) -> None:
    people = {
        "targets": [
            {
                "entity": "user",
                "columns": {"username": "登录名", "name": "姓名", "phone": "电话", "team_id": "团队"},
                "on_duplicate": "update",
            }
        ]
    }
    later = Work(cast.principal("admin"), now=NOW + timedelta(days=1))
    desk.run(desk.file(("登录名", "姓名", "电话", "团队"), ("rep", "业务员甲", "13800000009", "B 组")), people, work=later)
    row = cast.row(models.User, cast.people["rep"])
    assert (row.phone, row.team_id) == ("+8613800000009", cast.teams["a"])


def test_an_update_that_qualifies_a_lead_starts_its_clock(desk: Desk, cast: Cast) -> None:
    lead = cast.lead(owner="rep", company="甲方", company_key="甲方")
    flags = {"money": "是", "authority": "是", "need": "是"}
    target = {
        "entity": "lead",
        "columns": {"company": "公司", **dict.fromkeys(flags, "合格")},
        "constants": {"source_id": "展会"},
        "create_missing": ["source_id"],
        "on_duplicate": "update",
    }
    later = Work(cast.principal("admin"), now=NOW + timedelta(days=1))
    desk.run(desk.file(("公司", "合格"), ("甲方", "是")), {"targets": [target]}, work=later)
    row = cast.row(models.Lead, lead)
    assert (row.grade, row.first_response_due_at) == ("qualified", later.now + timedelta(hours=24))
