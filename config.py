"""Every setting, read from the environment once. Business figures are policies, in the database.

Read only by `create_app`, the commands and the job runner; everything else is handed the `Config`.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_LAST_PORT = 65535
LEAST_SECRET = 32
"""Characters of a production secret, at least."""

_PRODUCTION_NEEDS = ("SECRET_KEY", "JWT_SECRET_KEY", "DATABASE_URL", "REDIS_URL", "SMTP_URL", "PORTAL_URL")


class UnsafeSetting(ValueError):
    """A setting the portal must not start with; the sentence says what to set."""


@dataclass(frozen=True, slots=True)
class Config:
    """One portal's settings. Empty `database_url` or `redis_url` mean the embedded service."""

    home: Path
    """State of this copy (`PORTAL_HOME`): development secrets, caught mail, and the services' data."""
    port: int = 8080
    database_url: str = ""
    redis_url: str = ""
    secret_key: str = ""
    jwt_secret_key: str = ""
    smtp_url: str = ""
    """Empty in development: mail is caught and shown on a page of the portal."""
    mail_from: str = "portal@localhost"
    env: str = "development"
    time_zone: str = "Asia/Shanghai"
    language: str = "zh"
    demo: bool = True
    """Load the demo company into an empty database; never in production."""
    base_url: str = ""
    """What links in mails begin with (`PORTAL_URL`)."""
    proxies: int = 0
    """How many reverse proxies stand before the portal and name the visitor's address (`PORTAL_PROXIES`)."""
    metrics_token: str = ""
    """What `/metrics` asks for in `X-Metrics-Token` (`METRICS_TOKEN`); empty: only this machine is answered."""

    @property
    def is_production(self) -> bool:
        return self.env == "production"

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Config:
        """Read the environment. Raises `UnsafeSetting` for what must not start."""
        home = Path(environ.get("PORTAL_HOME") or ".portal").expanduser().resolve()
        env = _one_of(environ, "PORTAL_ENV", ("development", "production"))
        if env == "production":
            _require_production(environ)
        port = _port(environ.get("PORT") or "8080")
        return cls(
            home=home,
            port=port,
            database_url=environ.get("DATABASE_URL", ""),
            redis_url=environ.get("REDIS_URL", ""),
            secret_key=environ.get("SECRET_KEY") or _kept_secret(home, "secret_key"),
            jwt_secret_key=environ.get("JWT_SECRET_KEY") or _kept_secret(home, "jwt_secret_key"),
            smtp_url=_smtp(environ.get("SMTP_URL", "")),
            mail_from=environ.get("MAIL_FROM") or "portal@localhost",
            env=env,
            time_zone=_zone(environ.get("PORTAL_TIME_ZONE") or "Asia/Shanghai"),
            language=_one_of(environ, "PORTAL_LANGUAGE", ("zh", "en")),
            demo=env != "production" and environ.get("PORTAL_DEMO", "1") != "0",
            base_url=_address(environ.get("PORTAL_URL") or f"http://127.0.0.1:{port}"),
            proxies=_proxies(environ.get("PORTAL_PROXIES") or "0"),
            metrics_token=environ.get("METRICS_TOKEN", ""),
        )


def _require_production(environ: Mapping[str, str]) -> None:
    for name in _PRODUCTION_NEEDS:
        if not environ.get(name):
            raise UnsafeSetting(f"PORTAL_ENV=production needs {name}; set it in the environment.")
    for name in ("SECRET_KEY", "JWT_SECRET_KEY"):
        value = environ[name]
        if len(value) < LEAST_SECRET or len(set(value)) < LEAST_SECRET // 4:
            raise UnsafeSetting(f"{name} is weak: give it at least {LEAST_SECRET} random characters.")
    if environ["SECRET_KEY"] == environ["JWT_SECRET_KEY"]:
        raise UnsafeSetting("JWT_SECRET_KEY must differ from SECRET_KEY.")
    if environ.get("PORTAL_DEMO") == "1":
        raise UnsafeSetting("PORTAL_DEMO=1 cannot be had with PORTAL_ENV=production: everybody knows the demo passwords.")


def _kept_secret(home: Path, name: str) -> str:
    """Development's own secret, made once and kept private under the home, whoever of several processes comes first."""
    file = home / name
    if not file.exists():
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, draft = tempfile.mkstemp(dir=home, prefix=f".{name}-")
        with os.fdopen(descriptor, "w") as out:
            out.write(secrets.token_urlsafe(48))
        try:
            Path(file).hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            Path(draft).unlink()
    return file.read_text().strip()


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= _LAST_PORT:
        raise UnsafeSetting(f"PORT={text!r} is no port; write a number from 1 to 65535.")
    return int(text)


def _address(text: str) -> str:
    """Links in mails begin with it, so it must be what people can open."""
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise UnsafeSetting(f"PORTAL_URL={text!r} is no address; write the one people open, such as https://portal.example.com.")
    return text.rstrip("/")


def _smtp(text: str) -> str:
    parts = urlsplit(text)
    if text and (parts.scheme not in ("smtp", "smtps", "smtp+starttls") or not parts.hostname):
        raise UnsafeSetting("SMTP_URL is no mail server; write one such as smtp+starttls://user:password@mail.example.com:587.")
    return text


def _proxies(text: str) -> int:
    if not (text.isdecimal() and len(text) == 1):
        raise UnsafeSetting(f"PORTAL_PROXIES={text!r}: how many reverse proxies stand before the portal, 0 to 9.")
    return int(text)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise UnsafeSetting(f"PORTAL_TIME_ZONE={name!r} is no time zone; write one such as Asia/Shanghai.") from error
    return name


def _one_of(environ: Mapping[str, str], name: str, known: tuple[str, ...]) -> str:
    value = environ.get(name) or known[0]
    if value not in known:
        raise UnsafeSetting(f"{name}={value!r} is not known; write one of: {', '.join(known)}.")
    return value
