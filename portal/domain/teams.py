"""Teams: made, changed, removed. Who sees what hangs on their tree."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from portal.domain import handover
from portal.engine import store
from portal.engine.operations import operation
from portal.entities.organisation import Team
from portal.security.principal import Principal
from portal.security.resolve import touch_access


@operation("team", "create")
def create_team(values: dict[str, Any], *, acting_user: Principal, now: datetime) -> Team:
    session = store.session()
    team = Team(**values)
    session.add(team)
    session.flush()
    touch_access(session)
    return team


@operation("team", "change")
def change_team(team: Team, values: dict[str, Any], *, acting_user: Principal, now: datetime) -> Team:
    """Who sees what hangs on the tree, so every change of it counts at once. A tree has no loops."""
    session = store.session()
    handover.refuse_team_loop(session, team.id, values.get("parent_id"))
    for key, value in values.items():
        setattr(team, key, value)
    session.flush()
    touch_access(session)
    return team


@operation("team", "remove")
def remove_team(team: Team, *, acting_user: Principal, now: datetime) -> Team:
    """Only an empty team goes."""
    session = store.session()
    handover.refuse_peopled(session, team.id)
    team.deleted_at = now
    session.info["verb_name"] = "delete"
    session.flush()
    touch_access(session)
    return team
