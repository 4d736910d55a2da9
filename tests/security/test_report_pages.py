"""The report template page and the form that asks its questions, over HTTP without JavaScript."""

from __future__ import annotations

import json
from typing import Any

from portal import models
from portal.engine.questions import Question, document
from tests.cast import NOW, Cast
from tests.domain.test_report_extras import field
from tests.domain.test_report_figures import follow_up
from tests.domain.test_reports import do, opened, report_of
from tests.security.web import Browser, Site

CHOICE = Question("q1", "choice", "进展 | How it went", required=True, parts=("顺利 | Well", "受阻 | Held up"))
TABLE = Question("q2", "table", "重点客户 | Key customers", parts=("客户 | Customer", "金额 | Amount"))


def templates(cast: Cast) -> list[Any]:
    return cast.rows(models.ReportTemplate)


def carried(questions: list[Question]) -> str:
    return json.dumps(document(questions), ensure_ascii=False)


def press(browser: Browser, where: str, do: str, questions: list[Question], **form: str) -> Any:
    given = {"name": "日报", "period": "day", "questions": carried(questions), "chosen": "0", "do": do, **form}
    return browser.post(f"/report-templates/{where}", given)


def test_an_admin_makes_a_template_without_javascript(site: Site, cast: Cast) -> None:
    admin = site.signed_in("admin")
    page = press(admin, "new", "add:choice", [])
    assert page.status_code == 200 and 'name="parts"' in page.text
    worded = {"label_zh": "进展", "label_en": "How it went", "required": "1", "parts": "顺利 | Well\n受阻 | Held up\n"}
    answer = press(admin, "new", "publish", [Question("q1", "choice", "")], **worded)
    assert answer.status_code == 303, answer.text[:300]
    assert templates(cast)[0].questions == document([CHOICE])
    assert "进展" in admin.get("/report-templates/").text
    assert "进展" in admin.get(f"/report-templates/{templates(cast)[0].id}").text


def test_a_question_without_a_name_is_told_and_nothing_typed_is_lost(site: Site, cast: Cast) -> None:
    answer = press(
        site.signed_in("admin"), "new", "publish", [Question("q1", "choice", "")], name="一份模板", label_zh="", parts="只有一个"
    )
    assert answer.status_code == 422 and 'role="alert"' in answer.text
    assert "一份模板" in answer.text and "只有一个" in answer.text
    assert not templates(cast)


def test_questions_move_up_down_and_by_dropping(site: Site) -> None:
    admin, questions = site.signed_in("admin"), [Question(f"q{n}", "text", f"第{n}个 | No {n}") for n in range(3)]
    for moved, order in (("up:2", "021"), ("down:0", "102"), ("move:0:2", "120"), ("remove:1", "02"), ("up:0", "012"), ("move:9:0", "012")):
        page = press(admin, "new", moved, questions, chosen="99").text
        assert "".join(line[0] for line in page.split('do" value="choose:')[1:]) == "012"[: len(order)]
        assert [page.index(f'class="pick cut" type="submit" name="do" value="choose:{n}"') for n in range(len(order))]
        shown = [each.split("第")[1][0] for each in page.split('class="pick cut"')[1:]]
        assert "".join(shown) == order, do


def test_only_who_keeps_templates_reaches_the_page(site: Site, cast: Cast) -> None:
    made = cast.add(models.ReportTemplate, name="日报", period="day", active=True, questions=document([CHOICE]), number=1)
    for login in ("rep", "leader_a", "director", "legal", "nobody"):
        browser = site.signed_in(login)
        for path in ("/report-templates/", "/report-templates/new", f"/report-templates/{made}"):
            assert browser.get(path).status_code == 403
        assert press(browser, str(made), "publish", []).status_code == 403
    assert [row.active for row in templates(cast)] == [True]
    assert site.signed_in("admin").get("/report-templates/987654").status_code == 404


def test_the_form_asks_keeps_what_was_typed_and_shows_what_was_said(site: Site, cast: Cast) -> None:
    cast.add(models.ReportTemplate, name="日报", period="day", active=True, questions=document([CHOICE, TABLE]), number=1)
    opened(cast, now=NOW)
    report = report_of(cast, "rep").id
    rep = site.signed_in("rep")
    cells = {"_version": str(report_of(cast, "rep").version), "a.q2.0": ["启辰", "恒远", ""], "a.q2.1": ["12", "", ""]}
    answer = rep.post(f"/report-desk/{report}", {"problems": "缺样机", "send": "1", **cells})
    assert answer.status_code == 409 and "恒远" in answer.text and "缺样机" in answer.text and 'id="q-q1-e"' in answer.text
    saved = rep.post(f"/report-desk/{report}", {"problems": "缺样机", **cells}, headers={"X-Autosave": "1"})
    assert (saved.status_code, report_of(cast, "rep").state) == (204, "draft")
    late = rep.post(f"/report-desk/{report}", {"problems": "另一个窗口", "send": "1", "a.q1": "受阻 | Held up", **cells})
    assert late.status_code == 409 and "另一个窗口" in late.text and report_of(cast, "rep").state == "draft"
    blind = rep.post(f"/report-desk/{report}", {"problems": "没有版本"}, headers={"X-Autosave": "1"})
    assert blind.status_code == 428
    cells["_version"] = saved.headers["X-Version"]
    assert "恒远" in rep.get(f"/report-desk/{report}").text
    sent = rep.post(f"/report-desk/{report}", {"problems": "缺样机", "send": "1", "a.q1": "受阻 | Held up", **cells})
    assert sent.status_code == 303 and report_of(cast, "rep").state == "submitted"
    read = site.signed_in("leader_a").get(f"/report-desk/{report}").text
    assert "受阻" in read and "恒远" in read and "重点客户" in read


def test_programs_answer_and_read_answers(site: Site, cast: Cast) -> None:
    cast.add(models.ReportTemplate, name="日报", period="day", active=True, questions=document([CHOICE, TABLE]), number=1)
    opened(cast, now=NOW)
    report = report_of(cast, "rep").id
    headers = {"Authorization": f"Bearer {site.browser().token('rep').get_json()['access_token']}"}
    client = site.browser().client
    given = {"ids": [report], "problems": "没有", "answers": {"q1": "顺利 | Well", "q2": [["启辰", "12"]]}}
    assert client.post("/api/v1/work_report/submit", json=given, headers=headers).status_code == 200
    told = client.get(f"/api/v1/work_report/{report}", headers=headers).get_json()
    assert [item["value"] for item in told["result"]["answers"]["items"]] == ["顺利 | Well", [["启辰", "12"]]]


def test_a_report_that_was_sent_keeps_what_was_quoted(site: Site, cast: Cast) -> None:
    field(cast)
    opened(cast)
    lead = cast.lead(owner="rep", extra={"x_rival": "当时的对手"})
    follow_up(cast, lead_id=lead)
    do(cast, "rep", "submit", report_of(cast, "rep").id, now=NOW, problems="没有")
    cast.set(models.Lead, lead, extra={"x_rival": "后来的对手"})
    page = site.signed_in("leader_a").get(f"/report-desk/{report_of(cast, 'rep').id}").get_data(as_text=True)
    assert "电话 · 竞品：当时的对手" in page
    assert "后来的对手" not in page
