"""Rows that a bulk verb or its undo left as they were: listed with their reasons, to who started it, by names he sees."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from jobs import runner
from jobs.tidy import ROWS_KEPT
from portal import models
from portal.engine import work
from tests.cast import NOW
from tests.security.web import Browser, Site

HTMX = {"HX-Request": "true"}
MANY = 205


def toast(answer: TestResponse) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(answer.headers["HX-Trigger"])["portal:toast"]
    return said


def do(browser: Browser, path: str, ids: list[int] | None = None, **form: Any) -> TestResponse:
    given = {} if ids is None else {"ids": ",".join(map(str, ids))}
    return browser.post(path, {**given, **form}, headers=HTMX)


def sheet(answer: TestResponse) -> list[list[str]]:
    assert answer.content_type == "text/csv; charset=utf-8"
    return list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"))))


def worked(site: Site, answer: TestResponse) -> int:
    """The long work that an answer began, done as a worker would."""
    run_id = int(json.loads(answer.headers["HX-Trigger"])["portal:job"]["id"])
    with site.app.app_context():
        assert runner.run_now(run_id, now=lambda: NOW) == "done"
    return run_id


def undo_of(site: Site, ids: list[int], browser: Browser, to: str = "mate") -> str:
    answer = do(browser, "/lead/verb/assign", ids, to_id=site.cast.people[to])
    if "portal:job" in answer.headers["HX-Trigger"]:
        return str(browser.get(f"/jobs/{worked(site, answer)}.json").get_json()["undo_href"])
    return str(toast(answer)["undo_href"])


def test_undo_lists_what_it_left_with_the_reason_of_each(site: Site) -> None:
    cast, leader = site.cast, site.signed_in("leader_a")
    ids = [cast.lead(owner="rep", company=f"第{n}公司") for n in range(3)]
    undo = undo_of(site, ids, leader)
    cast.set(models.Lead, ids[0], version=9, note="x")
    answer = do(leader, undo)
    said = toast(answer)
    assert "已撤销 2 条" in said["text"]
    assert "1 × 此后又有变动，保持现在的样子（第0公司）" in said["text"]
    page = leader.get(said["href"]).get_data(as_text=True)
    assert f'href="/lead/{ids[0]}"' in page
    assert "第1公司" not in page
    assert sheet(leader.get(f"{said['href']}/refused.csv"))[1:] == [[str(ids[0]), "第0公司", "此后又有变动，保持现在的样子"]]


def test_undo_says_it_where_the_former_owner_has_left(site: Site) -> None:
    cast, leader = site.cast, site.signed_in("leader_a")
    undo = undo_of(site, [cast.lead(owner="rep", company="甲")], leader)
    cast.set(models.User, cast.people["rep"], active=False)
    said = toast(do(leader, undo))
    assert "原负责人已停用" in said["text"]
    assert "变动" not in said["text"]
    assert said["tone"] == "warn"


def test_a_bulk_verb_lists_all_that_it_refused(site: Site) -> None:
    cast, rep = site.cast, site.signed_in("rep")
    own, closed = cast.lead(owner="rep"), [cast.lead(owner="rep", company=f"={n}号", state="invalid") for n in range(9)]
    said = toast(do(rep, "/lead/verb/release", [own, *closed], reason="x"))
    assert "9 ×" in said["text"]
    assert said["label"] == "列出 9 条"
    rows = sheet(rep.get(f"{said['href']}/refused.csv"))
    assert rows[0] == ["编号", "公司", "原因"]
    assert [row[:2] for row in rows[1:]] == [[str(lead), f"'={n}号"] for n, lead in enumerate(closed)]
    for actor in ("leader_a", "admin", "nobody"):
        stranger = site.signed_in(actor)
        for path in (said["href"], f"{said['href']}/refused.csv", f"{said['href']}.json"):
            assert stranger.get(path).status_code == 404
    assert site.browser().get(said["href"]).status_code == 302


def test_names_are_those_that_the_reader_sees_when_he_asks(site: Site) -> None:
    cast, rep = site.cast, site.signed_in("rep")
    mine = [cast.lead(owner="rep", company=f"曾经{n}", state="invalid") for n in range(2)]
    where = toast(do(rep, "/lead/verb/release", mine, reason="x"))["href"]
    cast.set(models.Lead, mine[0], deleted_at=NOW)
    for path in (where, f"{where}/refused.csv"):
        said = rep.get(path).get_data(as_text=True)
        assert "曾经0" not in said
        assert "曾经1" in said


def test_a_long_verb_keeps_all_refused_rows_for_a_month(site: Site) -> None:
    cast, leader = site.cast, site.signed_in("leader_a")
    ids = cast.leads(MANY, owner="rep", company="大批", state="invalid")
    run_id = worked(site, do(leader, "/lead/verb/assign", ids, to_id=cast.people["mate"]))
    told = leader.get(f"/jobs/{run_id}.json").get_json()
    assert told["refused_href"] == f"/jobs/{run_id}/refused.csv"
    assert told["result_href"] == f"/jobs/{run_id}"
    assert [int(row[0]) for row in sheet(leader.get(told["refused_href"]))[1:]] == ids
    page = leader.get(told["result_href"]).get_data(as_text=True)
    assert "前 50 条" in page
    later = NOW + ROWS_KEPT + timedelta(days=1)
    with cast.act("system", later) as session:
        tidy = work.ask(session, kind="tidy", label="x | x", arguments={}, asked_by_id=None, now=later)
    with site.app.app_context():
        assert runner.run_now(tidy, now=lambda: later) == "done"
    row = cast.row(models.JobRun, run_id)
    assert ("refused" in row.result, "ids" in row.arguments, row.state) == (False, False, "done")
    assert leader.get(f"/jobs/{run_id}").status_code == 404


@pytest.mark.parametrize("door", ["page", "rest"])
def test_thousands_are_taken_back_as_a_job_with_progress(site: Site, door: str) -> None:
    cast, leader = site.cast, site.signed_in("leader_a")
    cast.set(models.Pool, cast.pool_id, holding_cap=MANY)
    ids = cast.leads(MANY, owner="rep", company="大批")
    undo = undo_of(site, ids, leader)
    cast.set(models.Lead, ids[7], version=9)
    if door == "page":
        run_id = worked(site, do(leader, undo))
    else:
        batch = int(undo.rsplit("/", 1)[1])
        bearer = {"Authorization": f"Bearer {site.browser().token('leader_a').get_json()['access_token']}"}
        answer = leader.client.post("/api/v1/lead/undo", json={"batch_id": batch}, headers=bearer)
        assert answer.status_code == 202
        run_id = answer.get_json()["job"]
        with site.app.app_context():
            assert runner.run_now(run_id, now=lambda: NOW) == "done"
    told = leader.get(f"/jobs/{run_id}.json").get_json()
    assert (told["done"], told["total"], told["undo_href"]) == (MANY, MANY, "")
    assert "已撤销 204 条" in told["result_text"]
    assert [int(row[0]) for row in sheet(leader.get(told["refused_href"]))[1:]] == [ids[7]]
    lead = models.Lead.__table__
    with cast.session_factory() as session:
        back = session.connection().scalar(select(func.count()).select_from(lead).where(lead.c.owner_id == cast.people["rep"]))
    assert back == MANY - 1
    assert do(leader, undo).status_code == 409


def test_a_logged_contact_is_told_with_the_way_to_it(site: Site) -> None:
    lead, rep = site.cast.lead(owner="rep"), site.signed_in("rep")
    given = {"lead_id": str(lead), "kind": "call", "contacted_at": "2026-05-12T10:00", "content": "聊了需求"}
    answer = rep.post("/follow_up/new", given)
    assert answer.headers["Location"] == f"/lead/{lead}"
    made = site.cast.rows(models.FollowUp)[0].id
    page = rep.get(answer.headers["Location"]).get_data(as_text=True)
    assert "跟进已保存" in page
    assert f'<a href="/follow_up/{made}">查看</a>' in page
    assert "跟进已保存" not in rep.get(answer.headers["Location"]).get_data(as_text=True), "told once"
