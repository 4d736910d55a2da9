"""Files of a record: brought with a follow-up, typed by their content, taken away and put back."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select
from werkzeug.test import TestResponse

from portal import models
from portal.engine.tables import Attachment, AuditEvent
from portal.web.content import recognised
from tests.security.web import Browser, Site

FORM = "multipart/form-data"


def picture(shape: str, mode: str = "RGB", **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new(mode, (40, 20), 7 if mode in ("L", "P") else None).save(out, shape, **options)
    return out.getvalue()


def sent(*files: tuple[str, bytes]) -> list[tuple[io.BytesIO, str]]:
    return [(io.BytesIO(content), name) for name, content in files]


def log(browser: Browser, lead: int, files: Sequence[tuple[str, bytes]], **more: str) -> TestResponse:
    given = {"lead_id": str(lead), "kind": "call", "contacted_at": "2026-05-12T10:00", "content": "聊了需求", **more}
    return browser.post("/follow_up/new", {**given, "file": sent(*files)}, content_type=FORM)


def kept(site: Site) -> list[Any]:
    return site.cast.rows(Attachment)


def test_a_follow_up_brings_its_files_in_the_same_form(site: Site) -> None:
    lead, rep = site.cast.lead(owner="rep"), site.signed_in("rep")
    page = rep.get(f"/lead/{lead}").get_data(as_text=True)
    composer = page[page.index('class="composer"') :]
    assert 'enctype="multipart/form-data"' in composer
    assert 'capture="environment"' in composer
    answer = log(rep, lead, (("报价.pdf", b"%PDF-1.7 x"), ("现场.txt", b"x")))
    assert answer.status_code == 303
    [made] = site.cast.rows(models.FollowUp)
    assert [(f.entity, f.record_id, f.name) for f in kept(site)] == [("follow_up", made.id, "报价.pdf"), ("follow_up", made.id, "现场.txt")]
    page = rep.get(f"/lead/{lead}").get_data(as_text=True)
    for file in kept(site):
        href = f"/follow_up/{made.id}/files/{file.id}"
        assert href in page
        assert rep.get(href).status_code == 200
        assert site.signed_in("other").get(href).status_code == 404


def test_without_the_follow_up_its_files_are_not_kept(site: Site) -> None:
    lead, rep = site.cast.lead(owner="rep"), site.signed_in("rep")
    for files, more in (((("a.txt", b""),), {}), ((("a.txt", b"x"),), {"content": ""})):
        answer = log(rep, lead, files, **more)
        assert answer.status_code in (409, 422)
        assert "重新选择文件" in answer.get_data(as_text=True)
    assert not kept(site)
    assert not site.cast.rows(models.FollowUp)


def test_a_file_is_taken_away_and_put_back(site: Site) -> None:
    lead, rep = site.cast.lead(owner="rep"), site.signed_in("rep")
    rep.post(f"/lead/{lead}/files", {"file": sent(("a.txt", b"x"))}, content_type=FORM)
    [file] = kept(site)
    href = f"/lead/{lead}/files/{file.id}"
    assert f'action="{href}/remove"' in rep.get(f"/lead/{lead}").get_data(as_text=True)
    assert rep.post(f"{href}/remove").headers["Location"] == f"/lead/{lead}"
    page = rep.get(f"/lead/{lead}").get_data(as_text=True)
    assert "已移除“a.txt”" in page
    assert f'action="{href}/restore"' in page
    assert f'href="{href}"' not in page
    assert rep.get(href).status_code == 404
    assert rep.post(f"{href}/remove").status_code == 404
    assert rep.post(f"{href}/restore").status_code == 303
    assert rep.get(href).get_data() == b"x"
    with site.cast.session_factory() as session:
        told = session.connection().execute(select(AuditEvent.verb, AuditEvent.after).where(AuditEvent.entity == "lead")).all()
    lines = [(verb, after) for verb, after in told if verb.endswith("tach")]
    assert lines == [(verb, {"files": ["a.txt"]}) for verb in ("attach", "detach", "reattach")]


def test_what_was_signed_is_not_taken_away(site: Site) -> None:
    """A record that is no longer open keeps the files that its steps rest on."""
    cast = site.cast
    customer = cast.customer(owner="rep")
    values = {"customer_id": customer, "number": "C1", "title": "合同", "kind": "sale", "amount": 1, "state": "to_sign", "version": 1}
    contract = cast.add(models.Contract, owner_id=cast.people["rep"], team_id=cast.teams["a"], **values)
    rep = site.signed_in("rep")
    rep.post(f"/contract/{contract}/files", {"file": sent(("signed.pdf", b"%PDF-1.7"))}, content_type=FORM)
    [file] = kept(site)
    assert "/remove" not in rep.get(f"/contract/{contract}").get_data(as_text=True)
    assert rep.post(f"/contract/{contract}/files/{file.id}/remove").status_code == 403
    assert kept(site)[0].deleted_at is None


def test_programs_add_list_read_and_take_away(site: Site) -> None:
    lead = site.cast.lead(owner="rep")
    client = site.browser().client
    bearer = {"Authorization": f"Bearer {site.browser().token('rep').get_json()['access_token']}"}
    path = f"/api/v1/lead/{lead}/files"
    assert client.post(path, data={}, content_type=FORM, headers=bearer).status_code == 400
    files = {"file": sent(("图.png", picture("PNG")), ("b.txt", b"words"))}
    answer = client.post(path, data=files, content_type=FORM, headers=bearer)
    assert answer.status_code == 201, answer.get_data(as_text=True)
    first, second = answer.get_json()["result"]
    assert [(each["name"], each["content_type"]) for each in (first, second)] == [
        ("图.png", "image/png"),
        ("b.txt", "application/octet-stream"),
    ]
    assert [each["id"] for each in client.get(path, headers=bearer).get_json()["result"]] == [second["id"], first["id"]]
    assert client.get(second["href"], headers=bearer, buffered=True).get_data() == b"words"
    assert client.delete(second["href"], headers=bearer).status_code == 204
    assert client.get(second["href"], headers=bearer).status_code == 404
    assert client.post(f"{second['href']}/restore", headers=bearer).get_json()["result"]["name"] == "b.txt"
    paths = site.browser().client.get("/api/v1/_openapi", headers=bearer).get_json()["paths"]
    assert {"get", "post"} <= set(paths["/api/v1/lead/{record_id}/files"])
    assert {"get", "delete"} <= set(paths["/api/v1/lead/{record_id}/files/{file_id}"])


@pytest.mark.parametrize("shape", ["PNG", "JPEG", "GIF"])
def test_a_picture_is_written_anew_and_shown(site: Site, shape: str) -> None:
    lead, rep = site.cast.lead(owner="rep"), site.signed_in("rep")
    content = picture(shape, "P" if shape == "GIF" else "RGB") + b"<script>beside the pixels</script>"
    rep.post(f"/lead/{lead}/files", {"file": sent(("x.html", content))}, content_type=FORM)
    answer = rep.get(f"/lead/{lead}/files/{kept(site)[0].id}")
    assert answer.content_type == f"image/{shape.lower()}"
    assert answer.headers["Content-Disposition"].startswith("inline")
    assert b"script" not in answer.get_data()
    assert Image.open(io.BytesIO(answer.get_data())).size == (40, 20)


@pytest.mark.parametrize(
    "content", [b"\x89PNG\r\n\x1a\n<script>", b"\xff\xd8\xff<script>", b"GIF89a<script>", b"<svg onload=x>", picture("PNG")[:60]]
)
def test_what_only_begins_like_a_picture_is_downloaded_and_never_shown(site: Site, content: bytes) -> None:
    lead, rep = site.cast.lead(owner="rep"), site.signed_in("rep")
    rep.post(f"/lead/{lead}/files", {"file": sent(("x.png", content))}, content_type=FORM)
    answer = rep.get(f"/lead/{lead}/files/{kept(site)[0].id}")
    assert (answer.content_type, answer.get_data()) == ("application/octet-stream", content)
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_photo_loses_where_it_was_taken_and_stands_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "a camera"
    exif.get_ifd(0x8825)[1] = "N"
    kept_as, kind = recognised(picture("JPEG", exif=exif))
    found = Image.open(io.BytesIO(kept_as))
    assert (kind, found.size, dict(found.getexif())) == ("image/jpeg", (20, 40), {})


def test_a_picture_that_unpacks_to_too_much_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.web.content.MOST_PIXELS", 40 * 20 - 1)
    content = picture("PNG")
    assert recognised(content) == (content, "application/octet-stream")


def test_a_moving_picture_keeps_moving() -> None:
    frames = [Image.new("P", (8, 8), n) for n in range(3)]
    out = io.BytesIO()
    frames[0].putpalette([n % 256 for n in range(768)])
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=80, loop=0, comment=b"who made it")
    kept_as, kind = recognised(out.getvalue())
    assert kind == "image/gif"
    assert b"who made it" not in kept_as


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1", "LA", "I;16"])
def test_pictures_of_every_kind_of_pixel(mode: str) -> None:
    kept_as, kind = recognised(picture("PNG", mode))
    assert kind == "image/png"
    assert Image.open(io.BytesIO(kept_as)).mode == mode
