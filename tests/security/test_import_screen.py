"""The import screen over HTTP: a GBK file from upload to leads, and nobody else's files or runs."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from jobs import runner
from portal import models
from tests.sample_data import COMPANIES, CRM, sample_data
from tests.security.test_field_rights import limit
from tests.security.web import Browser, Site

_TAGS = re.compile(r"<(input|select)\b([^>]*)>", re.DOTALL)


def attribute(tag: str, name: str) -> str | None:
    found = re.search(rf'\b{name}="([^"]*)"', tag)
    return html.unescape(found[1]) if found else None


def fields(page: TestResponse) -> dict[str, str]:
    """What a browser would send of the mapping form."""
    text = page.get_data(as_text=True)
    form = text[text.index('class="import-form"') : text.index("</main>")]
    sent: dict[str, str] = {}
    for tag in re.finditer(r"<input\b[^>]*>", form):
        name = attribute(tag[0], "name")
        if name and not ('type="checkbox"' in tag[0] and " checked" not in tag[0]):
            sent[name] = attribute(tag[0], "value") or ""
    for name, options in re.findall(r'<select\b[^>]*\bname="([^"]*)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r"<option([^>]*) selected>([^<]*)", options) or re.search(r"<option([^>]*)>([^<]*)", options)
        assert chosen is not None
        value = attribute(chosen[1], "value")
        sent[name] = html.unescape(chosen[2]) if value is None else value
    sent.pop("csrf_token")
    return sent


def upload(browser: Browser, path: Path, entity: str = "lead", **more: str) -> TestResponse:
    with path.open("rb") as file:
        answer = browser.post(f"/{entity}/import", {"upload": (file, path.name), **more}, content_type="multipart/form-data")
    assert answer.status_code == 303, answer.get_data(as_text=True)[:500]
    return browser.get(answer.headers["Location"])


def run(site: Site, browser: Browser, href: str) -> str:
    """Do the run as a worker would; the page's text afterwards."""
    with site.app.app_context():
        assert runner.run_now(int(href.rsplit("/", 1)[1])) == "done"
    return browser.get(href).get_data(as_text=True)


@pytest.fixture
def admin(site: Site) -> Browser:
    browser = site.browser()
    assert browser.sign_in("admin").status_code == 302
    return browser


def test_a_gbk_file_is_recognised_tried_and_imported(site: Site, admin: Browser) -> None:
    page = upload(admin, sample_data() / COMPANIES)
    text = page.get_data(as_text=True)
    assert "gb18030" in text
    assert "股票名称" in text
    given = fields(page)
    assert given["t0.f.company"] == "column:股票名称"
    unsaid = admin.post("/lead/import", {**given, "action": "try"})
    assert unsaid.status_code == 400
    assert "“来源”必填" in unsaid.get_data(as_text=True)
    given |= {"t0.c.source_id": "上市公司名单", "t0.m.source_id": "1"}
    tried = admin.post("/lead/import", {**given, "action": "try"}).headers["Location"]
    assert "试运行：4347 行" in run(site, admin, tried)
    assert not site.cast.rows(models.Lead)
    done = admin.post(tried).headers["Location"]
    assert "4347 行；新建" in run(site, admin, done)
    assert len(site.cast.rows(models.Lead)) > 4000


def test_a_mapping_is_kept_and_repeated(site: Site, admin: Browser) -> None:
    page = upload(admin, sample_data() / CRM / "sales_teams.csv", "team")
    first = {**fields(page), "t0.f.name": "column:regional_office"}
    second = fields(admin.post("/team/import", {**first, "action": "add", "add_entity": "user"}))
    second |= {"t1.alias": "rep", "t1.f.name": "column:sales_agent", "t1.f.team_id": "link:team", "t1.c.role": "业务员"}
    kept = admin.post("/team/import", {**second, "action": "keep", "mapping_name": "办事处"})
    assert "已保存方案" in kept.get_data(as_text=True)
    again = upload(admin, sample_data() / CRM / "sales_teams.csv", "user", mapping="办事处")
    started = admin.post("/user/import", {**fields(again), "action": "run"})
    assert "团队 3、员工 35" in run(site, admin, started.headers["Location"])


