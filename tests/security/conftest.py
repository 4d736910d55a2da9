"""The portal over HTTP, on the cast's database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.engine.clock import clock
from portal.security import passwords
from tests import services
from tests.cast import Cast
from tests.security.web import CHEAP_HASH, Program, Site, let_go, make_site


@pytest.fixture
def site(cast: Cast, cast_database: str, valkey: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Everybody of the cast may sign in; the portal's clock stands at `NOW` until a test moves it."""
    monkeypatch.setattr(passwords, "_nobodys", lambda: CHEAP_HASH)
    yield make_site(cast, services.config_for(tmp_path, cast_database, valkey))
    clock.release()
    let_go()


@pytest.fixture
def program(site: Site) -> Program:
    return Program(site)
