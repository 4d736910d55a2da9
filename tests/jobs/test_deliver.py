"""Mail: never lost, the same Message-ID at every try, and only to who may still get it."""

from __future__ import annotations

import smtplib
import socket
import threading
from dataclasses import replace
from datetime import timedelta
from email import message_from_string
from pathlib import Path
from typing import Any

import pytest

from config import Config
from jobs import deliver
from portal import models
from portal.domain import sign_in
from portal.engine.mailbox import Mailbox
from portal.engine.outbox import mark_read, notify, unread_count
from portal.security import account
from tests import services
from tests.cast import NOW, Cast

LATER = NOW + timedelta(minutes=5)


@pytest.fixture
def settings(tmp_path: Path) -> Config:
    return replace(services.config_for(tmp_path, "", ""), mail_from="门户 <portal@test.example>")


def tell(cast: Cast, login: str = "rep", key: str = "event:1", **more: Any) -> None:
    with cast.act("system") as session:
        notify(
            session,
            recipient_ids=cast.people[login],
            event_key=key,
            kind="x",
            now=NOW,
            href="/lead/1",
            title="请补充\n日报 | Please complete",
            body="缺少价格 | The price is missing",
            **more,
        )


def outbox(cast: Cast) -> list[Any]:
    return cast.rows(models.Outbox)


def send(config: Config, at: Any = NOW) -> int:
    return deliver.send_due(config, now=lambda: at)


def test_without_smtp_the_local_page_catches_it_once(cast: Cast, settings: Config) -> None:
    tell(cast)
    tell(cast)
    assert send(settings) == 1
    assert send(settings, LATER) == 0
    (mail,) = Mailbox(settings.home / "mail").mails()
    assert (mail.to, mail.subject) == ("rep@test.example", "请补充 日报")
    assert "http://portal.test/lead/1" in mail.text and "缺少价格" in mail.text
    assert Mailbox(settings.home / "mail").mail(mail.name) == mail
    assert Mailbox(settings.home / "mail").mail("../secret_key") is None


def test_it_is_written_in_the_readers_language(cast: Cast, settings: Config) -> None:
    cast.set(models.User, cast.people["rep"], language="en")
    tell(cast)
    send(settings)
    assert Mailbox(settings.home / "mail").mails()[0].subject == "Please complete"


def test_bell_only_notices_send_no_mail_and_people_who_left_get_none(cast: Cast, settings: Config) -> None:
    tell(cast, mail=False)
    assert outbox(cast) == []
    tell(cast, "mate", "event:2")
    cast.set(models.User, cast.people["mate"], active=False)
    assert send(settings) == 0
    assert outbox(cast)[0].dropped_at == NOW


def test_a_worker_that_dies_after_sending_repeats_the_same_message_id(
    cast: Cast, settings: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(cast)
    seen: list[str] = []
    keep = Mailbox.keep

    def keep_and_die(self: Mailbox, message: Any, name: str) -> None:
        keep(self, message, name)
        seen.append(message["Message-ID"])
        if len(seen) == 1:
            raise SystemExit

    monkeypatch.setattr(Mailbox, "keep", keep_and_die)
    with pytest.raises(SystemExit):
        send(settings)
    assert send(settings, NOW + timedelta(seconds=1)) == 0, "its lease still runs"
    assert send(settings, LATER) == 1
    assert len(seen) == 2 and len(set(seen)) == 1
    assert len(Mailbox(settings.home / "mail").mails()) == 1


def test_smtp_out_of_order_only_delays(cast: Cast, settings: Config) -> None:
    tell(cast)
    config = replace(settings, smtp_url="smtp://127.0.0.1:9")
    assert send(config) == 0
    (row,) = outbox(cast)
    assert row.sent_at is None and row.dropped_at is None and row.due_at == NOW + timedelta(minutes=1) and row.error
    assert send(settings, NOW + timedelta(seconds=59)) == 0
    assert send(settings, NOW + timedelta(minutes=1)) == 1


def test_a_refused_recipient_is_not_tried_for_ever(cast: Cast, settings: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(cast)

    def refuse(*_: Any) -> None:
        raise smtplib.SMTPRecipientsRefused({})

    monkeypatch.setattr(Mailbox, "keep", refuse)
    send(settings)
    assert outbox(cast)[0].dropped_at == NOW


class _SmtpServer:
    """Speaks just enough SMTP for one mail."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.received: list[str] = []
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        line, _ = self.listener.accept()
        with self.listener, line, line.makefile("rw", newline="\r\n") as file:

            def say(text: str) -> None:
                file.write(text + "\r\n")
                file.flush()

            say("220 test")
            for heard in file:
                word = heard.strip().upper()
                if word == "DATA":
                    say("354 go")
                    said = []
                    for part in file:
                        if part.strip() == ".":
                            break
                        said.append(part.rstrip("\r\n"))
                    self.received.append("\n".join(said))
                say("250 ok")


def test_smtp_gets_the_mail(cast: Cast, settings: Config) -> None:
    server = _SmtpServer()
    tell(cast)
    assert send(replace(settings, smtp_url=f"smtp://127.0.0.1:{server.port}")) == 1
    found = message_from_string(server.received[0])
    assert found["Message-ID"] == deliver.message_id(cast.people["rep"], "event:1", "mail", "portal@test.example")
    assert found["Message-ID"].endswith("@test.example>")
    assert found["To"] == "rep@test.example"


def test_the_inbox_is_read_by_its_owner_only(cast: Cast) -> None:
    tell(cast)
    with cast.act("mate") as session:
        assert unread_count(session, cast.people["mate"]) == 0
        assert mark_read(session, cast.people["mate"], ids=[1], now=NOW) == 0
    with cast.act("rep") as session:
        assert unread_count(session, cast.people["rep"]) == 1
        assert mark_read(session, cast.people["rep"], now=NOW) == 1
        assert mark_read(session, cast.people["rep"], now=NOW) == 0


def test_a_sent_mail_leaves_no_password_link_in_the_database(cast: Cast, settings: Config) -> None:
    with cast.act("system") as session:
        found = account.find(session, "rep")
        sign_in.send_link(found, now=NOW)
    [waiting] = outbox(cast)
    token = waiting.body["href"].rpartition("/")[2]
    assert cast.row(models.User, cast.people["rep"]).reset_hash == account.digest(token)
    assert send(settings) == 1
    [mail] = Mailbox(settings.home / "mail").mails()
    assert token in mail.text
    everything = [str(row) for row in (*outbox(cast), *cast.rows(models.AuditEvent), cast.row(models.User, cast.people["rep"]))]
    assert not [line for line in everything if token in line]


def test_nor_does_one_that_nobody_may_get(cast: Cast, settings: Config) -> None:
    tell(cast)
    cast.set(models.User, cast.people["rep"], active=False)
    assert send(settings) == 0
    [row] = outbox(cast)
    assert row.dropped_at == NOW and row.body == {}
