"""The jobs page in words: what runs when, what failed and why, who waits for what; and trying again."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from jobs import planner
from portal import models
from tests.cast import NOW
from tests.security.web import Browser, Site


def run(site: Site, state: str, **values: Any) -> int:
    given = {"kind": "import", "queue": "bulk", "due_at": NOW, "label": {"zh": "导入 a.csv", "en": "Import a.csv"}, "arguments": {}}
    return site.cast.add(models.JobRun, **{**given, "period": f"{state}{values}"[:60], "state": state, **values})


def page(browser: Browser) -> str:
    answer = browser.get("/jobs/")
    assert answer.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", answer.get_data(as_text=True).split("<main")[1].split("</main>")[0]).split())


@pytest.mark.parametrize(("language", "words"), [("zh", ("完成", "每分钟", "今天 10:01")), ("en", ("Done", "every minute", "today 10:01"))])
def test_states_and_times_are_told_in_the_readers_language(site: Site, language: str, words: tuple[str, ...]) -> None:
    site.cast.set(models.User, site.cast.people["admin"], language=language)
    planner.reconcile(NOW)
    planner.plan(NOW)
    table = models.JobRun.__table__
    with site.cast.session_factory() as session:
        session.connection().execute(table.update().where(table.c.kind == "report.open.day").values(state="done", ended_at=NOW))  # type: ignore[attr-defined]
        session.commit()
    shown = page(site.signed_in("admin"))
    assert not [word for word in words if word not in shown], shown
    assert " done " not in shown and " waiting " not in shown


def test_it_says_that_nobody_works_and_how_late_the_oldest_work_is(site: Site) -> None:
    run(site, "waiting", kind="remind", label={"zh": "到期提醒", "en": "Reminders"}, due_at=NOW - timedelta(hours=3))
    shown = page(site.signed_in("admin"))
    assert "没有 worker 在运行" in shown and "1 项任务到期 5 分钟以上还没有开始，最早的一项晚了 3 小时" in shown
    assert "到期提醒 · 晚了 3 小时" in shown


def test_long_work_of_people_shows_how_far_it_is_and_who_asked(site: Site) -> None:
    run(site, "running", asked_by_id=site.cast.people["director"], done=400, total=1000, started_at=NOW)
    shown = page(site.signed_in("admin"))
    assert "导入 a.csv 进行中" in shown and "总监" in shown and "400 / 1,000" in shown


def test_a_failure_is_told_by_what_it_does_and_without_the_values_of_its_fault(site: Site) -> None:
    fault = 'IntegrityError("duplicate key value violates unique constraint\\nDETAIL: Key (phone)=(13812345678) already exists.")'
    run(
        site,
        "failed",
        error=fault,
        ended_at=NOW,
        asked_by_id=site.cast.people["rep"],
        result={"text": {"zh": "任务没有完成。", "en": "No."}},
    )
    shown = page(site.signed_in("admin"))
    assert "导入 a.csv" in shown and "业务员甲 提出" in shown and "任务没有完成。" in shown
    assert "duplicate key value" in shown and "13812345678" not in shown


def test_trying_again_says_so_and_stands_in_the_log(site: Site) -> None:
    failed, admin = run(site, "failed", error="boom", ended_at=NOW), site.signed_in("admin")
    answer = admin.post(f"/jobs/{failed}/retry", page="/jobs/", headers={"HX-Request": "true"})
    told = json.loads(answer.headers["HX-Trigger"])
    assert told["portal:toast"] == {"text": "“导入 a.csv”重新排队了，很快会再跑一次。"} and told["portal:refresh"]
    assert site.cast.row(models.JobRun, failed).state == "waiting"
    assert "重试了任务" in admin.get("/audit-log/").get_data(as_text=True)
    again = admin.post(f"/jobs/{failed}/retry", page="/jobs/", headers={"HX-Request": "true"})
    assert again.status_code == 409 and "不在失败里" in again.get_data(as_text=True)


def test_a_run_that_ended_says_so_in_words_in_the_tray(site: Site) -> None:
    cancelled = run(site, "cancelled", asked_by_id=site.cast.people["rep"], ended_at=NOW)
    told = site.signed_in("rep").get(f"/jobs/{cancelled}.json").get_json()
    assert (told["state"], told["result_text"]) == ("cancelled", "已取消")