def test_refused_rows_are_downloaded_by_who_asked_only(site: Site, admin: Browser, tmp_path: Path) -> None:
    path = tmp_path / "名单.csv"
    path.write_text("公司,电话\n甲公司,12\n乙公司,13800000001\n", encoding="utf-8")
    given = {**fields(upload(admin, path)), "t0.c.source_id": "展会", "t0.m.source_id": "1", "action": "run"}
    href = admin.post("/lead/import", given).headers["Location"]
    assert "拒绝 1" in run(site, admin, href)
    answer = admin.get(f"{href}/refused.csv")
    assert "甲公司,12,2,拒绝" in answer.get_data(as_text=True)
    answer.close()
    director = site.browser()
    director.sign_in("director")
    assert director.get(href).status_code == 404
    assert director.get(f"{href}/refused.csv").status_code == 404
    assert director.get("/lead/import", query_string={"file": given["file"]}).status_code == 404
    assert admin.get(href.replace("/lead/", "/team/")).status_code == 404


@pytest.mark.parametrize("path", ["/lead/import", "/user/import", "/lead/import/1", "/lead/import/1/refused.csv"])
def test_the_screen_is_for_those_who_may_import(site: Site, path: str) -> None:
    browser = site.browser()
    browser.sign_in("rep")
    assert browser.get(path).status_code == 403
    if not path.endswith(".csv"):
        assert browser.post(path).status_code == 403


@pytest.mark.parametrize(("content", "says"), [(b"", "文件是空的"), (b"PK\x03\x04rest", "Excel 工作簿"), (b"a,b\n\x00\x00", "空字符")])
def test_an_unreadable_file_says_why(admin: Browser, tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    page: Any = upload(admin, path)
    assert page.status_code == 422
    assert says in page.get_data(as_text=True)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"t0.c.source_id": "展会", "t0.m.source_id": "1"}, "没有新建“来源渠道”的权限"),
        ({"t0.c.source_id": "展会"}, "“来源渠道”里没有“展会”，你也没有新建它的权限"),
    ],
)
def test_what_a_director_may_not_make_is_said_before_the_run(site: Site, tmp_path: Path, given: dict[str, str], said: str) -> None:
    path = tmp_path / "名单.csv"
    path.write_text("公司,电话\n甲公司,13800000001\n", encoding="utf-8")
    director = site.signed_in("director")
    asked = {**fields(upload(director, path)), **given}
    for action in ("try", "run"):
        answer = director.post("/lead/import", {**asked, "action": action})
        assert answer.status_code in (400, 403) and said in html.unescape(answer.get_data(as_text=True))
    assert not site.cast.rows(models.JobRun)
    known = director.post("/lead/import", {**asked, "t0.c.source_id": "官网", "t0.m.source_id": "", "action": "run"})
    assert known.status_code == 303


def test_columns_are_neither_guessed_nor_offered_for_fields_that_the_importer_may_not_fill(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "leads.csv"
    file.write_text("公司,电话,备注\n测试厂,13812345678,好\n", encoding="utf-8")
    open_to_all = fields(upload(site.signed_in("director"), file))
    assert open_to_all["t0.f.phone"] == "column:电话", "the positive control"
    assert limit(site, "director", lead__phone="read").status_code == 303
    director = site.signed_in("director")
    given = fields(upload(director, file))
    assert "t0.f.phone" not in given and "t0.c.phone" not in given
    assert (given["t0.f.company"], given["t0.f.note"]) == ("column:公司", "column:备注")
    source = {"t0.c.source_id": site.cast.row(models.SourceChannel, site.cast.source_id).name}
    forced = director.post("/lead/import", {**open_to_all, **source, "file": given["file"], "action": "try"})
    assert forced.status_code == 403, "and who sends it all the same is refused"
