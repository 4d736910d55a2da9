"""Where mail goes in development: one file a mail, named by its Message-ID, so that sending it twice keeps one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from tempfile import NamedTemporaryFile


@dataclass(frozen=True, slots=True)
class CaughtMail:
    """A mail as the local page shows it; `name` opens it."""

    name: str
    to: str
    subject: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A folder of caught mail."""

    folder: Path

    def keep(self, message: EmailMessage, name: str) -> None:
        """Write it whole or not at all; the same name replaces the same mail."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with NamedTemporaryFile(dir=self.folder, delete=False) as draft:
            draft.write(message.as_bytes())
        Path(draft.name).replace(self.folder / f"{name}.eml")

    def mails(self, *, limit: int = 100) -> list[CaughtMail]:
        """The newest first."""
        if not self.folder.is_dir():
            return []
        files = sorted(self.folder.glob("*.eml"), key=lambda file: file.stat().st_mtime, reverse=True)
        return [self._read(file) for file in files[:limit]]

    def mail(self, name: str) -> CaughtMail | None:
        """One mail by name; None where there is none (a name is never a path)."""
        file = self.folder / f"{name}.eml"
        return self._read(file) if name.isalnum() and file.is_file() else None

    def _read(self, file: Path) -> CaughtMail:
        message = message_from_bytes(file.read_bytes(), policy=default)
        body = message.get_body(("plain",))
        text = "" if body is None else str(body.get_content())
        at = datetime.fromtimestamp(file.stat().st_mtime, UTC)
        return CaughtMail(file.stem, str(message["To"]), str(message["Subject"]), text, at)
