"""Flask-AppBuilder's security manager on our principals: registry, roles and log-in stay FAB's, decisions are ours."""

from __future__ import annotations

from typing import Any

from flask import Request, g
from flask_appbuilder.security.sqla.manager import SecurityManager
from flask_login import LoginManager, UserMixin

from portal.entities.organisation import PortalUser
from portal.security.principal import NOBODY


class SignedIn(UserMixin):  # type: ignore[misc]
    """What Flask-Login and Flask-AppBuilder see of the person: an id and that he is signed in."""

    def __init__(self, user_id: int, name: str) -> None:
        self.id = user_id
        self.name = name


class PortalSecurityManager(SecurityManager):  # type: ignore[misc]
    user_model = PortalUser

    def has_access(self, permission_name: str, view_name: str) -> bool:
        """One look into the request's principal, no query."""
        if view_name == "OpenApi":
            return getattr(g, "signed_in", None) is not None
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

    def create_login_manager(self, app: Any) -> LoginManager:
        """`current_user` is whom our own session names, not Flask-Login's cookie."""
        manager = super().create_login_manager(app)
        manager.session_protection = None
        manager.request_loader(_of_request)
        return manager

    def load_user(self, pk: int) -> Any:
        """The signed-in face the request hook has put in place; no statement of its own."""
        return getattr(g, "signed_in", None)

    def load_user_jwt(self, _header: Any, claims: dict[str, Any]) -> Any:
        """A token's signature names a person; whether its session still lives is the request hook's question."""
        return SignedIn(int(claims["sub"]), "")


def _of_request(_request: Request) -> Any:
    return getattr(g, "signed_in", None)
