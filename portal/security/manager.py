"""Flask-AppBuilder's security manager on our principals: registry, roles and log-in stay FAB's, decisions are ours."""

from __future__ import annotations

from typing import Any

from flask import g
from flask_appbuilder.security.sqla.manager import SecurityManager

from portal.entities.organisation import PortalUser
from portal.security.principal import NOBODY


class PortalSecurityManager(SecurityManager):  # type: ignore[misc]
    user_model = PortalUser

    def has_access(self, permission_name: str, view_name: str) -> bool:
        """One look into the request's principal, no query."""
        principal = getattr(g, "principal", NOBODY)
        return bool(principal.may(f"{view_name}:{permission_name.removeprefix('can_')}"))

    def is_item_public(self, permission_name: str, view_name: str) -> bool:
        """Nothing is public but what a view leaves unprotected on purpose."""
        return False

    def get_user_menu_access(self, menu_names: list[str] | None = None) -> set[str]:
        """FAB's menu is not used; the shell's navigation comes from the principal."""
        return set()

    def create_db(self) -> None:
        """Migrations own every table, `portal upgrade` the roles."""

    def load_user(self, pk: int) -> Any:
        """The signed-in face the request hook has put in place; no statement of its own."""
        return getattr(g, "signed_in", None)
