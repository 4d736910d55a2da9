"""A real HTTP client: a served portal, a signed-in browser or a token, and a search for canaries in any encoding."""

from __future__ import annotations

import base64
import http.client
import io
import json
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from html import unescape
from urllib.parse import quote, unquote_plus, urlencode

from flask import Flask
from pypdf import PdfReader
from werkzeug.serving import make_server

from tests.security.web import PASSWORD


def words_of(content: bytes) -> str:
    """What a PDF says, with the breaks of its lines taken out."""
    pages = PdfReader(io.BytesIO(content)).pages
    return "".join(page.extract_text() for page in pages).replace("\n", "")


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: str
    sent: str
    """What was asked, to name it in a failure."""

    def json(self) -> object:
        return json.loads(self.body)


@dataclass
class Caller:
    """One person over real HTTP, by cookie or by token."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    bearer: str = ""
    csrf: str = ""

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, headers=headers)

    def post(self, path: str, form: dict[str, str] | None = None, **headers: str) -> Answer:
        body = urlencode({**(form or {}), "csrf_token": self.csrf})
        return self.ask("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded", **headers})

    def send(self, method: str, path: str, value: object, **headers: str) -> Answer:
        extra = {"X-CSRFToken": self.csrf} if self.csrf and not self.bearer else {}
        return self.ask(method, path, json.dumps(value), {"Content-Type": "application/json", **extra, **headers})

    def upload(self, path: str, field: str = "file", content: str = "kept words", **form: str) -> Answer:
        """One text file, as a browser's form sends it."""
        mark, head = "canary-boundary", "Content-Disposition: form-data; name"
        given = {**form, "csrf_token": self.csrf}
        parts = [f'--{mark}\r\n{head}="{key}"\r\n\r\n{value}\r\n' for key, value in given.items()]
        parts.append(f'--{mark}\r\n{head}="{field}"; filename="words.txt"\r\n\r\n{content}\r\n--{mark}--\r\n')
        return self.ask("POST", path, "".join(parts), {"Content-Type": f"multipart/form-data; boundary={mark}"})

    def ask(self, method: str, path: str, body: str | None = None, headers: dict[str, str] | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        given = dict(headers or {})
        if self.bearer:
            given["Authorization"] = f"Bearer {self.bearer}"
        elif self.cookies:
            given["Cookie"] = "; ".join(f"{k}={v}" for k, v in self.cookies.items())
        connection.request(method, quote(path, safe="/?&=%,:[]\"'()*+-_.~"), body.encode() if body else None, given)
        response = connection.getresponse()
        content = response.read()
        text = words_of(content) if content.startswith(b"%PDF-") else content.decode("utf-8", "replace")
        for key, value in response.getheaders():
            if key.lower() == "set-cookie":
                name, _, rest = value.partition("=")
                self.cookies[name] = rest.split(";")[0]
        connection.close()
        return Answer(response.status, dict(response.getheaders()), text, f"{method} {path}")

    def sign_in(self, login: str) -> None:
        self._see(self.get("/login/").body)
        answer = self.post("/login/", {"username": login, "password": PASSWORD})
        assert answer.status == 302, answer.body[:300]
        self._see(self.get("/").body)

    def take_token(self, login: str) -> None:
        answer = self.send("POST", "/api/v1/security/login", {"username": login, "password": PASSWORD, "provider": "db"})
        assert answer.status == 200, answer.body[:300]
        self.bearer = json.loads(answer.body)["access_token"]
        self.cookies.clear()

    def _see(self, page: str) -> None:
        if found := re.search(r'name="csrf[-_]token"[^>]*?(?:content|value)="([^"]+)"', page):
            self.csrf = found.group(1)


@contextmanager
def served(app: Flask) -> Iterator[int]:
    """The portal on a port of its own, with threads."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()


def found_in(answer: Answer, canaries: Iterable[str]) -> list[str]:
    """Canaries that the answer holds, however it is encoded."""
    raw = answer.body + "\n" + "\n".join(f"{k}: {v}" for k, v in answer.headers.items())
    text = "\n".join({raw, unescape(raw), unquote_plus(raw), _unescaped(raw)})
    return [c for c in canaries if c in text or _in_base64(c) in raw]


@cache
def _in_base64(canary: str) -> str:
    return base64.b64encode(canary.encode()).decode().rstrip("=")


def _unescaped(raw: str) -> str:
    return re.sub(r"\\u([0-9a-fA-F]{4})", lambda m: chr(int(m.group(1), 16)), raw)
