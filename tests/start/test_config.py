"""Settings come from the environment once; an unsafe one does not start."""

import stat
from pathlib import Path
from string import ascii_letters

import pytest

from config import Config, UnsafeSetting

PRODUCTION = {
    "PORTAL_ENV": "production",
    "SECRET_KEY": ascii_letters,
    "JWT_SECRET_KEY": ascii_letters[::-1],
    "DATABASE_URL": "postgresql://db/portal",
    "REDIS_URL": "redis://broker",
    "SMTP_URL": "smtp://mail",
    "PORTAL_URL": "https://portal.example.com/",
}


def test_development_needs_nothing_and_keeps_its_secret_private(tmp_path: Path) -> None:
    environ = {"PORTAL_HOME": str(tmp_path / "home")}
    first, second = Config.from_env(environ), Config.from_env(environ)
    assert first == second
    assert first.port == 8080
    assert first.demo
    assert len(first.secret_key) >= 32
    assert first.secret_key != first.jwt_secret_key
    assert stat.S_IMODE((first.home / "secret_key").stat().st_mode) == 0o600


def test_production_starts_with_all_it_needs_and_without_a_demo() -> None:
    config = Config.from_env(PRODUCTION)
    assert not config.demo
    assert config.base_url == "https://portal.example.com"


@pytest.mark.parametrize("name", [name for name in PRODUCTION if name != "PORTAL_ENV"])
def test_production_refuses_to_start_without(name: str) -> None:
    with pytest.raises(UnsafeSetting, match=name):
        Config.from_env({key: value for key, value in PRODUCTION.items() if key != name})


@pytest.mark.parametrize(
    "wrong",
    [
        {"SECRET_KEY": "short"},
        {"SECRET_KEY": "a" * 64},
        {"JWT_SECRET_KEY": ascii_letters},
        {"PORTAL_DEMO": "1"},
        {"PORTAL_TIME_ZONE": "Mars/Olympus"},
        {"PORTAL_LANGUAGE": "tlh"},
        {"PORTAL_ENV": "produktion"},
        {"PORT": "http"},
        {"PORT": "70000"},
        {"PORTAL_URL": "portal.example.com"},
        {"PORTAL_URL": "https://"},
        {"SMTP_URL": "mail.example.com"},
        {"SMTP_URL": "smtp://"},
        {"PORTAL_URL": "https://somebody:secret@portal.example.com"},
    ],
)
def test_a_wrong_setting_is_named(wrong: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(UnsafeSetting, match=next(iter(wrong))):
        Config.from_env(PRODUCTION | {"PORTAL_HOME": str(tmp_path)} | wrong)
