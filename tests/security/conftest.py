"""The portal over HTTP, on the cast's database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.engine.clock import clock
from tests import services
from tests.cast import Cast
from tests.security.web import Site, make_site


@pytest.fixture
def site(cast: Cast, cast_database: str, valkey: str, tmp_path: Path) -> Iterator[Site]:
    """Everybody of the cast may sign in; the portal's clock stands at `NOW` until a test moves it."""
    yield make_site(cast, services.config_for(tmp_path, cast_database, valkey))
    clock.release()
