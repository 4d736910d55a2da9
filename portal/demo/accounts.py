"""Who works in the demo company, and the password they share. Data for trying out, never for production."""

from __future__ import annotations

from typing import TypedDict

from portal.security.passwords import DEMO_PASSWORD

SALES = "销售部"
TEAMS = ("华东一组", "华南二组", "华北三组")
_REPS_IN_TEAM = 4


class Account(TypedDict):
    """One demo account: login by role and number, role, team (empty where the duty has none)."""

    login: str
    role: str
    team: str


def _accounts() -> list[Account]:
    single = [("admin", ""), ("director", SALES)]
    duties = [(role, "") for role in ("legal", "finance", "cashier", "warehouse", "service")]
    found: list[Account] = [{"login": f"{role}01", "role": role, "team": team} for role, team in (*single, *duties)]
    for number, team in enumerate(TEAMS, 1):
        found.append({"login": f"leader{number:02}", "role": "leader", "team": team})
    reps: list[Account] = [
        {"login": f"rep{number + 1:02}", "role": "rep", "team": TEAMS[number // _REPS_IN_TEAM]}
        for number in range(len(TEAMS) * _REPS_IN_TEAM)
    ]
    return [*found, *reps]


ACCOUNTS: list[Account] = _accounts()


def demo_password(login: str) -> str:
    """The password of a demo login. Raises KeyError for a login that the demo company does not have."""
    if login not in {account["login"] for account in ACCOUNTS}:
        raise KeyError(login)
    return DEMO_PASSWORD
