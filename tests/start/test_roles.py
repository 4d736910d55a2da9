"""What the shipped roles grant must be there to be granted."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from portal import cli
from portal.commands import database, upgrade
from portal.engine.errors import WrongDeclaration
from portal.security.roles import Reach, Role
from tests.cast import Cast


@pytest.mark.parametrize(
    ("role", "said"),
    [
        (Role("仓管 | Keeper", ("lead:read", "lead:clam")), "'keeper' grants lead:clam, which no entity, screen or @verb declares"),
        (Role("仓管 | Keeper", ("lead:read",), {"leed": Reach("own", "own")}), "'keeper' has a reach on leed, which is no entity"),
    ],
)
def test_a_wrong_role_stops_the_start_with_a_sentence(cast: Cast, monkeypatch: pytest.MonkeyPatch, role: Role, said: str) -> None:
    monkeypatch.setattr(upgrade, "ROLES", {"keeper": role})
    with pytest.raises(WrongDeclaration, match=said), cast.act("system") as session:
        upgrade.sync_roles(session)


def test_the_shipped_roles_are_right(cast: Cast) -> None:
    with cast.act("system") as session:
        upgrade.sync_roles(session)


def test_the_command_says_the_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*_: object, **__: object) -> None:
        raise WrongDeclaration("role 'keeper' grants lead:clam")

    monkeypatch.setattr(database.upgrade, "callback", wrong)
    result = CliRunner().invoke(cli.portal, ["upgrade"])
    assert (result.exit_code, result.output) == (1, "Error: role 'keeper' grants lead:clam\n")
