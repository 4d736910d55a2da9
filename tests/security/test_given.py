"""Whatever is sent, the answer is one in the sender's words: nothing odd is a fault, and nothing odd is kept."""

from __future__ import annotations

import base64

import pytest

from portal.engine.given import MOST_ID, id_of, json_of, storable
from tests.security.web import Program, Site

HUGE = "9" * 30
LONE = "\\ud800"


@pytest.mark.parametrize("raw", ["²", "٣", "-1", "1.0", "", " 1", HUGE, str(MOST_ID + 1), None, True, [1]])
def test_what_names_no_id(raw: object) -> None:
    assert id_of(raw) is None


def test_what_names_an_id() -> None:
    assert (id_of("7"), id_of(7), id_of(MOST_ID)) == (7, 7, MOST_ID)


@pytest.mark.parametrize("raw", ["[" * 100_000, f'{{"a": ["{LONE}"]}}', '{"a\\u0000": 1}', b'"\xed\xa0\x80"', "{"])
def test_json_that_cannot_be_kept_is_none(raw: str | bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whoever reads JSON expects this one
        json_of(raw)


def test_a_whole_pair_is_a_character() -> None:
    assert json_of('"\\ud83d\\ude00"') == "😀" and storable("😀")


@pytest.mark.parametrize("number", [MOST_ID + 1, 2**63, HUGE])
def test_an_id_beyond_every_record_is_not_there(program: Program, number: object) -> None:
    for path in (f"/lead/{number}", f"/api/v1/lead/{number}", f"/lead/{number}/files/{number}", f"/jobs/{number}.json"):
        assert program.get(path).status_code == 404, path
    assert program.send("/api/v1/lead/claim", {"ids": [int(number)]}).status_code == 400  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "arguments",
    [
        {"limit": "²"},
        {"q": "a\x00b"},
        {"filter": '[["owner_id", "eq", "²"]]'},
        {"filter": '[["owner_id", "my_team", 0]]'},
        {"filter": f'[["company", "contains", "{LONE}"]]'},
        {"filter": "[" * 50_000},
        {"order": "created_at", "after": base64.urlsafe_b64encode(f'["2026-11-20T10:00:00", {HUGE}]'.encode()).decode()},
        {"order": "owner_id", "after": base64.urlsafe_b64encode(f"[{HUGE}, 1]".encode()).decode()},
        {"order": "company", "after": base64.urlsafe_b64encode(f'["{LONE}", 1]'.encode()).decode()},
    ],
)
def test_an_argument_that_cannot_be_meant_is_refused(program: Program, arguments: dict[str, str]) -> None:
    for path in ("/lead/", "/api/v1/lead/"):
        assert program.get(path, **arguments).status_code == 400, path
    if set(arguments) <= {"q", "filter"}:
        assert program.get("/lead/export.csv", **arguments).status_code in (400, 403)


@pytest.mark.parametrize(
    "body",
    [
        '{"ids": ["²"]}',
        f'{{"ids": [{HUGE}]}}',
        '{"ids": [1], "version": "2026-01-01"}',
        '{"scope": "all", "q": "\\u0000"}',
        f'{{"scope": "all", "q": "{LONE}"}}',
        "[" * 100_000,
    ],
)
def test_a_body_that_cannot_be_meant_is_refused(program: Program, body: str) -> None:
    assert program.send("/api/v1/lead/claim", body).status_code == 400


@pytest.mark.parametrize("word", ["\\u0000", LONE])
def test_signing_in_with_no_characters_is_refused(site: Site, word: str) -> None:
    client = site.browser().client
    for body in (f'{{"username": "{word}", "password": "x"}}', f'{{"username": "rep", "password": "{word}"}}'):
        assert client.post("/api/v1/security/login", data=body, content_type="application/json").status_code == 400


def test_a_form_with_no_characters_is_refused(site: Site) -> None:
    assert site.browser().sign_in("re\x00p").status_code == 400
    assert site.browser().post("/password/forgot", {"username": "\x00"}).status_code == 400
